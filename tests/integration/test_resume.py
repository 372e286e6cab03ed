"""Going on with a call after its connection was lost, against a real server process with local engines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSServerHandshakeError

from scripts.live_server import LiveServer, serving
from tests.integration.conftest import eventually
from tests.live_caller import LiveCaller, calling

Event = dict[str, Any]
Socket = ClientWebSocketResponse[bool]
HISTORY_S = 3.0
"""After a network change the caller has the same conversation again within this time."""


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    return server.make_key()


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[ClientSession]:
    async with ClientSession(headers={"Origin": server.url}) as session, asyncio.timeout(90):
        yield session


class Line:
    """A call over a WebSocket."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.seen: list[Event] = []

    async def until(self, kind: str) -> Event:
        while True:
            message = await self.socket.receive()
            event: Event = json.loads(message.data)
            self.seen.append(event)
            if event["type"] == kind:
                return event

    async def say(self, text: str) -> str:
        """Writes to the agent; what it answers."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.socket.send_json({"type": "conversation.item.create", "item": item})
        await self.socket.send_json({"type": "response.create"})
        response = (await self.until("response.done"))["response"]
        return " ".join(part["text"] for each in response["output"] for part in each.get("content", ()))

    async def history(self, ids: list[str]) -> list[Event]:
        """The items of these ids as the server has them."""
        for item_id in ids:
            await self.socket.send_json({"type": "conversation.item.retrieve", "item_id": item_id})
        return [(await self.until("conversation.item.retrieved"))["item"] for _ in ids]

    async def cut(self) -> None:
        """Returns when the other side is gone."""
        while not self.socket.closed:
            await self.socket.receive()

    def item_ids(self) -> list[str]:
        return [event["item"]["id"] for event in self.seen if event["type"] == "conversation.item.added"]

    def lose(self) -> None:
        """The connection is gone without a goodbye."""
        connection = self.socket._conn  # aiohttp has no public way to cut a socket.
        assert connection is not None
        assert isinstance(connection.transport, asyncio.WriteTransport)
        connection.transport.abort()


@asynccontextmanager
async def text_call(server: LiveServer, http: ClientSession, credential: str) -> AsyncIterator[Line]:
    protocols = ("realtime", f"openai-insecure-api-key.{credential}")
    async with http.ws_connect(f"{server.url}/v1/realtime?model=helpdesk", protocols=protocols) as socket:
        line = Line(socket)
        await socket.send_json(
            {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}
        )
        yield line


async def refusal(server: LiveServer, http: ClientSession, token: str) -> tuple[int, str]:
    """Status and code with which a token is refused; the offer would do for any other."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with http.post(f"{server.url}/v1/realtime/calls", data="v=0\r\n", headers=headers) as answer:
        return answer.status, (await answer.json())["error"]["code"]


