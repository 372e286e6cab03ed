"""The jobs after calls: the report of each stored call, and housekeeping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from voice_agent.analytics.report import CallMeta
from voice_agent.reports.maker import ReportMaker
from voice_agent.settings import Settings
from voice_agent.storage.calls import CallStore
from voice_agent.storage.database import Database
from voice_agent.storage.job_queue import REPORT, JobWorker, forget_old_jobs
from voice_agent.storage.reports import ReportStore

_LOST_MARGIN_S = 60
"""A call that may still be resumed, or says goodbye, lasts a little longer than MAX_CALL_S."""


class CallJobs:
    """What jobs do. Each may run twice."""

    def __init__(self, database: Database, maker: ReportMaker, settings: Settings) -> None:
        self._database = database
        self._calls = CallStore(database)
        self._reports = ReportStore(database)
        self._maker = maker
        self._settings = settings

    def worker(self) -> JobWorker:
        return JobWorker(
            self._database,
            self._settings.jobs,
            handlers={REPORT: self.make_report},
            given_up=self.give_up,
            housekeeping=self.keep_house,
        )

    async def make_report(self, call_id: str) -> None:
        """Does nothing where the call was deleted or the report is there. Raises BuildError, DatabaseUnavailable."""
        if await self._reports.has_report(call_id):
            return
        finished = await self._reports.finished(call_id)
        if finished is None:
            return
        summary = finished.call.summary
        assert summary.ended_at is not None
        meta = CallMeta(
            call_id=call_id,
            agent=summary.agent,
            started_at=summary.started_at,
            ended_at=summary.ended_at,
            language=summary.language,
        )
        built = await self._maker.make(meta, finished.call.turns, finished.facts)
        measures = "[" + ",".join(measure.model_dump_json() for measure in built.measures) + "]"
        await self._reports.store(call_id, summary.ended_at, built.body, measures)

    async def give_up(self, _kind: str, call_id: str) -> None:
        await self._reports.give_up(call_id)

    async def keep_house(self) -> None:
        """Ends calls whose process died, and deletes what nobody decided to keep. Raises DatabaseUnavailable."""
        now = datetime.now(UTC)
        server, storage, jobs = self._settings.server, self._settings.storage, self._settings.jobs
        longest_s = server.max_call_s + server.resume_window_s + _LOST_MARGIN_S
        await self._calls.end_lost(now - timedelta(seconds=longest_s))
        undecided = now - timedelta(hours=storage.storage_undecided_hours)
        while await self._calls.delete_undecided(undecided, limit=jobs.housekeeping_batch) == jobs.housekeeping_batch:
            pass
        await self._calls.forget_deleted(now - timedelta(days=storage.storage_deleted_days))
        await forget_old_jobs(self._database, now - timedelta(days=jobs.log_days))
