"""Builders of the server events that stand alone. Those of a response are in `response_events`.

Every event is a dict ready for JSON, with an `event_id`. Absent fields are absent, because clients drop events with
unexpected nulls; `previous_item_id` is null on purpose where an item is the first one.
"""

from __future__ import annotations

from collections.abc import Mapping

from voice_agent.realtime.ids import new_id
from voice_agent.realtime.items import Item
from voice_agent.realtime.session_config import SessionConfig

Event = dict[str, object]


def event(kind: str, **fields: object) -> Event:
    """A server event with a new id."""
    return {"type": kind, "event_id": new_id("event"), **fields}


def session_created(session: SessionConfig) -> Event:
    return event("session.created", session=session.to_wire())


def session_updated(session: SessionConfig) -> Event:
    return event("session.updated", session=session.to_wire())


def item_added(item: Item, previous_item_id: str | None) -> Event:
    return event("conversation.item.added", item=item.to_wire(), previous_item_id=previous_item_id)


def item_done(item: Item, previous_item_id: str | None) -> Event:
    return event("conversation.item.done", item=item.to_wire(), previous_item_id=previous_item_id)


def item_retrieved(item: Item) -> Event:
    return event("conversation.item.retrieved", item=item.to_wire())


def item_deleted(item_id: str) -> Event:
    return event("conversation.item.deleted", item_id=item_id)


def item_truncated(item_id: str, audio_end_ms: int, content_index: int = 0) -> Event:
    return event("conversation.item.truncated", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms)


def speech_started(item_id: str, audio_start_ms: int) -> Event:
    """`audio_start_ms` is the time since the first audio of the session, prefix included."""
    return event("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=audio_start_ms)


def speech_stopped(item_id: str, audio_end_ms: int) -> Event:
    return event("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=audio_end_ms)


def input_committed(item_id: str, previous_item_id: str | None) -> Event:
    return event("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous_item_id)


def input_cleared() -> Event:
    return event("input_audio_buffer.cleared")


def timeout_triggered(item_id: str, audio_start_ms: int, audio_end_ms: int) -> Event:
    return event(
        "input_audio_buffer.timeout_triggered",
        item_id=item_id,
        audio_start_ms=audio_start_ms,
        audio_end_ms=audio_end_ms,
    )


def transcription_delta(item_id: str, delta: str, content_index: int = 0) -> Event:
    kind = "conversation.item.input_audio_transcription.delta"
    return event(kind, item_id=item_id, content_index=content_index, delta=delta)


def transcription_completed(item_id: str, transcript: str, seconds: float, content_index: int = 0) -> Event:
    """`seconds` is the length of the audio that was transcribed."""
    return event(
        "conversation.item.input_audio_transcription.completed",
        item_id=item_id,
        content_index=content_index,
        transcript=transcript,
        usage={"type": "duration", "seconds": seconds},
    )


def transcription_failed(item_id: str, code: str, message: str, content_index: int = 0) -> Event:
    return event(
        "conversation.item.input_audio_transcription.failed",
        item_id=item_id,
        content_index=content_index,
        error={"type": "transcription_error", "code": code, "message": message},
    )


def transcription_segment(
    item_id: str, text: str, *, speaker: str, start_s: float, end_s: float, content_index: int = 0
) -> Event:
    return event(
        "conversation.item.input_audio_transcription.segment",
        id=new_id("seg"),
        item_id=item_id,
        content_index=content_index,
        text=text,
        speaker=speaker,
        start=start_s,
        end=end_s,
    )


def output_audio_started(response_id: str) -> Event:
    """WebRTC: the first sound of the response leaves."""
    return event("output_audio_buffer.started", response_id=response_id)


def output_audio_stopped(response_id: str) -> Event:
    """WebRTC: the last sound of the response has left."""
    return event("output_audio_buffer.stopped", response_id=response_id)


def output_audio_cleared(response_id: str) -> Event:
    """WebRTC: the rest of the response will not be heard."""
    return event("output_audio_buffer.cleared", response_id=response_id)


def rate_limits_updated(limits: Mapping[str, tuple[int, int, float]]) -> Event:
    """By name ("requests", "tokens"): limit, remaining, and s until it is full again."""
    rate_limits = [
        {"name": name, "limit": limit, "remaining": remaining, "reset_seconds": reset_s}
        for name, (limit, remaining, reset_s) in limits.items()
    ]
    return event("rate_limits.updated", rate_limits=rate_limits)
