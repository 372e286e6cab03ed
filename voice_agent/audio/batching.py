"""Has Silero judge the windows of many callers at once, which costs half of what they would one after the other.

    caller 1   frame -----------------+
    caller 2        frame ------------+-- one batch --> each caller's frames, judged, in their order
    caller 3                   frame -+
               |<------ wait_s ------>|

A frame that needs no window passes at once, unless one of the same caller waits before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from voice_agent.audio.vad import SpeechDetector, confirm


class Hearer(Protocol):
    @property
    def detector(self) -> SpeechDetector | None:
        """What will be fed the next frame; None where nothing will."""


class DetectionBatch:
    """Of all callers of an event loop. The first that waits does so for `wait_s`; whoever comes meanwhile is served
    with it."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._waiting: list[BatchedFrames] = []

    def add(self, frames: BatchedFrames) -> None:
        """`frames` cannot go on before the model has judged a window."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(self._wait_s, self._judge)
        self._waiting.append(frames)

    def _judge(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            while waiting:
                confirm([undecided for frames in waiting if (undecided := frames.undecided) is not None])
                waiting = [frames for frames in waiting if frames.go_on()]
        finally:
            # Where that raised: kept, they would stay deaf for ever.
            for frames in waiting:
                frames.pass_on()


class BatchedFrames:
    """Of one caller. `on_frame` gets every frame in its order, when the hearer's detector needs no window for it.

    `on_frame` must not raise: other callers come after this one.
    """

    __slots__ = ("_batch", "_frames", "_hearer", "_on_frame")

    def __init__(self, batch: DetectionBatch, hearer: Hearer, on_frame: Callable[[bytes], None]) -> None:
        self._batch = batch
        self._hearer = hearer
        self._on_frame = on_frame
        self._frames: list[bytes] = []

    def frame(self, pcm20: bytes) -> None:
        """20 ms, 16 kHz, mono s16le."""
        self._frames.append(pcm20)
        if len(self._frames) == 1:
            self._begin()
            if self.go_on():
                self._batch.add(self)

    @property
    def undecided(self) -> SpeechDetector | None:
        """The detector, where it needs a window for the first frame."""
        detector = self._hearer.detector
        return detector if detector is not None and detector.undecided else None

    def go_on(self) -> bool:
        """Passes on what needs no window; whether a frame is left that does."""
        while self._frames and self.undecided is None:
            self._on_frame(self._frames.pop(0))
            self._begin()
        return bool(self._frames)

    def pass_on(self) -> None:
        """Passes on all that waits: what needs a window is judged alone, by the detector that is fed it."""
        waiting, self._frames = self._frames, []
        for pcm20 in waiting:
            self._on_frame(pcm20)

    def _begin(self) -> None:
        if self._frames and (detector := self._hearer.detector) is not None:
            detector.begin(self._frames[0])
