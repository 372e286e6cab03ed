"""What an agent knows about its call when it has ended: the frame into which a report puts the transcript.

Facts come from the conversation's messages alone (`Agent.facts`), with a language model or without one. Texts of the
caller stand here word for word, so that they can be found in the turns again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedQuestion(_Facts):
    """One question of the plan, asked or not."""

    id: str
    competency: str
    text: str
    why: str
    """Why it is in the plan, for the reader of the report."""
    rubric: dict[int, str] = Field(default_factory=dict)
    """Anchors of the scores 1, 3 and 5."""
    target_s: tuple[int, int] = (60, 120)
    """Seconds of a good answer, shortest and longest."""
    model_outline: str = ""
    asked: bool = False
    skipped: bool = False
    probes: int = 0
    """Follow-up questions that were asked."""
    answers: tuple[str, ...] = ()
    """What the caller said to it and to its follow-ups, in order, each a whole turn."""


class InterviewFacts(_Facts):
    kind: Literal["interview"] = "interview"
    role: str = ""
    level: str = ""
    mode: Literal["practice", "realistic"] = "practice"
    questions: tuple[AskedQuestion, ...] = ()
    required_skills: tuple[str, ...] = ()
    """From the job description."""
    finished: bool = False
    """The closing was reached."""


class StepTried(_Facts):
    text: str
    outcome: Literal["worked", "failed", "skipped", "unknown"] = "unknown"


class HelpdeskFacts(_Facts):
    kind: Literal["helpdesk"] = "helpdesk"
    problem: str = ""
    """The caller's first description of it."""
    article_id: str = ""
    article_title: str = ""
    category: str = ""
    priority: str = ""
    """P1 to P4; empty where none was set."""
    steps: tuple[StepTried, ...] = ()
    ticket_number: int | None = None
    ticket_summary: str = ""
    escalation: Literal["none", "planned", "forced"] = "none"
    """Planned: the article says so, or its steps failed. Forced: the caller asked for a person, was angry, or was not
    understood."""
    resolution: Literal["confirmed", "unconfirmed", "unresolved"] = "unresolved"
    """Confirmed: the caller said that it is fixed. Unconfirmed: the call ended without a word on it."""
    csat_asked: bool = False
    csat: int | None = None
    """1 (worst) to 5."""


class Correction(_Facts):
    said: str
    """The caller's words that carry the error."""
    better: str
    kind: str = ""
    """The rule, such as "past tense"."""
    elicited: bool = False
    """The caller was asked for the right form because the error came again."""


class LanguageFacts(_Facts):
    kind: Literal["language"] = "language"
    language: str = "en"
    level: str = ""
    corrections: tuple[Correction, ...] = ()
    """In the order of the call."""
    items_done: int = 0
    items_right: int = 0


CallFacts = Annotated[InterviewFacts | HelpdeskFacts | LanguageFacts, Field(discriminator="kind")]
