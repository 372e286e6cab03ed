"""Inside a worker: CMU Flite by ctypes. US English, 16 kHz, sound from a callback while the rest is computed."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from voice_agent.engines.local.workers.host import Job, JobCancelledError

GAINS = {"slt": 1.0, "rms": 1.45, "awb": 1.0, "kal16": 1.8}
"""Factor by voice that brings its loudest peaks to about -3 dBFS (measured on a few sentences each)."""
DEFAULT_VOICE = "slt"

_CHUNK_SAMPLES = 960
_GO_ON, _STOP = 0, 1
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


_OnChunk = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p
)


class _StreamingInfo(ctypes.Structure):
    _fields_ = (
        ("min_buffsize", ctypes.c_int),
        ("asc", _OnChunk),
        ("text", ctypes.c_char_p),
        ("utt", ctypes.c_void_p),
        ("item", ctypes.c_void_p),
        ("userdata", ctypes.c_void_p),
    )


class _VoiceHead(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


@dataclass(frozen=True, slots=True)
class _Voice:
    pointer: int
    features: int
    gain: float


class FliteEngine:
    """Loads voices when they are first asked for. Raises OSError if libflite is not installed."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._flite = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
        for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        self._declare()
        self._flite.flite_init()
        self._on_chunk = _OnChunk(self._deliver)  # kept: the library holds only a pointer to it
        self._voices: dict[str, _Voice] = {}
        self._job: Job | None = None
        self._gain = 1.0
        self._announced = False
        self._voice(DEFAULT_VOICE)

    def run(self, job: Job) -> None:
        voice = self._voice(str(job.options["voice"])) or self._voice(str(job.options["default_voice"]))
        voice = voice or self._voices[DEFAULT_VOICE]
        speed = min(max(float(str(job.options["speed"])), _MIN_SPEED), _MAX_SPEED)
        self._flite.feat_set_float(voice.features, b"duration_stretch", 1 / speed)
        self._job, self._gain, self._announced = job, voice.gain, False
        try:
            text = str(job.options["text"]).encode().replace(b"\0", b" ")
            wave = self._flite.flite_text_to_wave(text, voice.pointer)
            if wave:
                self._flite.delete_wave(wave)
        finally:
            self._job = None
        if job.cancelled:
            raise JobCancelledError

    def _deliver(self, wave: Any, start: int, size: int, _last: int, _info: int | None) -> int:
        """Called by the library with new samples; must not raise."""
        job = self._job
        if job is None or job.cancelled:
            return _STOP
        if size <= 0:
            return _GO_ON
        sound = wave.contents
        pcm = ctypes.string_at(ctypes.addressof(sound.samples.contents) + 2 * start, 2 * size)
        try:
            if not self._announced:
                self._announced = True
                job.result({"rate_hz": sound.sample_rate})
            job.send(_amplified(pcm, self._gain))
        except (JobCancelledError, OSError):  # the server or its wish is gone
            return _STOP
        return _GO_ON

    def _voice(self, name: str) -> _Voice | None:
        name = name.removeprefix("cmu_us_")
        if name in self._voices or name not in GAINS:
            return self._voices.get(name)
        try:
            library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
        except OSError:  # an installation may leave out voices
            if name == DEFAULT_VOICE:
                raise
            return None
        register = getattr(library, f"register_cmu_us_{name}")
        register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
        pointer = register(None)
        features = ctypes.cast(pointer, ctypes.POINTER(_VoiceHead)).contents.features
        info = self._flite.new_audio_streaming_info()
        info.contents.asc = self._on_chunk
        info.contents.min_buffsize = _CHUNK_SAMPLES
        self._flite.feat_set(features, b"streaming_info", self._flite.audio_streaming_info_val(info))
        self._voices[name] = _Voice(pointer, features, GAINS[name])
        return self._voices[name]

    def _declare(self) -> None:
        flite = self._flite
        flite.new_audio_streaming_info.restype = ctypes.POINTER(_StreamingInfo)
        flite.audio_streaming_info_val.restype = ctypes.c_void_p
        flite.audio_streaming_info_val.argtypes = [ctypes.POINTER(_StreamingInfo)]
        flite.feat_set.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        flite.feat_set_float.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]
        flite.flite_text_to_wave.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        flite.flite_text_to_wave.restype = ctypes.c_void_p
        flite.delete_wave.argtypes = [ctypes.c_void_p]


def _amplified(pcm: bytes, gain: float) -> bytes:
    if gain == 1.0:
        return pcm
    samples = np.frombuffer(pcm, dtype="<i2") * gain
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()
