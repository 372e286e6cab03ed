"""Synthetic speech for tests and benchmarks: eSpeak NG by ctypes, in memory, cached for the life of the process.

The voice is robotic but is speech to every detector and recogniser we use. One utterance takes a few milliseconds. The
library keeps global state: calls are serialised, and each gets the library fresh, because the wobble of the voice goes
on from where the last utterance stopped and a recogniser then hears the same words otherwise, depending on what ran
before.
"""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import functools
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import espeakng_loader
import numpy as np
import soxr

from voice_agent.engines.local.workers.espeak import SYNTH_ARGUMENTS

_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_WORDS_PER_MINUTE = 1
_PARAMETER_PITCH = 3
_EVENT_LIST_END = 0
_EVENT_WORD = 1


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))

_lock = threading.Lock()
_collected: list[bytes] = []
_starts: list[tuple[int, int]] = []


@dataclass(frozen=True, slots=True)
class TimedSpeech:
    """Mono s16le at the library's own rate; for each word it tells apart: (character in the text, start in ms)."""

    pcm: bytes
    rate_hz: int
    word_starts: tuple[tuple[int, int], ...]


def _collect(samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
    if samples and count > 0:
        _collected.append(ctypes.string_at(samples, count * 2))
    index = 0
    while events and events[index].type != _EVENT_LIST_END:
        if events[index].type == _EVENT_WORD:
            _starts.append((events[index].text_position - 1, events[index].audio_position))
        index += 1
    return 0


# Kept in a name of the module: the library holds only a bare pointer to it.
_collect_callback = _Callback(_collect)


@contextlib.contextmanager
def _fresh_library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """The library as a new process would find it (half a millisecond), and its rate in Hz."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 60, espeakng_loader.get_data_path().encode(), 0)
        if rate_hz <= 0:
            raise RuntimeError(f"espeak_Initialize returned {rate_hz}")
        library.espeak_SetSynthCallback(_collect_callback)
        library.espeak_Synth.argtypes = SYNTH_ARGUMENTS
        yield library, rate_hz
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)  # the last reference: the next load begins with fresh statics


@functools.cache
def speak_timed(text: str, *, voice: str = "en-us", words_per_minute: int = 165, pitch: int = 50) -> TimedSpeech:
    """Speaks `text`. `pitch`: 0-100, 50 is the voice's own. Raises ValueError for an unknown voice."""
    with _lock, _fresh_library() as (library, rate_hz):
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"no such voice: {voice}")
        library.espeak_SetParameter(_PARAMETER_WORDS_PER_MINUTE, words_per_minute, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        _collected.clear()
        _starts.clear()
        raw = text.encode()
        result = library.espeak_Synth(raw, len(raw) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        if result != 0:
            raise RuntimeError(f"espeak_Synth returned {result}")
        return TimedSpeech(b"".join(_collected), rate_hz, tuple(_starts))


@functools.cache
def synthesize(text: str, rate_hz: int = 16_000, *, voice: str = "en-us", words_per_minute: int = 165) -> bytes:
    """Speaks `text`; returns mono s16le at `rate_hz`. Raises ValueError for an unknown voice."""
    speech = speak_timed(text, voice=voice, words_per_minute=words_per_minute)
    if speech.rate_hz == rate_hz:
        return speech.pcm
    samples = np.frombuffer(speech.pcm, dtype=np.int16)
    return bytes(soxr.resample(samples, speech.rate_hz, rate_hz).astype("<i2").tobytes())


def silence(duration_ms: int, rate_hz: int = 16_000) -> bytes:
    """Digital silence, mono s16le."""
    return bytes(duration_ms * rate_hz // 1000 * 2)


def frames(pcm: bytes, rate_hz: int = 16_000, frame_ms: int = 20) -> list[bytes]:
    """Cuts mono s16le into whole frames; a rest shorter than a frame is padded with silence."""
    size = rate_hz * frame_ms // 1000 * 2
    padded = pcm + bytes(-len(pcm) % size)
    return [padded[at : at + size] for at in range(0, len(padded), size)]
