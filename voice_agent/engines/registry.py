"""Builds the engines that the settings ask for, and says which they are and where they send what they are given.

One registry serves all calls of a process: connections, local workers, circuit breakers and the speech cache are
shared. Which engine is chosen:

- a name in the settings is obeyed, and a ConfigurationError says what is missing for it;
- no name and a key or base URL for that engine: the provider;
- else the local one.

Behind a provider's engine stands the local one (`LOCAL_FALLBACK`); behind the language model always the agent's own
scripted dialogue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar, runtime_checkable

from pydantic import SecretStr

from voice_agent.engines.bundle import Engines
from voice_agent.engines.cache import CachingSynthesizer
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.local import catalog
from voice_agent.engines.openai.chat import OpenAIChat
from voice_agent.engines.openai.client import ClientPool, host_of, is_remote
from voice_agent.engines.openai.moderation import OpenAIModerator
from voice_agent.engines.openai.speech import OpenAISynthesizer
from voice_agent.engines.openai.transcription_batch import OpenAIBatchTranscriber
from voice_agent.engines.openai.transcription_realtime import OpenAIRealtimeTranscriber
from voice_agent.engines.ports import (
    EngineError,
    LanguageModel,
    Moderator,
    SpeechOptions,
    Synthesizer,
    Transcriber,
)
from voice_agent.engines.probes import ProbeResult, probe_engine
from voice_agent.engines.resilience import (
    CircuitBreaker,
    Member,
    ResilientLanguageModel,
    ResilientModerator,
    ResilientSynthesizer,
    ResilientTranscriber,
)
from voice_agent.engines.trim import TrimmingSynthesizer
from voice_agent.settings import EngineSettings, Settings

logger = logging.getLogger(__name__)

Port = Literal["transcriber", "language_model", "synthesizer", "moderator"]
PORTS: tuple[Port, ...] = ("transcriber", "language_model", "synthesizer", "moderator")
_OPENAI = ("openai", "openai-realtime")


@runtime_checkable
class Warmable(Protocol):
    async def warm(self) -> None:
        """Starts workers or connections ahead of the first use."""


class Closable(Protocol):
    name: str

    async def aclose(self) -> None: ...


E = TypeVar("E", bound=Closable)
EngineT = TypeVar("EngineT", bound=Closable)


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """One engine in use. `target`: the host that gets what the engine is given, "" for none."""

    port: Port
    engine: str
    target: str
    model: str
    is_remote: bool
    fallback: bool = False
    """It stands behind another and is asked only when that one fails."""


@dataclass(frozen=True, slots=True)
class _Access:
    base_url: str
    api_key: SecretStr
    model: str


def access(port: Port, settings: EngineSettings) -> _Access:
    """Where and how the provider's engine of `port` is reached: its own settings before the common ones.

    A base URL of its own never gets the common key: that key belongs to another host.
    """
    base_url: str = getattr(settings, f"{port}_base_url")
    api_key: SecretStr = getattr(settings, f"{port}_api_key")
    if not base_url:
        base_url = settings.openai_base_url
        api_key = api_key if api_key.get_secret_value() else settings.openai_api_key
    return _Access(base_url, api_key, getattr(settings, f"{port}_model"))


def chosen(port: Port, settings: EngineSettings) -> str:
    """The name of the engine of `port`. Raises ConfigurationError for the provider's without key and base URL."""
    name: str = getattr(settings, port)
    way = access(port, settings)
    reachable = bool(way.base_url or way.api_key.get_secret_value())
    if name in _OPENAI and not reachable:
        variable = port.upper()
        raise ConfigurationError(
            f"{variable}={name} needs a key or a server: set OPENAI_API_KEY or {variable}_API_KEY, "
            f"or the address of a compatible server in {variable}_BASE_URL"
        )
    if name:
        return name
    if reachable:
        return "openai"
    return _local_default(port)


def _local_default(port: Port) -> str:
    if port == "synthesizer":
        return catalog.default_synthesizer_name()
    return {"transcriber": "pocketsphinx", "language_model": "scripted", "moderator": "wordlist"}[port]


