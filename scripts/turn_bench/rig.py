"""Runs one case through a real call: detector, segmenter, listener, turn machine, session and playout, on a clock that
jumps. Only the engines and the network are stubs. No case depends on another or on the time of day."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scripts import autojump
from scripts.stub_engines import FlaggingModerator, MemoryRecorder, MemoryTickets, ScriptedModel
from scripts.turn_bench.corpus import Case, Word
from scripts.turn_bench.engines import Delays, Ear, KnowingTranscriber, SpeakingSynthesizer
from scripts.turn_bench.judgements import judging
from scripts.turn_bench.sounds import room_response
from scripts.turn_bench.voices import RATE_HZ, Samples
from voice_agent.agents.base import Agent, TurnProfile
from voice_agent.audio.batching import BatchedFrames, DetectionBatch
from voice_agent.audio.framing import OpusChunk, PcmChunk
from voice_agent.audio.playout import PacedPlayout
from voice_agent.call.session import CallSession
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import Pcm
from voice_agent.settings import AgentSettings, AudioSettings, EngineSettings, ServerSettings, Settings, TurnSettings

FRAME_MS = 20
ECHO_DB = -20.0
GIVE_UP_MS = 9000
"""Silence after the caller's end at which no answer is expected any more."""
AFTER_OVERLAP_MS = 2500
ANSWER = "Sure, I can help you with that. Let us look at it together, one step at a time."
LECTURE = (
    "First open the settings, then choose printers and scanners. After that, remove the old printer from the list. "
    "Finally add it again, and print a test page to see whether it works now. If it does not, look at the cable "
    "behind the printer, because it comes loose quite often when somebody moves the table."
)
_DRY_SAMPLES_PER_MS = RATE_HZ // 1000


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run varies. Empty mappings are the defaults of the settings."""

    agent: str = "helpdesk"
    min_delay_ms: int | None = None
    max_delay_ms: int | None = None
    delays: Delays = field(default_factory=Delays)
    partials: bool = True
    echo_is_understood: bool = True
    """The transcriber writes the agent's own words down when it hears its echo: the worst case."""
    trusted: bool = False
    """The language model has waited rightly before in this call."""
    turns: Mapping[str, Any] = field(default_factory=dict)
    audio: Mapping[str, Any] = field(default_factory=dict)

    @property
    def profile(self) -> TurnProfile:
        """The agent's patience, by the settings or as it is to be tried."""
        own = AgentSettings(_env_file=None)
        prefix = {"interviewer": "interviewer", "helpdesk": "helpdesk", "language-coach": "language"}[self.agent]
        low = getattr(own, f"{prefix}_min_delay_ms") if self.min_delay_ms is None else self.min_delay_ms
        high = getattr(own, f"{prefix}_max_delay_ms") if self.max_delay_ms is None else self.max_delay_ms
        return TurnProfile(low, high)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, in ms on the case's own time."""

    commits: tuple[tuple[int, str], ...]
    """When the server held a turn to be over, and its words."""
    sounds: tuple[tuple[int, int], ...]
    """(start, end) of the agent's unbroken sound."""
    cancelled: tuple[int, ...]
    """When a reply was given up because the caller spoke."""
    paused: tuple[tuple[int, int], ...]
    """(when the playout was held for speech, audio since its first voiced frame)."""
    asked_again: int
    speculations: int
    """Replies begun, spoken or not."""


def run(case: Case, setup: Setup) -> Outcome:
    """The outcome is the same every time."""
    return autojump.run(_Call(case, setup).outcome())


class _Output(PacedPlayout):
    """Remembers the reply's sound, for its echo."""

    def __init__(self, settings: AudioSettings, clock: Any) -> None:
        super().__init__(settings, clock)
        self.written = bytearray()

    def begin(self, item_id: str) -> None:
        self.written.clear()
        super().begin(item_id)

    def write(self, chunk: PcmChunk | OpusChunk) -> int:
        if isinstance(chunk, Pcm):
            self.written += chunk.data
        return super().write(chunk)


