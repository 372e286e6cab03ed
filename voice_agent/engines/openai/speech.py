"""Synthesizer over `POST /audio/speech`: speech is handed on as it arrives, PCM or Opus packets undecoded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from aiohttp import ClientResponse

from voice_agent.audio.ogg import OggError, OggOpusReader
from voice_agent.engines.openai.client import Client
from voice_agent.engines.openai.errors import UnsupportedParameterError, malformed, translated
from voice_agent.engines.ports import AudioChunk, OpusPackets, Pcm, SpeechOptions
from voice_agent.settings import EngineSettings

_MIN_SPEED, _MAX_SPEED = 0.25, 4.0
"""The range of the API."""
_UNPLAYABLE = ("application/json", "text/", "audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/flac")
"""Types of a body that is neither of the two formats we ask for; played as PCM they would be noise."""
_MAX_UNKNOWN_VOICES = 64


class OpenAISynthesizer:
    name = "openai"

    def __init__(self, client: Client, settings: EngineSettings) -> None:
        self._client = client
        self._settings = settings
        self._unknown_voices: set[str] = set()
        self._instructions = settings.synthesizer_instructions

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        """Streams speech for one clause. A voice that the provider does not know is replaced by the default one.

        Raises EngineError.
        """
        response = await self._begin(text, options)
        async with response:
            if response.content_type.startswith(_UNPLAYABLE):
                raise malformed("not the audio format asked for")
            empty = True
            with translated(started=True):
                body = response.content.iter_any()
                chunks = _opus(body) if self._settings.synthesizer_format == "opus" else self._pcm(body)
                async with aclosing(chunks):
                    async for chunk in chunks:
                        empty = False
                        yield chunk
            if empty:
                raise malformed("no audio")

    async def aclose(self) -> None:
        """Nothing of its own: the client is shared."""

    async def _begin(self, text: str, options: SpeechOptions) -> ClientResponse:
        while True:
            parameters = self._parameters(text, options)
            adaptable = ["instructions"] if "instructions" in parameters else []
            if parameters["voice"] != self._settings.synthesizer_openai_voice:
                adaptable.append("voice")
            try:
                with translated(adaptable=adaptable):
                    return await self._client.post("/audio/speech", parameters)
            except UnsupportedParameterError as exc:
                if exc.name == "instructions":
                    self._instructions = ""
                else:
                    self._forget_voice(parameters["voice"])

    def _parameters(self, text: str, options: SpeechOptions) -> dict[str, Any]:
        settings = self._settings
        voice = options.voice or settings.synthesizer_voice
        parameters: dict[str, Any] = {
            "input": text,
            "model": settings.synthesizer_model,
            "voice": settings.synthesizer_openai_voice if not voice or voice in self._unknown_voices else voice,
            "response_format": settings.synthesizer_format,
        }
        if options.speed != 1.0:
            parameters["speed"] = min(max(options.speed, _MIN_SPEED), _MAX_SPEED)
        if self._instructions:
            parameters["instructions"] = self._instructions.replace("{language}", options.language or "en")
        return parameters

    def _forget_voice(self, voice: str) -> None:
        if len(self._unknown_voices) >= _MAX_UNKNOWN_VOICES:
            # Names come from clients; without a bound they could fill the memory.
            self._unknown_voices.clear()
        self._unknown_voices.add(voice)

    async def _pcm(self, body: AsyncIterator[bytes]) -> AsyncGenerator[AudioChunk, None]:
        """Network pieces end anywhere; a sample has two bytes."""
        odd = b""
        async for piece in body:
            data = odd + piece
            whole = len(data) & ~1
            odd = data[whole:]
            if whole:
                yield Pcm(data[:whole], self._settings.synthesizer_pcm_rate_hz)


async def _opus(body: AsyncIterator[bytes]) -> AsyncGenerator[AudioChunk, None]:
    reader = OggOpusReader()
    async for piece in body:
        try:
            packets = reader.feed(piece)
        except OggError:
            raise malformed("not an Ogg-Opus stream") from None
        if packets:
            yield OpusPackets(tuple(packets))
