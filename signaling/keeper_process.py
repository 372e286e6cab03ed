"""The process that runs the embedded database: `python -m signaling.keeper_process`, started by `keeper.py`.

By its stdin it is told the settings, in one line of JSON, and that it must end: by the end of the stream, which comes
with the server's death too. On stdout it says once, in one line, whether the database answers. It never sees audio or
words, and none of the server's keys.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

from signaling.logs import setup_logging
from voice_agent.hardening import process
from voice_agent.settings import ServerSettings, StorageSettings
from voice_agent.storage.embedded import EmbeddedPostgres
from voice_agent.storage.errors import StorageError

_MAX_START_BYTES = 1024 * 1024


async def keep(settings: StorageSettings, orders: asyncio.StreamReader) -> int:
    try:
        async with EmbeddedPostgres(settings):
            _say(None)
            await orders.read()
    except StorageError as error:
        _say(str(error))
        return 1
    return 0


def _say(failure: str | None) -> None:
    try:
        print(json.dumps({"failure": failure}), flush=True)  # noqa: T201 - the protocol
    except BrokenPipeError:
        sys.stdout = None  # the server is gone, and its end of stdin tells the rest; nothing is left to be flushed


async def main() -> int:
    orders = asyncio.StreamReader(limit=_MAX_START_BYTES)
    protocol = asyncio.StreamReaderProtocol(orders)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    line = await orders.readline()
    if not line:
        return 1
    start: dict[str, Any] = json.loads(line)
    setup_logging(ServerSettings(**start["log"]))
    return await keep(StorageSettings(**start["storage"]), orders)


if __name__ == "__main__":
    # The server alone decides when the database ends: calls drain first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process.seal_memory()
    sys.exit(asyncio.run(main()))
