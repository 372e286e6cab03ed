"""Inside a worker: eSpeak NG by ctypes, some hundred languages, 22050 Hz.

The library is GPL-3.0 and keeps global state. It is loaded only here, in a process of its own that speaks our pipe
protocol, and only if an operator installed the optional package.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import espeakng_loader

from voice_agent.engines.local.workers.host import Job, JobCancelledError

_SYNCHRONOUS = 2
_CHUNK_MS = 60
_CHARS_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETER_RATE, _PARAMETER_VOLUME = 1, 2
_VOLUME = 95
"""Percent; the loudest peaks are then at about -3 dBFS (measured on sentences in five languages)."""
_WORDS_PER_MINUTE = 165
_MIN_WORDS_PER_MINUTE, _MAX_WORDS_PER_MINUTE = 80, 450
_GO_ON, _STOP = 0, 1
_EE_OK = 0

SYNTH_ARGUMENTS = (
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.POINTER(ctypes.c_uint),
    ctypes.c_void_p,
)
"""Of espeak_Synth in speak_lib.h."""
_OnChunk = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

_BY_LANGUAGE = {"en": "en-us", "zh": "cmn", "no": "nb", "pt": "pt-br"}
"""Where a language tag is not itself the name of the voice we mean."""
_FALLBACK = "en-us"


class EspeakEngine:
    """Raises RuntimeError if the library's data cannot be read."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._espeak = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = espeakng_loader.get_data_path().encode()
        self._espeak.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        self._rate_hz = self._espeak.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, data_path, 0)
        if self._rate_hz <= 0:
            raise RuntimeError("espeak_Initialize failed")
        self._on_chunk = _OnChunk(self._deliver)  # kept: the library holds only a pointer to it
        self._espeak.espeak_SetSynthCallback.argtypes = [_OnChunk]
        self._espeak.espeak_SetSynthCallback.restype = None
        self._espeak.espeak_SetSynthCallback(self._on_chunk)
        self._espeak.espeak_Synth.argtypes = SYNTH_ARGUMENTS
        self._espeak.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        self._espeak.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
        self._job: Job | None = None

    def run(self, job: Job) -> None:
        self._choose_voice(job.options)
        words_per_minute = round(_WORDS_PER_MINUTE * float(str(job.options["speed"])))
        words_per_minute = min(max(words_per_minute, _MIN_WORDS_PER_MINUTE), _MAX_WORDS_PER_MINUTE)
        self._espeak.espeak_SetParameter(_PARAMETER_RATE, words_per_minute, 0)
        self._espeak.espeak_SetParameter(_PARAMETER_VOLUME, _VOLUME, 0)
        job.result({"rate_hz": self._rate_hz})
        text = str(job.options["text"]).encode().replace(b"\0", b" ")
        self._job = job
        try:
            status = self._espeak.espeak_Synth(text, len(text) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        finally:
            self._job = None
        if job.cancelled:
            raise JobCancelledError
        if status != _EE_OK:
            raise RuntimeError("espeak_Synth failed")

    def _deliver(self, samples: Any, count: int, _events: int | None) -> int:
        """Called by the library with new samples; must not raise."""
        job = self._job
        if job is None or job.cancelled:
            return _STOP
        if not samples or count <= 0:
            return _GO_ON
        try:
            job.send(ctypes.string_at(samples, 2 * count))
        except (JobCancelledError, OSError):  # the server or its wish is gone
            return _STOP
        return _GO_ON

    def _choose_voice(self, options: Mapping[str, object]) -> None:
        """The voice asked for, the operator's, else one of the language, else American English."""
        tag = str(options["language"]).lower()
        primary = tag.partition("-")[0]
        by_language = [] if primary == "en" and tag == "en" else [tag]
        wishes = [str(options["voice"]), str(options["default_voice"]), *by_language]
        for name in [*wishes, _BY_LANGUAGE.get(primary, primary), _FALLBACK]:
            if name and self._espeak.espeak_SetVoiceByName(name.encode()) == _EE_OK:
                return
        raise RuntimeError("no voice")
