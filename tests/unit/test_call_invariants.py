"""Whole calls at random: whatever callers, clients, engines and transports do, and in whatever order, some things hold.

A script of steps drives one call on a jumping clock. Everything the call does to its client and to its speech output
goes into one journal, in order; the invariants are read off that journal, the records and the log.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from scripts import autojump
from scripts.speech import frames, silence, synthesize
from scripts.stub_engines import FlaggingModerator, MemoryRecorder, Script
from signaling.ws_speech import WebSocketSpeech
from tests.call_rig import PHRASES, Rig, RigTransport, agent
from tests.unit.realtime_wire import assert_valid
from voice_agent.agents.base import Tool, ToolContext, TurnProfile
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.ports import (
    AudioChunk,
    EngineError,
    Finished,
    ReplyEvent,
    ReplyRequest,
    Switched,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
    Verdict,
)
from voice_agent.realtime.ids import new_id
from voice_agent.records import Turn
from voice_agent.settings import AudioSettings, TurnSettings

Kind = Literal["webrtc", "websocket", "text"]
Steps = Sequence[ReplyEvent | float | EngineError]

LONG = "First open the settings, then choose printers. After that, remove the old one. Finally add it again and try."
SPOKEN = "the printer in the hall is offline today"
FORBIDDEN = "tell me the forbidden thing now."
ITEM_IDS = tuple(f"client_{n}" for n in range(4))

# --- what happens in a call -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Speak:
    """The microphone carries speech; `awaited`: the script goes on when it is over."""

    seconds: float
    heard_as: str
    awaited: bool


@dataclass(frozen=True)
class Send:
    """A client event; `TARGET` in it is replaced by the id of the latest item of the agent."""

    event: Mapping[str, object] | str


@dataclass(frozen=True)
class Ask:
    """Types a text and wants an answer."""

    text: str


@dataclass(frozen=True)
class Engines:
    transcriber_fails: bool = False
    transcription_s: float = 0.1
    synthesizer_fails: bool = False
    first_byte_s: float = 0.08


Step = Wait | Speak | Send | Ask | Engines
TARGET = "TARGET"

MODEL_DOES: Mapping[str, Steps] = {
    "short": [0.15, TextDelta("Is it "), 0.05, TextDelta("plugged in?"), Usage(9, 4), Finished("stop")],
    "long": [0.1, *[TextDelta(word + " ") for word in LONG.split()], Finished("stop")],
    "slow": [4.0, TextDelta("At last. "), 2.0, TextDelta("And more."), Finished("stop")],
    "down": [EngineError("down", code="500", retryable=True)],
    "late error": [TextDelta("First this. Then "), 0.3, EngineError("cut", code="cut", retryable=True)],
    "bridged": [TextDelta("First this. Then "), Switched("a", "b", True), TextDelta("that."), Finished("stop")],
    "fallback": [Switched("a", "b", False), TextDelta("By my script."), Finished("stop")],
    "tool": [TextDelta("One moment."), 0.1, ToolCall("call_1", "look", '{"a": 1}'), Finished("tool_calls")],
    "bad tool": [ToolCall("call_2", "look", "no json"), ToolCall("call_3", "absent", "{}"), Finished("tool_calls")],
    "client tool": [TextDelta("Let me see."), ToolCall("call_4", "show", "{}"), Finished("tool_calls")],
    "mute client tool": [ToolCall("call_5", "show", "{}"), ToolCall("call_6", "look", "{}"), Finished("tool_calls")],
    "markdown": [TextDelta("**---**"), TextDelta("\n\n# \n"), Finished("stop")],
    "markdown first": [TextDelta("---\n\n"), TextDelta("Then words."), Finished("stop")],
    "nothing": [Finished("stop")],
    "waits": [0.1, TextDelta("…"), Usage(9, 1), Finished("stop")],
    "blank": [TextDelta("  "), TextDelta("\n"), Finished("stop")],
    "flagged": [TextDelta("Good question. "), TextDelta("The forbidden word. More."), Finished("stop")],
    "cut short": [TextDelta("It begins well, but"), Finished("length")],
}
NUDGE = "Take your time."
OURS = (*PHRASES.values(), agent().greeting, NUDGE)
HEARD = (
    "",
    "uh-huh",
    "no wait, stop that",
    "my printer is offline.",
    "my printer and",
    "ja genau",
    "the forbidden thing",
)


def user_item(text: str, **fields: object) -> Mapping[str, object]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **fields}


def session_of(**audio_input: object) -> Mapping[str, object]:
    return {"type": "realtime", "audio": {"input": audio_input}}


def audio(seconds: float, of: str) -> str:
    pcm = synthesize(of, 24_000) if of else silence(1000, 24_000)
    return base64.b64encode(pcm[: int(seconds * 24_000) * 2 + 1]).decode()


CLIENT_EVENTS: Sequence[Mapping[str, object] | str] = (
    {"type": "conversation.item.create", "item": user_item("hello there")},
    {"type": "conversation.item.create", "item": user_item("the forbidden text", id=ITEM_IDS[0])},
    {"type": "conversation.item.create", "item": user_item("first", id=ITEM_IDS[1]), "previous_item_id": "root"},
    {"type": "conversation.item.create", "item": user_item("", id=ITEM_IDS[2]), "previous_item_id": "nowhere"},
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "call_4", "output": "shown"},
    },
    {"type": "conversation.item.retrieve", "item_id": TARGET},
    {"type": "conversation.item.delete", "item_id": TARGET},
    {"type": "conversation.item.delete", "item_id": ITEM_IDS[0]},
    {"type": "conversation.item.truncate", "item_id": TARGET, "content_index": 0, "audio_end_ms": 400},
    {"type": "conversation.item.truncate", "item_id": TARGET, "content_index": 0, "audio_end_ms": 999_999},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "input_audio_buffer.append", "audio": audio(1.0, SPOKEN)},
    {"type": "input_audio_buffer.append", "audio": audio(0.5, "")},
    {"type": "input_audio_buffer.append", "audio": "?"},
    {"type": "output_audio_buffer.clear"},
    {"type": "response.create"},
    {"type": "response.create", "response": {"output_modalities": ["text"]}},
    {"type": "response.create", "response": {"conversation": "none", "input": [user_item("classify")]}},
    {"type": "response.create", "response": {"conversation": "none", "output_modalities": ["text"]}},
    {"type": "response.create", "response": {"metadata": {"topic": "x"}, "instructions": "Be brief."}},
    {"type": "response.create", "response": {"input": [{"type": "item_reference", "id": "nowhere"}]}},
    {"type": "response.cancel"},
    {"type": "response.cancel", "response_id": "resp_other"},
    {"type": "session.update", "session": session_of(turn_detection=None)},
    {"type": "session.update", "session": session_of(turn_detection={"type": "semantic_vad"})},
    {"type": "session.update", "session": session_of(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000})},
    {"type": "session.update", "session": session_of(turn_detection={"interrupt_response": False})},
    {"type": "session.update", "session": session_of(turn_detection={"create_response": False})},
    {"type": "session.update", "session": session_of(transcription={"model": "any", "language": "de"})},
    {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "other"}}}},
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["audio"]}},
    {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", "name": "show"}]}},
    {"type": "no.such.event", "event_id": "mine"},
    "no json",
    "[]",
)


@dataclass(frozen=True)
class Scene:
    kind: Kind
    greet: bool
    manual: bool
    does: tuple[str, ...]
    """What the model does, in turn; the last again and again."""
    steps: tuple[Step, ...]
    end: str


def scene_of(seed: int) -> Scene:
    """Any scene; the same for the same seed. Client events are rarer than what callers do: most of them just fail."""
    chance = random.Random(seed)

    def step() -> Step:
        match chance.choices(["wait", "speak", "ask", "send", "engines", "recover"], [30, 30, 12, 20, 4, 4])[0]:
            case "wait":
                return Wait(chance.choice([0.02, 0.1, 0.3, 0.7, 1.5, 4.0, 9.0]))
            case "speak":
                seconds = chance.choice([0.2, 0.5, 1.2, 2.4, 7.0])
                return Speak(seconds, chance.choice(HEARD), awaited=chance.random() < 0.8)
            case "ask":
                return Ask(chance.choice(["and now?", FORBIDDEN]))
            case "send":
                return Send(chance.choice(CLIENT_EVENTS))
            case "engines":
                delay_s = chance.choice([0.0, 0.1, 1, 5])
                return Engines(chance.random() < 0.5, delay_s, chance.random() < 0.5, chance.choice([0.0, 1.0]))
            case _:
                return Engines()

    return Scene(
        kind=chance.choice(["webrtc", "webrtc", "websocket", "text"]),
        greet=chance.random() < 0.5,
        manual=chance.random() < 0.2,
        does=tuple(chance.choices(sorted(MODEL_DOES), k=chance.randint(1, 8))),
        steps=tuple(step() for _ in range(chance.randint(5, 25))),
        end=chance.choice(["hangup", "client_gone", "shutdown", "time_limit", "idle"]),
    )


# --- the call and its journal -----------------------------------------------------------------------------------------


@dataclass
class Entry:
    at: float
    what: str
    """ "event"; what was asked of the speech output ("begin", "write", "end", "pause", "resume", "clear"); "said", a
    turn of the caller was recorded; "judged", there is a verdict on a text."""
    text: str = ""
    event: Mapping[str, Any] = field(default_factory=dict)


class Watched:
    """A speech output that notes what is asked of it."""

    def __init__(self, inner: SpeechOutput, note: Callable[[str], None]) -> None:
        self._inner = inner
        self._note = note

    @property
    def on_started(self) -> Callable[[], None]:
        return self._inner.on_started

    @on_started.setter
    def on_started(self, callback: Callable[[], None]) -> None:
        self._inner.on_started = callback

    @property
    def on_drained(self) -> Callable[[], None]:
        return self._inner.on_drained

    @on_drained.setter
    def on_drained(self, callback: Callable[[], None]) -> None:
        self._inner.on_drained = callback

    def begin(self, item_id: str) -> None:
        self._note("begin")
        self._inner.begin(item_id)

    def write(self, chunk: AudioChunk) -> int:
        self._note("write")
        return self._inner.write(chunk)

    def end(self) -> None:
        self._note("end")
        self._inner.end()

    async def room(self) -> None:
        await self._inner.room()

    def pause(self) -> None:
        self._note("pause")
        self._inner.pause()

    def resume(self) -> None:
        self._note("resume")
        self._inner.resume()

    def clear(self) -> None:
        self._note("clear")
        self._inner.clear()

    @property
    def position_ms(self) -> int:
        return self._inner.position_ms


class JournalTransport(RigTransport):
    """Paced as WebRTC is, or not as a WebSocket."""

    def __init__(self, audio_settings: AudioSettings, kind: Kind) -> None:
        super().__init__(audio_settings)
        self.journal: list[Entry] = []
        self._socket = WebSocketSpeech(self, lambda: new_id("event")) if kind == "websocket" else None
        inner = self._socket or self.playout
        self.speech = None if kind == "text" else Watched(inner, self.note)

    def note(self, what: str, event: Mapping[str, Any] | None = None, text: str = "") -> None:
        self.journal.append(Entry(asyncio.get_running_loop().time(), what, text, event or {}))

    def send_event(self, event: Mapping[str, object]) -> None:
        if self._socket is not None:
            self._socket.observe(event)
        super().send_event(event)
        self.note("event", self.events[-1])

    def send_audio(self, event: Mapping[str, object]) -> None:
        super().send_event(event)
        self.note("event", self.events[-1])

    def drop_audio(self) -> None:
        """All of it has been written."""

    async def room(self) -> None:
        """There is always room."""

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        await super().close()


class NotingModerator(FlaggingModerator):
    def __init__(self, inner: FlaggingModerator, note: Callable[[str], None]) -> None:
        super().__init__(inner.words, inner.delay_s)
        self._note = note

    async def check(self, text: str) -> Verdict:
        verdict = await super().check(text)
        self._note(text)
        return verdict


class NotingRecorder(MemoryRecorder):
    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def turn(self, record: Turn) -> None:
        super().turn(record)
        if record.role == "user":
            self._note(record.text)


class RandomCall(Rig):
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.seen: list[tuple[ReplyRequest, set[str]]] = []
        """Each request to the model that begins a reply, with what the records then said was heard of the agent."""
        session = session_of(transcription={"model": "any"}, **({"turn_detection": None} if scene.manual else {}))
        tools = [{"type": "function", "name": "show", "parameters": {}}]
        modality = {"output_modalities": ["text"]} if scene.kind == "text" else {}
        look = Tool(ToolSpec("look", "Looks."), _look)
        super().__init__(
            self._model(),
            kind="webrtc" if scene.kind == "webrtc" else "websocket",
            the_agent=agent(tools=(look,), turns=TurnProfile(250, 1500, nudges=((6.0, NUDGE),))),
            greet=scene.greet,
            session={**session, "tools": tools, **modality},
            turns=TurnSettings(_env_file=None, idle_warning_s=15, idle_end_s=5, max_utterance_s=6),
            moderator=lambda inner: NotingModerator(inner, lambda text: self._noted("judged", text)),
            recorder=NotingRecorder(lambda text: self._noted("said", text)),
        )

    def make_transport(self, settings: AudioSettings, audible: bool) -> RigTransport:
        return JournalTransport(settings, self.scene.kind)

    def _noted(self, what: str, text: str) -> None:
        assert isinstance(self.transport, JournalTransport)
        self.transport.note(what, text=text)

    def _model(self) -> Script:
        does = list(self.scene.does)

        def script(request: ReplyRequest) -> Steps:
            goes_on = bool(request.messages) and request.messages[-1].role == "tool"
            if not goes_on:
                heard = {turn.heard for turn in self.recorder.turns if turn.role == "assistant"}
                self.seen.append((request, heard))
            elif len(does) == 1:
                return [TextDelta(" It is done."), Finished("stop")]
            return MODEL_DOES[does.pop(0) if len(does) > 1 else does[0]]

        return script

    async def play(self) -> str:
        """The whole scene; returns why the call ended."""
        async with self:
            for step in self.scene.steps:
                await self._take(step)
            await self._the_floor_is_free_again()
            await asyncio.sleep(0.01)  # what was cancelled just now comes to its end
            self._nothing_is_kept_of_what_is_over()
            self.session.end(self.scene.end)
            await asyncio.wait_for(asyncio.shield(self._run), 60)
        assert isinstance(self.transport, JournalTransport)
        self.journal = self.transport.journal
        return self.reason

    async def _the_floor_is_free_again(self) -> None:
        """With engines that work and nobody speaking, every reply comes to its end."""
        await self._take(Engines())
        for _ in range(1200):
            if self.session.machine.phase is None or self._run.done():
                return
            await asyncio.sleep(0.1)
        raise AssertionError("a reply never ends")

    def _nothing_is_kept_of_what_is_over(self) -> None:
        machine = self.session.machine
        turns = [turn for turn in (machine._turn, machine._following) if turn is not None]
        known = {segment for turn in turns for segment in turn.segments}
        assert self._run.done() or set(self.session.listener._segments) <= known
        assert len(self.session.input_events._awaiting) <= 1
        assert len(self.session.speaker._tasks) <= 1

    async def _take(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await asyncio.sleep(seconds)
            case Speak(seconds, heard_as, awaited):
                self.transcriber.saying.append(heard_as)
                voiced = (frames(synthesize(SPOKEN)) * 3)[: round(seconds * 50)]
                self._frames += voiced
                await asyncio.sleep(len(voiced) * 0.02 if awaited else 0)
            case Send(str() as raw):
                self.session.client_event(raw)
            case Send(event):
                self.session.client_event(json.dumps(event).replace(TARGET, self._target()))
            case Ask(text):
                self.types(text)
            case Engines(transcriber_fails, transcription_s, synthesizer_fails, first_byte_s):
                self.transcriber.fails, self.transcriber.delay_s = transcriber_fails, transcription_s
                self.synthesizer.fails, self.synthesizer.first_byte_s = synthesizer_fails, first_byte_s

    def _target(self) -> str:
        items = [e["item"]["id"] for e in self.events if e["type"] == "response.output_item.added"]
        return items[-1] if items else "nowhere"


async def _look(arguments: Mapping[str, object], context: ToolContext) -> Mapping[str, object]:
    await asyncio.sleep(0.4)
    return {"seen": True}


# --- what holds -------------------------------------------------------------------------------------------------------


class _Log(logging.Handler):
    """Errors in the log: a call survives them, a test does not."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def played(scene: Scene) -> RandomCall:
    """The scene, played to its end, with nothing broken inside."""
    log = _Log()
    logging.getLogger("voice_agent").addHandler(log)
    logging.getLogger("asyncio").addHandler(log)

    async def play() -> RandomCall:
        call = RandomCall(scene)
        await call.play()
        return call

    try:
        call = autojump.run(play())
    finally:
        logging.getLogger("voice_agent").removeHandler(log)
        logging.getLogger("asyncio").removeHandler(log)
    broken = [record for record in log.records if record.levelno >= logging.ERROR]
    assert not broken, [logging.Formatter().format(record) for record in broken]
    return call


