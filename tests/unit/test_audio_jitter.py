"""The jitter buffer: order, bounded waiting, and an end to every hole."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_agent.audio.jitter import CAPACITY, JitterBuffer, Lost, Packet, Released

WAIT_MS = 50


def seqs(released: Released) -> list[int]:
    return [item.seq for item in released if isinstance(item, Packet)]


def put(buffer: JitterBuffer, seq: int, now: float) -> Released:
    return buffer.add(seq % 65_536, seq * 960 % 2**32, str(seq).encode(), now)


def test_packets_in_order_leave_at_once() -> None:
    buffer = JitterBuffer(WAIT_MS)
    for seq in range(5, 100):
        assert seqs(put(buffer, seq, seq * 0.02)) == [seq]
        assert buffer.next_deadline() is None


def test_a_late_packet_fills_its_hole_and_releases_what_waited() -> None:
    buffer = JitterBuffer(WAIT_MS)
    put(buffer, 1, 0.00)
    assert put(buffer, 3, 0.04) == []
    assert seqs(put(buffer, 2, 0.05)) == [2, 3]
    assert buffer.lost == 0


def test_a_hole_is_given_up_after_the_wait_and_names_the_packet_after_it() -> None:
    buffer = JitterBuffer(WAIT_MS)
    put(buffer, 1, 0.00)
    put(buffer, 4, 0.06)
    deadline = buffer.next_deadline()
    assert deadline is not None
    assert deadline == pytest.approx(0.11)
    assert buffer.poll(0.10) == []
    lost, also_lost, packet = buffer.poll(deadline)
    assert lost == Lost(2, None)
    assert also_lost == Lost(3, b"4")
    assert isinstance(packet, Packet)
    assert packet.seq == 4
    assert buffer.next_deadline() is None


def test_losses_and_uneven_arrival_add_a_delay_that_does_not_grow() -> None:
    """Ten minutes with a twentieth lost and 30 ms of jitter: late, at most, by the jitter and one wait."""
    buffer, chance = JitterBuffer(WAIT_MS), random.Random(7)
    minute = 3000
    delays_ms: list[float] = []

    def left(released: Released, now: float) -> None:
        delays_ms.extend((now - seq * 0.02) * 1000 for seq in seqs(released))

    arrivals = [(seq * 0.02 + chance.random() * 0.03, seq) for seq in range(10 * minute) if chance.random() >= 0.05]
    for at, seq in sorted(arrivals):
        while (deadline := buffer.next_deadline()) is not None and deadline <= at:
            left(buffer.poll(deadline), deadline)
        left(put(buffer, seq, at), at)
    first, last = sorted(delays_ms[:minute]), sorted(delays_ms[-minute:])
    assert abs(last[minute // 2] - first[minute // 2]) < 3
    assert max(delays_ms) <= 30 + WAIT_MS
    assert buffer.late == 0


def test_the_second_hole_has_a_wait_of_its_own() -> None:
    buffer = JitterBuffer(WAIT_MS)
    put(buffer, 1, 0.00)
    put(buffer, 3, 0.04)
    put(buffer, 5, 0.08)
    assert seqs(buffer.poll(0.09)) == [3]
    assert buffer.next_deadline() == pytest.approx(0.13)


def test_one_loss_delays_nothing_after_it() -> None:
    buffer = JitterBuffer(WAIT_MS)
    left: dict[int, float] = {}
    for seq in range(500):
        now = seq * 0.02
        if seq == 10:
            continue
        left.update(dict.fromkeys(seqs(put(buffer, seq, now)), now))
    assert [seq for seq, now in left.items() if now > seq * 0.02 + 1e-9] == [11, 12, 13]
    assert buffer.lost == 1


def test_a_duplicate_and_a_late_packet_are_told_apart_and_dropped() -> None:
    buffer = JitterBuffer(WAIT_MS)
    put(buffer, 1, 0.00)
    put(buffer, 3, 0.04)
    assert put(buffer, 3, 0.05) == []
    buffer.poll(0.10)
    assert put(buffer, 3, 0.11) == []
    assert put(buffer, 2, 0.12) == []
    assert (buffer.duplicate, buffer.late, buffer.lost) == (2, 1, 1)


def test_a_pause_in_the_timestamps_is_no_loss() -> None:
    buffer = JitterBuffer(WAIT_MS)
    buffer.add(7, 0, b"a", 0.0)
    assert seqs(buffer.add(8, 480_000, b"b", 10.0)) == [8]
    assert buffer.lost == 0


def test_the_numbers_wrap() -> None:
    buffer = JitterBuffer(WAIT_MS)
    out = []
    for index, seq in enumerate(range(65_530, 65_545)):
        out += seqs(put(buffer, seq, index * 0.02))
    assert out == [seq % 65_536 for seq in range(65_530, 65_545)]


@pytest.mark.parametrize("jump", [1000, 40_000, CAPACITY, 65_536 - 200])
def test_a_jump_is_followed_once_a_second_packet_proves_it(jump: int) -> None:
    buffer = JitterBuffer(WAIT_MS)
    for seq in range(20):
        put(buffer, seq, seq * 0.02)
    assert put(buffer, 20 + jump, 0.4) == []
    assert seqs(put(buffer, 21 + jump, 0.42)) == [(20 + jump) % 65_536, (21 + jump) % 65_536]
    assert buffer.resyncs == 1
    assert seqs(put(buffer, 22 + jump, 0.44)) == [(22 + jump) % 65_536]


def test_one_packet_from_nowhere_changes_nothing() -> None:
    buffer = JitterBuffer(WAIT_MS)
    put(buffer, 1, 0.00)
    assert put(buffer, 30_000, 0.01) == []
    assert seqs(put(buffer, 2, 0.02)) == [2]
    assert put(buffer, 30_001, 0.03) == []
    assert (buffer.resyncs, buffer.late) == (0, 1)


def test_a_restart_a_little_behind_is_noticed_too() -> None:
    buffer = JitterBuffer(WAIT_MS)
    for seq in range(1000, 1050):
        put(buffer, seq, 0.0)
    out = []
    for index in range(30):
        out += seqs(put(buffer, 1010 + index, 1 + index * 0.02))
    assert buffer.resyncs == 1
    assert out[-1] == 1039


class Network:
    """Delivers packet n, sent at n * 20 ms, with loss, duplicates and jitter; polls like a timer would."""

    def __init__(self, seed: int, loss: float, jitter_s: float, duplicates: float, count: int = 600) -> None:
        rng = random.Random(seed)
        self.sent = count
        self.arrivals = sorted(
            (seq * 0.02 + rng.uniform(0, jitter_s), seq)
            for seq in range(count)
            if rng.random() >= loss
            for _ in range(2 if rng.random() < duplicates else 1)
        )
        self.delivered_at: dict[int, float] = {}
        self.order: list[int] = []
        self.held = 0

    def run(self, buffer: JitterBuffer) -> None:
        for at, seq in self.arrivals:
            self._until(buffer, at)
            self._take(put(buffer, seq, at), at)
            self.held = max(self.held, len(buffer._held))
        self._until(buffer, 1e9)

    def _until(self, buffer: JitterBuffer, now: float) -> None:
        while (deadline := buffer.next_deadline()) is not None and deadline <= now:
            self._take(buffer.poll(deadline), deadline)

    def _take(self, released: Released, now: float) -> None:
        for item in released:
            self.order.append(item.seq)
            if isinstance(item, Packet):
                assert item.seq not in self.delivered_at
                assert item.payload == str(item.seq).encode()
                self.delivered_at[item.seq] = now


@settings(max_examples=60, deadline=None)
@given(st.integers(), st.floats(0, 0.5), st.floats(0, 0.15), st.floats(0, 0.3))
def test_whatever_the_network_does_order_holds_and_nothing_waits_long(
    seed: int, loss: float, jitter_s: float, duplicates: float
) -> None:
    network, buffer = Network(seed, loss, jitter_s, duplicates), JitterBuffer(WAIT_MS)
    network.run(buffer)
    arrived: dict[int, float] = {}
    for at, seq in network.arrivals:
        arrived.setdefault(seq, at)
    assert network.order == sorted(network.order)
    assert len(set(network.order)) == len(network.order)
    assert network.held < CAPACITY
    assert all(now - arrived[seq] <= WAIT_MS / 1000 + 1e-9 for seq, now in network.delivered_at.items())
    assert len(network.delivered_at) + buffer.late + buffer.duplicate == len(network.arrivals)


@pytest.mark.parametrize(("loss", "least"), [(0.01, 0.98), (0.05, 0.94), (0.10, 0.89), (0.20, 0.78)])
def test_what_arrives_is_delivered_and_what_does_not_is_reported(loss: float, least: float) -> None:
    network, buffer = Network(4, loss, 0.03, 0.01, count=3000), JitterBuffer(WAIT_MS)
    network.run(buffer)
    assert len(network.delivered_at) / network.sent >= least
    assert len(network.order) / network.sent >= 0.999


def test_delay_never_ratchets() -> None:
    network, buffer = Network(8, 0.1, 0.02, 0, count=3000), JitterBuffer(WAIT_MS)
    network.run(buffer)
    delays = [network.delivered_at[seq] - seq * 0.02 for seq in sorted(network.delivered_at)]
    early, late = sorted(delays[:500]), sorted(delays[-500:])
    assert late[250] <= early[250] + 0.005
    assert max(delays) <= (WAIT_MS + 20) / 1000 + 1e-9
