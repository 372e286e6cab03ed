"""Recorded traffic of a real call, damaged and sent again: by a stranger, from the caller's own address, and inside
the caller's encryption (RTP, RTCP, SCTP).

The recording is made by the test and kept in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
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
    """Such a caller may well end their own call; others must not notice, so calls are made anew as they end."""
    dice = chance("caller")
    count = len(mutants(1500))
    sent = 0
    async with unhurt(*server) as client:
        while sent < count:
            async with recorded(client) as (caller, recording):
                assert caller.relay is not None
                while sent < count and caller.pc.connectionState == "connected":
                    caller.relay.inject(damaged_bytes(dice.choice(recording.datagrams), dice))
                    sent += 1
                    if sent % PACE == 0:
                        await asyncio.sleep(0.01)


async def test_damaged_media_and_reports_inside_the_encryption(server: tuple[Target, Path]) -> None:
    dice = chance("media")
    count = len(mutants(1500))
    sent = 0
    async with unhurt(*server) as client:
        while sent < count:
            async with recorded(client) as (caller, recording):
                while sent < count and caller.pc.connectionState == "connected":
                    packet = damaged_bytes(dice.choice(recording.media), dice)
                    sent += 1
                    # libsrtp refuses what has no whole header before it comes to the network.
                    with contextlib.suppress(Exception):
                        await caller.dtls._send_rtp(packet)
                    if sent % PACE == 0:
                        await asyncio.sleep(0.01)


async def test_damaged_chunks_of_the_data_channel_inside_the_encryption(server: tuple[Target, Path]) -> None:
    dice = chance("sctp")
    count = len(mutants(1500))
    sent = 0
    async with unhurt(*server) as client:
        while sent < count:
            async with recorded(client) as (caller, recording):
                association: Any = caller.pc.sctp
                while sent < count and caller.pc.connectionState == "connected":
                    body = damaged_bytes(dice.choice(recording.sctp)[12:], dice)
                    sent += 1
                    with contextlib.suppress(ConnectionError):
                        await association.transport._send_data(_sealed(association, body))
                    if sent % PACE == 0:
                        await asyncio.sleep(0.01)
                    if association.state == "closed":
                        break


def _sealed(association: Any, body: bytes) -> bytes:
    """An SCTP packet of this association around `body`, with the right checksum: damage must get past both."""
    header = b"\x13\x88\x13\x88" + int(association._remote_verification_tag).to_bytes(4, "big")
    checksum = int(crc32c(header + bytes(4) + body))
    return header + checksum.to_bytes(4, "little") + body
