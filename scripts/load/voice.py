"""What load callers say: synthetic speech over the noise of a quiet room, as Opus packets that are made only once."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

from scripts.speech import synthesize
from voice_agent.audio.opus import FRAME_MS, Encoder

RATE_HZ = 48_000
"""Of the RTP clock."""
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
_WIDEBAND_HZ = 16_000
_SET_DTX = 4016
_HANGOVER_FRAMES = 10
"""libopus: NB_SPEECH_FRAMES_BEFORE_DTX, 200 ms."""
_DTX_BYTES = 2
"""What an encoder makes of silence that need not be sent."""
_BITRATE, _COMPLEXITY = 32_000, 5
_ROOM_NOISE = 20.0
"""Amplitude of what a quiet room sounds like to a microphone, of 32768."""
_VOICED = 500
"""Samples above this belong to the words: 25 times the room, and still far below any vowel."""
_ROOM_S = 10


@dataclass(frozen=True, slots=True)
class Coding:
    """What the other side asks of our Opus (RFC 7587 6.1), as browsers heed it."""

    wideband: bool = False
    """`maxplaybackrate=16000`: it hears nothing above 8 kHz."""
    discontinuous: bool = False
    """`usedtx=1`: silence is not sent, but for a packet every 400 ms."""

    @classmethod
    def asked_for(cls, answer: str) -> Coding:
        """In an SDP answer."""
        return cls("maxplaybackrate=16000" in answer, "usedtx=1" in answer)


_PLAIN = Coding()


@dataclass(frozen=True, slots=True)
class Utterance:
    """`packets` of 20 ms from the first to the last voiced sample; the last ends with `tail_ms` of room. An empty
    one is not sent."""

    text: str
    packets: tuple[bytes, ...]
    tail_ms: float

    @property
    def duration_s(self) -> float:
        """Of the voice."""
        return (len(self.packets) * FRAME_MS - self.tail_ms) / 1000


@functools.cache
def spoken(text: str, voice: str = "en-us", words_per_minute: int = 165, coding: Coding = _PLAIN) -> Utterance:
    """`text` in one of eSpeak's voices. Raises ValueError for an unknown voice or a text without sound."""
    rate_hz = _rate_hz(coding)
    samples = np.frombuffer(synthesize(text, rate_hz, voice=voice, words_per_minute=words_per_minute), np.int16)
    (voiced,) = np.nonzero(np.abs(samples) > _VOICED)
    if not len(voiced):
        raise ValueError("nothing to be heard")
    words = samples[voiced[0] : voiced[-1] + 1].astype(np.float64)
    tail = -len(words) % (rate_hz * FRAME_MS // 1000)
    return Utterance(text, _encoded(np.concatenate([words, np.zeros(tail)]), coding), tail * 1000 / rate_hz)


@functools.cache
def room(coding: Coding = _PLAIN) -> tuple[bytes, ...]:
    """A quiet room to be repeated: browsers send that too while nobody speaks, unless asked not to."""
    return _encoded(np.zeros(_ROOM_S * _rate_hz(coding)), coding)


def hangover(coding: Coding) -> tuple[bytes, ...]:
    """The room right behind speech: an encoder is sure of silence, and stops sending it, only after a while."""
    return room(replace(coding, discontinuous=False))[:_HANGOVER_FRAMES]


def _rate_hz(coding: Coding) -> int:
    return _WIDEBAND_HZ if coding.wideband else RATE_HZ


def _encoded(samples: np.ndarray[tuple[int], np.dtype[np.float64]], coding: Coding) -> tuple[bytes, ...]:
    noisy = samples + np.random.default_rng(1).normal(0, _ROOM_NOISE, len(samples))
    pcm = np.clip(noisy, -32768, 32767).astype("<i2").tobytes()
    size = _rate_hz(coding) * FRAME_MS // 1000 * 2
    frames = [pcm[at : at + size] for at in range(0, len(pcm), size)]
    # As browsers encode a microphone: speech mode, one continuous stream per utterance.
    encoder = Encoder(_rate_hz(coding), bitrate=_BITRATE, complexity=_COMPLEXITY, mode="voip")
    try:
        if not coding.discontinuous:
            return tuple(encoder.encode(frame) for frame in frames)
        # Only callers need it: the server itself sends nothing at all in silence.
        encoder._set(_SET_DTX, 1)
        return tuple(packet if len(packet) > _DTX_BYTES else b"" for packet in map(encoder.encode, frames))
    finally:
        encoder.close()
