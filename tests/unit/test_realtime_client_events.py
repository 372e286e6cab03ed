"""What a client sends becomes one typed event, or one error that names what to change."""

from __future__ import annotations

import base64
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.realtime_wire import assert_valid, unhurried
from voice_agent.realtime.client_events import (
    SUPPORTED_TYPES,
    InputAudioAppend,
    InputAudioClear,
    InputAudioCommit,
    ItemCreate,
    ItemDelete,
    ItemRetrieve,
    ItemTruncate,
    OutputAudioClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
    parse_client_event,
)
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.items import Part

LIMIT = 64 * 1024


def parse(event: object) -> object:
    return parse_client_event(json.dumps(event), max_bytes=LIMIT)


def refusal(raw: str | bytes | dict[str, object], max_bytes: int = LIMIT) -> ProtocolError:
    text = json.dumps(raw) if isinstance(raw, dict) else raw
    with pytest.raises(ProtocolError) as caught:
        parse_client_event(text, max_bytes=max_bytes)
    assert_valid(caught.value.to_event())
    return caught.value


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "input_audio_buffer.commit"}, InputAudioCommit()),
        ({"type": "input_audio_buffer.clear", "event_id": "e"}, InputAudioClear("e")),
        ({"type": "output_audio_buffer.clear"}, OutputAudioClear()),
        ({"type": "response.cancel"}, ResponseCancel()),
        ({"type": "response.cancel", "response_id": "resp_1", "event_id": "e"}, ResponseCancel("resp_1", "e")),
        ({"type": "response.create"}, ResponseCreate({})),
        ({"type": "response.create", "response": None}, ResponseCreate({})),
        ({"type": "response.create", "response": {"instructions": "x"}}, ResponseCreate({"instructions": "x"})),
        ({"type": "conversation.item.retrieve", "item_id": "i"}, ItemRetrieve("i")),
        ({"type": "conversation.item.delete", "item_id": "i"}, ItemDelete("i")),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 900},
            ItemTruncate("i", 0, 900),
        ),
        ({"type": "session.update", "session": {"type": "realtime"}}, SessionUpdate({"type": "realtime"})),
    ],
)
def test_every_event_of_a_client_is_understood(event: dict[str, object], expected: object) -> None:
    assert parse(event) == expected


def test_unknown_extra_fields_are_tolerated() -> None:
    event = {"type": "response.cancel", "novelty": {"a": 1}}
    assert parse(event) == ResponseCancel()


def test_audio_is_decoded_from_base64() -> None:
    audio = bytes(range(256)) * 4
    event = {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode(), "event_id": "a1"}
    assert parse(event) == InputAudioAppend(audio, "a1")


@pytest.mark.parametrize("audio", ["AAA", "AA=A", "A A=", "____", "AAAA\n", "=AAA", "é"])
def test_audio_that_is_not_strict_base64_is_refused(audio: str) -> None:
    error = refusal({"type": "input_audio_buffer.append", "audio": audio, "event_id": "a1"})
    assert (error.code, error.param, error.event_id) == ("invalid_value", "audio", "a1")


@pytest.mark.parametrize(("audio", "code"), [(None, "missing_required_parameter"), (5, "invalid_type")])
def test_audio_must_be_a_string(audio: object, code: str) -> None:
    assert refusal({"type": "input_audio_buffer.append", "audio": audio}).code == code


def test_an_item_gets_an_id_where_it_brings_none() -> None:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
    first = parse({"type": "conversation.item.create", "item": item})
    second = parse({"type": "conversation.item.create", "item": item})
    assert isinstance(first, ItemCreate)
    assert isinstance(second, ItemCreate)
    assert first.item.id.startswith("item_")
    assert first.item.id != second.item.id
    assert first.item.content == (Part("input_text", "Hello"),)