async def hang_up(server: LiveServer, http: ClientSession, call_id: str, token: str) -> int:
    address = f"{server.url}/v1/realtime/calls/{call_id}/hangup"
    async with http.post(address, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status


async def lost(server: LiveServer, http: ClientSession) -> None:
    """Returns when the server has noticed that everybody is gone."""

    async def nobody() -> bool:
        return (await server.metrics(http))["voice_calls_active"] == 0

    await eventually(nobody)


class TestByVoice:
    async def test_a_caller_with_a_new_network_has_the_same_conversation_while_the_old_peer_still_seems_alive(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with calling(server.url, http, key) as before:
            before.write("My printer is offline")
            await before.event("response.done")
            session = await before.event("agent.session")
            assert session["resume_seconds"] == 60
            assert session["resumed"] is False
            before.vanish()
            started = before.now()
            async with calling(server.url, http, session["resume_token"], query="model=interviewer") as after:
                assert after.now() - started < HISTORY_S
                assert after.call_id == before.call_id
                again = await after.event("agent.session")
                assert again["resumed"] is True
                assert again["resume_token"] != session["resume_token"]
                kept = ("id", "model", "instructions", "audio")
                first, second = before.of("session.created")[0], after.of("session.created")[0]
                assert [first["session"][name] for name in kept] == [second["session"][name] for name in kept]
                said = {event["item"]["id"]: event["item"] for event in before.of("conversation.item.done")}
                for item_id in said:
                    after.send(type="conversation.item.retrieve", item_id=item_id)
                await after.until(lambda: len(after.of("conversation.item.retrieved")) == len(said))
                texts = [event["item"]["content"] for event in after.of("conversation.item.retrieved")]
                assert texts[0] == said[next(iter(said))]["content"]
                assert await refusal(server, http, session["resume_token"]) == (401, "invalid_resume_token")
                assert after.of("response.created") == []
                assert (await after.event("agent.state"))["state"] == "listening"
                after.write("No")
                await after.event("response.done")

    async def test_what_was_being_said_is_cut_to_what_was_heard_and_not_begun_again(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with calling(server.url, http, key, query="model=helpdesk&greet=1") as before:
            await before.sound(0)
            await before.event("agent.caption")
            token = (await before.event("agent.session"))["resume_token"]
            item_id = before.of("conversation.item.added")[0]["item"]["id"]
            async with calling(server.url, http, token) as after:
                assert before.call_id == after.call_id
                after.send(type="conversation.item.retrieve", item_id=item_id)
                item = (await after.event("conversation.item.retrieved"))["item"]
                assert item["status"] == "incomplete"
                assert after.of("response.created") == []
                assert (await after.event("agent.state"))["state"] == "listening"

    async def test_a_call_that_was_hung_up_does_not_come_back(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with calling(server.url, http, key) as caller:
            token = (await caller.event("agent.session"))["resume_token"]
            assert await hang_up(server, http, caller.call_id, key) == 200
            await caller.event("agent.ended")
        assert await refusal(server, http, token) == (401, "invalid_resume_token")


class TestByText:
    async def test_a_stored_call_goes_on_under_its_id_with_the_next_turn(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with text_call(server, http, key) as line:
            first = await line.say("My printer is offline")
            token = next(event["resume_token"] for event in line.seen if event["type"] == "agent.session")
            ids = line.item_ids()
            line.lose()
        async with text_call(server, http, token) as line:
            items = await line.history(ids)
            assert [item["content"][0]["text"] for item in items] == ["My printer is offline", first]
            assert (await line.say("No, it is not")) != first
        await lost(server, http)

        async def stored() -> bool:
            turns = await server.rows(
                "SELECT call_id, seq, role FROM turns JOIN calls ON calls.id = call_id ORDER BY started_at, seq"
            )
            ours = [turn for turn in turns if turn["call_id"] == turns[-1]["call_id"]]
            return [(turn["seq"], turn["role"]) for turn in ours] == [
                (1, "user"),
                (2, "assistant"),
                (3, "user"),
                (4, "assistant"),
            ]

        await eventually(stored)

    async def test_a_guest_comes_back_from_the_same_page_only(self, server: LiveServer, http: ClientSession) -> None:
        async with text_call(server, http, await server.guest_secret(http)) as line:
            token = (await line.until("agent.session"))["resume_token"]
            line.lose()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
        async with (
            ClientSession() as stranger,
            stranger.post(f"{server.url}/v1/realtime/calls", data="v=0\r\n", headers=headers) as answer,
        ):
            assert (answer.status, (await answer.json())["error"]["code"]) == (401, "wrong_origin")
        async with text_call(server, http, token) as line:
            assert (await line.until("agent.session"))["resumed"] is True

    async def test_a_client_that_says_goodbye_is_forgotten_at_once(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with text_call(server, http, key) as line:
            token = (await line.until("agent.session"))["resume_token"]
        await lost(server, http)
        assert await refusal(server, http, token) == (401, "invalid_resume_token")

    async def test_a_lost_call_can_be_hung_up_by_its_owner_alone(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with calling(server.url, http, key) as caller:
            token = (await caller.event("agent.session"))["resume_token"]
            call_id = caller.call_id
        await lost(server, http)
        assert await hang_up(server, http, call_id, "sk-" + "x" * 40) == 401
        assert await hang_up(server, http, call_id, server.make_key()) == 404
        assert await hang_up(server, http, call_id, key) == 200
        assert await refusal(server, http, token) == (401, "invalid_resume_token")

    async def test_a_connection_that_fails_costs_no_token(
        self, server: LiveServer, http: ClientSession, key: str
    ) -> None:
        async with text_call(server, http, key) as line:
            token = (await line.until("agent.session"))["resume_token"]
            line.lose()
        await lost(server, http)
        status, _ = await refusal(server, http, token)
        assert status == 400
        never_connected = LiveCaller()
        await never_connected.pc.setLocalDescription(await never_connected.pc.createOffer())
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
        offer = never_connected.pc.localDescription.sdp
        async with http.post(f"{server.url}/v1/realtime/calls", data=offer, headers=headers) as answer:
            assert answer.status == 201
        await never_connected.hang_up()
        async with text_call(server, http, token) as line:
            assert (await line.until("agent.session"))["resumed"] is True

    async def test_an_invented_token_is_refused(self, server: LiveServer, http: ClientSession) -> None:
        with pytest.raises(WSServerHandshakeError) as refused:
            async with text_call(server, http, "rs_" + "A" * 43):
                pass
        assert refused.value.status == 401
