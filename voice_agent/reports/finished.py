"""Calls that are stored nowhere (a guest's, or one that shall not be stored), in memory until their report was read.

A recorder in front of the writer: it keeps what the writer drops, while such a call lasts and for REPORT_WINDOW_S after
its end, within bounds. Nothing of it is written anywhere, and it goes when the caller discards it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from prometheus_client import Gauge

from voice_agent.analytics.report import CallMeta
from voice_agent.records import CallEnded, CallRecorder, CallStarted, Turn
from voice_agent.reports.build import Built
from voice_agent.reports.builder import BuildError
from voice_agent.reports.maker import ReportMaker
from voice_agent.settings import ReportSettings

CALLS = Gauge("voice_finished_calls_active", "Finished calls that are in memory for their report.")
BYTES = Gauge("voice_finished_calls_bytes", "About how much memory they take.")

_CALL_BYTES = 1000
_TURN_BYTES = 500
_WORD_BYTES = 150
"""Upper bounds for what is no text, for a limit on memory."""


@dataclass(eq=False, slots=True)
class UnsavedCall:
    """A call that only this process knows."""

    started: CallStarted
    turns: list[Turn] = field(default_factory=list)
    ended: CallEnded | None = None
    report: asyncio.Task[Built] | None = None
    size_bytes: int = _CALL_BYTES
    expiry: asyncio.TimerHandle | None = None
    expires_at: datetime | None = None

    @property
    def meta(self) -> CallMeta:
        return CallMeta(
            call_id=self.started.call_id,
            agent=self.started.agent,
            started_at=self.started.started_at,
            ended_at=self.ended.ended_at if self.ended is not None else None,
            language=self.started.language,
        )


class FinishedCalls:
    """A `CallRecorder`. All on the event loop; `aclose` forgets everything."""

    def __init__(self, recorder: CallRecorder, maker: ReportMaker, settings: ReportSettings) -> None:
        self._recorder = recorder
        self._maker = maker
        self._settings = settings
        self._calls: dict[str, UnsavedCall] = {}
        """Those that have ended stand in the order of their ends."""
        self._bytes = 0

    async def aclose(self) -> None:
        """Forgets everything."""
        tasks = [call.report for call in self._calls.values() if call.report is not None]
        for call_id in list(self._calls):
            self.forget(call_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what calls record ----------------------------------------------------------------------------------

    def call_started(self, record: CallStarted) -> None:
        if record.key_id is None and self._settings.window_s > 0:
            self._begin(record)
        self._recorder.call_started(record)

    def turn(self, record: Turn) -> None:
        call = self._calls.get(record.call_id)
        if call is not None:
            call.turns.append(record)
            call.size_bytes += _size(record)
        self._recorder.turn(record)

    def call_ended(self, record: CallEnded) -> None:
        call = self._calls.get(record.call_id)
        if call is not None:
            self._end(call, record)
        self._recorder.call_ended(record)

    def _begin(self, record: CallStarted) -> None:
        call = self._calls.get(record.call_id)
        if call is None:
            self._calls[record.call_id] = UnsavedCall(record)
        else:
            self._resume(call)

    def _resume(self, call: UnsavedCall) -> None:
        """It goes on, so that what was known of its end does not hold."""
        self._leave(call)
        call.ended = None
        if call.report is not None:
            call.report.cancel()
            call.report = None

    def _end(self, call: UnsavedCall, record: CallEnded) -> None:
        call_id = record.call_id
        self._leave(call)
        call.ended = record
        del self._calls[call_id]
        self._calls[call_id] = call
        call.expiry = asyncio.get_running_loop().call_later(self._settings.window_s, self.forget, call_id)
        call.expires_at = datetime.now(UTC) + timedelta(seconds=self._settings.window_s)
        self._bytes += call.size_bytes
        self._show()
        while self._bytes > self._settings.window_bytes or self.count > self._settings.window_calls:
            self.forget(next(each for each, kept in self._calls.items() if kept.ended is not None))

    def _leave(self, call: UnsavedCall) -> None:
        """It no longer counts as finished."""
        if call.expiry is not None:
            call.expiry.cancel()
            call.expiry = call.expires_at = None
            self._bytes -= call.size_bytes
            self._show()

    @property
    def count(self) -> int:
        """Finished calls in memory."""
        return sum(call.ended is not None for call in self._calls.values())

    def _show(self) -> None:
        CALLS.set(self.count)
        BYTES.set(self._bytes)

    # --- what callers ask -----------------------------------------------------------------------------------

    def get(self, call_id: str) -> UnsavedCall | None:
        """A call that is running or has ended within the window."""
        return self._calls.get(call_id)

    def forget(self, call_id: str) -> None:
        """Drops the call, at once; one that still runs loses what it has said so far."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        self._leave(call)
        if call.report is not None:
            call.report.cancel()
        self._show()

    def report(self, call: UnsavedCall) -> Built | None:
        """The report of a call that has ended, None while it is being made: the first to ask has it made.

        Raises BuildError where it cannot be made.
        """
        assert call.ended is not None
        if call.report is None:
            making = self._maker.make(call.meta, tuple(call.turns), call.ended.facts)
            call.report = asyncio.create_task(making, name="report of an unsaved call")
        if not call.report.done():
            return None
        try:
            return call.report.result()
        except Exception as error:
            # The same call would fail again: whoever asks is told each time.
            raise BuildError("no report can be made of this call") from error


def _size(turn: Turn) -> int:
    return 4 * (len(turn.text) + len(turn.heard)) + _WORD_BYTES * len(turn.words) + _TURN_BYTES
