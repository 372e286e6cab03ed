"""An operator's figures, against values worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from voice_agent.analytics.helpdesk import HelpdeskCall, HelpdeskFigures, TicketTimes, helpdesk_figures

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNTIL = NOON + timedelta(days=30)


def call(number: int, key: str, day: float, resolution: str = "confirmed", **changes: Any) -> HelpdeskCall:
    started_at = NOON + timedelta(days=day)
    fields: dict[str, Any] = {
        "call_id": f"c{number}",
        "key_id": key,
        "started_at": started_at,
        "ended_at": started_at + timedelta(minutes=5),
        "category": "printer",
        "resolution": resolution,
        "escalation": "none",
        "ticket_number": None,
        "csat_asked": False,
        "csat": None,
    }
    return HelpdeskCall(**fields | changes)


CALLS = [
    call(0, "e", -3, "unresolved"),  # before the period: makes call 7 a repeat
    call(1, "a", 0, "confirmed", csat_asked=True, csat=5),
    call(2, "b", 1, "confirmed", csat_asked=True, csat=3),  # reversed by call 3
    call(3, "b", 5, "unresolved", escalation="forced", ticket_number=1001),
    call(4, "b", 6, "confirmed", category="wifi"),  # another problem: no repeat
    call(5, "c", 2, "unconfirmed", csat_asked=True),
    call(6, "d", 3, "unresolved", escalation="planned", ticket_number=1002),
    call(7, "e", 2, "confirmed"),
    call(8, "f", 29.9, "unconfirmed"),  # not yet 24 hours ago
]


def values(figures: HelpdeskFigures) -> dict[str, float | None]:
    return {measure.id: measure.value for measure in figures.measures}


def test_the_figures_are_those_worked_out_by_hand() -> None:
    found = values(helpdesk_figures(CALLS, (), NOON, UNTIL, UNTIL))
    # Eight contacts (1 to 8); at least 7 days old: 1 to 7; first ones of these: 1, 2, 4, 5, 6.
    # Solved for good: 1, 4 (confirmed), 5 (assumed): 3 / 5.
    assert found["first_contact_resolution"] == 60
    assert found["resolution_confirmed"] == 37.5  # 1, 4, 7 of 8; 2 is reversed
    assert found["resolution_assumed"] == 14.3  # 5 of 1 to 7
    assert found["containment"] == 75  # all but 3 and 6, of 8
    assert found["repeat_contact"] == 14.3  # 2 of 1 to 7
    assert found["csat"] == 50  # 5 and 3
    assert found["csat_reply_rate"] == 66.7  # 2 of 3
    assert (found["escalation_planned"], found["escalation_forced"]) == (12.5, 12.5)


def test_what_cannot_be_known_is_not_measured() -> None:
    figures = helpdesk_figures((), (), NOON, UNTIL, UNTIL)
    assert figures.contacts == 0
    assert set(values(figures).values()) == {None}
    assert {measure.state for ticket in figures.tickets for measure in ticket.times} == {"not_measured"}


def test_the_time_to_resolution_leaves_out_what_the_caller_took() -> None:
    def ticket(number: int, hours: float | None, pending_h: float = 0) -> TicketTimes:
        resolved_at = None if hours is None else NOON + timedelta(hours=hours)
        return TicketTimes(number, "P2", NOON, resolved_at, pending_h * 3600)

    tickets = [ticket(1, 1), ticket(2, 10, pending_h=8), ticket(3, 6), ticket(4, None)]
    p2 = helpdesk_figures((), tickets, NOON, UNTIL, UNTIL).tickets[1]
    assert (p2.priority, p2.created, p2.resolved) == ("P2", 4, 3)
    # 1, 10 - 8 = 2 and 6 hours: the median is 2, the nearest rank of 0.9 x 3 = 2.7 is the third.
    assert [measure.value for measure in p2.times] == [2, 6]
