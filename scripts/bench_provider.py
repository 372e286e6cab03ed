"""What the provider's engines cost the server, in CPU: requests, streams and the transcriber's audio, over real HTTP.

`python -m scripts.bench_provider [--rounds 3] [--requests 300] [--callers 30]`

The provider is the stub, in a process of its own and without delays; engines are wrapped as calls have them. "openai"
is the client library used as its manual shows it, for comparison. Read the ratios: absolute figures change with the
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import statistics
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import openai
import uvloop
from pydantic import SecretStr

from scripts.stub_audio import speech_like
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import (
    TRANSCRIPTION_RATE_HZ,
    Finished,
    Message,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    TextDelta,
    TranscriptionOptions,
)
from voice_agent.engines.registry import EngineRegistry
from voice_agent.settings import AudioSettings, EngineSettings, Settings

_UTTERANCE_S = 3.0
_BYTES_PER_S = 2 * TRANSCRIPTION_RATE_HZ
_WORDS = "the printer on the second floor prints only half of each page since it was moved to the other desk"
_REPLY = " ".join([_WORDS] * 2)
_INSTRUCTIONS = "You are the voice of an IT helpdesk. " * 40


class _Silent:
    name = "scripted"

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        yield TextDelta("")
        yield Finished("stop")

    async def aclose(self) -> None: ...


@asynccontextmanager
async def _stub() -> AsyncIterator[str]:
    options = ("--port", "0", "--transcription-ms", "0", "--first-token-ms", "0", "--first-byte-ms", "0")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.stub_provider", *options, "--tokens-per-s", "0", "--reply", _REPLY),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _cost_us(work: Callable[[], Awaitable[None]], times: int) -> float:
    """CPU time of this process for one of `times` runs of `work`, one after the other."""
    await work()
    begun = time.process_time()
    for _ in range(times):
        await work()
    return (time.process_time() - begun) / times * 1e6


async def _speak(pieces: list[bytes], push: Callable[[bytes], None]) -> None:
    """In real time, as a caller does."""
    clock = asyncio.get_running_loop().time
    due = clock()
    for piece in pieces:
        push(piece)
        due += len(piece) / _BYTES_PER_S
        await asyncio.sleep(max(due - clock(), 0))


class _Ours:
    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def moderation(self) -> None:
        await self._engines.moderator.check(_WORDS)

    async def chat(self) -> None:
        request = ReplyRequest([Message("user", _WORDS)], instructions=_INSTRUCTIONS)
        async with aclosing(self._engines.language_model.reply(request)) as events:
            async for _event in events:
                pass

    async def speech(self) -> None:
        async with aclosing(self._engines.synthesizer.speak(_WORDS[:48], SpeechOptions())) as chunks:
            async for _chunk in chunks:
                pass

    async def utterance(self, pieces: list[bytes]) -> None:
        async with self._engines.transcriber.open(TranscriptionOptions()) as stream:
            await _speak(pieces, stream.push)
            stream.commit()
            async for _transcript in stream:
                pass


class _Library:
    """The same by the openai package alone: without deadlines, retries or resampling."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def moderation(self) -> None:
        await self._client.moderations.create(model="m", input=_WORDS)

    async def chat(self) -> None:
        stream = await self._client.chat.completions.create(
            model="m",
            messages=[{"role": "system", "content": _INSTRUCTIONS}, {"role": "user", "content": _WORDS}],
            stream=True,
        )
        async for _chunk in stream:
            pass

    async def speech(self) -> None:
        create = self._client.audio.speech.with_streaming_response.create
        async with create(model="m", voice="alloy", input=_WORDS[:48], response_format="pcm") as response:
            async for _piece in response.iter_bytes():
                pass

    async def utterance(self, pieces: list[bytes]) -> None:
        async with self._client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
            waiting: asyncio.Queue[bytes] = asyncio.Queue()

            async def send() -> None:
                while True:
                    piece = await waiting.get()
                    await connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())

            sender = asyncio.create_task(send())
            await _speak(pieces, waiting.put_nowait)
            sender.cancel()
            await connection.input_audio_buffer.commit()
            async for event in connection:
                if event.type.endswith("transcription.completed"):
                    return


async def _costs(who: _Ours | _Library, requests: int, callers: int) -> dict[str, float]:
    """CPU time in us, by what was asked for."""
    pcm = speech_like(_WORDS, 300, 1.0)[: int(_UTTERANCE_S * _BYTES_PER_S)]
    size = AudioSettings(_env_file=None).piece_ms * _BYTES_PER_S // 1000
    pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]

    async def crowd() -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(callers):
                tasks.create_task(who.utterance(pieces))

    return {
        "a moderation": await _cost_us(who.moderation, requests),
        "a reply of 38 tokens": await _cost_us(who.chat, requests // 3),
        "speech of 3 s": await _cost_us(who.speech, requests // 3),
        "a second of speech transcribed": await _cost_us(crowd, 1) / callers / _UTTERANCE_S,
    }


async def main(rounds: int, requests: int, callers: int) -> None:
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    async with _stub() as base_url:
        settings = EngineSettings(
            _env_file=None,
            openai_base_url=base_url,
            openai_api_key=SecretStr("none"),
            transcriber="openai-realtime",
            transcriber_idle_connections=callers,
            local_fallback=False,
            synthesizer_cache_bytes=0,
        )
        async with (
            EngineRegistry(Settings(engines=settings)) as registry,
            openai.AsyncOpenAI(api_key="none", base_url=base_url) as client,
        ):
            for _ in range(rounds):
                ours.append(await _costs(_Ours(registry.for_call(_Silent())), requests, callers))
                theirs.append(await _costs(_Library(client), requests, callers))
    print(f"{'CPU time, median':34}{'openai, us':>12}{'ours, us':>12}{'ratio':>8}")
    for name in ours[0]:
        library, own = (statistics.median(costs[name] for costs in each) for each in (theirs, ours))
        print(f"{name:34}{library:12.0f}{own:12.0f}{own / library:8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--callers", type=int, default=30)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.rounds, arguments.requests, arguments.callers))
