"""One face for all transports: dial, say, write, hear, hang up."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import ClientSession

from scripts.load import rtc, voice, websocket
from scripts.load.hearing import Hearing
from scripts.load.rtc import Event, Microphones, RtcCaller, Traffic
from scripts.load.signal import realtime_calls
from scripts.load.websocket import SocketCaller

_PCM_BYTES_PER_S = 24_000 * 2


@dataclass(frozen=True, slots=True)
class Line:
    """Where calls go: `base_url` ends in /v1, `address` is ours as the server reaches it (for media)."""

    http: ClientSession
    base_url: str
    key: str
    microphones: Microphones
    address: str = "127.0.0.1"

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""


class Phone(Protocol):
    hearing: Hearing
    traffic: Traffic
    closed: asyncio.Event
    """Set when the call is over, whoever ended it."""

    async def dial(self, model: str) -> None:
        """Raises RefusedError or UnreachableError. Hang up in any case."""

    async def say(self, text: str) -> float:
        """Speaks; returns when the voice ended, on the loop's clock. Raises ConnectionError."""

    def write(self, text: str) -> None:
        """Says something in writing and asks for the answer. Raises ConnectionError."""

    async def hang_up(self) -> None: ...


class RtcPhone:
    def __init__(self, line: Line, on_event: Callable[[Event], None]) -> None:
        self.hearing = Hearing()
        self._line = line
        self._caller = RtcCaller(line.microphones, on_packet=self._heard, on_event=on_event, address=line.address)
        self.traffic = self._caller.traffic
        self.closed = self._caller.closed

    async def dial(self, model: str) -> None:
        line = self._line
        await self._caller.call(realtime_calls(line.http, line.base_url, line.key, query={"model": model}))

    async def say(self, text: str) -> float:
        return await self._caller.say(voice.spoken(text, coding=self._caller.coding))

    def write(self, text: str) -> None:
        for event in written(text):
            self._caller.send_event(event)

    async def hang_up(self) -> None:
        await self._caller.hang_up()

    def _heard(self, packet: rtc.Arrived) -> None:
        if packet.audible:
            self.hearing.sound(packet.at, rtc.FRAME_S)


class SocketPhone:
    """`voice=False`: the conversation is in writing, both ways."""

    def __init__(self, line: Line, on_event: Callable[[Event], None], *, voice: bool) -> None:
        self.hearing = Hearing()
        self.traffic = Traffic()
        self._line = line
        self._voice = voice
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._caller = SocketCaller(line.http, self._event)
        self.closed = self._caller.closed

    async def dial(self, model: str) -> None:
        line = self._line
        await self._caller.call(line.base_url, line.key, query={"model": model}, voice=self._voice)
        if not self._voice:
            self._caller.send_event(
                {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}}
            )

    async def say(self, text: str) -> float:
        return await self._caller.say(text)

    def write(self, text: str) -> None:
        for event in written(text):
            self._caller.send_event(event)

    async def hang_up(self) -> None:
        await self._caller.hang_up()

    def _event(self, event: Event) -> None:
        now = self._loop.time()
        match event["type"]:
            case "response.output_audio.delta":
                self.hearing.sound(now, len(base64.b64decode(event["delta"])) / _PCM_BYTES_PER_S)
            case "input_audio_buffer.speech_started":
                self.hearing.cut(now)  # as every client does: what the caller talks over is not played on
        self._on_event(event)


def written(text: str) -> tuple[Event, Event]:
    """The client events of a typed turn."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"type": "conversation.item.create", "item": item}, {"type": "response.create"}


def prepare(texts: tuple[str, ...], *, webrtc: bool) -> None:
    """Makes all speech before the clock runs: a synthesizer at work in mid-run would be measured too."""
    if not webrtc:
        for text in texts:
            websocket.spoken_events(text)
        return
    for coding in (voice.Coding(), voice.Coding(wideband=True, discontinuous=True)):
        voice.room(coding)
        voice.hangover(coding)
        for text in texts:
            voice.spoken(text, coding=coding)
