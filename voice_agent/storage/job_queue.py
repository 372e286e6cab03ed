"""Work after a call, in a queue inside Postgres (PgQueuer): ordered in the transaction of what it is about.

A job names a call and holds no text. A worker that dies leaves its job to another, which notices by the heartbeat, so a
job may run twice: handlers are idempotent. What a handler raises goes nowhere but into a metric and a log line with its
type, for the queue would store its message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.db import AsyncpgDriver
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job, Schedule
from pgqueuer.queries import Queries
from prometheus_client import Counter, Histogram

from voice_agent.settings import JobSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

logger = logging.getLogger(__name__)

REPORT = "report"
HOUSEKEEPING = "housekeeping"

DONE = Counter("voice_jobs_total", "Jobs that were run; outcome: done, retried or failed.", ["kind", "outcome"])
SECONDS = Histogram("voice_job_seconds", "How long a job took.", ["kind"], buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300))

# Named one by one: PgQueuer would take other names from variables such as CHANNEL, and our migration has made these.
_NAMES = DBSettings(
    prefix="",
    db_schema=None,
    channel=Channel("ch_pgqueuer"),
    function="fn_pgqueuer_changed",
    trigger="tg_pgqueuer_changed",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    schedules_table="pgqueuer_schedules",
    statistics_table="pgqueuer_statistics",
    durability=Durability.durable,
)

Handler = Callable[[str], Awaitable[None]]
"""Gets the id of the call that the job is about."""


async def order_reports(connection: PoolConnectionProxy[asyncpg.Record], calls: Sequence[tuple[str, datetime]]) -> None:
    """Orders a report for each (call, end of it), as part of the connection's transaction. Twice is once."""
    if not calls:
        return
    await _queries(AsyncpgDriver(connection)).enqueue(  # type: ignore[arg-type]  # a pool's connection is one as well
        [REPORT] * len(calls),
        [call_id.encode() for call_id, _ in calls],
        [0] * len(calls),
        dedupe_key=[f"{REPORT}:{call_id}:{ended_at.isoformat()}" for call_id, ended_at in calls],
        on_conflict="skip",
    )


class JobWorker:
    """Runs jobs of this process until `stop` is called, over a connection of its own.

    `given_up` is told of a job that failed JOBS_ATTEMPTS times, before it is forgotten; `housekeeping` runs by
    JOBS_HOUSEKEEPING, in one process at a time.
    """

    def __init__(
        self,
        database: Database,
        settings: JobSettings,
        *,
        handlers: Mapping[str, Handler],
        given_up: Callable[[str, str], Awaitable[None]],
        housekeeping: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._settings = settings
        self._handlers = handlers
        self._given_up = given_up
        self._housekeeping = housekeeping
        self._slots = asyncio.Semaphore(max(1, settings.workers))
        self._stopping = asyncio.Event()
        self._queue: PgQueuer | None = None

    def stop(self) -> None:
        """Takes no further job; `run` returns when the running ones are done."""
        self._stopping.set()
        if self._queue is not None:
            self._queue.shutdown.set()

    async def run(self) -> None:
        """While the database is away it waits for it."""
        while not self._stopping.is_set():
            try:
                await self._run()
            except Exception as error:
                # PgQueuer lets through whatever the driver raises when the connection is cut.
                logger.warning("The job queue lost the database (%s)", type(error).__name__)
                try:
                    async with asyncio.timeout(self._settings.retry_s):
                        await self._stopping.wait()
                except TimeoutError:
                    continue

    async def _run(self) -> None:
        async with self._database.own_connection() as connection:
            driver = AsyncpgDriver(connection)
            queue = PgQueuer(driver, channel=_NAMES.channel, queries=_queries(driver))
            for kind, handler in self._handlers.items():
                queue.entrypoint(kind)(self._guarded(kind, handler))
            queue.schedule(HOUSEKEEPING, self._settings.housekeeping)(self._keep_house)
            self._queue = queue
            if self._stopping.is_set():
                return
            try:
                await queue.run(
                    dequeue_timeout=timedelta(seconds=self._settings.poll_s),
                    batch_size=1,
                    max_concurrent_tasks=max(2, self._settings.workers),
                    shutdown_on_listener_failure=True,
                    heartbeat_timeout=timedelta(seconds=self._settings.heartbeat_s),
                )
            finally:
                self._queue = None

    def _guarded(self, kind: str, handler: Handler) -> Callable[[Job], Awaitable[None]]:
        async def run(job: Job) -> None:
            subject = (job.payload or b"").decode()
            work = asyncio.create_task(self._work(kind, handler, subject))
            stopping = asyncio.create_task(self._stopping.wait())
            try:
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                ended = work.done()
                work.cancel()
                await asyncio.wait({work, stopping})
            if not ended:
                # Back into the queue: PgQueuer would drop a job that is cancelled.
                raise RetryRequested
            failure = work.exception()
            if failure is not None:
                await self._failed(kind, subject, job.attempts + 1, type(failure).__name__)
            else:
                DONE.labels(kind, "done").inc()

        return run

    async def _work(self, kind: str, handler: Handler, subject: str) -> None:
        async with self._slots:
            with SECONDS.labels(kind).time():
                async with asyncio.timeout(self._settings.timeout_s):
                    await handler(subject)

    async def _failed(self, kind: str, subject: str, attempts: int, failure: str) -> None:
        """Raises RetryRequested, with no word of what went wrong, unless it was the last attempt."""
        last = attempts >= self._settings.attempts
        if last:
            try:
                await self._given_up(kind, subject)
            except DatabaseUnavailable:
                last = False
        DONE.labels(kind, "failed" if last else "retried").inc()
        if last:
            logger.error("A job failed for good (%s, %s)", kind, failure)
            return
        logger.warning("A job failed and is tried again (%s, %s)", kind, failure)
        delay_s = min(self._settings.retry_s * 2 ** (attempts - 1), self._settings.retry_max_s)
        raise RetryRequested(timedelta(seconds=delay_s))

    async def _keep_house(self, _schedule: Schedule) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._housekeeping()
        except Exception as error:
            DONE.labels(HOUSEKEEPING, "failed").inc()
            logger.error("A job failed for good (%s, %s)", HOUSEKEEPING, type(error).__name__)
        else:
            DONE.labels(HOUSEKEEPING, "done").inc()


def _queries(driver: AsyncpgDriver) -> Queries:
    return Queries(driver, QueryBuilderEnvironment(_NAMES), QueryQueueBuilder(_NAMES), QuerySchedulerBuilder(_NAMES))


async def forget_old_jobs(database: Database, before: datetime) -> None:
    """Drops what the queue logged of jobs that ended before this time. Raises DatabaseUnavailable."""
    async with database.connection() as connection:
        await connection.execute("DELETE FROM pgqueuer_log WHERE created < $1 AND aggregated", before)
        await connection.execute("DELETE FROM pgqueuer_statistics WHERE created < $1", before)
