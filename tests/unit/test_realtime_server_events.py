"""Every event that stands alone fits its published type; ours are plain and marked as ours."""

from __future__ import annotations

import json

import pytest

from tests.unit.realtime_wire import assert_valid
from voice_agent.realtime import agent_events, server_events
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import Item, Part

ITEMS = [
    Item("i", "message", role="system", content=(Part("input_text", "Be brief."),)),
    Item("i", "message", role="user", content=(Part("input_text", "Hi"), Part("input_audio", None))),
    Item("i", "message", role="assistant", content=(Part("output_text", "Yes"),), status="incomplete"),
    Item("i", "message", role="assistant", content=(Part("output_audio", "Yes"),), status="in_progress"),
    Item("i", "function_call", name="f", call_id="c", arguments="{}"),
    Item("i", "function_call_output", call_id="c", output="42"),
]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: f"{item.type}-{item.role}-{item.status}")
def test_every_kind_of_item_fits_every_event_that_carries_one(item: Item) -> None:
    assert_valid(server_events.item_added(item, None))
    assert_valid(server_events.item_added(item, "before"))
    assert_valid(server_events.item_done(item, "before"))
    assert_valid(server_events.item_retrieved(item))


@pytest.mark.parametrize(
    "event",
    [
        server_events.item_deleted("i"),
        server_events.item_truncated("i", 1200),
        server_events.speech_started("i", 10),
        server_events.speech_stopped("i", 900),
        server_events.input_committed("i", None),
        server_events.input_cleared(),
        server_events.timeout_triggered("i", 0, 6000),
        server_events.transcription_delta("i", "word"),
        server_events.transcription_completed("i", "words", 1.5),
        server_events.transcription_failed("i", "timeout", "No answer."),
        server_events.transcription_segment("i", "words", speaker="A", start_s=0, end_s=1.5),
        server_events.output_audio_started("r"),
        server_events.output_audio_stopped("r"),
        server_events.output_audio_cleared("r"),
        server_events.rate_limits_updated({"requests": (100, 99, 0.6)}),
        ProtocolError("No.", code="c").to_event(),
        ProtocolError("No.", code="c", param="p", event_id="e").to_event(),
    ],
    ids=lambda event: str(event["type"]),
)
def test_events_fit_their_published_types(event: dict[str, object]) -> None:
    assert_valid(event)
    json.dumps(event, allow_nan=False)


@pytest.mark.parametrize(
    "event",
    [
        agent_events.state("listening"),
        agent_events.caption("i", "What was heard", final=False),
        agent_events.notice("fallback", "Another voice takes over."),
        agent_events.idle_warning(20),
        agent_events.ticket(1042, "INC-1042", "Printer on fire", "P1"),
        agent_events.ended("idle"),
    ],
    ids=lambda event: str(event["type"]),
)
def test_our_own_events_are_marked_and_numbered(event: dict[str, object]) -> None:
    assert str(event["type"]).startswith("agent.")
    assert isinstance(event["event_id"], str)
    json.dumps(event, allow_nan=False)


def test_the_first_cause_of_an_error_stays() -> None:
    error = ProtocolError("No.", code="c").caused_by("first").caused_by("second")
    assert error.event_id == "first"


def test_ids_are_unique_and_tell_their_kind() -> None:
    for kind in ("event", "item", "resp", "sess"):
        made = {new_id(kind) for _ in range(2000)}
        assert len(made) == 2000
        assert all(one.startswith(f"{kind}_") for one in made)
