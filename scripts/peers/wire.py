"""What the servers of the comparison share: loopback, the offer over HTTP, the agent's speech, one event loop."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aioice.ice
import uvloop
from aiohttp import web

SPEECH_HZ = 24_000
FRAME_BYTES = SPEECH_HZ // 50 * 2
"""20 ms of the agent's speech."""


def speech() -> bytes:
    """The agent's speech, to be repeated: whole frames, mono s16le at `SPEECH_HZ`."""
    pcm = sys.stdin.buffer.read()
    return pcm[: len(pcm) // FRAME_BYTES * FRAME_BYTES]


def run(answer: Callable[[str], Awaitable[str]], start: Coroutine[Any, Any, object] | None = None) -> None:
    """Serves offers until SIGTERM, on uvloop, which every server of the comparison gets. `start` runs first."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    uvloop.run(_serve(answer, start))


async def _serve(answer: Callable[[str], Awaitable[str]], start: Coroutine[Any, Any, object] | None) -> None:
    if start is not None:
        await start

    async def offer(request: web.Request) -> web.Response:
        return web.Response(text=await answer(await request.text()))

    app = web.Application()
    app.router.add_post("/offer", offer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("http://{}:{}".format(*runner.addresses[0][:2]), flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    # The calls end with the process.
