"""What an agent is sure to say is spoken before anybody calls: its greeting, its set phrases and its openers.

The speech goes into the synthesizer's cache, clause by clause as a reply would ask for it. Each clause is asked for
once in the life of the process.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from typing import Protocol

from voice_agent.agents.base import Agent
from voice_agent.engines.ports import EngineError, SpeechOptions
from voice_agent.settings import SpeechSettings
from voice_agent.text.clauses import ClauseSplitter
from voice_agent.text.normalise import speakable

log = logging.getLogger(__name__)


class SpeechCache(Protocol):
    async def warm_speech(self, texts: Iterable[str], options: SpeechOptions) -> None:
        """Raises EngineError."""
        ...


def clause_splitter(settings: SpeechSettings, openers: Collection[str]) -> ClauseSplitter:
    return ClauseSplitter(
        first_min_chars=settings.first_clause_min,
        first_soft_chars=settings.first_clause_soft,
        min_chars=settings.clause_min,
        soft_chars=settings.clause_soft,
        hard_chars=settings.clause_max,
        openers=openers,
    )


def predictable(agent: Agent, settings: SpeechSettings) -> list[str]:
    """The clauses to be ready, as they are given to a synthesizer; what is needed soonest first."""
    nudges = (text for _, text in agent.turns.nudges)
    wrap_up = (agent.turns.wrap_up.text,) if agent.turns.wrap_up else ()
    texts = (agent.greeting, *agent.openers, *agent.phrases.values(), *nudges, *wrap_up)
    clauses = (speakable(clause, agent.language) for text in texts for clause in _clauses(text, agent, settings))
    return list(dict.fromkeys(filter(None, clauses)))


def _clauses(text: str, agent: Agent, settings: SpeechSettings) -> Iterator[str]:
    splitter = clause_splitter(settings, agent.openers)
    yield from splitter.feed(text)
    yield from splitter.flush()


async def rehearse(agents: Collection[Agent], cache: SpeechCache, settings: SpeechSettings) -> None:
    """Speaks all of it into the cache. What fails now is spoken when it is needed."""
    for agent in agents:
        options = SpeechOptions(agent.voice, agent.speed, agent.language)
        try:
            await cache.warm_speech(predictable(agent, settings), options)
        except EngineError as error:
            log.warning("an agent's set phrases could not be spoken ahead", extra={"code": error.code})
