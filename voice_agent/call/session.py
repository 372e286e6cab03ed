"""One conversation, whatever carries it: wires the turn machine to listening, speaking, tools, records and the wire.

Everything that happens, audio, words, client events, timers, becomes an event of the pure turn machine; everything it
answers is carried out here. State changes are synchronous; whatever awaits runs in a task that this object owns and
ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Literal

from voice_agent.agents.base import Agent
from voice_agent.agents.present import presence
from voice_agent.audio.vad import SpeechDetector
from voice_agent.briefing import Briefing
from voice_agent.call.agent_session import agent_session, transcription_options
from voice_agent.call.alarm import Alarm
from voice_agent.call.answering import Answering, reply_limits
from voice_agent.call.background import Background
from voice_agent.call.client_desk import ClientDesk
from voice_agent.call.hearing import Hearing
from voice_agent.call.input_audio import InputAudio
from voice_agent.call.interruption import policy
from voice_agent.call.listening import Listener
from voice_agent.call.metrics import BARGE_IN_STOP, JUDGEMENTS
from voice_agent.call.minutes import Minutes
from voice_agent.call.noted import Noted
from voice_agent.call.reply import ReplyTimes
from voice_agent.call.snapshot import Snapshot
from voice_agent.call.speaking import Speaker, SpeakerHooks, Spoken
from voice_agent.call.tools import ToolDesk
from voice_agent.call.transport import Transport
from voice_agent.call.turn_config import turn_config
from voice_agent.call.turn_state import agent_state
from voice_agent.call.turn_types import (
    Action,
    AnnounceSpeech,
    AskAgain,
    CallerActive,
    CancelReply,
    CommitTurn,
    CutSegment,
    DiscardReply,
    DropTurn,
    EndIdle,
    Event,
    Farewell,
    ForgetSpeech,
    Hypothesis,
    IdleTimeout,
    InputCleared,
    ModelJudged,
    Nudge,
    PausePlayout,
    PlayoutStarted,
    ReleaseReply,
    ReplyCancelled,
    ReplyEnded,
    ReplyRequested,
    ResumePlayout,
    StartReply,
    Tick,
    TurnConfig,
    WarnIdle,
)
from voice_agent.call.turns import TurnMachine
from voice_agent.call.weakly import weakly
from voice_agent.call.wire import SendEvent, Wire
from voice_agent.engines.bundle import Engines
from voice_agent.facts import CallFacts
from voice_agent.realtime import agent_events, server_events
from voice_agent.realtime.agent_events import AgentState
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.input_events import InputEvents
from voice_agent.realtime.response_config import ResponseConfig
from voice_agent.realtime.session_config import SessionConfig
from voice_agent.realtime.session_parts import ServerVad
from voice_agent.records import CallEnded, CallRecorder, CallStarted, Save, TicketStore
from voice_agent.settings import Settings

log = logging.getLogger(__name__)

Kind = Literal["webrtc", "websocket", "console"]

_NO_BRIEFING = Briefing()
_POLITE_ENDS = frozenset({"shutdown", "time_limit", "idle"})
"""Reasons that leave time for a goodbye."""


class CallSession:
    """Make it, start `run()` in a task, call `connected()` when the client is there."""

    def __init__(
        self,
        *,
        call_id: str,
        agent: Agent,
        engines: Engines,
        transport: Transport,
        kind: Kind,
        recorder: CallRecorder,
        tickets: TicketStore,
        settings: Settings,
        key_id: str | None,
        session: Mapping[str, object] | None = None,
        greet: bool = False,
        briefing: Briefing = _NO_BRIEFING,
        save: Save = "auto",
        resume: Snapshot | None = None,
        resume_token: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`session`: what the client asked for before the call, as JSON. `greet`: the agent speaks first and minds
        silences (our own page). `briefing`: what `agent` was made for. `save`: what becomes of the text. `resume`: the
        call goes on from there, and `session` and `greet` are not read. `resume_token` makes the token with which the
        client can come back; it is asked once, when the client is there. Raises ProtocolError where the session asked
        for cannot be had."""
        me: CallSession = weakref.proxy(self)  # for the parts, which must not own the session that owns them
        self.call_id = call_id
        agent = self.agent = agent.following() if agent.following else agent
        self.engines = engines
        self.settings = settings
        self._transport = transport
        self._wire = Wire(transport.send_event)
        self.emit = self._wire.emit
        self._kind: Kind = kind
        self._recorder = recorder
        self._greet = resume.greet if resume else greet
        self._resumed = resume is not None
        self._resume_token = resume_token
        self._clock = clock
        self._started_at = resume.started_at if resume else datetime.now(UTC)
        before_s = max(0.0, (datetime.now(UTC) - self._started_at).total_seconds()) if resume else 0.0
        self._time_left_s = max(0.0, settings.server.max_call_s - before_s)
        self._key_id = key_id
        self._briefing = briefing
        self._save: Save = save
        self._background = Background(weakly(self._failed))
        self._alarm = Alarm(clock, weakly(self._tick))
        self._ending = ""
        self._ended = asyncio.Event()
        self._fault: BaseException | None = None
        self._state: AgentState | None = None
        self._goodbye_reply: int | None = None
        self._clearing = False
        self._running = False
        self._connected = False

        wire: Literal["webrtc", "websocket"] = "webrtc" if kind == "webrtc" else "websocket"
        self.config = resume.config if resume else agent_session(agent, session, captions=greet)
        self.conversation = Conversation(
            max_items=settings.turns.max_conversation_items, conversation_id=resume.conversation_id if resume else None
        )
        for item in resume.items if resume else ():
            self.conversation.append(item)
        self.minutes = Minutes(
            call_id,
            recorder,
            clock() - before_s,
            turns=resume.turns if resume else 0,
            max_unjudged=settings.turns.max_conversation_items,
        )
        self.input_events = InputEvents(
            self.emit, self.conversation, send_transcription=self.config.sends_transcription
        )
        self._noted = Noted(agent.form, self.conversation, self.emit)
        self.tools = ToolDesk(
            agent.tools,
            call_id=call_id,
            tickets=tickets,
            conversation=self.conversation,
            timeout_s=settings.turns.tool_timeout_s,
            ticket_prefix=settings.agents.ticket_prefix,
            emit=self.emit,
            ran=self._noted.show,
        )
        self.speaker = Speaker(
            engines=engines,
            output=transport.speech,
            conversation=self.conversation,
            kind=wire,
            start_tool=self.tools.start,
            limits=reply_limits(settings),
            clock=clock,
            hooks=SpeakerHooks(
                emit=self.emit,
                playing=weakly(self._playing),
                ended=weakly(self._reply_ended),
                spoken=weakly(self._spoken),
                wasted=self.minutes.wasted,
                judged=self.minutes.judged,
                model_judged=weakly(self._model_judged),
            ),
            background=self._background,
        )
        self._answering = Answering(
            agent,
            presence(agent, settings.agents),
            conversation=self.conversation,
            minutes=self.minutes,
            tools=self.tools,
            speaker=self.speaker,
            session=lambda: me.config,
            became=weakly(self._tune),
        )
        self.listener = Listener(
            settings.audio,
            transcriber=engines.transcriber,
            options=lambda: transcription_options(me.config, me._answering.speaking),
            feed=weakly(self.feed),
            clock=clock,
            spawn=self._background.spawn,
            max_segment_s=settings.turns.max_utterance_s,
        )
        self._hearing = Hearing(self.listener, self.input_events, self.minutes, clock)
        self.machine = TurnMachine(
            TurnConfig(),
            clock(),
            interruption=policy(
                min_ms=settings.turns.interrupt_min_ms,
                partials=engines.transcriber.partials,
                min_words=settings.turns.interrupt_min_words,
                agent_said=lambda: me.speaker.within_earshot,
            ),
        )
        self.input_audio = InputAudio(weakly(self.audio_in), settings.turns.audio_backlog_s)
        self._desk = ClientDesk(me)
        self.apply_config(self.config)

    # --- what the transport calls -----------------------------------------------------------------------------------

    async def run(self) -> str:
        """Owns every task of the call. Returns why it ended, when it has; the caller then closes the transport. Raises
        what one of its timers or tasks has raised: nobody else would notice, and the call would hang in mid-turn."""
        self._recorder.call_started(
            CallStarted(
                call_id=self.call_id,
                agent=self.agent.name,
                transport=self._kind,
                key_id=self._key_id if self._save != "never" else None,
                started_at=self._started_at,
                language=self.agent.language,
                saved=self._save == "auto",
            )
        )
        async with AsyncExitStack() as end:
            # Each step is taken even where one before it fails or is cancelled, as in a shutdown that does not wait.
            end.callback(self._record_end)
            end.callback(lambda: self.emit(agent_events.ended(self._ending)))
            end.push_async_callback(self._background.aclose)
            end.push_async_callback(self.tools.aclose)
            end.push_async_callback(self.speaker.aclose)
            end.callback(self._hear_no_more)
            self.emit(server_events.session_created(self.config))
            self._running = True
            self._begin()
            self._background.spawn(self.input_audio.run())
            try:
                async with asyncio.timeout(self._time_left_s):
                    await self._ended.wait()
            except TimeoutError:
                self.end("time_limit")
                await self._ended.wait()
            if self._fault is not None:
                try:
                    raise self._fault
                finally:
                    self._fault = None  # whose frames hold this call: a ring
        return self._ending

    def _hear_no_more(self) -> None:
        """Whatever happens from now on."""
        self._ending = self._ending or "error"
        self._alarm.set(None)
        self.input_audio.close()

    def _record_end(self) -> None:
        """With what the agent knows about the call; a mistake in that must not cost the call its end."""
        facts: CallFacts | None = None
        try:
            facts = self.agent.facts(self.conversation.to_messages()) if self.agent.facts else None
        except Exception:
            log.exception("The facts of a call could not be worked out")
        self._recorder.call_ended(CallEnded(self.call_id, datetime.now(UTC), self._ending, facts))

    def connected(self) -> None:
        """The client can hear us. Before `run` has begun, it is remembered: `session.created` comes first."""
        if not self._connected:
            self._connected = True
            self._begin()

    def _begin(self) -> None:
        if not (self._running and self._connected):
            return
        if self._resume_token is not None:
            # To this client alone: whoever listens on a side channel must not be able to take the call over.
            seconds = self.settings.server.resume_window_s
            token = self._resume_token()
            self._transport.send_event(agent_events.session(self.call_id, token, seconds, resumed=self._resumed))
        if self._greet and not self._ending and not len(self.conversation):
            self.feed(ReplyRequested())
        else:
            self._show_state()
            self._noted.show()

    def snapshot(self) -> Snapshot:
        """What a later connection needs to go on with this call. Complete once `run` has returned."""
        return Snapshot(
            call_id=self.call_id,
            agent=self.agent.name,
            key_id=self._key_id,
            started_at=self._started_at,
            config=self.config,
            conversation_id=self.conversation.id,
            items=self.conversation.items,
            turns=self.minutes.turns,
            greet=self._greet,
            briefing=self._briefing,
            save=self._save,
        )

    @property
    def detector(self) -> SpeechDetector | None:
        """What `audio_in` will feed the next frame; None where nothing will."""
        return self.listener.detector

    def audio_in(self, pcm: bytes) -> None:
        """20 ms, 16 kHz, mono s16le, in real time."""
        if not self._ending:
            self.listener.frame(pcm)

    def client_event(self, raw: str | bytes) -> None:
        """One JSON event of the client; what is wrong with it is answered by an `error` event."""
        if not self._ended.is_set():
            self._desk.take(raw)

    def attach(self, send_event: SendEvent) -> Callable[[], None]:
        """A side channel that sees every event from now on. Returns how to detach it."""
        send_event(server_events.session_created(self.config))
        return self._wire.attach(send_event)

    def end(self, reason: str) -> None:
        """Ends the call: at once, or after a spoken goodbye where the reason leaves time for one. Idempotent."""
        if self._ending:
            if reason not in _POLITE_ENDS:
                self._ended.set()
            return
        self._ending = reason
        goodbye = self._answering.speaking.phrases.get("goodbye", "")
        if reason not in _POLITE_ENDS or not goodbye or self._state is None:
            self._ended.set()
            return
        self._background.spawn(self._end_after(self.settings.turns.goodbye_timeout_s))
        self.listener.configure(manual=True, prefix_ms=0)
        # A reply of the server's own, by the same path as any other: it replaces what is being said.
        for action in self.machine.feed(Farewell(), self._clock()):
            if isinstance(action, StartReply):
                self._goodbye_reply = action.reply
                self._answering.say(action.reply, goodbye)
            else:
                self._do(action)

    # --- what the desk and the parts call ---------------------------------------------------------------------------

    def _tick(self) -> None:
        self._background.run(lambda: self.feed(Tick()))

    def feed(self, event: Event) -> None:
        """Gives the turn machine an event, does what it answers, and sets the alarm for what comes next."""
        if self._ending and not isinstance(event, (PlayoutStarted, ReplyEnded)):
            return
        now = self._clock()
        for action in self.machine.feed(event, now):
            self._do(action)
        if isinstance(event, Hypothesis):
            self._hearing.words(self.machine.words)
        self._set_alarm()
        self._show_state()

    def apply_config(self, config: SessionConfig) -> None:
        """The session's effective configuration from now on."""
        self.config = config
        self._tune()
        self.input_events.send_transcription = config.sends_transcription
        self.conversation.truncation = config.truncation
        detection = config.turn_detection
        prefix_ms = detection.prefix_padding_ms if isinstance(detection, ServerVad) else self.settings.audio.prefix_ms
        self.listener.configure(manual=detection is None, prefix_ms=prefix_ms)
        self.input_audio.configure(config.input_format)
        self._set_alarm()

    @property
    def paces_speech(self) -> bool:
        """Whether speech leaves when it is heard; else the client plays what it was sent, from a buffer of its own."""
        return self._kind != "websocket"

    @property
    def reply_pending(self) -> bool:
        """Whether a reply that the client asked for still waits for the words of the turn before it."""
        return self._answering.wanted is not None

    def request_reply(self, config: ResponseConfig) -> None:
        """The client asks for a reply, to all that it has sent before."""
        self._answering.wanted = config
        self.input_audio.then(self._begin_requested)

    def _begin_requested(self) -> None:
        if self.reply_pending:
            self.feed(ReplyRequested())

    def stop_reply(self) -> None:
        """The client cancels the reply in progress, or the one it has asked for."""
        self._answering.wanted = None
        self.feed(ReplyCancelled())

    def clear_input(self) -> None:
        """The client throws away what was said of the turn under way."""
        committed = self.machine.awaits_words
        self._clearing = True
        self.feed(InputCleared())
        self._clearing = False
        if committed:
            self.emit(server_events.input_cleared())
        else:
            self.input_events.cleared()

    def caller_typed(self, text: str) -> None:
        self.minutes.caller_typed(text, self._clock())
        self._background.soon(self._noted.show)
        self.feed(CallerActive())

    # --- the machine's actions --------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        match action:
            case AnnounceSpeech():
                self._hearing.announce()
            case StartReply(reply, text, speculative, may_wait):
                self._answering.begin(reply, text, speculative=speculative, may_wait=may_wait)
            case ReleaseReply(reply, due):
                self._answering.release(reply, due)
            case DiscardReply(reply):
                self.speaker.discard(reply)
            case CancelReply(reply, reason):
                self.speaker.cancel(reply, reason)
            case PausePlayout():
                self.speaker.pause()
                BARGE_IN_STOP.observe(self.listener.since_speech_started_s)
            case ResumePlayout():
                self.speaker.resume()
            case CommitTurn(text, segments, missing):
                self._hearing.commit(text, segments, missing=missing)
                if text:
                    self._background.soon(self._noted.show)
            case DropTurn(segments, announced):
                self._hearing.drop(segments, announced=announced, cleared=self._clearing)
            case ForgetSpeech(segments):
                self._hearing.forget(segments)
            case CutSegment():
                self._background.soon(self.listener.cut)
            case AskAgain(reply):
                self._answering.say_phrase(reply, "not_heard")
            case Nudge(reply, text):
                self._answering.say(reply, text)
            case IdleTimeout(reply):
                self._hearing.timed_out(self.machine.config.idle_timeout_ms or 0)
                self._answering.begin(reply, None, speculative=False)
            case WarnIdle(reply):
                self.emit(agent_events.idle_warning(self.settings.turns.idle_end_s))
                self._answering.say_phrase(reply, "idle")
            case EndIdle():
                self._background.soon(lambda: self.end("idle"))

    def _reply_ended(self, reply: int) -> None:
        if reply == self._goodbye_reply:
            self._ended.set()
        self.feed(ReplyEnded(reply))

    # --- small parts ------------------------------------------------------------------------------------------------

    def _tune(self) -> None:
        """Turns are taken by what the client asked for and by the agent's patience, as they are now."""
        agent, turns = self._answering.speaking, self.settings.turns
        self.machine.config = turn_config(self.config, agent, turns, hands_free=self._greet)

    def _playing(self, reply: int, times: ReplyTimes) -> None:
        marks = self.minutes.marks_ms(times, self._clock())
        if marks:
            self.emit(agent_events.timing(marks))
        self.feed(PlayoutStarted(reply))

    def _model_judged(self, reply: int, finished: bool | None) -> None:
        if finished is not None:
            JUDGEMENTS.labels("finished" if finished else "unfinished").inc()
        self._background.run(lambda: self.feed(ModelJudged(reply, finished)))

    def _spoken(self, spoken: Spoken) -> None:
        self.minutes.agent_spoke(spoken)
        self.machine.patience.thrifty = self.minutes.wasted_share > self.settings.turns.max_waste_share

    def _show_state(self) -> None:
        state = agent_state(self.machine.phase, self.machine.caller, paused=self.machine.paused)
        if state != self._state:
            self._state = state
            self.emit(agent_events.state(state))

    def _set_alarm(self) -> None:
        self._alarm.set(None if self._ending else self.machine.next_deadline())

    def _failed(self, error: BaseException) -> None:
        self._fault = error
        self._ended.set()

    async def _end_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._ended.set()
