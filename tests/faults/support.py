"""Callers that reach the server over HTTP and a bad network, and the process that serves them. Not a test."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from aiortc import MediaStreamTrack, RTCSessionDescription

from scripts.limits_off import LIMITS_OFF
from scripts.udp_relay import Impairment, UdpRelay, through
from signaling.peer import Peer
from tests.security.caller import LOOPBACK, Caller, TalkingTrack, loopback_settings, until
from voice_agent.hardening import media_stack
from voice_agent.settings import Settings

ROOT = Path(__file__).parents[2]
_START_TIMEOUT_S = 90

takes_minutes = pytest.mark.skipif(
    not os.environ.get("LONG_TESTS"), reason="takes minutes and is not part of `make test`: run `make faults`"
)


# --- the server ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """`tests.faults.target`, running."""

    process: subprocess.Popen[str]
    url: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def client(self) -> ClientSession:
        return ClientSession(self.url, headers=self.headers)


def start_target(folder: Path, *, module: str = "tests.faults.target", **settings: str) -> Target:
    """A server that keeps its database in `folder`; stop it with `stop_target`."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment |= {
        "DATA_DIR": str(folder),
        "DATA_DIR_FALLBACK": str(folder),
        "MEDIA_HOST": LOOPBACK,
        "PYTHONUNBUFFERED": "1",
        # The registry builds these engines and nobody asks them anything.
        "OPENAI_API_KEY": "unused",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "LANGUAGE_MODEL": "scripted",
        "MODERATOR": "wordlist",
        "LOCAL_FALLBACK": "false",
        "LOG_LEVEL": "warning",
        **LIMITS_OFF,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=(folder.parent / f"{folder.name}.log").open("w"),
        text=True,
    )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_TIMEOUT_S)
    words = process.stdout.readline().split() if ready else []
    target = Target(process, *words) if len(words) == 2 else None
    if target is None:
        process.kill()
        raise AssertionError((folder.parent / f"{folder.name}.log").read_text())
    return target


def stop_target(target: Target) -> int:
    """Two signals: no calls are waited for."""
    for _ in range(2):
        if target.process.poll() is None:
            target.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
    try:
        return target.process.wait(30)
    except subprocess.TimeoutExpired:
        target.process.kill()
        target.process.wait()
        raise


def log_of(folder: Path) -> str:
    return (folder.parent / f"{folder.name}.log").read_text()


@contextlib.contextmanager
def running_target(root: Path, **settings: str) -> Iterator[tuple[Target, Path]]:
    folder = root / secrets.token_hex(4)
    target = start_target(folder, **settings)
    try:
        yield target, folder
    finally:
        stop_target(target)


async def probe(client: ClientSession) -> dict[str, Any]:
    async with client.get("/probe") as response:
        report: dict[str, Any] = await response.json()
        return report


async def reset(client: ClientSession) -> None:
    (await client.post("/probe/reset")).raise_for_status()


async def eventually(condition: Callable[[], Awaitable[bool]], timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is asked is in another process
            await asyncio.sleep(0.1)


# --- callers ------------------------------------------------------------------------------------------------------


class RelayedCaller(Caller):
    """A caller in the same process as its peer, with a bad network in between."""

    relay: UdpRelay

    async def dial_through(self, settings: Settings, stack: AsyncExitStack, seed: int) -> None:
        self.peer, self.answer = await Peer.answer(
            await self.offer(), settings=settings, on_closed=self.session.reasons.append
        )
        self.peer.bind(self.session)
        self.relay = await stack.enter_async_context(UdpRelay(self.server_address, seed=seed))
        await self.pc.setRemoteDescription(RTCSessionDescription(through(self.answer, self.relay.address), "answer"))


@contextlib.asynccontextmanager
async def relayed_call(
    impairment: Impairment | None = None,
    *,
    track: MediaStreamTrack | None = None,
    settings: Settings | None = None,
    seed: int = 1,
) -> AsyncIterator[RelayedCaller]:
    """A connected call; the network becomes bad when it is connected."""
    media_stack.apply()
    caller = RelayedCaller(track=track or TalkingTrack())
    async with AsyncExitStack() as stack:
        try:
            await caller.dial_through(settings or loopback_settings(), stack, seed)
            await until(lambda: len(caller.session.frames) >= 5)
            channel = caller.channel
            assert channel is not None
            await until(lambda: channel.readyState == "open")
            caller.relay.impairment = impairment or Impairment()
            yield caller
        finally:
            await caller.hang_up()


class RemoteCaller(Caller):
    """A caller of a server in another process."""

    call_id = ""
    relay: UdpRelay | None = None

    async def call(self, client: ClientSession, stack: AsyncExitStack | None = None, *, model: str = "helpdesk") -> int:
        """Sends the offer and takes the answer, through a relay where there is a stack to own it. The status."""
        headers = {"Content-Type": "application/sdp"}
        async with client.post(
            f"/v1/realtime/calls?model={model}", data=await self.offer(), headers=headers
        ) as response:
            self.answer = await response.text()
            if response.status != 201:
                return response.status
            self.call_id = response.headers["Location"].rsplit("/", 1)[1]
        answer = self.answer
        if stack is not None:
            self.relay = await stack.enter_async_context(UdpRelay(self.server_address))
            answer = through(answer, self.relay.address)
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        return 201

    async def connected(self) -> None:
        await until(lambda: self.pc.connectionState == "connected", 15)
        if self.channel is not None:
            await until(lambda: self.messages, 15)

    async def hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.wait_for(self.pc.close(), 5)


@contextlib.asynccontextmanager
async def bystander(client: ClientSession) -> AsyncIterator[RemoteCaller]:
    """A call that has nothing to do with what goes on. Nothing of what it says may be missing at the end."""
    media_stack.apply()
    track = TalkingTrack()
    caller = RemoteCaller(track=track)
    try:
        assert await caller.call(client) == 201
        await caller.connected()
        await until(lambda: track.sent > 25)
        before, sent_before = (await probe(client))["calls"][caller.call_id], track.sent
        yield caller
        sent = track.sent - sent_before
        await asyncio.sleep(0.1)
        calls = (await probe(client))["calls"]
        assert caller.call_id in calls, "the other call was ended"
        heard = calls[caller.call_id]["decoded"] - before["decoded"]
        assert heard >= 0.98 * sent, f"of {sent} frames that the other caller sent, {heard} were heard"
    finally:
        await caller.hang_up()
