"""Voices of the corpus: eSpeak NG in several characters, and CMU Flite where its library is installed.

Every word's true time is known, which is why words are synthesized here and not recorded.
"""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from scripts.speech import speak_timed

RATE_HZ = 16_000
SPEECH_DBFS = -23.0
"""RMS of every utterance, pauses left out: an ordinary microphone with gain control."""

Samples = NDArray[np.float64]
_AUDIBLE = 0.02
"""Share of the peak below which the ends of an utterance are silence."""


@dataclass(frozen=True, slots=True)
class Voice:
    """`pitch` (0-100) and `words_per_minute` are eSpeak's; Flite has its own pitch, and its speed from the rate."""

    name: str
    words_per_minute: int = 165
    pitch: int = 50
    flite: bool = False


@dataclass(frozen=True, slots=True)
class Utterance:
    """16 kHz samples in -1..1 without silence at their ends, and when each word starts and ends (ms)."""

    samples: Samples
    words: tuple[tuple[str, int, int], ...]

    @property
    def length_ms(self) -> int:
        return len(self.samples) * 1000 // RATE_HZ


ESPEAK_VOICES = (
    Voice("en-us", 165),
    Voice("en-us+f4", 150, 60),
    Voice("en-gb-x-rp", 185),
    Voice("en-us+klatt2", 140, 40),
    Voice("en-029", 205, 55),
    Voice("en-gb-scotland+f4", 170, 65),
    Voice("en-us", 225, 35),
    Voice("en-gb-x-rp+f4", 125, 60),
)
_FLITE_VOICES = (Voice("slt", 165, flite=True), Voice("rms", 180, flite=True), Voice("awb", 150, flite=True))


@functools.cache
def voices() -> tuple[Voice, ...]:
    """All voices that this machine has."""
    try:
        _flite()
    except OSError:
        return ESPEAK_VOICES
    # Not at the end: the corpus takes them in turn, and a short run should hear both kinds.
    return (*ESPEAK_VOICES[:2], *_FLITE_VOICES, *ESPEAK_VOICES[2:])


@functools.cache
def say(text: str, voice: Voice) -> Utterance:
    """Speaks words without punctuation in one breath."""
    words = text.split()
    samples, starts = _with_flite(text, voice) if voice.flite else _with_espeak(text, voice)
    loud = np.flatnonzero(np.abs(samples) > _AUDIBLE * np.max(np.abs(samples)))
    first, last = int(loud[0]), int(loud[-1]) + 1
    samples = samples[first:last]
    samples = samples * (10 ** (SPEECH_DBFS / 20) / np.sqrt(np.mean(np.square(samples))))
    length_ms = len(samples) * 1000 / RATE_HZ
    if len(starts) == len(words):
        begins = [max(0.0, start - first * 1000 / RATE_HZ) for start in starts]
    else:
        # The voice tells words apart otherwise than we do: share the time out by letters.
        letters = np.cumsum([0, *(len(word) + 1 for word in words)])
        begins = [length_ms * float(at) / float(letters[-1]) for at in letters[:-1]]
    ends = [*begins[1:], length_ms]
    return Utterance(
        np.clip(samples, -1, 1),
        tuple((word, round(start), round(end)) for word, start, end in zip(words, begins, ends, strict=True)),
    )


def _with_espeak(text: str, voice: Voice) -> tuple[Samples, list[float]]:
    speech = speak_timed(text, voice=voice.name, words_per_minute=voice.words_per_minute, pitch=voice.pitch)
    at_word = {0} | {index + 1 for index, character in enumerate(text) if character == " "}
    starts = [float(ms) for character, ms in speech.word_starts if character in at_word]
    native = np.frombuffer(speech.pcm, np.int16).astype(np.float64) / 32768
    return soxr.resample(native, speech.rate_hz, RATE_HZ), starts


class _Wave(ctypes.Structure):
    """cst_wave of cst_wave.h."""

    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


@functools.cache
def _flite() -> ctypes.CDLL:
    """Raises OSError where libflite is not installed."""
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
    library.flite_init()
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "flite_synth_text": (pointer, [text, pointer]),
        "utt_relation": (pointer, [pointer, text]),
        "utt_wave": (ctypes.POINTER(_Wave), [pointer]),
        "relation_head": (pointer, [pointer]),
        "item_next": (pointer, [pointer]),
        "ffeature_float": (ctypes.c_float, [pointer, text]),
        "feat_set_float": (None, [pointer, text, ctypes.c_float]),
        "delete_utterance": (None, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@functools.cache
def _flite_voice(name: str) -> tuple[int, int]:
    """(the voice, its features)."""
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
    register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    voice = int(register(None))
    features = ctypes.cast(voice, ctypes.POINTER(ctypes.c_void_p))[1]
    return voice, int(features or 0)


def _with_flite(text: str, voice: Voice) -> tuple[Samples, list[float]]:
    flite = _flite()
    pointer, features = _flite_voice(voice.name)
    flite.feat_set_float(features, b"duration_stretch", 165 / voice.words_per_minute)
    utterance = flite.flite_synth_text(text.encode(), pointer)
    try:
        starts = []
        word = flite.relation_head(flite.utt_relation(utterance, b"Word"))
        while word:
            starts.append(1000 * flite.ffeature_float(word, b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"))
            word = flite.item_next(word)
        wave = flite.utt_wave(utterance).contents
        native = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float64) / 32768
        return soxr.resample(native, wave.sample_rate, RATE_HZ), starts
    finally:
        flite.delete_utterance(utterance)
