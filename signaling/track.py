"""The track by which synthesized speech leaves: packets that are already Opus, when the playout says so.

aiortc sends what `recv` returns as it comes, without encoding it, and sends nothing while `recv` waits: silence costs
nothing. Pace, encoding and timestamps are the playout's.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Protocol

import av
from aiortc import MediaStreamTrack

_TIME_BASE = Fraction(1, 48_000)


class PacketSource(Protocol):
    """Where the packets come from."""

    async def next_packet(self) -> tuple[bytes, int]:
        """Waits until the next Opus packet is due and returns it with its timestamp in 1/48000 s."""
        ...


class SpeechTrack(MediaStreamTrack):
    """Audio to the caller. Its `recv` raises what the source raises; cancelling it is how the sender stops it."""

    kind = "audio"

    def __init__(self, source: PacketSource) -> None:
        super().__init__()
        self._source = source

    async def recv(self) -> av.Packet[Any]:
        payload, timestamp = await self._source.next_packet()
        packet: av.Packet[Any] = av.Packet(payload)
        packet.pts = timestamp
        packet.time_base = _TIME_BASE
        return packet
