"""The report of a call as data: what the page shows and the API gives. JSON with a schema version.

Content (what was said) and delivery (how) stand apart. Times are ms from the start of the call; offsets into texts
count code points.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from voice_agent.analytics.measure import Frozen, Measure
from voice_agent.analytics.scores import Part
from voice_agent.engines.ports import Timing

SCHEMA_VERSION: Literal[1] = 1
DISCLAIMER = "ai_report"
"""Key of the text that every report is shown with: an AI made it, it can be wrong, and it is not a decision."""

MarkKind = Literal["filler_sound", "filler_word", "hedge"]
PaceResolution = Literal["window", "turn", "none"]


class CallMeta(Frozen):
    call_id: str
    agent: str
    started_at: datetime
    ended_at: datetime | None = None
    """None where the server was lost in the middle of the call."""
    language: str = "en"
    """BCP 47 tag of what was spoken; the facts of a language lesson name their own."""


class Mark(Frozen):
    """A filler or hedge at text[start:end]."""

    start: int
    end: int
    kind: MarkKind


class TurnLatency(Frozen):
    """Stages of one reply in ms; None where the stage did not happen. As in TurnMetrics."""

    end_of_turn_ms: int | None
    transcription_ms: int | None
    moderation_ms: int | None
    first_token_ms: int | None
    first_audio_ms: int | None
    voice_to_voice_ms: int | None


class TranscriptTurn(Frozen):
    seq: int
    role: Literal["user", "assistant"]
    channel: Literal["voice", "text"]
    text: str
    """What was said or typed; of the agent what the caller heard."""
    start_ms: int
    end_ms: int
    interrupted: bool
    timing: Timing
    question_id: str = ""
    """The question that this turn answers."""
    marks: tuple[Mark, ...] = ()
    latency: TurnLatency | None = None
    """Of the agent's turns."""


class PacePoint(Frozen):
    start_ms: int
    end_ms: int
    words_per_minute: float


class Delivery(Frozen):
    """How it was said. Never part of a score of content."""

    measures: tuple[Measure, ...]
    pace: tuple[PacePoint, ...]
    pace_resolution: PaceResolution
    """Points are windows of 15 s, or whole turns where the transcriber gives no word times."""


class ScoredPart(Frozen):
    part: Part
    points: int
    quote: str


class QuestionScores(Frozen):
    """Only scores whose quotes were found in the answer; `rejected` names the others."""

    parts: tuple[ScoredPart, ...]
    competency: int | None
    competency_anchor: str = ""
    """The question's own words for that score, where it has them."""
    competency_quote: str = ""
    strength: str = ""
    advice: str = ""
    source: str
    rejected: tuple[str, ...] = ()
    """Parts (or "competency") without a score, because its quote is nothing that the caller said."""


class ModelAnswer(Frozen):
    """A better answer built from the caller's own facts alone."""

    text: str
    source: str = "rules"


class QuestionReport(Frozen):
    id: str
    competency: str
    text: str
    why: str
    asked: bool
    skipped: bool
    target_s: tuple[int, int]
    turns: tuple[int, ...] = ()
    """Numbers (`seq`) of the turns that answer it, follow-ups included."""
    scores: QuestionScores | None = None
    content: tuple[Measure, ...] = ()
    delivery: tuple[Measure, ...] = ()
    model_answer: ModelAnswer | None = None


class SkillEvidence(Frozen):
    skill: str
    quote: str = ""
    """Empty: no answer shows it."""
    turn: int | None = None


class InterviewReport(Frozen):
    kind: Literal["interview"] = "interview"
    role: str
    level: str
    mode: Literal["practice", "realistic"]
    finished: bool
    questions: tuple[QuestionReport, ...]
    skills: tuple[SkillEvidence, ...]
    content: tuple[Measure, ...]


class StepReport(Frozen):
    text: str
    outcome: Literal["worked", "failed", "skipped", "unknown"]


class TicketReport(Frozen):
    number: int
    summary: str
    priority: str


class HelpdeskReport(Frozen):
    kind: Literal["helpdesk"] = "helpdesk"
    problem: str
    article_id: str
    article_title: str
    category: str
    priority: str
    steps: tuple[StepReport, ...]
    ticket: TicketReport | None
    resolution: Literal["confirmed", "unconfirmed", "unresolved"]
    escalation: Literal["none", "planned", "forced"]
    csat_asked: bool
    csat: int | None


class CorrectionReport(Frozen):
    said: str
    better: str
    kind: str
    elicited: bool
    turn: int | None = None
    taken_up: bool | None = None
    """Whether the better form was used within three turns; None: there was no turn after it."""


class LanguageReport(Frozen):
    kind: Literal["language"] = "language"
    language: str
    level: str
    corrections: tuple[CorrectionReport, ...]
    items_done: int
    items_right: int
    content: tuple[Measure, ...]


class Drill(Frozen):
    """One exercise. `reason`: the finding that it answers to."""

    id: str
    title: str
    text: str
    reason: str


class Review(Frozen):
    """The three sentences at the top, by rules or by a language model (`source` is its name)."""

    summary: str
    strength: str = ""
    focus: str = ""
    source: str = "rules"


Section = Annotated[InterviewReport | HelpdeskReport | LanguageReport, Field(discriminator="kind")]


class Report(Frozen):
    schema_version: Literal[1] = SCHEMA_VERSION
    call: CallMeta
    duration_s: float
    review: Review
    section: Section | None
    """None where the agent has nothing of its own to say about the call."""
    delivery: Delivery | None
    """None for a helpdesk call: who needs help is not coached."""
    conversation: tuple[Measure, ...]
    """Talk ratio and the agent's latency."""
    transcript: tuple[TranscriptTurn, ...]
    drills: tuple[Drill, ...]
    disclaimer: str = DISCLAIMER

    def measures(self) -> tuple[Measure, ...]:
        """The figures of the call as a whole, for trends."""
        content = () if self.section is None or self.section.kind == "helpdesk" else self.section.content
        return (*content, *(self.delivery.measures if self.delivery else ()), *self.conversation)