class _Call:
    """The transport of one call, and its caller."""

    speech: SpeechOutput | None

    def __init__(self, case: Case, setup: Setup) -> None:
        self._case = case
        self._setup = setup
        self._ear = Ear(list(case.words), punctuated=case.punctuated)
        self._origin: float | None = None
        self._commits: list[tuple[int, str]] = []
        self._packets: list[int] = []
        self._cancelled: list[int] = []
        self._paused: list[tuple[int, int]] = []
        self._state = ""
        self._asked_again = 0
        self._over = False

    async def outcome(self) -> Outcome:
        case, setup = self._case, self._setup
        loop = asyncio.get_running_loop()
        settings = Settings(
            turns=TurnSettings(_env_file=None, **setup.turns),
            audio=AudioSettings(_env_file=None, **setup.audio),
            engines=EngineSettings(_env_file=None),
            server=ServerSettings(_env_file=None),
        )
        self._output = _Output(settings.audio, loop.time)
        self.speech = self._output
        self._synthesizer = SpeakingSynthesizer(setup.delays)
        model = ScriptedModel(judging(ANSWER, setup.delays))
        self._session = CallSession(
            call_id="rtc_bench",
            agent=Agent(
                name=setup.agent,
                title="",
                summary="",
                instructions="Help.",
                greeting=LECTURE,
                turns=setup.profile,
                scripted=model,
                phrases={"not_heard": "I did not catch that."},
            ),
            engines=Engines(
                KnowingTranscriber(self._ear, setup.delays, partials=setup.partials),
                model,
                self._synthesizer,
                FlaggingModerator((), delay_s=0),
            ),
            transport=self,
            kind="webrtc",
            recorder=MemoryRecorder(),
            tickets=MemoryTickets(),
            settings=settings,
            key_id=None,
            session={"type": "realtime", "audio": {"input": {"transcription": {"model": "knowing"}}}},
            greet=case.over_agent,
            clock=loop.time,
        )
        if setup.trusted:
            self._session.machine.patience.trust.waited_rightly()
        batch = DetectionBatch(settings.audio.batch_ms / 1000)
        self._frames = BatchedFrames(batch, self._session, self._session.audio_in)
        running = asyncio.create_task(self._session.run())
        self._output.play(self._played)
        await asyncio.sleep(0)
        self._session.connected()
        await self._caller()
        self._over = True
        self._session.end("hangup")
        await running
        self._output.stop()
        self._output.close()
        return Outcome(
            tuple(self._commits),
            _merged(self._packets),
            tuple(self._cancelled),
            tuple(self._paused),
            self._asked_again,
            len(model.requests),
        )

    # --- the transport ----------------------------------------------------------------------------------------------

    def send_event(self, event: Mapping[str, Any]) -> None:
        if self._over:
            return
        kind = event["type"]
        if kind == "conversation.item.input_audio_transcription.completed":
            self._commits.append((self._now_ms, event["transcript"]))
        elif kind == "response.output_audio_transcript.done" and "catch that" in event["transcript"]:
            self._asked_again += 1
        elif kind == "conversation.item.truncated":
            self._cancelled.append(self._now_ms)
        elif kind == "agent.state":
            if event["state"] == "paused" != self._state:
                self._paused.append((self._now_ms, round(self._session.listener.since_speech_started_s * 1000)))
            self._state = event["state"]

    async def close(self) -> None:
        pass

    def _played(self, _packet: bytes, _timestamp: int) -> None:
        if self._origin is None:
            self._origin = asyncio.get_running_loop().time()
        self._packets.append(self._now_ms)

    # --- the caller -------------------------------------------------------------------------------------------------

    @property
    def _now_ms(self) -> int:
        if self._origin is None:
            return -1
        return round((asyncio.get_running_loop().time() - self._origin) * 1000)

    async def _caller(self) -> None:
        case = self._case
        loop = asyncio.get_running_loop()
        if case.over_agent:
            began = loop.time()
            while self._origin is None:
                self._frames.frame(bytes(FRAME_MS * 2 * _DRY_SAMPLES_PER_MS))
                await asyncio.sleep(FRAME_MS / 1000)
                if loop.time() - began > GIVE_UP_MS / 1000:
                    raise RuntimeError("the agent does not begin to speak")
        else:
            self._origin = loop.time()
        assert self._origin is not None
        echo = (
            _Echo(case.echo_seed, self._output, self._ear, self._synthesizer.word_ends)
            if case.echo_seed is not None
            else None
        )
        size = FRAME_MS * 2 * _DRY_SAMPLES_PER_MS
        quiet = bytes(size)
        number = 0
        while not self._done(number * FRAME_MS):
            number += 1
            await asyncio.sleep(max(0.0, self._origin + number * FRAME_MS / 1000 - loop.time()))
            frame = case.pcm[(number - 1) * size : number * size].ljust(size, b"\0") or quiet
            if echo is not None:
                frame = echo.mixed(frame, number * FRAME_MS, understood=self._setup.echo_is_understood)
            self._ear.position_ms = number * FRAME_MS
            self._frames.frame(frame)

    def _done(self, now_ms: int) -> bool:
        case = self._case
        if case.over_agent or case.group == "nobody":
            return now_ms >= case.end_ms + AFTER_OVERLAP_MS
        answered = bool(self._packets) and self._packets[-1] >= case.end_ms
        return now_ms >= case.end_ms and (answered or now_ms >= case.end_ms + GIVE_UP_MS)


