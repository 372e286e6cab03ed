"""One small real request to an engine, to tell an operator whether it works. Not for use in calls."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from voice_agent.engines.ports import (
    TRANSCRIPTION_RATE_HZ,
    EngineError,
    LanguageModel,
    Message,
    Moderator,
    ReplyRequest,
    SpeechOptions,
    Synthesizer,
    TextDelta,
    Transcriber,
    TranscriptionOptions,
)
from voice_agent.settings import EngineSettings

_HALF_A_SECOND_OF_SILENCE = bytes(TRANSCRIPTION_RATE_HZ)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    port: str
    engine: str
    ok: bool
    duration_ms: int
    error: str = ""
    """What went wrong and what to check; "" when `ok`."""


_ADVICE = {
    "401": "the key is wrong or missing",
    "403": "the key may not use this model or server",
    "404": "the model or the base URL is wrong",
    "429": "too many requests just now",
    "quota": "the account has no credit left",
    "connection": "the host cannot be reached: check the base URL, DNS and firewall",
    "timeout": "no answer in time",
    "malformed": "the server does not speak the OpenAI API: check the base URL",
}


async def probe_engine(port: str, engine: Any, settings: EngineSettings) -> ProbeResult:
    """Asks `engine` of `port` for something small. Never raises for an engine that fails."""
    started = time.monotonic()
    error = ""
    try:
        async with asyncio.timeout(settings.provider_read_timeout_s):
            await _ask(port, engine)
    except EngineError as exc:
        error = f"{exc} ({exc.code})"
        if exc.code in _ADVICE:
            error += f": {_ADVICE[exc.code]}"
    except TimeoutError:
        error = _ADVICE["timeout"]
    return ProbeResult(port, engine.name, not error, round((time.monotonic() - started) * 1000), error)


async def _ask(port: str, engine: Any) -> None:
    if port == "transcriber":
        await _transcribe(engine)
    elif port == "language_model":
        await _reply(engine)
    elif port == "synthesizer":
        await _speak(engine)
    else:
        moderator: Moderator = engine
        await moderator.check("Good morning.")


async def _transcribe(engine: Transcriber) -> None:
    async with engine.open(TranscriptionOptions()) as stream:
        stream.push(_HALF_A_SECOND_OF_SILENCE)
        stream.commit()
        async for transcript in stream:
            if transcript.final:
                return
    raise EngineError("no final transcript", code="cut", retryable=True)


async def _reply(engine: LanguageModel) -> None:
    request = ReplyRequest([Message("user", "Say OK.")], max_output_tokens=16)
    heard = False
    async with aclosing(engine.reply(request)) as events:
        async for event in events:
            heard = heard or isinstance(event, TextDelta)
    if not heard:
        raise EngineError("the model said nothing", code="empty", retryable=True)


async def _speak(engine: Synthesizer) -> None:
    async with aclosing(engine.speak("OK.", SpeechOptions())) as speech:
        async for _chunk in speech:
            pass
