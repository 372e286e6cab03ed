"""Transcriber over a realtime transcription session: audio goes out while the caller speaks, hypotheses come back."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AbstractAsyncContextManager
from typing import Any

from voice_agent.audio.resample import Resampler
from voice_agent.engines.hypotheses import UtteranceTask
from voice_agent.engines.openai.client import Client
from voice_agent.engines.openai.errors import malformed, status_error
from voice_agent.engines.openai.realtime_connection import Connection, ConnectionPool, Event
from voice_agent.engines.openai.transcription_batch import is_verbatim, language_code, model_of, prompt_of
from voice_agent.engines.ports import (
    TRANSCRIPTION_RATE_HZ,
    EngineError,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
)
from voice_agent.settings import EngineSettings

REALTIME_RATE_HZ = 24_000
"""The only PCM rate of the API."""
_BYTES_PER_SAMPLE = 2
_LARGEST_APPEND = TRANSCRIPTION_RATE_HZ * _BYTES_PER_SAMPLE
"""One second at most in a message: a replayed utterance does not travel as one huge frame."""
_APPEND = b'{"type": "input_audio_buffer.append", "audio": "%b"}'
_TRANSCRIPTION = "conversation.item.input_audio_transcription."
_STATUS = {"rate_limit_exceeded": 429, "rate_limit_error": 429, "server_error": 500, "invalid_api_key": 401}
_EMPTY = "input_audio_buffer_commit_empty"


class OpenAIRealtimeTranscriber:
    name = "openai-realtime"
    partials = True

    def __init__(self, client: Client, settings: EngineSettings, max_utterance_s: float) -> None:
        self._settings = settings
        self._max_bytes = int(max_utterance_s * TRANSCRIPTION_RATE_HZ) * _BYTES_PER_SAMPLE
        self.pool = ConnectionPool(client, settings, self._session(TranscriptionOptions()))

    async def warm(self) -> None:
        """Begins to keep connections ready ahead of the first caller."""
        self.pool.start()

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        verbatim = is_verbatim(options, self._settings)
        return _Utterance(self.pool, self._session(options), self._max_bytes, verbatim)

    async def aclose(self) -> None:
        await self.pool.aclose()

    def _session(self, options: TranscriptionOptions) -> Event:
        transcription: dict[str, str] = {"model": model_of(options, self._settings)}
        if options.language:
            transcription["language"] = language_code(options.language)
        if prompt := prompt_of(options):
            transcription["prompt"] = prompt
        return {
            "type": "transcription",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": REALTIME_RATE_HZ},
                    "transcription": transcription,
                    # The server hears when a turn ends; a second opinion would commit at other places.
                    "turn_detection": None,
                }
            },
        }


class _Utterance(UtteranceTask):
    def __init__(self, pool: ConnectionPool, session: Event, max_bytes: int, verbatim: bool) -> None:
        super().__init__()
        self._pool = pool
        self._session = session
        self._room = max_bytes
        self._verbatim = verbatim
        self._resampler = Resampler(TRANSCRIPTION_RATE_HZ, REALTIME_RATE_HZ)
        self._pending = bytearray()
        self._committed = False
        self._wake = asyncio.Event()

    def push(self, pcm: bytes) -> None:
        if self._committed:
            return
        pcm = pcm[: self._room]
        self._room -= len(pcm)
        self._pending += pcm
        self._wake.set()

    def commit(self) -> None:
        if not self._committed:
            self._committed = True
            self._wake.set()

    async def _run(self) -> None:
        connection = await self._pool.take(self._session)
        sender = asyncio.create_task(self._send(connection), name="realtime-sender")
        clean = False
        try:
            await self._receive(connection)
            clean = True
        finally:
            # No await before the connection is settled: the reader of the final transcript cancels this task at once.
            sender.cancel()
            if clean:
                self._pool.give_back(connection)
            else:
                # An utterance left half-way would put its audio before the next one.
                self._pool.discard(connection)
            await asyncio.wait((sender,))

    async def _send(self, connection: Connection) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._pending:
                    piece = bytes(self._pending[:_LARGEST_APPEND])
                    del self._pending[: len(piece)]
                    # A message at a time: frame by frame took twice as long.
                    await self._append(connection, self._resampler.feed(piece))
                if self._committed:
                    await self._append(connection, self._resampler.flush())
                    await connection.send({"type": "input_audio_buffer.commit"})
                    return
        except EngineError as error:
            await connection.fail(error)

    async def _append(self, connection: Connection, pcm: bytes) -> None:
        if pcm:
            # Base64 needs no escaping, and looking for something to escape took longer than encoding it.
            await connection.send_json(_APPEND % base64.b64encode(pcm))

    async def _receive(self, connection: Connection) -> None:
        text = ""
        while True:
            event = await connection.receive()
            kind = event["type"]
            item_id = event.get("item_id")
            if kind == "error":
                error = event.get("error")
                if self._committed and isinstance(error, dict) and error.get("code") == _EMPTY:
                    # Less than the provider's shortest audio: nobody said anything in it.
                    self.hypotheses.put(Transcript(text, final=True))
                    return
                raise _failure(error)
            if not kind.startswith(_TRANSCRIPTION) or item_id in connection.finished_items:
                continue
            if kind == _TRANSCRIPTION + "delta":
                text += _text(event.get("delta") or "")
                self.hypotheses.put(Transcript(text, final=False))
            elif kind == _TRANSCRIPTION + "completed":
                connection.finished_items.add(_text(item_id))
                text = _text(event.get("transcript")).strip()
                self.hypotheses.put(Transcript(text, final=True, verbatim=self._verbatim))
                return
            elif kind == _TRANSCRIPTION + "failed":
                raise _failure(event.get("error"))


def _failure(error: Any) -> EngineError:
    """An error event as EngineError; codes without a known status are the request's own fault unless typed so."""
    fields = error if isinstance(error, dict) else {}
    for key in (fields.get("code"), fields.get("type")):
        if key in _STATUS:
            return status_error(_STATUS[key])
    if fields.get("code") == "session_expired":
        return EngineError("the provider's session expired", code="expired", retryable=True)
    return EngineError("the provider refused the audio", code="refused", retryable=False)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise malformed("no text")
    return value
