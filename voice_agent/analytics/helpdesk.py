"""Figures about many helpdesk calls for an operator: calls and tickets in, measures out.

A contact is one call. The same caller with the same category of problem within seven days is a repeat contact; callers
are told apart by their API key. What cannot be known yet, because the seven days or the 24 hours of silence are not
over, is left out rather than guessed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voice_agent.analytics.measure import Band, Frozen, Measure, Metric

REPEAT = timedelta(days=7)
SILENT = timedelta(hours=24)
PRIORITIES = ("P1", "P2", "P3", "P4")
_TOP_BOX = 5

FIRST_CONTACT = Metric(
    "first_contact_resolution",
    1,
    "First-contact resolution",
    "percent",
    "First contacts that were solved, confirmed or assumed, without a repeat contact within 7 days, divided by all "
    "first contacts that are at least 7 days old.",
    "SQM Group: average 70 percent, best 80 percent and more",
    Band(good_min=80, flag_below=70),
)
CONFIRMED = Metric(
    "resolution_confirmed",
    1,
    "Confirmed resolution",
    "percent",
    "Contacts whose caller said that it is fixed and did not return within 7 days, divided by all contacts.",
    "judgement",
)
ASSUMED = Metric(
    "resolution_assumed",
    1,
    "Assumed resolution",
    "percent",
    "Contacts that ended without a word on it, followed by 24 hours of silence and no return within 7 days, divided by "
    "contacts that are at least 24 hours old.",
    "judgement",
)
CONTAINMENT = Metric(
    "containment",
    1,
    "Containment",
    "percent",
    "Contacts without a ticket or a hand-over to a person, divided by all contacts. Read it beside repeat contact.",
    "judgement",
)
REPEATED = Metric(
    "repeat_contact",
    1,
    "Repeat contact",
    "percent",
    "Contacts followed by another of the same caller and category within 7 days, divided by contacts that are at least "
    "7 days old.",
    "judgement",
)
CSAT = Metric(
    "csat",
    1,
    "Satisfaction (top box)",
    "percent",
    "Answers of 5 on a scale from 1 to 5, divided by all answers.",
    "common practice",
)
REPLY_RATE = Metric(
    "csat_reply_rate",
    1,
    "Reply rate",
    "percent",
    "Answers, divided by the callers who were asked.",
    "common practice",
)
PLANNED = Metric(
    "escalation_planned",
    1,
    "Planned escalations",
    "percent",
    "Contacts handed over because an article says so or its steps failed, divided by all contacts.",
    "judgement",
)
FORCED = Metric(
    "escalation_forced",
    1,
    "Forced escalations",
    "percent",
    "Contacts handed over because the caller asked, was angry or was not understood, divided by all contacts.",
    "judgement",
)
MEDIAN = Metric(
    "time_to_resolution_median",
    1,
    "Time to resolution, median",
    "hours",
    "The median time from the creation of a ticket to its resolution, without the time it was pending.",
    "common practice",
)
P90 = Metric(
    "time_to_resolution_p90",
    1,
    "Time to resolution, 90th percentile",
    "hours",
    "The time within which 90 percent of the resolved tickets were resolved, without the time they were pending.",
    "nearest-rank percentile",
)
METRICS = (
    FIRST_CONTACT,
    CONFIRMED,
    ASSUMED,
    CONTAINMENT,
    REPEATED,
    CSAT,
    REPLY_RATE,
    PLANNED,
    FORCED,
    MEDIAN,
    P90,
)


@dataclass(frozen=True, slots=True)
class HelpdeskCall:
    """One stored helpdesk call that has ended; fields as in HelpdeskFacts."""

    call_id: str
    key_id: str
    """Who called, as far as that is known: callers with the same key count as one."""
    started_at: datetime
    ended_at: datetime
    category: str
    resolution: str
    escalation: str
    ticket_number: int | None
    csat_asked: bool
    csat: int | None


@dataclass(frozen=True, slots=True)
class TicketTimes:
    number: int
    priority: str
    created_at: datetime
    resolved_at: datetime | None
    pending_s: float
    """Seconds it waited for the caller."""


class TicketFigures(Frozen):
    priority: str
    created: int
    resolved: int
    times: tuple[Measure, ...]


class HelpdeskFigures(Frozen):
    since: datetime
    until: datetime
    contacts: int
    measures: tuple[Measure, ...]
    tickets: tuple[TicketFigures, ...]


def helpdesk_figures(
    calls: Sequence[HelpdeskCall], tickets: Sequence[TicketTimes], since: datetime, until: datetime, now: datetime
) -> HelpdeskFigures:
    """Of the contacts and tickets from `since` to `until`. `calls` reach seven days further on both sides, as far as
    there are any: they tell first from repeat contacts."""
    history = _History(calls)
    contacts = [call for call in calls if since <= call.started_at < until]
    old = [call for call in contacts if call.ended_at + REPEAT <= now]
    quiet = [call for call in contacts if call.ended_at + SILENT <= now]
    asked = [call for call in contacts if call.csat_asked]
    replies = [call for call in asked if call.csat is not None]

    def confirmed(call: HelpdeskCall) -> bool:
        return call.resolution == "confirmed" and not history.repeated(call)

    def assumed(call: HelpdeskCall) -> bool:
        return call.resolution == "unconfirmed" and not history.repeated(call)

    none = "there was no such contact"
    measures = (
        _share(FIRST_CONTACT, [c for c in old if history.first(c)], lambda c: confirmed(c) or assumed(c), none),
        _share(CONFIRMED, contacts, confirmed, none),
        _share(ASSUMED, quiet, assumed, none),
        _share(CONTAINMENT, contacts, lambda c: c.escalation == "none" and c.ticket_number is None, none),
        _share(REPEATED, old, history.repeated, none),
        _share(CSAT, replies, lambda c: c.csat == _TOP_BOX, "nobody answered"),
        _share(REPLY_RATE, asked, lambda c: c.csat is not None, "nobody was asked"),
        _share(PLANNED, contacts, lambda c: c.escalation == "planned", none),
        _share(FORCED, contacts, lambda c: c.escalation == "forced", none),
    )
    return HelpdeskFigures(
        since=since,
        until=until,
        contacts=len(contacts),
        measures=measures,
        tickets=tuple(_of_priority(priority, tickets) for priority in PRIORITIES),
    )


class _History:
    """When each caller called about each category."""

    def __init__(self, calls: Sequence[HelpdeskCall]) -> None:
        self._starts: dict[tuple[str, str], list[datetime]] = {}
        for call in calls:
            self._starts.setdefault((call.key_id, call.category), []).append(call.started_at)

    def repeated(self, call: HelpdeskCall) -> bool:
        """Whether the caller came back within seven days of its end."""
        return any(call.started_at < start <= call.ended_at + REPEAT for start in self._of(call))

    def first(self, call: HelpdeskCall) -> bool:
        """Whether there was no contact in the seven days before it."""
        return not any(call.started_at - REPEAT <= start < call.started_at for start in self._of(call))

    def _of(self, call: HelpdeskCall) -> Sequence[datetime]:
        return self._starts[call.key_id, call.category]


def _share(
    metric: Metric, contacts: Sequence[HelpdeskCall], counts: Callable[[HelpdeskCall], bool], nothing: str
) -> Measure:
    if not contacts:
        return metric.absent("not_measured", nothing)
    return metric.measured(100 * sum(map(counts, contacts)) / len(contacts))


def _of_priority(priority: str, tickets: Sequence[TicketTimes]) -> TicketFigures:
    own = [ticket for ticket in tickets if ticket.priority == priority]
    hours = sorted(
        max(0.0, (ticket.resolved_at - ticket.created_at).total_seconds() - ticket.pending_s) / 3600
        for ticket in own
        if ticket.resolved_at is not None
    )
    times: tuple[Measure, ...]
    if hours:
        times = (MEDIAN.measured(statistics.median(hours)), P90.measured(hours[math.ceil(0.9 * len(hours)) - 1]))
    else:
        times = tuple(metric.absent("not_measured", "no ticket was resolved") for metric in (MEDIAN, P90))
    return TicketFigures(priority=priority, created=len(own), resolved=len(hours), times=times)
