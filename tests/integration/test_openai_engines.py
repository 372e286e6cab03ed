"""The adapters, through the real client library and real HTTP, against the stub provider: what they ask and give."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from scripts.speech import synthesize
from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, Fault, ReplyRule, Script
from voice_agent.audio.opus import Decoder
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import Client, ClientPool, host_of, is_remote
from voice_agent.engines.openai.moderation import OpenAIModerator
from voice_agent.engines.openai.speech import OpenAISynthesizer
from voice_agent.engines.openai.transcription_batch import OpenAIBatchTranscriber
from voice_agent.engines.openai.transcription_realtime import OpenAIRealtimeTranscriber
from voice_agent.engines.ports import (
    EngineError,
    Finished,
    LanguageModel,
    Message,
    OpusPackets,
    Pcm,
    ReplyEvent,
    ReplyRequest,
    SpeakerSegment,
    SpeechOptions,
    TextDelta,
    ToolCall,
    ToolSpec,
    Transcriber,
    Transcript,
    TranscriptionOptions,
    Usage,
    Word,
)
from voice_agent.settings import EngineSettings

MAX_UTTERANCE_S = 90.0
SECOND = bytes(16_000 * 2)


@asynccontextmanager
async def client_of(stub: StubProvider, settings: EngineSettings | None = None) -> AsyncIterator[Client]:
    pool = ClientPool(settings or EngineSettings())
    try:
        yield pool.get(stub.base_url, SecretStr("key"), "OPENAI")
    finally:
        await pool.aclose()


def user(text: str, **kinds: Any) -> ReplyRequest:
    return ReplyRequest([Message("user", text)], **kinds)


async def replied(model: LanguageModel, request: ReplyRequest) -> list[ReplyEvent]:
    async with aclosing(model.reply(request)) as events:
        return [event async for event in events]


def text_of(events: list[ReplyEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def transcribed(
    transcriber: Transcriber, pcm: bytes, options: TranscriptionOptions | None = None
) -> list[Transcript]:
    async with transcriber.open(options or TranscriptionOptions()) as stream:
        for start in range(0, len(pcm), 640):
            stream.push(pcm[start : start + 640])
            if start % 6400 == 0:
                await asyncio.sleep(0)
        stream.commit()
        return [transcript async for transcript in stream]


async def test_speakers_are_told_apart_when_asked_for() -> None:
    settings = EngineSettings(_env_file=None, transcriber_speakers=True)
    async with StubProvider(script=Script(transcripts=deque(["hello there"]))) as stub, client_of(stub) as client:
        final = (await transcribed(OpenAIBatchTranscriber(client, settings, MAX_UTTERANCE_S), SECOND))[-1]
        assert final.segments == (SpeakerSegment("hello there", "A", 0, 1000),)
        assert stub.asked("transcriptions")[0].parameters["response_format"] == "diarized_json"


# --- chat -------------------------------------------------------------------------------------------------------


async def test_a_reply_comes_word_by_word_and_ends_with_its_reason_and_usage() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        events = await replied(OpenAIChat(client, "model-x", 0.6), user("red green blue"))
        assert text_of(events) == "You said: red green blue"
        assert len([event for event in events if isinstance(event, TextDelta)]) == 5
        assert isinstance(events[-2], Finished)
        assert isinstance(events[-1], Usage)
        assert events[-1].output_tokens > 0


async def test_the_first_word_does_not_wait_for_the_last() -> None:
    async with StubProvider(delays=Delays(tokens_per_s=5)) as stub, client_of(stub) as client:
        async with aclosing(OpenAIChat(client, "m", 0).reply(user("one two three four five six"))) as events:
            async with asyncio.timeout(1.0):
                assert await anext(events) == TextDelta("You")
        await stub.until(lambda s: s.requests[0].outcome == "disconnected")


async def test_the_whole_conversation_goes_out_in_the_order_and_roles_of_the_request() -> None:
    call = ToolCall("call_1", "lookup", '{"q": "vpn"}')
    request = ReplyRequest(
        [
            Message("user", "help"),
            Message("assistant", "", tool_calls=(call,)),
            Message("tool", "found it", call_id="call_1"),
        ],
        instructions="Be kind.",
        tools=[ToolSpec("lookup", "Finds.", {"type": "object", "properties": {"q": {"type": "string"}}})],
        tool_choice="lookup",
        max_output_tokens=33,
    )
    async with StubProvider() as stub, client_of(stub) as client:
        await replied(OpenAIChat(client, "model-x", 0.25), request)
        sent = stub.requests[0].parameters
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent["messages"][2]["tool_calls"][0]["function"] == {"name": "lookup", "arguments": '{"q": "vpn"}'}
    assert sent["messages"][3]["tool_call_id"] == "call_1"
    assert (sent["model"], sent["temperature"], sent["max_completion_tokens"]) == ("model-x", 0.25, 33)
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "lookup"}}
    assert "user" not in sent


async def test_tool_calls_are_put_together_from_their_pieces() -> None:
    calls = (("lookup", '{"question": "printer offline", "limit": 3}'), ("close", "{}"))
    script = Script(replies=[ReplyRule("printer", text="Let me look.", tool_calls=calls)])
    async with StubProvider(script=script) as stub, client_of(stub) as client:
        events = await replied(OpenAIChat(client, "m", 0), user("my printer"))
    made = [event for event in events if isinstance(event, ToolCall)]
    assert [(call.name, call.arguments) for call in made] == list(calls)
    assert len({call.call_id for call in made}) == 2
    assert Finished("tool_calls") in events
    assert text_of(events) == "Let me look."


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (ReplyRule("", text="Well", finish_reason="content_filter"), "content_filter"),
        (ReplyRule("", refusal="I cannot help with that."), "content_filter"),
        (ReplyRule("", text="A long", finish_reason="length"), "length"),
        (ReplyRule("", text="Tool", tool_calls=[("x", '{"a"')], finish_reason="length"), "length"),
    ],
)
async def test_why_the_model_stopped_is_told(rule: ReplyRule, reason: str) -> None:
    async with StubProvider(script=Script(replies=[rule])) as stub, client_of(stub) as client:
        events = await replied(OpenAIChat(client, "m", 0), user("x"))
    assert [event.reason for event in events if isinstance(event, Finished)] == [reason]
    assert not [event for event in events if isinstance(event, ToolCall)]
    assert "cannot" not in text_of(events)


@pytest.mark.parametrize("name", ["stream_options", "temperature", "max_completion_tokens"])
async def test_a_parameter_the_server_refuses_is_left_out_from_then_on(name: str) -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        message = f"Unsupported parameter: '{name}' is not supported with this model."
        stub.fail(Fault("chat", "status", count=None, status=400, message=message, only_with=name))
        model = OpenAIChat(client, "m", 0.5)
        for _ in range(2):
            assert text_of(await replied(model, user("hi", max_output_tokens=9))) == "You said: hi"
        assert [name in record.parameters for record in stub.requests] == [True, False, False]
        if name == "max_completion_tokens":
            assert stub.requests[-1].parameters["max_tokens"] == 9


# --- speech -----------------------------------------------------------------------------------------------------


async def test_pcm_arrives_as_whole_samples_and_is_what_the_provider_made() -> None:
    spoken = synthesize("hello there my friend", 24_000)
    async with StubProvider(speech=lambda _text, _speed: spoken) as stub, client_of(stub) as client:
        chunks = [chunk async for chunk in OpenAISynthesizer(client, EngineSettings()).speak("hi", SpeechOptions())]
    assert all(isinstance(chunk, Pcm) and chunk.rate_hz == 24_000 and len(chunk.data) % 2 == 0 for chunk in chunks)
    assert b"".join(chunk.data for chunk in chunks if isinstance(chunk, Pcm)) == spoken
    assert len(chunks) > 1


async def test_speech_is_handed_on_before_it_is_complete() -> None:
    async with StubProvider(delays=Delays(speech_chunk_s=0.3)) as stub, client_of(stub) as client:
        speech = OpenAISynthesizer(client, EngineSettings()).speak("ten words " * 5, SpeechOptions())
        async with aclosing(speech):
            async with asyncio.timeout(2.0):
                await anext(speech)
            assert stub.requests[0].outcome == "open"
        await stub.until(lambda s: s.requests[0].outcome == "disconnected")


async def test_opus_passes_through_as_packets_that_decode_to_the_speech() -> None:
    settings = EngineSettings(synthesizer_format="opus")
    async with StubProvider(ms_per_word=300) as stub, client_of(stub) as client:
        chunks = [c async for c in OpenAISynthesizer(client, settings).speak("a b c d e", SpeechOptions())]
    decoder = Decoder(16_000)
    packets = [packet for chunk in chunks if isinstance(chunk, OpusPackets) for packet in chunk.packets]
    sound = b"".join(decoder.decode(packet) for packet in packets)
    assert len(sound) / 32_000 == pytest.approx(1.5, abs=0.1)


async def test_voice_speed_language_and_model_reach_the_provider() -> None:
    settings = EngineSettings(synthesizer_model="voice-model")
    async with StubProvider() as stub, client_of(stub) as client:
        engine = OpenAISynthesizer(client, settings)
        async for _ in engine.speak("guten Tag", SpeechOptions(voice="nova", speed=0.8, language="de-DE")):
            pass
        sent = stub.requests[0].parameters
    assert (sent["input"], sent["voice"], sent["speed"], sent["model"]) == ("guten Tag", "nova", 0.8, "voice-model")
    assert "de-DE" in sent["instructions"]


async def test_an_unknown_voice_falls_back_to_the_default_and_is_remembered() -> None:
    async with StubProvider(script=Script(voices=["alloy"])) as stub, client_of(stub) as client:
        engine = OpenAISynthesizer(client, EngineSettings())
        for _ in range(2):
            assert [chunk async for chunk in engine.speak("hi", SpeechOptions(voice="kal16"))]
        assert [record.parameters["voice"] for record in stub.requests] == ["kal16", "alloy", "alloy"]


async def test_a_server_without_instructions_is_asked_without_them() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        refusal = Fault("speech", "status", None, 400, message="instructions not supported", only_with="instructions")
        stub.fail(refusal)
        engine = OpenAISynthesizer(client, EngineSettings())
        assert [chunk async for chunk in engine.speak("hi", SpeechOptions())]
        assert "instructions" not in stub.requests[-1].parameters


# --- moderation -------------------------------------------------------------------------------------------------


async def test_a_flagged_text_comes_with_its_categories_by_the_names_of_the_api() -> None:
    script = Script(flagged_words={"alpha": "self-harm/intent", "beta": "violence"})
    async with StubProvider(script=script) as stub, client_of(stub) as client:
        moderator = OpenAIModerator(client, "mod-model")
        verdict = await moderator.check("alpha and beta")
        assert verdict.flagged
        assert set(verdict.categories) == {"self-harm/intent", "violence"}
        assert not (await moderator.check("gamma")).flagged
        assert stub.requests[0].parameters["model"] == "mod-model"


# --- transcription in one piece ---------------------------------------------------------------------------------


def batch(client: Client, **settings: Any) -> OpenAIBatchTranscriber:
    return OpenAIBatchTranscriber(client, EngineSettings(**settings), MAX_UTTERANCE_S)


async def test_a_whole_utterance_is_uploaded_and_its_transcript_is_final() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        stub.script.transcripts.append("Hello to you all.")
        options = TranscriptionOptions(language="en-GB", prompt="Um, uh.", hints=("yes", "no"))
        heard = await transcribed(batch(client, transcriber_model="ear"), SECOND * 2, options)
        assert heard[-1] == Transcript("Hello to you all.", final=True)
        sent = stub.requests[0]
    assert sent.audio_s == pytest.approx(2.0)
    assert (sent.parameters["language"], sent.parameters["model"]) == ("en", "ear")
    assert sent.parameters["prompt"] == "Um, uh. yes, no"


async def test_only_a_whisper_model_that_is_asked_for_hesitation_sounds_counts_as_verbatim() -> None:
    seeded, plain = TranscriptionOptions(prompt="Um, uh, hmm."), TranscriptionOptions(prompt="IT helpdesk")
    async with StubProvider() as stub, client_of(stub) as client:
        whisper, other = batch(client, transcriber_model="whisper-1"), batch(client, transcriber_model="ear")
        vouched = batch(client, transcriber_model="ear", transcriber_verbatim=True)
        asked = [(whisper, seeded), (whisper, plain), (other, seeded), (vouched, plain)]
        heard = [(await transcribed(engine, SECOND, options))[-1].verbatim for engine, options in asked]
    assert heard == [True, False, False, True]


async def test_a_server_that_ignores_streaming_and_answers_with_json_is_understood() -> None:
    settings = {"transcriber_word_times": True}
    async with StubProvider() as stub, client_of(stub) as client:
        stub.script.transcripts.append("good morning")
        heard = await transcribed(batch(client, **settings), SECOND)
        words = (Word("good", 0, 300), Word("morning", 350, 650))
        assert heard == [Transcript("good morning", True, words, timing="word")]
        assert stub.requests[0].parameters["response_format"] == "verbose_json"


async def test_a_server_that_rejects_streaming_is_asked_without_it() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        refusal = Fault("transcriptions", "status", None, 400, message="stream is not supported", only_with="stream")
        stub.fail(refusal)
        transcriber = batch(client)
        stub.script.transcripts.extend(["one", "two"])
        assert (await transcribed(transcriber, SECOND))[-1].text == "one"
        assert (await transcribed(transcriber, SECOND))[-1].text == "two"
        assert len(stub.requests) == 3


async def test_an_utterance_without_audio_costs_no_request() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        assert await transcribed(batch(client), b"") == [Transcript("", final=True)]
        assert stub.requests == []


async def test_no_more_than_the_longest_utterance_is_uploaded() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        transcriber = OpenAIBatchTranscriber(client, EngineSettings(), 3.0)
        await transcribed(transcriber, SECOND * 5)
        assert stub.requests[0].audio_s == pytest.approx(3.0)


async def test_a_client_may_choose_only_a_model_that_the_operator_permits() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        transcriber = batch(client, transcriber_model="mine", transcriber_client_models="whisper-1, ear-2")
        for model in ("ear-2", "dearest"):
            await transcribed(transcriber, SECOND, TranscriptionOptions(model=model))
        assert [record.parameters["model"] for record in stub.requests] == ["ear-2", "mine"]


async def test_connections_are_kept_for_the_next_request() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        for _ in range(3):
            await transcribed(batch(client), SECOND)
            await replied(OpenAIChat(client, "m", 0), user("x"))
            await OpenAIModerator(client, "m").check("x")
        assert len({record.connection for record in stub.requests}) == 1


# --- realtime transcription -------------------------------------------------------------------------------------


@asynccontextmanager
async def realtime(stub: StubProvider, **settings: Any) -> AsyncIterator[OpenAIRealtimeTranscriber]:
    chosen = EngineSettings(**settings)
    async with client_of(stub, chosen) as client:
        transcriber = OpenAIRealtimeTranscriber(client, chosen, MAX_UTTERANCE_S)
        try:
            yield transcriber
        finally:
            await transcriber.aclose()


async def test_hypotheses_come_while_the_caller_still_speaks() -> None:
    async with StubProvider() as stub, realtime(stub) as transcriber:
        stub.script.transcripts.append("one two three four five six")
        async with transcriber.open(TranscriptionOptions()) as stream:
            stream.push(SECOND)
            transcripts = aiter(stream)
            partial = await anext(transcripts)
            assert not partial.final
            assert "one two three four five six".startswith(partial.text)
            stream.push(SECOND)
            stream.commit()
            rest = [transcript async for transcript in transcripts]
        assert rest[-1] == Transcript("one two three four five six", final=True)
        record = stub.requests[0]
        assert record.audio_s == pytest.approx(2.0, abs=0.01)
        sent = record.parameters["session"]
        assert sent["type"] == "transcription"
        assert sent["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
        assert sent["audio"]["input"]["turn_detection"] is None


async def test_a_connection_is_ready_before_the_first_caller_and_serves_several_in_turn() -> None:
    async with StubProvider() as stub, realtime(stub) as transcriber:
        await transcriber.warm()
        await stub.until(lambda s: len(s.asked("realtime")) == 1)
        stub.script.transcripts.extend(["first", "second", "third"])
        heard = []
        for language in ("en", "en", "de"):
            heard.append((await transcribed(transcriber, SECOND, TranscriptionOptions(language=language)))[-1].text)
        assert heard == ["first", "second", "third"]
        assert len(stub.asked("realtime")) <= 2
        languages = [r.parameters["session"]["audio"]["input"]["transcription"]["language"] for r in stub.requests]
        assert "de" in languages


async def test_a_dead_ready_connection_is_replaced() -> None:
    async with StubProvider() as stub, realtime(stub) as transcriber:
        stub.fail(Fault("realtime", "cut", after_chunks=0))
        await transcriber.warm()
        await stub.until(lambda s: len(s.asked("realtime")) >= 2 and s.requests[0].outcome == "failed")
        stub.script.transcripts.append("still here")
        assert (await transcribed(transcriber, SECOND))[-1].text == "still here"


async def test_an_old_connection_is_replaced() -> None:
    async with StubProvider() as stub, realtime(stub, transcriber_connection_max_age_s=0.2) as transcriber:
        await transcriber.warm()
        await stub.until(lambda s: len(s.asked("realtime")) >= 3)
        assert stub.requests[0].outcome != "failed"


async def test_less_audio_than_the_provider_takes_is_an_empty_transcript() -> None:
    async with StubProvider() as stub, realtime(stub) as transcriber:
        assert (await transcribed(transcriber, bytes(640)))[-1] == Transcript("", final=True)


async def test_leaving_an_utterance_closes_its_connection() -> None:
    async with StubProvider() as stub, realtime(stub) as transcriber:
        async with transcriber.open(TranscriptionOptions()) as stream:
            stream.push(SECOND)
            await stub.until(lambda s: any("input_audio_buffer.append" in r.parameters["messages"] for r in s.requests))
        await stub.until(lambda s: s.requests[0].outcome != "open")
        assert transcriber.pool.ready == 0


# --- clients ----------------------------------------------------------------------------------------------------


def test_the_host_is_shown_without_credentials_and_loopback_is_not_remote() -> None:
    assert host_of("https://user:secret@models.example.org:8443/v1?x=1") == "models.example.org"
    assert host_of("") == "api.openai.com"
    assert [is_remote(u) for u in ("", "http://10.0.0.7:8000/v1", "http://127.0.0.1:1/v1", "http://[::1]/v1")] == [
        True,
        True,
        False,
        False,
    ]


async def test_a_redirect_to_another_host_is_not_followed() -> None:
    async with StubProvider() as stub, client_of(stub) as client:
        stub.fail(Fault("moderations", "status", status=307))
        with pytest.raises(EngineError):
            await OpenAIModerator(client, "m").check("x")
        assert len(stub.requests) == 1