class _Echo:
    """The agent's sound on its way back: through the room, 20 dB quieter, 60 to 200 ms late."""

    def __init__(self, seed: int, output: _Output, ear: Ear, words: Sequence[tuple[str, float]]) -> None:
        rng = np.random.default_rng([7, seed])
        self._response = room_response(rng)
        self._delay = int(rng.integers(3, 11))
        self._output = output
        self._ear = ear
        self._late: list[bytes] = []
        self._words = words
        self._told = 0
        self._at = 0

    def mixed(self, frame: bytes, now_ms: int, *, understood: bool) -> bytes:
        self._late.append(self._heard_now())
        if understood:
            self._tell(now_ms)
        if len(self._late) <= self._delay:
            return frame
        sound = np.frombuffer(frame, "<i2").astype(np.float64) + np.frombuffer(self._late.pop(0), "<f8")
        return bytes(np.clip(sound, -32768, 32767).astype("<i2").tobytes())

    def _heard_now(self) -> bytes:
        """20 ms of echo (float64) of what left last."""
        end = self._output.position_ms * _DRY_SAMPLES_PER_MS
        samples = FRAME_MS * _DRY_SAMPLES_PER_MS
        moved, self._at = end - self._at, end
        if moved <= 0:
            return np.zeros(samples).tobytes()
        reach = samples + len(self._response)
        before = bytes(self._output.written[max(0, (end - reach) * 2) : end * 2]).rjust(reach * 2, b"\0")
        dry = np.frombuffer(before, "<i2").astype(np.float64)
        heard: Samples = np.convolve(dry, self._response)[:reach][-samples:] * 10 ** (ECHO_DB / 20)
        return heard.tobytes()

    def _tell(self, now_ms: int) -> None:
        """The transcriber may understand each word of the agent's when its echo has come."""
        position = self._output.position_ms
        while self._told < len(self._words) and self._words[self._told][1] <= position:
            word, end = self._words[self._told]
            start = self._words[self._told - 1][1] if self._told else 0.0
            late_ms = now_ms + self._delay * FRAME_MS - position
            self._ear.words.append(Word(word, round(start + late_ms), round(end + late_ms)))
            self._told += 1


def _merged(packets: list[int]) -> tuple[tuple[int, int], ...]:
    """Packets of 20 ms by the time they left -> unbroken stretches."""
    stretches: list[tuple[int, int]] = []
    for at in packets:
        if stretches and at <= stretches[-1][1] + 5:
            stretches[-1] = (stretches[-1][0], at + FRAME_MS)
        else:
            stretches.append((at, at + FRAME_MS))
    return tuple(stretches)
