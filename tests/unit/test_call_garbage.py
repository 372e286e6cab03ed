"""What turns and calls leave behind is freed at once: with many calls, waiting for the garbage collector is dear."""

from __future__ import annotations

import asyncio
import base64
import gc
import weakref
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from scripts import autojump
from scripts.speech import silence
from tests.call_rig import Rig
from tests.memory import no_collector
from voice_agent.agents.base import Agent
from voice_agent.agents.catalog import load_agents
from voice_agent.agents.dialogue.engine import ScriptedModel
from voice_agent.agents.unfinished import RULE
from voice_agent.call.reply import Reply
from voice_agent.engines.hypotheses import UtteranceTask
from voice_agent.engines.ports import (
    EngineError,
    Finished,
    Message,
    ReplyEvent,
    ReplyRequest,
    TextDelta,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
)
from voice_agent.engines.resilience import CircuitBreaker, Member, ResilientTranscriber
from voice_agent.settings import EngineSettings, Settings


def test_replies_are_freed_whether_they_were_heard_cut_off_or_thrown_away() -> None:
    async def call() -> int:
        async with Rig(replies=["First open the settings, then choose the printer, and print a page.", "Good."]) as rig:
            await rig.says("my printer is offline today.")
            await rig.until("output_audio_buffer.started")
            await rig.says("no wait, that is not it, stop please", seconds=2)
            await rig.until("output_audio_buffer.stopped")
            await rig.says("and it was", heard_as="and it was ready.", seconds=1)
            await rig.wait(0.3)  # an answer is begun in this pause, and was begun in vain
            await rig.says("never any trouble before.", seconds=1)
            await rig.until("output_audio_buffer.stopped")
            assert len(rig.model.requests) >= 3
            return len(replies() - others)

    with no_collector():
        others = replies()  # what other tests have not let go
        count = autojump.run(call())
    assert count <= 1, "the last one is kept, for a client that says later how much of it was heard"


def test_replies_that_waited_for_the_caller_are_freed() -> None:
    def script(request: ReplyRequest) -> Sequence[ReplyEvent]:
        return [TextDelta("…" if request.instructions.endswith(RULE) else "Good."), Finished("stop")]

    async def call() -> int:
        async with Rig(script) as rig:
            for _ in range(2):
                await rig.says("my printer is offline today.")
                await rig.until("output_audio_buffer.stopped")
            assert len(rig.model.requests) == 4
            return len(replies() - others)

    with no_collector():
        others = replies()
        count = autojump.run(call())
    assert count <= 1


def replies() -> set[Reply]:
    return {each for each in gc.get_objects() if type(each) is Reply}


@pytest.mark.parametrize("greet", [False, True])
def test_a_call_is_freed_when_it_ends_in_the_middle_of_a_turn(*, greet: bool) -> None:
    async def call() -> list[weakref.ref[object]]:
        async with Rig(greet=greet) as rig:
            await rig.says("my printer is offline today.")
            await rig.until("output_audio_buffer.started")
            await rig.says("and now I am still", seconds=1)
            return [weakref.ref(part) for part in (rig.session, rig.session.listener, rig.session.speaker)]

    with no_collector():
        left = autojump.run(call())
        assert [part() for part in left] == [None] * len(left)


def test_a_call_is_freed_when_its_client_leaves_while_audio_waits() -> None:
    async def call() -> weakref.ref[object]:
        async with Rig(kind="websocket") as rig:
            speech = base64.b64encode(silence(15_000, 24_000)).decode()
            rig.send("input_audio_buffer.append", audio=speech)
            rig.send("input_audio_buffer.commit")
            rig.send("response.create")
            rig.send("input_audio_buffer.clear")
            return weakref.ref(rig.session)

    with no_collector():
        left = autojump.run(call())
        assert left() is None


def test_a_call_is_freed_that_a_fault_of_ours_has_ended() -> None:
    async def call() -> weakref.ref[object]:
        rig = Rig()
        rig.session._failed(ZeroDivisionError())
        with pytest.raises(ZeroDivisionError):
            await rig.session.run()
        return weakref.ref(rig.session)

    with no_collector():
        left = autojump.run(call())
        assert left() is None


@pytest.mark.parametrize("agent", load_agents(Settings()).values(), ids=lambda agent: agent.name)
def test_a_scripted_answer_leaves_nothing_to_collect(agent: Agent) -> None:
    assert isinstance(agent.scripted, ScriptedModel)
    said = [Message("user", text) for text in ("hello", "my printer is offline", "yes", "that did not help")]
    agent.scripted.answer(said)
    with no_collector():
        agent.scripted.answer(said)
        assert gc.collect() == 0


class _Engine:
    """Hears one utterance as soon as it is committed."""

    name = "engine"
    partials = True

    def __init__(self) -> None:
        self.opened: weakref.ref[UtteranceTask] | None = None

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        utterance = _Utterance()
        self.opened = weakref.ref(utterance)
        return utterance

    async def aclose(self) -> None:
        """Nothing of its own."""


class _Utterance(UtteranceTask):
    def __init__(self) -> None:
        super().__init__()
        self._committed = asyncio.Event()

    def push(self, pcm: bytes) -> None:
        """Not listened to."""

    def commit(self) -> None:
        self._committed.set()

    async def _run(self) -> None:
        await self._committed.wait()
        self.hypotheses.put(Transcript("hello", final=True))
        await asyncio.Event().wait()


class _Broken(_Utterance):
    async def _run(self) -> None:
        raise EngineError("down", code="500", retryable=False)


async def test_an_utterance_and_its_audio_are_freed_when_it_fails() -> None:
    async def fails() -> weakref.ref[object]:
        async with _Broken() as utterance:
            with pytest.raises(EngineError):
                await anext(aiter(utterance))
        return weakref.ref(utterance)

    with no_collector():
        left = await fails()
        await asyncio.sleep(0)
        assert left() is None


async def test_an_utterance_and_its_audio_are_freed_when_its_reader_leaves() -> None:
    engine = _Engine()
    transcriber = ResilientTranscriber([Member(engine, CircuitBreaker(3, 20))], EngineSettings(_env_file=None))
    with no_collector():
        async with transcriber.open(TranscriptionOptions()) as stream:
            held = weakref.ref(stream)
            stream.push(bytes(640))
            stream.commit()
            assert [transcript.text async for transcript in stream] == ["hello"]
        del stream
        await asyncio.sleep(0)
        assert engine.opened is not None
        assert (held(), engine.opened()) == (None, None)
