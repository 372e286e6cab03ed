"""Plans one interview: which questions, in which order, and why each. Pure: the same briefing gives the same plan."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voice_agent.agents.job_cues import general, level_of, role_in, shortened, skills, title_in, usual, wishes
from voice_agent.agents.pack_schema import Competency, Question, SeniorityLevel
from voice_agent.agents.resume_claims import claims
from voice_agent.briefing import Briefing

_LEVELS: tuple[SeniorityLevel, ...] = ("junior", "mid", "senior")
_FRAME: tuple[Competency, ...] = ("warm-up", "motivation", "closing")
_MIN_QUESTIONS = 3
_TWO_CLAIMS_FROM = 9
"""Questions of an interview that is long enough for two about the resume."""


@dataclass(frozen=True, slots=True)
class Planned:
    question: Question
    why: str
    """For the reader of the report."""


@dataclass(frozen=True, slots=True)
class Plan:
    role: str
    level: SeniorityLevel
    questions: tuple[Planned, ...]
    required_skills: tuple[str, ...] = ()


def plan(
    questions: Mapping[str, Question],
    briefing: Briefing,
    *,
    minutes: int,
    minutes_per_question: float,
    level: SeniorityLevel | None = None,
) -> Plan:
    """Warm-up, questions on the resume, competencies of the job, motivation, and the caller's own questions at the end;
    whichever the packs have.

    `minutes` / `minutes_per_question` questions, at least three, the caller's own not counted. About 60 % are on
    competencies: the job description's first, then the usual ones of the role, then those of most interviews. One
    question (two in a long interview) is on the resume. `level` overrides what role, job and resume suggest.
    """
    role = briefing.role or title_in(briefing.job_description)
    wanted = level or level_of(role, briefing.job_description, briefing.resume)
    count = max(_MIN_QUESTIONS, int(minutes // minutes_per_question))
    room = 0 if count == _MIN_QUESTIONS else 2 if count >= _TWO_CLAIMS_FROM else 1
    resume = tuple(
        Planned(question, f"About your resume: “{shortened(line)}”.")
        for question, line in claims(briefing.resume, wanted, room)
    )
    seed = zlib.crc32("\n".join((briefing.role, briefing.job_description, briefing.resume)).casefold().encode())
    bank = _Bank(questions, role, wanted, seed)
    core = bank.core(_reasons(role, briefing.job_description, wanted), count - len(_FRAME) + 1 - len(resume))
    warm_up, motivation, closing = (bank.framing(name) for name in _FRAME)
    half = (len(core) + 1) // 2
    # Claims stand in the middle: by then the caller is warm, and the hardest part is not yet due.
    ordered = (*warm_up, *core[:half], *resume, *core[half:], *motivation, *closing)
    return Plan(role, wanted, ordered, skills(briefing.job_description))


def _reasons(role: str, job_description: str, level: SeniorityLevel) -> Iterator[tuple[Competency, str]]:
    for wish in wishes(job_description):
        yield wish.competency, f"The job description asks for it: “{shortened(wish.line)}”."
    for competency in usual(role):
        yield competency, f"Most jobs like “{shortened(role)}” need it."
    for competency in general():
        yield competency, f"A usual question at {level} level."


_FRAMING_WHY: Mapping[Competency, str] = {
    "warm-up": "To begin with what you know best: yourself.",
    "motivation": "Nearly every interview asks why you want the job.",
    "closing": "Interviewers expect questions from you.",
}


class _Bank:
    """The questions, those first that fit role and level best."""

    def __init__(self, questions: Mapping[str, Question], role: str, level: SeniorityLevel, seed: int) -> None:
        def rank(question: Question) -> tuple[int, int, int]:
            fits = 1 if not question.roles else 0 if role_in(role, question.roles) else 2
            distance = abs(_LEVELS.index(question.level) - _LEVELS.index(level))
            return distance + (2 * len(_LEVELS) if fits == 2 else 0), fits, zlib.crc32(question.id.encode()) ^ seed

        self._by_competency: dict[Competency, list[Question]] = {}
        for question in sorted(questions.values(), key=rank):
            self._by_competency.setdefault(question.competency, []).append(question)

    def framing(self, competency: Competency) -> tuple[Planned, ...]:
        found = self._by_competency.get(competency, [])[:1]
        return tuple(Planned(question, _FRAMING_WHY[competency]) for question in found)

    def core(self, reasons: Iterator[tuple[Competency, str]], count: int) -> list[Planned]:
        """One question of each competency in this order; if that is not enough, a second one of each, and so on."""
        why: dict[Competency, str] = {}
        for competency, reason in reasons:
            why.setdefault(competency, reason)
        known = {name: self._by_competency[name] for name in why if name in self._by_competency}
        longest = max(map(len, known.values()), default=0)
        rounds = (
            Planned(found[turn], why[name])
            for turn in range(longest)
            for name, found in known.items()
            if turn < len(found)
        )
        return [planned for _, planned in zip(range(count), rounds, strict=False)]
