"""What an interview answer says: scores with their quotes checked, ownership, and the skills that the job asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean

from voice_agent.analytics.clauses import clauses, quoted
from voice_agent.analytics.fillers import is_english
from voice_agent.analytics.measure import Band, Measure, Metric
from voice_agent.analytics.report_model import QuestionScores, ScoredPart, SkillEvidence
from voice_agent.analytics.scores import AnswerScores, Part, is_quoted
from voice_agent.analytics.speech import ENGLISH_ONLY
from voice_agent.analytics.star import FRAMING, OWN_ACTION, SHARED_ACTION
from voice_agent.records import Turn

WEIGHTS: dict[Part, int] = {"situation": 1, "task": 1, "action": 2, "result": 2}
_MOST_POINTS = 2
_ENOUGH_PRONOUNS = 3

STAR = Metric(
    "star",
    1,
    "STAR",
    "percent",
    "Situation, task, action and result get 0 to 2 points each, action and result count twice; this is the share of all"
    " points.",
    "judgement",
    digits=0,
)
COMPETENCY = Metric(
    "competency",
    1,
    "Competency",
    "points of 5",
    "1 generic, 3 own actions but a weak result, 5 specific, measured and reflective; the score rests on the quote.",
    "judgement; anchored rating scale",
    digits=1,
)
OWNERSHIP = Metric(
    "ownership",
    1,
    "Ownership",
    "percent",
    "How often you say I, divided by how often you say I or we, where you tell what was done.",
    "judgement",
    Band(flag_below=40),
    digits=0,
)
JOB_COVERAGE = Metric(
    "job_coverage",
    1,
    "Job coverage",
    "percent",
    "The skills the job asks for that an answer with an own action names, divided by all it asks for.",
    "judgement",
    digits=0,
)
ANSWER_LENGTH = Metric(
    "answer_length",
    1,
    "Answer length",
    "seconds",
    "The time of your spoken turns to this question, follow-ups included.",
    "judgement; 60 to 120 seconds unless the question says otherwise",
    Band(good_min=60, good_max=120, flag_below=30, flag_above=150),
    digits=0,
)

METRICS = (STAR, COMPETENCY, OWNERSHIP, JOB_COVERAGE, ANSWER_LENGTH)


# --- scores -----------------------------------------------------------------------------------------------------


def checked(scores: AnswerScores, answers: Sequence[str], rubric: dict[int, str]) -> QuestionScores:
    """The scores whose quotes are in the answers; the others are named as rejected, and so are parts that came without
    a score: whoever scored had already left them out. No point needs no quote."""
    parts: dict[Part, ScoredPart] = {}
    rejected: list[str] = []
    for score in scores.parts:
        if score.part in parts or score.part in rejected:
            continue
        if score.points and not is_quoted(score.quote, answers):
            rejected.append(score.part)
        else:
            parts[score.part] = ScoredPart(part=score.part, points=score.points, quote=score.quote)
    rejected += [part for part in WEIGHTS if part not in parts and part not in rejected]
    competency = scores.competency
    if competency is not None and not is_quoted(scores.competency_quote, answers):
        competency = None
        rejected.append("competency")
    return QuestionScores(
        parts=tuple(parts[part] for part in WEIGHTS if part in parts),
        competency=competency,
        competency_anchor=rubric.get(competency, "") if competency else "",
        competency_quote=scores.competency_quote if competency else "",
        strength=scores.strength,
        advice=scores.advice,
        source=scores.source,
        rejected=tuple(rejected),
    )


def star_measure(scores: QuestionScores | None) -> Measure:
    """The parts as a share of the 12 points that they can have with their weights."""
    if scores is None:
        return STAR.absent("not_applicable", "The question asks for no example, or has no answer.")
    if len(scores.parts) < len(WEIGHTS):
        return STAR.absent("not_measured", "A score was rejected because its quote is not in the answer.")
    points = sum(WEIGHTS[score.part] * score.points for score in scores.parts)
    return STAR.measured(100 * points / (_MOST_POINTS * sum(WEIGHTS.values())))


def competency_measure(scores: QuestionScores | None) -> Measure:
    if scores is None:
        return COMPETENCY.absent("not_applicable", "The question asks for no example, or has no answer.")
    if scores.competency is None:
        reason = (
            "The score was rejected because its quote is not in the answer."
            if "competency" in scores.rejected
            else "There is too little in the answer to judge."
        )
        return COMPETENCY.absent("not_measured", reason)
    return COMPETENCY.measured(scores.competency)


def mean_of(metric: Metric, measures: Sequence[Measure]) -> Measure:
    """The mean over the questions for which there is a value."""
    values = [measure.value for measure in measures if measure.value is not None]
    if values:
        return metric.measured(fmean(values))
    return metric.absent("not_measured", "No answer could be scored.")


def answer_length(turns: Sequence[Turn], target_s: tuple[int, int]) -> Measure:
    """`turns` answer one question. Flagged below half of the shortest and above 1.25 times the longest good answer."""
    if not turns:
        return ANSWER_LENGTH.absent("not_applicable", "There is no answer.")
    spoken = [turn for turn in turns if turn.channel == "voice"]
    if not spoken:
        return ANSWER_LENGTH.absent("not_applicable", "The answer was typed.")
    shortest, longest = target_s
    band = Band(good_min=shortest, good_max=longest, flag_below=shortest / 2, flag_above=longest * 1.25)
    return ANSWER_LENGTH.measured(sum(turn.end_ms - turn.start_ms for turn in spoken) / 1000, band=band)


# --- ownership --------------------------------------------------------------------------------------------------

_I = re.compile(r"\bi\b", re.IGNORECASE)
_WE = re.compile(r"\bwe\b", re.IGNORECASE)
_CONCLUSION = re.compile(r"(?:and |so |but )*(?:in the end|as a result|as a consequence|eventually)\b", re.IGNORECASE)


def pronouns(answers: Sequence[str]) -> tuple[int, int]:
    """How often "I" and "we" occur where the answer tells what was done: in clauses where one of the two acts. The
    conclusion ("in the end we …") is no longer the action."""
    told = [
        clause
        for answer in answers
        for clause in clauses(answer)
        if (OWN_ACTION.search(clause) or SHARED_ACTION.search(clause)) and not _CONCLUSION.match(clause)
    ]
    return sum(len(_I.findall(clause)) for clause in told), sum(len(_WE.findall(clause)) for clause in told)


def ownership(answers: Sequence[str], language: str) -> Measure:
    """A share of few pronouns says nothing: three are needed."""
    if not is_english(language):
        return ENGLISH_ONLY.of(OWNERSHIP)
    if not answers:
        return OWNERSHIP.absent("not_applicable", "No example of your work was asked for or given.")
    own, shared = pronouns(answers)
    if own + shared < _ENOUGH_PRONOUNS:
        return OWNERSHIP.absent(
            "not_measured", "There are fewer than three I or we where the answer tells what was done."
        )
    return OWNERSHIP.measured(100 * own / (own + shared))


# --- the job ----------------------------------------------------------------------------------------------------

_TERM = re.compile(r"[^\W_]+[+#]*(?:[.-][^\W_]+)*[+#]*")
_ENDING = re.compile(r"(?<=\w{3})(?:ings?|ments?|ed|es|s)$")
_SMALL = frozenset("a an and of in with the for to on or".split())
_SLACK = 3
"""Words that may stand between those of a skill of several words."""


def skill_evidence(skills: Sequence[str], answers: Sequence[Turn]) -> tuple[SkillEvidence, ...]:
    """Each skill with the first answer that tells an own action and names it. Naming alone is no evidence."""
    return tuple(_evidence(skill, answers) for skill in skills)


def job_coverage(skills: Sequence[SkillEvidence]) -> Measure:
    if not skills:
        return JOB_COVERAGE.absent("not_applicable", "No job description was given.")
    return JOB_COVERAGE.measured(100 * sum(bool(skill.quote) for skill in skills) / len(skills))


def _evidence(skill: str, answers: Sequence[Turn]) -> SkillEvidence:
    wanted = [_stem(term) for term in _terms(skill) if term not in _SMALL]
    for turn in answers:
        if wanted and OWN_ACTION.search(turn.text):
            for clause in clauses(turn.text):
                at = _named(wanted, clause)
                if at is not None:
                    return SkillEvidence(skill=skill, quote=quoted(clause, at), turn=turn.seq)
    return SkillEvidence(skill=skill)


def _named(wanted: Sequence[str], clause: str) -> int | None:
    """The offset where the words of a skill stand close together, in any order; None if they do not."""
    terms = [(_stem(match[0].casefold()), match.start()) for match in _TERM.finditer(clause)]
    reach = len(wanted) + (_SLACK if len(wanted) > 1 else 0)
    for first in range(len(terms)):
        near = {term for term, _ in terms[first : first + reach]}
        if terms[first][0] in wanted and near.issuperset(wanted):
            return terms[first][1]
    return None


def _terms(text: str) -> list[str]:
    """Words in lower case; "C++", "C#" and "node.js" are words."""
    return [match[0].casefold() for match in _TERM.finditer(text)]


def _stem(term: str) -> str:
    """Makes forms of one word equal: "planning", "planned", "plans"; "management", "manages". No word for a reader."""
    if not term.isalpha():
        return term
    stem = _ENDING.sub("", term)
    stem = stem.removesuffix("e") if len(stem) > 3 else stem
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem


def is_framing(competency: str) -> bool:
    """Warm-up, motivation or closing: not to be judged as an example of behaviour."""
    return competency in FRAMING
