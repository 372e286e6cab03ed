"""Turns that the client ends itself, as push-to-talk clients do, and transcripts that grow while the caller speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from scripts import autojump
from scripts.stub_engines import ScriptedTranscriber
from tests.call_rig import Rig
from voice_agent.call.turn_types import (
    AnnounceSpeech,
    CommitRequested,
    CommitTurn,
    Hypothesis,
    PlayoutCleared,
    ReplyCancelled,
    ReplyRequested,
    SpeechStarted,
    SpeechStopped,
    StartReply,
    TurnConfig,
)
from voice_agent.call.turns import TurnMachine
from voice_agent.engines.ports import Transcript, TranscriptionStream

MANUAL = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "any"}}}}
ONLY_COMMITS = TurnConfig(detection=False, create_response=False)


def committed_turn() -> TurnMachine:
    """A turn that the client has committed and whose words are still awaited."""
    machine = TurnMachine(ONLY_COMMITS, 0.0)
    for event in (SpeechStarted(1), SpeechStopped(1, 1.0), CommitRequested()):
        machine.feed(event, 1.0)
    return machine


def test_a_reply_asked_for_right_after_a_commit_waits_for_the_words() -> None:
    machine = committed_turn()
    assert machine.feed(ReplyRequested(), 1.0) == []
    assert machine.feed(Hypothesis(1, "hello there", True), 1.2) == [
        CommitTurn("hello there", (1,), False),
        StartReply(1, None, False),
    ]


def test_it_waits_no_longer_than_the_turn_itself() -> None:
    machine = committed_turn()
    machine.feed(ReplyRequested(), 1.0)
    late = machine.next_deadline()
    assert late is not None
    assert machine.feed(PlayoutCleared(), late) == [CommitTurn("", (1,), True), StartReply(1, None, False)]


def test_a_cancel_withdraws_it() -> None:
    machine = committed_turn()
    machine.feed(ReplyRequested(), 1.0)
    machine.feed(ReplyCancelled(), 1.1)
    assert machine.feed(Hypothesis(1, "hello", True), 1.2) == [CommitTurn("hello", (1,), False)]


def test_a_turn_that_the_client_commits_is_a_turn_even_without_words() -> None:
    machine = committed_turn()
    assert machine.feed(Hypothesis(1, "", True), 1.2) == [CommitTurn("", (1,), False)]


def test_with_two_commits_in_a_row_the_reply_answers_both() -> None:
    machine = committed_turn()
    for event in (SpeechStarted(2), SpeechStopped(2, 2.0), CommitRequested(), ReplyRequested()):
        machine.feed(event, 2.0)
    assert machine.feed(Hypothesis(1, "one", True), 2.1) == [CommitTurn("one", (1,), False), AnnounceSpeech()]
    assert machine.feed(Hypothesis(2, "two", True), 2.2) == [CommitTurn("two", (2,), False), StartReply(1, None, False)]


@pytest.mark.parametrize("words", ["what is the time", "say something forbidden"])
def test_push_to_talk_clients_commit_and_ask_at_once(words: str) -> None:
    async def call() -> Rig:
        async with Rig(replies=["Noon."], session=MANUAL, transcription_s=0.8) as call:
            await call.says(words)
            call.send("input_audio_buffer.commit")
            call.send("response.create", response={"metadata": {"mine": "yes"}})
            call.send("response.create", event_id="one too many")
            await call.until("output_audio_buffer.stopped")
            assert [e["error"]["event_id"] for e in call.events if e["type"] == "error"] == ["one too many"]
        return call

    done = autojump.run(call())
    assert done.caller_said == [words]
    assert done.model.requests[0].messages[-1].text == words
    created = next(e for e in done.events if e["type"] == "response.created")
    assert created["response"]["metadata"] == {"mine": "yes"}
    # What the client commits is moderated as any other turn.
    assert done.caller_heard == (["I cannot help with that."] if "forbidden" in words else ["Noon."])


def test_a_client_may_cancel_what_it_asked_for_before_it_begins_and_ask_again() -> None:
    async def call() -> Rig:
        async with Rig(replies=["Noon."], session=MANUAL, transcription_s=1.0) as call:
            await call.says("what is the time")
            call.send("input_audio_buffer.commit")
            call.send("response.create")
            await call.wait(0.2)
            call.send("output_audio_buffer.clear")
            call.send("response.cancel")
            await call.until("input_audio_buffer.committed")
            await call.wait(2)
            assert "response.created" not in call.kinds()
            call.send("response.create")
            await call.until("output_audio_buffer.stopped")
        return call

    assert autojump.run(call()).caller_heard == ["Noon."]


def test_an_item_that_a_reply_was_to_read_may_be_deleted_before_it_begins() -> None:
    async def call() -> Rig:
        async with Rig(replies=["Noon."], session=MANUAL, transcription_s=0.8) as call:
            for item_id in ("kept", "gone"):
                content = [{"type": "input_text", "text": item_id}]
                item = {"id": item_id, "type": "message", "role": "user", "content": content}
                call.send("conversation.item.create", item=item)
            await call.says("what is the time")
            call.send("input_audio_buffer.commit")
            references = [{"type": "item_reference", "id": item_id} for item_id in ("gone", "kept")]
            call.send("response.create", response={"input": references})
            call.send("conversation.item.delete", item_id="gone")
            await call.until("output_audio_buffer.stopped")
        return call

    done = autojump.run(call())
    assert [message.text for message in done.model.requests[0].messages] == ["kept"]
    assert done.caller_heard == ["Noon."]


def test_silence_that_the_client_commits_becomes_an_item_and_is_transcribed_as_nothing() -> None:
    async def call() -> Rig:
        async with Rig(session=MANUAL) as call:
            await call.says("", heard_as="")
            call.send("input_audio_buffer.commit")
            completed = await call.until("conversation.item.input_audio_transcription.completed")
            assert completed["transcript"] == ""
        return call

    kinds = autojump.run(call()).kinds()
    assert "input_audio_buffer.committed" in kinds
    assert "input_audio_buffer.cleared" not in kinds


class GrowingTranscriber(ScriptedTranscriber):
    """Hears one word more every 300 ms."""

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TranscriptionStream]:
        yield GrowingStream(self.saying.pop(0))


class GrowingStream:
    def __init__(self, text: str) -> None:
        self.words = text.split()
        self.committed = asyncio.Event()

    def push(self, pcm: bytes) -> None:
        pass

    def commit(self) -> None:
        self.committed.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        for count in range(1, len(self.words) + 1):
            await asyncio.sleep(0.3)
            yield Transcript(" ".join(self.words[:count]), False)
        await self.committed.wait()
        yield Transcript(" ".join(self.words), True)


def test_words_that_are_sure_are_sent_while_the_caller_still_speaks() -> None:
    async def call() -> Rig:
        session = {"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}}
        async with Rig(session=session, transcriber=GrowingTranscriber(0)) as call:
            await call.wait(0.5)
            await call.says("the printer in the hall is offline", seconds=3)
            await call.until("conversation.item.input_audio_transcription.completed")
        return call

    done = autojump.run(call())
    kinds = done.kinds()
    delta = "conversation.item.input_audio_transcription.delta"
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index(delta)
    assert kinds.index(delta) < kinds.index("input_audio_buffer.speech_stopped")
    deltas = [event for event in done.events if event["type"] == delta]
    assert "".join(event["delta"] for event in deltas) == "the printer in the hall is offline"
    assert len(deltas) > 2
    assert len({event["item_id"] for event in deltas}) == 1


def test_speech_that_could_not_be_transcribed_is_an_item_and_the_client_is_told() -> None:
    async def call() -> Rig:
        session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "any"}}}}
        async with Rig(session=session) as call:
            call.transcriber.fails = True
            await call.wait(0.5)
            await call.says("please write this down")
            failed = await call.until("conversation.item.input_audio_transcription.failed")
            assert failed["error"]["code"] == "cut"
            assert failed["item_id"] == next(
                e["item_id"] for e in call.events if e["type"] == "input_audio_buffer.committed"
            )
        return call

    assert "input_audio_buffer.cleared" not in autojump.run(call()).kinds()
