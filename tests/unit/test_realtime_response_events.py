"""A response's events come in the order clients rely on, whatever ends it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.realtime_wire import assert_valid, unhurried
from voice_agent.engines.ports import Usage
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.errors import IllegalOrderError
from voice_agent.realtime.response_config import ResponseConfig
from voice_agent.realtime.response_events import ResponseEvents
from voice_agent.realtime.server_events import Event
from voice_agent.realtime.session_config import SessionConfig

Transport = Literal["webrtc", "websocket"]


def counting_ids() -> Callable[[str], str]:
    numbers = itertools.count(1)
    return lambda kind: f"{kind}_{next(numbers)}"


class Scene:
    """One response and what it sent."""

    def __init__(self, params: dict[str, object] | None = None, transport: Transport = "websocket") -> None:
        self.events: list[Event] = []
        self.conversation = Conversation(max_items=50, conversation_id="conv_1")
        session = SessionConfig.create(agent_model="interviewer", voice="anna")
        self.response = ResponseEvents(
            self.events.append,
            self.conversation,
            ResponseConfig.create(session, params or {}),
            transport=transport,
            make_id=counting_ids(),
        )

    @property
    def types(self) -> list[str]:
        return [str(event["type"]) for event in self.events]

    def done(self) -> dict[str, object]:
        assert self.types.count("response.done") == 1
        assert self.types[-1] == "response.done"
        response = self.events[-1]["response"]
        assert isinstance(response, dict)
        return response


def test_a_spoken_response_over_a_websocket() -> None:
    scene = Scene()
    response = scene.response
    response.begin()
    item_id = response.begin_message()
    response.text("Hello")
    response.audio("AAAA")
    response.text(" you.")
    response.end_message()
    response.finish(usage=Usage(12, 3))
    assert scene.types == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    for event in scene.events:
        assert_valid(event)
    item = {
        "id": item_id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_audio", "transcript": "Hello you."}],
    }
    assert scene.events[2]["item"] == {**item, "status": "in_progress", "content": []}
    assert scene.events[3]["part"] == {"type": "audio", "transcript": ""}
    assert scene.done() == {
        "object": "realtime.response",
        "id": "resp_1",
        "status": "completed",
        "conversation_id": "conv_1",
        "output": [item],
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "anna"}},
        "usage": {
            "total_tokens": 15,
            "input_tokens": 12,
            "output_tokens": 3,
            "input_token_details": {"text_tokens": 12, "audio_tokens": 0, "cached_tokens": 0},
            "output_token_details": {"text_tokens": 3, "audio_tokens": 0},
        },
    }
    assert scene.conversation.get(item_id).text == "Hello you."


def test_a_written_response() -> None:
    scene = Scene({"output_modalities": ["text"]}, transport="webrtc")
    scene.response.begin()
    scene.response.begin_message()
    scene.response.text("Hi")
    scene.response.text("")
    scene.response.finish()
    assert scene.types[3:] == [
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert "audio" not in scene.done()


def test_a_message_and_two_function_calls_have_their_own_indices() -> None:
    scene = Scene()
    response = scene.response
    response.begin()
    response.begin_message()
    response.text("One moment.")
    response.end_message()
    response.function_call("weather", "call_1", '{"city": "Ulm"}')
    response.function_call("time", "call_2", "{}")
    response.finish()
    calls = [event for event in scene.events if event.get("output_index") == 1]
    assert [event["type"] for event in calls] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]
    added, _, arguments, done = calls
    # Clients run a tool as soon as they see its item completed: only once, with everything in it.
    assert isinstance(added["item"], dict)
    assert (added["item"]["status"], added["item"]["arguments"]) == ("in_progress", "")
    assert arguments["name"] == "weather"
    assert isinstance(done["item"], dict)
    assert done["item"]["status"] == "completed"
    assert (done["item"]["name"], done["item"]["call_id"]) == ("weather", "call_1")
    assert done["item"]["arguments"] == '{"city": "Ulm"}'
    output = scene.done()["output"]
    assert isinstance(output, list)
    assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
    for event in scene.events:
        assert_valid(event)


def test_items_name_the_one_before_them_and_null_at_the_front() -> None:
    scene = Scene()
    scene.response.begin()
    first = scene.response.begin_message()
    scene.response.end_message()
    scene.response.function_call("f", "c", "{}")
    scene.response.finish()
    added = [event for event in scene.events if event["type"] == "conversation.item.added"]
    assert [event["previous_item_id"] for event in added] == [None, first]


@pytest.mark.parametrize("reason", ["turn_detected", "client_cancelled"])
def test_a_cancelled_response_closes_what_it_opened(reason: Literal["turn_detected", "client_cancelled"]) -> None:
    scene = Scene()
    scene.response.begin()
    item_id = scene.response.begin_message()
    scene.response.text("I was going to")
    scene.response.finish("cancelled", reason)
    assert scene.types[-6:] == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    done = scene.done()
    assert done["status_details"] == {"type": "cancelled", "reason": reason}
    assert scene.conversation.get(item_id).status == "incomplete"


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_response_says_why(reason: Literal["max_output_tokens", "content_filter"]) -> None:
    scene = Scene()
    scene.response.begin()
    scene.response.finish("incomplete", reason)
    assert scene.done()["status_details"] == {"type": "incomplete", "reason": reason}
    assert_valid(scene.events[-1])


def test_a_failed_response_tells_its_error() -> None:
    scene = Scene()
    scene.response.begin()
    scene.response.finish("failed", error_code="timeout", error_message="The model did not answer.")
    details = scene.done()["status_details"]
    assert isinstance(details, dict)
    assert details["error"] == {"type": "server_error", "code": "timeout", "message": "The model did not answer."}
    assert_valid(scene.events[-1])


def test_an_out_of_band_response_leaves_the_conversation_alone() -> None:
    scene = Scene({"conversation": "none", "metadata": {"topic": "mood"}, "output_modalities": ["text"]})
    scene.response.begin()
    scene.response.begin_message()
    scene.response.text("calm")
    scene.response.end_message()
    scene.response.function_call("f", "c", "{}")
    scene.response.finish()
    assert len(scene.conversation) == 0
    assert not [kind for kind in scene.types if kind.startswith("conversation.")]
    done = scene.done()
    assert done["metadata"] == {"topic": "mood"}
    assert "conversation_id" not in done
    for event in scene.events:
        assert_valid(event)


def test_the_length_of_the_audio_survives_the_end_of_the_message() -> None:
    scene = Scene()
    scene.response.begin()
    item_id = scene.response.begin_message()
    scene.response.text("one two")
    scene.conversation.set_audio_ms(item_id, 800)
    scene.response.finish()
    assert scene.conversation.truncate(item_id, 0, 400).text == "one"


def test_an_item_deleted_while_it_is_made_stays_deleted() -> None:
    scene = Scene()
    scene.response.begin()
    item_id = scene.response.begin_message()
    scene.conversation.delete(item_id)
    scene.response.finish()
    assert item_id not in scene.conversation
    assert scene.types[-2:] == ["response.output_item.done", "response.done"]


def test_audio_travels_in_events_only_over_a_websocket() -> None:
    for params, transport in (({}, "webrtc"), ({"output_modalities": ["text"]}, "websocket")):
        scene = Scene(dict(params), transport="webrtc" if transport == "webrtc" else "websocket")
        scene.response.begin()
        scene.response.begin_message()
        with pytest.raises(IllegalOrderError):
            scene.response.audio("AAAA")


def test_a_reason_must_fit_the_status() -> None:
    scene = Scene()
    scene.response.begin()
    with pytest.raises(IllegalOrderError):
        scene.response.finish("cancelled")
    with pytest.raises(IllegalOrderError):
        scene.response.finish("completed", "turn_detected")
    assert scene.types == ["response.created"]


Step = tuple[str, Callable[[ResponseEvents], object]]
STEPS: list[Step] = [
    ("begin", lambda r: r.begin()),
    ("begin_message", lambda r: r.begin_message()),
    ("text", lambda r: r.text("word ")),
    ("audio", lambda r: r.audio("AAAA")),
    ("end_message", lambda r: r.end_message()),
    ("function_call", lambda r: r.function_call("f", "c", "{}")),
    ("complete", lambda r: r.finish()),
    ("interrupt", lambda r: r.finish("cancelled", "turn_detected")),
    ("cut", lambda r: r.finish("incomplete", "content_filter")),
    ("fail", lambda r: r.finish("failed")),
]

LETTERS = {
    "response.created": "(",
    "response.output_item.added": "[",
    "conversation.item.added": "a",
    "response.content_part.added": "{",
    "response.output_audio_transcript.delta": "t",
    "response.output_audio.delta": "s",
    "response.output_audio.done": "S",
    "response.output_audio_transcript.done": "T",
    "response.output_text.delta": "w",
    "response.output_text.done": "W",
    "response.content_part.done": "}",
    "response.function_call_arguments.delta": "f",
    "response.function_call_arguments.done": "F",
    "conversation.item.done": "d",
    "response.output_item.done": "]",
    "response.done": ")",
}
GRAMMAR = re.compile(r"\((\[a?(\{([ts]*ST|w*W)\}|fF)d?\])*\)")


@unhurried
@given(
    steps=st.lists(st.sampled_from(STEPS), max_size=25),
    text_only=st.booleans(),
    out_of_band=st.booleans(),
    webrtc=st.booleans(),
)
def test_any_sequence_of_calls_and_cancels_sends_a_well_formed_response(
    steps: list[Step], text_only: bool, out_of_band: bool, webrtc: bool
) -> None:
    params: dict[str, object] = {"output_modalities": ["text" if text_only else "audio"]}
    if out_of_band:
        params["conversation"] = "none"
    scene = Scene(params, "webrtc" if webrtc else "websocket")
    for _, step in steps:
        sent = len(scene.events)
        try:
            step(scene.response)
        except IllegalOrderError:
            assert len(scene.events) == sent
    if scene.response.active:
        scene.response.finish("cancelled", "client_cancelled")
    if not scene.events:
        return
    assert GRAMMAR.fullmatch("".join(LETTERS[kind] for kind in scene.types))
    for event in scene.events:
        assert_valid(event)
    assert len({event["event_id"] for event in scene.events}) == len(scene.events)
    assert all(item.status != "in_progress" for item in scene.conversation.items)
    output = scene.done()["output"]
    assert output == [item.to_wire() for item in scene.response.output]
    if not out_of_band:
        assert output == [item.to_wire() for item in scene.conversation.items]
