"""The conversation keeps its items in order, within its bound, and pairs tools for the language model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.realtime_wire import unhurried
from voice_agent.engines.ports import Message, ToolCall
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.errors import ProtocolError
from voice_agent.realtime.items import Item, Part
from voice_agent.realtime.response_config import ItemReference
from voice_agent.realtime.session_parts import Truncation


def user(item_id: str, text: str | None = "hello") -> Item:
    return Item(item_id, "message", content=(Part("input_audio", text),))


def spoken(item_id: str, text: str = "one two three four", audio_ms: int = 2000) -> Item:
    return Item(item_id, "message", role="assistant", content=(Part("output_audio", text),), audio_ms=audio_ms)


def call(item_id: str, call_id: str, *, internal: bool = False) -> Item:
    return Item(item_id, "function_call", name="f", call_id=call_id, arguments="{}", internal=internal)


def output(item_id: str, call_id: str) -> Item:
    return Item(item_id, "function_call_output", call_id=call_id, output=f"result of {call_id}")


def conversation(*items: Item, max_items: int = 100) -> Conversation:
    result = Conversation(max_items=max_items)
    for item in items:
        result.append(item)
    return result


def ids(of: Conversation) -> list[str]:
    return [item.id for item in of.items]


def refusal(code: str, param: str) -> pytest.RaisesExc[ProtocolError]:
    return pytest.RaisesExc(ProtocolError, check=lambda error: (error.code, error.param) == (code, param))


def test_items_go_to_the_end_after_another_or_first() -> None:
    talk = conversation(user("a"), user("b"))
    talk.create(user("end"))
    talk.create(user("after_a"), "a")
    talk.create(user("first"), "root")
    assert ids(talk) == ["first", "a", "after_a", "b", "end"]
    assert talk.previous_visible_id("first") is None
    assert talk.previous_visible_id("after_a") == "a"
    assert talk.last_visible_id == "end"


def test_what_cannot_be_inserted_is_refused() -> None:
    talk = conversation(user("a"))
    with refusal("invalid_value", "item.id"):
        talk.create(user("a"))
    with refusal("item_not_found", "previous_item_id"):
        talk.create(user("b"), "nowhere")
    with refusal("invalid_value", "item.call_id"):
        talk.create(output("o", "no_call"))
    assert ids(talk) == ["a"]


def test_an_item_that_is_not_there_is_an_error() -> None:
    talk = conversation(user("a"))
    talk.delete("a")
    with refusal("item_not_found", "item_id"):
        talk.retrieve("a")
    with refusal("item_not_found", "item_id"):
        talk.delete("a")
    with refusal("item_not_found", "item_id"):
        talk.truncate("a", 0, 0)


def test_clients_never_meet_internal_items_but_the_model_does() -> None:
    talk = conversation(user("a"), call("c", "k", internal=True))
    talk.append(Item("o", "function_call_output", call_id="k", output="42", internal=True))
    assert talk.last_visible_id == "a"
    with refusal("item_not_found", "item_id"):
        talk.retrieve("c")
    with refusal("invalid_value", "item.call_id"):
        talk.create(output("mine", "k"))
    assert talk.to_messages()[-1] == Message("tool", "42", call_id="k")


def test_truncation_cuts_text_to_what_was_heard() -> None:
    talk = conversation(spoken("s"))
    cut = talk.truncate("s", 0, 1000)
    assert (cut.text, cut.status, cut.heard_ms) == ("one two", "incomplete", 1000)
    assert talk.truncate("s", 0, 400, heard="one").text == "one"
    assert talk.retrieve("s").text == "one"


def test_a_second_truncation_further_on_changes_nothing() -> None:
    talk = conversation(spoken("s"))
    first = talk.truncate("s", 0, 500, heard="one")
    assert talk.truncate("s", 0, 1900) == first


def test_truncation_beyond_the_audio_or_of_anything_else_is_refused() -> None:
    talk = conversation(spoken("s"), user("u"))
    with refusal("invalid_value", "audio_end_ms"):
        talk.truncate("s", 0, 2001)
    with refusal("invalid_value", "content_index"):
        talk.truncate("s", 1, 100)
    with refusal("invalid_value", "item_id"):
        talk.truncate("u", 0, 0)
    talk.set_status("s", "in_progress")
    with refusal("invalid_value", "item_id"):
        talk.truncate("s", 0, 100)


def test_a_transcript_arrives_later() -> None:
    talk = conversation(user("u", None))
    assert talk.to_messages() == []
    assert talk.retrieve("u").to_wire()["content"] == [{"type": "input_audio", "transcript": None}]
    talk.set_transcript("u", "Hi there")
    talk.set_transcript("gone", "nothing happens")
    assert talk.to_messages() == [Message("user", "Hi there")]


def test_the_oldest_go_when_it_is_full() -> None:
    talk = conversation(*(user(str(n)) for n in range(4)), max_items=4)
    talk.create(user("new"))
    assert ids(talk) == ["1", "2", "3", "new"]


def test_a_retention_ratio_makes_more_room_at_once() -> None:
    talk = conversation(*(user(str(n)) for n in range(10)), max_items=10)
    talk.truncation = Truncation(0.5)
    talk.append(user("new"))
    assert ids(talk) == ["5", "6", "7", "8", "9", "new"]


def test_disabled_truncation_refuses_the_client_and_never_the_caller() -> None:
    talk = conversation(user("a"), user("b"), max_items=2)
    talk.truncation = Truncation(enabled=False)
    with refusal("conversation_full", "item"):
        talk.create(user("c"))
    talk.append(user("spoken"))
    assert ids(talk) == ["b", "spoken"]


def test_what_is_being_said_is_not_dropped() -> None:
    talk = conversation(spoken("s"), user("a"), max_items=2)
    talk.set_status("s", "in_progress")
    talk.append(user("b"))
    assert ids(talk) == ["s", "b"]


def test_tool_calls_join_their_message_and_results_follow_at_once() -> None:
    talk = conversation(
        Item("sys", "message", role="system", content=(Part("input_text", "Be brief."),)),
        user("u", "weather?"),
        spoken("s", "Let me see."),
        call("c1", "k1"),
        call("c2", "k2"),
        call("c3", "unanswered"),
        user("u2", "hurry"),
        output("o2", "k2"),
        output("o1", "k1"),
        output("orphan", "k9"),
        spoken("s2", "Sunny."),
    )
    assert talk.to_messages() == [
        Message("system", "Be brief."),
        Message("user", "weather?"),
        Message("assistant", "Let me see.", (ToolCall("k1", "f", "{}"), ToolCall("k2", "f", "{}"))),
        Message("tool", "result of k1", call_id="k1"),
        Message("tool", "result of k2", call_id="k2"),
        Message("user", "hurry"),
        Message("assistant", "Sunny."),
    ]


def test_what_is_still_being_said_is_left_out() -> None:
    talk = conversation(user("u"), spoken("s"))
    talk.set_status("s", "in_progress")
    assert talk.to_messages() == [Message("user", "hello")]


def test_references_become_their_items() -> None:
    talk = conversation(user("a"))
    extra = user("x")
    assert talk.resolve([ItemReference("a"), extra]) == [talk.get("a"), extra]
    with refusal("item_not_found", "item_id"):
        talk.resolve([ItemReference("b")])


def test_nothing_appended_twice() -> None:
    with pytest.raises(ValueError, match="exists"):
        conversation(user("a"), user("a"))


call_ids = st.sampled_from(["k1", "k2", "k3"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("call"), call_ids),
        st.tuples(st.just("output"), call_ids),
        st.tuples(st.just("user"), st.sampled_from(["hi", ""])),
        st.tuples(st.just("assistant"), st.sampled_from(["yes", ""])),
        st.tuples(st.just("delete"), st.just("")),
    ),
    max_size=20,
)


@unhurried
@given(steps=steps)
def test_models_always_get_each_call_with_exactly_its_results(steps: list[tuple[str, str]]) -> None:
    talk = Conversation(max_items=8)
    for number, (kind, text) in enumerate(steps):
        item_id = f"i{number}"
        try:
            if kind == "call":
                talk.append(call(item_id, text))
            elif kind == "output":
                talk.create(output(item_id, text))
            elif kind == "user":
                talk.append(user(item_id, text))
            elif kind == "assistant":
                talk.append(spoken(item_id, text))
            elif len(talk):
                talk.delete(talk.items[0].id)
        except ProtocolError:
            continue
    assert len(talk) <= 8
    expected: list[str] = []
    for message in talk.to_messages():
        if message.role == "tool":
            assert message.call_id == expected.pop(0)
            continue
        assert expected == []
        assert message.text or message.tool_calls
        expected = [one.call_id for one in message.tool_calls]
    assert expected == []