@pytest.fixture(scope="module", autouse=True)
def nothing_of_other_tests() -> None:
    """What they left unfinished is reported in the log when the garbage collector finds it: now, and not in a call."""
    gc.collect()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_in_a_call_its_promises_hold(seed: int) -> None:
    promises_hold(played(scene_of(seed)))


def promises_hold(call: RandomCall) -> None:
    _every_event_is_valid(call)
    _responses_are_whole_and_one_at_a_time(call)
    _items_are_added_and_done_once(call)
    _utterances_are_in_order(call)
    _nothing_sounds_that_should_not(call)
    _records_agree_with_captions(call)
    _the_model_knows_only_what_was_heard(call)
    _nothing_answers_words_that_were_not_judged(call)
    _the_end_is_the_end(call)


def _every_event_is_valid(call: RandomCall) -> None:
    for event in call.events:
        if not event["type"].startswith("agent."):
            assert_valid(event)
    ids = [event["event_id"] for event in call.events]
    assert len(ids) == len(set(ids))


def _responses_are_whole_and_one_at_a_time(call: RandomCall) -> None:
    active: str | None = None
    done: set[str] = set()
    for event in call.events:
        kind = event["type"]
        if kind == "response.created":
            assert active is None
            active = event["response"]["id"]
        elif kind == "response.done":
            assert event["response"]["id"] == active
            assert active is not None
            done.add(active)
            active = None
        elif kind.startswith("response."):
            assert event["response_id"] == active
        elif kind.startswith("output_audio_buffer."):
            assert event["response_id"] in done or event["response_id"] == active
    assert active is None


