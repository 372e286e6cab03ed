"""Questions about what somebody writes of themselves in a resume.

Careful with other people's text: only lines that begin with a known verb of work are taken, none with contact data or
with anything that an interviewer must not ask about, and what is made of them must pass as a line to be spoken.
"""

from __future__ import annotations

import re

from pydantic import ValidationError

from voice_agent.agents.job_cues import competency_of, lines_of
from voice_agent.agents.pack_schema import Followup, Question, SeniorityLevel

RESUME_ID = "resume-"
"""How the ids of these questions begin."""

_VERBS = frozenset(
    """accelerated achieved acquired advised analysed analyzed arranged assisted audited automated began brought built
    calculated cared carried chaired closed coached coded collected completed conducted converted coordinated created
    cut decreased defined delivered designed developed diagnosed directed doubled drafted drove earned edited
    eliminated ensured established evaluated examined expanded found founded grew guided handled headed helped hired
    identified implemented improved increased inspected installed instructed integrated interviewed introduced
    investigated launched led lowered maintained managed marketed measured mentored merged migrated modernised
    modernized moved negotiated opened operated organised organized oversaw performed piloted planned prepared
    presented prevented produced programmed proposed provided published raised ran reached rebuilt recruited
    redesigned reduced refactored repaired replaced represented researched resolved restructured reviewed rewrote
    saved scaled secured served set shortened simplified sold solved started streamlined supervised supported taught
    tested trained translated treated tripled tutored updated visited volunteered won worked wrote""".split()
)
_SUBJECT = re.compile(r"^(?:i(?:['’]ve| have)?|successfully|personally|also)\s+", re.IGNORECASE)
_RESPONSIBLE = re.compile(r"^(?:i was |was )?(responsible for|in charge of)\s+(.+)$", re.IGNORECASE)
_PRIVATE = re.compile(
    r"\b(?:born|birth|aged?|years old|married|single|divorced|widow\w*|child\w*|kids?|sons?|daughters?|pregnan\w*"
    r"|parental|maternity|paternity|religio\w*|church|mosque|synagogue|temple|muslim|christian|jewish|hindu|buddhist"
    r"|nationality|citizen\w*|ethnic\w*|race|racial|gender|gay|lesbian|trans\w*|disab\w*|illness|disease|diagnosed with"
    r"|political|party|union|military)\b",
    re.IGNORECASE,
)
_CONTACT = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:https?://|www\.)\S+|\b(?:linkedin|github|xing)\.com/\S*|\+?\d[\d ()/-]{6,}\d"
)
_RANGE = re.compile(r"(?:19|20)\d\d\s?[-–—/]\s?(?:19|20)\d\d")
_CLAUSE_END = re.compile(r"[;:]|, (?=\w+ing\b)|,? (?:which|resulting|leading|thereby)\b| [–—-] ")
_TO_YOU = ((re.compile(r"\bmy\b", re.IGNORECASE), "your"), (re.compile(r"\bour\b", re.IGNORECASE), "your"))
_UNSPEAKABLE = re.compile(r"[*_`#<>|{}\[\]\\\"“”()]")
_MIN_WORDS, _MAX_WORDS = 4, 20
_ASKS = (
    "How did you do that?",
    "What was the hardest part of it for you?",
)
_FOLLOWUPS = (
    Followup(when="no_result", ask="What was different afterwards because of it?"),
    Followup(when="we_heavy", ask="Which part of that was your own work?"),
    Followup(when="no_number", ask="How large was it, in figures?"),
    Followup(when="short", ask="What was the first thing you did, and the next?"),
)


def without_contacts(resume: str) -> str:
    """The text without e-mail addresses, phone numbers and links: nobody needs them to ask about it."""
    return _CONTACT.sub(lambda match: match[0] if _RANGE.fullmatch(match[0]) else "…", resume)


def claims(resume: str, level: SeniorityLevel, limit: int) -> tuple[tuple[Question, str], ...]:
    """At most `limit` questions, each with the line of the resume it is about. Lines with a figure come first, since
    they say most; else the order of the resume."""
    found = [(line, said) for line in lines_of(resume) if (said := _said(line))]
    found.sort(key=lambda pair: not any(char.isdigit() for char in pair[0]))
    questions: list[tuple[Question, str]] = []
    for line, said in found:
        if len(questions) == limit:
            break
        question = _question(said, line, level, len(questions))
        if question:
            questions.append((question, line))
    return tuple(questions)


def _said(line: str) -> str:
    """The line as it goes on after "You write that you"; empty where it cannot."""
    if _PRIVATE.search(line) or _CONTACT.search(_RANGE.sub("", line)):
        return ""
    duty = _RESPONSIBLE.match(line)
    if duty:
        said = f"were {duty[1].lower()} {duty[2]}"
    else:
        rest = _SUBJECT.sub("", line)
        verb = rest.split(" ", 1)[0].lower()
        if verb not in _VERBS:
            return ""
        said = verb + rest[len(verb) :]
    for pattern, instead in _TO_YOU:
        said = pattern.sub(instead, said)
    said = _CLAUSE_END.split(said, maxsplit=1)[0].strip(" .,!?;:")
    return said if _MIN_WORDS <= len(said.split()) <= _MAX_WORDS and not _UNSPEAKABLE.search(said) else ""


def _question(said: str, line: str, level: SeniorityLevel, number: int) -> Question | None:
    try:
        return Question(
            id=f"{RESUME_ID}{number + 1}",
            version=1,
            competency=competency_of(line),
            level=level,
            text=f"You write that you {said}.",
            spoken=f"You write that you {said}. {_ASKS[number % len(_ASKS)]}",
            followups=_FOLLOWUPS,
            rubric={
                1: "Repeats the line of the resume, or cannot say more about it",
                3: "Tells own steps; size, reasons or result stay unclear",
                5: "Own steps and the reasons for them, a result that can be checked, and what was learned",
            },
            hint="Tell it as a story: where it was, what had to be reached, what you did, and what came of it.",
            model_outline="The situation; your task; your steps and why; the result in figures; what you learned.",
        )
    except ValidationError:
        return None
