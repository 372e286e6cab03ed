"""What the HTTP surface works with, composed in one place and passed around as one object.

Signaling asks for narrow protocols, so that it neither knows nor cares what stands behind them; `start_services`
puts the real ones in.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from signaling.auth import Authenticator, KeyVerifier
from voice_agent.agents.base import Agent
from voice_agent.agents.catalog import load_agents
from voice_agent.call.rehearsal import rehearse
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import LanguageModel
from voice_agent.engines.registry import EngineDescription, EngineRegistry
from voice_agent.engines.review_model import review_model
from voice_agent.records import CallRecorder, TicketStore
from voice_agent.reports.builder import ReportBuilder
from voice_agent.reports.finished import FinishedCalls
from voice_agent.reports.jobs import CallJobs
from voice_agent.reports.maker import ReportMaker
from voice_agent.reports.review import Reviewer
from voice_agent.settings import Settings
from voice_agent.storage.calls import CallStore, StoredCall
from voice_agent.storage.database import Database
from voice_agent.storage.ephemeral import Ephemeral, RateLimiter, SecretStore, SubjectDigest
from voice_agent.storage.figures import FigureStore
from voice_agent.storage.job_queue import JobWorker
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.leases import Leases
from voice_agent.storage.lost_calls import LostCalls
from voice_agent.storage.reports import ReportStore
from voice_agent.storage.tickets import PostgresTicketStore
from voice_agent.storage.writer import Writer


class EngineSource(Protocol):
    def for_call(self, scripted: LanguageModel) -> Engines: ...

    def describe(self) -> Sequence[EngineDescription]:
        """What is in use, and which of it leaves this server."""
        ...


class CallReader(Protocol):
    """Reads all that is left of a call of a key whose process died. Raises DatabaseUnavailable."""

    async def get(self, call_id: str, *, key_id: str) -> StoredCall | None: ...


@dataclass(frozen=True, slots=True)
class AfterCalls:
    """What remains of calls: in this process's memory, and in the database."""

    finished: FinishedCalls
    calls: CallStore
    reports: ReportStore
    tickets: PostgresTicketStore
    figures: FigureStore


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    engines: EngineSource
    agents: Mapping[str, Agent]
    keys: KeyVerifier
    secrets: SecretStore
    limiter: RateLimiter
    leases: Leases
    recorder: CallRecorder
    tickets: TicketStore
    storing: Callable[[], bool]
    """Whether what a call leaves behind can be stored at the moment."""
    lost_calls: CallReader | None = None
    """None: a call cannot be resumed from what is stored."""
    shared: Ephemeral | None = None
    """What server processes tell each other; None where there is only one."""
    after_calls: AfterCalls | None = None
    """None: calls cannot be looked up after their end."""

    @property
    def authenticator(self) -> Authenticator:
        return Authenticator(self.keys, self.secrets)


@asynccontextmanager
async def start_services(settings: Settings) -> AsyncIterator[Services]:
    """Database, migrations, writer, Redis and engines, up while the context lasts; stopped in the reverse order.

    Raises ConfigurationError, PackError, StorageError or EngineError where one cannot be had, with what to do.
    """
    agents = load_agents(settings)
    storage = settings.storage
    async with (
        Database(storage) as database,
        Writer(database, storage) as writer,
        Ephemeral(storage) as ephemeral,
        Leases(ephemeral, storage, SubjectDigest(storage)) as leases,
        EngineRegistry(settings) as engines,
        _rehearsing(agents.values(), engines, settings),
        review_model(settings.engines) as model,
    ):
        maker = ReportMaker(agents, Reviewer(model, settings.reports), ReportBuilder(settings.reports))
        finished = FinishedCalls(writer, maker, settings.reports)
        calls, tickets = CallStore(database), PostgresTicketStore(database)
        worker = CallJobs(database, maker, settings).worker()
        async with _working(worker, settings), contextlib.aclosing(finished):
            yield Services(
                settings=settings,
                engines=engines,
                agents=agents,
                keys=KeyStore(database, storage),
                secrets=SecretStore(ephemeral),
                limiter=RateLimiter(ephemeral, storage),
                leases=leases,
                recorder=finished,
                tickets=tickets,
                storing=lambda: writer.accepting,
                lost_calls=LostCalls(calls, writer, storage),
                shared=None if ephemeral.in_process else ephemeral,
                after_calls=AfterCalls(finished, calls, ReportStore(database), tickets, FigureStore(database)),
            )


@asynccontextmanager
async def _working(worker: JobWorker, settings: Settings) -> AsyncIterator[None]:
    """Does the work after calls meanwhile, unless another process is to."""
    if settings.jobs.workers == 0:
        yield
        return
    task = asyncio.create_task(worker.run(), name="jobs")
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait((task,), timeout=settings.server.close_timeout_s)
        task.cancel()
        await asyncio.wait((task,))


@asynccontextmanager
async def _rehearsing(agents: Collection[Agent], engines: EngineRegistry, settings: Settings) -> AsyncIterator[None]:
    """Speaks what the agents are sure to say, while the first callers may already come."""
    if not settings.speech.rehearse:
        yield
        return
    task = asyncio.create_task(rehearse(agents, engines, settings.speech), name="rehearsal")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
