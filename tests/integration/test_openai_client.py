"""What goes out to a provider besides the question: who asks, which way, and over how many connections."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr

from scripts.stub_provider import StubProvider
from tests.loopback import on_loopback
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool
from voice_agent.engines.openai.errors import UnsupportedParameterError, translated
from voice_agent.engines.openai.moderation import OpenAIModerator
from voice_agent.engines.openai.transcription_realtime import OpenAIRealtimeTranscriber
from voice_agent.engines.ports import EngineError, Finished, Message, ReplyEvent, ReplyRequest, TextDelta
from voice_agent.settings import EngineSettings

ANSWER = {"results": [{"flagged": False, "categories": {}}]}


class Server:
    """Answers everything with a moderation, after a redirect or an error where one is asked for."""

    def __init__(self) -> None:
        self.requests: list[web.BaseRequest] = []
        self.url = ""
        self.answer = web.json_response(ANSWER)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        return self.answer


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    async with on_loopback(web.ServerRunner(web.Server(server.handle))) as server.url:
        yield server


@asynccontextmanager
async def pool_of(**settings: float) -> AsyncIterator[ClientPool]:
    pool = ClientPool(EngineSettings(_env_file=None, **settings))  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.aclose()


async def asked(pool: ClientPool, base_url: str, key: str = "secret") -> None:
    await OpenAIModerator(pool.get(base_url, SecretStr(key), "MODERATOR"), "m").check("hello")


async def test_key_organisation_and_project_say_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Gateway: blue")
    async with serving() as server, pool_of() as pool:
        await asked(pool, f"{server.url}/v1")
        headers = server.requests[0].headers
    assert headers["Authorization"] == "Bearer secret"
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "project-1")
    assert headers["X-Gateway"] == "blue"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "voice-agent"
    assert not [name for name in headers if name.lower().startswith("x-stainless")]


async def test_path_query_and_credentials_of_the_base_url_are_kept() -> None:
    async with serving() as server, pool_of() as pool:
        await asked(pool, server.url.replace("//", "//me:pass%21@") + "/deep/v1/?api-version=2")
        request = server.requests[0]
    assert request.raw_path == "/deep/v1/moderations?api-version=2"
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"me:pass!").decode()


async def test_the_proxy_of_the_environment_is_used_but_not_for_its_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server, serving() as proxy, pool_of() as pool:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:pass@"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await asked(pool, "http://provider.example/v1")
        await asked(pool, f"{server.url}/v1")
        assert [request.raw_path for request in proxy.requests] == ["http://provider.example/v1/moderations"]
        assert proxy.requests[0].headers["Proxy-Authorization"] == "Basic " + base64.b64encode(b"me:pass").decode()
        assert len(server.requests) == 1


async def test_transcription_connections_take_no_place_of_requests() -> None:
    async with StubProvider() as stub, pool_of(provider_connections=1, transcriber_warm_connections=2) as pool:
        settings = EngineSettings(_env_file=None, transcriber_warm_connections=2)
        transcriber = OpenAIRealtimeTranscriber(pool.get(stub.base_url, SecretStr("key"), "T"), settings, 90)
        await transcriber.warm()
        await stub.until(lambda s: len(s.asked("realtime")) == 2)
        await asked(pool, stub.base_url)
        await transcriber.aclose()


async def test_a_transcription_session_follows_no_redirect() -> None:
    async with serving() as server, serving() as other, pool_of() as pool:
        server.answer = web.Response(status=307, headers={"Location": f"{other.url}/v1/realtime"})
        client = pool.get(f"{server.url}/v1", SecretStr("key"), "TRANSCRIBER")
        transcriber = OpenAIRealtimeTranscriber(client, EngineSettings(_env_file=None), 90)
        with pytest.raises(EngineError) as caught:
            await transcriber.pool.take({})
        assert caught.value.code == "307"
        assert not other.requests
        await transcriber.aclose()


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "unknown parameter", "param": "voice"}}',
        '{"error": {"message": "no such voice"}}',
        '{"detail": [{"loc": ["body", "voice"]}]}',
        "voice is not supported",
    ],
)
async def test_servers_name_a_refused_parameter_in_many_ways(body: str) -> None:
    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(status=422, text=body)
        client = pool.get(f"{server.url}/v1", SecretStr("key"), "SYNTHESIZER")
        with pytest.raises(UnsupportedParameterError, match="voice"), translated(adaptable=("instructions", "voice")):
            await client.post("/audio/speech", {"voice": "x"})


DEEP = "[" * 100_000
HUGE_NUMBER = "1" * 5_000
"""More digits than Python reads."""


async def reply_of(server: Server, pool: ClientPool) -> list[ReplyEvent]:
    client = pool.get(f"{server.url}/v1", SecretStr("key"), "LANGUAGE_MODEL")
    return [event async for event in OpenAIChat(client, "m", 0).reply(ReplyRequest([Message("user", "x")]))]


@pytest.mark.parametrize("answer", [DEEP, HUGE_NUMBER, '{"usage": {"prompt_tokens": Infinity}}', "{", "null"])
async def test_whatever_a_provider_answers_is_an_engine_error(answer: str) -> None:
    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(text=answer)
        with pytest.raises(EngineError) as whole:
            await asked(pool, f"{server.url}/v1")
        server.answer = web.Response(text=f"data: {answer}\n\n")
        with pytest.raises(EngineError) as streamed:
            await reply_of(server, pool)
    assert whole.value.code == streamed.value.code == "malformed"


@pytest.mark.parametrize(
    ("body", "retry_after"), [(DEEP, "7"), (HUGE_NUMBER, "7"), ("{}", "Fri, 31 Dec 10000 23:59:59 GMT"), ("{}", "soon")]
)
async def test_an_error_keeps_its_status_whatever_else_is_wrong_with_it(body: str, retry_after: str) -> None:
    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(status=429, text=body, headers={"Retry-After": retry_after})
        with pytest.raises(EngineError) as caught:
            await asked(pool, f"{server.url}/v1")
    assert caught.value.code == "429"


@pytest.mark.parametrize("start", ["", "data: "])
async def test_an_answer_without_end_does_not_fill_the_memory(start: str) -> None:
    sent = 0

    async def pour() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            piece = start.encode() + b"1" * 10_000
            sent += len(piece)
            yield piece

    async with serving() as server, pool_of(provider_message_bytes=100_000) as pool:
        server.answer = web.Response(body=pour())
        with pytest.raises(EngineError) as whole:
            await asked(pool, f"{server.url}/v1")
        server.answer = web.Response(body=pour())
        with pytest.raises(EngineError) as streamed:
            await reply_of(server, pool)
        server.answer = web.Response(body=pour(), status=429)
        with pytest.raises(EngineError) as refused:
            await asked(pool, f"{server.url}/v1")
    assert [whole.value.code, streamed.value.code, refused.value.code] == ["malformed", "malformed", "429"]
    assert sent < 15_000_000  # of 30


async def test_a_reply_ends_with_its_last_event_though_the_connection_stays_open() -> None:
    gone = asyncio.Event()

    async def linger() -> AsyncIterator[bytes]:
        yield b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
        await gone.wait()

    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(body=linger())
        async with asyncio.timeout(2):
            assert await reply_of(server, pool) == [TextDelta("Hi"), Finished("stop")]
        gone.set()


async def test_a_reply_that_is_given_up_leaves_nothing_for_others_to_close() -> None:
    left: list[AsyncGenerator[object, object]] = []
    hooks = sys.get_asyncgen_hooks()
    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(text='data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n' * 3)
        client = pool.get(f"{server.url}/v1", SecretStr("key"), "LANGUAGE_MODEL")
        sys.set_asyncgen_hooks(finalizer=left.append)
        try:
            async with aclosing(OpenAIChat(client, "m", 0).reply(ReplyRequest([Message("user", "x")]))) as events:
                assert await anext(events) == TextDelta("Hi")
        finally:
            sys.set_asyncgen_hooks(*hooks)
    assert not left


@pytest.mark.parametrize("key", ["secret\n", "sec\0ret"])
async def test_a_key_that_no_header_can_carry_is_the_operators_to_mend(key: str) -> None:
    async with pool_of() as pool:
        with pytest.raises(ConfigurationError, match="MODERATOR_API_KEY") as caught:
            pool.get("http://provider.example/v1", SecretStr(key), "MODERATOR")
        assert "sec" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "http://me:pass:word@:x"])
async def test_a_proxy_that_cannot_be_used_is_the_operators_to_mend(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    async with serving() as server, pool_of() as pool:
        with pytest.raises(ConfigurationError, match="proxy") as caught:
            pool.get("http://provider.example/v1", SecretStr("key"), "MODERATOR")
        assert "pass" not in str(caught.value)
        await asked(pool, f"{server.url}/v1")


async def test_an_error_among_the_events_of_a_stream_is_told() -> None:
    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(text='data: {"error": {"message": "overloaded"}}\n\n')
        client = pool.get(f"{server.url}/v1", SecretStr("key"), "LANGUAGE_MODEL")
        with pytest.raises(EngineError) as caught:
            async for _event in OpenAIChat(client, "m", 0).reply(ReplyRequest([Message("user", "x")])):
                pass
        assert (caught.value.code, caught.value.retryable) == ("stream_error", True)


async def test_a_lone_surrogate_in_what_a_client_wrote_harms_nobody() -> None:
    async with serving() as server, pool_of() as pool:
        client = pool.get(f"{server.url}/v1", SecretStr("key"), "MODERATOR")
        assert not (await OpenAIModerator(client, "m").check("\ud800")).flagged
