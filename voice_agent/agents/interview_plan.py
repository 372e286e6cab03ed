"""Chooses the questions of one interview from the content packs. Deterministic: the same job gives the same plan."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from voice_agent.agents.pack_schema import Question, SeniorityLevel

_SENIOR = re.compile(r"\b(?:senior|lead|head|principal|staff|director|manager|expert|chief)\b", re.IGNORECASE)
_JUNIOR = re.compile(
    r"\b(?:junior|intern\w*|trainee|graduate|student|apprentice\w*|entry|first job|beginner|school)\b", re.IGNORECASE
)


def level_of(job: str) -> SeniorityLevel:
    """The seniority a description of a job suggests; "mid" if it says nothing."""
    if _JUNIOR.search(job):
        return "junior"
    return "senior" if _SENIOR.search(job) else "mid"


def plan(
    questions: Mapping[str, Question], job: str, count: int, *, level: SeniorityLevel | None = None
) -> tuple[Question, ...]:
    """Warm-up, `count` competency questions of different competencies, motivation, closing; whichever exist.

    Questions that name a role the job mentions go first, then those of the fitting level.
    """
    wanted = level or level_of(job)
    folded = job.casefold()
    seed = zlib.crc32(folded.encode())

    def rank(question: Question) -> tuple[bool, bool, int]:
        role = any(role.casefold() in folded for role in question.roles)
        return not role, question.level != wanted, zlib.crc32(question.id.encode()) ^ seed

    best: dict[str, Question] = {}
    for question in sorted(questions.values(), key=rank):
        best.setdefault(question.competency, question)
    frame = {name: best.pop(name) for name in ("warm-up", "motivation", "closing") if name in best}
    chosen = sorted(best.values(), key=rank)[:count]
    opening = [frame["warm-up"]] if "warm-up" in frame else []
    ending = [frame[name] for name in ("motivation", "closing") if name in frame]
    return (*opening, *chosen, *ending)
