"""Audio that a client sends inside events: decoded, resampled, and handed on in frames without stalling the loop.

A client may send faster than real time (a file at once). Frames then wait in a bounded queue and are processed a few
at a time; commits and clears wait in the same queue, so that order is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from voice_agent.audio.g711 import decode_pcma, decode_pcmu
from voice_agent.audio.resample import Resampler
from voice_agent.call.metrics import DROPPED_AUDIO
from voice_agent.engines.ports import TRANSCRIPTION_RATE_HZ
from voice_agent.realtime.session_parts import AudioFormat

_FRAME_MS = 20
_FRAME_BYTES = TRANSCRIPTION_RATE_HZ * 2 * _FRAME_MS // 1000
_FRAMES_AT_ONCE = 10
"""Frames processed before other calls get their turn: about 1 ms of work."""


@dataclass(frozen=True, slots=True)
class _Commit:
    act: Callable[[], None]


_Entry = bytes | _Commit | Callable[[], None]


class InputAudio:
    """`frame` takes 20 ms of mono s16le at 16 kHz. Run `run()` in a task."""

    def __init__(self, frame: Callable[[bytes], None], backlog_s: float) -> None:
        self._frame = frame
        self._max_frames = int(backlog_s * 1000 / _FRAME_MS)
        self._queue: deque[_Entry] = deque()
        self._frames_waiting = 0
        self._wake = asyncio.Event()
        self._rest = b""
        self._appended_ms = 0.0
        self._format = AudioFormat()
        self._resampler: Resampler | None = None  # 55 kB, which a caller over WebRTC never needs

    @property
    def uncommitted_ms(self) -> float:
        """Audio appended since the last commit or clear."""
        return self._appended_ms

    def configure(self, audio_format: AudioFormat) -> None:
        if audio_format != self._format:
            self._format = audio_format
            self._resampler = None

    def append(self, data: bytes) -> None:
        """Audio in the session's input format, any length."""
        self._appended_ms += len(data) * 1000 / (self._format.rate_hz * self._format.bytes_per_sample)
        if self._format.kind == "pcmu":
            data = decode_pcmu(data)
        elif self._format.kind == "pcma":
            data = decode_pcma(data)
        if self._resampler is None:
            self._resampler = Resampler(self._format.rate_hz, TRANSCRIPTION_RATE_HZ)
        pcm = self._rest + self._resampler.feed(data)
        whole = len(pcm) - len(pcm) % _FRAME_BYTES
        self._rest = pcm[whole:]
        for start in range(0, whole, _FRAME_BYTES):
            self._queue.append(pcm[start : start + _FRAME_BYTES])
        self._frames_waiting += whole // _FRAME_BYTES
        self._drop_oldest()
        self._wake.set()

    def commit(self, act: Callable[[], None]) -> None:
        """What was appended so far is a turn: runs `act` once all of it was processed."""
        self._appended_ms = 0.0
        self._queue.append(_Commit(act))
        self._wake.set()

    def then(self, act: Callable[[], None]) -> None:
        """Runs `act` once everything before it was processed: at once where nothing waits."""
        if self._queue:
            self._queue.append(act)
            self._wake.set()
        else:
            act()

    def clear(self, act: Callable[[], None]) -> None:
        """Forgets audio behind the last commit that was not processed yet; runs `act` once the rest was."""
        kept: deque[_Entry] = deque()
        committed = False
        for entry in reversed(self._queue):
            committed = committed or isinstance(entry, _Commit)
            if committed or not isinstance(entry, bytes):
                kept.appendleft(entry)
        self._queue = kept
        self._frames_waiting = sum(isinstance(entry, bytes) for entry in kept)
        self._rest = b""
        self._appended_ms = 0.0
        self.then(act)

    def close(self) -> None:
        """Forgets everything: nothing more is processed."""
        self._queue.clear()
        self._frames_waiting = 0

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                for _ in range(min(_FRAMES_AT_ONCE, len(self._queue))):
                    entry = self._queue.popleft()
                    if isinstance(entry, bytes):
                        self._frames_waiting -= 1
                        self._frame(entry)
                    elif isinstance(entry, _Commit):
                        entry.act()
                    else:
                        entry()
                await asyncio.sleep(0)

    def _drop_oldest(self) -> None:
        excess = self._frames_waiting - self._max_frames
        if excess <= 0:
            return
        DROPPED_AUDIO.inc(excess * _FRAME_MS / 1000)
        kept: deque[_Entry] = deque()
        for entry in self._queue:
            if excess and isinstance(entry, bytes):
                excess -= 1
            else:
                kept.append(entry)
        self._queue = kept
        self._frames_waiting = self._max_frames
