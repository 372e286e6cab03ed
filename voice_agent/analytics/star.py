"""Scores of one interview answer by rules: the parts of STAR, and how near the answer comes to the anchors.

Markers only: the rules see neither whether it is true nor whether it is wise, so they are strict and give no score
where there is little to judge. Accent, dialect and fillers play no part. English.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voice_agent.analytics.clauses import clauses, quoted
from voice_agent.analytics.scores import AnswerScores, Part, PartScore
from voice_agent.text.words import word_count

FRAMING = frozenset({"warm-up", "motivation", "closing"})
"""Competencies whose questions ask for no example of behaviour: there is no STAR in their answers."""
JUDGEABLE_WORDS = 30
_MANY_ACTIONS = 3

_ADVERB = r"(?:(?:also|then|first|just|even|soon|always|never|\w+ly) )?"
_NO_ACTION = r"(?:need|want|lik|lov|hat|seem|us|liv|believ|hop|enjoy|work|happen|notic|realis|realiz|expect|agre|learn)"
"""Stems of verbs that tell a state or a feeling, not a step that was taken."""
_IRREGULAR = (
    r"built|rebuilt|made|wrote|rewrote|led|ran|took|gave|set|found|held|brought|kept|put|chose|began|spoke|taught"
    r"|sent|sold|met|drew|cut|broke|bought|sought|dealt|drove|grew|did|told|got|won|showed|split|shut"
    r"|went (?:to|through|over)"
)
OWN_ACTION = re.compile(
    rf"\bi(?:['’]?ve| have|['’]d)? {_ADVERB}(?!{_NO_ACTION}(?:e?d)\b)(\w{{2,}}ed|{_IRREGULAR})\b", re.IGNORECASE
)
SHARED_ACTION = re.compile(rf"\bwe(?:['’]?ve| have|['’]d)? {_ADVERB}(\w{{2,}}ed|{_IRREGULAR})\b", re.IGNORECASE)
_WHEN = re.compile(
    r"\b(?:when (?:i|we) |while (?:i|we) |last (?:year|month|week|summer|spring|autumn|winter)|(?:years?|months?) ago"
    r"|at (?:that|the) time|once|in (?:19|20)\d\d|during|back then)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"\b(?:(?:in|at) my (?:last|previous|first|current|old)|at (?:university|school|college)"
    r"|in (?:a|our|my) (?:team|project|company|shop|internship)|my (?:team|company|manager|boss|employer)"
    r"|there (?:was|were)|we had|i was (?:a|an|the|working)|i worked|our (?:team|customer|client|company))\b",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"\b(?:my (?:task|job|role|goal|part) (?:was|is)|i was (?:responsible|in charge|asked|supposed)|i had to"
    r"|i needed to|it was (?:my job|up to me)|i wanted to|my manager asked me)\b",
    re.IGNORECASE,
)
_GOAL = re.compile(
    r"\b(?:the (?:goal|aim|task|target|challenge|problem|deadline) (?:was|is)|we (?:had|needed) to|had to be|deadline"
    r"|by the end|within (?:a|one|two|three|\d+))\b",
    re.IGNORECASE,
)
RESULT = re.compile(
    r"\b(?:as a result|the result|resulted in|in the end|as a consequence|led to|the outcome|eventually|increased"
    r"|decreased|reduced|improved|saved|doubled|halved|(?:went|fell|dropped|rose) (?:down |up )?(?:from|by|to)"
    r"|delivered|launched|shipped|on time|fewer|faster|achieved|succeeded|since then|still (?:use|used)|thanked"
    r"|promoted|solved|resolved|fixed)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|hundred|thousand|million|half|halved|twice|doubled|percent|dozen)\b",
    re.IGNORECASE,
)
_REFLECTION = re.compile(
    r"\b(?:i (?:have )?learne?[dt]|it taught me|looking back|since then i|next time|i would (?:now|do|have)"
    r"|what i took from|these days i|ever since|in hindsight)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Found:
    clause: str
    at: int

    @property
    def quote(self) -> str:
        return quoted(self.clause, self.at)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found in an answer, each with the clause it was found in."""

    when: _Found | None
    where: _Found | None
    task: _Found | None
    goal: _Found | None
    actions: tuple[_Found, ...]
    """One for each different own verb."""
    result: _Found | None
    measured_result: _Found | None
    """A result with a number in the same clause."""
    reflection: _Found | None


