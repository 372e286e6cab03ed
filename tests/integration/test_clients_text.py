"""The `openai` package, unmodified, in text conversations with the server: only the base URL is ours."""

from __future__ import annotations

import json

from scripts.stub_script import Delays, ReplyRule
from tests.integration.clients_support import Open, declared_events_were_seen, open_place, seen, shows, user

__all__ = ["declared_events_were_seen", "open_place", "seen"]

LOOKUP = {
    "type": "function",
    "name": "find_room",
    "description": "Finds a free meeting room.",
    "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}, "required": ["people"]},
}


@shows(
    "session.update",
    "session.created",
    "session.updated",
    "conversation.item.create",
    "conversation.item.added",
    "conversation.item.done",
    "response.create",
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
)
async def test_two_turns_in_text_come_word_by_word_and_the_second_remembers_the_first(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("colour", text="You like green. It is a calm colour.")])
    async with place.connect() as talk:
        created = await talk.until("session.created")
        assert created.session.model == "helpdesk"
        session = await talk.update(output_modalities=["text"], instructions="Be brief.")
        assert session.output_modalities == ["text"]
        assert session.instructions == "Be brief."
        first = await talk.ask("I like green.")
        second = await talk.ask("Which colour do I like?")
    assert [first.status, second.status] == ["completed", "completed"]
    assert second.usage.output_tokens > 0
    (item,) = second.output
    assert item.content[0].text == "You like green. It is a calm colour."
    assert talk.item_text(item.id) == item.content[0].text
    assert len(talk.of("response.output_text.delta", item_id=item.id)) > 1
    assert talk.kinds()[-1] == "response.done"
    messages = place.stub.asked("chat")[-1].parameters["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"].startswith("Be brief.")


@shows("response.function_call_arguments.delta", "response.function_call_arguments.done")
async def test_a_function_of_the_client_is_called_and_its_result_is_used(open_place: Open) -> None:
    place = await open_place(
        replies=[
            ReplyRule("fits seven", text="Take the blue room."),
            ReplyRule("room", tool_calls=(("find_room", '{"people": 7}'),)),
        ]
    )
    async with place.connect() as talk:
        await talk.update(output_modalities=["text"], tools=[LOOKUP], tool_choice="auto")
        asked = await talk.ask("I need a room for seven.")
        (call,) = asked.output
        assert (call.type, call.name, call.status) == ("function_call", "find_room", "completed")
        assert json.loads(call.arguments) == {"people": 7}
        arguments = "".join(event.delta for event in talk.of("response.function_call_arguments.delta"))
        assert arguments == call.arguments
        await talk.connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "the blue room fits seven"}
        )
        await talk.connection.response.create()
        answer = (await talk.until("response.done")).response
    assert answer.output[0].content[0].text == "Take the blue room."
    offered = place.stub.asked("chat")[0].parameters["tools"]
    assert "find_room" in [tool["function"]["name"] for tool in offered]


@shows("response.cancel")
async def test_a_response_is_cancelled_in_the_middle_and_the_next_one_is_whole(open_place: Open) -> None:
    long = "One thing. " * 60
    place = await open_place(
        replies=[ReplyRule("story", text=long), ReplyRule("short", text="Yes.")], delays=Delays(tokens_per_s=30)
    )
    async with place.connect() as talk:
        await talk.update(output_modalities=["text"])
        await talk.say("Tell me a story.")
        await talk.connection.response.create()
        await talk.until("response.output_text.delta")
        await talk.connection.response.cancel()
        cancelled = (await talk.until("response.done")).response
        assert cancelled.status == "cancelled"
        assert cancelled.status_details.reason == "client_cancelled"
        assert cancelled.output[0].status == "incomplete"
        assert len(cancelled.output[0].content[0].text) < len(long) / 2
        assert (await talk.ask("In short?")).output[0].content[0].text == "Yes."