def _items_are_added_and_done_once(call: RandomCall) -> None:
    added = Counter(e["item"]["id"] for e in call.events if e["type"] == "conversation.item.added")
    done = Counter(e["item"]["id"] for e in call.events if e["type"] == "conversation.item.done")
    assert added == done
    assert all(count == 1 for item, count in added.items() if item not in ITEM_IDS)
    opened = Counter(e["item"]["id"] for e in call.events if e["type"] == "response.output_item.added")
    closed = Counter(e["item"]["id"] for e in call.events if e["type"] == "response.output_item.done")
    assert opened == closed
    assert all(count == 1 for count in opened.values())


def _utterances_are_in_order(call: RandomCall) -> None:
    state: dict[str, str] = {}
    began: dict[str, int] = {}
    transcribed: set[str] = set()
    for event in call.events:
        kind = event["type"].removeprefix("input_audio_buffer.")
        item = event.get("item_id", "")
        if kind == "speech_started":
            assert state.get(item) in (None, "speech_stopped")
            state[item], began[item] = kind, event["audio_start_ms"]
        elif kind == "speech_stopped":
            assert state.get(item) == "speech_started"
            assert event["audio_end_ms"] >= began[item]
            state[item] = kind
        elif kind == "committed":
            assert state.get(item) in (None, "speech_stopped")
            state[item] = kind
        elif "input_audio_transcription" in kind:
            assert item not in transcribed, "something after the transcript was complete"
            if kind.endswith((".completed", ".failed")):
                assert state[item] == "committed"
                transcribed.add(item)
    silent = {e["item_id"] for e in call.events if e["type"] == "input_audio_buffer.timeout_triggered"}
    if not any(e["type"] == "session.updated" for e in call.events):
        assert {item for item, last in state.items() if last == "committed"} - silent == transcribed


