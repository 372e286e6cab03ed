"""A whole call without a network: a real session, real speech detection and real playout, on a clock that jumps.

    async with Rig(replies=["Is it plugged in?"]) as call:
        await call.says("my printer is offline")
        await call.until_quiet()
        assert call.caller_heard == ["Is it plugged in?"]

The engines are scripted through their ports; delays are chosen. Speech is synthesized, so the detector hears speech.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Self

from scripts.speech import frames, silence, synthesize
from voice_agent.agents.base import Agent, Tool, TurnProfile
from voice_agent.audio.playout import PacedPlayout
from voice_agent.briefing import Briefing
from voice_agent.call.session import CallSession
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import (
    AudioChunk,
    EngineError,
    Finished,
    Pcm,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    TextDelta,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
    Usage,
    Verdict,
)
from voice_agent.records import CallEnded, CallStarted, NewTicket, Save, Turn
from voice_agent.settings import AudioSettings, EngineSettings, ServerSettings, Settings, TurnSettings

FRAME_S = 0.02
RATE_HZ = 16_000
MS_PER_CHARACTER = 60
PHRASES = {
    "bridge": "Sorry, one moment.",
    "filler": "Let me think.",
    "refusal": "I cannot help with that.",
    "idle": "Are you still there?",
    "goodbye": "Goodbye.",
    "not_heard": "I did not catch that.",
    "apology": "Sorry, that did not work.",
}


class ScriptedTranscriber:
    """Hears what the test says was said: the next text per utterance, final after a delay."""

    name = "scripted"
    partials = True

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.saying: list[str] = []
        self.fails = False
        self.options: list[TranscriptionOptions] = []

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        self.options.append(options)
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TranscriptionStream]:
        yield _Stream(self)

    async def aclose(self) -> None:
        pass


class _Stream:
    def __init__(self, owner: ScriptedTranscriber) -> None:
        self._owner = owner
        self._committed = asyncio.Event()
        self.heard = 0

    def push(self, pcm: bytes) -> None:
        self.heard += len(pcm)

    def commit(self) -> None:
        self._committed.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        await self._committed.wait()
        await asyncio.sleep(self._owner.delay_s)
        if self._owner.fails:
            raise EngineError("scripted failure", code="cut", retryable=True)
        yield Transcript(self._owner.saying.pop(0) if self._owner.saying else "", True)


Script = Callable[[ReplyRequest], Sequence[ReplyEvent | float | EngineError]]
"""What the model does: events, waits in seconds, an error."""


class ScriptedModel:
    name = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[ReplyRequest] = []
        self.closed_early = 0

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        self.requests.append(request)
        finished = False
        try:
            for step in self.script(request):
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, EngineError):
                    raise step
                else:
                    yield step
            finished = True
        finally:
            self.closed_early += not finished

    async def aclose(self) -> None:
        pass


class ToneSynthesizer:
    """Audible and of known length: `MS_PER_CHARACTER` for every character."""

    name = "tone"

    def __init__(self, first_byte_s: float) -> None:
        self.first_byte_s = first_byte_s
        self.spoken: list[str] = []
        self.options: list[SpeechOptions] = []
        self.fails = False

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        self.spoken.append(text)
        self.options.append(options)
        await asyncio.sleep(self.first_byte_s)
        if self.fails:
            raise EngineError("scripted failure", code="cut", retryable=True)
        tone = (b"\x00\x20" * 8 + b"\x00\xe0" * 8) * (RATE_HZ // 50 // 16)
        for _ in range(len(text) * MS_PER_CHARACTER // 20):
            yield Pcm(tone, RATE_HZ)

    async def aclose(self) -> None:
        pass


class FlaggingModerator:
    name = "flagging"

    def __init__(self, words: Sequence[str], delay_s: float = 0.02) -> None:
        self.words = words
        self.delay_s = delay_s
        self.checked: list[str] = []

    async def check(self, text: str) -> Verdict:
        self.checked.append(text)
        await asyncio.sleep(self.delay_s)
        flagged = any(word in text.lower() for word in self.words)
        return Verdict(flagged, ("violence",) if flagged else ())

    async def aclose(self) -> None:
        pass


class MemoryRecorder:
    def __init__(self) -> None:
        self.started: list[CallStarted] = []
        self.turns: list[Turn] = []
        self.ended: list[CallEnded] = []

    def call_started(self, record: CallStarted) -> None:
        self.started.append(record)

    def turn(self, record: Turn) -> None:
        self.turns.append(record)

    def call_ended(self, record: CallEnded) -> None:
        self.ended.append(record)


class MemoryTickets:
    def __init__(self) -> None:
        self.tickets: list[NewTicket] = []

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        self.tickets.append(ticket)
        return 1000 + len(self.tickets)


class RigTransport:
    """Keeps every event; plays speech at real pace on the loop's clock."""

    def __init__(self, settings: AudioSettings, *, audible: bool = True) -> None:
        self.events: list[dict[str, Any]] = []
        self.playout = PacedPlayout(settings, asyncio.get_running_loop().time)
        self.speech: SpeechOutput | None = self.playout if audible else None
        self.sent_at: list[float] = []

    def send_event(self, event: Mapping[str, object]) -> None:
        self.events.append(json.loads(json.dumps(event)))

    async def close(self) -> None:
        self.playout.close()

    def play(self) -> None:
        self.playout.play(lambda _packet, _timestamp: self.sent_at.append(asyncio.get_running_loop().time()))


