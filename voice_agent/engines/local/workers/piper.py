"""Inside a worker: one Piper voice. It answers sentence by sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from piper import PiperVoice, SynthesisConfig  # type: ignore[import-not-found] # optional

from voice_agent.engines.local.workers.host import Job
from voice_agent.engines.local.workers.pieces import send_in_pieces

_VOLUME = 0.7
"""Piper fills the whole range; this leaves 3 dB."""


class PiperEngine:
    """`path`: the voice's .onnx file, with its .json beside it."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._voice = PiperVoice.load(arguments["path"])

    def run(self, job: Job) -> None:
        config = SynthesisConfig(
            speaker_id=self._speaker(job.options),
            length_scale=self._voice.config.length_scale / float(str(job.options["speed"])),
            volume=_VOLUME,
        )
        job.result({"rate_hz": self._voice.config.sample_rate})
        for sentence in self._voice.synthesize(str(job.options["text"]), config):
            send_in_pieces(job, sentence.audio_int16_bytes)

    def _speaker(self, options: Mapping[str, object]) -> int | None:
        for wish in (str(options["voice"]), str(options["default_voice"])):
            if wish.isdecimal() and int(wish) < self._voice.config.num_speakers:
                return int(wish)
        return None
