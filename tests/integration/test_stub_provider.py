"""The stub provider itself: it is run as users run it and asked by the real client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import openai
import pytest

from scripts.speech import synthesize
from scripts.stub_audio import RATE_HZ, ogg_opus, speech_like
from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, Fault, ReplyRule, Script
from voice_agent.audio.flac import flac_bytes
from voice_agent.audio.ogg import OggOpusReader
from voice_agent.audio.opus import Decoder


@asynccontextmanager
async def asking(stub: StubProvider, key: str = "k") -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=key, base_url=stub.base_url, max_retries=0) as client:
        yield client


async def test_it_answers_by_the_script_and_echoes_without_one() -> None:
    script = Script(replies=[ReplyRule("weather", text="It rains.")])
    async with StubProvider(script=script) as stub, asking(stub) as client:
        said = []
        for text in ("How is the weather?", "I like tea."):
            stream = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": text}], stream=True
            )
            said.append("".join([c.choices[0].delta.content or "" async for c in stream if c.choices]))
        assert said == ["It rains.", "You said: I like tea."]
        assert stub.requests[0].parameters["messages"][0]["content"] == "How is the weather?"


async def test_transcripts_come_in_order_then_by_the_length_of_the_audio() -> None:
    async with StubProvider(script=Script()) as stub, asking(stub) as client:
        stub.script.transcripts.append("first")
        upload = ("a.flac", flac_bytes(bytes(16000 * 2 * 4), 16000), "audio/flac")
        texts = [(await client.audio.transcriptions.create(file=upload, model="m")).text for _ in range(2)]
        assert texts[0] == "first"
        assert len(texts[1].split()) == 10
        assert stub.requests[0].audio_s == pytest.approx(4.0)


async def test_speech_has_a_length_per_word_and_can_be_heard() -> None:
    pcm = speech_like("one two three four", 350, 1.0)
    assert len(pcm) / 2 / RATE_HZ == pytest.approx(1.4, abs=0.01)
    assert np.sqrt(np.mean(np.frombuffer(pcm, "<i2").astype(float) ** 2)) > 1000


async def test_its_ogg_opus_is_a_stream_that_an_opus_decoder_plays() -> None:
    pcm = speech_like("one two three four", 350, 1.0)
    decoder = Decoder(16_000)
    sound = b"".join(decoder.decode(packet) for packet in OggOpusReader().feed(ogg_opus(pcm)))
    assert len(sound) / 2 / 16_000 == pytest.approx(1.4, abs=0.1)
    assert np.sqrt(np.mean(np.frombuffer(sound, "<i2").astype(float) ** 2)) > 1000


async def test_real_synthetic_speech_can_be_plugged_in() -> None:
    async with (
        StubProvider(speech=lambda text, _speed: synthesize(text, RATE_HZ)) as stub,
        asking(stub) as client,
    ):
        answer = await client.audio.speech.create(input="good morning", model="m", voice="v", response_format="pcm")
        assert answer.content == synthesize("good morning", RATE_HZ)


async def test_moderation_flags_listed_words_only() -> None:
    async with StubProvider(script=Script(flagged_words={"grenade": "violence"})) as stub, asking(stub) as client:
        bad = (await client.moderations.create(input="A grenade!")).results[0]
        good = (await client.moderations.create(input="A pomegranate!")).results[0]
        assert bad.flagged
        assert bad.categories.violence
        assert not good.flagged


async def test_a_wrong_key_is_refused() -> None:
    async with StubProvider(api_key="right") as stub, asking(stub, "wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.moderations.create(input="x")


async def test_a_fault_set_over_http_happens_so_often_as_asked_and_requests_can_be_listed() -> None:
    async with StubProvider() as stub, asking(stub) as client, aiohttp.ClientSession() as http:
        root = stub.base_url.removesuffix("/v1")
        fault = {"endpoint": "moderations", "kind": "status", "status": 429, "retry_after_s": 7, "count": 2}
        async with http.post(f"{root}/stub/faults", json=fault) as response:
            assert response.status == 200
        for _ in range(2):
            with pytest.raises(openai.RateLimitError) as caught:
                await client.moderations.create(input="x")
            assert caught.value.response.headers["retry-after"] == "7"
        await client.moderations.create(input="the third")
        async with http.get(f"{root}/stub/requests") as response:
            listed = await response.json()
        assert [entry["outcome"] for entry in listed] == ["failed", "failed", "done"]
        assert listed[2]["parameters"]["input"] == "the third"


async def test_an_unknown_fault_is_refused() -> None:
    async with StubProvider() as stub, aiohttp.ClientSession() as http:
        root = stub.base_url.removesuffix("/v1")
        async with http.post(f"{root}/stub/faults", json={"endpoint": "chat", "kind": "nonsense"}) as response:
            assert response.status == 400


async def test_a_chosen_delay_is_kept() -> None:
    async with StubProvider(delays=Delays(moderation_s=0.15)) as stub, asking(stub) as client:
        started = asyncio.get_running_loop().time()
        await client.moderations.create(input="x")
        assert asyncio.get_running_loop().time() - started >= 0.15


async def test_a_cut_ends_the_stream_after_the_chosen_chunks() -> None:
    async with StubProvider() as stub, asking(stub) as client:
        stub.fail(Fault("chat", "cut", after_chunks=3))
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "one two three four"}], stream=True
        )
        for _ in range(3):
            await anext(stream)
        with pytest.raises(openai.APIConnectionError):
            await anext(stream)


async def test_it_runs_from_the_shell_and_prints_its_base_url() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scripts.stub_provider", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().strip()
        async with openai.AsyncOpenAI(api_key="k", base_url=url, max_retries=0) as client:
            assert not (await client.moderations.create(input="hello")).results[0].flagged
    finally:
        process.terminate()
        await process.wait()
