"""The wall clock jumps, the event loop stalls: the first must not matter, the second must be seen."""

from __future__ import annotations

import asyncio
import functools
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from scripts.udp_relay import Impairment
from tests.faults.support import eventually, probe, relayed_call, running_target
from tests.security.caller import TalkingTrack, loopback_settings, until

DAY_S = 86_400.0


class WallClock:
    """`time.time` for everybody in this process, with an offset that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset_s = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.offset_s)


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S], ids=["a day ahead", "a day back"])
async def test_a_call_does_not_notice_that_the_clock_jumped(monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    clock = WallClock(monkeypatch)
    track = TalkingTrack()
    settings = loopback_settings(connect_timeout_s=2, no_media_timeout_s=2, undecodable_timeout_s=2)
    async with relayed_call(track=track, settings=settings) as call:
        clock.offset_s = jump_s
        sent, decoded = track.sent, call.peer._receiver.decoded
        # Longer than every deadline of the peer, and than the interval of its reports.
        await asyncio.sleep(2.5)
        assert call.session.reasons == []
        assert call.peer._receiver.decoded - decoded >= track.sent - sent - 5
        assert call.channel is not None
        call.channel.send("{}")
        await until(lambda: call.session.events)


async def test_a_jump_while_events_are_under_way_does_not_slow_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time from an event to its acknowledgement sets how soon a lost one is sent again: at most 60 s, if it is
    reckoned to have taken a day."""
    clock = WallClock(monkeypatch)
    async with relayed_call(Impairment(delay_ms=100)) as call:
        call.peer.send_event({"n": 1})
        await asyncio.sleep(0.05)
        assert not call.messages
        clock.offset_s = DAY_S
        await until(lambda: call.messages)
        await asyncio.sleep(0.5)
        association: Any = call.peer._pc.sctp
        assert association._rto < 5


async def figure(client: ClientSession, name: str) -> float:
    """The value of one line of /metrics."""
    async with client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " "))


async def long_stalls(client: ClientSession) -> int:
    """How often the loop was more than 1 s late."""
    shorter = await figure(client, 'voice_eventloop_lag_seconds_bucket{le="1.0"}')
    return int(await figure(client, "voice_eventloop_lag_seconds_count") - shorter)


async def reached(client: ClientSession, wanted: int) -> bool:
    return await long_stalls(client) >= wanted


async def test_a_loop_that_stalls_is_measured_and_the_process_says_that_it_is_not_ready(server_root: Path) -> None:
    with running_target(server_root, MAX_LOOP_LAG_MS="1000") as (target, _):
        async with target.client() as client:
            assert (await (await client.get("/readyz")).json())["checks"]["event_loop"] is True
            before = await long_stalls(client)
            # The loop must come to its timer in between, or the stalls count as one.
            for number in range(2):
                await client.post("/probe/stall?ms=1500")
                await eventually(functools.partial(reached, client, before + number + 1))
            ready = await client.get("/readyz")
            assert ready.status == 503
            body = await ready.json()
            assert body["checks"]["event_loop"] is False
            assert body["checks"]["capacity"] is True
            assert body["loop_lag_p99_ms"] > 1000
            assert (await client.get("/livez")).status == 200
            assert (await probe(client))["lag_p99_ms"] > 1000
