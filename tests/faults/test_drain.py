"""SIGTERM during WebRTC calls: no new ones, the running ones finish or hear a goodbye, and the process ends with 0.

The same by WebSocket, against `voice-agent serve` with its local voice: `tests/integration/test_signaling_serve.py`.
"""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

from aiohttp import ClientSession

from tests.faults.support import RemoteCaller, Target, eventually, log_of, probe, running_target
from tests.security.caller import TalkingTrack, until


async def connected(client: ClientSession) -> RemoteCaller:
    caller = RemoteCaller(track=TalkingTrack())
    assert await caller.call(client) == 201
    await caller.connected()
    return caller


async def exit_code(target: Target) -> int:
    return await asyncio.wait_for(asyncio.to_thread(target.process.wait), 30)


async def test_a_call_may_finish_while_new_ones_are_refused(server_root: Path) -> None:
    with running_target(server_root, DRAIN_TIMEOUT_S="60") as (target, folder):
        async with target.client() as client:
            caller = await connected(client)
            try:
                assert (await client.get("/readyz")).status == 200
                target.process.send_signal(signal.SIGTERM)

                async def draining() -> bool:
                    return (await client.get("/readyz")).status == 503

                await eventually(draining)
                late = RemoteCaller(track=None)
                assert await late.call(client) == 503
                assert json.loads(late.answer)["error"]["code"] == "draining"
                await late.hang_up()
                heard = (await probe(client))["calls"][caller.call_id]["decoded"]
                await asyncio.sleep(0.5)
                assert (await probe(client))["calls"][caller.call_id]["decoded"] > heard
                assert target.process.poll() is None
            finally:
                await caller.hang_up()
        assert await exit_code(target) == 0
        assert "Traceback" not in log_of(folder)


async def test_a_call_that_does_not_finish_hears_a_goodbye(server_root: Path) -> None:
    with running_target(server_root, DRAIN_TIMEOUT_S="0.5") as (target, folder):
        async with target.client() as client:
            caller = await connected(client)
            try:
                heard = caller.heard
                target.process.send_signal(signal.SIGTERM)
                await until(lambda: any('"agent.ended"' in message for message in caller.messages), 20)
                ended = json.loads(next(message for message in caller.messages if '"agent.ended"' in message))
                assert ended["reason"] == "shutdown"
                assert caller.heard > heard + 10
            finally:
                await caller.hang_up()
        assert await exit_code(target) == 0
        assert "Traceback" not in log_of(folder)
