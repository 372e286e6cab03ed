"""The language model that reads calls after their end, apart from those of live calls: no fallback, no shared state.

What it fails at is done by rules, so an error is simply told; and its failures open no circuit breaker of a live call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool
from voice_agent.engines.ports import EngineError, Finished, LanguageModel, ReplyRequest, TextDelta
from voice_agent.engines.registry import access, chosen
from voice_agent.settings import EngineSettings


class ReviewModel:
    """`name` is the model's, as reports show it."""

    def __init__(self, model: LanguageModel, name: str) -> None:
        self._model = model
        self.name = name

    async def ask(self, request: ReplyRequest, *, timeout_s: float) -> str:
        """The whole answer. Raises EngineError, also where it was cut short, and TimeoutError."""
        pieces: list[str] = []
        async with asyncio.timeout(timeout_s), aclosing(self._model.reply(request)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        pieces.append(text)
                    case Finished(reason) if reason != "stop":
                        raise EngineError("the answer is not whole", code=reason, retryable=False)
        return "".join(pieces)


@asynccontextmanager
async def review_model(settings: EngineSettings) -> AsyncIterator[ReviewModel | None]:
    """The language model of the settings; None where calls go by script. Raises ConfigurationError."""
    if chosen("language_model", settings) == "scripted":
        yield None
        return
    way = access("language_model", settings)
    clients = ClientPool(settings)
    try:
        client = clients.get(way.base_url, way.api_key, "LANGUAGE_MODEL")
        yield ReviewModel(OpenAIChat(client, way.model, settings.language_model_temperature), way.model)
    finally:
        await clients.aclose()