def evidence(answers: Sequence[str]) -> Evidence:
    """`answers`: the caller's turns to one question, in order."""
    pieces = [clause for answer in answers for clause in clauses(answer)]
    measured = [piece for piece in pieces if RESULT.search(piece) and NUMBER.search(piece)]
    verbs: dict[str, _Found] = {}
    for piece in pieces:
        for match in OWN_ACTION.finditer(piece):
            verbs.setdefault(match[1].lower(), _Found(piece, match.start()))
    return Evidence(
        when=_first(pieces, _WHEN),
        where=_first(pieces, _WHERE),
        task=_first(pieces, _TASK),
        goal=_first(pieces, _GOAL),
        actions=tuple(verbs.values()),
        result=_first(pieces, RESULT),
        measured_result=_first(measured, RESULT),
        reflection=_first(pieces, _REFLECTION),
    )


def score_answer(answers: Sequence[str], competency: str = "") -> AnswerScores | None:
    """None for a question that asks for no example (warm-up, motivation, closing) and for an empty answer."""
    if competency in FRAMING or not any(clauses(answer) for answer in answers):
        return None
    found = evidence(answers)
    parts = tuple(_parts(found))
    level, quote = _competency(found, parts, answers)
    return AnswerScores(
        parts=parts,
        competency=level,
        competency_quote=quote,
        strength=_STRENGTHS.get(_best(parts), ""),
        advice=_advice(found, parts),
        source="rules",
    )


def _parts(found: Evidence) -> Iterator[PartScore]:
    yield _part("situation", found.when, found.where)
    yield _part("task", found.task, found.goal)
    actions = found.actions
    if actions:
        yield PartScore(part="action", points=2 if len(actions) >= _MANY_ACTIONS else 1, quote=actions[0].quote)
    else:
        yield PartScore(part="action", points=0)
    if found.measured_result:
        yield PartScore(part="result", points=2, quote=found.measured_result.quote)
    else:
        yield _part("result", found.result)


def _part(part: Part, *found: _Found | None) -> PartScore:
    """A point for each thing found; the quote shows the first."""
    there = [each for each in found if each is not None]
    return PartScore(part=part, points=len(there), quote=there[0].quote if there else "")


def _competency(found: Evidence, parts: Sequence[PartScore], answers: Sequence[str]) -> tuple[int | None, str]:
    """The anchors: 1 generic; 3 own actions, but a weak result; 5 specific, measured, reflective. 2 and 4 between."""
    if sum(word_count(answer) for answer in answers) < JUDGEABLE_WORDS:
        return None, ""
    points = {score.part: score.points for score in parts}
    quotes = {score.part: score.quote for score in parts}
    if not points["action"]:
        return 1, quoted(next(clause for answer in answers for clause in clauses(answer)))
    if points["action"] == 2 and points["result"] == 2:
        full = found.reflection is not None and points["situation"] > 0
        return (5 if full else 4), quotes["result"]
    return (3 if points["action"] == 2 or points["result"] else 2), quotes["action"]


def _first(pieces: Sequence[str], pattern: re.Pattern[str]) -> _Found | None:
    for piece in pieces:
        match = pattern.search(piece)
        if match:
            return _Found(piece, match.start())
    return None


_STRENGTHS: dict[Part | None, str] = {
    "situation": "You set the scene.",
    "task": "You say what your task was.",
    "action": "You say what you did yourself.",
    "result": "You say what came out of it.",
}
_BY_WEIGHT: tuple[Part, ...] = ("result", "action", "situation", "task")
_ADVICE: dict[Part, str] = {
    "result": "Finish with what came out of it.",
    "action": "Say step by step what you did yourself.",
    "situation": "Begin with where and when it happened.",
    "task": "Say what your own task was.",
}


def _best(parts: Sequence[PartScore]) -> Part | None:
    points = {score.part: score.points for score in parts}
    best = max(_BY_WEIGHT, key=lambda part: points[part])
    return best if points[best] else None


def _advice(found: Evidence, parts: Sequence[PartScore]) -> str:
    points = {score.part: score.points for score in parts}
    worst = min(_BY_WEIGHT, key=lambda part: points[part])
    if not points[worst]:
        return _ADVICE[worst]
    if not found.measured_result:
        return "Add a number to the result."
    return "Add what you learned from it." if found.reflection is None else ""
