"""The edge towards browsers and strangers: what is no HTTP, other pages' requests, floods on every channel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, WSServerHandshakeError

from tests.integration.conftest import eventually
from tests.integration.signaling_fixtures import KEY, OFFER, Serve, Server, serve
from tests.security.caller import calling, loopback_settings, until

__all__ = ["serve"]

SDP = {**KEY, "Content-Type": "application/sdp"}
BAD_REQUEST = b"HTTP/1.0 400 "
FOREIGN = "https://evil.example"
HEADERS = (
    "X-Content-Type-Options",
    "Referrer-Policy",
    "X-Frame-Options",
    "Content-Security-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
)


async def said_to(server: Server, raw: bytes) -> bytes:
    """The answer to these bytes, until the server closes or has nothing more to say."""
    reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
    writer.write(raw)
    answer = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(2):
            answer = await reader.read()
    writer.close()
    return answer


@contextlib.asynccontextmanager
async def client_from(address: str) -> AsyncIterator[ClientSession]:
    async with ClientSession(connector=TCPConnector(local_addr=(address, 0))) as client:
        yield client


class TestWhatIsNoHttp:
    @pytest.mark.parametrize(
        "raw",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
            b"\x00" * 100 + b"\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nBad Header : x\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
            b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(500)) + b"\r\n",
            b"POST /v1/realtime/calls HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        ],
        ids=[
            "tls",
            "zeros",
            "version",
            "header-name",
            "header-size",
            "line",
            "header-count",
            "length",
            "smuggling",
        ],
    )
    async def test_it_gets_a_clean_400_and_no_traceback(
        self, serve: Serve, raw: bytes, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = await serve(public_origin="https://voice.example.org")
        answer = await said_to(server, raw)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(BAD_REQUEST)
        assert b"aiohttp" not in answer
        assert set(json.loads(body)["error"]) == {"message", "type", "code", "param"}
        for name in (*HEADERS, "Strict-Transport-Security"):
            assert f"\r\n{name}: ".encode() in head, name
        assert not any(record.exc_info for record in caplog.records)
        assert not any(record.levelno >= logging.ERROR for record in caplog.records)

    async def test_what_follows_a_good_request_is_refused_the_same_way(self, serve: Serve) -> None:
        server = await serve()
        reader, writer = await asyncio.open_connection(server.client.host, server.client.port)
        async with asyncio.timeout(10):
            writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readuntil(b'"ok"}')).startswith(b"HTTP/1.1 200 ")
            writer.write(b"\x00\x01\x02\r\n\r\n")
            assert (await reader.read()).startswith(BAD_REQUEST)
        writer.close()


class TestHeaders:
    async def test_every_error_has_them(self, serve: Serve) -> None:
        server = await serve(address_request_burst=8, address_requests_per_s=0.001, max_offer_bytes=100)
        client = server.client
        answers = [
            await client.get("/v1/nothing"),
            await client.delete("/v1/realtime/client_secrets"),
            await client.get("/v1/models"),
            await client.get("/v1/realtime", headers=KEY),
            await client.post("/v1/realtime/calls", data="x" * 200, headers=SDP),
            await client.post("/v1/realtime/calls", data="x", headers=SDP),
            await client.post("/v1/realtime/calls", data="x", headers={**SDP, "Origin": FOREIGN}),
            await client.post("/api/guest", data="x"),
            await client.get("/livez"),
        ]
        assert [answer.status for answer in answers] == [404, 405, 401, 426, 413, 400, 403, 403, 429]
        for answer in answers:
            assert all(name in answer.headers for name in HEADERS), answer.status
            assert "Set-Cookie" not in answer.headers


class TestOtherPages:
    ROUTES = (
        "/v1/realtime/calls",
        "/v1/realtime",
        "/v1/realtime/client_secrets",
        "/v1/realtime/calls/rtc_1/hangup",
        "/api/guest",
        "/",
    )
    PAGES = (
        {"Origin": FOREIGN},
        {"Origin": FOREIGN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    )

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("page", PAGES, ids=str)
    async def test_they_may_not_post_anything_anywhere(self, serve: Serve, path: str, page: dict[str, str]) -> None:
        server = await serve()
        for content in ("application/json", "text/plain", "application/sdp", "application/x-www-form-urlencoded"):
            headers = {**KEY, **page, "Content-Type": content}
            assert (await server.client.post(path, data=OFFER, headers=headers)).status == 403
        assert server.directory.taken == 0

    @pytest.mark.parametrize("page", PAGES, ids=str)
    async def test_they_may_not_open_a_websocket(self, serve: Serve, page: dict[str, str]) -> None:
        server = await serve()
        with pytest.raises(WSServerHandshakeError) as refused:
            await server.client.ws_connect("/v1/realtime", headers={**KEY, **page})
        assert refused.value.status == 403
        assert server.directory.taken == 0

    async def test_a_listed_page_may_use_the_api_and_nothing_else(self, serve: Serve) -> None:
        server = await serve(allowed_origins="https://app.example.com")
        page = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}
        assert (await server.client.post("/v1/realtime/calls", data=OFFER, headers={**SDP, **page})).status == 201
        assert (await server.client.post("/api/guest", json={"consent": True}, headers=page)).status == 403

    async def test_programs_and_our_own_page_may(self, serve: Serve) -> None:
        server = await serve()
        own = {"Origin": server.origin, "Sec-Fetch-Site": "same-origin"}
        assert (await server.client.post("/v1/realtime/calls", data=OFFER, headers=SDP)).status == 201
        assert (await server.client.post("/v1/realtime/calls", data=OFFER, headers={**SDP, **own})).status == 201
        assert (await server.client.post("/api/guest", json={"consent": True}, headers=own)).status == 200


class TestRequests:
    async def test_a_flood_from_one_address_is_429_and_others_are_served(self, serve: Serve) -> None:
        server = await serve(address_request_burst=5, address_requests_per_s=0.01)
        answers = [await server.client.get("/livez") for _ in range(7)]
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
        assert int(answers[-1].headers["Retry-After"]) > 0
        async with client_from("127.0.0.2") as other:
            assert (await other.get(f"{server.origin}/livez")).status == 200

    async def test_behind_a_proxy_of_ours_the_address_it_saw_counts(self, serve: Serve) -> None:
        server = await serve(address_request_burst=1, address_requests_per_s=0.01, trust_proxy=True)
        statuses = [
            (await server.client.get("/livez", headers={"X-Forwarded-For": f"spoofed, {address}"})).status
            for address in ("198.51.100.7", "198.51.100.7", "198.51.100.8")
        ]
        assert statuses == [200, 429, 200]


class TestConnections:
    async def test_an_address_has_so_many_and_others_have_theirs(self, serve: Serve) -> None:
        server = await serve(address_connections=3)
        held = [await asyncio.open_connection(server.client.host, server.client.port) for _ in range(3)]
        assert await said_to(server, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n") == b""
        async with client_from("127.0.0.2") as other:
            assert (await other.get(f"{server.origin}/livez")).status == 200
        held.pop()[1].close()

        async def served() -> bool:
            answer = await said_to(server, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            return answer.startswith(b"HTTP/1.1 200 ")

        await eventually(served)
        for _, writer in held:
            writer.close()

    async def test_where_all_places_are_taken_the_longest_idle_gives_way_and_calls_stay(self, serve: Serve) -> None:
        server = await serve(max_connections=4)
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as call:
            await call.receive(timeout=5)
            idle = [await asyncio.open_connection(server.client.host, server.client.port) for _ in range(3)]
            answer = await said_to(server, b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert await asyncio.wait_for(_end(idle[0][0]), 5)
            await call.send_json({"type": "still here"})
            assert (await call.receive_json(timeout=5))["event"]["type"] == "still here"
            for _, writer in idle:
                writer.close()


async def _end(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


class TestFloods:
    async def test_a_websocket_is_read_no_faster_than_it_may_send(self, serve: Serve) -> None:
        server = await serve(event_burst=10, events_per_s=50)
        loop = asyncio.get_running_loop()
        async with server.client.ws_connect("/v1/realtime", headers=KEY) as socket:
            await socket.receive(timeout=5)
            start = loop.time()
            for number in range(60):
                await socket.send_json({"type": "test", "number": number})
            echoes = [(await socket.receive_json(timeout=10))["event"]["number"] for _ in range(60)]
            assert loop.time() - start > 0.8
        assert echoes == list(range(60))

    async def test_pings_count_like_messages(self, serve: Serve) -> None:
        server = await serve(event_burst=10, events_per_s=20)
        async with server.client.ws_connect("/v1/realtime", headers=KEY, autoping=False) as socket:
            await socket.receive(timeout=5)
            for _ in range(2000):
                await socket.ping()
            assert 10 <= await _pongs(socket, 1.0) <= 100

    async def test_a_flood_on_a_data_channel_is_refused_and_the_call_goes_on(self) -> None:
        settings = loopback_settings(event_burst=10, events_per_s=1)
        async with calling(settings, talk=False) as caller:
            assert caller.channel is not None
            for number in range(200):
                caller.channel.send(json.dumps({"type": "test", "number": number}))
            await until(lambda: any("rate_limited" in message for message in caller.messages))
            heard = len(caller.session.events)
            assert 10 <= heard < 30
            assert len(caller.messages) < 5
            assert caller.session.reasons == []


async def _pongs(socket: ClientWebSocketResponse[bool], seconds: float) -> int:
    count = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                count += (await socket.receive()).type is WSMsgType.PONG
    return count
