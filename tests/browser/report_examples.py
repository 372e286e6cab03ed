"""What the server's API says of calls: reports from `tests/fixtures/reports`, lists and figures. Not a test module."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from voice_agent.analytics.helpdesk import HelpdeskCall, TicketTimes, helpdesk_figures
from voice_agent.analytics.measure import Measure
from voice_agent.analytics.report import Report
from voice_agent.analytics.trends import SavedMeasures, trends

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_REPORTS = Path(__file__).parents[1] / "fixtures" / "reports"


def report(kind: str) -> Any:
    """Of an "interview", a "helpdesk" call or a lesson ("language")."""
    return json.loads((_REPORTS / f"{kind}.json").read_text())


def summary(number: int, *, agent: str = "interviewer", saved: bool = True) -> dict[str, object]:
    """A call in the list of `GET /v1/calls`."""
    start = START - timedelta(days=7 * number)
    end = start + timedelta(minutes=14)
    return {
        "id": f"call_{number}",
        "object": "call",
        "agent": agent,
        "transport": "webrtc",
        "language": "en",
        "started_at": start.isoformat(),
        "ended_at": end.isoformat(),
        "end_reason": "hangup",
        "turn_count": 18,
        "stored": True,
        "saved": saved,
        "expires_at": None if saved else (end + timedelta(hours=24)).isoformat(),
    }


def progress(calls: int = 6) -> dict[str, object]:
    """As of `GET /v1/progress`: an interview a week, whose figures change."""
    base = Report.model_validate(report("interview"))
    saved = [
        SavedMeasures(
            f"call_{number}",
            "interviewer",
            START + timedelta(days=7 * number),
            "en",
            [_shifted(measure, number).model_dump(mode="json") for measure in base.measures()],
        )
        for number in range(calls)
    ]
    found = [json.loads(trend.model_dump_json()) for trend in trends(saved)]
    return {"object": "progress", "calls": calls, "trends": found}


def _shifted(measure: Measure, number: int) -> Measure:
    if measure.value is None:
        return measure
    return measure.model_copy(update={"value": round(measure.value * (1 - 0.04 * number + 0.03 * (number % 2)), 1)})


def figures(contacts: int) -> dict[str, object]:
    """As of `GET /v1/helpdesk/figures`: so many contacts in 30 days."""
    now = START
    calls = [
        HelpdeskCall(
            call_id=f"call_{number}",
            key_id=f"key_{number % 17}",
            started_at=now - timedelta(days=1 + number % 28),
            ended_at=now - timedelta(days=1 + number % 28) + timedelta(minutes=5),
            category="printing" if number % 3 else "network",
            resolution="confirmed" if number % 4 else "unresolved",
            escalation="planned" if number % 7 == 0 else "forced" if number % 11 == 0 else "none",
            ticket_number=number if number % 7 == 0 else None,
            csat_asked=number % 2 == 0,
            csat=5 - number % 3 if number % 4 == 0 else None,
        )
        for number in range(contacts)
    ]
    tickets = [
        TicketTimes(
            number=number,
            priority=f"P{1 + number % 3}",
            created_at=now - timedelta(days=5),
            resolved_at=now - timedelta(days=5) + timedelta(hours=3 + number) if number % 2 else None,
            pending_s=0.0,
        )
        for number in range(contacts // 4)
    ]
    found = helpdesk_figures(calls, tickets, now - timedelta(days=30), now, now)
    return {"object": "helpdesk.figures", **json.loads(found.model_dump_json())}
