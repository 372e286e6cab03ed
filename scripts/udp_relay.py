"""A bad network for tests: a UDP relay that loses, delays, reorders and withholds datagrams.

    client  <-->  relay.address | relay | a socket of the relay's own  <-->  server

For one client. The kernel's own tool for this (netem) is often not there and needs root. What is lost is decided by a
seeded generator, so a run can be repeated. From a shell:

    python -m scripts.udp_relay 127.0.0.1:50000 --loss 0.05 --jitter-ms 60

It does not look into what it passes on.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Address = tuple[str, int]
Direction = Literal["up", "down"]
"""up: from the client to the server."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """What happens to each datagram, independently of the others and in both directions."""

    loss: float = 0.0
    """Share that is lost, 0-1."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Further delay, uniform between 0 and this."""
    reorder: float = 0.0
    """Share that is overtaken by what follows within `reorder_ms`, 0-1."""
    reorder_ms: float = 30.0

    def delay_s(self, chance: random.Random) -> float | None:
        """The delay of the next datagram; None if it is lost."""
        if chance.random() < self.loss:
            return None
        late = self.reorder_ms if chance.random() < self.reorder else 0.0
        return (self.delay_ms + chance.random() * self.jitter_ms + late) / 1000


def through(answer: str, relay: Address) -> str:
    """An SDP answer with the relay's address in the place of the server's."""
    host, port = relay
    return re.sub(r"^(a=candidate:(?:\S+ ){4})\S+ \d+", rf"\g<1>{host} {port}", answer, flags=re.MULTILINE)


class UdpRelay:
    """An async context. `impairment` and `blackout` may be changed at any time and hold from the next datagram on.

    `tap(direction, datagram)` sees everything that arrives, before it is impaired. Counters: `passed`, `lost`.
    """

    def __init__(self, server: Address, *, impairment: Impairment | None = None, seed: int = 1) -> None:
        self.impairment = impairment or Impairment()
        self.blackout = False
        self.passed = 0
        self.lost = 0
        self.tap: Callable[[Direction, bytes], None] | None = None
        self._server = server
        self._chance = random.Random(seed)
        self._client: Address | None = None
        self._down: asyncio.DatagramTransport | None = None
        self._up: asyncio.DatagramTransport | None = None
        self._timers: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._down, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self._from_client), local_addr=("127.0.0.1", 0)
        )
        await self.rebind()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        for transport in (self._down, self._up):
            if transport is not None:
                transport.abort()
        # A transport frees its socket in the next turn of the loop.
        await asyncio.sleep(0)

    @property
    def address(self) -> Address:
        """Where the client sends to."""
        assert self._down is not None
        host, port = self._down.get_extra_info("sockname")[:2]
        return str(host), int(port)

    async def rebind(self) -> None:
        """From now on the server sees another address, as when a NAT forgets its mapping."""
        old = self._up
        self._up, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Side(self._from_server), remote_addr=self._server
        )
        if old is not None:
            old.abort()

    def inject(self, datagram: bytes) -> None:
        """Sends to the server from the client's address as the server knows it."""
        if self._up is not None and not self._up.is_closing():
            self._up.sendto(datagram)

    def _from_client(self, datagram: bytes, source: Address) -> None:
        self._client = source
        self._pass("up", datagram)

    def _from_server(self, datagram: bytes, _source: Address) -> None:
        self._pass("down", datagram)

    def _pass(self, direction: Direction, datagram: bytes) -> None:
        if self.tap is not None:
            self.tap(direction, datagram)
        delay_s = None if self.blackout else self.impairment.delay_s(self._chance)
        if delay_s is None:
            self.lost += 1
        elif delay_s == 0:
            self._send(direction, datagram)
        else:
            self._send_later(delay_s, direction, datagram)

    def _send_later(self, delay_s: float, direction: Direction, datagram: bytes) -> None:
        def due() -> None:
            self._timers.discard(timer)
            self._send(direction, datagram)

        timer = asyncio.get_running_loop().call_later(delay_s, due)
        self._timers.add(timer)

    def _send(self, direction: Direction, datagram: bytes) -> None:
        self.passed += 1
        if direction == "up":
            self.inject(datagram)
        elif self._client is not None and self._down is not None and not self._down.is_closing():
            self._down.sendto(datagram, self._client)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._received(data, (str(addr[0]), addr[1]))

    def error_received(self, exc: Exception) -> None:
        """A closed port on the other side: the datagram is lost, as on any network."""


async def _serve(server: Address, impairment: Impairment, seed: int) -> None:
    async with UdpRelay(server, impairment=impairment, seed=seed) as relay:
        print(f"{relay.address[0]}:{relay.address[1]}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="Relay UDP between one client and a server, badly.")
    parser.add_argument("server", help="host:port")
    parser.add_argument("--seed", type=int, default=1)
    for name in ("loss", "delay-ms", "jitter-ms", "reorder"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    options = parser.parse_args()
    host, _, port = options.server.rpartition(":")
    impairment = Impairment(options.loss, options.delay_ms, options.jitter_ms, options.reorder)
    asyncio.run(_serve((host, int(port)), impairment, options.seed))


if __name__ == "__main__":
    main()
