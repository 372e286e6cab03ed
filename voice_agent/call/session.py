"""One conversation, whatever carries it: wires the turn machine to listening, speaking, tools, records and the wire.

Everything that happens, audio, words, client events, timers, becomes an event of the pure turn machine; everything it
answers is carried out here. State changes are synchronous; whatever awaits runs in a task that this object owns and
ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from voice_agent.agents.base import Agent
from voice_agent.agents.present import presence
from voice_agent.briefing import Briefing
from voice_agent.call.agent_session import agent_session
from voice_agent.call.alarm import Alarm
from voice_agent.call.client_desk import ClientDesk
from voice_agent.call.input_audio import InputAudio
from voice_agent.call.interruption import policy
from voice_agent.call.listening import Listener, Segment, timing_of
from voice_agent.call.metrics import BARGE_IN_STOP
from voice_agent.call.minutes import Minutes
from voice_agent.call.noted import Noted
from voice_agent.call.rehearsal import clause_splitter
from voice_agent.call.reply import ReplyLimits, ReplyScript, ReplyTimes
from voice_agent.call.snapshot import Snapshot
from voice_agent.call.speaking import Speaker, SpeakerHooks, Spoken
from voice_agent.call.tools import ToolDesk
from voice_agent.call.transport import Transport
from voice_agent.call.turn_config import turn_config
from voice_agent.call.turn_state import Caller, Phase
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
from voice_agent.engines.bundle import Engines
from voice_agent.engines.ports import Message, ReplyRequest, TranscriptionOptions
from voice_agent.facts import CallFacts
from voice_agent.realtime import agent_events, server_events
from voice_agent.realtime.agent_events import AgentState
from voice_agent.realtime.conversation import Conversation
from voice_agent.realtime.input_events import InputEvents, InputState
from voice_agent.realtime.response_config import ResponseConfig
from voice_agent.realtime.session_config import SPEED_RANGE, SessionConfig
from voice_agent.realtime.session_parts import ServerVad
from voice_agent.records import CallEnded, CallRecorder, CallStarted, Save, TicketStore
from voice_agent.settings import Settings

log = logging.getLogger(__name__)

Kind = Literal["webrtc", "websocket", "console"]
SendEvent = Callable[[Mapping[str, object]], None]

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
        self.call_id = call_id
        self.agent = agent
        self.engines = engines
        self.settings = settings
        self._transport = transport
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
        self._side_channels: list[SendEvent] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm = Alarm(clock, lambda: self.feed(Tick()))
        self._ending = ""
        self._ended = asyncio.Event()
        self._state: AgentState | None = None
        self._pending_config: ResponseConfig | None = None
        self._goodbye_reply: int | None = None
        self._clearing = False
        self._judging = 0
        """Number of the last of the caller's texts that the reply in progress is moderated with."""
        self._running = False
        self._connected = False

        wire: Literal["webrtc", "websocket"] = "webrtc" if kind == "webrtc" else "websocket"
        self.config = resume.config if resume else agent_session(agent, session, captions=greet)
        self.conversation = Conversation(
            max_items=settings.turns.max_conversation_items, conversation_id=resume.conversation_id if resume else None
        )
        for item in resume.items if resume else ():
            self.conversation.append(item)
        self._present = presence(agent, settings.agents)
        self._speaking = self._present(self.conversation.to_messages())
        """The agent as the caller hears it now: its pace, its language."""
        self._rehearsed = self._speaking
        """The same as it is in the held reply."""
        self.machine = TurnMachine(
            self._turn_config(),
            clock(),
            interruption=policy(
                min_ms=settings.turns.interrupt_min_ms,
                partials=engines.transcriber.partials,
                min_words=settings.turns.interrupt_min_words,
                agent_said=lambda: self.speaker.within_earshot,
            ),
        )
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
        self._noted = Noted(agent.form() if agent.form else None, self.conversation, self.emit)
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
            limits=_reply_limits(settings),
            clock=clock,
            hooks=SpeakerHooks(
                emit=self.emit,
                playing=self._playing,
                ended=self._reply_ended,
                spoken=self._spoken,
                wasted=self.minutes.wasted,
                judged=lambda: self.minutes.judged(self._judging),
            ),
        )
        self.listener = Listener(
            settings.audio,
            transcriber=engines.transcriber,
            options=self._transcription_options,
            feed=self.feed,
            clock=clock,
            spawn=self._spawn,
            max_segment_s=settings.turns.max_utterance_s,
        )
        self.input_audio = InputAudio(self.audio_in, settings.turns.audio_backlog_s)
        self._desk = ClientDesk(self)
        self.apply_config(self.config)

    # --- what the transport calls -----------------------------------------------------------------------------------

    async def run(self) -> str:
        """Owns every task of the call. Returns why it ended, when it has; the caller then closes the transport."""
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
        self.emit(server_events.session_created(self.config))
        self._running = True
        self._begin()
        pump = asyncio.create_task(self.input_audio.run())
        try:
            try:
                async with asyncio.timeout(self._time_left_s):
                    await self._ended.wait()
            except TimeoutError:
                self.end("time_limit")
                await self._ended.wait()
        finally:
            self._ending = self._ending or "error"
            self._alarm.set(None)
            await self.speaker.aclose()
            await self.tools.aclose()
            pump.cancel()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(pump, *self._tasks, return_exceptions=True)
            self.emit(agent_events.ended(self._ending))
            self._recorder.call_ended(CallEnded(self.call_id, datetime.now(UTC), self._ending, self._facts()))
        return self._ending

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
        self._side_channels.append(send_event)
        send_event(server_events.session_created(self.config))

        def detach() -> None:
            if send_event in self._side_channels:
                self._side_channels.remove(send_event)

        return detach

    def end(self, reason: str) -> None:
        """Ends the call: at once, or after a spoken goodbye where the reason leaves time for one. Idempotent."""
        if self._ending:
            if reason not in _POLITE_ENDS:
                self._ended.set()
            return
        self._ending = reason
        goodbye = self._speaking.phrases.get("goodbye", "")
        if reason not in _POLITE_ENDS or not goodbye or self._state is None:
            self._ended.set()
            return
        self._spawn(self._end_after(self.settings.turns.goodbye_timeout_s))
        self._drop_turn_detection()
        # A reply of the server's own, by the same path as any other: it replaces what is being said.
        for action in self.machine.feed(Farewell(), self._clock()):
            if isinstance(action, StartReply):
                self._goodbye_reply = action.reply
                self._say(action.reply, goodbye)
            else:
                self._do(action)

    # --- what the desk and the parts call ---------------------------------------------------------------------------

    def emit(self, event: Mapping[str, object]) -> None:
        self._transport.send_event(event)
        for send in tuple(self._side_channels):
            send(event)

    def feed(self, event: Event) -> None:
        """Gives the turn machine an event, does what it answers, and sets the alarm for what comes next."""
        if self._ending and not isinstance(event, (PlayoutStarted, ReplyEnded)):
            return
        now = self._clock()
        for action in self.machine.feed(event, now):
            self._do(action)
        if isinstance(event, Hypothesis):
            self._show_words()
        self._set_alarm()
        self._show_state()

    def apply_config(self, config: SessionConfig) -> None:
        """The session's effective configuration from now on."""
        self.config = config
        self.machine.config = self._turn_config()
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
        return self._pending_config is not None

    def request_reply(self, config: ResponseConfig) -> None:
        """The client asks for a reply, to all that it has sent before."""
        self._pending_config = config
        self.input_audio.then(self._begin_requested)

    def _begin_requested(self) -> None:
        if self.reply_pending:
            self.feed(ReplyRequested())

    def stop_reply(self) -> None:
        """The client cancels the reply in progress, or the one it has asked for."""
        self._pending_config = None
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
        self._soon(self._noted.show)
        self.feed(CallerActive())

    # --- the machine's actions --------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        match action:
            case AnnounceSpeech():
                self._announce_speech()
            case StartReply(reply, text, speculative):
                self._start_reply(reply, text, speculative=speculative)
            case ReleaseReply(reply):
                self._judging = self.minutes.texts
                self._become(self._rehearsed)
                self.speaker.release(reply)
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
                self._commit_turn(text, segments, missing=missing)
            case DropTurn(segments, announced):
                self._drop_turn(segments, announced=announced)
            case ForgetSpeech(segments):
                self.listener.take(segments)
            case CutSegment():
                self._soon(self.listener.cut)
            case AskAgain(reply):
                self._say(reply, self._speaking.phrases.get("not_heard", ""))
            case Nudge(reply, text):
                self._say(reply, text)
            case IdleTimeout(reply):
                self._idle_timeout(reply)
            case WarnIdle(reply):
                self.emit(agent_events.idle_warning(self.settings.turns.idle_end_s))
                self._say(reply, self._speaking.phrases.get("idle", ""))
            case EndIdle():
                self._soon(lambda: self.end("idle"))

    def _announce_speech(self) -> None:
        if not self.listener.manual and self.input_events.state is not InputState.SPEAKING:
            self.input_events.speech_started(self.listener.speech_start_ms)

    def _start_reply(self, reply: int, text: str | None, *, speculative: bool) -> None:
        config = ResponseConfig.of(self.config)
        if self._pending_config is not None and not speculative:
            config, self._pending_config = self._pending_config, None
        script = self._script(config, text, speculative=speculative)
        self._rehearsed = self._speaking
        if config.input is None and script.request is not None:
            self._rehearsed = self._present(script.request.messages)
            if config.instructions == self.agent.instructions:
                request = replace(script.request, instructions=self._rehearsed.instructions)
                script = replace(script, request=request)
        if not speculative:
            self._become(self._rehearsed)
        self._speak(reply, script, config, self._rehearsed, held=speculative)

    def _say(self, reply: int, text: str) -> None:
        """Speaks words of the agent's own, without asking the model."""
        self._speak(reply, ReplyScript(say=text), ResponseConfig.of(self.config), self._speaking, held=False)

    def _speak(self, reply: int, script: ReplyScript, config: ResponseConfig, agent: Agent, *, held: bool) -> None:
        """The client's wish for the speed holds beside the caller's: "slower" makes what it is slower."""
        speed = config.speed * agent.speed / self.agent.speed
        config = replace(config, speed=round(min(max(speed, SPEED_RANGE[0]), SPEED_RANGE[1]), 2))
        self.speaker.start(
            reply, script, config, held=held, phrases=agent.phrases, openers=agent.openers, language=agent.language
        )

    def _become(self, agent: Agent) -> None:
        """From now on the caller hears it like this."""
        if agent.turns != self._speaking.turns:
            self._speaking = agent
            self.machine.config = self._turn_config()
        self._speaking = agent

    def _script(self, config: ResponseConfig, text: str | None, *, speculative: bool) -> ReplyScript:
        given = config.input
        messages = self.conversation.to_messages() if given is None else self._desk.messages_for(given)
        opening = text is None and given is None and not messages and not config.out_of_band
        if opening and config.instructions == self.agent.instructions:
            return ReplyScript(say=self.agent.greeting)
        if speculative and text:
            messages.append(Message("user", text))
        request = ReplyRequest(
            messages=tuple(messages),
            instructions=config.instructions,
            tools=self.tools.offered(config.tools),
            tool_choice=config.tool_choice,
            max_output_tokens=config.max_output_tokens,
            speculative=speculative,
        )
        waiting = [*self.minutes.unjudged]
        if speculative and text:
            waiting.append(text)
        self._judging = self.minutes.texts
        return ReplyScript(request=request, judge="\n".join(waiting))

    def _commit_turn(self, text: str, segments: tuple[int, ...], *, missing: bool) -> None:
        taken = self.listener.take(segments)
        end_ms = max((segment.end_ms for segment in taken), default=self.listener.now_ms)
        spoken_ms = sum(segment.end_ms - segment.start_ms for segment in taken)
        item_id = self.input_events.committed(end_ms)
        failed = next((segment.failed for segment in taken if segment.failed), "timeout" if missing else "")
        if text or not failed:
            self._show_speakers(item_id, taken)
            self.input_events.completed(item_id, text, spoken_ms / 1000)
        else:
            self.input_events.failed(item_id, failed, "The speech could not be transcribed.")
        if not text:
            return
        self._soon(self._noted.show)
        last = taken[-1] if taken else None
        self.minutes.caller_spoke(
            text,
            start_ms=taken[0].speech_start_ms if taken else self.listener.now_ms,
            end_ms=(last.speech_end_ms or last.end_ms) if last else self.listener.now_ms,
            audio_now_ms=self.listener.now_ms,
            words=tuple(word for segment in taken for word in segment.words),
            timing=timing_of(taken),
            verbatim=bool(taken) and all(segment.verbatim for segment in taken),
            last_speech=last.last_speech if last else self._clock(),
            stopped=last.committed_at if last else None,
            transcribed=last.settled_at if last else None,
            now=self._clock(),
        )

    def _show_speakers(self, item_id: str, segments: Sequence[Segment]) -> None:
        """Who said what, where the transcriber tells speakers apart. Times from the beginning of the turn."""
        for segment in segments:
            offset_ms = segment.start_ms - segments[0].start_ms
            for part in segment.speakers:
                start_s, end_s = (offset_ms + part.start_ms) / 1000, (offset_ms + part.end_ms) / 1000
                self.input_events.segment(item_id, part.text, speaker=part.speaker, start_s=start_s, end_s=end_s)

    def _drop_turn(self, segments: tuple[int, ...], *, announced: bool) -> None:
        taken = self.listener.take(segments)
        failed = next((segment.failed for segment in taken if segment.failed), "")
        if failed and announced and not self._clearing:
            item_id = self.input_events.committed(max(segment.end_ms for segment in taken))
            self.input_events.failed(item_id, failed, "The speech could not be transcribed.")
            return
        if self.input_events.state is InputState.SPEAKING:
            self.input_events.speech_stopped(self.listener.now_ms)
        if announced and not self.listener.manual and not self._clearing:
            self.input_events.cleared()
        else:
            self.input_events.discard()

    def _idle_timeout(self, reply: int) -> None:
        now_ms = self.listener.now_ms
        self.input_events.timeout_triggered(max(0, now_ms - (self.machine.config.idle_timeout_ms or 0)), now_ms)
        self._start_reply(reply, None, speculative=False)

    def _reply_ended(self, reply: int) -> None:
        if reply == self._goodbye_reply:
            self._ended.set()
        self.feed(ReplyEnded(reply))

    def _facts(self) -> CallFacts | None:
        """What the agent knows about the call; a mistake in it must not cost the call its end."""
        if self.agent.facts is None:
            return None
        try:
            return self.agent.facts(self.conversation.to_messages())
        except Exception:
            log.exception("The facts of a call could not be worked out")
            return None

    # --- small parts ------------------------------------------------------------------------------------------------

    def _turn_config(self) -> TurnConfig:
        return turn_config(self.config, self._speaking, self.settings.turns, hands_free=self._greet)

    def _drop_turn_detection(self) -> None:
        self.listener.configure(manual=True, prefix_ms=0)

    def _transcription_options(self) -> TranscriptionOptions:
        wanted = self.config.transcription
        return TranscriptionOptions(
            language=replace(self.config, language=self._speaking.language).transcription_language,
            prompt=(wanted.prompt if wanted else "") or self._speaking.transcription_prompt,
            hints=wanted.keywords if wanted else (),
            model=wanted.model if wanted else "",
        )

    def _playing(self, reply: int, times: ReplyTimes) -> None:
        marks = self.minutes.marks_ms(times, self._clock())
        if marks:
            self.emit(agent_events.timing(marks))
        self.feed(PlayoutStarted(reply))

    def _spoken(self, spoken: Spoken) -> None:
        self.minutes.agent_spoke(spoken)
        self.machine.thrifty = self.minutes.wasted_share > self.settings.turns.max_waste_share

    def _show_words(self) -> None:
        """Words of a turn that the client knows to have begun, while it goes on."""
        if self.input_events.state is not InputState.IDLE:
            self.input_events.hypothesis(self.input_events.item_id, self.machine.words)

    def _show_state(self) -> None:
        state: AgentState = "listening"
        if self.machine.paused:
            state = "paused"
        elif self.machine.phase is Phase.PLAYING:
            state = "speaking"
        elif self.machine.phase is Phase.THINKING and self.machine.caller is Caller.SILENT:
            state = "thinking"
        if state != self._state:
            self._state = state
            self.emit(agent_events.state(state))

    def _set_alarm(self) -> None:
        self._alarm.set(None if self._ending else self.machine.next_deadline())

    def _soon(self, act: Callable[[], object]) -> None:
        """Runs what would feed the machine from within its own answer, right after it."""
        asyncio.get_running_loop().call_soon(act)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _end_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._ended.set()


def _reply_limits(settings: Settings) -> ReplyLimits:
    return ReplyLimits(
        filler_after_s=settings.engines.filler_after_ms / 1000,
        max_tool_rounds=settings.turns.max_tool_rounds,
        new_splitter=partial(clause_splitter, settings.speech),
    )
