"""The agent's speech leaves on time, stops at once, and the ledger of what left is right."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.speech import synthesize
from tests.unit.test_audio_opus import encode, similarity
from voice_agent.audio.framing import opus_rate
from voice_agent.audio.opus import Decoder
from voice_agent.audio.pacing import PlayoutQueue
from voice_agent.audio.playout import PacedPlayout
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.ports import OpusPackets, Pcm
from voice_agent.settings import AudioSettings

TEXT = "Thank you. I will look into that for you now."


def tone(ms: int, rate_hz: int = 24_000) -> Pcm:
    time = np.arange(ms * rate_hz // 1000) / rate_hz
    return Pcm((9000 * np.sin(2 * np.pi * 440 * time)).astype("<i2").tobytes(), rate_hz)


@dataclass(frozen=True)
class Sent:
    packet: bytes
    at: float
    pts: int


class Speaker:
    """A queue with a clock that stands still until told, and everything that left."""

    def __init__(self, **changes: object) -> None:
        self.now = 100.0
        self.queue = PlayoutQueue(AudioSettings(**changes), self.now)  # type: ignore[arg-type]
        self.sent: list[Sent] = []
        self.calls: list[str] = []
        self.queue.on_started = lambda: self.calls.append("started")
        self.queue.on_drained = lambda: self.calls.append("drained")

    def say(self, *chunks: Pcm | OpusPackets) -> int:
        return sum(self.queue.write(chunk, self.now) for chunk in chunks)

    def run(self, seconds: float) -> list[Sent]:
        """Lets time pass, waking exactly when the queue asks for it; returns what left meanwhile."""
        end, first = self.now + seconds, len(self.sent)
        while (due := self.queue.next_due()) is not None and due <= end:
            self.now = max(self.now, due)
            self.wake()
        self.now = end
        return self.sent[first:]

    def wake(self) -> bool:
        packet = self.queue.due(self.now)
        if packet is not None:
            self.sent.append(Sent(packet[0], self.now, packet[1]))
        return packet is not None


def decoded(sent: list[Sent]) -> bytes:
    decoder = Decoder()
    return b"".join(decoder.decode(each.packet) for each in sent)


def loudness(sent: list[Sent]) -> list[float]:
    samples = np.frombuffer(decoded(sent), "<i2").astype(float).reshape(-1, 320)
    return [float(value) for value in np.sqrt(np.mean(samples**2, axis=1))]


def test_it_is_the_speech_output_a_call_asks_for() -> None:
    async def check() -> SpeechOutput:
        return PacedPlayout(AudioSettings())

    assert asyncio.run(check()).position_ms == 0


def test_a_packet_leaves_every_20_ms_and_timestamps_follow() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    assert speaker.say(tone(1000)) == 1000
    sent = speaker.run(2.0)
    assert len(sent) == 50
    assert [each.at - 100 for each in sent] == pytest.approx([index * 0.02 for index in range(50)])
    assert [each.pts for each in sent] == [index * 960 for index in range(50)]
    assert speaker.queue.position_ms == 1000


def test_the_speech_that_leaves_is_the_speech_that_was_written() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    pcm = synthesize(TEXT, 24_000)
    for at in range(0, len(pcm), 3331):
        speaker.say(Pcm(pcm[at : at + 3331], 24_000))
    speaker.queue.end(speaker.now)
    assert similarity(decoded(speaker.run(10)), synthesize(TEXT)) > 0.95
    assert speaker.queue.position_ms == len(pcm) // 48


def test_the_first_sound_leaves_as_soon_as_20_ms_exist() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(19))
    assert speaker.run(0.5) == []
    speaker.say(Pcm(bytes(48), 24_000))
    assert [each.at for each in speaker.run(0.001)] == [pytest.approx(100.5)]


def test_a_rest_is_filled_up_only_at_the_end() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(50))
    assert len(speaker.run(1)) == 2
    speaker.queue.end(speaker.now)
    assert len(speaker.run(1)) == 1
    assert speaker.queue.position_ms == 50


def test_a_synthesizers_odd_rate_is_spoken_at_the_next_opus_rate() -> None:
    assert [opus_rate(rate) for rate in (8000, 11_025, 16_000, 22_050, 44_100, 96_000)] == [
        8000, 12_000, 16_000, 24_000, 48_000, 48_000,
    ]  # fmt: skip
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    assert speaker.say(Pcm(synthesize(TEXT, 22_050), 22_050)) == pytest.approx(len(synthesize(TEXT)) / 32, abs=1)
    speaker.queue.end(speaker.now)
    assert similarity(decoded(speaker.run(10)), synthesize(TEXT)) > 0.95


def test_finished_packets_pass_through_untouched_at_their_own_pace() -> None:
    packets = tuple(encode(synthesize(TEXT))[:5])
    sixty = bytes([19 << 3 | 3, 3, 0, 0, 0])
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    assert speaker.say(OpusPackets((*packets, sixty, packets[0]))) == 180
    sent = speaker.run(1)
    assert [each.packet for each in sent] == [*packets, sixty, packets[0]]
    assert [each.pts for each in sent] == [0, 960, 1920, 2880, 3840, 4800, 7680]
    assert sent[-1].at - sent[-2].at == pytest.approx(0.06)


def test_a_providers_broken_packet_is_left_out_and_counted() -> None:
    good = encode(synthesize(TEXT))[3]
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    assert speaker.say(OpusPackets((good, b"", bytes([0xFF]), good))) == 40
    assert len(speaker.run(1)) == 2
    assert speaker.queue.malformed == 2


def test_pcm_and_packets_mix_in_one_reply_in_order() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    packets = tuple(encode(synthesize(TEXT))[:3])
    assert speaker.say(tone(30), OpusPackets(packets), tone(40, 16_000), tone(20, 48_000)) == 150
    speaker.queue.end(speaker.now)
    sent = speaker.run(1)
    assert len(sent) == 2 + 3 + 2 + 1
    assert tuple(each.packet for each in sent[2:5]) == packets


def test_started_and_drained_are_told_once_and_at_the_right_time() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(100))
    assert speaker.calls == []
    speaker.run(0.05)
    assert speaker.calls == ["started"]
    speaker.queue.end(speaker.now)
    speaker.run(0.04)
    assert speaker.calls == ["started"]
    speaker.run(1)
    assert speaker.calls == ["started", "drained"]


def test_a_reply_without_sound_is_drained_without_having_started() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.queue.end(speaker.now)
    speaker.run(0.1)
    assert speaker.calls == ["drained"]


def test_silence_sends_nothing_and_timestamps_go_on_with_the_clock() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(20))
    speaker.run(5)
    speaker.say(tone(20))
    speaker.run(1)
    first, second = speaker.sent
    assert second.at - first.at == pytest.approx(5)
    assert second.pts - first.pts == 5 * 48_000


def test_speech_that_comes_in_time_continues_without_a_seam() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    for _ in range(50):
        speaker.say(tone(20))
        speaker.run(0.02)
    assert [each.pts for each in speaker.sent] == [index * 960 for index in range(50)]


def test_a_late_wake_up_is_caught_up_but_a_stall_is_not_answered_with_a_burst() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(2000))
    speaker.run(0.1)
    speaker.now += 0.05
    speaker.run(0.1)
    assert [each.pts for each in speaker.sent] == [index * 960 for index in range(len(speaker.sent))]
    before = len(speaker.sent)
    speaker.now += 3.0
    assert speaker.wake()
    assert not speaker.wake()
    assert speaker.sent[before].pts - speaker.sent[before - 1].pts > 2.9 * 48_000


def test_pause_is_silent_within_a_packet_and_resume_loses_nothing() -> None:
    speaker, straight = Speaker(), Speaker()
    for each in (speaker, straight):
        each.queue.begin(each.now)
        each.say(tone(600))
        each.run(0.21)
    speaker.queue.pause(speaker.now)
    position = speaker.queue.position_ms
    faded = speaker.run(2)
    assert len(faded) == 1
    assert faded[0].at - 100 <= 0.22 + 1e-9
    assert speaker.queue.position_ms == position
    levels = loudness(speaker.sent)
    assert levels[-1] < 0.75 * levels[-2]
    speaker.queue.resume(speaker.now)
    rest = speaker.run(2)
    assert len(speaker.sent) == 31
    assert rest[0].at == pytest.approx(102.21)
    assert speaker.queue.position_ms == 600
    assert len(straight.sent) + len(straight.run(2)) == 30


def test_sound_begins_and_resumes_with_a_fade_in() -> None:
    speaker = Speaker(fade_ms=20)
    speaker.queue.begin(speaker.now)
    speaker.say(tone(600))
    speaker.run(0.21)
    speaker.queue.pause(speaker.now)
    speaker.run(1)
    speaker.queue.resume(speaker.now)
    speaker.run(1)
    levels = loudness(speaker.sent)
    assert levels[0] < 0.8 * levels[5]
    assert levels[12] < 0.8 * levels[20]


def test_the_faded_packet_ends_in_silence_without_a_click() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(600, 48_000))
    speaker.run(0.21)
    speaker.queue.clear(speaker.now)
    speaker.run(0.1)
    decoder = Decoder(48_000)
    samples = np.frombuffer(b"".join(decoder.decode(each.packet) for each in speaker.sent), "<i2").astype(int)
    steady = np.max(np.abs(np.diff(samples[2000:9000])))
    assert np.max(np.abs(np.diff(samples[9600:]))) <= 1.3 * steady
    assert np.max(np.abs(samples[-240:])) < 200


def test_a_pause_taken_back_before_it_was_heard_leaves_no_trace() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(400))
    speaker.run(0.1)
    speaker.queue.pause(speaker.now)
    speaker.queue.resume(speaker.now)
    speaker.run(1)
    assert len(speaker.sent) == 20
    assert min(loudness(speaker.sent)[2:]) > 3000


def test_clear_forgets_the_reply_and_the_next_one_starts_at_zero() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(5000))
    speaker.run(0.21)
    speaker.queue.clear(speaker.now)
    assert len(speaker.run(1)) == 1
    assert (speaker.queue.queued_ms, speaker.calls) == (0, ["started"])
    speaker.queue.begin(speaker.now)
    assert speaker.queue.position_ms == 0
    speaker.say(tone(40))
    speaker.queue.end(speaker.now)
    speaker.run(1)
    assert speaker.queue.position_ms == 40
    assert speaker.calls == ["started", "started", "drained"]


def test_clearing_what_was_paused_or_never_sounded_sends_nothing_more() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(tone(500))
    speaker.queue.clear(speaker.now)
    assert speaker.run(1) == []
    speaker.queue.begin(speaker.now)
    speaker.say(tone(500))
    speaker.run(0.1)
    speaker.queue.pause(speaker.now)
    speaker.run(1)
    speaker.queue.clear(speaker.now)
    assert speaker.run(1) == []
    speaker.say(tone(20))
    assert len(speaker.run(1)) == 1


def test_a_passed_through_stream_is_cut_by_a_packet_of_silence() -> None:
    speaker = Speaker()
    speaker.queue.begin(speaker.now)
    speaker.say(OpusPackets(tuple(encode(tone(1000, 16_000).data))))
    speaker.run(0.21)
    speaker.queue.pause(speaker.now)
    assert len(speaker.run(1)) == 1
    assert loudness(speaker.sent)[-1] < 0.5 * loudness(speaker.sent)[-2]


def test_lossy_links_get_packets_with_copies_and_good_ones_the_cheap_encoder() -> None:
    speaker = Speaker(loss_for_fec_percent=2)
    modes = []
    for percent in (0, 1.9, 2, 1.5, 1.0, 0.9, 0):
        speaker.queue.set_loss(percent)
        modes.append(speaker.queue.mode)
    assert modes == ["celt", "celt", "voip", "voip", "voip", "celt", "celt"]
    speaker.queue.begin(speaker.now)
    speaker.say(tone(200))
    speaker.run(0.1)
    speaker.queue.set_loss(10)
    speaker.run(0.04)
    speaker.queue.set_loss(20)
    speaker.run(1)
    configurations = [each.packet[0] >> 3 for each in speaker.sent]
    assert min(configurations[:5]) >= 16
    # The very first frame of an encoder may still be CELT.
    assert max(configurations[6:]) < 16


def test_a_writer_that_never_waits_is_stopped() -> None:
    speaker = Speaker(playout_max_s=2)
    speaker.queue.begin(speaker.now)
    for _ in range(5):
        speaker.say(tone(1000))
    with pytest.raises(BufferError):
        speaker.say(tone(1000))
    assert speaker.queue.queued_ms == 5000


STEP = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 120)),
    st.tuples(st.just("packets"), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.integers(1, 150)),
    st.tuples(st.sampled_from(["begin", "end", "pause", "resume", "clear"]), st.just(0)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_whatever_the_call_does_packets_keep_their_pace(steps: list[tuple[str, int]]) -> None:
    speaker = Speaker()
    silent = tuple(encode(bytes(640 * 5)))
    for name, amount in steps:
        if name == "write":
            speaker.say(tone(amount))
        elif name == "packets":
            speaker.say(OpusPackets(silent[:amount]))
        elif name == "wait":
            speaker.run(amount / 1000)
        else:
            getattr(speaker.queue, name)(speaker.now)
    speaker.queue.resume(speaker.now)
    speaker.run(20)
    assert speaker.queue.queued_ms == 0
    for before, after in zip(speaker.sent, speaker.sent[1:], strict=False):
        assert after.at - before.at >= 0.02 - 0.002
        assert after.pts - before.pts >= 960
        assert (after.pts - before.pts) / 48_000 == pytest.approx(after.at - before.at, abs=0.002)


# --- the waiting half ---------------------------------------------------------------------------------------------


async def test_speech_is_sent_by_itself_from_the_moment_it_is_written() -> None:
    playout, sent = PacedPlayout(AudioSettings()), asyncio.Queue[tuple[bytes, int]]()
    playout.play(lambda packet, pts: sent.put_nowait((packet, pts)))
    await asyncio.sleep(0.01)
    assert sent.empty()
    playout.begin("item_1")
    playout.write(tone(60))
    assert sent.empty()
    packet, pts = await asyncio.wait_for(sent.get(), 5)
    assert len(packet) > 2
    next_packet, next_pts = await asyncio.wait_for(sent.get(), 5)
    assert next_pts - pts == 960
    assert next_packet != packet
    playout.stop()
    playout.close()


async def test_nothing_is_sent_before_play_and_after_stop() -> None:
    playout, sent = PacedPlayout(AudioSettings()), list[int]()
    playout.begin("item_1")
    playout.write(tone(500))
    await asyncio.sleep(0.05)
    playout.play(lambda _, pts: sent.append(pts))
    playout.stop()
    playout.stop()
    playout.write(tone(500))
    await asyncio.sleep(0.05)
    assert not sent
    assert playout.position_ms == 0


async def test_a_pause_in_silence_is_followed_by_speech_again() -> None:
    playout, sent = PacedPlayout(AudioSettings()), asyncio.Queue[int]()
    playout.play(lambda _, pts: sent.put_nowait(pts))
    for _ in range(3):
        playout.begin("item_1")
        playout.write(tone(40))
        await asyncio.wait_for(sent.get(), 5)
        await asyncio.wait_for(sent.get(), 5)
        await asyncio.sleep(0.05)
    playout.stop()


async def test_one_packet_that_cannot_be_sent_does_not_hold_back_the_others() -> None:
    playout, tried, drained = PacedPlayout(AudioSettings()), list[int](), asyncio.Event()
    failures = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

    def send(_: bytes, pts: int) -> None:
        tried.append(pts)
        if len(tried) == 1:
            raise ValueError("too long")

    playout.on_drained = drained.set
    playout.play(send)
    playout.begin("item_1")
    playout.write(tone(60))
    playout.end()
    await asyncio.wait_for(drained.wait(), 5)
    assert (len(tried), len(failures)) == (3, 1)
    playout.stop()


async def test_drained_is_told_when_the_last_packet_is_over() -> None:
    playout, drained = PacedPlayout(AudioSettings()), asyncio.Event()
    playout.on_drained = drained.set
    playout.play(lambda _packet, _pts: None)
    playout.begin("item_1")
    playout.write(tone(40))
    playout.end()
    assert not drained.is_set()
    await asyncio.wait_for(drained.wait(), 5)
    assert playout.position_ms == 40
    playout.stop()


async def test_room_is_awaited_until_speech_has_left_or_was_dropped() -> None:
    now = 0.0
    playout = PacedPlayout(AudioSettings(playout_max_s=2), lambda: now)
    playout.begin("item_1")
    await asyncio.wait_for(playout.room(), 5)
    playout.write(tone(2000))
    writer = asyncio.ensure_future(playout.room())
    await asyncio.sleep(0)
    assert not writer.done()
    playout.play(lambda _packet, _pts: None)
    await asyncio.wait_for(writer, 5)
    playout.write(tone(100))
    writer = asyncio.ensure_future(playout.room())
    await asyncio.sleep(0)
    assert not writer.done()
    playout.clear()
    await asyncio.wait_for(writer, 5)
    playout.stop()