def answering(*texts: str, first_token_s: float = 0.15, tokens_per_s: float = 30.0) -> Script:
    """Answers in turn, token by token; the last answer is repeated."""
    replies = list(texts)

    def script(_: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        text = replies.pop(0) if len(replies) > 1 else replies[0]
        steps: list[ReplyEvent | float | EngineError] = [first_token_s]
        for number, word in enumerate(text.split(" ")):
            steps += [TextDelta(word if number == 0 else " " + word), 1 / tokens_per_s]
        return [*steps, Usage(50, len(text.split(" "))), Finished("stop")]

    return script


def agent(**changes: Any) -> Agent:
    values: dict[str, Any] = {
        "name": "helpdesk",
        "title": "Helpdesk",
        "summary": "Helps.",
        "instructions": "Help.",
        "greeting": "Hello, how can I help?",
        "turns": TurnProfile(250, 2000),
        "scripted": ScriptedModel(answering("unused")),
        "phrases": PHRASES,
    }
    return Agent(**(values | changes))


PATIENT = agent(turns=TurnProfile(600, 2000))
"""An agent that leaves room for what happens between the final words and the end of the turn."""


class Rig:
    """One call; use as an async context manager inside `autojump.run`."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        replies: Sequence[str] = ("All right.",),
        kind: Any = "webrtc",
        the_agent: Agent | None = None,
        tools: Sequence[Tool] = (),
        greet: bool = False,
        session: Mapping[str, object] | None = None,
        audible: bool = True,
        transcription_s: float = 0.1,
        transcriber: ScriptedTranscriber | None = None,
        first_byte_s: float = 0.08,
        flagged: Sequence[str] = ("forbidden",),
        turns: TurnSettings | None = None,
        max_call_s: float = 3600,
        key_id: str | None = "key_1",
        save: Save = "auto",
        briefing: Briefing | None = None,
        moderator: Callable[[FlaggingModerator], FlaggingModerator] = lambda inner: inner,
        recorder: MemoryRecorder | None = None,
    ) -> None:
        self.model = ScriptedModel(script or answering(*replies))
        self.transcriber = transcriber or ScriptedTranscriber(transcription_s)
        self.synthesizer = ToneSynthesizer(first_byte_s)
        self.moderator = moderator(FlaggingModerator(flagged))
        self.recorder = recorder or MemoryRecorder()
        self.tickets = MemoryTickets()
        self.reason = ""
        settings = Settings(
            turns=turns or TurnSettings(_env_file=None),
            audio=AudioSettings(_env_file=None),
            engines=EngineSettings(_env_file=None),
            server=ServerSettings(_env_file=None, max_call_s=max_call_s),
        )
        self.transport = self.make_transport(settings.audio, audible)
        self.session = CallSession(
            call_id="rtc_test",
            agent=the_agent or agent(tools=tuple(tools)),
            engines=Engines(self.transcriber, self.model, self.synthesizer, self.moderator),
            transport=self.transport,
            kind=kind,
            recorder=self.recorder,
            tickets=self.tickets,
            settings=settings,
            key_id=key_id,
            session=session,
            greet=greet,
            save=save,
            briefing=briefing or Briefing(),
            clock=asyncio.get_running_loop().time,
        )
        self._speaking: asyncio.Task[None]
        self._frames: list[bytes] = []

    def make_transport(self, settings: AudioSettings, audible: bool) -> RigTransport:
        """Another rig may carry the call otherwise."""
        return RigTransport(settings, audible=audible)

    async def __aenter__(self) -> Self:
        self._run = asyncio.create_task(self.session.run())
        self.transport.play()
        self._speaking = asyncio.create_task(self._microphone())
        await asyncio.sleep(0)
        self.session.connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.session.end("hangup")
        self.reason = await asyncio.wait_for(self._run, 30)
        self.mute()
        await asyncio.gather(self._speaking, return_exceptions=True)
        await self.transport.close()
        leftover = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        assert not leftover, f"the call left tasks behind: {leftover}"

    def mute(self) -> None:
        """The microphone is taken away."""
        self._speaking.cancel()

    async def _microphone(self) -> None:
        """A packet every 20 ms: speech while there is some, else silence."""
        quiet = silence(20)
        while True:
            self.session.audio_in(self._frames.pop(0) if self._frames else quiet)
            await asyncio.sleep(FRAME_S)

    async def says(self, text: str, *, heard_as: str | None = None, seconds: float | None = None) -> None:
        """Speaks, and returns when the last sound was sent. `seconds` cuts or repeats it to a length."""
        self.transcriber.saying.append(text if heard_as is None else heard_as)
        voiced = frames(synthesize(text or "hello there"))
        while voiced and not any(voiced[-1]):
            voiced.pop()
        if seconds is not None:
            count = round(seconds / FRAME_S)
            voiced = (voiced * (count // len(voiced) + 1))[:count]
        self._frames += voiced
        await asyncio.sleep(len(self._frames) * FRAME_S)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def until(self, kind: str, *, within: float = 30.0, **fields: object) -> dict[str, Any]:
        """The next event of this type (after those already awaited this way) with these fields."""
        async with asyncio.timeout(within):
            while True:
                for index in range(self._seen, len(self.events)):
                    event = self.events[index]
                    if event["type"] == kind and all(event.get(k) == v for k, v in fields.items()):
                        self._seen = index + 1
                        return event
                await asyncio.sleep(FRAME_S / 4)

    _seen = 0

    def send(self, kind: str, **fields: object) -> None:
        """A client event."""
        self.session.client_event(json.dumps({"type": kind, **fields}))

    def types(self, text: str) -> None:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        self.send("conversation.item.create", item=item)
        self.send("response.create")

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.transport.events

    def kinds(self, *, without: Sequence[str] = ("agent.",)) -> list[str]:
        return [e["type"] for e in self.events if not any(e["type"].startswith(p) for p in without)]

    @property
    def caller_heard(self) -> list[str]:
        """The agent's turns as recorded: what was heard of each."""
        return [turn.heard for turn in self.recorder.turns if turn.role == "assistant"]

    @property
    def caller_said(self) -> list[str]:
        return [turn.text for turn in self.recorder.turns if turn.role == "user"]
