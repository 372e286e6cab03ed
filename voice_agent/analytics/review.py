"""Summary, one strength and one focus by rules, for a report that no language model has reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from voice_agent.analytics.drills import part_shares
from voice_agent.analytics.report_model import HelpdeskReport, InterviewReport, LanguageReport, Review
from voice_agent.analytics.scores import Part

_STRENGTHS: dict[Part, str] = {
    "situation": "You set the scene of your examples",
    "task": "You say what your task was",
    "action": "You say what you did yourself",
    "result": "You say what came out of your work",
}
_FOCUS: dict[Part, str] = {
    "situation": "Begin each example with where and when it happened.",
    "task": "Say what your own task was.",
    "action": "Say step by step what you did yourself.",
    "result": "Finish each example with its result, with a number if there is one.",
}
_PARTS: tuple[Part, ...] = ("result", "action", "situation", "task")
"""By weight: the first decides where two are equal."""


def interview_review(report: InterviewReport, duration_s: float) -> Review:
    asked = [question for question in report.questions if question.asked]
    answered = sum(bool(question.turns) for question in asked)
    summary = f"You answered {answered} of {len(asked)} questions in {_minutes(duration_s)}."
    skipped = sum(question.skipped for question in asked)
    if skipped:
        summary += f" You skipped {skipped}."
    if not report.finished:
        summary += " The interview ended before its closing."
    shares = part_shares(report.questions)
    if not shares:
        return Review(summary=summary)
    best = max((part for part in _PARTS if part in shares), key=lambda part: shares[part])
    worst = min((part for part in _PARTS if part in shares), key=lambda part: shares[part])
    strength = f"{_STRENGTHS[best]}{_example(report, best)}" if shares[best] else ""
    if shares[worst] == 1:
        return Review(summary=summary, strength=strength, focus="Add what you learned to each example.")
    return Review(summary=summary, strength=strength, focus=_FOCUS[worst])


def _example(report: InterviewReport, part: Part) -> str:
    quotes = [
        (score.points, score.quote)
        for question in report.questions
        for score in (question.scores.parts if question.scores else ())
        if score.part == part and score.points
    ]
    _, quote = max(quotes, key=lambda each: each[0])
    return f": “{quote}”"


def helpdesk_review(report: HelpdeskReport) -> Review:
    outcome = {
        "confirmed": "You said that it is fixed.",
        "unconfirmed": "Whether it is fixed was not said.",
        "unresolved": "It is not fixed yet.",
    }[report.resolution]
    steps = f"{len(report.steps) or 'no'} step{'s' * (len(report.steps) != 1)} tried."
    about = report.article_title or report.category or "Problem"
    sentences = [f"{about}: {steps}", outcome]
    if report.ticket:
        sentences.append(f"Ticket {report.ticket.number} was created.")
    return Review(summary=" ".join(sentences))


def language_review(report: LanguageReport, duration_s: float) -> Review:
    count = len(report.corrections)
    summary = f"You practised for {_minutes(duration_s)} and got {count} correction{'s' * (count != 1)}."
    taken = [correction for correction in report.corrections if correction.taken_up]
    strength = f"You used what was corrected: “{taken[0].better}”" if taken else ""
    if not strength and report.items_right:
        strength = f"{report.items_right} of {report.items_done} exercises were right."
    kinds = Counter(correction.kind for correction in report.corrections if correction.kind)
    focus = f"Watch this: {kinds.most_common(1)[0][0]}." if kinds else ""
    return Review(summary=summary, strength=strength, focus=focus)


def general_review(turns: Sequence[object], duration_s: float) -> Review:
    return Review(summary=f"A call of {_minutes(duration_s)} with {len(turns)} turns.")


def _minutes(seconds: float) -> str:
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"{minutes} minute{'s' * (minutes != 1)}"
