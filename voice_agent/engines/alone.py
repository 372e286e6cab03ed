"""The provider's language model by itself: with retries and deadlines, but with nothing behind it.

For trying a model out: what a fallback would say must not pass for its answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool
from voice_agent.engines.ports import LanguageModel
from voice_agent.engines.registry import access, chosen
from voice_agent.engines.resilience import CircuitBreaker, Member, ResilientLanguageModel
from voice_agent.settings import EngineSettings


@asynccontextmanager
async def language_model_alone(settings: EngineSettings) -> AsyncIterator[LanguageModel]:
    """Raises ConfigurationError where the settings name no provider for the language model."""
    if chosen("language_model", settings) == "scripted":
        raise ConfigurationError("no language model is configured: set OPENAI_API_KEY, or LANGUAGE_MODEL_BASE_URL")
    way = access("language_model", settings)
    clients = ClientPool(settings)
    try:
        client = clients.get(way.base_url, way.api_key, "LANGUAGE_MODEL")
        engine = OpenAIChat(client, way.model, settings.language_model_temperature)
        breaker = CircuitBreaker(settings.breaker_failures, settings.breaker_reset_s)
        yield ResilientLanguageModel([Member(engine, breaker)], settings)
    finally:
        await clients.aclose()
