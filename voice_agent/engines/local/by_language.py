"""Chooses between two synthesizers by the language of the clause, for engines that know only some languages."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing

from voice_agent.engines.local.synthesizer import WorkerSynthesizer
from voice_agent.engines.ports import AudioChunk, SpeechOptions


class ByLanguageSynthesizer:
    """Speaks `languages` (primary subtags) with `first` and every other with `other`; named after `first`."""

    def __init__(self, first: WorkerSynthesizer, languages: Collection[str], other: WorkerSynthesizer) -> None:
        self.name = first.name
        self._first = first
        self._languages = frozenset(languages)
        self._other = other

    async def warm(self) -> None:
        """Starts `first` only; the other starts when its language is first spoken. Raises EngineError."""
        await self._first.warm()

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        known = options.language.partition("-")[0].lower() in self._languages
        async with aclosing((self._first if known else self._other).speak(text, options)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        await self._first.aclose()
        await self._other.aclose()