def _nothing_sounds_that_should_not(call: RandomCall) -> None:
    """Speech is written for a reply that the client was told of, and not once it was cancelled."""
    open_for_sound = False
    sounding: str | None = None
    for entry in call.journal:
        kind = entry.event.get("type", "")
        if kind == "response.created":
            open_for_sound = True
        elif kind == "response.done":
            open_for_sound = False
        elif entry.what in ("begin", "write"):
            assert open_for_sound, f"{entry.what} outside of any response at {entry.at}"
        elif kind == "output_audio_buffer.started":
            assert sounding is None
            sounding = entry.event["response_id"]
        elif kind in ("output_audio_buffer.stopped", "output_audio_buffer.cleared"):
            assert sounding in (None, entry.event["response_id"])
            sounding = None
    assert sounding is None
    if call.scene.kind != "webrtc":
        assert not any(e["type"].startswith("output_audio_buffer") for e in call.events)


def _records_agree_with_captions(call: RandomCall) -> None:
    turns = call.recorder.turns
    assert [turn.seq for turn in turns] == list(range(1, len(turns) + 1))
    cut_by_client = {e["item_id"] for e in call.events if e["type"] == "conversation.item.truncated"}
    finals: list[str] = []
    shown: dict[str, str] = {}
    for event in call.events:
        if event["type"] != "agent.caption":
            continue
        item, text = event["item_id"], event["text"]
        if item not in cut_by_client:
            assert text.startswith(shown.get(item, "")), (shown[item], text)
        shown[item] = text
        if event["final"]:
            finals.append(text)
    for turn in turns:
        assert turn.start_ms <= turn.end_ms
        if turn.role == "assistant":
            assert turn.text.startswith(turn.heard)
            if turn.channel == "voice":
                assert turn.heard in finals
        else:
            assert turn.heard == turn.text


