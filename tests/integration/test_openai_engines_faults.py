"""Every way in which a provider fails, for every port, seen by the bare adapters over real HTTP: each becomes an
EngineError with the right code, carries no caller's words, and closing early cancels on the wire."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from scripts.stub_provider import StubProvider
from scripts.stub_script import Endpoint, Fault
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool
from voice_agent.engines.openai.moderation import OpenAIModerator
from voice_agent.engines.openai.speech import OpenAISynthesizer
from voice_agent.engines.openai.transcription_batch import OpenAIBatchTranscriber
from voice_agent.engines.openai.transcription_realtime import OpenAIRealtimeTranscriber
from voice_agent.engines.ports import (
    EngineError,
    Message,
    ReplyRequest,
    SpeechOptions,
    Transcriber,
    TranscriptionOptions,
)
from voice_agent.settings import EngineSettings

SECRET = "my mother's maiden name is Zanzibar"
SECOND = bytes(32_000)
PORTS: tuple[Endpoint, ...] = ("chat", "speech", "moderations", "transcriptions", "realtime")


class Asker:
    """Asks the adapter of any port for something that contains the secret."""

    def __init__(self, stub: StubProvider, pool: ClientPool, settings: EngineSettings) -> None:
        client = pool.get(stub.base_url, SecretStr("key"), "OPENAI")
        self.chat = OpenAIChat(client, "m", 0.5)
        self.speech = OpenAISynthesizer(client, settings)
        self.moderator = OpenAIModerator(client, "m")
        self.batch = OpenAIBatchTranscriber(client, settings, 90)
        self.realtime = OpenAIRealtimeTranscriber(client, settings, 90)

    async def ask(self, endpoint: Endpoint) -> int:
        """Number of pieces of the answer."""
        match endpoint:
            case "chat":
                request = ReplyRequest([Message("user", SECRET)])
                async with aclosing(self.chat.reply(request)) as events:
                    return len([event async for event in events])
            case "speech":
                async with aclosing(self.speech.speak(SECRET, SpeechOptions())) as chunks:
                    return len([chunk async for chunk in chunks])
            case "moderations":
                await self.moderator.check(SECRET)
                return 1
            case "transcriptions":
                return await self._transcribe(self.batch)
            case "realtime":
                return await self._transcribe(self.realtime)

    async def _transcribe(self, transcriber: Transcriber) -> int:
        async with transcriber.open(TranscriptionOptions(prompt=SECRET)) as stream:
            stream.push(SECOND * 2)
            stream.commit()
            return len([transcript async for transcript in stream])


@asynccontextmanager
async def asking(*faults: Fault, **settings: Any) -> AsyncIterator[tuple[StubProvider, Asker]]:
    chosen = EngineSettings(**settings)
    pool = ClientPool(chosen)
    async with StubProvider() as stub:
        stub.script.transcripts.extend(["well we have six words here"] * 3)
        stub.fail(*faults)
        asker = Asker(stub, pool, chosen)
        try:
            yield stub, asker
        finally:
            await asker.realtime.aclose()
            await pool.aclose()


async def failure(asker: Asker, endpoint: Endpoint) -> EngineError:
    with pytest.raises(EngineError) as caught:
        async with asyncio.timeout(10):
            await asker.ask(endpoint)
    return caught.value


@pytest.mark.parametrize("endpoint", PORTS)
@pytest.mark.parametrize(
    ("status", "retryable"), [(500, True), (503, True), (401, False), (403, False), (404, False), (400, False)]
)
async def test_a_status_becomes_its_code(endpoint: Endpoint, status: int, retryable: bool) -> None:
    async with asking(Fault(endpoint, "status", status=status)) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert (error.code, error.retryable) == (str(status), retryable)


@pytest.mark.parametrize("endpoint", PORTS)
async def test_too_many_requests_tell_how_long_to_wait(endpoint: Endpoint) -> None:
    async with asking(Fault(endpoint, "status", status=429, retry_after_s=12)) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert (error.code, error.retryable, error.retry_after_s) == ("429", True, 12)


@pytest.mark.parametrize("endpoint", PORTS[:4])
async def test_a_spent_quota_is_not_worth_a_retry(endpoint: Endpoint) -> None:
    async with asking(Fault(endpoint, "status", status=429, code="insufficient_quota")) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert (error.code, error.retryable) == ("quota", False)


@pytest.mark.parametrize("endpoint", PORTS)
async def test_a_dropped_connection_is_a_lost_one(endpoint: Endpoint) -> None:
    async with asking(Fault(endpoint, "drop")) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert error.code in ("connection", "cut")
        assert error.retryable


@pytest.mark.parametrize("endpoint", PORTS)
async def test_a_server_that_is_not_there_is_no_connection(endpoint: Endpoint) -> None:
    async with asking() as (stub, asker):
        await stub.__aexit__(None, None, None)
        assert (await failure(asker, endpoint)).code == "connection"


@pytest.mark.parametrize("endpoint", PORTS)
async def test_an_answer_that_ends_early_is_cut(endpoint: Endpoint) -> None:
    after = 0 if endpoint == "moderations" else 3
    async with asking(Fault(endpoint, "cut", after_chunks=after)) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert error.retryable
        assert error.code == ("connection" if endpoint == "moderations" else "cut")


@pytest.mark.parametrize("endpoint", PORTS)
async def test_garbage_is_malformed(endpoint: Endpoint) -> None:
    async with asking(Fault(endpoint, "malformed", after_chunks=1)) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert (error.code, error.retryable) == ("malformed", True)


@pytest.mark.parametrize("endpoint", PORTS[:4])
async def test_silence_ends_at_the_clients_own_limit_even_without_a_deadline_around_it(endpoint: Endpoint) -> None:
    after = 0 if endpoint == "moderations" else 2
    async with asking(Fault(endpoint, "stall", after_chunks=after), provider_read_timeout_s=0.3) as (_stub, asker):
        error = await failure(asker, endpoint)
        assert (error.code, error.retryable) == ("timeout", True)


@pytest.mark.parametrize("endpoint", PORTS)
async def test_a_slow_answer_is_an_answer(endpoint: Endpoint) -> None:
    async with asking(Fault(endpoint, "slow", delay_s=0.3)) as (_stub, asker):
        assert await asker.ask(endpoint) >= 1


@pytest.mark.parametrize("endpoint", PORTS)
async def test_the_next_request_after_a_failed_one_succeeds(endpoint: Endpoint) -> None:
    async with asking(Fault(endpoint, "cut", after_chunks=0)) as (_stub, asker):
        await failure(asker, endpoint)
        assert await asker.ask(endpoint) >= 1


@pytest.mark.parametrize("endpoint", PORTS)
async def test_cancelling_closes_the_request_at_the_provider(endpoint: Endpoint) -> None:
    fault = Fault(endpoint, "stall", after_chunks=0 if endpoint == "moderations" else 1)
    async with asking(fault) as (stub, asker):
        task = asyncio.create_task(asker.ask(endpoint))
        await stub.until(lambda s: bool(s.requests) and (endpoint == "moderations" or s.requests[0].chunks >= 1))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await stub.until(lambda s: s.requests[0].outcome == "disconnected")


@pytest.mark.parametrize("endpoint", PORTS)
@pytest.mark.parametrize("kind", ["status", "cut", "malformed"])
async def test_no_error_and_no_log_repeats_what_the_caller_said(
    endpoint: Endpoint, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fault = Fault(endpoint, kind, status=400, message=f"Invalid input: {SECRET}", after_chunks=1)
    with caplog.at_level(logging.DEBUG):
        async with asking(fault if endpoint != "moderations" else replace(fault, after_chunks=0)) as (_stub, asker):
            error = await failure(asker, endpoint)
    printed = "".join(traceback.format_exception(error)) + caplog.text
    assert "Zanzibar" not in printed


async def test_an_error_event_inside_the_session_fails_the_utterance() -> None:
    async with asking() as (stub, asker):
        stub.script.transcripts.clear()
        async with asker.realtime.open(TranscriptionOptions()) as stream:
            stream.push(SECOND)
            await stub.until(lambda s: bool(s.asked("realtime")) and s.requests[0].chunks >= 2)
            await next(iter(stub._sockets)).send_str(
                '{"type": "error", "error": {"type": "server_error", "code": null, "message": "oops"}}'
            )
            with pytest.raises(EngineError) as caught:
                async for _ in stream:
                    pass
        assert (caught.value.code, caught.value.retryable) == ("500", True)
