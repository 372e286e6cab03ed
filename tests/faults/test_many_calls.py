"""Call after call, by WebSocket and WebRTC, ended in every way that calls end: nothing of them stays.

Descriptors, threads and tasks must come back to what they were; memory may grow by less than 50 kB a call.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientSession, WSMsgType

from tests.faults.support import RemoteCaller, Target, eventually, log_of, probe, reset, running_target, takes_minutes
from tests.security.caller import TalkingTrack, until
from voice_agent.hardening import media_stack

SETTINGS = {
    "MAX_CALLS": "200",
    "CONNECT_TIMEOUT_S": "2",
    "NO_MEDIA_TIMEOUT_S": "2",
    "CLOSE_TIMEOUT_S": "2",
    "LOG_LEVEL": "warning",
}
AT_ONCE = 6
BATCH = 100
BYTES_PER_CALL = 50_000
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


async def by_websocket(client: ClientSession, ending: int) -> None:
    async with client.ws_connect("/v1/realtime?model=helpdesk") as socket:

        async def until_event(kind: str) -> None:
            async with asyncio.timeout(20):
                while True:
                    message = await socket.receive()
                    assert message.type is WSMsgType.TEXT
                    if message.json()["type"] == kind:
                        return

        await until_event("session.created")
        await socket.send_json({"type": "conversation.item.create", "item": HELLO})
        await socket.send_json({"type": "response.create"})
        if ending == 0:
            await until_event("response.done")
        elif ending == 1:
            await until_event("response.created")
        elif ending == 2:
            await until_event("response.output_audio.delta")
            response: Any = socket._response
            response.connection.transport.abort()


async def by_webrtc(client: ClientSession, ending: int) -> None:
    """Hangs up, is hung up, vanishes, breaks off while it connects, or never does."""
    media_stack.apply()
    caller = RemoteCaller(track=TalkingTrack())
    try:
        if ending == 4:
            async with client.post(
                "/v1/realtime/calls", data=await caller.offer(), headers={"Content-Type": "application/sdp"}
            ) as response:
                assert response.status == 201
            return
        assert await caller.call(client) == 201
        if ending == 3:
            return
        await caller.connected()
        channel = caller.channel
        assert channel is not None
        channel.send('{"type":"response.create"}')
        await until(lambda: any("response.created" in message for message in caller.messages), 20)
        if ending == 1:
            (await client.post(f"/v1/realtime/calls/{caller.call_id}/hangup")).raise_for_status()
        elif ending == 2:
            await caller.vanish()
    finally:
        await caller.hang_up()


async def calls(client: ClientSession, count: int, dice: random.Random) -> None:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, ending: int) -> None:
        async with room:
            if number % 2:
                await by_websocket(client, ending % 4)
            else:
                await by_webrtc(client, ending)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number, dice.randrange(5)))


async def at_rest(client: ClientSession, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the process holds when the last call has ended, which must be as much as before."""

    async def quiet() -> bool:
        now = await probe(client)
        if base is None:
            return bool(now["seats"] == 0)
        # Connections to the database come and go by two.
        return now["seats"] == 0 and all(now[name] <= base[name] + 2 for name in ("tasks", "threads", "fds"))

    try:
        await eventually(quiet, 30)
    except TimeoutError:
        pytest.fail(f"left behind: before {base}, after {await probe(client)}")
    await reset(client)
    return await probe(client)


def no_trouble(folder: Path) -> None:
    log = log_of(folder)
    assert "Traceback" not in log, log[-5000:]
    assert "never retrieved" not in log, log[-5000:]


async def run(target: Target, folder: Path, batches: int, size: int) -> list[dict[str, Any]]:
    dice = random.Random(7)
    reports = []
    async with target.client() as client:
        await calls(client, size, dice)
        base = await at_rest(client)
        for _ in range(batches):
            await calls(client, size, dice)
            reports.append(await at_rest(client, base))
    no_trouble(folder)
    return reports


async def test_calls_leave_no_descriptors_threads_or_tasks(server_root: Path) -> None:
    with running_target(server_root, **SETTINGS) as (target, folder):
        await run(target, folder, batches=1, size=20)


@takes_minutes
@pytest.mark.timeout(1800)
async def test_a_thousand_calls_leave_nothing(server_root: Path) -> None:
    with running_target(server_root, **SETTINGS) as (target, folder):
        reports = await run(target, folder, batches=10, size=BATCH)
    # The first batches still fill caches, pools and the allocator's arenas.
    resident = [report["rss"] for report in reports][2:]
    slope = float(np.polyfit(range(len(resident)), resident, 1)[0]) / BATCH
    print(f"memory: {slope / 1000:.1f} kB per call; {[value // 1_000_000 for value in resident]} MB")
    assert slope < BYTES_PER_CALL
