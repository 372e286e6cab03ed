"""The HTTP surface on a real socket, around an echoing call. Imported by the signaling tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp.test_utils import BaseTestServer, TestClient

from signaling.app import create_app, make_runner
from signaling.appkeys import DIRECTORY
from signaling.directory import CallDirectory
from signaling.factories import CallFactories
from signaling.sdp import OfferError
from signaling.services import Services
from tests.integration.signaling_support import EchoSession, KeysInMemory, RecorderInMemory, agent
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import LanguageModel
from voice_agent.engines.registry import EngineDescription
from voice_agent.settings import ServerSettings, Settings
from voice_agent.storage.ephemeral import Ephemeral, RateLimiter, SecretStore, SubjectDigest
from voice_agent.storage.leases import Leases

KEY = {"Authorization": "Bearer sk-good"}
OTHER_KEY = {"Authorization": "Bearer sk-other"}
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"


class EnginesInName:
    def for_call(self, scripted: LanguageModel) -> Engines:
        return None  # type: ignore[return-value]  # the echo asks no engine

    def describe(self) -> list[EngineDescription]:
        return [EngineDescription("language_model", "openai", "api.example.org", "gpt-4.1-mini", is_remote=True)]


class EchoPeer:
    """A transport without media, and the answer to anything that begins like SDP."""

    speech: SpeechOutput | None = None
    made: ClassVar[list[EchoPeer]] = []

    def __init__(self, on_closed: Callable[[str], None]) -> None:
        self.on_closed = on_closed
        self.closed = asyncio.Event()
        EchoPeer.made.append(self)

    @classmethod
    async def answer(
        cls, offer: str, /, *, settings: Settings, on_closed: Callable[[str], None]
    ) -> tuple[EchoPeer, str]:
        if not offer.startswith("v=0"):
            raise OfferError("This is not SDP.", "invalid_offer")
        if "s=busy" in offer:
            raise OSError("no socket")
        return cls(on_closed), "v=0\r\ns=answer\r\n"

    def bind(self, session: object, /) -> None:
        pass

    def send_event(self, event: Mapping[str, object]) -> None:
        pass

    async def close(self) -> None:
        self.closed.set()


@dataclass
class Server:
    client: TestClient[Any, Any]
    services: Services
    directory: CallDirectory
    storing: list[bool]

    @property
    def origin(self) -> str:
        return f"http://{self.client.host}:{self.client.port}"


class _RunnerServer(BaseTestServer):
    """aiohttp's test server, with the runner that production uses."""

    def __init__(self, app: Any, server: ServerSettings) -> None:
        super().__init__(host="127.0.0.1")
        self._app, self._settings = app, server

    async def _make_runner(self, **kwargs: Any) -> Any:
        return make_runner(self._app, self._settings)


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Starts a server: `await serve(max_calls=1)` changes settings."""
    started: list[TestClient[Any, Any]] = []
    EchoSession.made.clear()
    EchoPeer.made.clear()
    web_dir = tmp_path / "web"
    web_dir.mkdir()
    (web_dir / "index.html").write_text("<!doctype html><title>Call</title>")

    async def start(**changes: Any) -> Server:
        changes.setdefault("web_dir", str(web_dir))
        changes.setdefault("close_timeout_s", 1)
        # Clients share the process and the machine: what they and others use is no reason to refuse them.
        changes.setdefault("max_cpu_percent", 0)
        changes.setdefault("max_loop_lag_ms", 10_000)
        settings = Settings(server=ServerSettings(_env_file=None, **changes))
        recorder = RecorderInMemory()
        storing = [True]
        redis = await resources.enter_async_context(Ephemeral(settings.storage))
        leases = Leases(redis, settings.storage, SubjectDigest(settings.storage))
        services = Services(
            settings=settings,
            engines=EnginesInName(),
            agents={name: agent(name) for name in ("interviewer", "helpdesk")},
            keys=KeysInMemory(),
            secrets=SecretStore(redis),
            limiter=RateLimiter(redis, settings.storage),
            leases=await resources.enter_async_context(leases),
            recorder=recorder,
            tickets=recorder,
            storing=lambda: storing[0],
        )
        app = create_app(services, CallFactories(make_session=EchoSession, answer_offer=EchoPeer.answer))
        client: TestClient[Any, Any] = TestClient(_RunnerServer(app, settings.server))
        await client.start_server()
        started.append(client)
        return Server(client, services, app[DIRECTORY], storing)

    async with AsyncExitStack() as resources:
        yield start
        for client in started:
            await client.close()
