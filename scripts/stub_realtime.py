"""The stub provider's realtime transcription session: the WebSocket half of `stub_provider`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from scripts.stub_audio import RATE_HZ, onset
from scripts.stub_script import Delays, Fault, Record, Script, TimedWords

_MS_PER_WORD = 300
_SHORTEST_S = 0.1
_TRANSCRIPTION = "conversation.item.input_audio_transcription."


class RealtimeTranscription:
    """One WebSocket: any number of utterances, one after the other, each ended by a commit."""

    def __init__(
        self, socket: web.WebSocketResponse, script: Script, delays: Delays, record: Record, *, partials: bool
    ) -> None:
        self._socket = socket
        self._script = script
        self._delays = delays
        self._record = record
        self._partials = partials
        self._utterances = 0
        self._audio_bytes = 0
        self._text: str | None = None
        self._words_sent = 0
        self._onset: int | None = None
        """Bytes before the first sound of the utterance."""
        self._revelations: set[asyncio.Task[None]] = set()
        self._due = 0
        """Words that have been heard, whether they are sent yet or not."""

    async def run(self, fault: Fault | None, *, abort: Callable[[], None], changed: Callable[[], None]) -> None:
        """Serves until the client leaves or the fault ends it. Each message is recorded by its type; the session by
        its content."""
        messages: list[str] = self._record.parameters.setdefault("messages", [])
        await self._send("session.created", session={"type": "transcription"})
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            if fault is not None and len(messages) >= fault.after_chunks:
                if fault.kind == "stall":
                    await asyncio.Event().wait()
                if fault.kind in ("cut", "drop"):
                    abort()
                    self._record.outcome = "failed"
                    return
                if fault.kind == "malformed":
                    await self._socket.send_str('{"type": ')
                    fault = None
            event = json.loads(message.data)
            messages.append(event["type"])
            await self._handle(event)
            changed()

    async def _handle(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.update":
                self._record.parameters["session"] = event["session"]
                await self._send("session.updated", session=event["session"])
            case "input_audio_buffer.append":
                await self._listen(base64.b64decode(event["audio"]))
            case "input_audio_buffer.commit":
                await self._commit()
            case "input_audio_buffer.clear":
                self._audio_bytes = 0
                await self._send("input_audio_buffer.cleared")
            case _:
                await self._send("error", error={"type": "invalid_request_error", "message": "unknown event"})

    async def _listen(self, pcm: bytes) -> None:
        if self._onset is None and (begins := onset(np.frombuffer(pcm, "<i2"))) is not None:
            self._onset = self._audio_bytes + 2 * begins
        self._audio_bytes += len(pcm)
        coming = self._script.transcripts[0] if self._script.transcripts else None
        if not self._partials:
            return
        if self._text is not None or not isinstance(coming, TimedWords):
            await self._words(self._seconds() * 1000 / _MS_PER_WORD)
            return
        due = sum(end <= self._heard_ms for end in coming.ends_ms)
        if due > self._due:
            self._due = due
            task = asyncio.create_task(self._reveal(coming.text, due, self._utterances))
            self._revelations.add(task)
            task.add_done_callback(self._revelations.discard)

    @property
    def _heard_ms(self) -> float:
        """From the first sound of the utterance on."""
        return 0.0 if self._onset is None else (self._audio_bytes - self._onset) / 2 / RATE_HZ * 1000

    async def _reveal(self, text: str, count: int, utterance: int) -> None:
        await asyncio.sleep(self._delays.partial_s)
        words = text.split()
        while self._utterances == utterance and self._words_sent < count and not self._socket.closed:
            await self._send_word(words)

    async def _commit(self) -> None:
        if self._seconds() < _SHORTEST_S:
            code = "input_audio_buffer_commit_empty"
            await self._send("error", error={"type": "invalid_request_error", "code": code, "message": "too short"})
            return
        self._record.audio_s += self._seconds()
        await self._send("input_audio_buffer.committed", item_id=self._item())
        await asyncio.sleep(self._delays.transcription_s)
        await self._words(float("inf"))
        usage = {"type": "duration", "seconds": self._seconds()}
        await self._send(
            _TRANSCRIPTION + "completed", item_id=self._item(), content_index=0, transcript=self._text, usage=usage
        )
        self._utterances += 1
        self._audio_bytes, self._words_sent, self._due, self._text, self._onset = 0, 0, 0, None, None

    async def _words(self, up_to: float) -> None:
        if self._text is None and (self._script.knows_words or up_to == float("inf")):
            self._text = self._script.transcript(self._seconds(), self._heard_ms)
        words = (self._text or "").split()
        while self._words_sent < min(up_to, len(words)):
            await self._send_word(words)

    async def _send_word(self, words: Sequence[str]) -> None:
        word = words[self._words_sent] if self._words_sent == 0 else f" {words[self._words_sent]}"
        self._words_sent += 1
        await self._send(_TRANSCRIPTION + "delta", item_id=self._item(), content_index=0, delta=word)

    def _seconds(self) -> float:
        return self._audio_bytes / 2 / RATE_HZ

    def _item(self) -> str:
        return f"item_{id(self)}_{self._utterances}"

    async def _send(self, kind: str, **fields: object) -> None:
        self._record.chunks += 1
        await self._socket.send_str(json.dumps({"type": kind, "event_id": f"event_{self._record.chunks}", **fields}))
