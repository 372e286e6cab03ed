"""Records turns of calls until it is killed, and says which of them are acknowledged. Not a test.

python -m tests.faults.recording record NAME     prints "ready", then "CALL SEQ" for every acknowledgement
python -m tests.faults.recording drain           ends when all that was left behind is stored
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from datetime import UTC, datetime

from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.writer import Writer

KEY_ID = "key_recording"
CALLS_AT_ONCE = 3
TURNS = 25


def words(call_id: str, seq: int) -> str:
    """What is said in this turn, and in no other."""
    return f"turn {seq} of {call_id}, " + "and so on " * (seq % 7)


def say(line: str) -> None:
    """Into the pipe at once, where it survives us."""
    os.write(1, line.encode() + b"\n")


async def call(writer: Writer, call_id: str, chance: random.Random) -> None:
    writer.call_started(CallStarted(call_id, "helpdesk", "webrtc", KEY_ID, datetime.now(UTC)))
    said = -1
    for seq in range(TURNS):
        text = words(call_id, seq)
        writer.turn(Turn(call_id, seq, "user", "voice", text, text, seq, seq + 1))
        await asyncio.sleep(chance.random() * 0.01)
        said = report(writer, call_id, said)
    while said < TURNS - 1:
        await asyncio.sleep(0.002)
        said = report(writer, call_id, said)
    writer.call_ended(CallEnded(call_id, datetime.now(UTC), "hangup"))


def report(writer: Writer, call_id: str, said: int) -> int:
    """Says what has been acknowledged since."""
    reached = writer.acknowledged(call_id)
    if reached > said:
        say(f"{call_id} {reached}")
    return reached


async def record(writer: Writer, name: str) -> None:
    async def talk(line: int) -> None:
        number = 0
        while True:
            await call(writer, f"{name}-{line}-{number}", random.Random(f"{name}-{line}-{number}"))
            number += 1

    say("ready")
    async with asyncio.TaskGroup() as lines:
        for line in range(CALLS_AT_ONCE):
            lines.create_task(talk(line))


async def main(arguments: list[str]) -> None:
    settings = StorageSettings(
        writer_flush_ms=10,
        writer_timeout_s=0.3,
        writer_retry_max_s=0.2,
        writer_close_timeout_s=60,
        outbox_segment_bytes=8 * 1024,
        outbox_adopt_s=1,
    )
    async with Database(settings) as database:
        async with database.connection() as connection:
            await connection.execute(
                "INSERT INTO api_keys (id, name, prefix, sha256) VALUES ($1, 'test', '', $2) ON CONFLICT DO NOTHING",
                KEY_ID,
                bytes(32),
            )
        async with Writer(database, settings) as writer:
            if arguments[0] == "record":
                await record(writer, arguments[1])
            await writer.flush(timeout_s=60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