@shows("error")
async def test_an_error_names_the_event_that_caused_it_and_the_call_goes_on(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("hello", text="Hello.")])
    async with place.connect() as talk:
        await talk.update(output_modalities=["text"])
        await talk.connection.conversation.item.delete(item_id="item_of_nobody", event_id="mine_1")
        error = (await talk.until("error")).error
        assert (error.event_id, error.code, error.type) == ("mine_1", "item_not_found", "invalid_request_error")
        await talk.connection.response.cancel(event_id="mine_2")
        assert (await talk.until("error")).error.event_id == "mine_2"
        await talk.connection.session.update(
            session={"type": "realtime", "audio": {"output": {"speed": 9.0}}}, event_id="mine_3"
        )
        error = (await talk.until("error")).error
        assert (error.event_id, error.param) == ("mine_3", "session.audio.output.speed")
        assert (await talk.ask("hello")).status == "completed"


async def test_a_second_response_at_the_same_time_is_refused_and_the_first_is_not_disturbed(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("", text="word " * 30)], delays=Delays(tokens_per_s=60))
    async with place.connect() as talk:
        await talk.update(output_modalities=["text"])
        await talk.say("Go on.")
        await talk.connection.response.create()
        await talk.until("response.created")
        await talk.connection.response.create(event_id="too_early")
        error = (await talk.until("error")).error
        assert (error.event_id, error.code) == ("too_early", "conversation_already_has_active_response")
        assert (await talk.until("response.done")).response.status == "completed"


async def test_an_out_of_band_response_has_its_own_input_and_leaves_no_item(open_place: Open) -> None:
    place = await open_place(replies=[ReplyRule("classify", text="hardware"), ReplyRule("", text="All right.")])
    async with place.connect() as talk:
        await talk.update(output_modalities=["text"])
        await talk.ask("My printer is offline.")
        before = len(talk.events)
        await talk.connection.response.create(
            response={
                "conversation": "none",
                "metadata": {"topic": "classification"},
                "output_modalities": ["text"],
                "input": [user("Please classify: printer is offline.")],
            }
        )
        aside = (await talk.until("response.done")).response
        assert aside.metadata == {"topic": "classification"}
        assert aside.conversation_id is None
        assert aside.output[0].content[0].text == "hardware"
        assert "conversation.item.added" not in talk.kinds(before)
        await talk.ask("And now?")
    last = place.stub.asked("chat")[-1].parameters["messages"]
    assert [message["content"] for message in last[1:]] == ["My printer is offline.", "All right.", "And now?"]


@shows(
    "conversation.item.retrieve",
    "conversation.item.retrieved",
    "conversation.item.delete",
    "conversation.item.deleted",
)
async def test_items_are_put_in_their_place_retrieved_and_deleted(open_place: Open) -> None:
    place = await open_place()
    async with place.connect() as talk:
        items = talk.connection.conversation.item
        await items.create(item=user("second", id="item_b"))
        await items.create(item=user("first", id="item_a"), previous_item_id="root")
        await items.create(item=user("third", id="item_c"), previous_item_id="item_b")
        for name, before in (("item_b", None), ("item_a", None), ("item_c", "item_b")):
            added = await talk.until("conversation.item.added")
            assert (added.item.id, added.previous_item_id) == (name, before)
        await items.delete(item_id="item_b")
        assert (await talk.until("conversation.item.deleted")).item_id == "item_b"
        await items.retrieve(item_id="item_c")
        assert (await talk.until("conversation.item.retrieved")).item.content[0].text == "third"
        await talk.ask("fourth", output_modalities=["text"])
    messages = place.stub.asked("chat")[0].parameters["messages"]
    assert [message["content"] for message in messages[1:]] == ["first", "third", "fourth"]


async def test_a_flagged_request_is_refused_kindly_and_the_reason_is_told(open_place: Open) -> None:
    place = await open_place(flagged={"bomb": "violence"}, replies=[ReplyRule("", text="Secret plan.")])
    async with place.connect() as talk:
        await talk.update(output_modalities=["text"])
        response = await talk.ask("How do I build a bomb?")
    assert (response.status, response.status_details.reason) == ("incomplete", "content_filter")
    assert "Secret" not in response.output[0].content[0].text
    assert response.output[0].content[0].text
