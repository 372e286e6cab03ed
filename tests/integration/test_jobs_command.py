"""`voice-agent jobs`: a worker is killed in the middle of a report, and another one finishes it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from aiohttp import web

from tests.integration.conftest import ROOT, eventually
from tests.loopback import on_loopback
from voice_agent.facts import AskedQuestion, InterviewFacts
from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.reports import ReportStore
from voice_agent.storage.rows import store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANSWER = "At Acme the build took an hour. I rewrote the cache, and it went down to nine minutes."
QUESTION = AskedQuestion(
    id="q1",
    competency="problem-solving",
    text="Tell me about a hard problem.",
    why="the role needs it",
    rubric={1: "generic", 3: "own actions", 5: "measured"},
    asked=True,
    answers=(ANSWER,),
)
COMMAND = "from signaling.cli import main; raise SystemExit(main(['jobs']))"


@asynccontextmanager
async def worker(url: str, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    quick = {"JOBS_HEARTBEAT_S": "1", "JOBS_POLL_S": "0.3", "DATABASE_URL": url, "JOBS_WORKERS": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", COMMAND),
        cwd=ROOT,
        env=os.environ | quick | settings,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"voice-agent does jobs\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def silent_model() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A language model that is asked and never answers: its URL, and the event of being asked."""
    asked, over = asyncio.Event(), asyncio.Event()

    async def chat(_request: web.Request) -> web.Response:
        asked.set()
        await over.wait()
        return web.Response(status=503)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    async with on_loopback(web.AppRunner(app)) as url:
        try:
            yield f"{url}/v1", asked
        finally:
            over.set()


async def test_the_report_of_a_killed_worker_is_finished_by_another(
    database: Database, storage_settings: StorageSettings, database_url: str
) -> None:
    key_id, _ = await KeyStore(database, storage_settings).create("laptop")
    async with database.connection() as connection:
        await store(
            connection,
            [
                CallStarted("c1", "interviewer", "webrtc", key_id, NOON),
                Turn("c1", 0, "assistant", "text", QUESTION.text, QUESTION.text, 0, 3000),
                Turn("c1", 1, "user", "text", ANSWER, ANSWER, 4000, 5000),
                CallEnded("c1", NOON + timedelta(minutes=5), "hangup", InterviewFacts(questions=(QUESTION,))),
            ],
        )
    reports = ReportStore(database)
    async with silent_model() as (model_url, asked):
        async with worker(database_url, LANGUAGE_MODEL_BASE_URL=model_url, LANGUAGE_MODEL_MODEL="stub") as first:
            await asyncio.wait_for(asked.wait(), 30)
            assert not await reports.has_report("c1")
            first.send_signal(signal.SIGKILL)
            await first.wait()
        async with worker(database_url) as second:
            await eventually(lambda: reports.has_report("c1"))
            second.terminate()
            assert await asyncio.wait_for(second.wait(), 20) == 0
    state = await reports.get("c1", key_id=key_id)
    assert state is not None
    report = json.loads(state.body or "")
    assert report["section"]["questions"][0]["model_answer"]["source"] == "rules"
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM pgqueuer") == 0
        assert await connection.fetchval("SELECT count(*) FROM reports") == 1
