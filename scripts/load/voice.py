"""What load callers say: synthetic speech over the noise of a quiet room, as Opus packets that are made only once."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from scripts.speech import synthesize
from voice_agent.audio.opus import FRAME_MS, Encoder

RATE_HZ = 48_000
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
_BITRATE, _COMPLEXITY = 32_000, 5
_ROOM_NOISE = 20.0
"""Amplitude of what a quiet room sounds like to a microphone, of 32768."""
_VOICED = 500
"""Samples above this belong to the words: 25 times the room, and still far below any vowel."""
_ROOM_S = 10


@dataclass(frozen=True, slots=True)
class Utterance:
    """`packets` of 20 ms from the first to the last voiced sample; the last ends with `tail_ms` of room."""

    text: str
    packets: tuple[bytes, ...]
    tail_ms: float

    @property
    def duration_s(self) -> float:
        """Of the voice."""
        return (len(self.packets) * FRAME_MS - self.tail_ms) / 1000


@functools.cache
def spoken(text: str, voice: str = "en-us", words_per_minute: int = 165) -> Utterance:
    """`text` in one of eSpeak's voices. Raises ValueError for an unknown voice or a text without sound."""
    samples = np.frombuffer(synthesize(text, RATE_HZ, voice=voice, words_per_minute=words_per_minute), np.int16)
    (voiced,) = np.nonzero(np.abs(samples) > _VOICED)
    if not len(voiced):
        raise ValueError("nothing to be heard")
    words = samples[voiced[0] : voiced[-1] + 1].astype(np.float64)
    tail = -len(words) % FRAME_SAMPLES
    return Utterance(text, _encoded(np.concatenate([words, np.zeros(tail)])), tail * 1000 / RATE_HZ)


@functools.cache
def room() -> tuple[bytes, ...]:
    """A quiet room to be repeated: browsers send that too while nobody speaks."""
    return _encoded(np.zeros(_ROOM_S * RATE_HZ))


def pcm_packets(pcm: bytes) -> tuple[bytes, ...]:
    """Mono s16le at 48 kHz as it is, a rest filled up with silence."""
    size = FRAME_SAMPLES * 2
    padded = pcm + bytes(-len(pcm) % size)
    return _packets(padded[at : at + size] for at in range(0, len(padded), size))


def _encoded(samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[bytes, ...]:
    noisy = samples + np.random.default_rng(1).normal(0, _ROOM_NOISE, len(samples))
    return pcm_packets(np.clip(noisy, -32768, 32767).astype("<i2").tobytes())


def _packets(frames: Iterable[bytes]) -> tuple[bytes, ...]:
    # As browsers encode a microphone: speech mode, one continuous stream per utterance.
    encoder = Encoder(RATE_HZ, bitrate=_BITRATE, complexity=_COMPLEXITY, mode="voip")
    try:
        return tuple(encoder.encode(frame) for frame in frames)
    finally:
        encoder.close()
