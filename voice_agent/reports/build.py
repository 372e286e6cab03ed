"""What a report is worked out of, as one JSON value, and the work itself: pure, for the process that does it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from voice_agent.analytics.measure import Measure
from voice_agent.analytics.report import CallMeta, ModelAnswer, Review, build_report
from voice_agent.analytics.scores import AnswerScores
from voice_agent.facts import CallFacts
from voice_agent.records import Turn


class Material(BaseModel):
    """All that `build_report` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    call: CallMeta
    turns: tuple[Turn, ...]
    facts: CallFacts | None = None
    scores: dict[str, AnswerScores] = Field(default_factory=dict)
    model_answers: dict[str, ModelAnswer] = Field(default_factory=dict)
    review: Review | None = None


class Built(BaseModel):
    """`body`: the report as JSON. `measures`: the figures of the call as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    body: str
    measures: tuple[Measure, ...]


def built(material: Material) -> Built:
    report = build_report(
        material.call,
        material.turns,
        material.facts,
        scores=material.scores,
        model_answers=material.model_answers,
        review=material.review,
    )
    return Built(body=report.model_dump_json(), measures=report.measures())
