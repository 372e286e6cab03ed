"""Runs the embedded database in a process of its own, until stdin ends. Started by tests."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from voice_agent.settings import StorageSettings
from voice_agent.storage.embedded import EmbeddedPostgres


async def main(data_dir: Path) -> None:
    async with EmbeddedPostgres(StorageSettings(data_dir=data_dir)):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
