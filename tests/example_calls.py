"""Hand-written calls, one of each agent, and their reports: `python -m tests.example_calls` writes them anew.

The reports lie in tests/fixtures/reports, so that a change of a report's content or shape shows in a diff.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from voice_agent.analytics.report import CallMeta, ModelAnswer, Report, build_report
from voice_agent.analytics.scores import AnswerScores, PartScore
from voice_agent.engines.ports import Word
from voice_agent.facts import (
    AskedQuestion,
    Correction,
    HelpdeskFacts,
    InterviewFacts,
    LanguageFacts,
    StepTried,
)
from voice_agent.records import Turn, TurnMetrics

FOLDER = Path(__file__).parent / "fixtures" / "reports"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
WORD_MS = 300
GAP_MS = 100


def spoken(
    seq: int,
    text: str,
    start_ms: int = 0,
    *,
    pauses: Mapping[int, int] | None = None,
    seconds: float | None = None,
    timed: bool = True,
    verbatim: bool = True,
) -> Turn:
    """A spoken turn of the caller: words of 300 ms with gaps of 100 ms; `pauses` gives other gaps after the words of
    these numbers (from 0). `seconds` sets the length of the turn apart from its words."""
    words = []
    at = start_ms
    for number, word in enumerate(text.split()):
        words.append(Word(word, at, at + WORD_MS))
        at += WORD_MS + (pauses or {}).get(number, GAP_MS)
    end_ms = words[-1].end_ms if seconds is None else start_ms + round(seconds * 1000)
    return Turn(
        call_id="call_example",
        seq=seq,
        role="user",
        channel="voice",
        text=text,
        heard=text,
        start_ms=start_ms,
        end_ms=end_ms,
        words=tuple(words) if timed else (),
        timing="word" if timed else "segment",
        verbatim=verbatim,
    )


def typed(seq: int, text: str, at_ms: int = 0) -> Turn:
    return Turn("call_example", seq, "user", "text", text, text, at_ms, at_ms)


def agent(seq: int, text: str, start_ms: int, seconds: float, *, e2e_ms: int | None = None) -> Turn:
    """A turn of the agent that was heard to its end."""
    metrics = TurnMetrics(eou_ms=200, stt_ms=90, ttft_ms=150, ttfb_ms=120, e2e_ms=e2e_ms)
    end_ms = start_ms + round(seconds * 1000)
    return Turn(
        "call_example",
        seq,
        "assistant",
        "voice",
        text,
        text,
        start_ms,
        end_ms,
        metrics=metrics if e2e_ms else TurnMetrics(),
    )


def talk(*lines: str | tuple[str, int]) -> list[Turn]:
    """Turns one after the other, 800 ms between them: the agent's text, the caller's text, and so on. A line of the
    agent with a number has been waited for so many ms."""
    turns: list[Turn] = []
    at = 0
    for number, line in enumerate(lines, 1):
        text, waited = line if isinstance(line, tuple) else (line, 0)
        if number % 2:
            turn = agent(number, text, at, len(text) * 0.06, e2e_ms=waited or None)
        else:
            turn = spoken(number, text, at, pauses={11: 600, 25: 2400})
        turns.append(turn)
        at = turn.end_ms + 800
    return turns


def meta(agent_name: str, turns: Sequence[Turn]) -> CallMeta:
    end = NOON + timedelta(milliseconds=turns[-1].end_ms + 1000)
    return CallMeta(call_id="call_example", agent=agent_name, started_at=NOON, ended_at=end)


_LATE = (
    "Um, last year in my team we had, you know, a release that was three weeks late. I was asked to bring it back"
    " on track before the spring sale. I listed what was left with each developer, and I think a third of it was "
    "not needed. I called the customer and I moved that third to the summer. I also changed our daily meeting: I "
    "asked for the one thing that blocks you, and I removed it on the same day. In the end we shipped four days "
    "before the sale, and the customer renewed for two years. I learned to ask on the first day what can be left "
    "out."
)
_ALONE = (
    "We had a broken build and we tried to mend it for a week, and we did not ask anybody. Maybe we were too "
    "proud, uh, I guess. Then we called the other team and we fixed it together within an hour."
)
_RUBRIC = {1: "Speaks in general.", 3: "Own steps, weak result.", 5: "Specific, measured, reflective."}


def interview() -> Report:
    """Two examples, one of them scored by a model with an invented quote; one question skipped, one never asked."""
    turns = talk(
        "Hello. Tell me about a project that was late.",
        _LATE,
        ("Thank you. When did you ask for help?", 640),
        _ALONE,
        ("What did you do yourself?", 720),
        "I called them, um, because I knew their lead.",
        ("Why do you want this job?", 1210),
        "Skip it please.",
        ("Thank you. That was the last question.", 580),
    )
    late = AskedQuestion(
        id="late",
        competency="prioritisation",
        text="Tell me about a project that was late.",
        why="The job asks for planning.",
        rubric=_RUBRIC,
        asked=True,
        answers=(_LATE,),
    )
    facts = InterviewFacts(
        role="Team lead",
        level="senior",
        required_skills=("customer contact", "C++", "daily meetings"),
        finished=True,
        questions=(
            late,
            AskedQuestion(
                id="help",
                competency="learning",
                text="When did you ask for help?",
                why="It is part of every interview.",
                rubric=_RUBRIC,
                asked=True,
                probes=1,
                answers=(_ALONE, "I called them, um, because I knew their lead."),
            ),
            AskedQuestion(
                id="why",
                competency="motivation",
                text="Why do you want this job?",
                why="It is part of every interview.",
                target_s=(30, 90),
                asked=True,
                skipped=True,
            ),
            late.model_copy(update={"id": "never", "asked": False, "answers": ()}),
        ),
    )
    scores = {
        "late": AnswerScores(
            parts=(
                PartScore(part="situation", points=2, quote="a release that was three weeks late"),
                PartScore(part="task", points=2, quote="I was asked to bring it back on track"),
                PartScore(part="action", points=2, quote="I called the customer"),
                PartScore(part="result", points=2, quote="we doubled the revenue"),
            ),
            competency=5,
            competency_quote="In the end we shipped four days before the sale",
            strength="The result has a date.",
            advice="Name the size of the team.",
            source="example-model",
        )
    }
    answers = {"late": ModelAnswer(text="Last year my team had a release that was three weeks late.", source="rules")}
    return build_report(meta("interviewer", turns), turns, facts, scores=scores, model_answers=answers)


def helpdesk() -> Report:
    turns = talk(
        "Hello, this is the helpdesk. What can I do for you?",
        "My printer is offline since this morning.",
        ("Please switch it off and on again.", 610),
        "I did, it is still offline.",
        ("I have created ticket one thousand and one.", 930),
    )
    facts = HelpdeskFacts(
        problem="My printer is offline since this morning.",
        article_id="printer-offline",
        article_title="Printer offline",
        category="printing",
        priority="P3",
        steps=(StepTried(text="Switch it off and on again.", outcome="failed"),),
        ticket_number=1001,
        ticket_summary="Printer offline since this morning",
        escalation="planned",
        csat_asked=True,
        csat=4,
    )
    return build_report(meta("helpdesk", turns), turns, facts)


def lesson() -> Report:
    turns = talk(
        "Hello. What did you do yesterday?",
        "Yesterday I go to the market and I buyed many apples.",
        ("You went to the market. What did you buy there?", 700),
        "I went there for apples. I buyed ten of them and I am agree that it is much.",
        ("What would you do if you had more time?", 690),
        "I would cook for my friends, and I agree with you, it is good to eat together.",
        ("Very good. See you next time.", 660),
    )
    facts = LanguageFacts(
        level="B1",
        corrections=(
            Correction(said="I go to the market", better="I went to the market", kind="past tense"),
            Correction(said="I buyed", better="I bought", kind="past tense", elicited=True),
            Correction(said="I am agree", better="I agree", kind="verb form"),
        ),
        items_done=3,
        items_right=1,
    )
    return build_report(meta("language-coach", turns), turns, facts)


REPORTS = {"interview": interview, "helpdesk": helpdesk, "language": lesson}


def as_file(report: Report) -> str:
    return report.model_dump_json(indent=2) + "\n"


def untimed(turn: Turn) -> Turn:
    return replace(turn, words=(), timing="segment")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in REPORTS.items():
        (FOLDER / f"{name}.json").write_text(as_file(make()), encoding="utf-8")


if __name__ == "__main__":
    main()
