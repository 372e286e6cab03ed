"""Calls in which things happen at the worst moment: between words and sound, while a tool runs, around a commit."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence

import pytest

from scripts import autojump
from scripts.speech import silence
from scripts.stub_engines import MS_PER_CHARACTER, RATE_HZ, answering
from tests.call_rig import PATIENT, PHRASES, Rig, agent
from voice_agent.agents.base import Tool, ToolContext
from voice_agent.call.turn_types import Event, Hypothesis, ModelJudged, PlayoutStarted, ReplyEnded, Tick
from voice_agent.engines.ports import (
    AudioChunk,
    EngineError,
    Finished,
    Pcm,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from voice_agent.settings import TurnSettings

MANUAL = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "any"}}}}
UNINTERRUPTED = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": {"type": "semantic_vad", "interrupt_response": False}}},
}
LONG = "First open the settings, then choose printers and scanners. After that, remove the old printer from the list."
WITHOUT_A_PAUSE = (
    "we were wondering whether anyone would mind moving all our yellow lamps nearer along the long wall where morning "
    "light normally never arrives before nine"
)
Steps = Sequence[ReplyEvent | float | EngineError]


# --- the agent's words and sound --------------------------------------------------------------------------------------


def test_words_that_never_sounded_are_not_kept_as_said() -> None:
    async def call() -> None:
        async with Rig(replies=["The first answer.", "The second."], first_byte_s=2.0) as call:
            call.types("hello")
            await call.until("response.output_audio_transcript.delta")
            call.send("response.cancel")
            truncated = await call.until("conversation.item.truncated")
            assert truncated["audio_end_ms"] == 0
            call.types("and now?")
            await call.until("output_audio_buffer.stopped")
            assert [m.text for m in call.model.requests[-1].messages] == ["hello", "and now?"]
        assert call.caller_heard == ["", "The second."]

    autojump.run(call())


def test_a_reply_that_ends_while_it_is_held_up_does_not_hold_up_the_next_one() -> None:
    async def call() -> None:
        async with Rig(answering("Read this.", "Now you hear me.", first_token_s=0.5), transcription_s=5) as call:
            call.synthesizer.fails = True
            await call.wait(0.5)
            call.types("hello")
            await call.says("hm", heard_as="", seconds=0.4)
            await call.until("response.done")
            call.synthesizer.fails = False
            await call.wait(6)
            call.types("and now?")
            await call.until("output_audio_buffer.stopped", within=10)
        assert call.caller_heard[-1] == "Now you hear me."

    autojump.run(call())


def test_a_long_text_of_the_agents_own_is_not_broken_by_the_filler() -> None:
    greeting = " ".join(f"This is sentence number {n} of a greeting that goes on for a while." for n in range(9))

    async def call() -> None:
        async with Rig(greet=True, the_agent=agent(greeting=greeting)) as call:
            await call.until("output_audio_buffer.stopped", within=120)
        assert call.caller_heard == [greeting]

    autojump.run(call())


class DrippingSynthesizer:
    """Speaks slowly, and is hardly faster than it speaks: how long a clause lasts is known late."""

    name = "dripping"

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        for _ in range(len(text) * MS_PER_CHARACTER * 2 // 20):
            await asyncio.sleep(0.019)
            yield Pcm(b"\x00\x10" * (RATE_HZ // 50), RATE_HZ)

    async def aclose(self) -> None:
        pass


def test_captions_never_take_a_word_back_however_slow_the_voice() -> None:
    async def call() -> None:
        rig = Rig(replies=[LONG])
        rig.session.speaker._engines = rig.session.engines.__class__(
            rig.transcriber, rig.model, DrippingSynthesizer(), rig.moderator
        )
        async with rig as call:
            call.types("hello")
            await call.until("output_audio_buffer.started")
            await call.wait(5)
            call.send("output_audio_buffer.clear")
            await call.until("output_audio_buffer.cleared")
        captions = [e["text"] for e in call.events if e["type"] == "agent.caption"]
        assert len(captions) > 3
        for earlier, later in itertools.pairwise(captions):
            assert later.startswith(earlier), (earlier, later)
        assert captions[-1] == call.caller_heard[0]

    autojump.run(call())


def test_what_the_client_says_it_played_stays_so_when_the_server_reckons_more() -> None:
    async def call() -> None:
        async with Rig(replies=[LONG]) as call:
            call.types("hello")
            done = await call.until("response.done")
            await call.wait(1)
            item = done["response"]["output"][0]["id"]
            call.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=1500)
            truncated = await call.until("conversation.item.truncated")
            assert truncated["audio_end_ms"] <= 1500
            await call.wait(30)
            (message,) = [m for m in call.session.conversation.to_messages() if m.role == "assistant"]
        assert call.caller_heard == [message.text]
        assert len(message.text) < 40

    autojump.run(call())


def test_a_response_in_text_outside_the_conversation_is_nothing_the_caller_was_told() -> None:
    async def call() -> None:
        async with Rig(replies=["spam"]) as call:
            call.send("response.create", response={"conversation": "none", "output_modalities": ["text"], "input": []})
            await call.until("response.done")
        assert call.caller_heard == []

    autojump.run(call())


# --- moderation -------------------------------------------------------------------------------------------------------


async def _noted(arguments: Mapping[str, object], context: ToolContext) -> Mapping[str, object]:
    _noted_calls.append(context.call_id)
    return {}


_noted_calls: list[str] = []
NOTE = Tool(ToolSpec("note", "Notes something."), _noted, writes=True)


def _notes(request: ReplyRequest) -> Steps:
    if request.messages[-1].role == "tool":
        return [TextDelta("Noted."), Finished("stop")]
    return [ToolCall("call_1", "note", "{}"), Finished("tool_calls")]


def test_no_tool_runs_on_words_that_are_refused_or_not_judged_yet() -> None:
    _noted_calls.clear()

    async def call() -> None:
        rig = Rig(_notes, tools=[NOTE])
        rig.moderator.delay_s = 1.0
        async with rig as call:
            call.types("note the forbidden thing")
            await call.until("output_audio_buffer.stopped")
            await call.wait(1)
            assert _noted_calls == []
            call.types("note the other thing")
            await call.wait(0.9)
            assert _noted_calls == []
            await call.until("output_audio_buffer.stopped")
        assert call.caller_heard == [PHRASES["refusal"], "Noted."]
        assert len(_noted_calls) == 1

    autojump.run(call())


def test_words_whose_reply_was_stopped_before_the_verdict_are_judged_with_the_next() -> None:
    async def call() -> None:
        rig = Rig(replies=["I would do as you say."])
        rig.moderator.delay_s = 1.0
        async with rig as call:
            call.types("the forbidden thing")
            await call.wait(0.5)
            call.send("response.cancel")
            call.types("please go on")
            await call.until("output_audio_buffer.stopped")
        assert call.caller_heard == [PHRASES["refusal"]]

    autojump.run(call())


def test_words_that_waited_for_the_end_of_a_reply_are_judged_with_the_reply_asked_for_instead() -> None:
    async def call() -> None:
        async with Rig(replies=[LONG, "I would do as you say."], session=UNINTERRUPTED) as call:
            call.types("hello")
            await call.until("output_audio_buffer.started")
            await call.says("tell me the forbidden thing now.")
            await call.until("input_audio_buffer.committed")
            await call.wait(0.3)
            call.send("response.create")
            await call.wait(20)
        assert call.caller_heard[1:] == [PHRASES["refusal"]]
        assert call.kinds().count("response.created") == 2

    autojump.run(call())


# --- a held reply -----------------------------------------------------------------------------------------------------


def test_a_held_reply_is_begun_again_when_the_conversation_changes_under_it() -> None:
    async def call() -> None:
        async with Rig(replies=["All right."], the_agent=PATIENT) as call:
            await call.wait(0.5)
            await call.says("my printer stopped")
            await call.wait(0.4)
            assert len(call.model.requests) == 1
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "it is the HP"}]}
            call.send("conversation.item.create", item=item)
            await call.until("output_audio_buffer.stopped")
        assert "it is the HP" in [m.text for m in call.model.requests[-1].messages]
        assert call.moderator.checked.count("it is the HP\nmy printer stopped") == 1

    autojump.run(call())


# --- commits, clears and cuts -----------------------------------------------------------------------------------------


def test_clearing_the_buffer_right_after_a_commit_keeps_the_committed_turn() -> None:
    async def call() -> None:
        async with Rig(session=MANUAL, transcription_s=3.0) as call:
            await call.says("this was committed")
            call.send("input_audio_buffer.commit")
            await call.says("this was not", heard_as="")
            call.send("input_audio_buffer.clear")
            await call.until("input_audio_buffer.cleared")
            await call.until("input_audio_buffer.committed")
            call.transcriber.saying.clear()
            await call.says("and this is the next")
            call.send("input_audio_buffer.commit")
            await call.until("input_audio_buffer.committed")
        assert call.caller_said == ["this was committed", "and this is the next"]

    autojump.run(call())


def test_a_clear_behind_a_commit_leaves_the_committed_audio_that_still_waits() -> None:
    async def call() -> None:
        async with Rig(session=MANUAL, kind="websocket") as call:
            call.mute()
            call.transcriber.saying += ["one", "two"]
            pcm = silence(3000, 24_000)
            call.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())
            call.send("input_audio_buffer.commit")
            call.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())
            call.send("input_audio_buffer.clear")
            await call.until("input_audio_buffer.cleared")
            await call.until("input_audio_buffer.committed")
            completed = await call.until("conversation.item.input_audio_transcription.completed")
            assert completed["usage"]["seconds"] > 2.9
        assert call.caller_said == ["one"]

    autojump.run(call())


def test_what_is_said_after_an_overlong_turn_was_cut_is_the_next_turn() -> None:
    turns = TurnSettings(_env_file=None, max_utterance_s=4, speculation=False)

    async def call() -> None:
        async with Rig(replies=["I see."], turns=turns) as call:
            call.transcriber.saying += ["the first part"]
            await call.wait(0.5)
            await call.says(WITHOUT_A_PAUSE, heard_as="the second part is over.")
            await call.wait(10)
        assert call.caller_said == ["the first part", "the second part is over."]

    autojump.run(call())


def test_what_the_client_commits_over_the_agents_speech_is_a_turn_whatever_it_says() -> None:
    session = {"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}}

    async def call() -> None:
        async with Rig(replies=[LONG, "Fine."], session=session) as call:
            call.types("hello")
            await call.until("output_audio_buffer.started")
            await call.wait(1)
            await call.says("mm hm", heard_as="uh-huh", seconds=0.3)
            call.send("input_audio_buffer.commit")
            await call.until("input_audio_buffer.committed")
            await call.until("output_audio_buffer.stopped")
            await call.until("output_audio_buffer.stopped")
        assert "uh-huh" in call.caller_said
        assert LONG in call.caller_heard

    autojump.run(call())


def test_speech_starts_before_it_stops_also_when_it_was_only_recognised_afterwards() -> None:
    async def call() -> None:
        async with Rig(replies=[LONG, "Fine."], transcription_s=0.6) as call:
            call.types("hello")
            await call.until("output_audio_buffer.started")
            await call.wait(2)
            began_ms = call.session.listener.now_ms
            await call.says("stop", heard_as="stop", seconds=0.4)
            started = await call.until("input_audio_buffer.speech_started")
            stopped = await call.until("input_audio_buffer.speech_stopped")
        assert began_ms - 400 < started["audio_start_ms"] < began_ms + 300
        assert started["audio_start_ms"] < stopped["audio_end_ms"]

    autojump.run(call())


def test_an_interruption_is_announced_before_what_it_cuts() -> None:
    async def call() -> None:
        async with Rig(answering(LONG, tokens_per_s=5)) as call:
            call.types("hello")
            await call.until("output_audio_buffer.started")
            await call.wait(1)
            await call.says("no wait, stop that")
            await call.until("response.done")
        kinds = call.kinds()
        assert [
            kind
            for kind in kinds[kinds.index("input_audio_buffer.speech_started") :]
            if kind.endswith(("speech_started", "cleared", "truncated", "response.done"))
        ][:4] == [
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            "response.done",
            "conversation.item.truncated",
        ]

    autojump.run(call())


# --- the end ----------------------------------------------------------------------------------------------------------


def test_the_goodbye_does_not_wait_for_the_words_of_a_committed_turn() -> None:
    async def call() -> None:
        async with Rig(session=MANUAL, transcription_s=3.0) as call:
            await call.says("one more thing")
            call.send("input_audio_buffer.commit")
            call.session.end("shutdown")
            await call.until("output_audio_buffer.stopped", within=3)
        assert call.caller_heard == [PHRASES["goodbye"]]
        assert call.reason == "shutdown"

    autojump.run(call())


def test_nothing_of_the_caller_is_transcribed_during_the_goodbye() -> None:
    async def call() -> None:
        async with Rig(kind="websocket") as call:
            call.mute()
            call.session.end("shutdown")
            pcm = base64.b64encode(silence(1000, 24_000)).decode()
            call.send("input_audio_buffer.append", audio=pcm)
            await call.wait(0.3)
            assert call.transcriber.options == []

    autojump.run(call())


def test_nothing_is_answered_after_the_goodbye() -> None:
    async def call() -> None:
        async with Rig(replies=[LONG, "Late."], session=UNINTERRUPTED) as call:
            call.types("hello")
            await call.until("output_audio_buffer.started")
            await call.says("tell me about the weather.")
            await call.until("input_audio_buffer.committed")
            call.session.end("shutdown")
            await asyncio.wait_for(asyncio.shield(call._run), 20)
        assert call.kinds().count("response.created") == 2
        assert call.caller_heard[-1] == PHRASES["goodbye"]

    autojump.run(call())


# --- a fault of ours --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Tick, Hypothesis, ModelJudged, PlayoutStarted, ReplyEnded])
def test_a_fault_in_a_timer_or_a_task_ends_the_call_instead_of_leaving_it_mute(event: type[Event]) -> None:
    async def call() -> None:
        async with Rig(the_agent=PATIENT) as call:
            feed = call.session.machine.feed
            call.session.machine.feed = lambda fed, now: 1 / 0 if isinstance(fed, event) else feed(fed, now)  # type: ignore
            await call.says("my printer is offline today.")
            await call.until("agent.ended", reason="error", within=10)

    with pytest.raises(ZeroDivisionError):
        autojump.run(call())


def test_a_fault_behind_a_written_reply_ends_the_call_instead_of_leaving_it_mute() -> None:
    async def call() -> None:
        async with Rig(audible=False) as call:
            feed = call.session.machine.feed
            call.session.machine.feed = lambda fed, now: 1 / 0 if isinstance(fed, ReplyEnded) else feed(fed, now)  # type: ignore
            call.types("my printer is offline today.")
            await call.until("agent.ended", reason="error", within=10)

    with pytest.raises(ZeroDivisionError):
        autojump.run(call())


def test_a_fault_in_the_captions_ends_the_call_instead_of_leaving_them_behind_what_is_heard() -> None:
    async def call() -> None:
        async with Rig(replies=[LONG]) as call:
            send = call.transport.send_event

            def send_or_fail(event: Mapping[str, object]) -> None:
                send(event)
                assert event["type"] != "agent.caption" or event["final"]

            call.session._wire._send = send_or_fail
            await call.says("my printer is offline today.")
            await call.until("agent.ended", reason="error", within=20)

    with pytest.raises(AssertionError, match=r"agent\.caption"):
        autojump.run(call())


def test_a_fault_behind_the_queue_of_audio_ends_the_call_instead_of_leaving_it_deaf() -> None:
    async def call() -> None:
        async with Rig(kind="websocket") as call:
            call.mute()
            call.session.listener.frame = lambda pcm: 1 / 0  # type: ignore
            call.send("input_audio_buffer.append", audio=base64.b64encode(silence(100, 24_000)).decode())
            await call.until("agent.ended", reason="error", within=10)

    with pytest.raises(ZeroDivisionError):
        autojump.run(call())


def test_a_fault_as_the_call_begins_is_an_end_that_is_told_and_recorded() -> None:
    call: Rig | None = None

    async def begun() -> None:
        nonlocal call
        call = Rig(greet=True)
        call.session.connected()
        call.session.machine.feed = lambda fed, now: 1 / 0  # type: ignore
        try:
            await call.session.run()
        finally:
            await call.transport.close()

    with pytest.raises(ZeroDivisionError):
        autojump.run(begun())
    assert call is not None
    assert [record.reason for record in call.recorder.ended] == ["error"]
    assert call.events[-1]["type"] == "agent.ended"


def test_a_call_that_is_cancelled_while_it_waits_for_a_tool_is_recorded_and_leaves_nothing_running() -> None:
    async def never(_arguments: object, _context: ToolContext) -> Mapping[str, object]:
        await asyncio.Event().wait()
        return {}

    async def call() -> None:
        tool = Tool(ToolSpec("never", "Never ends.", {"type": "object", "properties": {}}), never)
        rig = Rig(lambda _: [ToolCall("call_1", "never", "{}"), Finished("tool_calls")], tools=[tool])
        run = asyncio.create_task(rig.session.run())
        await asyncio.sleep(0)
        rig.session.connected()
        rig.types("my printer is offline")
        await asyncio.sleep(1)
        rig.session.end("hangup")
        await asyncio.sleep(1)
        assert not run.done()
        run.cancel()
        await asyncio.wait([run])
        await rig.transport.close()
        assert [record.reason for record in rig.recorder.ended] == ["hangup"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    autojump.run(call())