def test_a_spoken_item_needs_its_transcript_and_keeps_no_audio() -> None:
    part = {"type": "input_audio", "audio": "AAAA", "transcript": "Hello"}
    item = {"id": "i1", "type": "message", "role": "user", "content": [part]}
    event = parse({"type": "conversation.item.create", "item": item, "previous_item_id": "root"})
    assert isinstance(event, ItemCreate)
    assert event.previous_item_id == "root"
    assert event.item.to_wire()["content"] == [{"type": "input_audio", "transcript": "Hello"}]
    del part["transcript"]
    assert refusal({"type": "conversation.item.create", "item": item}).param == "item.content[0].audio"


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "session.updated"}, "invalid_value", "type"),
        ({"type": ["response.create"]}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "session.update", "session": []}, "invalid_type", "session"),
        ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
        ({"type": "session.update", "session": {"type": "chat"}}, "invalid_value", "session.type"),
        ({"type": "response.create", "response": "now"}, "invalid_type", "response"),
        ({"type": "response.cancel", "response_id": 4}, "invalid_type", "response_id"),
        ({"type": "conversation.item.retrieve"}, "missing_required_parameter", "item_id"),
        ({"type": "conversation.item.delete", "item_id": 7}, "invalid_type", "item_id"),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": 0, "audio_end_ms": 1.5},
            "invalid_type",
            "audio_end_ms",
        ),
        (
            {"type": "conversation.item.truncate", "item_id": "i", "content_index": -1, "audio_end_ms": 1},
            "invalid_value",
            "content_index",
        ),
        ({"type": "conversation.item.create"}, "missing_required_parameter", "item"),
        ({"type": "conversation.item.create", "item": {}}, "missing_required_parameter", "item.type"),
        ({"type": "conversation.item.create", "item": {"type": "mcp_call"}}, "unsupported", "item.type"),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "robot", "content": []}},
            "invalid_value",
            "item.role",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": "Hi"}},
            "invalid_type",
            "item.content",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "input_text"}]},
            },
            "missing_required_parameter",
            "item.content[0].text",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "x"}]},
            },
            "unsupported",
            "item.content[0].type",
        ),
        (
            {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c"}},
            "missing_required_parameter",
            "item.output",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"id": "root", "type": "function_call", "name": "f", "arguments": "{}"},
            },
            "invalid_value",
            "item.id",
        ),
        (
            {
                "type": "session.update",
                "session": {
                    "type": "realtime",
                    "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": "high"}}},
                },
            },
            "invalid_type",
            "session.audio.input.turn_detection.threshold",
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", "name": 5}]}},
            "invalid_type",
            "session.tools[0].name",
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "truncation": {"type": "retention_ratio"}}},
            "missing_required_parameter",
            "session.truncation.retention_ratio",
        ),
    ],
)
def test_a_mistake_is_named_by_its_path_and_the_clients_event(event: dict[str, object], code: str, param: str) -> None:
    error = refusal({"event_id": "mine", **event})
    assert (error.code, error.param, error.event_id) == (code, param, "mine")
    assert error.to_event()["error"] == {
        "type": "invalid_request_error",
        "code": code,
        "message": error.message,
        "param": param,
        "event_id": "mine",
    }


def test_a_wrong_choice_is_told_the_right_ones() -> None:
    session = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/opus"}}}}
    error = refusal({"type": "session.update", "session": session})
    assert error.param == "session.audio.input.format.type"
    for choice in ("audio/pcm", "audio/pcmu", "audio/pcma"):
        assert choice in error.message


@pytest.mark.parametrize("event_id", [5, ["e"], "e" * 513])
def test_an_unusable_event_id_is_refused_and_not_repeated(event_id: object) -> None:
    error = refusal({"type": "response.cancel", "event_id": event_id})
    assert (error.param, error.event_id) == ("event_id", None)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{",
        '{"type": "response.cancel"} trailing',
        '{"type": NaN}',
        '{"type": "response.cancel", "n": Infinity}',
        '{"type": "response.cancel", "n": 1e999}',
        '{"type": "response.cancel", "n": ' + "9" * 5000 + "}",
        '{"type": "response.cancel", "n": -9223372036854775809}',
        '{"type": "response.cancel", "type": "response.create"}',
        '{"type": "response.cancel", "x": "\\ud800"}',
        '{"type": "response.cancel", "\\udfff": 1}',
        '{"type": "response.cancel", "x": "a\\u0000b"}',
        '{"type": "response.cancel", "x": "é\\u0000"}',
        '{"type": "response.cancel", "x": ' + "[" * 100 + "]" * 100 + "}",
        '{"type": "response.cancel", "x": ' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"x": ' * 9_000 + "1" + "}" * 9_000,
        b'{"type": "\xff"}',
    ],
)
def test_json_that_would_break_a_later_step_is_refused(raw: str | bytes) -> None:
    assert refusal(raw).code == "invalid_json"


def test_whole_surrogate_pairs_are_text_like_any_other() -> None:
    raw = r'{"type": "response.cancel", "response_id": "\ud83d\ude00"}'
    assert parse_client_event(raw, max_bytes=LIMIT) == ResponseCancel("\U0001f600")


def test_size_is_counted_in_bytes() -> None:
    raw = json.dumps({"type": "response.cancel", "x": "é" * 100}, ensure_ascii=False)
    size = len(raw.encode())
    assert parse_client_event(raw, max_bytes=size) == ResponseCancel()
    assert refusal(raw, max_bytes=size - 1).code == "event_too_large"
    assert refusal(raw.encode(), max_bytes=size - 1).code == "event_too_large"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
field_names = st.sampled_from(
    ["session", "item", "response", "audio", "item_id", "content_index", "audio_end_ms", "event_id", "content"]
)


@unhurried
@given(kind=st.sampled_from(SUPPORTED_TYPES), fields=st.dictionaries(field_names, json_values, max_size=4))
def test_any_json_is_parsed_or_refused_and_nothing_else(kind: str, fields: dict[str, object]) -> None:
    raw = json.dumps({"type": kind, **fields})
    try:
        parse_client_event(raw, max_bytes=LIMIT)
    except ProtocolError as error:
        assert_valid(error.to_event())


@unhurried
@given(raw=st.binary(max_size=60) | st.text(max_size=60) | st.text(alphabet='{}[]":,\\u0123 ' + string.digits))
def test_any_bytes_are_parsed_or_refused_and_nothing_else(raw: str | bytes) -> None:
    try:
        parse_client_event(raw, max_bytes=LIMIT)
    except ProtocolError as error:
        assert_valid(error.to_event())
