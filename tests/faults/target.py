"""The real server in a process of its own, with scripted engines, and a window for tests to look in. Not a test.

    python -m tests.faults.target       prints its URL and an API key, ends on SIGTERM

HTTP surface, peers, sessions, database and Redis are those of production; the engines are scripted because what they
cost is not asked here. `GET /probe` tells what the process holds and by how much it stalled; `POST /probe/reset`
begins anew; `POST /probe/stall?ms=` blocks the event loop. REAL_ENGINES=1 uses the engines of the settings.

A stall is reckoned in CPU time of the loop's thread between two wake-ups of a timer: other processes on a busy machine
lengthen the wall-clock time, which the server's own monitor shows, but not this.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import psutil
import uvloop
from aiohttp import web

from scripts.stub_engines import FlaggingModerator, ScriptedModel, ScriptedTranscriber, ToneSynthesizer, answering
from signaling.app import create_app, make_runner
from signaling.appkeys import DIRECTORY, MONITOR
from signaling.factories import CallFactories
from signaling.garbage import freeze_start
from signaling.peer import Peer
from signaling.serve import StopSignals, drain
from signaling.services import Services, start_services
from tests.loopback import on_loopback
from voice_agent.call.session import CallSession
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import LanguageModel
from voice_agent.engines.registry import EngineDescription
from voice_agent.hardening import media_stack, process
from voice_agent.settings import Settings
from voice_agent.storage.keys import KeyStore

_BEAT_S = 0.002


class ScriptedEngines:
    def for_call(self, scripted: LanguageModel) -> Engines:
        return Engines(
            transcriber=ScriptedTranscriber(0.05),
            language_model=ScriptedModel(answering("All right.", first_token_s=0.01, tokens_per_s=100)),
            synthesizer=ToneSynthesizer(0.01),
            moderator=FlaggingModerator(["forbidden"]),
        )

    def describe(self) -> list[EngineDescription]:
        return []


class WatchedSession(CallSession):
    """Counts the frames that the session was given."""

    living: ClassVar[dict[str, WatchedSession]] = {}

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.frames = 0

    async def run(self) -> str:
        WatchedSession.living[self.call_id] = self
        try:
            return await super().run()
        finally:
            del WatchedSession.living[self.call_id]

    def audio_in(self, pcm: bytes) -> None:
        self.frames += 1
        super().audio_in(pcm)

    def report(self) -> dict[str, float]:
        """Frames of 20 ms given to the session; packets that arrived and were decoded; silence put in for others."""
        receiver = getattr(self._transport, "_receiver", None)
        return {
            "frames": self.frames,
            "decoded": receiver.decoded if receiver else 0,
            "silence_ms": receiver.silence_ms if receiver else 0,
        }


class Heartbeat:
    def __init__(self) -> None:
        self.busiest_ms = 0.0

    async def run(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(_BEAT_S)
            now = time.thread_time()
            self.busiest_ms = max(self.busiest_ms, (now - before) * 1000)
            before = now


HEARTBEAT = web.AppKey("heartbeat", Heartbeat)


async def probe(request: web.Request) -> web.Response:
    this = psutil.Process()
    return web.json_response(
        {
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
            "fds": this.num_fds(),
            "rss": this.memory_info().rss,
            "seats": request.app[DIRECTORY].taken,
            "busiest_ms": request.app[HEARTBEAT].busiest_ms,
            "lag_p99_ms": request.app[MONITOR].window.p99_ms,
            "calls": {call_id: session.report() for call_id, session in WatchedSession.living.items()},
        }
    )


async def reset(request: web.Request) -> web.Response:
    """Collects garbage, so that what is measured later is what is held, and forgets past stalls."""
    gc.collect()
    await asyncio.sleep(2 * _BEAT_S)
    request.app[HEARTBEAT].busiest_ms = 0.0
    return web.Response()


async def stall(request: web.Request) -> web.Response:
    time.sleep(float(request.query["ms"]) / 1000)  # noqa: ASYNC251 - this is the fault
    return web.Response()


async def _heartbeat(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[HEARTBEAT].run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def make_app(services: Services) -> web.Application:
    app = create_app(services, CallFactories(make_session=WatchedSession, answer_offer=Peer.answer))
    app[HEARTBEAT] = Heartbeat()
    app.router.add_get("/probe", probe)
    app.router.add_post("/probe/reset", reset)
    app.router.add_post("/probe/stall", stall)
    app.cleanup_ctx.append(_heartbeat)
    return app


async def main() -> int:
    settings = Settings()
    stop = StopSignals()
    stop.install()
    media_stack.apply()
    process.seal_memory()
    async with start_services(settings) as real:
        services = real if os.environ.get("REAL_ENGINES") else dataclasses.replace(real, engines=ScriptedEngines())
        assert isinstance(services.keys, KeyStore)
        _, key = await services.keys.create("test")
        app = make_app(services)
        async with on_loopback(make_runner(app, settings.server)) as url:
            freeze_start()
            print(f"{url} {key}", flush=True)
            await stop.drain.wait()
            await drain(app[DIRECTORY], settings, stop.now)
    return 0


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner_:
        sys.exit(runner_.run(main()))
