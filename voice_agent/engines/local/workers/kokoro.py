"""Inside a worker: the Kokoro model. One clause is one run of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from kokoro_onnx import Kokoro  # type: ignore[import-not-found] # optional

from voice_agent.engines.local.workers.host import Job
from voice_agent.engines.local.workers.pieces import send_in_pieces

_PEAK = 0.7
"""-3 dBFS."""
_MIN_SPEED, _MAX_SPEED = 0.5, 2.0
_LANGUAGES = {"en": "en-us", "fr": "fr-fr", "pt": "pt-br", "zh": "cmn"}


class KokoroEngine:
    """`model`, `voices`: the two files of the model."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._kokoro = Kokoro(arguments["model"], arguments["voices"])

    def run(self, job: Job) -> None:
        tag = str(job.options["language"]).lower()
        samples, rate_hz = self._kokoro.create(
            str(job.options["text"]),
            voice=self._voice(job.options),
            speed=min(max(float(str(job.options["speed"])), _MIN_SPEED), _MAX_SPEED),
            lang=_LANGUAGES.get(tag.partition("-")[0], tag),
        )
        job.result({"rate_hz": rate_hz})
        peak = float(np.max(np.abs(samples), initial=0.0))
        level = min(1.0, _PEAK / peak) if peak > 0 else 1.0
        send_in_pieces(job, (samples * level * 32767).astype("<i2").tobytes())

    def _voice(self, options: Mapping[str, object]) -> str:
        known = self._kokoro.get_voices()
        return next((v for v in (str(options["voice"]), str(options["default_voice"])) if v in known), str(known[0]))
