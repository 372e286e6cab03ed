"""From RTP payloads to an even row of frames, whatever the network does."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.speech import frames, synthesize
from tests.unit.test_audio_opus import encode, similarity
from voice_agent.audio.receiver import FRAME_BYTES, VoiceReceiver
from voice_agent.settings import AudioSettings

TEXT = "I ordered two chairs last week, but only one of them arrived on Monday morning."
SILENT = bytes(FRAME_BYTES)


class Line:
    """A receiver, the frames it gave, and a timer that polls it exactly at its deadlines."""

    def __init__(self, **changes: object) -> None:
        self.heard: list[bytes] = []
        self.receiver = VoiceReceiver(AudioSettings(**changes), self.heard.append)  # type: ignore[arg-type]

    def advance(self, now: float) -> None:
        for _ in range(10_000):
            deadline = self.receiver.next_deadline()
            if deadline is None or deadline > now:
                return
            self.receiver.poll(deadline)
        raise AssertionError("polling at the deadline does not move the deadline")

    def packet(self, seq: int, payload: bytes, now: float, timestamp: int | None = None) -> None:
        self.advance(now)
        self.receiver.packet(seq, seq * 960 if timestamp is None else timestamp, payload, now)

    @property
    def pcm(self) -> bytes:
        assert {len(frame) for frame in self.heard} <= {FRAME_BYTES}
        return b"".join(self.heard)


def arrivals(count: int, *, loss: float, jitter_s: float, seed: int) -> list[tuple[float, int]]:
    """When each of `count` packets, sent every 20 ms, arrives: (time, number), in order of time, without the lost."""
    chance = random.Random(seed)
    came = [(seq * 0.02 + chance.random() * jitter_s, seq) for seq in range(count) if chance.random() >= loss]
    return sorted(came)


def test_every_packet_in_order_becomes_one_frame_at_once() -> None:
    line = Line()
    packets = encode(synthesize(TEXT))
    for seq, packet in enumerate(packets):
        line.packet(seq, packet, seq * 0.02)
        assert len(line.heard) == seq + 1
    assert similarity(line.pcm, synthesize(TEXT)) > 0.95


@pytest.mark.parametrize("config", [29, 31])
def test_packets_of_other_durations_give_the_same_frames(config: int) -> None:
    line = Line()
    # Two frames of the same kind in one packet (code 1): 10 or 40 ms of CELT silence.
    packet = bytes([config << 3 | 1, 0xFF, 0xFE, 0xFF, 0xFE])
    duration_ms = 10 if config == 29 else 40
    for seq in range(20):
        line.packet(seq, packet, seq * duration_ms / 1000, seq * duration_ms * 48)
    assert len(line.pcm) == 20 * duration_ms * 32 // FRAME_BYTES * FRAME_BYTES


@pytest.mark.parametrize(("loss", "least"), [(0.01, 0.98), (0.05, 0.93), (0.10, 0.87), (0.20, 0.75)])
def test_lost_packets_are_delivered_or_concealed(loss: float, least: float) -> None:
    packets = encode(synthesize(TEXT) * 4, mode="voip", loss=loss * 100)
    line, rng = Line(), random.Random(11)
    for seq, packet in enumerate(packets):
        if rng.random() >= loss:
            line.packet(seq, packet, seq * 0.02)
    receiver = line.receiver
    assert (receiver.decoded + receiver.recovered) / len(packets) >= least
    assert receiver.decoded / len(packets) >= 1 - loss * 1.3
    assert abs(len(line.heard) - len(packets)) <= 8
    assert similarity(line.pcm, synthesize(TEXT) * 4) > 0.75


def test_with_a_twentieth_lost_and_uneven_arrival_nearly_every_frame_is_delivered_or_concealed() -> None:
    packets = encode(synthesize(TEXT) * 8, mode="voip", loss=5)
    line = Line()
    for at, seq in arrivals(len(packets), loss=0.05, jitter_s=0.03, seed=5):
        line.packet(seq, packets[seq], at)
    receiver = line.receiver
    assert 0.03 * len(packets) < receiver.recovered < 0.08 * len(packets)
    assert (len(line.heard) - receiver.silence_ms / 20) / len(packets) >= 0.98
    # What is heard is as long as what was said: a tenth of a second, less than what may be under way.
    assert abs(len(line.heard) - len(packets)) <= 5


def test_a_long_hole_fades_to_silence_instead_of_droning() -> None:
    line = Line()
    packets = encode(synthesize(TEXT))
    for seq in range(30):
        line.packet(seq, packets[seq], seq * 0.02)
    for seq in range(60, 70):
        line.packet(seq, packets[seq], seq * 0.02)
    line.advance(1.7)
    assert SILENT in line.heard[30:60]
    assert 70 <= len(line.heard) <= 90


def test_a_hole_found_at_once_is_concealed_for_a_while_and_then_silent() -> None:
    line = Line(conceal_max_ms=100)
    packets = encode(synthesize(TEXT))
    for seq in (*range(30), *range(60, 70)):
        line.packet(seq, packets[seq], 0.0)
    line.receiver.poll(0.05)
    assert len(line.heard) == 70
    # One of the 30 comes from the packet after the hole.
    assert line.receiver.silence_ms == (30 - 5 - 1) * 20


def test_time_passes_at_real_pace_while_no_packet_comes() -> None:
    line = Line()
    line.packet(0, encode(SILENT)[0], 0.0)
    line.advance(0.09)
    assert len(line.heard) == 1
    for tenth in range(1, 31):
        line.advance(tenth / 10)
        # 20 ms of the packet, and then silence by threes.
        assert tenth * 5 - 3 <= len(line.heard) <= tenth * 5 or tenth == 1
    line.receiver.poll(3.0)
    assert len(line.heard) == 1 + 149
    assert line.heard[1:] == [SILENT] * 149


def test_nothing_is_made_up_before_the_first_packet() -> None:
    line = Line()
    line.receiver.poll(100.0)
    assert line.receiver.next_deadline() is None
    assert line.heard == []


def test_a_poll_that_comes_far_too_late_fills_a_bounded_time() -> None:
    line = Line(silence_fill_max_ms=1000)
    line.packet(0, encode(SILENT)[0], 0.0)
    line.receiver.poll(3600.0)
    assert len(line.heard) == 1 + 50
    line.receiver.poll(3600.02)
    assert len(line.heard) == 1 + 51


def test_a_pause_of_the_sender_is_as_long_as_its_timestamps_say() -> None:
    packet = encode(SILENT)[0]
    line = Line()
    line.packet(0, packet, 0.0, timestamp=0)
    line.packet(1, packet, 1.0, timestamp=48_000)
    assert len(line.heard) == 51
    line.packet(2, packet, 1.02, timestamp=48_960)
    assert len(line.heard) == 52


def test_silence_put_in_for_a_stall_is_taken_back_from_the_next_pause() -> None:
    packet = encode(SILENT)[0]
    line = Line()
    line.packet(0, packet, 0.0, timestamp=0)
    for seq in range(1, 16):
        line.packet(seq, packet, 0.32, timestamp=seq * 960)
    surplus = len(line.heard) - 16
    assert surplus > 0
    line.packet(16, packet, 0.34, timestamp=15 * 960 + 48_000)
    assert len(line.heard) == 16 + 49 + 1


def test_a_short_pause_takes_back_its_share_and_a_later_one_the_rest() -> None:
    packet = encode(SILENT)[0]
    line = Line()
    line.packet(0, packet, 0.0, timestamp=0)
    for seq in range(1, 16):
        line.packet(seq, packet, 0.32, timestamp=seq * 960)
    assert len(line.heard) == 16 + 13
    line.packet(16, packet, 0.34, timestamp=26 * 960)
    assert len(line.heard) == 16 + 13 + 1
    line.packet(17, packet, 0.36, timestamp=47 * 960)
    assert len(line.heard) == 48


def test_a_new_clock_of_the_sender_adds_no_silence() -> None:
    packet = encode(SILENT)[0]
    line = Line()
    line.packet(100, packet, 0.0, timestamp=1_000_000)
    for index in range(3):
        line.packet(40_000 + index, packet, 0.02 + index * 0.02, timestamp=5_000 + index * 960)
    assert len(line.heard) == 4
    assert line.receiver.jitter.resyncs == 1


def test_a_peer_that_sends_garbage_is_known_by_when_it_began() -> None:
    line = Line()
    good = encode(synthesize("Hello"))
    line.packet(0, good[0], 0.0)
    assert line.receiver.bad_in_a_row_since is None
    for seq in range(1, 200):
        line.packet(seq, b"\xff\x00garbage", seq * 0.02)
    assert line.receiver.bad_in_a_row_since == pytest.approx(0.02)
    assert line.receiver.undecodable == 199
    assert len(line.heard) == 200
    line.packet(200, good[1], 4.0)
    assert line.receiver.bad_in_a_row_since is None


def test_an_empty_payload_is_ignored() -> None:
    line = Line()
    line.packet(0, b"", 0.0)
    assert (line.receiver.received, line.heard) == (0, [])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.binary(max_size=300), st.floats(0, 0.2)),
        max_size=60,
    )
)
def test_no_packet_whatever_raises_or_floods(stream: list[tuple[int, int, bytes, float]]) -> None:
    line, now = Line(), 0.0
    for seq, timestamp, payload, wait in stream:
        now += wait
        line.packet(seq, payload, now, timestamp)
    line.advance(now + 1)
    # A packet claims at most 120 ms, a hole is below 64 packets, a pause is filled up to the setting.
    assert len(line.pcm) // FRAME_BYTES <= len(stream) * (6 * 64 + 100) + 200


def test_a_receiver_can_be_closed_twice() -> None:
    line = Line()
    line.receiver.close()
    line.receiver.close()


def test_frames_of_a_lossy_line_keep_the_level_of_speech() -> None:
    packets = encode(synthesize(TEXT), loss=10)
    line = Line()
    for seq, packet in enumerate(packets):
        if seq % 10 != 7:
            line.packet(seq, packet, seq * 0.02)
    whole = np.frombuffer(b"".join(frames(synthesize(TEXT))), "<i2").astype(float)
    heard = np.frombuffer(line.pcm, "<i2").astype(float)
    assert np.sqrt(np.mean(heard**2)) > 0.9 * np.sqrt(np.mean(whole**2))
