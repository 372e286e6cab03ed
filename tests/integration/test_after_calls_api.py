"""Calls after their end over HTTP: who sees what, reports, saving and discarding. Around calls that say little."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import MultipartWriter
from aiohttp.test_utils import TestClient

from signaling.app import create_app
from signaling.factories import CallFactories
from signaling.services import AfterCalls, Services
from tests.integration.signaling_fixtures import OFFER, EchoPeer, EnginesInName, _RunnerServer
from tests.integration.signaling_support import EchoSession, agent
from voice_agent.agents.base import Agent
from voice_agent.analytics.measure import Metric
from voice_agent.briefing import Briefing
from voice_agent.facts import HelpdeskFacts
from voice_agent.records import CallEnded, CallRecorder, CallStarted, NewTicket, Turn
from voice_agent.reports.builder import ReportBuilder
from voice_agent.reports.finished import FinishedCalls
from voice_agent.reports.jobs import CallJobs
from voice_agent.reports.maker import ReportMaker
from voice_agent.reports.review import Reviewer
from voice_agent.settings import ReportSettings, ServerSettings, Settings, StorageSettings
from voice_agent.storage.calls import CallStore
from voice_agent.storage.database import Database
from voice_agent.storage.ephemeral import Ephemeral, RateLimiter, SecretStore, SubjectDigest
from voice_agent.storage.figures import FigureStore
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.leases import Leases
from voice_agent.storage.reports import ReportStore
from voice_agent.storage.tickets import PostgresTicketStore
from voice_agent.storage.writer import Writer

FACTS = HelpdeskFacts(
    problem="My printer is offline.", category="printer", resolution="confirmed", csat_asked=True, csat=5
)


class ShortCall(EchoSession):
    """Records one turn and its facts, as the real call does."""

    async def run(self) -> str:
        recorder: CallRecorder = self.rest["recorder"]
        key_id = self.rest["key_id"] if self.rest["save"] != "never" else None
        saved = self.rest["save"] == "auto"
        recorder.call_started(CallStarted(self.call_id, "helpdesk", "webrtc", key_id, datetime.now(UTC), saved=saved))
        recorder.turn(
            Turn(self.call_id, 1, "user", "voice", "My printer is offline.", "My printer is offline.", 0, 500)
        )
        reason = await super().run()
        recorder.call_ended(CallEnded(self.call_id, datetime.now(UTC), reason, FACTS))
        return reason


@dataclass
class Desk:
    """The server, its keys, and what it works with."""

    client: TestClient[Any, Any]
    jobs: CallJobs
    writer: Writer
    after: AfterCalls
    key: str
    other: str
    operator: str

    async def call(self, token: str, session: str = "{}") -> str:
        """The id of a call that was made and has ended."""
        form = {"sdp": OFFER, "session": session}
        with MultipartWriter("form-data") as body:
            for name, value in form.items():
                body.append(value).set_content_disposition("form-data", name=name)
        answer = await self.client.post("/v1/realtime/calls", data=body, headers=bearer(token))
        assert answer.status == 201, await answer.text()
        call_id = answer.headers["Location"].rsplit("/", 1)[1]
        await self.client.post(f"/v1/realtime/calls/{call_id}/hangup", headers=bearer(token))
        await asyncio.sleep(0)
        await self.writer.flush(timeout_s=10)
        return call_id

    async def ask(
        self, method: str, path: str, token: str, status: int = 200, body: Mapping[str, object] | None = None
    ) -> Any:
        answer = await self.client.request(method, path, headers=bearer(token), json=body)
        assert answer.status == status, await answer.text()
        return await answer.json()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def prepared(name: str) -> Agent:
    made = agent(name)

    def brief(briefing: Briefing) -> Agent:
        return replace(made, instructions=f"Ask about {briefing.role}.")

    return replace(made, brief=brief)


@pytest.fixture
async def desk(database: Database, storage_settings: StorageSettings) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        settings = Settings(
            server=ServerSettings(_env_file=None, max_cpu_percent=0, max_loop_lag_ms=10_000, resume_window_s=0),
            storage=storage_settings,
            reports=ReportSettings(retry_after_s=1),
        )
        agents = {"helpdesk": prepared("helpdesk"), "interviewer": prepared("interviewer")}
        writer = await stack.enter_async_context(Writer(database, storage_settings))
        redis = await stack.enter_async_context(Ephemeral(storage_settings))
        maker = ReportMaker(agents, Reviewer(None, settings.reports), ReportBuilder(settings.reports))
        finished = FinishedCalls(writer, maker, settings.reports)
        stack.push_async_callback(finished.aclose)
        keys, tickets = KeyStore(database, storage_settings), PostgresTicketStore(database)
        after = AfterCalls(finished, CallStore(database), ReportStore(database), tickets, FigureStore(database))
        services = Services(
            settings=settings,
            engines=EnginesInName(),
            agents=agents,
            keys=keys,
            secrets=SecretStore(redis),
            limiter=RateLimiter(redis, storage_settings),
            leases=await stack.enter_async_context(Leases(redis, storage_settings, SubjectDigest(storage_settings))),
            recorder=finished,
            tickets=tickets,
            storing=lambda: True,
            after_calls=after,
        )
        app = create_app(services, CallFactories(make_session=ShortCall, answer_offer=EchoPeer.answer))
        client: TestClient[Any, Any] = TestClient(_RunnerServer(app, settings.server))
        await client.start_server()
        stack.push_async_callback(client.close)
        made = [(await keys.create(name, operator=name == "operator"))[1] for name in ("key", "other", "operator")]
        yield Desk(client, CallJobs(database, maker, settings), writer, after, *made)


async def secret(desk: Desk, **body: object) -> str:
    answer = await desk.ask("POST", "/v1/realtime/client_secrets", desk.key, body=body)
    return str(answer["value"])


async def guest(desk: Desk, **body: object) -> str:
    origin = f"http://{desk.client.host}:{desk.client.port}"
    answer = await desk.client.post("/api/guest", json={"consent": True, **body}, headers={"Origin": origin})
    assert answer.status == 200, await answer.text()
    return str((await answer.json())["value"])


async def report(desk: Desk, call_id: str, token: str) -> Any:
    for _ in range(300):
        answer = await desk.client.get(f"/v1/calls/{call_id}/report", headers=bearer(token))
        if answer.status != 202:
            assert answer.status == 200, await answer.text()
            return await answer.json()
        assert answer.headers["Retry-After"] == "1"
        await asyncio.sleep(0.05)
    raise AssertionError("no report came")


async def test_a_callers_call_is_listed_read_saved_and_its_report_is_made(desk: Desk) -> None:
    call_id = await desk.call(desk.key)
    listed = await desk.ask("GET", "/v1/calls?limit=1", desk.key)
    assert [(call["id"], call["saved"]) for call in listed["data"]] == [(call_id, False)]
    assert not listed["has_more"]
    assert listed["data"][0]["expires_at"] > listed["data"][0]["ended_at"]
    assert (await desk.ask("GET", f"/v1/calls/{call_id}/report", desk.key, 202)) == {"status": "pending"}
    await desk.jobs.make_report(call_id)
    await desk.jobs.make_report(call_id)  # A second worker finds it done.
    made = await desk.ask("GET", f"/v1/calls/{call_id}/report", desk.key)
    assert made["section"]["resolution"] == "confirmed"
    assert (await desk.ask("POST", f"/v1/calls/{call_id}/save", desk.key))["saved"]
    read = await desk.ask("GET", f"/v1/calls/{call_id}", desk.key)
    assert (read["saved"], read["expires_at"], read["turns"][0]["text"]) == (True, None, "My printer is offline.")
    assert "call_id" not in read["turns"][0]


async def test_strangers_see_no_call_and_cannot_touch_it(desk: Desk) -> None:
    call_id = await desk.call(desk.key)
    for method, path in (
        ("GET", ""),
        ("GET", "/report"),
        ("POST", "/save"),
        ("POST", "/discard"),
        ("DELETE", ""),
    ):
        await desk.ask(method, f"/v1/calls/{call_id}{path}", desk.other, 404)
        await desk.ask(method, f"/v1/calls/{call_id}{path}", "ek_wrong", 401)
        answer = await desk.client.request(method, f"/v1/calls/{call_id}{path}")
        assert answer.status == 401
    assert (await desk.ask("GET", "/v1/calls", desk.other))["data"] == []
    assert (await desk.ask("GET", "/v1/calls", desk.key))["data"]


async def test_a_secret_is_good_for_its_own_call_until_that_is_discarded(desk: Desk) -> None:
    token = await secret(desk)
    call_id = await desk.call(token)
    assert (await desk.ask("GET", f"/v1/calls/{call_id}", token))["stored"]
    elsewhere = await desk.call(desk.key)
    await desk.ask("GET", f"/v1/calls/{elsewhere}", token, 401)
    assert (await desk.ask("POST", f"/v1/calls/{call_id}/discard", token))["deleted"]
    await desk.ask("GET", f"/v1/calls/{call_id}/report", token, 410)
    await desk.ask("POST", f"/v1/calls/{call_id}/save", token, 410)
    await desk.ask("DELETE", f"/v1/calls/{call_id}", token, 410)
    await desk.ask("GET", f"/v1/calls/{call_id}", desk.key, 410)


async def test_a_guest_reads_the_report_from_memory_and_nothing_is_stored(desk: Desk, database: Database) -> None:
    token = await guest(desk, agent="helpdesk")
    origin = {"Origin": f"http://{desk.client.host}:{desk.client.port}"}
    answer = await desk.client.post(
        "/v1/realtime/calls", data=OFFER, headers={**bearer(token), "Content-Type": "application/sdp", **origin}
    )
    call_id = answer.headers["Location"].rsplit("/", 1)[1]
    await desk.client.post(f"/v1/realtime/calls/{call_id}/hangup", headers=bearer(token))
    made = await report(desk, call_id, token)
    assert made["transcript"][0]["text"] == "My printer is offline."
    assert not (await desk.ask("GET", f"/v1/calls/{call_id}", token))["stored"]
    await desk.ask("POST", f"/v1/calls/{call_id}/save", token, 409)
    await desk.ask("GET", f"/v1/calls/{call_id}", desk.key, 404)
    await desk.writer.flush(timeout_s=10)
    async with database.connection() as connection:
        for table in ("calls", "turns", "turn_metrics", "reports", "pgqueuer"):
            assert "printer" not in str(await connection.fetch(f"SELECT t::text FROM {table} AS t"))
    await desk.ask("POST", f"/v1/calls/{call_id}/discard", token)
    await desk.ask("GET", f"/v1/calls/{call_id}/report", token, 410)
    assert desk.after.finished.get(call_id) is None


async def test_a_call_that_shall_never_be_stored_is_like_a_guests(desk: Desk) -> None:
    call_id = await desk.call(desk.key, '{"agent": {"save": "never"}}')
    assert (await desk.ask("GET", "/v1/calls", desk.key))["data"] == []
    assert (await report(desk, call_id, desk.key))["section"]["csat"] == 5
    await desk.ask("GET", f"/v1/calls/{call_id}", desk.other, 404)
    assert (await desk.ask("DELETE", f"/v1/calls/{call_id}", desk.key))["deleted"]


async def test_a_call_that_is_saved_by_itself_needs_no_decision(desk: Desk) -> None:
    call_id = await desk.call(desk.key, '{"agent": {"save": "auto"}}')
    assert (await desk.ask("GET", f"/v1/calls/{call_id}", desk.key))["saved"]


async def test_a_briefing_makes_the_agent_and_later_words_of_the_client_go_on_top(desk: Desk) -> None:
    token = await secret(desk, session={"type": "realtime", "model": "interviewer", "agent": {"role": "nurse"}})
    await desk.call(token, '{"agent": {"mode": "realistic"}}')
    session = EchoSession.made[-1]
    assert session.rest["briefing"] == Briefing(role="nurse", mode="realistic")
    assert session.rest["agent"].instructions == "Ask about nurse."
    assert session.session == {"type": "realtime", "model": "interviewer"}


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("[]", "session.agent"),
        ('{"role": 5}', "session.agent.role"),
        ('{"mode": "cruel"}', "session.agent.mode"),
        ('{"hobby": "chess"}', "session.agent.hobby"),
        ('{"minutes": 0}', "session.agent.minutes"),
        ('{"minutes": true}', "session.agent.minutes"),
        ('{"save": "perhaps"}', "session.agent.save"),
        ('{"role": "' + "x" * 201 + '"}', "session.agent.role"),
        ('{"resume": "' + "x" * 20_001 + '"}', "session.agent.resume"),
    ],
)
async def test_what_is_wrong_with_a_briefing_is_named(desk: Desk, given: str, param: str) -> None:
    body = {"session": {"type": "realtime", "agent": json.loads(given)}}
    answer = await desk.ask("POST", "/v1/realtime/client_secrets", desk.key, 400, body=body)
    assert answer["error"]["param"] == param


async def test_a_list_is_read_page_by_page(desk: Desk) -> None:
    made = [await desk.call(desk.key) for _ in range(3)]
    first = await desk.ask("GET", "/v1/calls?limit=2", desk.key)
    assert first["has_more"]
    rest = await desk.ask("GET", f"/v1/calls?limit=2&before={first['data'][-1]['id']}", desk.key)
    assert [call["id"] for call in first["data"] + rest["data"]] == made[::-1]
    for wrong in ("0", "1000", "x", "-1", "²"):
        await desk.ask("GET", f"/v1/calls?limit={wrong}", desk.key, 400)


async def test_an_operator_moves_tickets_on_and_nobody_else_does(desk: Desk) -> None:
    number = await desk.after.tickets.create_ticket("c", NewTicket("s", "d", "printer", "P2"))
    await desk.ask("PATCH", f"/v1/tickets/{number}", desk.key, 403, body={"status": "solved"})
    solved = await desk.ask("PATCH", f"/v1/tickets/{number}", desk.operator, body={"status": "solved"})
    assert (solved["status"], solved["resolved_at"] is not None) == ("solved", True)
    await desk.ask("PATCH", f"/v1/tickets/{number}", desk.operator, 400, body={"status": "done"})
    await desk.ask("PATCH", f"/v1/tickets/{number}", desk.operator, 400, body={"status": "open", "priority": "P1"})
    for wrong in ("999999", "9" * 30, "one"):
        await desk.ask("PATCH", f"/v1/tickets/{wrong}", desk.operator, 404, body={"status": "open"})


async def test_a_foreign_page_may_not_discard(desk: Desk) -> None:
    call_id = await desk.call(desk.key)
    foreign = {**bearer(desk.key), "Origin": "https://evil.example"}
    answer = await desk.client.delete(f"/v1/calls/{call_id}", headers=foreign)
    assert answer.status == 403


async def test_progress_is_that_of_saved_calls_and_compares_like_with_like(desk: Desk) -> None:
    for save in ("auto", "auto", "ask"):
        call_id = await desk.call(desk.key, json.dumps({"agent": {"save": save}}))
        finished = await desk.after.reports.finished(call_id)
        assert finished is not None
        assert finished.call.summary.ended_at is not None
        metric = Metric("pace", 1, "Pace", "words/min", "words / minutes", "judgement")
        measures = [
            metric.measured(120.0),
            metric.absent("not_measured", "no times"),
            replace(metric, version=2).measured(1),
        ]
        body = json.dumps([measure.model_dump() for measure in measures])
        await desk.after.reports.store(call_id, finished.call.summary.ended_at, "{}", body)
    progress = await desk.ask("GET", "/v1/progress", desk.key)
    assert progress["calls"] == 2
    assert [(trend["measure"]["version"], len(trend["points"])) for trend in progress["trends"]] == [(1, 2), (2, 2)]
    assert (await desk.ask("GET", "/v1/progress?agent=interviewer", desk.key))["trends"] == []
    assert (await desk.ask("GET", "/v1/progress", desk.other))["calls"] == 0


async def test_an_operator_sees_figures_of_all_helpdesk_calls_and_no_words(desk: Desk) -> None:
    await desk.call(desk.key)
    await desk.call(desk.other)
    await desk.ask("GET", "/v1/helpdesk/figures", desk.key, 403)
    await desk.ask("GET", "/v1/helpdesk/figures?days=0", desk.operator, 400)
    figures = await desk.ask("GET", "/v1/helpdesk/figures?days=7", desk.operator)
    assert figures["contacts"] == 2
    assert {measure["id"]: measure["value"] for measure in figures["measures"]}["csat"] == 100
    assert "offline" not in json.dumps(figures)
