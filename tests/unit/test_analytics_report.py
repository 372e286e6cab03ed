"""The report of a call: what stands where, and that its examples in tests/fixtures/reports are true."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.example_calls import (
    FOLDER,
    NOON,
    REPORTS,
    as_file,
    helpdesk,
    interview,
    lesson,
    meta,
    spoken,
    talk,
    typed,
)
from voice_agent.analytics.measure import Measure
from voice_agent.analytics.report import CallMeta, Report, Review, build_report
from voice_agent.facts import AskedQuestion, CallFacts, Correction, HelpdeskFacts, InterviewFacts, LanguageFacts
from voice_agent.records import Turn


@pytest.mark.parametrize("name", REPORTS)
def test_the_examples_are_what_the_server_makes_of_these_calls(name: str) -> None:
    """Where this is meant: `python -m tests.example_calls`."""
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == as_file(REPORTS[name]())


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_survives_json(name: str) -> None:
    report = REPORTS[name]()
    assert Report.model_validate_json(report.model_dump_json()) == report
    with pytest.raises(ValidationError):
        Report.model_validate(json.loads(report.model_dump_json()) | {"schema_version": 2})


@pytest.mark.parametrize("make", [interview, helpdesk, lesson])
def test_every_figure_has_a_value_or_says_why_not_and_how_it_is_computed(make: Callable[[], Report]) -> None:
    for measure in measures_of(make()):
        assert (measure.value is not None) == (measure.state == "measured") == (measure.reason == "")
        assert measure.formula.endswith(".")
        assert measure.source
        assert (measure.rating is not None) == (measure.value is not None and measure.band is not None)


def measures_of(report: Report) -> list[Measure]:
    questions = report.section.questions if report.section and report.section.kind == "interview" else ()
    return [*report.measures(), *(measure for q in questions for measure in (*q.content, *q.delivery))]


def test_a_short_call_in_which_nothing_was_tried_is_summed_up_as_such() -> None:
    turns = [typed(1, "My printer is offline.")]
    desk = build_report(meta("helpdesk", turns), turns, HelpdeskFacts(article_title="Printer offline"))
    assert desk.review.summary == "Printer offline: no steps tried. It is not fixed yet."
    lesson_of_seconds = build_report(meta("language-coach", turns), turns, LanguageFacts())
    assert lesson_of_seconds.review.summary.startswith("You practised for less than a minute")


def test_a_question_has_its_answers_turns_scores_and_model_answer() -> None:
    section = interview().section
    assert section is not None
    assert section.kind == "interview"
    late, alone, why, never = section.questions
    assert (late.turns, alone.turns, why.turns, never.turns) == ((2,), (4, 6), (), ())
    assert late.scores is not None
    assert (late.scores.source, late.scores.rejected) == ("example-model", ("result",))
    assert alone.scores is not None
    assert alone.scores.source == "rules"
    assert late.model_answer is not None
    assert (why.skipped, why.scores, never.asked) == (True, None, False)


def test_the_transcript_marks_fillers_and_knows_what_a_turn_answers() -> None:
    turns = {turn.seq: turn for turn in interview().transcript}
    marked = [(turns[2].text[mark.start : mark.end], mark.kind) for mark in turns[2].marks]
    assert marked == [("Um", "filler_sound"), ("you know", "filler_word"), ("I think", "hedge")]
    assert (turns[2].question_id, turns[6].question_id, turns[8].question_id) == ("late", "help", "")
    assert turns[3].marks == ()
    assert turns[3].latency is not None
    assert turns[3].latency.voice_to_voice_ms == 640
    assert turns[2].latency is None


def test_of_the_agent_the_transcript_shows_what_was_heard() -> None:
    turns = talk("Hello, how can I help?", "Stop.")
    report = build_report(
        meta("helpdesk", turns), [turns[1], replace(turns[0], heard="Hello,", interrupted=True)], HelpdeskFacts()
    )
    assert [(turn.text, turn.interrupted) for turn in report.transcript] == [("Hello,", True), ("Stop.", False)]


def test_the_same_answer_given_twice_belongs_to_both_questions_in_order() -> None:
    turns = talk("One?", "Yes.", "Two?", "Yes.", "Bye.")
    facts = InterviewFacts(
        questions=tuple(
            AskedQuestion(id=name, competency="teamwork", text=name, why="", asked=True, answers=("yes",))
            for name in ("one", "two")
        )
    )
    section = build_report(meta("interviewer", turns), turns, facts).section
    assert section is not None
    assert section.kind == "interview"
    assert [question.turns for question in section.questions] == [(2,), (4,)]


def test_a_helpdesk_caller_is_not_coached() -> None:
    report = helpdesk()
    assert report.delivery is None
    assert report.drills == ()
    assert (report.review.strength, report.review.focus) == ("", "")
    assert "Ticket 1001" in report.review.summary
    assert {measure.id for measure in report.measures()} == {"talk_ratio", "voice_to_voice_p50", "voice_to_voice_p95"}


def test_a_lesson_tells_uptake_and_drills_what_was_wrong() -> None:
    report = lesson()
    assert report.section is not None
    assert report.section.kind == "language"
    assert [each.taken_up for each in report.section.corrections] == [True, False, True]
    assert report.section.content[1].value == 67
    assert report.review.focus == "Watch this: past tense."
    assert len(report.drills) == 3
    assert report.drills[0].title == "Past tense"


def test_three_drills_answer_to_what_was_found_and_are_different() -> None:
    drills = interview().drills
    assert len({drill.id for drill in drills}) == 3
    assert drills[0].id == "result_first"


def test_what_a_model_sums_up_takes_the_place_of_the_rules() -> None:
    turns = talk("Hello.", "Hello.")
    review = Review(summary="Short.", source="example-model")
    assert build_report(meta("helpdesk", turns), turns, HelpdeskFacts(), review=review).review == review


@pytest.mark.parametrize("facts", [InterviewFacts(), HelpdeskFacts(), LanguageFacts(), None])
@pytest.mark.parametrize(
    ("turns", "seconds"),
    [([], 0), ([typed(1, "Hello.")], 0), ([spoken(1, "Hello.")], 0.3)],
)
def test_calls_that_broke_off_have_a_report(facts: CallFacts | None, turns: list[Turn], seconds: float) -> None:
    call = CallMeta(call_id="c", agent="interviewer", started_at=NOON)
    report = build_report(call, turns, facts)
    assert report.review.summary
    assert report.duration_s == seconds
    assert report.disclaimer == "ai_report"


def test_an_interview_in_another_language_is_not_scored_by_english_rules() -> None:
    turns = talk("Erzählen Sie.", "Letztes Jahr habe ich ein Projekt geleitet.")
    question = AskedQuestion(id="q", competency="leadership", text="", why="", asked=True, answers=(turns[1].text,))
    call = meta("interviewer", turns).model_copy(update={"language": "de-DE"})
    report = build_report(call, turns, InterviewFacts(questions=(question,)))
    assert report.section is not None
    assert report.section.kind == "interview"
    assert report.section.questions[0].scores is None
    assert report.transcript[1].marks == ()


def test_a_correction_that_was_never_said_has_no_turn() -> None:
    turns = talk("Hello.", "I went home.")
    facts = LanguageFacts(corrections=(Correction(said="I goed", better="I went"),))
    section = build_report(meta("language-coach", turns), turns, facts).section
    assert section is not None
    assert section.kind == "language"
    assert (section.corrections[0].turn, section.corrections[0].taken_up) == (None, None)
