"""What the turn machine knows of the two who talk: the caller's turn under way, and the agent's reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from voice_agent.call.interruption import Overlap
from voice_agent.realtime.agent_events import AgentState
from voice_agent.text.words import folded


class Caller(Enum):
    SILENT = auto()
    SPEAKING = auto()
    PAUSED = auto()
    """Within a turn, between its last speech and its end."""


class Phase(Enum):
    HELD = auto()
    THINKING = auto()
    PLAYING = auto()


@dataclass(slots=True)
class AgentReply:
    """The one reply that exists. Times in s."""

    id: int
    phase: Phase
    text: str | None = None
    """The caller's words that it answers; None: no new turn."""
    since: float = 0.0
    may_wait: bool = False
    """The model may take the caller for unfinished, and has not judged yet."""
    paused: bool = False
    playing_since: float = 0.0

    def held_for(self, text: str) -> bool:
        """Whether it is held, and answers these words."""
        return self.phase is Phase.HELD and folded(self.text or "") == folded(text)

    def pause_at(self, speech_started: float, warmup_ms: int) -> float:
        """When speech over it pauses it: at once, but not in the moments in which an echo canceller adapts."""
        if self.phase is not Phase.PLAYING:
            return speech_started
        return max(speech_started, self.playing_since + warmup_ms / 1000)


@dataclass(slots=True)
class SpokenSegment:
    text: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model said of a turn with these words."""

    words: str
    finished: bool
    took_s: float


@dataclass(slots=True)
class CallerTurn:
    """The caller's turn under way. Times in s."""

    started: float
    speaking: bool = False
    over_reply: bool = False
    """Speech over a reply that is not yet known to be an interruption."""
    announced: bool = False
    segments: dict[int, SpokenSegment] = field(default_factory=dict)
    run_started: float = 0.0
    spoken_s: float = 0.0
    last_speech: float = 0.0
    quiet_since: float | None = None
    """Since when the caller says nothing: a lull, perhaps of the same segment, or a pause."""
    speculations: int = 0
    commit_requested: bool = False
    known_at: float = 0.0
    """When its words were told last."""
    judgement: Judgement | None = None
    waits: int = 0
    """How often the model took it for unfinished."""
    before: str = ""
    """The lines of the turn before, where its reply came while the caller had more to say: this is the rest of it."""

    @property
    def text(self) -> str:
        return " ".join(s.text.strip() for s in self.segments.values() if s.text.strip())

    @property
    def lines(self) -> str:
        """The text with a line for each run of speech: where the caller paused tells whether more is to come."""
        own = [s.text.strip() for s in self.segments.values() if s.text.strip()]
        return "\n".join((self.before, *own) if self.before and own else own)

    @property
    def model_says(self) -> bool | None:
        """Whether the model takes it for finished as it stands; None: it has not been asked, or not judged yet."""
        if self.judgement is None or folded(self.judgement.words) != folded(self.text):
            return None
        return self.judgement.finished

    @property
    def settled(self) -> bool:
        """Whether all its words are known."""
        return all(s.final for s in self.segments.values())

    def starts(self, segment: int, now: float) -> None:
        self.segments[segment] = SpokenSegment()
        self.run_started = now
        self.speaking = True
        self.quiet_since = None

    def stops(self, last_speech: float, now: float) -> None:
        if self.quiet_since is None:
            self.quiet_since = now
        self.last_speech = max(last_speech, self.run_started)
        self.spoken_s += self.last_speech - self.run_started
        self.speaking = False

    def hears(self, segment: int, text: str, now: float, *, final: bool) -> None:
        """The words of a segment so far; nothing changes them any more once they were final."""
        known = self.segments[segment]
        if not known.final:
            known.text, known.final = text, final
            self.known_at = now

    def overlap(self, now: float) -> Overlap:
        """What is known of it as speech over the agent."""
        spoken_s = self.spoken_s + (now - self.run_started if self.speaking else 0.0)
        return Overlap(self.text, self.settled and not self.speaking, self.speaking, spoken_s * 1000)


def agent_state(phase: Phase | None, caller: Caller, *, paused: bool) -> AgentState:
    """What the client shows of the agent."""
    if paused:
        return "paused"
    if phase is Phase.PLAYING:
        return "speaking"
    return "thinking" if phase is Phase.THINKING and caller is Caller.SILENT else "listening"
