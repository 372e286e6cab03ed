"""What the turn machine takes (events), answers (actions) and is configured by. Plain values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller speaks; a transcription stream was opened for this segment."""

    segment: int


@dataclass(frozen=True, slots=True)
class Lull:
    """The segment has fallen silent, too shortly yet to say that it is over."""

    segment: int


@dataclass(frozen=True, slots=True)
class LullOver:
    """The same segment goes on."""

    segment: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The caller paused; the segment's stream was committed. `last_speech` lies a little in the past."""

    segment: int
    last_speech: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """The transcriber's words for a segment, replacing earlier ones. A failed segment is final with what it had."""

    segment: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class CommitRequested:
    """The client ends the turn itself (manual turn detection)."""


@dataclass(frozen=True, slots=True)
class InputCleared:
    """The client throws away what the caller has said of this turn."""


@dataclass(frozen=True, slots=True)
class ReplyRequested:
    """The client asks for a reply now."""


@dataclass(frozen=True, slots=True)
class ReplyCancelled:
    """The client cancels generation and playout."""


@dataclass(frozen=True, slots=True)
class PlayoutCleared:
    """The client clears what is being played; whatever still generates goes with it."""


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    reply: int


@dataclass(frozen=True, slots=True)
class ModelJudged:
    """By the first token of a reply that may wait: the model answers, or takes the caller for unfinished. None: it says
    neither, as when it fails."""

    reply: int
    finished: bool | None


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """Generated and drained, or failed: the floor is free."""

    reply: int


@dataclass(frozen=True, slots=True)
class CallerActive:
    """The client did something else than speak (typed, clicked): silence starts anew."""


@dataclass(frozen=True, slots=True)
class ContextChanged:
    """What a reply answers has changed otherwise than by speech: an item, or the session."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """The call ends with a reply of its own: whatever is under way makes room for it."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline may have passed."""


Event = (
    SpeechStarted
    | Lull
    | LullOver
    | SpeechStopped
    | Hypothesis
    | CommitRequested
    | InputCleared
    | ReplyRequested
    | ReplyCancelled
    | PlayoutCleared
    | PlayoutStarted
    | ModelJudged
    | ReplyEnded
    | CallerActive
    | ContextChanged
    | Farewell
    | Tick
)

# --- actions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnnounceSpeech:
    """Tell the client that the caller's turn has begun."""


@dataclass(frozen=True, slots=True)
class StartReply:
    """Begin a reply. Speculative: hold it, let no tool run. `text` is the turn it answers (None: no new turn).
    `may_wait`: the model may say that the caller has not finished, instead of answering; `ModelJudged` follows."""

    reply: int
    text: str | None
    speculative: bool
    may_wait: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    """`due`: since when the turn has seemed over; it may have been held open for the model's judgement."""

    reply: int
    due: float


@dataclass(frozen=True, slots=True)
class DiscardReply:
    """A held reply that nobody heard of: throw it away and count its cost."""

    reply: int


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop generating and playing; history keeps what was heard."""

    reply: int
    reason: Literal["turn_detected", "client_cancelled"]


@dataclass(frozen=True, slots=True)
class PausePlayout:
    pass


@dataclass(frozen=True, slots=True)
class ResumePlayout:
    pass


@dataclass(frozen=True, slots=True)
class CommitTurn:
    """The caller's turn is over. `missing`: a final transcript did not come in time."""

    text: str
    segments: tuple[int, ...]
    missing: bool


@dataclass(frozen=True, slots=True)
class DropTurn:
    """What was heard held no words, or was only a backchannel. `announced`: the client was told that it began."""

    segments: tuple[int, ...]
    announced: bool


@dataclass(frozen=True, slots=True)
class ForgetSpeech:
    """What the caller said behind a committed turn was thrown away; that turn itself goes on."""

    segments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Nudge:
    """The caller is silent: say this as a reply of its own."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """`idle_timeout_ms` of server_vad has passed: the model is asked to speak."""

    reply: int


@dataclass(frozen=True, slots=True)
class AskAgain:
    """Real speech, but no words in it: say so, rather than guess."""

    reply: int


@dataclass(frozen=True, slots=True)
class CutSegment:
    """The turn is overlong: end the open segment now; its `SpeechStopped` is awaited."""


@dataclass(frozen=True, slots=True)
class WarnIdle:
    reply: int


@dataclass(frozen=True, slots=True)
class EndIdle:
    pass


Action = (
    AnnounceSpeech
    | StartReply
    | ReleaseReply
    | DiscardReply
    | CancelReply
    | PausePlayout
    | ResumePlayout
    | CommitTurn
    | DropTurn
    | ForgetSpeech
    | Nudge
    | IdleTimeout
    | AskAgain
    | CutSegment
    | WarnIdle
    | EndIdle
)

# --- configuration --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnConfig:
    """How this call takes turns. Delays in ms, silences in s."""

    detection: bool = True
    """False: the client decides when a turn ends (`turn_detection: null`)."""
    min_delay_ms: int = 250
    max_delay_ms: int = 2500
    create_response: bool = True
    interrupt_response: bool = True
    interrupt_min_ms: int = 700
    interrupt_min_words: int = 2
    resume_after_ms: int = 700
    echo_warmup_ms: int = 300
    final_timeout_ms: int = 3000
    unclear_min_ms: int = 800
    max_unclear: int = 2
    max_utterance_s: float = 90
    speculation: bool = True
    max_speculations: int = 3
    speculate_from: float = 0.5
    """Completeness from which words that may still change are worth a speculative reply."""
    ask_model: bool = False
    """The model that is begun in a pause has a say in whether the turn is over."""
    judgement_timeout_ms: int = 1000
    """For its judgement a turn that seems over is held open so long, since it was asked."""
    max_waits: int = 6
    """In one turn."""
    max_wrong_waits: int = 2
    """A model that was wrong so often is not asked any more in this call."""
    trust_model_after: int = 1
    """A model that was right so often ends turns that seem open, too."""
    speculation_lead_ms: int = 1000
    """With the final words known, a reply is begun so long before the end of the turn, not sooner."""
    cut_into_s: float = 2.0
    """Speech so soon after a commit, over the reply to it, is the rest of that turn."""
    nudges: tuple[tuple[float, str], ...] = ()
    wrap_up: str = ""
    """Said to a caller who has talked for `wrap_up_after_s` and pauses for `wrap_up_pause_ms`; empty: never."""
    wrap_up_after_s: float = 120
    wrap_up_pause_ms: int = 1000
    idle_warning_s: float | None = None
    idle_end_s: float = 20
    idle_timeout_ms: int | None = None
