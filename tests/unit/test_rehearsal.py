"""What an agent is sure to say is spoken ahead, in the very clauses that a reply asks for."""

from __future__ import annotations

from collections.abc import Iterable

from voice_agent.agents.catalog import load_agents
from voice_agent.call.rehearsal import clause_splitter, predictable, rehearse
from voice_agent.engines.ports import EngineError, SpeechOptions
from voice_agent.settings import Settings
from voice_agent.text.normalise import speakable

SETTINGS = Settings()
HELPDESK = load_agents(SETTINGS)["helpdesk"]


class Cache:
    def __init__(self, *, broken: bool = False) -> None:
        self.asked: list[tuple[str, SpeechOptions]] = []
        self._broken = broken

    async def warm_speech(self, texts: Iterable[str], options: SpeechOptions) -> None:
        if self._broken:
            raise EngineError("x", code="500", retryable=True)
        self.asked += [(text, options) for text in texts]


async def test_a_reply_that_begins_with_an_opener_finds_its_speech() -> None:
    cache = Cache()
    await rehearse([HELPDESK], cache, SETTINGS.speech)
    splitter = clause_splitter(SETTINGS.speech, HELPDESK.openers)
    first = splitter.feed("Okay, please restart it.")[0]
    assert (speakable(first, "en"), SpeechOptions(HELPDESK.voice, HELPDESK.speed, "en")) in cache.asked


def test_the_greeting_comes_first_and_nothing_twice() -> None:
    clauses = predictable(HELPDESK, SETTINGS.speech)
    assert HELPDESK.greeting.startswith(clauses[0].rstrip(".,!?"))
    assert len(clauses) == len(set(clauses))
    assert all(any(clause in speakable(text, "en") for clause in clauses) for text in HELPDESK.phrases.values())


async def test_a_voice_that_fails_now_does_not_stop_the_server() -> None:
    await rehearse(load_agents(SETTINGS).values(), Cache(broken=True), SETTINGS.speech)
