"""A model answer without a language model: the caller's own sentences in the order of a good answer, nothing added.

What is missing is named, with the outline of the question, instead of being made up.
"""

from __future__ import annotations

from collections.abc import Mapping

from voice_agent.analytics.clauses import clauses
from voice_agent.analytics.report_model import ModelAnswer
from voice_agent.analytics.scores import Part
from voice_agent.analytics.star import FRAMING, evidence
from voice_agent.facts import AskedQuestion

_ORDER: tuple[Part, ...] = ("situation", "task", "action", "result")
_TITLES: Mapping[Part, str] = {"situation": "Situation", "task": "Task", "action": "Action", "result": "Result"}
_MISSING: Mapping[Part, str] = {
    "situation": "not said; begin with where and when it was.",
    "task": "not said; add what your own task was.",
    "action": "not said; add what you did yourself, step by step.",
    "result": "not said; finish with what changed, with a number if you can.",
}


def ordered_answer(question: AskedQuestion) -> ModelAnswer | None:
    """The answer's sentences as situation, task, action and result; None where there is no answer, or nothing to order.

    Every sentence is the caller's, word for word, and stands where it was said within its part.
    """
    pieces = [clause for answer in question.answers for clause in clauses(answer)]
    if not pieces or question.competency in FRAMING:
        return None
    sorted_in: dict[Part, list[str]] = {part: [] for part in _ORDER}
    part: Part = "situation"
    for piece in pieces:
        part = _part(piece, part)
        sorted_in[part].append(piece)
    lines = [
        f"{_TITLES[part]}: {' '.join(map(_sentence, sorted_in[part])) if sorted_in[part] else _MISSING[part]}"
        for part in _ORDER
    ]
    if question.model_outline:
        lines.append(f"Outline: {question.model_outline}")
    return ModelAnswer(text="\n".join(lines))


def _part(piece: str, before: Part) -> Part:
    """Where a sentence belongs; one without a sign goes on with the part before it."""
    found = evidence([piece])
    if found.result or found.reflection:
        return "result"
    if found.task or found.goal:
        return "task"
    if found.actions:
        return "action"
    return "situation" if found.when or found.where else before


def _sentence(piece: str) -> str:
    text = piece.strip(" ,;")
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".!?…" else f"{text}."
