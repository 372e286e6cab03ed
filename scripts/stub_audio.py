"""Sound for the stub provider: something speech-like of a chosen length, as PCM or as a real Ogg-Opus stream."""

from __future__ import annotations

import functools
import io
import zlib

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 24_000
_SYLLABLE_S = 0.2
_AUDIBLE = 500
"""Samples of s16le above this are somebody speaking."""
_FORMANTS = ((730, 1090), (270, 2290), (300, 870), (530, 1840), (570, 840))


@functools.lru_cache(maxsize=512)
def speech_like(text: str, ms_per_word: int, speed: float) -> bytes:
    """Mono s16le at 24 kHz: a voiced tone (120 Hz and its harmonics, shaped by vowel formants) with a syllable
    rhythm. Its length is words * ms_per_word / speed. The same text always sounds the same."""
    words = max(1, len(text.split()))
    count = int(words * ms_per_word / 1000 / speed * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    seed = zlib.crc32(text.encode())
    syllable = (time_s / _SYLLABLE_S).astype(int)
    signal = np.zeros(count)
    for index, (first, second) in enumerate(_FORMANTS):
        mask = (syllable + seed) % len(_FORMANTS) == index
        for harmonic in range(1, 25):
            frequency = 120 * harmonic
            weight = np.exp(-(((frequency - first) / 200) ** 2)) + 0.6 * np.exp(-(((frequency - second) / 250) ** 2))
            if weight > 0.02:
                signal[mask] += weight * np.sin(2 * np.pi * frequency * time_s[mask])
    envelope = 0.15 + 0.85 * np.abs(np.sin(np.pi * time_s / _SYLLABLE_S))
    signal *= envelope
    signal *= 0.5 / max(float(np.max(np.abs(signal), initial=0.0)), 1e-9)
    return (signal * 32767).astype("<i2").tobytes()


_SAMPLE_TEXT = "A sample of which longer speech is made by repetition"


def looped(text: str, ms_per_word: int, speed: float) -> bytes:
    """As `speech_like` in form and length, but one sample repeated: a load test may not wait for a synthesizer."""
    sample = speech_like(_SAMPLE_TEXT, ms_per_word, 1.0)
    size = int(max(1, len(text.split())) * ms_per_word / 1000 / speed * RATE_HZ) * 2
    return (sample * (size // len(sample) + 1))[:size]


def ogg_opus(pcm: bytes) -> bytes:
    """An Ogg-Opus stream of mono s16le at 24 kHz, made by libsndfile in memory."""
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", RATE_HZ, 1, format="OGG", subtype="OPUS") as file:
        file.write(np.frombuffer(pcm, dtype="<i2"))
    return buffer.getvalue()


def onset(samples: NDArray[np.int16]) -> int | None:
    """Where sound begins; None if there is none."""
    loud = np.abs(samples.astype(np.int32)) > _AUDIBLE
    return int(loud.argmax()) if loud.any() else None


def decoded(data: bytes) -> tuple[float, float]:
    """Of an uploaded audio file: its length in s, and how much of that is behind its first sound, in ms. 0 if it is
    none."""
    try:
        samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="int16")
    except soundfile.LibsndfileError:
        return 0.0, 0.0
    begins = onset(samples)
    return len(samples) / rate_hz, 0.0 if begins is None else (len(samples) - begins) / rate_hz * 1000
