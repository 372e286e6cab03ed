"""Recorded traffic of a real call, damaged and sent again: by a stranger, from the caller's own address, and inside
the caller's encryption (RTP, RTCP, SCTP).

The recording is made by the test and kept in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from google_crc32c import value as crc32c

from scripts.udp_relay import Direction
from tests.faults.support import RemoteCaller, Target
from tests.fuzz.mutations import damaged_bytes
from tests.fuzz.support import chance, fuzzing, mutants, unhurt
from tests.security.caller import TalkingTrack, until

pytestmark = fuzzing

PACE = 40
"""Datagrams in one go: the socket's buffer must not overflow, or the rest of a run is lost unseen."""


class Recording:
    """What the client sent, by kind: as it was on the wire, and what was inside."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.media: list[bytes] = []
        self.sctp: list[bytes] = []

    def wire(self, direction: Direction, datagram: bytes) -> None:
        if direction == "up" and len(self.datagrams) < 400:
            self.datagrams.append(datagram)

    def listen(self, dtls: Any) -> None:
        """Notes plain RTP, RTCP and SCTP on their way into the caller's encryption."""
        send_rtp, send_data = dtls._send_rtp, dtls._send_data

        async def rtp(data: bytes) -> None:
            if len(self.media) < 400:
                self.media.append(data)
            await send_rtp(data)

        async def sctp(data: bytes) -> None:
            if len(self.sctp) < 400:
                self.sctp.append(data)
            await send_data(data)

        dtls._send_rtp, dtls._send_data = rtp, sctp


@contextlib.asynccontextmanager
async def recorded(client: ClientSession) -> AsyncIterator[tuple[RemoteCaller, Recording]]:
    """A call through a relay that has talked and sent events for a moment."""
    recording = Recording()
    caller = RemoteCaller(track=TalkingTrack())
    async with AsyncExitStack() as stack:
        try:
            recording.listen(caller.dtls)
            assert await caller.call(client, stack) == 201
            assert caller.relay is not None
            caller.relay.tap = recording.wire
            await caller.connected()
            assert caller.channel is not None
            for _ in range(5):
                caller.channel.send('{"type":"input_audio_buffer.clear"}')
            # The first report of the client comes after half a second to one and a half.
            await until(lambda: any(200 <= packet[1] <= 204 for packet in recording.media))
            yield caller, recording
        finally:
            await caller.hang_up()


async def attacks(client: ClientSession) -> AsyncGenerator[tuple[RemoteCaller, Recording], None]:
    """A caller for each damaged datagram: the same one until it has ended their call, which it may, then the next."""
    left = len(mutants(1500))
    while left:
        async with recorded(client) as (caller, recording):
            association: Any = caller.pc.sctp
            while left and caller.pc.connectionState == "connected" and association.state != "closed":
                yield caller, recording
                left -= 1
                if left % PACE == 0:
                    await asyncio.sleep(0.01)


async def test_damaged_datagrams_of_a_stranger(server: tuple[Target, Path]) -> None:
    dice = chance("stranger")
    async with unhurt(*server) as client, recorded(client) as (caller, recording):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for number in mutants(1500):
                datagram = dice.choice(recording.datagrams)
                if number % 10:
                    datagram = damaged_bytes(datagram, dice)
                stranger.sendto(datagram, caller.server_address)
                if number % PACE == 0:
                    await asyncio.sleep(0.01)


async def test_damaged_datagrams_from_the_address_of_the_caller(server: tuple[Target, Path]) -> None:
    dice = chance("caller")
    async with unhurt(*server) as client, aclosing(attacks(client)) as attacked:
        async for caller, recording in attacked:
            assert caller.relay is not None
            caller.relay.inject(damaged_bytes(dice.choice(recording.datagrams), dice))


async def test_damaged_media_and_reports_inside_the_encryption(server: tuple[Target, Path]) -> None:
    dice = chance("media")
    async with unhurt(*server) as client, aclosing(attacks(client)) as attacked:
        async for caller, recording in attacked:
            # libsrtp refuses what has no whole header before it comes to the network.
            with contextlib.suppress(Exception):
                await caller.dtls._send_rtp(damaged_bytes(dice.choice(recording.media), dice))


async def test_damaged_chunks_of_the_data_channel_inside_the_encryption(server: tuple[Target, Path]) -> None:
    dice = chance("sctp")
    async with unhurt(*server) as client, aclosing(attacks(client)) as attacked:
        async for caller, recording in attacked:
            association: Any = caller.pc.sctp
            body = damaged_bytes(dice.choice(recording.sctp)[12:], dice)
            with contextlib.suppress(ConnectionError):
                await association.transport._send_data(_sealed(association, body))


def _sealed(association: Any, body: bytes) -> bytes:
    """An SCTP packet of this association around `body`, with the right checksum: damage must get past both."""
    header = b"\x13\x88\x13\x88" + int(association._remote_verification_tag).to_bytes(4, "big")
    checksum = int(crc32c(header + bytes(4) + body))
    return header + checksum.to_bytes(4, "little") + body
