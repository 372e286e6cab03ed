"""Builders of the events we add to the protocol. Their types start with `agent.`; other clients ignore them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from voice_agent.realtime.server_events import Event, event

AgentState = Literal["listening", "thinking", "speaking", "paused"]


def session(call_id: str, resume_token: str, resume_seconds: float, *, resumed: bool) -> Event:
    """How to come back after the connection was lost: the token is a bearer for one new connection, valid until so
    many seconds after the loss. `resumed`: this connection itself goes on with an earlier one's call."""
    return event(
        "agent.session", call_id=call_id, resume_token=resume_token, resume_seconds=resume_seconds, resumed=resumed
    )


def state(value: AgentState) -> Event:
    return event("agent.state", state=value)


def caption(item_id: str, text: str, *, final: bool) -> Event:
    """What the caller has heard of an item so far; with `final` no more of it will be heard."""
    return event("agent.caption", item_id=item_id, text=text, final=final)


def timing(marks_ms: Mapping[str, int]) -> Event:
    """How the first sound of an answer came about: ms since the caller's last speech, where it happened."""
    return event("agent.timing", marks_ms=dict(marks_ms))


def notice(code: str, message: str) -> Event:
    """Something the caller should know, such as a fallback that took over. `message` may be shown as it is."""
    return event("agent.notice", code=code, message=message)


def idle_warning(seconds: float) -> Event:
    """The call ends after so many seconds of further silence."""
    return event("agent.idle_warning", seconds=seconds)


def ticket(number: int, reference: str, summary: str, priority: str) -> Event:
    """A ticket was filed. `reference` is its number as it is spoken, such as "INC-1042"."""
    return event("agent.ticket", number=number, reference=reference, summary=summary, priority=priority)


def form(fields: Sequence[tuple[str, str, str, bool]]) -> Event:
    """What the agent has noted of the caller: name, label, value and whether it is confirmed, for each field. It
    replaces what was sent before; the caller corrects it by an ordinary message."""
    names = ("name", "label", "value", "confirmed")
    return event("agent.form", fields=[dict(zip(names, values, strict=True)) for values in fields])


def ended(reason: str) -> Event:
    """The last event of a call: hangup | client_gone | replaced | idle | time_limit | shutdown | error."""
    return event("agent.ended", reason=reason)
