"""Puts RTP packets of one voice stream back in order, waiting as little as speech recognition allows.

Nothing is played from here, so nothing is held to smooth the pace: a packet in order leaves at once, and only a hole
makes later packets wait, at most `wait_ms`. What is still missing then is reported as `Lost` and the rest follows, so
one lost packet never delays anything after it.

    arrives   1  2  4  5 ......... 6        (3 never comes, wait 50 ms)
    leaves    1  2        Lost(3) 4 5  6
                    ^-- 50 ms ---^

Pure: time is an argument, in seconds of any monotonic clock. Not here: what a packet holds (`receiver.py`).
"""

from __future__ import annotations

from typing import NamedTuple

CAPACITY = 64
"""Packets: the furthest that one may be ahead or behind and still belong to the same run of numbers."""
LATE_IN_A_ROW = 16
"""So many late packets with none in time mean that the sender's numbers restarted just behind ours."""

_CYCLE = 1 << 16


class Packet(NamedTuple):
    """One packet in its turn. `timestamp` is RTP's (48 kHz for Opus)."""

    seq: int
    timestamp: int
    payload: bytes


class Lost(NamedTuple):
    """A packet that did not come in time. `next_payload` is the one after it, if that came (for in-band FEC)."""

    seq: int
    next_payload: bytes | None


Released = list[Packet | Lost]


def _distance(seq: int, reference: int) -> int:
    """How far `seq` is ahead of `reference` (negative: behind), over the 16-bit wrap."""
    return (seq - reference + _CYCLE // 2) % _CYCLE - _CYCLE // 2


class JitterBuffer:
    """At most `CAPACITY` packets. Counters: `lost`, `late`, `duplicate`, `resyncs`."""

    __slots__ = (
        "_arrived",
        "_held",
        "_late_run",
        "_next",
        "_seen",
        "_stray",
        "_wait_s",
        "duplicate",
        "late",
        "lost",
        "resyncs",
    )

    def __init__(self, wait_ms: int) -> None:
        self._wait_s = wait_ms / 1000
        self._next: int | None = None
        self._held: dict[int, Packet] = {}
        self._arrived: dict[int, float] = {}
        # Bit n: the packet n + 1 before `_next` was delivered. Tells a duplicate from a late one.
        self._seen = 0
        self._stray: Packet | None = None
        self._late_run = 0
        self.lost = 0
        self.late = 0
        self.duplicate = 0
        self.resyncs = 0

    @property
    def waiting(self) -> bool:
        """Whether there is a hole that may still be filled."""
        return bool(self._held)

    def add(self, seq: int, timestamp: int, payload: bytes, now: float) -> Released:
        """Takes a packet (`seq` 0-65535) and returns what may leave, in order: often just this one."""
        packet = Packet(seq, timestamp, payload)
        if self._next is None:
            self._next = seq
        if seq == self._next and not self._held:
            self._accepted()
            self._advance(delivered=True)
            return [packet]
        ahead = _distance(seq, self._next)
        if not -CAPACITY <= ahead < CAPACITY:
            return self._far(packet, now)
        if ahead < 0:
            return self._behind(packet, ahead)
        if seq in self._held:
            self.duplicate += 1
            return []
        self._accepted()
        self._held[seq] = packet
        self._arrived[seq] = now
        return self.poll(now)

    def poll(self, now: float) -> Released:
        """What may leave by now. Call it at `next_deadline`."""
        released: Released = []
        while self._held and self._next is not None:
            packet = self._held.pop(self._next, None)
            if packet is not None:
                del self._arrived[packet.seq]
                self._advance(delivered=True)
                released.append(packet)
                continue
            if now < self._expiry():
                break
            following = self._held.get((self._next + 1) % _CYCLE)
            released.append(Lost(self._next, following.payload if following else None))
            self.lost += 1
            self._advance(delivered=False)
        return released

    def next_deadline(self) -> float | None:
        """When the present hole is given up; None without one."""
        return self._expiry() if self._held else None

    def _expiry(self) -> float:
        return min(self._arrived.values()) + self._wait_s

    def _accepted(self) -> None:
        self._late_run = 0
        if self._stray is not None:
            self._stray = None
            self.late += 1

    def _advance(self, *, delivered: bool) -> None:
        assert self._next is not None
        self._next = (self._next + 1) % _CYCLE
        self._seen = (self._seen << 1 | delivered) & ((1 << CAPACITY) - 1)

    def _behind(self, packet: Packet, ahead: int) -> Released:
        if self._seen >> (-ahead - 1) & 1:
            self.duplicate += 1
        else:
            self.late += 1
        self._late_run += 1
        if self._late_run < LATE_IN_A_ROW:
            return []
        return self._restart(packet)

    def _far(self, packet: Packet, now: float) -> Released:
        """One packet from nowhere is kept aside; a second one near it proves that the numbers jumped."""
        stray, self._stray = self._stray, packet
        if stray is None:
            return []
        ahead = _distance(packet.seq, stray.seq)
        if ahead == 0 or abs(ahead) >= CAPACITY:
            self.late += 1
            return []
        self._stray = None
        first, second = (stray, packet) if ahead > 0 else (packet, stray)
        return self._restart(first) + self.add(second.seq, second.timestamp, second.payload, now)

    def _restart(self, first: Packet) -> Released:
        """Gives out what was held, in its old order, then goes on from the new numbers."""
        released: Released = sorted(self._held.values(), key=lambda held: _distance(held.seq, self._next or 0))
        self._held.clear()
        self._arrived.clear()
        self._seen = 0
        self.resyncs += 1
        self._accepted()
        self._next = first.seq
        self._advance(delivered=True)
        return [*released, first]
