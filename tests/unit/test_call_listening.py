"""When the transcriber gets what was heard: in pieces, at once where a word may end, and all of it in any case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import numpy as np

from scripts.speech import synthesize
from voice_agent.call.listening import Listener
from voice_agent.call.turn_types import Event, Lull
from voice_agent.engines.ports import Transcript, TranscriptionOptions, TranscriptionStream
from voice_agent.settings import AudioSettings

RNG = np.random.default_rng(1)


class Transcriber:
    """Keeps the pieces it is given."""

    name = "keeping"
    partials = True

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.committed = asyncio.Event()
        self.ready = asyncio.Event()
        self.ready.set()

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TranscriptionStream]:
        await self.ready.wait()
        yield self

    def push(self, pcm: bytes) -> None:
        self.pieces.append(pcm)

    def commit(self) -> None:
        self.committed.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        await self.committed.wait()
        yield Transcript("", True)

    async def aclose(self) -> None: ...

    @property
    def ms(self) -> list[int]:
        return [len(piece) // 32 for piece in self.pieces]


def frames(amplitude: int, count: int) -> list[bytes]:
    return [RNG.integers(-amplitude, amplitude + 1, 320, dtype="<i2").tobytes() for _ in range(count)]


def listening(transcriber: Transcriber, feed: Callable[[Event], None] | None = None) -> Listener:
    """Without `feed` as a client has it that minds its turns itself: every frame is transcribed."""
    listener = Listener(
        AudioSettings(_env_file=None, piece_ms=100),
        transcriber=transcriber,
        options=TranscriptionOptions,
        feed=feed or (lambda _event: None),
        clock=asyncio.get_running_loop().time,
        spawn=asyncio.ensure_future,
        max_segment_s=60,
    )
    listener.configure(manual=feed is None, prefix_ms=300)
    return listener


async def test_speech_is_handed_over_in_pieces_and_the_rest_with_its_end() -> None:
    transcriber = Transcriber()
    listener = listening(transcriber)
    heard = frames(3000, 13)
    listener.frame(heard[0])
    await asyncio.sleep(0.01)
    for frame in heard[1:]:
        listener.frame(frame)
    assert transcriber.ms == [20, 100, 100]
    listener.cut()
    assert transcriber.ms == [20, 100, 100, 40]
    assert b"".join(transcriber.pieces) == b"".join(heard)
    assert transcriber.committed.is_set()


async def test_what_is_said_while_the_transcriber_is_not_ready_arrives_in_one_piece() -> None:
    transcriber = Transcriber()
    transcriber.ready.clear()
    listener = listening(transcriber)
    heard = frames(3000, 13)
    for frame in heard:
        listener.frame(frame)
    listener.cut()
    assert not transcriber.pieces
    transcriber.ready.set()
    await transcriber.committed.wait()
    assert transcriber.pieces == [b"".join(heard)]


async def test_at_a_lull_the_transcriber_has_all_but_the_latest_silence() -> None:
    transcriber = Transcriber()
    missing_ms: list[int] = []
    heard_ms = 0

    def feed(event: Event) -> None:
        if isinstance(event, Lull):
            missing_ms.append(heard_ms - listener.speech_start_ms - sum(transcriber.ms))

    listener = listening(transcriber, feed)
    speech = synthesize("I moved the printer to the other desk")
    for frame in [speech[at : at + 640] for at in range(0, len(speech) - 639, 640)] + frames(1, 25):
        listener.frame(frame)
        heard_ms += 20
        await asyncio.sleep(0)
    assert missing_ms
    assert max(missing_ms) <= 40
