"""Scores of one interview answer, with the words they rest on. By rules or by a language model: the same shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from voice_agent.text.words import folded

Part = Literal["situation", "task", "action", "result"]


class _Score(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartScore(_Score):
    """One part of a STAR answer."""

    part: Part
    points: int = Field(ge=0, le=2)
    quote: str = ""
    """Verbatim from the answer; needed for every point."""


class AnswerScores(_Score):
    """`source`: "rules", or "model" with its name. Content only: never accent, dialect or fillers."""

    parts: tuple[PartScore, ...]
    competency: int | None = Field(None, ge=1, le=5)
    competency_quote: str = ""
    strength: str = ""
    advice: str = ""
    source: str = "rules"


def is_quoted(quote: str, answers: Sequence[str]) -> bool:
    """Whether the caller said this, in one turn, word for word; case and punctuation aside."""
    wanted = folded(quote).split()
    return bool(wanted) and any(_contains(folded(answer).split(), wanted) for answer in answers)


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1))
