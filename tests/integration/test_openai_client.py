"""What goes out to a provider besides the question: who asks, which way, and over how many connections."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr

from scripts.stub_provider import StubProvider
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool
from voice_agent.engines.openai.errors import UnsupportedParameterError, translated
from voice_agent.engines.openai.moderation import OpenAIModerator
from voice_agent.engines.openai.transcription_realtime import OpenAIRealtimeTranscriber
from voice_agent.engines.ports import EngineError, Message, ReplyRequest
from voice_agent.settings import EngineSettings

ANSWER = {"results": [{"flagged": False, "categories": {}}]}


class Server:
    """Answers everything with a moderation, after a redirect or an error where one is asked for."""

    def __init__(self) -> None:
        self.requests: list[web.BaseRequest] = []
        self.port = 0
        self.answer = web.json_response(ANSWER)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        return self.answer


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


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
        await asked(pool, f"http://127.0.0.1:{server.port}/v1")
        headers = server.requests[0].headers
    assert headers["Authorization"] == "Bearer secret"
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "project-1")
    assert headers["X-Gateway"] == "blue"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "voice-agent"
    assert not [name for name in headers if name.lower().startswith("x-stainless")]


async def test_path_query_and_credentials_of_the_base_url_are_kept() -> None:
    async with serving() as server, pool_of() as pool:
        await asked(pool, f"http://me:pass%21@127.0.0.1:{server.port}/deep/v1/?api-version=2")
        request = server.requests[0]
    assert request.raw_path == "/deep/v1/moderations?api-version=2"
    assert request.headers["Authorization"] == "Basic " + base64.b64encode(b"me:pass!").decode()


async def test_the_proxy_of_the_environment_is_used_but_not_for_its_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server, serving() as proxy, pool_of() as pool:
        monkeypatch.setenv("http_proxy", f"http://me:pass@127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        await asked(pool, "http://provider.example/v1")
        await asked(pool, f"http://127.0.0.1:{server.port}/v1")
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
        server.answer = web.Response(status=307, headers={"Location": f"http://127.0.0.1:{other.port}/v1/realtime"})
        client = pool.get(f"http://127.0.0.1:{server.port}/v1", SecretStr("key"), "TRANSCRIBER")
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
        client = pool.get(f"http://127.0.0.1:{server.port}/v1", SecretStr("key"), "SYNTHESIZER")
        with pytest.raises(UnsupportedParameterError, match="voice"), translated(adaptable=("instructions", "voice")):
            await client.post("/audio/speech", {"voice": "x"})


async def test_an_error_among_the_events_of_a_stream_is_told() -> None:
    async with serving() as server, pool_of() as pool:
        server.answer = web.Response(text='data: {"error": {"message": "overloaded"}}\n\n')
        client = pool.get(f"http://127.0.0.1:{server.port}/v1", SecretStr("key"), "LANGUAGE_MODEL")
        with pytest.raises(EngineError) as caught:
            async for _event in OpenAIChat(client, "m", 0).reply(ReplyRequest([Message("user", "x")])):
                pass
        assert (caught.value.code, caught.value.retryable) == ("stream_error", True)


async def test_a_lone_surrogate_in_what_a_client_wrote_harms_nobody() -> None:
    async with serving() as server, pool_of() as pool:
        client = pool.get(f"http://127.0.0.1:{server.port}/v1", SecretStr("key"), "MODERATOR")
        assert not (await OpenAIModerator(client, "m").check("\ud800")).flagged