class EngineRegistry:
    """Async context manager: entering builds the engines and starts what takes time, leaving closes all.

    Entering raises ConfigurationError for settings that cannot be obeyed here, and EngineError if a local engine
    that stands behind no other cannot be started.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.engines
        self._max_utterance_s = settings.turns.max_utterance_s
        self._clients = ClientPool(self._settings)
        self._descriptions: list[EngineDescription] = []
        self._owned: list[tuple[Closable, bool]] = []
        self._language_model: Member[LanguageModel] | None = None
        self._transcribers: list[Member[Transcriber]] = []
        self._synthesizers: list[Member[Synthesizer]] = []
        self._moderators: list[Member[Moderator]] = []

    async def __aenter__(self) -> Self:
        try:
            self._build()
            for engine, fallback in self._owned:
                if isinstance(engine, Warmable):
                    await self._warm(engine, fallback)
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _warm(self, engine: Warmable, fallback: bool) -> None:
        try:
            await engine.warm()
        except EngineError as error:
            if not fallback:
                raise
            logger.warning("an engine that stands behind another could not be started: %s", error.code)

    async def aclose(self) -> None:
        """Closes every engine and connection. Idempotent."""
        owned, self._owned = self._owned, []
        results = await asyncio.gather(*(engine.aclose() for engine, _ in owned), return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                logger.error("an engine did not close cleanly: %s", type(result).__name__)
        await self._clients.aclose()

    def for_call(self, scripted: LanguageModel) -> Engines:
        """The engines of one call, guarded. `scripted` is the agent's dialogue that needs no model."""
        language_model: LanguageModel = scripted
        if self._language_model is not None:
            behind = Member(scripted, self._breaker())
            language_model = ResilientLanguageModel([self._language_model, behind], self._settings)
        return Engines(
            transcriber=ResilientTranscriber(self._transcribers, self._settings),
            language_model=language_model,
            synthesizer=ResilientSynthesizer(self._synthesizers, self._settings),
            moderator=ResilientModerator(self._moderators, self._settings),
        )

    async def warm_speech(self, texts: Iterable[str], options: SpeechOptions) -> None:
        """Synthesizes phrases into the cache ahead of their use. Raises EngineError."""
        first = self._synthesizers[0].engine
        if isinstance(first, CachingSynthesizer):
            await first.warm(texts, options)

    def describe(self) -> Sequence[EngineDescription]:
        """The engines in use, by port, those asked first before their fallbacks."""
        return tuple(self._descriptions)

    async def probe(self) -> list[ProbeResult]:
        """Asks each engine for something small, without retry or fallback, and says how it went."""
        engines: list[tuple[Port, Closable]] = []
        for port, members in self._members():
            engines.extend((port, member.engine) for member in members)
        return [await probe_engine(port, engine, self._settings) for port, engine in engines]

    def _members(self) -> Iterable[tuple[Port, Sequence[Member[Any]]]]:
        yield "transcriber", self._transcribers
        yield "language_model", [self._language_model] if self._language_model else []
        yield "synthesizer", self._synthesizers
        yield "moderator", self._moderators

    def _breaker(self) -> CircuitBreaker:
        return CircuitBreaker(self._settings.breaker_failures, self._settings.breaker_reset_s)

    def _build(self) -> None:
        names = {port: chosen(port, self._settings) for port in PORTS}
        self._transcribers = self._line("transcriber", names["transcriber"], self._transcriber)
        self._synthesizers = self._line("synthesizer", names["synthesizer"], self._synthesizer)
        self._moderators = self._line("moderator", names["moderator"], self._moderator)
        scripted_alone = names["language_model"] == "scripted"
        if not scripted_alone:
            self._language_model = self._member("language_model", self._chat(), fallback=False)
        self._describe("language_model", "scripted", fallback=not scripted_alone)

    def _line(self, port: Port, name: str, build: Callable[[str, bool], E]) -> list[Member[E]]:
        """The engine called `name`, and behind a provider's the local one where it can be built."""
        members = [self._member(port, build(name, False), fallback=False)]
        if name in _OPENAI and self._settings.local_fallback:
            try:
                members.append(self._member(port, build(_local_default(port), True), fallback=True))
            except ConfigurationError:
                logger.warning("no local engine stands behind the provider's: %s", port)
        return members

    def _member(self, port: Port, engine: E, *, fallback: bool) -> Member[E]:
        self._describe(port, engine.name, fallback=fallback)
        return Member(engine, self._breaker())

    def _own(self, engine: EngineT, fallback: bool = False) -> EngineT:
        self._owned.append((engine, fallback))
        return engine

    def _describe(self, port: Port, engine: str, *, fallback: bool) -> None:
        provider = engine in _OPENAI
        way = access(port, self._settings)
        self._descriptions.append(
            EngineDescription(
                port=port,
                engine=engine,
                target=host_of(way.base_url) if provider else "",
                model=way.model if provider else "",
                is_remote=provider and is_remote(way.base_url),
                fallback=fallback,
            )
        )

    def _transcriber(self, name: str, fallback: bool) -> Transcriber:
        if name not in _OPENAI:
            return self._own(catalog.transcriber(name, self._settings), fallback)
        way = access("transcriber", self._settings)
        client = self._clients.get(way.base_url, way.api_key, "TRANSCRIBER")
        if name == "openai":
            return self._own(OpenAIBatchTranscriber(client, self._settings, self._max_utterance_s))
        return self._own(OpenAIRealtimeTranscriber(client, self._settings, self._max_utterance_s))

    def _chat(self) -> LanguageModel:
        way = access("language_model", self._settings)
        client = self._clients.get(way.base_url, way.api_key, "LANGUAGE_MODEL")
        return self._own(OpenAIChat(client, way.model, self._settings.language_model_temperature))

    def _synthesizer(self, name: str, fallback: bool) -> Synthesizer:
        engine: Synthesizer
        if name in _OPENAI:
            way = access("synthesizer", self._settings)
            engine = OpenAISynthesizer(self._clients.get(way.base_url, way.api_key, "SYNTHESIZER"), self._settings)
        else:
            engine = catalog.synthesizer(name, self._settings)
        trimmed = TrimmingSynthesizer(self._own(engine, fallback))
        capacity = self._settings.synthesizer_cache_bytes
        return CachingSynthesizer(trimmed, capacity) if capacity else trimmed

    def _moderator(self, name: str, fallback: bool) -> Moderator:
        if name not in _OPENAI:
            return self._own(catalog.moderator(name), fallback)
        way = access("moderator", self._settings)
        return self._own(OpenAIModerator(self._clients.get(way.base_url, way.api_key, "MODERATOR"), way.model))