def _the_model_knows_only_what_was_heard(call: RandomCall) -> None:
    """Of the agent's own words the model is shown the beginnings of turns, as far as they were heard."""
    for request, heard in call.seen:
        for message in request.messages:
            if message.role == "assistant" and message.text:
                assert any(known.strip().startswith(message.text.strip()) for known in heard), (message.text, heard)


def _nothing_answers_words_that_were_not_judged(call: RandomCall) -> None:
    """When the model is heard or read, there was a verdict on all that the caller had said before the response."""
    said: list[str] = []
    before: list[str] = []
    judged = ""
    for entry in call.journal:
        kind = entry.event.get("type", "")
        if entry.what == "said":
            said.append(entry.text)
        elif entry.what == "judged":
            judged += "\n" + entry.text
        elif kind == "response.created":
            before = [*said]
        elif kind in ("response.output_text.delta", "response.output_audio_transcript.delta"):
            if any(entry.event["delta"].strip() in ours for ours in OURS):
                continue
            assert not [text for text in before if text not in judged], entry.event["delta"]


def _the_end_is_the_end(call: RandomCall) -> None:
    reasons = {call.scene.end, "idle"}
    assert call.reason in reasons
    assert [ended.reason for ended in call.recorder.ended] == [call.reason]
    assert call.events[-1]["type"] == "agent.ended"
    assert call.events[-1]["reason"] == call.reason
    session = call.session
    assert session._alarm.at is None
    assert session.speaker._captions is None


def test_after_a_client_that_plays_by_itself_says_that_it_stopped_the_floor_is_free() -> None:
    truncate = {"type": "conversation.item.truncate", "item_id": TARGET, "content_index": 0, "audio_end_ms": 900}
    steps = (Ask("how do I add it?"), Wait(1.5), Send(truncate), Speak(0.5, "uh-huh", True), Wait(4.0))
    call = played(Scene("websocket", False, False, ("long", "short"), steps, "hangup"))
    promises_hold(call)
    assert call.caller_said == ["how do I add it?", "uh-huh"]
    assert LONG.startswith(call.caller_heard[0])
    assert len(call.caller_heard[0]) < 30
    assert [e["audio_end_ms"] for e in call.events if e["type"] == "conversation.item.truncated"] == [900]
