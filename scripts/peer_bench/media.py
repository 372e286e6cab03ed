"""What the media of a call cost: callers who talk without a pause to an agent who does the same."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import psutil
from aiohttp import ClientError, ClientSession, ClientTimeout

from scripts.load.rtc import Microphones, RtcCaller
from scripts.load.signal import Signal, UnreachableError
from scripts.load.voice import Utterance
from scripts.peer_bench.environments import UnavailableError
from scripts.peer_bench.processes import cpu_s

PACKETS_PER_S = 50
_SETTLE_S = 3.0
_LEAST_HEARD = 0.9
_OFFER_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class MediaCost:
    """Of one server. A call-second has 50 packets each way."""

    calls: int
    seconds: float
    cpu_s_per_call_s: float
    busy: float
    """Share of its core that the server used, 0-1: near 1 it was saturated and the cost is too low."""
    received_per_s: float
    """Packets that a caller heard, per second."""
    generator_behind_ms: float
    """How far the load client ever fell behind its own pace."""

    @property
    def us_per_packet(self) -> float:
        """CPU for one packet in and one out."""
        return self.cpu_s_per_call_s / PACKETS_PER_S * 1e6

    @property
    def calls_per_core(self) -> float:
        """Where the core is full, if cost stays in proportion."""
        return 1 / self.cpu_s_per_call_s


def offers(http: ClientSession, url: str) -> Signal:
    """`POST /offer` of the servers in `scripts/peers`."""

    async def signal(offer: str) -> str:
        try:
            async with http.post(f"{url}/offer", data=offer, timeout=ClientTimeout(_OFFER_TIMEOUT_S)) as response:
                response.raise_for_status()
                return await response.text()
        except (ClientError, TimeoutError) as error:
            raise UnreachableError(f"{type(error).__name__} at {url}") from error

    return signal


@contextlib.asynccontextmanager
async def talking(caller: RtcCaller, utterance: Utterance) -> AsyncIterator[None]:
    """Speaks over and over; hangs up in the end."""

    async def talk() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await caller.say(utterance)

    task = asyncio.create_task(talk())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await caller.hang_up()


async def media_cost(
    url: str, process: psutil.Process, *, calls: int, seconds: float, utterance: Utterance
) -> MediaCost:
    """Raises UnavailableError when calls fail, or when less than nine tenths of the agent's packets arrive."""
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        microphones = await stack.enter_async_context(Microphones())
        callers: list[RtcCaller] = []
        for _ in range(calls):
            caller = RtcCaller(microphones)
            stack.push_async_callback(caller.hang_up)
            try:
                await caller.call(offers(http, url))
            except UnreachableError as error:
                raise UnavailableError(f"call {len(callers) + 1} of {calls}: {error}") from error
            await stack.enter_async_context(talking(caller, utterance))
            callers.append(caller)
        await asyncio.sleep(_SETTLE_S)
        microphones.slipped_s = 0.0
        loop = asyncio.get_running_loop()
        began, used, heard = loop.time(), cpu_s(process), received(callers)
        await asyncio.sleep(seconds)
        took, used, heard = loop.time() - began, cpu_s(process) - used, received(callers) - heard
        slipped = microphones.slipped_s
    rate = heard / calls / took
    if rate < _LEAST_HEARD * PACKETS_PER_S:
        raise UnavailableError(f"callers heard {rate:.1f} packets a second instead of {PACKETS_PER_S}")
    return MediaCost(calls, took, used / took / calls, used / took, rate, slipped * 1000)


def received(callers: list[RtcCaller]) -> int:
    return sum(caller.traffic.received for caller in callers)
