"""Whole calls with scripted engines on a jumping clock: what the caller hears, what the client sees, what is kept."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from scripts import autojump
from scripts.stub_engines import answering
from tests.call_rig import PATIENT, PHRASES, Rig, agent, in_a_call
from voice_agent.agents.base import Tool, ToolContext, ToolError, TurnProfile
from voice_agent.engines.ports import (
    EngineError,
    Finished,
    ReplyEvent,
    ReplyRequest,
    Switched,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from voice_agent.records import NewTicket
from voice_agent.settings import TurnSettings

LONG = (
    "First open the settings, then choose printers and scanners. After that, remove the old printer from the list. "
    "Finally add it again, and print a test page to see whether it works now."
)


@in_a_call
async def test_a_spoken_turn_is_answered_by_voice_in_the_order_of_the_protocol() -> None:
    async with Rig(replies=["Is the printer plugged in?"]) as call:
        await call.wait(0.5)
        await call.says("my printer is offline today.")
        await call.until("output_audio_buffer.stopped")
    kinds = call.kinds()
    assert [k for k in kinds if not k.endswith(".delta")] == [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "output_audio_buffer.started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "output_audio_buffer.stopped",
    ]
    assert call.caller_said == ["my printer is offline today."]
    assert call.caller_heard == ["Is the printer plugged in?"]
    assert call.reason == "hangup"


@in_a_call
async def test_the_answer_begins_within_the_delays_of_the_engines_because_it_was_begun_at_the_pause() -> None:
    """Stop detection 160 ms + transcription 100 ms + first token 150 ms + clause + first sound 80 ms; the wait for
    the end of the turn runs beside them."""
    async with Rig(replies=["Yes. I can help."]) as call:
        await call.wait(0.5)
        await call.says("my printer is offline today.")
        said_at = asyncio.get_running_loop().time()
        await call.until("output_audio_buffer.started")
        delay = asyncio.get_running_loop().time() - said_at
    assert delay < 0.65
    metrics = call.recorder.turns[-1].metrics
    assert metrics.e2e_ms is not None
    assert metrics.ttft_ms == 150
    assert metrics.ttfb_ms == 80


@in_a_call
async def test_an_interruption_stops_the_sound_and_cuts_the_history_to_the_words_heard() -> None:
    async with Rig(replies=[LONG, "Fine."]) as call:
        await call.wait(0.5)
        await call.says("how do I add my printer again?")
        await call.until("output_audio_buffer.started")
        await call.wait(3.0)
        spoke_at = asyncio.get_running_loop().time()
        await call.says("no wait, that is not what I asked for")
        truncated = await call.until("conversation.item.truncated")
        silent = [t for t in call.transport.sent_at if spoke_at + 0.3 < t < spoke_at + 1.2]
        await call.until("output_audio_buffer.stopped")
    assert not silent, "sound went on after the caller had begun to speak"
    heard = call.caller_heard[0]
    assert LONG.startswith(heard)
    assert 10 < len(heard) < len(LONG) * 0.6
    assert 2500 < truncated["audio_end_ms"] < 4500
    second = call.model.requests[-1].messages
    assert [m.text for m in second if m.role == "assistant"] == [heard]
    assert call.recorder.turns[1].interrupted
    assert call.caller_heard[1] == "Fine."


@in_a_call
async def test_a_backchannel_pauses_the_agent_and_it_goes_on() -> None:
    async with Rig(replies=[LONG]) as call:
        await call.wait(0.5)
        await call.says("how do I add my printer again?")
        await call.until("output_audio_buffer.started")
        await call.wait(2.0)
        await call.says("mm hm", heard_as="uh-huh", seconds=0.3)
        await call.until("agent.state", state="paused")
        await call.until("agent.state", state="speaking")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [LONG]
    assert len(call.caller_said) == 1
    assert "conversation.item.truncated" not in call.kinds()


@in_a_call
async def test_a_turn_spoken_in_two_parts_is_one_turn() -> None:
    async with Rig(replies=["I see."]) as call:
        await call.wait(0.5)
        await call.says("my printer and")
        await call.wait(0.5)
        await call.says("my scanner are both offline today.")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_said == ["my printer and my scanner are both offline today."]
    assert call.kinds().count("response.created") == 1


@in_a_call
async def test_speculation_that_was_wrong_costs_tokens_but_is_never_heard() -> None:
    seen: list[str] = []

    def script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        seen.append(request.messages[-1].text)
        return [0.05, TextDelta(f"About {len(seen)}. "), TextDelta("More."), Finished("stop")]

    async with Rig(script, the_agent=PATIENT) as call:
        await call.wait(0.5)
        await call.says("my printer stopped")
        await call.wait(0.4)
        await call.says("and so is my scanner today.")
        await call.until("output_audio_buffer.stopped")
    assert seen[0] == "my printer stopped"
    assert call.caller_heard == [f"About {len(seen)}. More."]
    assert call.recorder.turns[-1].metrics.wasted_tokens > 0


@in_a_call
async def test_a_call_that_wasted_too_much_waits_for_final_words_from_then_on() -> None:
    async with Rig(the_agent=PATIENT, turns=TurnSettings(_env_file=None, max_waste_share=0.1)) as call:
        await call.wait(0.5)
        await call.says("my printer stopped")
        await call.wait(0.4)
        await call.says("and then my scanner")
        await call.wait(0.4)
        await call.says("broke down as well today.")
        await call.until("output_audio_buffer.stopped")
        await call.wait(0.5)
        assert len(call.model.requests) == 3
        assert call.session.machine.patience.thrifty


@in_a_call
async def test_typed_text_in_a_voice_call_is_answered_by_voice() -> None:
    async with Rig(replies=["Hello there."]) as call:
        call.types("hi, are you there?")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_said == ["hi, are you there?"]
    assert call.recorder.turns[0].channel == "text"
    assert call.caller_heard == ["Hello there."]


@in_a_call
async def test_a_text_session_is_answered_in_text_alone() -> None:
    async with Rig(replies=["Hello there."], kind="websocket", session={"output_modalities": ["text"]}) as call:
        call.types("hi")
        done = await call.until("response.done")
    assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "Hello there."}]
    assert call.synthesizer.spoken == []
    assert call.caller_heard == ["Hello there."]


@in_a_call
async def test_the_agent_greets_word_for_word_when_asked_to() -> None:
    async with Rig(greet=True) as call:
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["Hello, how can I help?"]
    assert call.model.requests == []


@in_a_call
async def test_the_session_is_announced_before_anything_else_however_early_the_client_is_there() -> None:
    call = Rig(greet=True)
    call.session.connected()
    async with call:
        await call.until("output_audio_buffer.stopped")
    assert call.events[0]["type"] == "session.created"
    assert call.caller_heard == ["Hello, how can I help?"]


@in_a_call
async def test_captions_grow_with_what_was_heard() -> None:
    async with Rig(greet=True, the_agent=agent(greeting=LONG)) as call:
        await call.until("output_audio_buffer.stopped")
    captions = [e["text"] for e in call.events if e["type"] == "agent.caption"]
    assert len(captions) > 8
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(captions))
    assert all(later.rstrip() != earlier.rstrip() for earlier, later in itertools.pairwise(captions[:-1]))
    assert captions[-1] == LONG


@in_a_call
async def test_flagged_words_of_the_caller_are_refused_kindly_and_the_model_is_not_heard() -> None:
    async with Rig(replies=["I would do as you say."]) as call:
        await call.wait(0.5)
        await call.says("tell me the forbidden thing now.")
        done = await call.until("response.done")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [PHRASES["refusal"]]
    assert done["response"]["status_details"]["reason"] == "content_filter"


@in_a_call
async def test_typed_words_are_judged_with_the_spoken_ones_that_follow_them() -> None:
    async with Rig(replies=["I would do as you say."]) as call:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "the forbidden thing"}]}
        call.send("conversation.item.create", item=item)
        await call.wait(0.5)
        await call.says("please tell me how to do it.")
        await call.until("output_audio_buffer.stopped")
        await call.wait(0.5)
        await call.says("and something else now.")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [PHRASES["refusal"], "I would do as you say."]


@in_a_call
async def test_a_flagged_sentence_of_the_agent_is_not_spoken() -> None:
    async with Rig(replies=["Good question. The forbidden word. And more."]) as call:
        call.types("say it")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["Good question. " + PHRASES["refusal"]]
    assert not any("forbidden" in text for text in call.synthesizer.spoken[:1])


@in_a_call
async def test_a_model_that_breaks_in_mid_sentence_is_bridged_and_nothing_is_said_twice() -> None:
    steps: list[ReplyEvent | float | EngineError] = [
        TextDelta("First do this. "),
        TextDelta("Then "),
        Switched("a", "b", True),
        TextDelta("Try that."),
    ]
    async with Rig(lambda _: steps) as call:
        call.types("help")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [f"First do this. Then {PHRASES['bridge']} Try that."]
    assert [e["code"] for e in call.events if e["type"] == "agent.notice"] == ["fallback"]
    assert call.recorder.turns[-1].partial


@in_a_call
async def test_when_no_model_answers_the_agent_apologises_and_the_call_goes_on() -> None:
    broken = [True]

    def script(_: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        if broken.pop() if broken else False:
            return [EngineError("down", code="500", retryable=False)]
        return [TextDelta("Back again."), Finished("stop")]

    async with Rig(script) as call:
        call.types("help")
        done = await call.until("response.done")
        await call.until("output_audio_buffer.stopped")
        call.types("and now?")
        await call.until("output_audio_buffer.stopped")
    assert done["response"]["status"] == "failed"
    assert call.caller_heard == [PHRASES["apology"], "Back again."]


@in_a_call
async def test_a_slow_model_is_covered_by_a_filler() -> None:
    async with Rig(answering("At last.", first_token_s=3.0)) as call:
        call.types("help")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [PHRASES["filler"] + " At last."]


@in_a_call
async def test_when_no_synthesizer_works_the_words_are_still_shown() -> None:
    async with Rig(replies=["Read this."]) as call:
        call.synthesizer.fails = True
        call.types("help")
        await call.until("response.done")
        await call.wait(1)
        caption = call.events[-1] if call.events[-1]["type"] == "agent.caption" else await _caption(call)
    assert caption["text"] == "Read this."
    assert [e["code"] for e in call.events if e["type"] == "agent.notice"] == ["no_voice"]


async def _caption(call: Rig) -> dict[str, Any]:
    return next(e for e in reversed(call.events) if e["type"] == "agent.caption")


@in_a_call
async def test_when_no_words_are_found_in_real_speech_the_agent_asks() -> None:
    async with Rig() as call:
        await call.wait(0.5)
        await call.says("something very unclear was said here", heard_as="")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [PHRASES["not_heard"]]
    assert call.caller_said == []


@in_a_call
async def test_a_transcriber_that_fails_makes_the_agent_ask_again() -> None:
    async with Rig() as call:
        call.transcriber.fails = True
        await call.wait(0.5)
        await call.says("my printer is offline today, please help")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [PHRASES["not_heard"]]


@in_a_call
async def test_a_transcriber_that_says_nothing_makes_the_agent_ask_again() -> None:
    async with Rig(transcription_s=30) as call:
        await call.wait(0.5)
        await call.says("my printer is offline today, please help")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == [PHRASES["not_heard"]]


# --- tools ------------------------------------------------------------------------------------------------------------


async def _file(arguments: Mapping[str, object], context: ToolContext) -> Mapping[str, object]:
    if "summary" not in arguments:
        raise ToolError("A summary is needed.")
    ticket = NewTicket(str(arguments["summary"]), "", "printer", "P3")
    return {"number": await context.tickets.create_ticket(context.call_id, ticket)}


FILE = Tool(ToolSpec("create_ticket", "Files a ticket."), _file, writes=True)


def _files_then_says(arguments: str) -> Callable[[ReplyRequest], Sequence[ReplyEvent | float | EngineError]]:
    def script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        if request.messages and request.messages[-1].role == "tool":
            return [TextDelta(f"Result: {request.messages[-1].text}"), Finished("stop")]
        return [ToolCall("call_1", "create_ticket", arguments), Finished("tool_calls")]

    return script


@in_a_call
async def test_a_tool_of_the_agent_runs_here_and_its_result_reaches_the_model_and_the_page() -> None:
    async with Rig(_files_then_says('{"summary": "Printer offline"}'), tools=[FILE]) as call:
        call.types("file it")
        await call.until("output_audio_buffer.stopped")
    assert [t.summary for t in call.tickets.tickets] == ["Printer offline"]
    assert call.caller_heard == ['Result: {"number": 1001}']
    shown = next(e for e in call.events if e["type"] == "agent.ticket")
    assert (shown["number"], shown["reference"], shown["priority"]) == (1001, "INC-1001", "P3")
    assert not any("function_call" in k for k in call.kinds()), "clients would try to run it too"


@in_a_call
async def test_what_is_said_before_and_after_a_tool_stays_apart() -> None:
    def script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        if request.messages[-1].role == "tool":
            return [TextDelta("It is filed."), Finished("stop")]
        return [TextDelta("One moment."), ToolCall("c", "create_ticket", '{"summary":"x"}'), Finished("tool_calls")]

    async with Rig(script, tools=[FILE]) as call:
        call.types("file it")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["One moment. It is filed."]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [("{}", "A summary is needed."), ("not json", "valid JSON"), ("[1]", "JSON object")],
)
def test_bad_arguments_of_a_tool_are_told_to_the_model(arguments: str, error: str) -> None:
    async def scenario() -> None:
        async with Rig(_files_then_says(arguments), tools=[FILE]) as call:
            call.types("file it")
            await call.until("output_audio_buffer.stopped")
        assert error in call.caller_heard[0]
        assert call.tickets.tickets == []

    autojump.run(scenario())


@in_a_call
async def test_no_tool_runs_before_the_turn_is_committed() -> None:
    async with Rig(_files_then_says('{"summary": "x"}'), tools=[FILE]) as call:
        await call.wait(0.5)
        await call.says("file a ticket for my printer and")
        await call.wait(1.0)
        assert call.model.requests, "the reply was begun at the pause"
        assert call.tickets.tickets == []
        await call.until("agent.ticket")
    assert len(call.tickets.tickets) == 1


@in_a_call
async def test_a_tool_of_the_client_is_left_to_it_and_its_result_is_answered() -> None:
    def script(request: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        if request.messages[-1].role == "tool":
            return [TextDelta(f"It is {request.messages[-1].text}."), Finished("stop")]
        return [ToolCall("call_7", "weather", '{"city":"Rome"}'), Finished("tool_calls")]

    tool = {"type": "function", "name": "weather", "description": "", "parameters": {"type": "object"}}
    async with Rig(script) as call:
        call.send("session.update", session={"type": "realtime", "tools": [tool]})
        call.types("weather in Rome?")
        done = await call.until("response.output_item.done")
        await call.until("response.done")
        assert (done["item"]["name"], done["item"]["call_id"]) == ("weather", "call_7")
        item = {"type": "function_call_output", "call_id": "call_7", "output": "sunny"}
        call.send("conversation.item.create", item=item)
        call.send("response.create")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["It is sunny."]


# --- client events ----------------------------------------------------------------------------------------------------


@in_a_call
async def test_what_a_client_gets_wrong_is_answered_with_its_event_id_and_the_call_goes_on() -> None:
    async with Rig(replies=["Still here."]) as call:
        call.session.client_event("not json")
        call.send("no.such.event", event_id="e1")
        call.send("session.update", event_id="e2", session={"type": "realtime", "audio": {"output": {"speed": 9}}})
        call.send("response.cancel", event_id="e3")
        call.send("input_audio_buffer.commit", event_id="e4")
        call.send("conversation.item.retrieve", event_id="e5", item_id="nope")
        call.types("are you there?")
        call.send("response.create", event_id="e6")
        await call.until("output_audio_buffer.stopped")
    errors = [e["error"] for e in call.events if e["type"] == "error"]
    assert [e.get("event_id") for e in errors] == [None, "e1", "e2", "e3", "e4", "e5", "e6"]
    assert all(e["message"] for e in errors)
    assert errors[-1]["code"] == "conversation_already_has_active_response"
    assert call.caller_heard == ["Still here."]


@in_a_call
async def test_cancel_stops_the_response_and_a_clear_after_it_is_done_stops_the_sound() -> None:
    async with Rig(answering(LONG, tokens_per_s=8)) as call:
        call.types("go on")
        await call.until("output_audio_buffer.started")
        await call.wait(1.0)
        call.send("response.cancel")
        done = await call.until("response.done")
        assert done["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
        call.types("again")
        await call.until("response.done", within=60)
        assert "output_audio_buffer.stopped" not in call.kinds()
        call.send("output_audio_buffer.clear")
        await call.until("output_audio_buffer.cleared")
        call.send("output_audio_buffer.clear")
    assert all(len(h) < len(LONG) for h in call.caller_heard)
    assert not [e for e in call.events if e["type"] == "error"]


@in_a_call
async def test_manual_turns_are_committed_by_the_client_and_answered_when_it_asks() -> None:
    async with Rig(replies=["Understood."]) as call:
        update = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "any"}}}}
        call.send("session.update", session=update)
        await call.says("push to talk is on.")
        await call.wait(3)
        assert call.caller_said == []
        call.send("input_audio_buffer.commit")
        completed = await call.until("conversation.item.input_audio_transcription.completed")
        assert completed["transcript"] == "push to talk is on."
        assert call.model.requests == []
        call.send("response.create")
        await call.until("output_audio_buffer.stopped")
    assert call.caller_heard == ["Understood."]
    assert "input_audio_buffer.speech_started" not in call.kinds()


@in_a_call
async def test_a_cleared_manual_buffer_is_forgotten() -> None:
    async with Rig() as call:
        call.send("session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await call.says("forget this.")
        call.send("input_audio_buffer.clear")
        await call.until("input_audio_buffer.cleared")
        await call.wait(2)
    assert call.caller_said == []


@in_a_call
async def test_a_transcription_session_transcribes_and_never_answers() -> None:
    session = {"type": "transcription", "audio": {"input": {"transcription": {"model": "any", "language": "de"}}}}
    async with Rig(session=session) as call:
        await call.wait(0.5)
        await call.says("just write this down.")
        done = await call.until("conversation.item.input_audio_transcription.completed")
        await call.wait(5)
    assert done["transcript"] == "just write this down."
    assert call.model.requests == []
    assert call.transcriber.options[0].language == "de"


@in_a_call
async def test_server_vad_waits_just_as_long_as_the_client_says() -> None:
    detection = {"type": "server_vad", "silence_duration_ms": 1500}
    session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    async with Rig(session=session) as call:
        await call.wait(0.5)
        await call.says("yes.")
        await call.wait(1.2)
        assert call.caller_said == []
        await call.until("input_audio_buffer.committed")
    assert call.caller_said == ["yes."]


@in_a_call
async def test_an_out_of_band_response_leaves_the_conversation_alone() -> None:
    async with Rig(replies=["spam"]) as call:
        call.send("response.create", response={"conversation": "none", "output_modalities": ["text"], "input": []})
        done = await call.until("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == "spam"
    assert len(call.session.conversation) == 0


# --- silence and the end ----------------------------------------------------------------------------------------------


@in_a_call
async def test_a_silent_caller_is_nudged_warned_and_let_go_with_a_goodbye() -> None:
    patient = agent(turns=TurnProfile(250, 2000, nudges=((8.0, "Take your time."),)))
    turns = TurnSettings(_env_file=None, idle_warning_s=30, idle_end_s=10)
    async with Rig(greet=True, the_agent=patient, turns=turns) as call:
        warning = await call.until("agent.idle_warning", within=60)
        assert warning["seconds"] == 10
        reason = await asyncio.wait_for(asyncio.shield(call._run), 60)
    assert reason == "idle"
    assert call.caller_heard == ["Hello, how can I help?", "Take your time.", PHRASES["idle"], PHRASES["goodbye"]]
    assert call.events[-1]["reason"] == "idle"


@in_a_call
async def test_a_call_over_its_time_ends_with_a_goodbye() -> None:
    async with Rig(greet=True, max_call_s=20) as call:
        reason = await asyncio.wait_for(asyncio.shield(call._run), 60)
    assert reason == "time_limit"
    assert call.caller_heard[-1] == PHRASES["goodbye"]


@in_a_call
async def test_hanging_up_in_the_middle_of_everything_leaves_nothing_running() -> None:
    async with Rig(replies=[LONG]) as call:
        await call.wait(0.5)
        await call.says("how do I add my printer again?")
        await call.until("output_audio_buffer.started")
        call._frames += [b"\x10\x20" * 320] * 20
        await call.wait(0.2)
    assert call.reason == "hangup"
    assert call.recorder.ended[0].reason == "hangup"
    assert call.model.closed_early <= 1


@in_a_call
async def test_a_side_channel_sees_the_call_and_may_speak_to_it() -> None:
    async with Rig(replies=["Noted."]) as call:
        seen: list[str] = []
        detach = call.session.attach(lambda event: seen.append(str(event["type"])))
        call.types("hello")
        await call.until("output_audio_buffer.stopped")
        detach()
        call.types("more")
        await call.until("output_audio_buffer.stopped")
    assert seen[0] == "session.created"
    assert seen.count("response.done") == 1
