"""The HTTP server from start to an orderly end; `launch.py` is the command that comes before it.

The first SIGTERM or SIGINT drains: no new calls, running ones may finish, the last ones say goodbye. A second one ends
everything at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from signaling.app import create_app, make_runner
from signaling.appkeys import DIRECTORY, REGISTRY
from signaling.directory import CallDirectory
from signaling.factories import CallFactories
from signaling.garbage import freeze_start
from signaling.keeper import DatabaseKeeper
from signaling.listening import cannot_listen, ready_line
from signaling.peer import Peer
from signaling.services import start_services
from voice_agent.agents.pack_yaml import PackError
from voice_agent.audio.batching import DetectionBatch
from voice_agent.call.session import CallSession
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.ports import EngineError
from voice_agent.hardening import media_stack
from voice_agent.hardening.media_stack import UnreviewedVersionError
from voice_agent.settings import ServerSettings, Settings
from voice_agent.storage.errors import StorageError

logger = logging.getLogger(__name__)


class StopSignals:
    """Counts SIGTERM and SIGINT: the first asks for a drain, the second for the end."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.now = asyncio.Event()

    def install(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.received)

    def remove(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    def received(self) -> None:
        (self.now if self.drain.is_set() else self.drain).set()


async def serve(settings: Settings, keeper: DatabaseKeeper | None = None, *, shared_port: bool = False) -> int:
    """`shared_port`: other server processes listen on the same port.

    Exit code: 0 after an orderly end; 1 where the server cannot start, or had to end because its keeper did.
    """
    stop = StopSignals()
    stop.install()
    try:
        media_stack.apply()
        async with keeper or contextlib.nullcontext():
            if keeper is not None:
                settings = settings.with_storage(keeper.storage_settings())
            async with start_services(settings) as services, _drained_without(keeper, stop) as lost:
                batch_ms = settings.audio.batch_ms
                answer = functools.partial(Peer.answer, batch=DetectionBatch(batch_ms / 1000) if batch_ms else None)
                factories = CallFactories(make_session=CallSession, answer_offer=answer)
                code = await _serve(create_app(services, factories), settings, stop, shared_port=shared_port)
                return 1 if lost.is_set() else code
    except (ConfigurationError, EngineError, PackError, StorageError, UnreviewedVersionError) as error:
        print(f"voice-agent cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        stop.remove()


@contextlib.asynccontextmanager
async def _drained_without(keeper: DatabaseKeeper | None, stop: StopSignals) -> AsyncIterator[asyncio.Event]:
    """Inside, the end of the keeper asks for a drain; the event says that it was so."""
    lost = asyncio.Event()
    if keeper is None:
        yield lost
        return

    async def watch() -> None:
        await keeper.gone()
        logger.critical("The process that runs the embedded database is gone: the server drains")
        lost.set()
        stop.drain.set()

    watching = asyncio.create_task(watch(), name="database keeper")
    try:
        yield lost
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _serve(app: web.Application, settings: Settings, stop: StopSignals, *, shared_port: bool) -> int:
    server = settings.server
    runner = make_runner(app, server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, server.host, server.port, reuse_port=shared_port or None)
        try:
            await site.start()
        except OSError as error:
            print(cannot_listen(error, server), file=sys.stderr)  # noqa: T201
            return 1
        address: Any = runner.addresses[0]
        if app[REGISTRY].shared:
            try:
                app[REGISTRY].reachable_at(await _listen_privately(runner, server))
            except OSError as error:
                print(_cannot_listen_privately(error), file=sys.stderr)  # noqa: T201
                return 1
        freeze_start()
        print(ready_line(server, address[1]), flush=True)  # noqa: T201
        await stop.drain.wait()
        await drain(app[DIRECTORY], settings, stop.now)
        return 0
    finally:
        await runner.cleanup()


async def _listen_privately(runner: web.AppRunner, server: ServerSettings) -> str:
    """Takes requests of other server processes as well. Their address for it. Raises OSError."""
    family = socket.AF_INET6 if ":" in server.private_host else socket.AF_INET
    listener = socket.create_server((server.private_host, server.private_base_port), family=family)
    await web.SockSite(runner, listener).start()
    host = f"[{server.private_host}]" if family == socket.AF_INET6 else server.private_host
    return f"http://{host}:{listener.getsockname()[1]}"


def _cannot_listen_privately(error: OSError) -> str:
    return f"voice-agent cannot start: PRIVATE_HOST, PRIVATE_BASE_PORT: {error.strerror}."


async def drain(directory: CallDirectory, settings: Settings, now: asyncio.Event) -> None:
    """Lets calls finish, then say goodbye; returns early when `now` is set. The listener stays up for /readyz."""
    directory.drain()
    logger.info("Draining", extra={"calls": directory.taken})
    finishing = asyncio.create_task(_finish(directory, settings))
    hurried = asyncio.create_task(now.wait())
    try:
        await asyncio.wait({finishing, hurried}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        finishing.cancel()
        hurried.cancel()
        await asyncio.gather(finishing, hurried, return_exceptions=True)
        await directory.end_all("shutdown", timeout_s=0)


async def _finish(directory: CallDirectory, settings: Settings) -> None:
    if not await directory.wait_empty(settings.server.drain_timeout_s):
        goodbye_s = settings.turns.goodbye_timeout_s + settings.server.close_timeout_s
        await directory.end_all("shutdown", timeout_s=goodbye_s)
