"""The turn machine: who has the floor. Pure: `feed(event, now) -> actions`, `next_deadline() -> now | None`.

It awaits nothing, reads no clock and does no I/O; `CallSession` feeds it and carries out what it answers. Times are
seconds on one monotonic clock.

**The caller's turn.** Speech comes in segments, each transcribed on its own, so that its text is known while the
pause is still being judged. One anchor: the last speech. The wait grows with doubt (`endpointing`):

    caller    ######....#########............
    segment   [  1 ]    [   2   ]
    finals        "my printer"  "says offline"
                                ^ last speech
                                |<- delay ->| commit: "my printer says offline"
                              ^ a lull, and the words so far seem complete: a reply begins, held (speculation)
                                   ^ final text known: the same words keep that reply, others begin another

**The agent's reply.** At most one exists. It is HELD (speculative; nobody hears of it), THINKING (asked for, no sound
yet), PLAYING; a reply that was generated ends when it has drained. A held reply is released only if the words it
was begun with are the words that were committed; else it is discarded. Its model may also say that the caller has not
finished: it is discarded then, and the caller waited for (`patience.py`).

**Speech over the reply.** The playout pauses at once, and is then either given up or resumed (`interruption.py`):

    agent     ===========|  paused  |=========      "uh-huh": resumes where it paused
    caller               ###........

    agent     ===========|  paused |                "no wait, it's ...": stops; history keeps what was heard
    caller               #####################

In the first moments of a reply the caller's echo canceller has not yet adapted: speech must outlast the warm-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from voice_agent.call.endpointing import CompletenessModel, completeness
from voice_agent.call.interruption import InterruptionPolicy, Verdict, policy
from voice_agent.call.patience import Patience
from voice_agent.call.silence import Silence
from voice_agent.call.turn_state import AgentReply, Caller, CallerTurn, Judgement, Phase
from voice_agent.call.turn_types import (
    Action,
    AnnounceSpeech,
    AskAgain,
    CallerActive,
    CancelReply,
    CommitRequested,
    CommitTurn,
    ContextChanged,
    CutSegment,
    DiscardReply,
    DropTurn,
    EndIdle,
    Event,
    Farewell,
    ForgetSpeech,
    Hypothesis,
    InputCleared,
    Lull,
    LullOver,
    ModelJudged,
    Nudge,
    PausePlayout,
    PlayoutCleared,
    PlayoutStarted,
    ReleaseReply,
    ReplyCancelled,
    ReplyEnded,
    ReplyRequested,
    ResumePlayout,
    SpeechStarted,
    SpeechStopped,
    StartReply,
    Tick,
    TurnConfig,
)


class TurnMachine:
    """One call's turn-taking. `config` may be replaced at any time between two feeds."""

    def __init__(
        self,
        config: TurnConfig,
        now: float,
        *,
        complete: CompletenessModel = completeness,
        interruption: InterruptionPolicy | None = None,
    ) -> None:
        self.config = config
        self.patience = Patience(complete)
        self._interruption = interruption
        self._turn: CallerTurn | None = None
        self._following: CallerTurn | None = None
        """Speech that goes on while the turn before it was ended by a commit and still awaits its words."""
        self._reply: AgentReply | None = None
        self._reply_ids = 0
        self._reply_due: str | None = None
        """A committed turn that waits for the reply before it to end (`interrupt_response: false`)."""
        self._reply_asked = False
        """The client wants a reply to a turn that it has committed and whose words are not known yet."""
        self._unclear = 0
        self._committed = ("", 0.0)
        """The lines of the last turn, and when it was committed."""
        self._now = now
        self._silence = Silence(now)

    # What the session may ask.

    @property
    def caller(self) -> Caller:
        if self._turn is None:
            return Caller.SILENT
        return Caller.SPEAKING if self._turn.speaking else Caller.PAUSED

    @property
    def phase(self) -> Phase | None:
        return self._reply.phase if self._reply else None

    @property
    def paused(self) -> bool:
        return self._reply is not None and self._reply.paused

    @property
    def awaits_words(self) -> bool:
        """A turn was committed and is held back only by its transcript."""
        return self._turn is not None and self._turn.commit_requested

    @property
    def words(self) -> str:
        """What the caller's turn under way says so far; may change until it is committed."""
        return self._turn.text if self._turn and not self._turn.over_reply else ""

    def feed(self, event: Event, now: float) -> list[Action]:
        """Takes one event; returns what is to be done, in order."""
        actions: list[Action] = []
        self._now = now
        match event:
            case SpeechStarted(segment):
                self._speech_started(segment, now, actions)
            case Lull(segment):
                self._lull(segment, now)
            case LullOver(segment):
                self._lull(segment, None)
            case SpeechStopped(segment, last_speech):
                self._speech_stopped(segment, last_speech, now)
            case Hypothesis(segment, text, final):
                self._hypothesis(segment, text, now, final=final)
            case CommitRequested():
                self._commit_requested(actions)
            case InputCleared():
                self._input_cleared(now, actions)
            case ReplyRequested():
                self._reply_requested(now, actions)
            case ReplyCancelled():
                self._reply_asked = False
                self._client_stopped(now, actions)
            case PlayoutCleared():
                self._client_stopped(now, actions)
            case PlayoutStarted(reply):
                if self._reply and self._reply.id == reply:
                    self._reply.phase = Phase.PLAYING
                    self._reply.playing_since = now
            case ModelJudged(reply, finished):
                self._model_judged(reply, now, actions, finished=finished)
            case ReplyEnded(reply):
                self._reply_ended(reply, now, actions)
            case CallerActive():
                self._silence.broken(now)
            case ContextChanged():
                self._drop_held(actions)
            case Farewell():
                self._farewell(actions)
                return actions
            case Tick():
                pass
        self._settle(now, actions)
        return actions

    def next_deadline(self) -> float | None:
        """When `Tick` is due, at the latest. What was due by the last `feed` has been judged in it."""
        return min((at for at in self._deadlines() if at > self._now), default=None)

    # --- the caller -------------------------------------------------------------------------------------------------

    def _speech_started(self, segment: int, now: float, actions: list[Action]) -> None:
        self._silence.broken(now)
        turn = self._turn
        if turn is None:
            turn = self._turn = CallerTurn(started=now)
            self._open(turn, actions)
        elif turn.commit_requested and not turn.speaking:
            turn = self._following = self._following or CallerTurn(started=now)
        turn.starts(segment, now)

    def _open(self, turn: CallerTurn, actions: list[Action]) -> None:
        reply = self._reply
        lines, committed_at = self._committed
        if reply and turn.started - committed_at <= self.config.cut_into_s:
            turn.before = lines
        if reply and reply.phase is not Phase.HELD and self.config.detection and self.config.interrupt_response:
            turn.over_reply = True
        else:
            self._announce(turn, actions)

    def _turn_of(self, segment: int) -> CallerTurn | None:
        return next((t for t in (self._turn, self._following) if t and segment in t.segments), None)

    def _lull(self, segment: int, since: float | None) -> None:
        turn = self._turn_of(segment)
        if turn is not None and turn.speaking:
            turn.quiet_since = since

    def _speech_stopped(self, segment: int, last_speech: float, now: float) -> None:
        turn = self._turn_of(segment)
        if turn is not None and turn.speaking:
            turn.stops(last_speech, now)

    def _hypothesis(self, segment: int, text: str, now: float, *, final: bool) -> None:
        turn = self._turn_of(segment)
        if turn is None:
            return
        awaited = turn.model_says is False
        turn.hears(segment, text, now, final=final)
        if awaited and turn.model_says is None:
            self.patience.trust.waited_rightly()

    def _commit_requested(self, actions: list[Action]) -> None:
        turn = self._following or self._turn
        if turn is None:
            return
        turn.commit_requested = True
        # What the client commits is a turn, whatever was said, and no interruption.
        self._no_interruption(turn, actions)

    def _no_interruption(self, turn: CallerTurn, actions: list[Action]) -> None:
        """Speech over the reply is simply a turn: the reply goes on."""
        if turn.over_reply:
            turn.over_reply = False
            if self._reply:
                self._resume(self._reply, actions)
            self._announce(turn, actions)

    def _nothing_interrupted(self, actions: list[Action]) -> None:
        """The reply under the caller's speech is gone by itself: what they say is simply the next turn."""
        if self._turn and self._turn.over_reply:
            self._turn.over_reply = False
            self._announce(self._turn, actions)

    def _input_cleared(self, now: float, actions: list[Action]) -> None:
        turn, following = self._turn, self._following
        if turn is None:
            return
        if turn.commit_requested:
            if following and not following.commit_requested:
                self._following = None
                actions.append(ForgetSpeech(tuple(following.segments)))
            return
        self._drop_held(actions)
        if self._reply:
            self._resume(self._reply, actions)
        self._drop_turn(turn, now, actions)

    def _announce(self, turn: CallerTurn, actions: list[Action]) -> None:
        if not turn.announced:
            turn.announced = True
            actions.append(AnnounceSpeech())

    # --- the reply --------------------------------------------------------------------------------------------------

    def _start_reply(self, text: str | None, *, speculative: bool, may_wait: bool = False) -> StartReply:
        self._reply_ids += 1
        phase = Phase.HELD if speculative else Phase.THINKING
        self._reply = AgentReply(self._reply_ids, phase, text, self._now, may_wait)
        return StartReply(self._reply_ids, text, speculative, may_wait)

    def _drop_held(self, actions: list[Action]) -> None:
        if self._reply and self._reply.phase is Phase.HELD:
            actions.append(DiscardReply(self._reply.id))
            self._reply = None

    def _cancel(self, reason: Literal["turn_detected", "client_cancelled"], actions: list[Action]) -> None:
        if self._reply:
            actions.append(CancelReply(self._reply.id, reason))
            self._reply = None

    def _reply_requested(self, now: float, actions: list[Action]) -> None:
        self._drop_held(actions)
        self._cancel("client_cancelled", actions)
        self._silence.broken(now)
        self._nothing_interrupted(actions)
        # The reply is to all that was said: the turn that waited for the end of the one before is among it.
        text, self._reply_due = self._reply_due, None
        if self._turn and self._turn.commit_requested:
            self._reply_asked = True
        else:
            actions.append(self._start_reply(text, speculative=False))

    def _farewell(self, actions: list[Action]) -> None:
        self._drop_held(actions)
        self._cancel("client_cancelled", actions)
        self._turn = self._following = self._reply_due = None
        self._reply_asked = False
        actions.append(self._start_reply(None, speculative=False))

    def _client_stopped(self, now: float, actions: list[Action]) -> None:
        self._drop_held(actions)
        self._cancel("client_cancelled", actions)
        self._reply_due = None
        self._silence.broken(now)
        self._nothing_interrupted(actions)

    def _model_judged(self, reply_id: int, now: float, actions: list[Action], *, finished: bool | None) -> None:
        turn, reply = self._turn, self._reply
        if reply is None or reply.id != reply_id or not reply.may_wait:
            return
        reply.may_wait = False
        if reply.phase is not Phase.HELD:
            # Too late: it is asked again and has to answer, which costs the caller as long once more.
            if finished is False:
                self.patience.trust.waited_in_vain()
        elif turn is not None and not turn.commit_requested and finished is not None:
            turn.judgement = Judgement(reply.text or "", finished, now - reply.since)
            if not finished:
                turn.waits += 1
                turn.speculations -= 1
                self._drop_held(actions)

    def _reply_ended(self, reply: int, now: float, actions: list[Action]) -> None:
        if self._reply is None or self._reply.id != reply:
            return
        self._reply = None
        self._nothing_interrupted(actions)
        if self._turn is None:
            self._silence.reply_ended(now)
        if self._reply_due is not None:
            text, self._reply_due = self._reply_due, None
            actions.append(self._start_reply(text, speculative=False))

    # --- what follows from the state --------------------------------------------------------------------------------

    def _settle(self, now: float, actions: list[Action]) -> None:
        if self._turn and not (self.config.detection and self.config.interrupt_response):
            self._no_interruption(self._turn, actions)
        if self._turn and self._turn.over_reply:
            self._judge_overlap(self._turn, now, actions)
        while (turn := self._turn) and not turn.over_reply:
            self._judge_end(turn, now, actions)
            if self._turn is turn or self._following is None:
                break
            self._turn, self._following = self._following, None
            self._open(self._turn, actions)
            if self._turn.over_reply:
                self._judge_overlap(self._turn, now, actions)
        self._judge_silence(now, actions)

    def _judge_overlap(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        reply = self._reply
        assert reply is not None  # over_reply is cleared wherever the reply goes
        speaking = turn.speaking
        judge = self._interruption or policy(
            min_ms=self.config.interrupt_min_ms, min_words=self.config.interrupt_min_words
        )
        verdict = judge(turn.overlap(now))
        endless = speaking and now >= turn.started + self.config.max_utterance_s
        if verdict is Verdict.CONFIRM or endless:
            turn.over_reply = False
            self._announce(turn, actions)
            self._cancel("turn_detected", actions)
        elif verdict is Verdict.DISMISS:
            self._resume(reply, actions)
            self._drop_turn(turn, now, actions)
        elif verdict is Verdict.IGNORE:
            self._resume(reply, actions)
        elif speaking:
            if not reply.paused and now >= reply.pause_at(turn.run_started, self.config.echo_warmup_ms):
                reply.paused = True
                actions.append(PausePlayout())
        elif now >= turn.last_speech + self.config.resume_after_ms / 1000:
            # The agent goes on; should the transcriber still find words, they confirm the interruption then.
            self._resume(reply, actions)

    def _resume(self, reply: AgentReply, actions: list[Action]) -> None:
        if reply.paused:
            reply.paused = False
            actions.append(ResumePlayout())

    def _judge_end(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        config = self.config
        speaking = turn.speaking
        if speaking and self._reply and not self._reply.held_for(turn.text):
            self._drop_held(actions)
        if speaking and not turn.commit_requested and now >= turn.started + config.max_utterance_s:
            turn.commit_requested = True
            actions.append(CutSegment())
        if speaking:
            self._speculate(turn, now, actions)
            return
        if not (turn.commit_requested or config.detection):
            return
        if turn.settled and not turn.text and config.detection:
            self._drop_wordless(turn, now, actions)
            return
        if turn.settled and self.patience.may_wait(turn, config, now):
            self._speculate(turn, now, actions)
        if now >= self.patience.turn_end(turn, self._reply, config):
            self._commit(turn, now, actions)
        elif (wrap_up := self._wrap_up_at(turn)) is not None and now >= wrap_up:
            self._wrap_up(turn, now, actions)
        else:
            self._speculate(turn, now, actions)

    def _drop_wordless(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        self._drop_held(actions)
        self._drop_turn(turn, now, actions)
        self._ask_again(turn, actions)

    def _ask_again(self, turn: CallerTurn, actions: list[Action]) -> None:
        """Real speech without words is asked about, be it that there are none or that they did not come in time."""
        if turn.spoken_s * 1000 < self.config.unclear_min_ms:
            return
        if self._reply is None and self.config.create_response and self._unclear < self.config.max_unclear:
            self._unclear += 1
            actions.append(AskAgain(self._start_reply(None, speculative=False).reply))

    def _wrap_up_at(self, turn: CallerTurn) -> float | None:
        if self._reply is not None and self._reply.phase is not Phase.HELD:
            return None
        return self.patience.wrap_up(turn, self.config)

    def _wrap_up(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        self._turn = None
        self._silence.broken(now)
        self._announce(turn, actions)
        self._drop_held(actions)
        self._unclear = 0
        actions.append(CommitTurn(turn.text, tuple(turn.segments), missing=False))
        if not self._start_asked(actions):
            actions.append(Nudge(self._start_reply(None, speculative=False).reply, self.config.wrap_up))

    def _speculate(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        at = self.patience.speculation(turn, self._reply, self.config)
        if at is None or now < at:
            return
        self._drop_held(actions)
        if turn.speculations < self.config.max_speculations:
            turn.speculations += 1
            may_wait = self.patience.may_wait(turn, self.config, now)
            actions.append(self._start_reply(turn.text, speculative=True, may_wait=may_wait))

    def _commit(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        text, missing = turn.text, not turn.settled
        if self.patience.waited_in_vain(turn):
            self.patience.trust.waited_in_vain()
        self._committed = (turn.lines, now)
        self._turn = None
        self._silence.broken(now)
        self._announce(turn, actions)
        if self._reply and not self._reply.held_for(text):
            self._drop_held(actions)
        actions.append(CommitTurn(text, tuple(turn.segments), missing))
        if self._start_asked(actions):
            return
        if not (self.config.create_response and self.config.detection):
            return
        if not text:
            self._ask_again(turn, actions)
            return
        self._unclear = 0
        if self._reply is not None and self._reply.phase is Phase.HELD:
            self._reply.phase = Phase.THINKING
            due = max(self.patience.due(turn, self.config), turn.known_at)
            actions.append(ReleaseReply(self._reply.id, min(now, due)))
        elif self._reply is not None:
            self._reply_due = text
        else:
            actions.append(self._start_reply(text, speculative=False))

    def _drop_turn(self, turn: CallerTurn, now: float, actions: list[Action]) -> None:
        self._turn = None
        self._silence.broken(now)
        actions.append(DropTurn(tuple(turn.segments), turn.announced))
        self._start_asked(actions)

    def _start_asked(self, actions: list[Action]) -> bool:
        """Begins the reply that the client wants to the turns it has committed, when no more words are awaited."""
        if not self._reply_asked or (self._following and self._following.commit_requested):
            return False
        self._reply_asked = False
        actions.append(self._start_reply(None, speculative=False))
        return True

    # --- silence, and what is due when ------------------------------------------------------------------------------

    def _judge_silence(self, now: float, actions: list[Action]) -> None:
        if self._turn or self._reply:
            return
        due = self._silence.judge(now, self.config)
        if isinstance(due, EndIdle):
            actions.append(due)
        elif due is not None:
            actions.append(due(self._start_reply(None, speculative=False).reply))

    def _deadlines(self) -> Iterable[float]:
        config = self.config
        turn, reply = self._turn, self._reply
        if turn and turn.over_reply and reply:
            if turn.speaking:
                if not reply.paused:
                    yield reply.pause_at(turn.run_started, self.config.echo_warmup_ms)
                yield turn.run_started + max(config.interrupt_min_ms / 1000 - turn.spoken_s, 0.0)
                yield turn.started + config.max_utterance_s
            elif reply.paused:
                yield turn.last_speech + config.resume_after_ms / 1000
        elif turn and turn.speaking:
            yield turn.started + config.max_utterance_s
            yield from _given(self.patience.speculation(turn, reply, config))
        elif turn and (config.detection or turn.commit_requested):
            yield self.patience.turn_end(turn, reply, config)
            yield from _given(self._wrap_up_at(turn), self.patience.speculation(turn, reply, config))
        if not turn and not reply:
            yield from self._silence.deadlines(config)


def _given(*moments: float | None) -> Iterable[float]:
    return (at for at in moments if at is not None)
