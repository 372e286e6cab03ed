"""What a language model adds to a report, within its budget, and calls that are kept in memory only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from voice_agent.analytics.report import CallMeta
from voice_agent.engines.ports import EngineError, Finished, ReplyEvent, ReplyRequest, TextDelta
from voice_agent.engines.review_model import ReviewModel
from voice_agent.facts import AskedQuestion, HelpdeskFacts, InterviewFacts
from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.reports.build import Built, Material, built
from voice_agent.reports.builder import BuildError, ReportBuilder
from voice_agent.reports.finished import FinishedCalls
from voice_agent.reports.maker import ReportMaker
from voice_agent.reports.review import Reviewer
from voice_agent.settings import ReportSettings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANSWER = "At Acme the build took an hour. I rewrote the cache, and it went down to nine minutes."
NOTHING = {"points": 0, "quote": ""}
SCORES = {
    "situation": NOTHING,
    "task": NOTHING,
    "action": {"points": 2, "quote": "I rewrote the cache"},
    "result": {"points": 2, "quote": "I saved the company"},
    "competency": 4,
    "competency_quote": "it went down to nine minutes",
    "strength": "Clear.",
    "advice": "More numbers.",
}
SUMMARY = {
    "summary": "A good talk.",
    "strength": "Own work.",
    "strength_quote": "I rewrote the cache",
    "focus": "",
    "focus_quote": "",
}


def question(number: int) -> AskedQuestion:
    return AskedQuestion(
        id=f"q{number}",
        competency="problem-solving",
        text="Tell me about a hard problem.",
        why="the role needs it",
        rubric={1: "generic", 3: "own actions", 5: "measured"},
        asked=True,
        answers=(ANSWER,),
    )


FACTS = InterviewFacts(questions=(question(1), question(2)))


class Model:
    """Answers each kind of question with what it was told; None fails."""

    name = "stub"

    def __init__(self, scores: str | None, answer: str | None, summary: str | None, tick: Callable[[], None]) -> None:
        self._answers = {"You score": scores, "You turn": answer, "You sum": summary}
        self._tick = tick
        self.asked: list[str] = []

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        self._tick()
        kind = next(kind for kind in self._answers if request.instructions.startswith(kind))
        self.asked.append(kind)
        text = self._answers[kind]
        if text is None:
            raise EngineError("away", code="503", retryable=True)
        yield TextDelta(text)
        yield Finished("stop")

    async def aclose(self) -> None:
        pass


class Clock:
    def __init__(self, step_s: float = 1) -> None:
        self.now = 0.0
        self.step_s = step_s

    def tick(self) -> None:
        self.now += self.step_s

    def __call__(self) -> float:
        return self.now


def reviewer(clock: Clock, *answers: object, **settings: object) -> tuple[Reviewer, Model]:
    texts = [json.dumps(answer) if answer is not None else None for answer in answers]
    model = Model(texts[0], texts[1], texts[2], clock.tick)
    limits = ReportSettings(_env_file=None, **settings)  # type: ignore[arg-type]
    return Reviewer(ReviewModel(model, "gpt-x"), limits, clock=clock), model


async def test_the_models_pieces_are_taken_with_its_name_and_what_is_unproved_is_not() -> None:
    review, _ = reviewer(Clock(), SCORES, {"answer": "I rewrote the cache."}, SUMMARY)
    pieces = await review.pieces(FACTS)
    assert set(pieces.scores) == {"q1", "q2"}
    assert pieces.scores["q1"].source == "gpt-x"
    assert {part.part for part in pieces.scores["q1"].parts} == {"situation", "task", "action"}
    assert pieces.model_answers["q1"].source == "gpt-x"
    assert pieces.review is not None
    assert pieces.review.summary == "A good talk."


async def test_what_the_model_fails_at_is_left_to_the_rules() -> None:
    review, _ = reviewer(Clock(), None, {"answer": "I saved 5 million at Siemens."}, {"no": "summary"})
    pieces = await review.pieces(FACTS)
    assert (pieces.scores, pieces.review) == ({}, None)
    assert {answer.source for answer in pieces.model_answers.values()} == {"rules"}


async def test_the_budget_ends_the_questions() -> None:
    clock = Clock(step_s=10)
    review, model = reviewer(clock, SCORES, {"answer": "I rewrote it."}, SUMMARY, model_budget_s=25)
    pieces = await review.pieces(FACTS)
    assert model.asked == ["You score", "You score", "You sum"]
    assert {answer.source for answer in pieces.model_answers.values()} == {"rules"}


async def test_a_model_is_asked_about_so_many_answers_and_only_where_it_is_wanted() -> None:
    review, model = reviewer(Clock(), SCORES, {"answer": "I rewrote it."}, SUMMARY, model_answers=1)
    await review.pieces(FACTS)
    assert model.asked == ["You score", "You sum", "You turn"]
    review, model = reviewer(Clock(), SCORES, {"answer": "I rewrote it."}, SUMMARY, model=False)
    await review.pieces(FACTS)
    assert model.asked == []
    review, model = reviewer(Clock(), SCORES, {"answer": "I rewrote it."}, SUMMARY)
    assert (await review.pieces(HelpdeskFacts())).scores == {}
    assert model.asked == []


# --- calls in memory ------------------------------------------------------------------------------------------


class Recorder:
    def __init__(self) -> None:
        self.records: list[object] = []

    def call_started(self, record: CallStarted) -> None:
        self.records.append(record)

    def turn(self, record: Turn) -> None:
        self.records.append(record)

    def call_ended(self, record: CallEnded) -> None:
        self.records.append(record)


class InThisProcess(ReportBuilder):
    async def build(self, material: Material) -> Built:
        if material.call.call_id == "broken":
            raise BuildError("the process failed")
        return built(material)


def finished_calls(**settings: object) -> tuple[FinishedCalls, Recorder]:
    limits = ReportSettings(_env_file=None, **settings)  # type: ignore[arg-type]
    recorder = Recorder()
    maker = ReportMaker({}, Reviewer(None, limits), InThisProcess(limits))
    return FinishedCalls(recorder, maker, limits), recorder


def hold(calls: FinishedCalls, call_id: str, key_id: str | None = None, *, end: bool = True) -> None:
    calls.call_started(CallStarted(call_id, "helpdesk", "webrtc", key_id, NOON))
    calls.turn(Turn(call_id, 1, "user", "text", "Hello.", "Hello.", 0, 500))
    if end:
        calls.call_ended(CallEnded(call_id, NOON + timedelta(minutes=1), "hangup", HelpdeskFacts()))


async def test_only_what_is_not_stored_is_kept_and_everything_is_passed_on() -> None:
    calls, recorder = finished_calls()
    hold(calls, "guest")
    hold(calls, "mine", "key_1")
    assert calls.get("guest") is not None
    assert calls.get("mine") is None
    assert len(recorder.records) == 6
    await calls.aclose()
    assert calls.get("guest") is None


async def test_bounds_hold_and_the_oldest_goes_first() -> None:
    calls, _ = finished_calls(window_calls=2)
    hold(calls, "running", end=False)
    for name in ("a", "b", "c"):
        hold(calls, name)
    assert [calls.get(name) is not None for name in ("running", "a", "b", "c")] == [True, False, True, True]
    calls, _ = finished_calls(window_bytes=2000)
    hold(calls, "a")
    hold(calls, "b")
    assert [calls.get(name) is not None for name in ("a", "b")] == [False, True]


async def test_a_call_that_goes_on_is_one_call() -> None:
    calls, _ = finished_calls()
    hold(calls, "guest")
    hold(calls, "guest", end=False)
    call = calls.get("guest")
    assert call is not None
    assert (call.ended, len(call.turns), calls.count) == (None, 2, 0)
    calls.call_ended(CallEnded("guest", NOON + timedelta(minutes=2), "hangup"))
    assert calls.count == 1


async def test_a_report_is_made_once_when_it_is_asked_for() -> None:
    calls, _ = finished_calls()
    hold(calls, "guest")
    hold(calls, "broken")
    call, broken = calls.get("guest"), calls.get("broken")
    assert call is not None
    assert broken is not None
    assert calls.report(call) is None
    assert calls.report(broken) is None
    for _ in range(10):
        await asyncio.sleep(0)
    made = calls.report(call)
    assert made is not None
    assert json.loads(made.body)["section"]["kind"] == "helpdesk"
    assert calls.report(call) is made
    with pytest.raises(BuildError):
        calls.report(broken)
    await calls.aclose()


async def test_nothing_is_kept_where_the_operator_does_not_want_it() -> None:
    calls, _ = finished_calls(window_s=0)
    hold(calls, "guest")
    assert calls.get("guest") is None


async def test_a_build_process_that_takes_too_long_is_ended() -> None:
    builder = ReportBuilder(ReportSettings(_env_file=None, build_timeout_s=0.01))
    material = Material(call=CallMeta(call_id="c", agent="helpdesk", started_at=NOON), turns=())
    with pytest.raises(BuildError):
        await builder.build(material)
