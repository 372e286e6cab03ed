"""G.711 (PCMU and PCMA) to and from mono s16le, by tables built from the definition in ITU-T G.711."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

_BIAS = 132
"""mu-law on a 16-bit scale: 33 of 14 bits, times 4."""
_MU_CLIP = 32_635


@functools.cache
def _mu_decoder() -> NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 7)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


@functools.cache
def _mu_encoder() -> NDArray[np.uint8]:
    sample = np.arange(65_536, dtype=np.int32).astype(np.uint16).view(np.int16).astype(np.int32)
    biased = np.minimum(np.abs(sample), _MU_CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = biased >> (exponent + 3) & 0x0F
    code: NDArray[np.int32] = ~(np.where(sample < 0, 0x80, 0) | exponent << 4 | mantissa) & 0xFF
    return code.astype(np.uint8)


@functools.cache
def _a_decoder() -> NDArray[np.int16]:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = code >> 4 & 7
    mantissa = (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, mantissa + 0x108 << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


@functools.cache
def _a_encoder() -> NDArray[np.uint8]:
    sample = np.arange(65_536, dtype=np.int32).astype(np.uint16).view(np.int16).astype(np.int32)
    # Negative samples are mirrored by one's complement: -1 is the smallest negative value, not -0.
    magnitude = np.where(sample < 0, ~sample, sample)
    exponent = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 7, 0)
    mantissa = magnitude >> np.where(exponent == 0, 4, exponent + 3) & 0x0F
    code: NDArray[np.int32] = (np.where(sample < 0, 0, 0x80) | exponent << 4 | mantissa) ^ 0x55
    return code.astype(np.uint8)


def _decode(data: bytes, table: NDArray[np.int16]) -> bytes:
    return table[np.frombuffer(data, dtype=np.uint8)].astype("<i2").tobytes()


def _encode(pcm: bytes, table: NDArray[np.uint8]) -> bytes:
    codes: NDArray[np.uint8] = table[np.frombuffer(pcm, dtype="<u2")]
    return codes.tobytes()


def decode_pcmu(data: bytes) -> bytes:
    """mu-law octets to s16le."""
    return _decode(data, _mu_decoder())


def encode_pcmu(pcm: bytes) -> bytes:
    """s16le to mu-law octets. Raises ValueError for an odd number of bytes."""
    return _encode(pcm, _mu_encoder())


def decode_pcma(data: bytes) -> bytes:
    """A-law octets to s16le."""
    return _decode(data, _a_decoder())


def encode_pcma(pcm: bytes) -> bytes:
    """s16le to A-law octets. Raises ValueError for an odd number of bytes."""
    return _encode(pcm, _a_encoder())
