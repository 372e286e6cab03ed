"""A TCP proxy that refuses, cuts, silences and slows connections: how Postgres, Redis or a provider goes away.

    async with ChaosProxy("127.0.0.1", 6379) as proxy:
        ...                    # use proxy.host and proxy.port
        proxy.mode = "mute"    # connections stay open and nothing comes through: a dead peer, a full disk
        proxy.mode = "refuse"  # what is open is cut, new connections are reset: the service is down
        proxy.mode = "pass"
        proxy.cut()            # what is open is reset; new connections work: a restart

From a shell: `python -m scripts.chaos_proxy 127.0.0.1:6379 --mode mute`. It does not look into what it passes on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from types import TracebackType
from typing import Literal, Self, get_args

Mode = Literal["pass", "mute", "refuse"]

_CHUNK_BYTES = 64 * 1024


class ChaosProxy:
    """An async context. `delay_s` is added to each piece that comes back. `accepted` counts connections."""

    def __init__(self, host: str, port: int, *, mode: Mode = "pass", delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.accepted = 0
        self.host = "127.0.0.1"
        self.port = 0
        self._target = (host, port)
        self._mode: Mode = mode
        self._flows = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.mode = self._mode
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "mute":
            self._flows.clear()
        else:
            self._flows.set()
        if mode == "refuse":
            self.cut()

    def cut(self) -> None:
        """Resets every open connection, on both sides."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._mode == "refuse":
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        try:
            up = asyncio.create_task(self._pump(reader, far_writer, 0.0))
            down = asyncio.create_task(self._pump(far_reader, writer, self.delay_s))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            self._writers -= {writer, far_writer}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(_CHUNK_BYTES):
                if delay_s:
                    await asyncio.sleep(delay_s)
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()


async def _serve(host: str, port: int, mode: Mode, delay_s: float) -> None:
    async with ChaosProxy(host, port, mode=mode, delay_s=delay_s) as proxy:
        print(f"{proxy.host}:{proxy.port}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Relay TCP to a service, badly.")
    parser.add_argument("target", help="host:port")
    parser.add_argument("--mode", choices=get_args(Mode), default="pass")
    parser.add_argument("--delay-s", type=float, default=0.0)
    options = parser.parse_args()
    host, _, port = options.target.rpartition(":")
    asyncio.run(_serve(host, int(port), options.mode, options.delay_s))


if __name__ == "__main__":
    main()
