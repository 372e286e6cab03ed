"""What goes into an interview's report beside its figures: scores, model answers and the sentences at the top.

By the language model where there is one, within a budget of time; each piece that it fails at, or has no time for, is
left to the rules. Other calls have no such pieces.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeVar

from prometheus_client import Counter

from voice_agent.agents.interview_review import (
    ReviewError,
    model_answer_request,
    parse_model_answer,
    parse_scores,
    parse_summary,
    score_request,
    summary_request,
)
from voice_agent.agents.model_answer import ordered_answer
from voice_agent.analytics.report_model import ModelAnswer, Review
from voice_agent.analytics.scores import AnswerScores
from voice_agent.engines.ports import EngineError, ReplyRequest
from voice_agent.engines.review_model import ReviewModel
from voice_agent.facts import AskedQuestion, CallFacts, InterviewFacts
from voice_agent.settings import ReportSettings

logger = logging.getLogger(__name__)

PIECES = Counter(
    "voice_review_pieces_total",
    "Pieces of reports that the language model was asked for, by kind (score, model_answer, summary) and outcome.",
    ["kind", "outcome"],
)

Kind = Literal["score", "model_answer", "summary"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pieces:
    scores: dict[str, AnswerScores] = field(default_factory=dict)
    """By the id of the question; the rules score the others."""
    model_answers: dict[str, ModelAnswer] = field(default_factory=dict)
    review: Review | None = None


class Reviewer:
    """`model` is None where calls go by script."""

    def __init__(
        self, model: ReviewModel | None, settings: ReportSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._model = model if settings.model else None
        self._settings = settings
        self._clock = clock

    async def pieces(self, facts: CallFacts | None) -> Pieces:
        if not isinstance(facts, InterviewFacts):
            return Pieces()
        answered = [question for question in facts.questions if question.answers]
        pieces = Pieces()
        if self._model is not None:
            pieces = await _Asking(self._model, self._settings, self._clock).run(facts, answered)
        for question in answered:
            by_rules = ordered_answer(question) if question.id not in pieces.model_answers else None
            if by_rules is not None:
                pieces.model_answers[question.id] = by_rules
        return pieces


class _Asking:
    """The questions about one interview, one after the other until the time is used up."""

    def __init__(self, model: ReviewModel, settings: ReportSettings, clock: Callable[[], float]) -> None:
        self._model = model
        self._settings = settings
        self._clock = clock
        self._until = clock() + settings.model_budget_s

    async def run(self, facts: InterviewFacts, answered: list[AskedQuestion]) -> Pieces:
        source, tokens = self._model.name, self._settings.model_max_tokens
        pieces = Pieces()
        looked_at = answered[: self._settings.model_answers]
        for question in looked_at:
            if question.rubric:
                scored = await self._ask(
                    "score",
                    score_request(question, max_output_tokens=tokens),
                    partial(parse_scores, question=question, source=source),
                )
                if scored is not None:
                    pieces.scores[question.id] = scored.scores
        review = None
        if looked_at:
            review = await self._ask(
                "summary",
                summary_request(facts, pieces.scores, max_output_tokens=tokens),
                partial(parse_summary, facts=facts, source=source),
            )
        for question in looked_at:
            answer = await self._ask(
                "model_answer",
                model_answer_request(question, max_output_tokens=tokens),
                partial(parse_model_answer, question=question, source=source),
            )
            if answer is not None:
                pieces.model_answers[question.id] = answer
        return replace(pieces, review=review)

    async def _ask(self, kind: Kind, request: ReplyRequest, parse: Callable[[str], T]) -> T | None:
        left_s = self._until - self._clock()
        if left_s <= 0:
            PIECES.labels(kind, "no_time").inc()
            return None
        try:
            text = await self._model.ask(request, timeout_s=min(left_s, self._settings.model_timeout_s))
            piece = parse(text)
        except (EngineError, ReviewError) as error:
            outcome = error.code
        except TimeoutError:
            outcome = "timeout"
        else:
            PIECES.labels(kind, "done").inc()
            return piece
        PIECES.labels(kind, outcome if outcome in _OUTCOMES else "failed").inc()
        logger.warning("The language model gave nothing usable for a report (%s, %s)", kind, outcome)
        return None


_OUTCOMES = frozenset({"timeout", "json", "shape", "invented", "unquoted"})
