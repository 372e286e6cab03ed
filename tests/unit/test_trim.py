"""Speech begins with sound: the silence before it is taken off."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np
import pytest

from voice_agent.engines.ports import AudioChunk, OpusPackets, Pcm, SpeechOptions
from voice_agent.engines.trim import TrimmingSynthesizer

RATE_HZ = 16_000


class Voice:
    name = "voice"

    def __init__(self, chunks: Sequence[AudioChunk]) -> None:
        self._chunks = chunks

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None: ...


def pcm(ms: int, amplitude: int) -> bytes:
    return np.full(ms * RATE_HZ // 1000, amplitude, "<i2").tobytes()


def cut(data: bytes, size: int) -> list[Pcm]:
    return [Pcm(data[at : at + size], RATE_HZ) for at in range(0, len(data), size)]


async def spoken(chunks: Sequence[AudioChunk]) -> list[AudioChunk]:
    async with aclosing(TrimmingSynthesizer(Voice(chunks)).speak("x", SpeechOptions())) as speech:
        return [chunk async for chunk in speech]


@pytest.mark.parametrize("size", [641, 3200, 10**6])
async def test_the_silence_before_the_first_sound_goes_but_for_a_little(size: int) -> None:
    voice = cut(pcm(200, 30) + pcm(100, 5000) + pcm(300, 0), size)
    heard = b"".join(chunk.data for chunk in await spoken(voice) if isinstance(chunk, Pcm))
    assert heard == pcm(15, 30) + pcm(100, 5000) + pcm(300, 0)


async def test_speech_that_begins_at_once_is_left_alone() -> None:
    voice = cut(pcm(100, -5000), 640)
    assert await spoken(voice) == voice


async def test_silence_alone_is_left_as_it_is() -> None:
    voice = cut(pcm(100, 3), 640)
    assert await spoken(voice) == voice


async def test_packets_pass_unopened() -> None:
    voice = [OpusPackets((b"a", b"b")), OpusPackets((b"c",))]
    assert await spoken(voice) == voice
