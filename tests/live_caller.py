"""A caller over WebRTC with an ear: speaks when told to, and knows when it heard how loud a sound. Not a test module.

The server is a real one, reached over HTTP and UDP. What arrives is timed packet by packet and decoded at once, so a
pause in the sound is a pause that a person would hear; nothing is smoothed by a jitter buffer of ours.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import fractions
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from aiohttp import ClientSession
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from scripts.speech import synthesize
from voice_agent.audio.opus import Decoder
from voice_agent.hardening import media_stack

RATE_HZ = 48_000
_FRAME = RATE_HZ // 50
_FRAME_S = 0.02
_ROOM_NOISE = 20.0
"""Amplitude of what a quiet room sounds like to a microphone, of 32768."""
SOUND_DBFS = -50.0
"""Louder than this is sound to a listener; a voice's own pauses are below."""

_VOICE, _WORDS_PER_MINUTE, _SNR_DB = "en-us+klatt", 165, 28

Event = dict[str, Any]


class Microphone(MediaStreamTrack):
    """A quiet room, in which something is said now and then. Mono, 48 kHz, at real pace."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._noise = np.random.default_rng(1)
        self._said: deque[np.ndarray[Any, np.dtype[np.float64]]] = deque()
        self._finished = asyncio.Event()
        self._sent = 0
        self._start: float | None = None

    async def say(self, pcm: bytes) -> float:
        """Speaks mono s16le at 48 kHz. Returns when it was said, with the loop's time at its end."""
        samples = np.frombuffer(pcm, np.int16).astype(np.float64)
        padded = np.concatenate([samples, np.zeros(-len(samples) % _FRAME)])
        self._finished.clear()
        self._said.extend(padded.reshape(-1, _FRAME))
        await self._finished.wait()
        return asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(self._start + self._sent / RATE_HZ - now)
        samples = self._noise.normal(0, _ROOM_NOISE, _FRAME)
        if self._said:
            samples += self._said.popleft()
            if not self._said:
                self._finished.set()
        pcm = np.clip(samples, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts = self._sent
        frame.time_base = fractions.Fraction(1, RATE_HZ)
        self._sent += _FRAME
        return frame


@dataclass(frozen=True, slots=True)
class Heard:
    """20 ms of sound: when it came (the loop's time), where it belongs (RTP timestamp), how loud it is, and the sound
    itself."""

    at: float
    timestamp: int
    dbfs: float
    pcm: bytes


def level_dbfs(pcm: bytes) -> float:
    """RMS of s16le against full scale; -120 for digital silence."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    return float(20 * np.log10(max(np.sqrt(np.mean(samples**2)) / 32768 if len(samples) else 0.0, 1e-6)))


class LiveCaller:
    """One call. `events` are all server events in order; `heard` all sound."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.heard: list[Heard] = []
        self.call_id = ""
        self.microphone = Microphone()
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channel = self.pc.createDataChannel("oai-events")
        self._decoder = Decoder(RATE_HZ)
        self._happened = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.pc.addTrack(self.microphone)
        media_stack.receive_packets(self.pc.getTransceivers()[0].receiver, self._packet, clock_rate_hz=RATE_HZ)
        self.channel.on("message", self._message)
        self.channel.on("open", self._happened.set)

    async def dial(self, url: str, http: ClientSession, credential: str, query: str) -> None:
        with media_stack.media_address("127.0.0.1", "127.0.0.1"):
            await self.pc.setLocalDescription(await self.pc.createOffer())
        headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/sdp"}
        async with http.post(
            f"{url}/v1/realtime/calls?{query}", data=self.pc.localDescription.sdp, headers=headers
        ) as answer:
            assert answer.status == 201, await answer.text()
            self.call_id = answer.headers["Location"].rsplit("/", 1)[1]
            await self.pc.setRemoteDescription(RTCSessionDescription(await answer.text(), "answer"))
        await self.until(lambda: self.channel.readyState == "open" and self.of("session.created"))

    def now(self) -> float:
        return self._loop.time()

    def send(self, **event: Any) -> None:
        self.channel.send(json.dumps(event))

    def write(self, text: str) -> None:
        """Says something in writing and asks for the answer."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.send(type="conversation.item.create", item=item)
        self.send(type="response.create")

    def of(self, kind: str, since: int = 0) -> list[Event]:
        """The events of one type, from number `since` on."""
        return [event for event in self.events[since:] if event["type"] == kind]

    def states(self) -> list[str]:
        """What the agent has been doing, as the page is told."""
        return [event["state"] for event in self.of("agent.state")]

    async def until(self, condition: Callable[[], object], timeout_s: float = 20) -> None:
        """Returns when something that was heard or told makes `condition` true. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._happened.clear()
                await self._happened.wait()

    async def event(self, kind: str, since: int = 0, timeout_s: float = 20) -> Event:
        """The first event of a type from number `since` on."""
        await self.until(lambda: self.of(kind, since), timeout_s)
        return self.of(kind, since)[0]

    async def sound(self, since: float, timeout_s: float = 20) -> float:
        """When the first sound after `since` came."""
        await self.until(lambda: self.first_sound(since) is not None, timeout_s)
        first = self.first_sound(since)
        assert first is not None
        return first

    def first_sound(self, since: float) -> float | None:
        return next((each.at for each in self.since(since) if each.dbfs > SOUND_DBFS), None)

    def last_sound(self) -> float:
        return next(each.at for each in reversed(self.heard) if each.dbfs > SOUND_DBFS)

    def longest_silence(self, start: float) -> float:
        """Seconds of the longest time without sound from `start` to the last sound so far."""
        moments = [start, *(each.at for each in self.since(start) if each.dbfs > SOUND_DBFS)]
        return max(after - before for before, after in itertools.pairwise(moments))

    def since(self, moment: float) -> list[Heard]:
        """What came from `moment` on."""
        return self.heard[bisect.bisect_left(self.heard, moment, key=lambda each: each.at) :]

    def said(self, since: int = 0) -> str:
        """The agent's words from event number `since` on, as far as they were heard."""
        return " ".join(event["text"] for event in self.of("agent.caption", since) if event["final"])

    def _message(self, raw: str) -> None:
        self.events.append(json.loads(raw))
        self._happened.set()

    def _packet(self, packet: media_stack.VoicePacket, _now: float) -> None:
        pcm = self._decoder.decode(packet.payload)
        self.heard.append(Heard(self._loop.time(), packet.timestamp, level_dbfs(pcm), pcm))
        self._happened.set()

    def vanish(self) -> None:
        """As a killed tab: the sockets are gone without a word."""
        for protocol in self.pc.getTransceivers()[0].receiver.transport.transport._connection._protocols:
            protocol.transport.abort()

    async def hang_up(self) -> None:
        await asyncio.wait_for(self.pc.close(), 5)


@contextlib.asynccontextmanager
async def calling(
    url: str, http: ClientSession, credential: str, *, query: str = "model=helpdesk"
) -> AsyncIterator[LiveCaller]:
    """A connected call, hung up at the end."""
    media_stack.apply()
    caller = LiveCaller()
    try:
        await caller.dial(url, http, credential, query)
        yield caller
    finally:
        await caller.hang_up()


def _with_noise(pcm: bytes, snr_db: float) -> bytes:
    """With a little white noise, as from a microphone: recognisers stumble over digital silence."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    amplitude = np.sqrt(np.mean(samples**2)) * 10 ** (-snr_db / 20)
    noisy = samples + np.random.default_rng(1).normal(0, amplitude, len(samples))
    return bytes(np.clip(noisy, -32768, 32767).astype("<i2").tobytes())


def joined(heard: Iterable[Heard]) -> bytes:
    return b"".join(each.pcm for each in heard)


def spoken(text: str) -> bytes:
    """Mono s16le at 48 kHz, in the one of eSpeak's voices that the local transcriber understands best."""
    return _with_noise(synthesize(text, RATE_HZ, voice=_VOICE, words_per_minute=_WORDS_PER_MINUTE), _SNR_DB)
