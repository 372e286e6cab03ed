"""A real caller for tests: an aiortc client over loopback that speaks, listens and has an event channel. Not a test."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
from collections.abc import AsyncIterator, Callable
from typing import Any

import av
import numpy as np
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from scripts.speech import synthesize
from signaling.peer import Peer
from voice_agent.audio.batching import DetectionBatch
from voice_agent.audio.vad import SpeechDetector
from voice_agent.hardening import media_stack
from voice_agent.settings import ServerSettings, Settings

LOOPBACK = "127.0.0.1"
SPEECH = synthesize("The quick brown fox jumps over the lazy dog while the caller goes on talking.", 48_000)


def loopback_settings(**server: Any) -> Settings:
    return Settings(server=ServerSettings(media_host=LOOPBACK, **server))


class Recorder:
    """The session of a test: remembers what the peer tells it."""

    detector: SpeechDetector | None = None

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.events: list[str | bytes] = []
        self.connections = 0
        self.reasons: list[str] = []

    def audio_in(self, pcm: bytes) -> None:
        self.frames.append(pcm)

    def client_event(self, raw: str | bytes) -> None:
        self.events.append(raw)

    def connected(self) -> None:
        self.connections += 1


class TalkingTrack(MediaStreamTrack):
    """Speech, over and over, in 20 ms frames at real pace."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._samples = np.frombuffer(SPEECH, np.int16)
        self._sent = 0
        self._start: float | None = None

    @property
    def sent(self) -> int:
        """Frames so far."""
        return self._sent // 960

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(self._start + self._sent / 48_000 - now)
        at = self._sent % (len(self._samples) - 960)
        frame = av.AudioFrame.from_ndarray(self._samples[None, at : at + 960].copy(), format="s16", layout="mono")
        frame.sample_rate = 48_000
        frame.pts = self._sent
        frame.time_base = fractions.Fraction(1, 48_000)
        self._sent += 960
        return frame


class Caller:
    """The client's side of one call, and with it the peer and the session of the server's side."""

    def __init__(self, *, track: MediaStreamTrack | None, direction: str = "sendrecv", channel: bool = True) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.heard = 0
        self.messages: list[str] = []
        self.session = Recorder()
        self.peer: Peer
        self.answer = ""
        self._tasks: list[asyncio.Task[None]] = []
        self.pc.on("track", lambda remote: self._tasks.append(asyncio.ensure_future(self._listen(remote))))
        if track is not None:
            self.pc.addTrack(track)
        else:
            self.pc.addTransceiver("audio", direction=direction)
        self.channel: RTCDataChannel | None = None
        if channel:
            self.channel = self.pc.createDataChannel("oai-events")
            self.channel.on("message", self.messages.append)

    async def offer(self) -> str:
        with media_stack.media_address(LOOPBACK, LOOPBACK):
            await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def dial(self, settings: Settings, batch: DetectionBatch | None = None) -> None:
        self.peer, self.answer = await Peer.answer(
            await self.offer(), settings=settings, on_closed=self.session.reasons.append, batch=batch
        )
        self.peer.bind(self.session)
        await self.pc.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))

    async def hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.wait_for(self.pc.close(), 5)
        await self.peer.close()

    async def vanish(self) -> None:
        """As a killed tab: its socket is gone without a word."""
        for protocol in self.dtls.transport._connection._protocols:
            protocol.transport.abort()

    @property
    def dtls(self) -> Any:
        return self.pc.getTransceivers()[0].receiver.transport

    @property
    def socket(self) -> Any:
        """The client's own datagram transport: what it sends has the validated source address."""
        return self.dtls.transport._connection._nominated[1].protocol.transport

    @property
    def server_address(self) -> tuple[str, int]:
        candidate = next(line for line in self.answer.splitlines() if line.startswith("a=candidate:"))
        return candidate.split()[4], int(candidate.split()[5])

    async def _listen(self, remote: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                await remote.recv()
                self.heard += 1


async def offer_alone() -> str:
    """The offer of a caller who does nothing else."""
    media_stack.apply()
    caller = Caller(track=None)
    try:
        return await caller.offer()
    finally:
        await caller.pc.close()


async def until(condition: Callable[[], object], timeout_s: float = 5) -> None:
    """Waits for something real to happen, and fails the test if it does not."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the stack has no event for most of what tests wait for
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def calling(
    settings: Settings | None = None, *, talk: bool = True, batch: DetectionBatch | None = None, **caller: Any
) -> AsyncIterator[Caller]:
    """A connected call, hung up at the end."""
    media_stack.apply()
    track = TalkingTrack() if talk else AudioStreamTrack()
    client = Caller(track=caller.pop("track", track), **caller)
    try:
        await client.dial(settings or loopback_settings(), batch)
        await until(lambda: client.session.connections)
        if client.channel is not None:
            channel = client.channel
            await until(lambda: channel.readyState == "open")
        yield client
    finally:
        await client.hang_up()
