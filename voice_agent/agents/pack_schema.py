"""What a content pack may hold: interview questions, helpdesk articles and language levels.

These models say what one entry looks like. Whether ids are unique and point somewhere is checked in `packs.py`,
which knows the lines of the file.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Answer = Literal["yes", "no", "unsure"]
Priority = Literal["P1", "P2", "P3", "P4"]
Weight = Literal["high", "medium", "low"]
Competency = Literal[
    "teamwork",
    "conflict",
    "problem-solving",
    "ownership",
    "leadership",
    "communication",
    "adaptability",
    "customer-focus",
    "learning",
    "prioritisation",
    "integrity",
    "technical-depth",
    "warm-up",
    "motivation",
    "closing",
]
SeniorityLevel = Literal["junior", "mid", "senior"]
Marker = Literal["no_result", "no_number", "we_heavy", "short", "off_topic"]
Slot = Literal["name", "contact", "asset"]
OperatingSystem = Literal["windows", "mac", "linux", "ios", "android"]
Background = Literal["scope", "change", "error"]
"""Asked before an article's own questions: one person or many, what changed, what the screen says exactly."""

NEXT = "next"
STEPS = "steps"
ESCALATE = "escalate"
TARGETS = (NEXT, STEPS, ESCALATE)
"""Words that an answer or `on_fail` may point to instead of an id: the following one, the first step, a ticket."""

_UNSPOKEN = re.compile(r"https?://|www\.|[*_`#<>|{}\[\]\\]|\n\s*[-•]")


def _plain_speech(text: str) -> str:
    found = _UNSPOKEN.search(text)
    if found:
        raise ValueError(f"spoken text must be plain words, without '{found[0].strip()}' (no links, no markdown)")
    return " ".join(text.split())


Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Spoken = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600), AfterValidator(_plain_speech)
]
Phrases = Annotated[tuple[Line, ...], Field(max_length=60)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Followup(_Entry):
    when: Marker
    ask: Spoken


class StarMarkers(_Entry):
    """Words whose presence shows that a part of a STAR answer is there; added to the built-in ones."""

    situation: Phrases = ()
    action: Phrases = ()
    result: Phrases = ()


class Question(_Entry):
    """One interview question. `target_s`: seconds of a good answer, shortest and longest."""

    id: Id
    version: int = Field(1, ge=1)
    lang: str = "en"
    competency: Competency
    level: SeniorityLevel = "mid"
    roles: Phrases = ()
    text: Line
    spoken: Spoken
    followups: Annotated[tuple[Followup, ...], Field(max_length=10)] = ()
    rubric: dict[Literal[1, 3, 5], Line] = Field(default_factory=dict)
    markers: StarMarkers = StarMarkers()
    target_s: tuple[int, int] = (60, 120)
    hint: Spoken
    model_outline: Line


class Ask(_Entry):
    """A closed question of an article. `words`: what counts as yes or no besides the usual words."""

    id: Id
    spoken: Spoken
    answers: dict[Answer, str]
    words: dict[Literal["yes", "no"], Phrases] = Field(default_factory=dict)


class Step(_Entry):
    """One thing to try. `expect` is what should be seen then; `on_fail` an id, `next` or `escalate`."""

    id: Id
    spoken: Spoken
    os: Annotated[tuple[OperatingSystem, ...], Field(max_length=5)] = ()
    expect: Spoken | None = None
    on_fail: str = NEXT


class Escalation(_Entry):
    """When to stop helping and write a ticket. `cond`: `<ask id> = yes|no|unsure`, `says: phrase, phrase` (every
    word of one phrase occurs in what the caller says), or `steps_failed`."""

    cond: Annotated[str, StringConstraints(min_length=3, max_length=600)]
    priority: Priority
    team: Line


class Article(_Entry):
    """One known problem: symptom, key questions, first steps, when to escalate."""

    id: Id
    version: int = Field(1, ge=1)
    lang: str = "en"
    title: Line
    category: Id
    default_impact: Weight = "low"
    default_urgency: Weight = "medium"
    symptoms: Annotated[tuple[Line, ...], Field(min_length=1, max_length=60)]
    background: Annotated[tuple[Background, ...], Field(max_length=3)] = ()
    ask: Annotated[tuple[Ask, ...], Field(max_length=12)] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=12)]
    escalate_if: Annotated[tuple[Escalation, ...], Field(max_length=12)] = ()
    slots: Annotated[tuple[Slot, ...], Field(max_length=3)] = ("name", "contact")
    never: Phrases = ()
    verify: Spoken = "Did that fix it?"
    sources: Phrases = ()
    reviewed_on: date | None = None


class DrillItem(_Entry):
    """One prompt. With `answer`, the caller is to say that (or one of `accept`); without, to speak freely."""

    prompt: Spoken
    answer: Spoken | None = None
    accept: Phrases = ()


class Drill(_Entry):
    id: Id
    title: Line
    intro: Spoken
    items: Annotated[tuple[DrillItem, ...], Field(min_length=1, max_length=40)]


class LanguageLevel(_Entry):
    """One level of the language coach. `choose`: what a caller says to choose it."""

    id: Id
    version: int = Field(1, ge=1)
    lang: str = "en"
    title: Line
    cefr: Annotated[tuple[Literal["A1", "A2", "B1", "B2", "C1", "C2"], ...], Field(min_length=1, max_length=6)]
    choose: Annotated[tuple[Line, ...], Field(min_length=1, max_length=40)]
    speed: float = Field(1.0, ge=0.5, le=1.5)
    intro: Spoken
    drills: Annotated[tuple[Drill, ...], Field(min_length=1, max_length=40)]


class PackFile(_Entry):
    """One file. `remove` takes entries of the packs before it away, by id."""

    questions: Annotated[tuple[Question, ...], Field(max_length=1000)] = ()
    articles: Annotated[tuple[Article, ...], Field(max_length=1000)] = ()
    levels: Annotated[tuple[LanguageLevel, ...], Field(max_length=50)] = ()
    remove: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
