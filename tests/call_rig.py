"""A whole call without a network: a real session, real speech detection and real playout, on a clock that jumps.

    async with Rig(replies=["Is it plugged in?"]) as call:
        await call.says("my printer is offline")
        await call.until_quiet()
        assert call.caller_heard == ["Is it plugged in?"]

The engines are scripted through their ports; delays are chosen. Speech is synthesized, so the detector hears speech.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Self

from scripts import autojump
from scripts.speech import frames, silence, synthesize
from scripts.stub_engines import (
    FlaggingModerator,
    MemoryRecorder,
    MemoryTickets,
    Script,
    ScriptedModel,
    ScriptedTranscriber,
    ToneSynthesizer,
    answering,
)
from voice_agent.agents.base import Agent, Tool, TurnProfile
from voice_agent.audio.playout import PacedPlayout
from voice_agent.briefing import Briefing
from voice_agent.call.session import CallSession
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.bundle import Engines
from voice_agent.records import Save
from voice_agent.settings import AudioSettings, EngineSettings, ServerSettings, Settings, TurnSettings

FRAME_S = 0.02
PHRASES = {
    "bridge": "Sorry, one moment.",
    "filler": "Let me think.",
    "refusal": "I cannot help with that.",
    "idle": "Are you still there?",
    "goodbye": "Goodbye.",
    "not_heard": "I did not catch that.",
    "apology": "Sorry, that did not work.",
}


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
        with contextlib.suppress(asyncio.CancelledError):
            await self._speaking
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


def in_a_call(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test whose loop's clock jumps to the next thing that is due."""

    def run() -> None:
        autojump.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run
