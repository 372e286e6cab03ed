"""The Realtime API over a WebSocket: handshake, events both ways, speech, side channels, clients that misbehave."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from tests.integration.signaling_fixtures import KEY, OFFER, OTHER_KEY, Serve, Server, serve
from tests.integration.signaling_support import latest
from tests.integration.test_signaling_calls import wait_for_calls

__all__ = ["serve"]

Socket = ClientWebSocketResponse[bool]


async def event(socket: Socket) -> dict[str, Any]:
    message = await socket.receive(timeout=5)
    assert message.type is WSMsgType.TEXT, message
    body: dict[str, Any] = json.loads(message.data)
    return body


async def event_of(socket: Socket, kind: str) -> dict[str, Any]:
    while True:
        body = await event(socket)
        if body["type"] == kind:
            return body


async def closed(socket: Socket) -> int | None:
    """The close code, whatever came before it."""
    while (await socket.receive(timeout=5)).type is WSMsgType.TEXT:
        pass
    return socket.close_code


class TestHandshake:
    async def test_a_key_in_the_header_opens_a_call(self, serve: Serve) -> None:
        server = await serve()
        async with server.client.ws_connect("/v1/realtime?model=helpdesk", headers=KEY) as socket:
            assert (await event(socket))["type"] == "session.created"
            assert latest().rest["kind"] == "websocket"
            assert latest().rest["agent"].name == "helpdesk"
            assert latest().is_connected
            assert server.directory.taken == 1
        await wait_for_calls(server, 0)

    async def test_a_browser_gives_the_key_as_a_subprotocol_and_realtime_is_selected(self, serve: Serve) -> None:
        server = await serve()
        protocols = ("realtime", "openai-insecure-api-key.sk-good")
        headers = {"Origin": server.origin}
        async with server.client.ws_connect("/v1/realtime", protocols=protocols, headers=headers) as socket:
            assert socket.protocol == "realtime"
            assert (await event(socket))["type"] == "session.created"

    @pytest.mark.parametrize(
        "protocols", [(), ("realtime",), ("realtime", "openai-insecure-api-key.sk-bad"), ("openai-insecure-api-key.",)]
    )
    async def test_without_a_valid_key_there_is_no_socket(self, serve: Serve, protocols: tuple[str, ...]) -> None:
        server = await serve()
        with pytest.raises(WSServerHandshakeError) as refusal:
            await server.client.ws_connect("/v1/realtime", protocols=protocols)
        assert refusal.value.status == 401

    @pytest.mark.parametrize(("listed", "status"), [("", 403), ("https://b.example", 403), ("https://a.example", 101)])
    async def test_a_foreign_page_needs_to_be_listed(self, serve: Serve, listed: str, status: int) -> None:
        server = await serve(allowed_origins=listed)
        headers = {**KEY, "Origin": "https://a.example"}
        if status == 101:
            async with server.client.ws_connect("/v1/realtime", headers=headers) as socket:
                assert (await event(socket))["type"] == "session.created"
        else:
            with pytest.raises(WSServerHandshakeError) as refusal:
                await server.client.ws_connect("/v1/realtime", headers=headers)
            assert refusal.value.status == status

    async def test_an_unknown_agent_is_404_and_a_plain_request_426(self, serve: Serve) -> None:
        server = await serve()
        with pytest.raises(WSServerHandshakeError) as refusal:
            await server.client.ws_connect("/v1/realtime?model=poet", headers=KEY)
        assert refusal.value.status == 404
        plain = await server.client.get("/v1/realtime", headers=KEY)
        assert plain.status == 426
        assert plain.headers["Upgrade"] == "websocket"

    async def test_a_full_server_refuses_and_the_secret_can_be_used_later(self, serve: Serve) -> None:
        server = await serve(max_calls=1)
        made = await server.client.post("/v1/realtime/client_secrets", headers=KEY)
        bearer = {"Authorization": f"Bearer {(await made.json())['value']}"}
        async with server.client.ws_connect("/v1/realtime", headers=KEY):
            with pytest.raises(WSServerHandshakeError) as refusal:
                await server.client.ws_connect("/v1/realtime", headers=bearer)
            assert refusal.value.status == 503
        await wait_for_calls(server, 0)
        async with server.client.ws_connect("/v1/realtime", headers=bearer) as socket:
            assert (await event(socket))["type"] == "session.created"

    async def test_a_session_that_cannot_be_had_is_refused_before_the_upgrade(self, serve: Serve) -> None:
        server = await serve()
        wish = {"session": {"type": "realtime", "instructions": "refuse me"}}
        made = await server.client.post("/v1/realtime/client_secrets", json=wish, headers=KEY)
        bearer = {"Authorization": f"Bearer {(await made.json())['value']}"}
        with pytest.raises(WSServerHandshakeError) as refusal:
            await server.client.ws_connect("/v1/realtime", headers=bearer)
        assert refusal.value.status == 400
        assert server.directory.taken == 0


class TestEvents:
    async def test_events_go_both_ways_in_order(self, serve: Serve) -> None:
        server = await serve()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await event(socket)
            for number in range(50):
                await socket.send_json({"type": "ping", "number": number})
            echoes = [(await event(socket))["event"]["number"] for _ in range(50)]
            assert echoes == list(range(50))

    async def test_what_is_not_text_json_or_utf_8_is_answered_with_an_error_event(self, serve: Serve) -> None:
        server = await serve()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await event(socket)
            await socket.send_bytes(b"\x00\x01")
            assert (await event(socket))["error"]["code"] == "binary_frame"
            await socket.send_str("{")
            assert (await event(socket))["error"]["code"] == "invalid_json"
            await socket.send_frame(b'{"type": "\xff\xfe"}', WSMsgType.TEXT)
            assert (await event(socket))["error"]["code"] == "invalid_json"
            await socket.send_json({"type": "ping"})
            assert (await event(socket))["type"] == "test.echo"

    async def test_a_message_above_the_hard_limit_closes_the_socket(self, serve: Serve) -> None:
        server = await serve(max_ws_message_bytes=1000)
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await socket.send_str("x" * 1001)
            assert await closed(socket) == 1009
        await wait_for_calls(server, 0)

    async def test_the_end_of_a_call_closes_its_socket(self, serve: Serve) -> None:
        server = await serve()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await socket.send_json({"type": "test.bye"})
            assert await closed(socket) == 1000
        await wait_for_calls(server, 0)

    async def test_a_failing_call_closes_its_socket_and_tells_nothing(self, serve: Serve) -> None:
        server = await serve()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await socket.send_json({"type": "test.fail"})
            assert await closed(socket) is not None
        await wait_for_calls(server, 0)

    @pytest.mark.parametrize(
        "queue_bytes", [200_000, 100_000_000], ids=["its queue is full", "it takes nothing in time"]
    )
    async def test_a_client_that_does_not_read_is_closed_and_its_seat_is_free(
        self, serve: Serve, queue_bytes: int
    ) -> None:
        server = await serve(ws_send_queue_bytes=queue_bytes, ws_send_timeout_s=0.2)
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await event(socket)
            connection = socket._conn  # A client whose tab is frozen reads no more.
            assert connection is not None
            assert connection.protocol is not None
            connection.protocol.pause_reading()
            await socket.send_json({"type": "test.flood", "count": 400, "size": 50_000})
            await wait_for_calls(server, 0)
            connection.protocol.resume_reading()

    async def test_a_client_that_does_not_answer_pings_is_gone(self, serve: Serve) -> None:
        server = await serve(ws_heartbeat_s=0.2)
        async with server.client.ws_connect("/v1/realtime", headers=KEY, autoping=False):
            assert server.directory.taken == 1
            await wait_for_calls(server, 0)


class TestSpeech:
    async def test_speech_comes_at_once_and_its_end_is_known_by_the_clock(self, serve: Serve) -> None:
        server = await serve()
        loop = asyncio.get_running_loop()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await event(socket)
            began = loop.time()
            await socket.send_json({"type": "test.speak", "ms": 300})
            deltas: list[dict[str, Any]] = []
            while True:
                body = await event(socket)
                if body["type"] == "response.output_audio.delta":
                    deltas.append(body)
                elif body["type"] == "test.drained":
                    break
            assert loop.time() - began >= 0.3
        assert sum(len(base64.b64decode(delta["delta"])) for delta in deltas) == 300 * 48
        address = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
        assert all(address.items() <= delta.items() for delta in deltas)
        assert len({delta["event_id"] for delta in deltas}) == len(deltas)


class TestSideChannel:
    async def test_it_hears_the_call_and_may_speak_and_its_end_is_not_the_calls(self, serve: Serve) -> None:
        server = await serve()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await event(socket)
            path = f"/v1/realtime?call_id={latest().call_id}"
            async with server.client.ws_connect(path, headers=KEY) as side:
                await side.send_json({"type": "ping"})
                assert (await event(side))["type"] == "test.echo"
                assert (await event(socket))["type"] == "test.echo"
            await socket.send_json({"type": "still there"})
            assert (await event(socket))["event"]["type"] == "still there"

    async def test_it_ends_with_the_call(self, serve: Serve) -> None:
        server = await serve()
        answer = await server.client.post(
            "/v1/realtime/calls", data=OFFER, headers={**KEY, "Content-Type": "application/sdp"}
        )
        call_id = answer.headers["Location"].rsplit("/", 1)[1]
        async with server.client.ws_connect(f"/v1/realtime?call_id={call_id}", headers=KEY) as side:
            latest().end("idle")
            assert await closed(side) == 1000

    async def test_a_stranger_cannot_attach_and_there_are_not_too_many(self, serve: Serve) -> None:
        server = await serve(max_side_channels=1)
        async with server.client.ws_connect("/v1/realtime", headers=KEY):
            path = f"/v1/realtime?call_id={latest().call_id}"
            assert await _refused(server, path, OTHER_KEY) == 404
            assert await _refused(server, "/v1/realtime?call_id=call_none", KEY) == 404
            async with server.client.ws_connect(path, headers=KEY):
                assert await _refused(server, path, KEY) == 429


async def _refused(server: Server, path: str, headers: dict[str, str]) -> int:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await server.client.ws_connect(path, headers=headers)
    return refusal.value.status
