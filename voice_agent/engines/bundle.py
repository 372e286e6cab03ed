"""The four engines of one call, already wrapped with deadlines, retry, fallback and breaker."""

from __future__ import annotations

from dataclasses import dataclass

from voice_agent.engines.ports import LanguageModel, Moderator, Synthesizer, Transcriber


@dataclass(frozen=True, slots=True)
class Engines:
    transcriber: Transcriber
    language_model: LanguageModel
    synthesizer: Synthesizer
    moderator: Moderator
