"""The engines of a call as the registry builds them: choice, fallback in mid-call, description, probes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from scripts.speech import synthesize
from scripts.stub_provider import StubProvider
from scripts.stub_script import Fault, ReplyRule, Script
from voice_agent.engines.bundle import Engines
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.ports import (
    AudioChunk,
    Finished,
    Message,
    OpusPackets,
    Pcm,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    Switched,
    TextDelta,
    Transcript,
    TranscriptionOptions,
)
from voice_agent.engines.registry import EngineRegistry, access, chosen
from voice_agent.settings import EngineSettings, Settings

KEY = SecretStr("right")


class Scripted:
    name = "scripted"

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        yield TextDelta("Tell me about your last project.")
        yield Finished("stop")

    async def aclose(self) -> None: ...


@asynccontextmanager
async def served(script: Script | None = None, **settings: Any) -> AsyncIterator[tuple[StubProvider, EngineRegistry]]:
    async with StubProvider(script=script, api_key="right") as stub:
        values: dict[str, Any] = {"openai_base_url": stub.base_url, "openai_api_key": KEY, "retry_delay_ms": 1}
        engines = EngineSettings(**{**values, **settings})
        async with EngineRegistry(Settings(engines=engines)) as registry:
            yield stub, registry


async def replied(engines: Engines, text: str = "hello") -> list[ReplyEvent]:
    async with aclosing(engines.language_model.reply(ReplyRequest([Message("user", text)]))) as events:
        return [event async for event in events]


async def spoken(engines: Engines, text: str) -> list[AudioChunk]:
    async with aclosing(engines.synthesizer.speak(text, SpeechOptions())) as chunks:
        return [chunk async for chunk in chunks]


async def heard(engines: Engines, pcm: bytes) -> Transcript:
    async with engines.transcriber.open(TranscriptionOptions()) as stream:
        for start in range(0, len(pcm), 6400):
            stream.push(pcm[start : start + 6400])
            await asyncio.sleep(0.001)
        stream.commit()
        return [transcript async for transcript in stream][-1]


# --- choice -----------------------------------------------------------------------------------------------------


def test_without_key_and_server_everything_is_local() -> None:
    settings = EngineSettings(openai_api_key=SecretStr(""), openai_base_url="")
    assert chosen("transcriber", settings) == "pocketsphinx"
    assert chosen("language_model", settings) == "scripted"
    assert chosen("moderator", settings) == "wordlist"


def test_a_key_or_a_server_of_one_engine_moves_only_that_engine() -> None:
    settings = EngineSettings(
        openai_api_key=SecretStr(""), openai_base_url="", language_model_base_url="http://127.0.0.1:8000/v1"
    )
    assert chosen("language_model", settings) == "openai"
    assert chosen("transcriber", settings) == "pocketsphinx"


def test_a_name_is_obeyed_and_what_it_lacks_is_told() -> None:
    settings = EngineSettings(openai_api_key=SecretStr(""), openai_base_url="", transcriber="openai-realtime")
    with pytest.raises(ConfigurationError, match="TRANSCRIBER_API_KEY"):
        chosen("transcriber", settings)
    assert chosen("moderator", EngineSettings(openai_api_key=KEY, moderator="off")) == "off"


def test_a_server_of_its_own_never_gets_the_common_key() -> None:
    settings = EngineSettings(openai_api_key=KEY, synthesizer_base_url="http://elsewhere.example/v1")
    assert access("synthesizer", settings).api_key.get_secret_value() == ""
    assert access("moderator", settings).api_key.get_secret_value() == "right"


async def test_an_address_that_is_none_is_refused_with_the_name_of_its_setting() -> None:
    engines = EngineSettings(openai_base_url="", openai_api_key=KEY, language_model_base_url="localhost:8000")
    with pytest.raises(ConfigurationError, match="LANGUAGE_MODEL_BASE_URL"):
        async with EngineRegistry(Settings(engines=engines)):
            pass


async def test_the_description_says_what_leaves_this_server() -> None:
    async with served(language_model_model="big", moderator="off") as (_stub, registry):
        described = {(d.port, d.engine): d for d in registry.describe()}
    chat = described["language_model", "openai"]
    assert (chat.target, chat.model, chat.is_remote, chat.fallback) == ("127.0.0.1", "big", False, False)
    assert described["language_model", "scripted"].fallback
    assert described["transcriber", "pocketsphinx"].fallback
    assert described["moderator", "off"].target == ""
    remote = EngineRegistry(Settings(engines=EngineSettings(openai_api_key=KEY, openai_base_url="")))
    async with remote:
        targets = {d.target for d in remote.describe() if d.is_remote}
    assert targets == {"api.openai.com"}


async def test_closing_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    async with served(transcriber="openai-realtime") as (_stub, registry):
        await heard(registry.for_call(Scripted()), bytes(32_000))
    await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() if not task.done()} <= before


# --- a call -----------------------------------------------------------------------------------------------------


async def test_a_call_is_served_by_the_provider() -> None:
    script = Script(replies=[ReplyRule("hello", text="Good day.")], flagged_words={"bomb": "violence"})
    async with served(script) as (stub, registry):
        engines = registry.for_call(Scripted())
        stub.script.transcripts.append("Hello you.")
        assert await heard(engines, bytes(32_000)) == Transcript("Hello you.", final=True)
        assert (await engines.moderator.check("a bomb")).flagged
        assert "Good" in "".join(e.text for e in await replied(engines) if isinstance(e, TextDelta))
        assert await spoken(engines, "Good day.")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("chat", "status", None, 429),
        Fault("chat", "status", None, 429, retry_after_s=60),
        Fault("chat", "status", None, 500),
        Fault("chat", "drop", None),
        Fault("chat", "malformed", None),
        Fault("chat", "stall", None),
        Fault("chat", "slow", None, delay_s=30),
    ],
)
async def test_a_model_that_fails_before_a_word_is_replaced_by_the_agents_own_dialogue(fault: Fault) -> None:
    async with served(language_model_first_token_timeout_s=0.3) as (stub, registry):
        stub.fail(fault)
        events = await replied(registry.for_call(Scripted()))
        assert events[0] == Switched("openai", "scripted", partial=False)
        assert events[-1] == Finished("stop")


@pytest.mark.parametrize("kind", ["cut", "stall", "malformed"])
async def test_a_reply_that_breaks_off_goes_on_with_the_agents_own_dialogue(kind: Any) -> None:
    async with served(language_model_stall_timeout_s=0.3) as (stub, registry):
        stub.fail(Fault("chat", kind, None, after_chunks=3))
        events = await replied(registry.for_call(Scripted()))
        assert events[0] == TextDelta("You")
        assert Switched("openai", "scripted", partial=True) in events
        assert len(stub.asked("chat")) == 1


async def test_the_breaker_is_shared_by_all_calls() -> None:
    async with served() as (stub, registry):
        stub.fail(Fault("chat", "status", None, 401))
        for _ in range(5):
            assert (await replied(registry.for_call(Scripted())))[-1] == Finished("stop")
        assert len(stub.asked("chat")) == 3


@pytest.mark.parametrize("audio_format", ["pcm", "opus"])
async def test_a_voice_that_breaks_off_is_finished_by_the_local_one(audio_format: str) -> None:
    text = "Tell me about a time when a deployment went wrong and what you did about it"
    async with served(synthesizer_format=audio_format) as (stub, registry):
        # An Ogg page holds about a second: the cut must come behind the first one.
        stub.fail(Fault("speech", "cut", None, after_chunks=20 if audio_format == "opus" else 6))
        chunks = await spoken(registry.for_call(Scripted()), text)
        local = [c for c in chunks if isinstance(c, Pcm) and c.rate_hz != 24_000]
        provided = [c for c in chunks if isinstance(c, OpusPackets) or c not in local]
        assert provided
        assert local
        assert len(stub.asked("speech")) == 1


async def test_a_dead_voice_is_replaced_before_the_first_sound() -> None:
    async with served(synthesizer_first_byte_timeout_s=0.3) as (stub, registry):
        stub.fail(Fault("speech", "stall", None))
        chunks = await spoken(registry.for_call(Scripted()), "Good morning.")
        assert sum(len(c.data) / 2 / c.rate_hz for c in chunks if isinstance(c, Pcm)) > 0.3


@pytest.mark.parametrize("transcriber", ["openai", "openai-realtime"])
@pytest.mark.parametrize("kind", ["drop", "cut", "malformed", "stall"])
async def test_an_utterance_lost_by_the_provider_is_heard_by_the_local_transcriber(transcriber: str, kind: Any) -> None:
    endpoint: Any = "realtime" if transcriber == "openai-realtime" else "transcriptions"
    async with served(
        transcriber=transcriber,
        transcriber_warm_connections=0,
        # The local one has the same deadline, beside whatever else runs on the machine.
        transcriber_timeout_s=4,
        pocketsphinx_workers=1,
        worker_niceness=0,
    ) as (stub, registry):
        stub.fail(Fault(endpoint, kind, None, after_chunks=2 if endpoint == "realtime" else 0))
        transcript = await heard(registry.for_call(Scripted()), synthesize("yes i would like to start now"))
        assert transcript.final
        assert "start" in transcript.text or "like" in transcript.text


async def test_a_moderator_that_is_down_is_replaced_by_the_word_list() -> None:
    async with served() as (stub, registry):
        stub.fail(Fault("moderations", "status", None, 503))
        engines = registry.for_call(Scripted())
        assert (await engines.moderator.check("I want to kill myself")).flagged
        assert not (await engines.moderator.check("My printer is offline")).flagged


async def test_phrases_prepared_ahead_need_no_request_in_the_call() -> None:
    async with served() as (stub, registry):
        await registry.warm_speech(["Welcome."], SpeechOptions())
        await spoken(registry.for_call(Scripted()), "Welcome.")
        assert len(stub.asked("speech")) == 1


async def test_nothing_but_what_is_to_be_said_and_heard_leaves_the_server() -> None:
    async with served() as (stub, registry):
        engines = registry.for_call(Scripted())
        await spoken(engines, "Good day.")
        await engines.moderator.check("some words")
        await replied(engines, "my question")
        allowed = {"input", "model", "voice", "response_format", "instructions"}
        assert set(stub.asked("speech")[0].parameters) <= allowed
        assert set(stub.asked("moderations")[0].parameters) == {"input", "model"}
        sent = set(stub.asked("chat")[0].parameters)
        assert sent == {"messages", "model", "stream", "stream_options", "temperature"}


# --- probes -----------------------------------------------------------------------------------------------------


async def test_a_probe_asks_every_engine_and_tells_what_is_wrong() -> None:
    async with served(local_fallback=False) as (stub, registry):
        assert all(result.ok for result in await registry.probe())
        assert {record.endpoint for record in stub.requests} == {"transcriptions", "chat", "speech", "moderations"}
        stub.fail(Fault("chat", "status", status=401))
        failed = [result for result in await registry.probe() if not result.ok]
    assert [(result.port, result.engine) for result in failed] == [("language_model", "openai")]
    assert "key" in failed[0].error
