"""What a content pack may hold: interview questions, helpdesk articles, languages and their levels.

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
Cefr = Literal["A1", "A2", "B1", "B2", "C1", "C2"]
Command = Literal["repeat", "slower", "faster", "skip", "pause", "resume", "end", "unsure", "level", "easier", "harder"]
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
    word of one phrase occurs in what the caller says), or `steps_failed`. `advice`: what to do until a person comes."""

    cond: Annotated[str, StringConstraints(min_length=3, max_length=600)]
    priority: Priority
    team: Line
    advice: Spoken | None = None


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
    lang: Id = "en"
    title: Line
    cefr: Annotated[tuple[Cefr, ...], Field(min_length=1, max_length=6)]
    choose: Annotated[tuple[Line, ...], Field(min_length=1, max_length=40)]
    speed: float = Field(1.0, ge=0.5, le=1.5)
    intro: Spoken
    drills: Annotated[tuple[Drill, ...], Field(min_length=1, max_length=40)]


class RecastRule(_Entry):
    """An error and its better form, as templates of words (see docs/content-packs.md). `when`: a table, one of whose
    words must be in the sentence; `unless_before`, `unless_after`: words beside the error that make it right."""

    id: Id
    kind: Line
    said: Line
    better: Line
    elicit: Spoken | None = None
    when: Id | None = None
    unless_before: Phrases = ()
    unless_after: Phrases = ()


class CoachPhrases(_Entry):
    """What the coach says in set situations."""

    bridge: Spoken
    filler: Spoken
    refusal: Spoken
    idle: Spoken
    goodbye: Spoken
    not_heard: Spoken
    apology: Spoken


class CoachTexts(_Entry):
    """The coach's own words in a language. `almost` and `we_say` begin corrections, by which reports find them."""

    greeting: Spoken
    """The first thing it says; the question for the level, or the first drill, follows."""
    choose: Spoken
    """Asks for the level."""
    warm_up_intro: Spoken
    warm_up: Annotated[tuple[Spoken, ...], Field(min_length=3, max_length=3)]
    placed: Spoken
    praise: Annotated[tuple[Spoken, ...], Field(min_length=2, max_length=12)]
    understood: Annotated[tuple[Spoken, ...], Field(min_length=1, max_length=6)]
    almost: Spoken
    we_say: Spoken
    say_once: Spoken
    now_you: Spoken
    elicit: Spoken
    right: Spoken
    not_yet: Spoken
    skipped: Spoken
    slower: Spoken
    faster: Spoken
    wait: Spoken
    help_open: Spoken
    corrected: Spoken
    """Begins the list at the end."""
    nothing: Spoken
    end: Spoken
    nudges: Annotated[tuple[Spoken, ...], Field(min_length=3, max_length=3)]
    phrases: CoachPhrases


class Language(_Entry):
    """A language that can be practised: what the coach says in it, the words that steer a lesson, its common errors.

    `ask_for`: how it is called in any language. `commands`: added to what is understood in English lessons; all there
    is in others. `sounds`: hesitation, left out before anything is judged. `fillers`: words that do not matter around
    the answer of a drill. `complex_words`: their use shows a higher level. `tables`: lists of words (kept as they were
    said) or pairs (replaced), named in the templates of `recasts`.
    """

    id: Id
    version: int = Field(1, ge=1)
    name: Line
    """In English, for instructions."""
    ask_for: Annotated[tuple[Line, ...], Field(min_length=1, max_length=20)]
    practise: Phrases = ()
    """Words beside `ask_for` by which a caller, in this language, asks to change to another one."""
    transcription_prompt: Line
    texts: CoachTexts
    commands: dict[Command, Phrases] = Field(default_factory=dict)
    sounds: Phrases = ()
    fillers: Phrases = ()
    complex_words: Phrases = ()
    tables: dict[Id, Annotated[tuple[Line, ...], Field(max_length=400)] | dict[Line, Line]] = Field(
        default_factory=dict
    )
    recasts: Annotated[tuple[RecastRule, ...], Field(max_length=300)] = ()


class PackFile(_Entry):
    """One file. `remove` takes entries of the packs before it away, by id."""

    questions: Annotated[tuple[Question, ...], Field(max_length=1000)] = ()
    articles: Annotated[tuple[Article, ...], Field(max_length=1000)] = ()
    languages: Annotated[tuple[Language, ...], Field(max_length=20)] = ()
    levels: Annotated[tuple[LanguageLevel, ...], Field(max_length=50)] = ()
    remove: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
