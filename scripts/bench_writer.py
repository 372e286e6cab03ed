"""Turns per second through the writer, on an embedded database of its own, against one INSERT and commit per turn.

`python -m scripts.bench_writer [--turns 5000]`

Read the ratio rather than the rates: both depend on the disk, as every commit waits for it.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from voice_agent.records import CallStarted, Turn, TurnMetrics
from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.rows import store
from voice_agent.storage.writer import Writer

SENTENCE = "I moved the printer to the other desk, and since then it prints only half of each page."
METRICS = TurnMetrics(eou_ms=250, stt_ms=120, moderation_ms=80, ttft_ms=310, ttfb_ms=140, e2e_ms=700, engine="stub")


def turns(call_id: str, count: int) -> list[Turn]:
    return [
        Turn(call_id, seq, "user", "voice", SENTENCE, SENTENCE, seq * 100, seq * 100 + 90, metrics=METRICS)
        for seq in range(count)
    ]


async def main(data_dir: Path, count: int) -> None:
    settings = StorageSettings(data_dir=data_dir, writer_queue_rows=count + 1)
    async with Database(settings) as database:
        key_id, _ = await KeyStore(database, settings).create("bench")
        start = datetime.now(UTC)
        async with Writer(database, settings) as writer:
            begun = time.perf_counter()
            writer.call_started(CallStarted("batched", "bench", "console", key_id, start))
            for turn in turns("batched", count):
                writer.turn(turn)
            recorded = time.perf_counter()
            await writer.flush(timeout_s=600)
            stored = time.perf_counter()
        few = max(1, count // 20)
        async with database.connection() as connection:
            await store(connection, [CallStarted("single", "bench", "console", key_id, start)])
        single_begun = time.perf_counter()
        for turn in turns("single", few):
            async with database.connection() as connection:
                await store(connection, [turn])
        single = few / (time.perf_counter() - single_begun)
    batched = count / (stored - begun)
    print(f"recording        {(recorded - begun) / count * 1e6:8.1f} µs per turn, on the event loop")
    print(f"writer           {batched:8.0f} turns/s")
    print(f"one by one       {single:8.0f} turns/s")
    print(f"ratio            {batched / single:8.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5000)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-writer-"))
    folder.chmod(0o711)
    try:
        asyncio.run(main(folder / "data", arguments.turns))
    finally:
        shutil.rmtree(folder)
