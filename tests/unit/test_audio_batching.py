"""Windows of many callers judged together: the verdicts of each alone, in order, and hardly later."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import autojump
from scripts.speech import frames, silence, synthesize
from voice_agent.audio.batching import BatchedFrames, DetectionBatch
from voice_agent.audio.silero import WINDOW_BYTES, SileroModel
from voice_agent.audio.vad import SpeechDetector
from voice_agent.settings import AudioSettings

WAIT_S = 0.004
SENTENCES = ("Hello, I would like to ask.", "No, the second one never arrived.", "Yes.", "It was on a Tuesday.")
SPOKEN = [frames(silence(200 + 70 * at) + synthesize(text) + silence(400)) for at, text in enumerate(SENTENCES)]


class Caller:
    """Feeds its own detector and remembers the verdicts, and when they came."""

    def __init__(self, batch: DetectionBatch, silero: bool = True) -> None:
        self._detector = SpeechDetector(AudioSettings(silero=silero))
        self.detector: SpeechDetector | None = self._detector
        self.frames = BatchedFrames(batch, self, self._heard)
        self.heard: list[bytes] = []
        self.verdicts: list[bool] = []
        self.at: list[float] = []

    def deaf(self) -> None:
        """Nothing is detected from now on."""
        self.detector = None

    def _heard(self, pcm: bytes) -> None:
        self.heard.append(pcm)
        self.at.append(asyncio.get_running_loop().time())
        if self.detector is not None:
            self.verdicts.append(self._detector.feed(pcm))


async def talk_at_once(callers: list[Caller], spoken: list[bytes]) -> None:
    """All say the same, their frames in step."""
    for frame in spoken:
        for caller in callers:
            caller.frames.frame(frame)
        await asyncio.sleep(0.02)


def alone(spoken: list[bytes], silero: bool = True) -> list[bool]:
    return list(map(SpeechDetector(AudioSettings(silero=silero)).feed, spoken))


def first_undecided(spoken: list[bytes]) -> int:
    """The first frame for which the model is asked."""
    detector = SpeechDetector(AudioSettings())
    for number, frame in enumerate(spoken):
        detector.begin(frame)
        if detector.undecided:
            return number
        detector.feed(frame)
    raise AssertionError("nothing is said")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 29), min_size=1), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_streams_in_any_company_are_judged_as_alone(company: list[set[int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    together, by_themselves = ([SileroModel() for _ in range(30)] for _ in range(2))
    for streams in company:
        windows = {at: rng.normal(0, rng.uniform(1, 9000), 512).clip(-32768, 32767) for at in streams}
        asked = [(at, windows[at].astype("<i2").tobytes()) for at in streams]
        found = SileroModel.probabilities([(together[at], window) for at, window in asked])
        assert found == pytest.approx([by_themselves[at].probability(window) for at, window in asked], abs=1e-4)


def test_a_window_of_another_size_is_refused_and_nobody_to_judge_is_no_error() -> None:
    with pytest.raises(ValueError, match="512"):
        SileroModel.probabilities([(SileroModel(), bytes(WINDOW_BYTES)), (SileroModel(), bytes(10))])
    assert SileroModel.probabilities([]) == []


@pytest.mark.parametrize("silero", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_callers_who_talk_across_one_another_get_their_own_verdicts_in_order(seed: int, silero: bool) -> None:
    """Frames come at random moments, also several at once."""

    async def run() -> None:
        chance = random.Random(seed)
        batch = DetectionBatch(WAIT_S)
        callers = [Caller(batch, silero) for _ in SPOKEN]
        sent: list[list[float]] = [[] for _ in SPOKEN]

        async def talk(number: int) -> None:
            left = list(SPOKEN[number])
            while left:
                for _ in range(chance.choice((1, 1, 1, 3, 8))):
                    if left:
                        sent[number].append(asyncio.get_running_loop().time())
                        callers[number].frames.frame(left.pop(0))
                await asyncio.sleep(chance.choice((0.0, 0.001, 0.02, 0.1)))

        await asyncio.gather(*map(talk, range(len(SPOKEN))))
        await asyncio.sleep(2 * WAIT_S)
        for caller, spoken, sent_at in zip(callers, SPOKEN, sent, strict=True):
            assert caller.heard == spoken
            assert caller.verdicts == alone(spoken, silero)
            late = np.subtract(caller.at, sent_at)
            assert late.min() >= 0
            assert late.max() <= (WAIT_S + 1e-6 if silero else 0)

    autojump.run(run())


def test_only_a_frame_that_the_model_must_judge_waits() -> None:
    async def run() -> None:
        caller = Caller(DetectionBatch(WAIT_S))
        number = first_undecided(SPOKEN[0])
        for frame in SPOKEN[0][: number + 2]:
            caller.frames.frame(frame)
        assert len(caller.heard) == number
        await asyncio.sleep(WAIT_S)
        assert len(caller.heard) == number + 2

    autojump.run(run())


def test_windows_that_come_together_go_through_the_network_together(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    judge = SileroModel.probabilities

    def counted(asked: list[tuple[SileroModel, bytes]]) -> list[float]:
        sizes.append(len(asked))
        return judge(asked)

    monkeypatch.setattr(SileroModel, "probabilities", staticmethod(counted))

    async def run() -> None:
        batch = DetectionBatch(WAIT_S)
        callers = [Caller(batch) for _ in range(20)]
        await talk_at_once(callers, SPOKEN[0])
        assert all(caller.verdicts == callers[0].verdicts for caller in callers)

    autojump.run(run())
    assert set(sizes) == {20}


def test_a_batch_that_fails_leaves_nobody_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, batches, failures = SileroModel.probabilities, list[int](), list[object]()

    def failing_once(asked: list[tuple[SileroModel, bytes]]) -> list[float]:
        batches.append(len(asked))
        if len(batches) == 1:
            raise MemoryError
        return judge(asked)

    monkeypatch.setattr(SileroModel, "probabilities", staticmethod(failing_once))

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        batch = DetectionBatch(WAIT_S)
        callers = [Caller(batch) for _ in range(3)]
        await talk_at_once(callers, SPOKEN[0])
        assert (batches[0], len(failures)) == (3, 1)
        assert all(caller.heard == SPOKEN[0] and any(caller.verdicts) for caller in callers)

    autojump.run(run())


def test_a_call_that_stops_detecting_gets_its_waiting_frames_nevertheless() -> None:
    async def run() -> None:
        batch = DetectionBatch(WAIT_S)
        caller, other = Caller(batch), Caller(batch)
        for frame in SPOKEN[0][: first_undecided(SPOKEN[0]) + 2]:
            caller.frames.frame(frame)
            other.frames.frame(frame)
        caller.deaf()
        await asyncio.sleep(WAIT_S)
        caller.frames.frame(b"one more")
        assert caller.heard == [*other.heard, b"one more"]

    autojump.run(run())


def test_a_frame_that_was_begun_is_not_heard_twice_and_another_may_come_between() -> None:
    begun, plain = SpeechDetector(AudioSettings()), SpeechDetector(AudioSettings())
    for number, frame in enumerate(SPOKEN[1]):
        if number % 3:
            begun.begin(frame)
        assert begun.feed(frame) == plain.feed(frame)
    begun.begin(SPOKEN[1][0])
    other = SPOKEN[1][40]
    begun.feed(other)
    assert not begun.undecided
