"""Watches a load test from the side: every few seconds, how the callers fare, and what the server says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
from aiohttp import ClientError, ClientSession, ClientTimeout

from scripts.load.crowd import Crowd
from scripts.load.measures import Measures
from scripts.load.prometheus import Reading

SERVER_STAGES = ("eou_delay", "stt_final", "llm_ttft", "tts_ttfb", "e2e")
_SCRAPE_TIMEOUT_S = 5.0
_LAG = "voice_eventloop_lag_seconds"
_STAGES = "voice_turn_latency_seconds"


@dataclass(slots=True)
class Point:
    """One moment. `at`: s since the start. Server figures are None where its metrics are out of reach."""

    at: float
    calls: int
    packets_sent_per_s: float
    packets_received_per_s: float
    packets_lost: int
    packets_late: int
    failures: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    generator_cpu: float
    helpers_cpu: float
    """Cores used by the callers' process; by provider and database."""
    server_cpu: float | None = None
    """Cores; 1 is all of one."""
    server_rss_mb: float | None = None
    server_lag_p99_ms: float | None = None
    server_stages_p50_ms: dict[str, float | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All counters at one moment, to be compared with those of a later one."""

    at: float
    reading: Reading | None
    generator_cpu_s: float
    helpers_cpu_s: float
    traffic: tuple[int, int, int, int]
    call_seconds: float


class Observer:
    """`run` until cancelled. `main_latency` names the duration that is drawn over time."""

    def __init__(
        self,
        http: ClientSession,
        metrics_url: str,
        *,
        crowd: Crowd,
        measures: Measures,
        main_latency: str,
        helpers: Iterable[int] = (),
        interval_s: float = 2.0,
    ) -> None:
        self.points: list[Point] = []
        self._http = http
        self._metrics_url = metrics_url
        self._crowd = crowd
        self._measures = measures
        self._main_latency = main_latency
        self._helpers = [psutil.Process(pid) for pid in helpers]
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._call_seconds = 0.0
        self._counted_at = self._started_at

    async def run(self) -> None:
        before = await self.snapshot()
        while True:
            await asyncio.sleep(self._interval_s)
            now = await self.snapshot()
            self.points.append(self._point(before, now))
            before = now

    async def snapshot(self) -> Snapshot:
        reading = await self._scrape()
        now = self._loop.time()
        self._call_seconds += (now - self._counted_at) * self._crowd.connected
        self._counted_at = now
        return Snapshot(
            now, reading, time.process_time(), self._helpers_cpu_s(), self._crowd.traffic, self._call_seconds
        )

    async def _scrape(self) -> Reading | None:
        try:
            async with self._http.get(self._metrics_url, timeout=ClientTimeout(_SCRAPE_TIMEOUT_S)) as answer:
                return Reading(await answer.text()) if answer.status == 200 else None
        except (ClientError, TimeoutError, OSError):
            return None

    def _helpers_cpu_s(self) -> float:
        total = 0.0
        for process in self._helpers:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue  # a worker of the database that has ended
            total += times.user + times.system
        return total

    def _point(self, before: Snapshot, now: Snapshot) -> Point:
        span_s = now.at - before.at
        sent, received, lost, late = now.traffic
        latency = self._measures.summary(self._main_latency, before.at - 3 * self._interval_s, now.at)
        point = Point(
            at=round(now.at - self._started_at, 2),
            calls=self._crowd.connected,
            packets_sent_per_s=(sent - before.traffic[0]) / span_s,
            packets_received_per_s=(received - before.traffic[1]) / span_s,
            packets_lost=lost,
            packets_late=late,
            failures=self._measures.counts.total(),
            latency_p50_ms=latency.p50 if latency else None,
            latency_p95_ms=latency.p95 if latency else None,
            generator_cpu=(now.generator_cpu_s - before.generator_cpu_s) / span_s,
            helpers_cpu=(now.helpers_cpu_s - before.helpers_cpu_s) / span_s,
        )
        if before.reading is not None and now.reading is not None:
            point.server_cpu = server_cpu(before, now)
            point.server_rss_mb = rss_mb(now)
            point.server_lag_p99_ms = lag_ms(before, now, 0.99)
            point.server_stages_p50_ms = {stage: stage_ms(before, now, stage, 0.5) for stage in SERVER_STAGES}
        return point


def server_cpu(before: Snapshot, now: Snapshot) -> float | None:
    """Cores used between two snapshots."""
    name = "process_cpu_seconds_total"
    first = before.reading.value(name) if before.reading else None
    last = now.reading.value(name) if now.reading else None
    return None if first is None or last is None else (last - first) / (now.at - before.at)


def rss_mb(now: Snapshot) -> float | None:
    resident = now.reading.value("process_resident_memory_bytes") if now.reading else None
    return None if resident is None else resident / 2**20


def lag_ms(before: Snapshot, now: Snapshot, share: float) -> float | None:
    if before.reading is None or now.reading is None:
        return None
    lag = (now.reading.histogram(_LAG) - before.reading.histogram(_LAG)).quantile(share)
    return None if lag is None else lag * 1000


def stage_ms(before: Snapshot, now: Snapshot, stage: str, share: float) -> float | None:
    if before.reading is None or now.reading is None:
        return None
    spent = now.reading.histogram(_STAGES, stage=stage) - before.reading.histogram(_STAGES, stage=stage)
    value = spent.quantile(share)
    return None if value is None else value * 1000
