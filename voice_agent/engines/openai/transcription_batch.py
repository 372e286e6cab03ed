"""Transcriber over `POST /audio/transcriptions`: the utterance is uploaded as FLAC when it is complete.

No hypotheses while the caller speaks; where the server streams its answer, they come between commit and final.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from typing import Any

from aiohttp import ClientResponse, FormData

from voice_agent.audio.flac import flac_bytes
from voice_agent.engines.hypotheses import LatestTranscript, UtteranceTask
from voice_agent.engines.openai.client import Client
from voice_agent.engines.openai.errors import UnsupportedParameterError, cut_short, malformed, translated
from voice_agent.engines.ports import (
    TRANSCRIPTION_RATE_HZ,
    SpeakerSegment,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
    Word,
)
from voice_agent.engines.verbatim import is_whisper, seeds_fillers
from voice_agent.settings import EngineSettings

_BYTES_PER_SAMPLE = 2


def language_code(tag: str) -> str:
    """ISO 639 part of a BCP 47 tag, as the API wants it: "en-GB" -> "en"."""
    return tag.split("-", 1)[0].lower()


def prompt_of(options: TranscriptionOptions) -> str:
    """The prompt with the likely phrases behind it."""
    return " ".join(part for part in (options.prompt, ", ".join(options.hints)) if part)


def model_of(options: TranscriptionOptions, settings: EngineSettings) -> str:
    """The model the client asked for where the operator permits it, else the operator's."""
    permitted = {name.strip() for name in settings.transcriber_client_models.split(",")}
    return options.model if options.model and options.model in permitted else settings.transcriber_model


def is_verbatim(options: TranscriptionOptions, settings: EngineSettings) -> bool:
    """Whether hesitation sounds are in the transcript. Newer models promise nothing of the kind."""
    seeded = is_whisper(model_of(options, settings)) and seeds_fillers(prompt_of(options))
    return settings.transcriber_verbatim or seeded


class OpenAIBatchTranscriber:
    name = "openai"
    partials = False

    def __init__(self, client: Client, settings: EngineSettings, max_utterance_s: float) -> None:
        self._client = client
        self._settings = settings
        self._max_bytes = int(max_utterance_s * TRANSCRIPTION_RATE_HZ) * _BYTES_PER_SAMPLE
        self._streams = not settings.transcriber_word_times

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        return _Utterance(self, options)

    async def aclose(self) -> None:
        """Nothing of its own: the client is shared."""

    async def transcribe(self, pcm: bytes, options: TranscriptionOptions, to: LatestTranscript) -> None:
        """Uploads mono s16le at 16 kHz; growing hypotheses, then the final one, go `to`. Raises EngineError."""
        verbatim = is_verbatim(options, self._settings)
        # A minute of speech takes tens of milliseconds to compress: too long for the event loop.
        flac = await asyncio.to_thread(flac_bytes, pcm, TRANSCRIPTION_RATE_HZ)
        async with await self._begin(flac, options) as response:
            with translated(started=True):
                if response.content_type == "text/event-stream":
                    async with aclosing(self._client.events(response)) as events:
                        await _follow(events, to, verbatim)
                else:
                    to.put(replace(_whole(await self._client.value(response)), verbatim=verbatim))

    async def _begin(self, flac: bytes, options: TranscriptionOptions) -> ClientResponse:
        while True:
            try:
                with translated(adaptable=("stream",) if self._streams else ()):
                    return await self._client.upload("/audio/transcriptions", self._form(flac, options))
            except UnsupportedParameterError:
                self._streams = False

    def _form(self, flac: bytes, options: TranscriptionOptions) -> FormData:
        form = FormData()
        form.add_field("file", flac, filename="speech.flac", content_type="audio/flac")
        for name, value in self._parameters(options).items():
            form.add_field(name, value)
        return form

    def _parameters(self, options: TranscriptionOptions) -> dict[str, str]:
        parameters = {"model": model_of(options, self._settings), "response_format": "json"}
        if self._streams:
            parameters["stream"] = "true"
        if self._settings.transcriber_word_times:
            parameters["response_format"] = "verbose_json"
            parameters["timestamp_granularities[]"] = "word"
        elif self._settings.transcriber_speakers:
            parameters["response_format"] = "diarized_json"
            parameters["chunking_strategy"] = "auto"
        if options.language:
            parameters["language"] = language_code(options.language)
        # Models that tell speakers apart take no prompt.
        if (prompt := prompt_of(options)) and not self._settings.transcriber_speakers:
            parameters["prompt"] = prompt
        return parameters

    @property
    def max_bytes(self) -> int:
        """Audio of one utterance at most; what comes after is not transcribed."""
        return self._max_bytes


class _Utterance(UtteranceTask):
    def __init__(self, transcriber: OpenAIBatchTranscriber, options: TranscriptionOptions) -> None:
        super().__init__()
        self._transcriber = transcriber
        self._options = options
        self._audio = bytearray()
        self._committed = asyncio.Event()

    def push(self, pcm: bytes) -> None:
        room = self._transcriber.max_bytes - len(self._audio)
        self._audio += pcm[:room] if room > 0 else b""

    def commit(self) -> None:
        self._committed.set()

    async def _run(self) -> None:
        await self._committed.wait()
        if self._audio:
            await self._transcriber.transcribe(bytes(self._audio), self._options, self.hypotheses)
        else:
            self.hypotheses.put(Transcript("", final=True))


async def _follow(events: AsyncIterator[Any], to: LatestTranscript, verbatim: bool) -> None:
    """Reads to the end of the stream, behind the final transcript, so that the connection can be used again."""
    text, complete = "", False
    segments: list[SpeakerSegment] = []
    async for event in events:
        kind = event.get("type") if isinstance(event, dict) else None
        if kind == "transcript.text.delta":
            text += _text(event.get("delta"))
            to.put(Transcript(text, final=False))
        elif kind == "transcript.text.done":
            complete = True
            text = _text(event.get("text")).strip()
            to.put(Transcript(text, final=True, segments=tuple(segments), verbatim=verbatim))
        elif kind == "transcript.text.segment":
            segments.append(_segment(event))
        elif kind is None:
            raise malformed("an event without a type")
    if not complete:
        raise cut_short()


def _whole(body: object) -> Transcript:
    if not isinstance(body, dict):
        raise malformed("no transcript")
    segments = body.get("segments") or ()
    if not isinstance(segments, list | tuple):
        raise malformed("segments")
    words = _words(body.get("words"))
    return Transcript(
        _text(body.get("text")).strip(),
        final=True,
        words=words,
        segments=tuple(_segment(entry) for entry in segments if isinstance(entry, dict) and "speaker" in entry),
        timing="word" if words else "segment",
    )


def _segment(entry: Mapping[str, Any]) -> SpeakerSegment:
    """Times in seconds, as the diarizing models give them."""
    try:
        start_ms, end_ms = round(entry["start"] * 1000), round(entry["end"] * 1000)
        return SpeakerSegment(_text(entry["text"]).strip(), _text(entry["speaker"]), start_ms, end_ms)
    except (TypeError, KeyError):
        raise malformed("a segment") from None


def _words(entries: object) -> tuple[Word, ...]:
    """Word times in seconds, as whisper-1 gives them; () where there are none."""
    if not isinstance(entries, list):
        return ()
    try:
        return tuple(
            Word(_text(entry["word"]).strip(), round(entry["start"] * 1000), round(entry["end"] * 1000))
            for entry in entries
        )
    except (TypeError, KeyError):
        raise malformed("word times") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise malformed("no text")
    return value
