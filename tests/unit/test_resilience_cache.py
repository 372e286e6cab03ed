"""The in-memory cache of speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from voice_agent.engines.cache import CachingSynthesizer
from voice_agent.engines.ports import AudioChunk, EngineError, OpusPackets, Pcm, SpeechOptions

OPTIONS = SpeechOptions()


class Voice:
    """Says each letter as 100 bytes, in chunks of one letter; fails in the middle of "fail"."""

    name = "voice"

    def __init__(self) -> None:
        self.said: list[str] = []

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        self.said.append(text)
        for letter in text:
            if text == "fail" and letter == "i":
                raise EngineError("x", code="cut", retryable=True)
            await asyncio.sleep(0)
            yield Pcm(letter.encode() * int(100 * options.speed), 16_000)

    async def aclose(self) -> None: ...


async def said(cache: CachingSynthesizer, text: str, options: SpeechOptions = OPTIONS) -> list[AudioChunk]:
    async with aclosing(cache.speak(text, options)) as chunks:
        return [chunk async for chunk in chunks]


async def test_what_was_said_before_is_not_synthesized_again() -> None:
    voice = Voice()
    cache = CachingSynthesizer(voice, 10_000)
    assert await said(cache, "hello") == await said(cache, "hello")
    assert voice.said == ["hello"]
    assert cache.used_bytes == 500


@pytest.mark.parametrize("options", [SpeechOptions(voice="x"), SpeechOptions(speed=0.8), SpeechOptions(language="de")])
async def test_another_voice_speed_or_language_is_another_clause(options: SpeechOptions) -> None:
    voice = Voice()
    cache = CachingSynthesizer(voice, 10_000)
    await said(cache, "hello")
    await said(cache, "hello", options)
    assert len(voice.said) == 2


async def test_half_a_clause_is_never_kept() -> None:
    voice = Voice()
    cache = CachingSynthesizer(voice, 10_000)
    with pytest.raises(EngineError):
        await said(cache, "fail")
    async with aclosing(cache.speak("stopped", OPTIONS)) as chunks:
        await anext(chunks)
    assert cache.used_bytes == 0
    await said(cache, "stopped")
    assert voice.said == ["fail", "stopped", "stopped"]


async def test_the_clause_not_used_for_longest_makes_room() -> None:
    voice = Voice()
    cache = CachingSynthesizer(voice, 1000)
    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
        await said(cache, text)
        assert cache.used_bytes <= 1000
    assert voice.said == ["aaaa", "bbbb", "cccc", "bbbb"]


async def test_a_clause_larger_than_the_cache_is_spoken_and_not_kept() -> None:
    cache = CachingSynthesizer(Voice(), 300)
    await said(cache, "abc")
    assert len(await said(cache, "abcdefgh")) == 8
    assert cache.used_bytes == 300


async def test_the_same_clause_asked_for_twice_at_once_is_kept_once() -> None:
    cache = CachingSynthesizer(Voice(), 10_000)
    first, second = await asyncio.gather(said(cache, "hello"), said(cache, "hello"))
    assert first == second
    assert cache.used_bytes == 500


async def test_phrases_can_be_prepared() -> None:
    voice = Voice()
    cache = CachingSynthesizer(voice, 10_000)
    await cache.warm(["hi", "bye", "hi"], OPTIONS)
    await said(cache, "bye")
    assert voice.said == ["hi", "bye"]


async def test_opus_packets_are_kept_as_they_are() -> None:
    class Packets(Voice):
        async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
            self.said.append(text)
            yield OpusPackets((b"abc", b"de"))

    voice = Packets()
    cache = CachingSynthesizer(voice, 100)
    assert await said(cache, "x") == await said(cache, "x") == [OpusPackets((b"abc", b"de"))]
    assert cache.used_bytes == 5
