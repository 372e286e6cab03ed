"""Reports of made-up calls, by the same code that the server runs. Not a test module."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from voice_agent.analytics.measure import Measure
from voice_agent.analytics.report import CallMeta, ModelAnswer, Report, build_report
from voice_agent.analytics.scores import AnswerScores, PartScore
from voice_agent.engines.ports import Word
from voice_agent.facts import (
    AskedQuestion,
    CallFacts,
    Correction,
    HelpdeskFacts,
    InterviewFacts,
    LanguageFacts,
    StepTried,
)
from voice_agent.records import Turn, TurnMetrics
from voice_agent.reports.helpdesk_figures import helpdesk_figures
from voice_agent.reports.trends import trends
from voice_agent.storage.figures import HelpdeskCall, TicketTimes
from voice_agent.storage.reports import SavedMeasures

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

_QUESTION = "Tell me about a time when a project was late. What did you do?"
_ANSWER = (
    "Um, in my last job as a team lead we had, you know, a release that was about to slip by three weeks. I was "
    "asked to bring it back on track before the spring sale. So I sat down with each developer and I wrote down "
    "what was really left, and, uh, I think about a third of it was, like, nice to have. I talked to the customer"
    " and we agreed to move that third to the summer. Then I changed our stand-up: I asked everybody for the one "
    "thing that blocks them, and I took that thing away on the same day. Maybe it was a bit much at first, but "
    "people got used to it. In the end we shipped four days before the sale, and the customer renewed the "
    "contract for two years. Since then I always ask on the first day what could be left out, because, um, I "
    "probably would have saved us two of these three weeks."
)
_SECOND = "What did you learn about yourself as a lead?"
_SECOND_ANSWER = (
    "I learned that I wait too long before I ask for help. I mean, we lost a week because I wanted to solve the "
    "build problem alone. Now I ask after one hour. We basically made it a rule in the team, and nobody was stuck"
    " for more than a day since then, which I find, sort of, the best result of that whole project for me and for"
    " everyone on the team."
)


def _words(text: str, start_ms: int) -> Iterator[Word]:
    """Words of 200 ms and more, a pause after each sentence, a long one in the middle."""
    at = start_ms
    for number, word in enumerate(text.split()):
        length = 150 + 28 * len(word) + (60 if number % 17 == 0 else 0)
        yield Word(word, at, at + length, 0.9)
        at += length + (700 if word[-1] in ".?!" else 300 if word[-1] == "," else 40) + (2100 if number == 60 else 0)


class _Talk:
    """Turns one after the other, on the clock of a call."""

    def __init__(self, *, voice: bool = True) -> None:
        self.turns: list[Turn] = []
        self._voice = voice
        self._at = 500

    def agent(self, text: str, *, wait_ms: int = 700, interrupted: bool = False) -> None:
        metrics = TurnMetrics(eou_ms=wait_ms // 3, stt_ms=40, ttft_ms=90, ttfb_ms=110, e2e_ms=wait_ms)
        answers = bool(self.turns) and self._voice
        self._add("assistant", text, len(text) * 60, metrics if answers else TurnMetrics(), interrupted=interrupted)

    def caller(self, text: str, *, after_ms: int = 900) -> None:
        self._at += after_ms
        words = tuple(_words(text, self._at))
        self._add("user", text, words[-1].end_ms - self._at, TurnMetrics(), words=words if self._voice else ())

    def _add(
        self,
        role: str,
        text: str,
        length_ms: int,
        metrics: TurnMetrics,
        *,
        words: tuple[Word, ...] = (),
        interrupted: bool = False,
    ) -> None:
        self.turns.append(
            Turn(
                call_id="call_example",
                seq=len(self.turns) + 1,
                role="user" if role == "user" else "assistant",
                channel="voice" if self._voice else "text",
                text=text,
                heard=text,
                start_ms=self._at,
                end_ms=self._at + length_ms,
                interrupted=interrupted,
                words=words,
                timing="word" if words else "segment",
                verbatim=bool(words),
                metrics=metrics,
            )
        )
        self._at += length_ms + 600

    def report(self, agent: str, facts: CallFacts, **pieces: Any) -> Report:
        meta = CallMeta(
            call_id="call_example", agent=agent, started_at=START, ended_at=START + timedelta(milliseconds=self._at)
        )
        return build_report(meta, self.turns, facts, **pieces)


def interview(*, voice: bool = True) -> Report:
    """Two questions answered, one skipped, one never asked; one score rests on words that were never said."""
    talk = _Talk(voice=voice)
    talk.agent("Hello, I am an AI, and this is practice. " + _QUESTION)
    talk.caller(_ANSWER)
    talk.agent("Thank you. " + _SECOND, wait_ms=640)
    talk.caller(_SECOND_ANSWER, after_ms=2400)
    talk.agent("Why do you want this job?", wait_ms=1380, interrupted=True)
    talk.caller("Skip.")
    talk.agent("Thank you, that was the last one.", wait_ms=820)
    rubric = {
        1: "Speaks in general.",
        3: "Tells own steps, with a weak result.",
        5: "Specific, measured and reflective.",
    }

    def question(id_: str, competency: str, text: str, *answers: str, **more: Any) -> AskedQuestion:
        why = "The job description asks for it." if id_ == "late" else "It is part of every interview."
        return AskedQuestion(id=id_, competency=competency, text=text, why=why, rubric=rubric, answers=answers, **more)

    facts = InterviewFacts(
        role="Engineering manager",
        level="senior",
        mode="practice",
        questions=(
            question("late", "prioritisation", _QUESTION, _ANSWER, asked=True),
            question("learned", "learning", _SECOND, _SECOND_ANSWER, asked=True),
            question("why", "motivation", "Why do you want this job?", asked=True, skipped=True),
            question("conflict", "conflict", "Tell me about a disagreement with a colleague."),
        ),
        required_skills=("stand-up", "customer", "Kubernetes"),
        finished=True,
    )
    scores = {
        "late": AnswerScores(
            parts=(
                PartScore(part="situation", points=2, quote="a release that was about to slip by three weeks"),
                PartScore(part="task", points=2, quote="I was asked to bring it back on track"),
                PartScore(part="action", points=1, quote="I talked to the customer"),
                PartScore(part="result", points=2, quote="we doubled the revenue of the whole company"),
            ),
            competency=5,
            competency_quote="Since then I always ask on the first day what could be left out",
            strength="Your result has a date and a consequence.",
            advice="Name how many people were involved.",
            source="example-model",
        )
    }
    answers = {
        "late": ModelAnswer(
            text="As a team lead I took over a release that was about to slip by three weeks.\nI wrote down what was "
            "really left and agreed with the customer to move a third of it to the summer.\nWe shipped four days "
            "before the sale, and the customer renewed for two years.",
            source="example-model",
        )
    }
    return talk.report("interviewer", facts, scores=scores, model_answers=answers)


def helpdesk() -> Report:
    talk = _Talk()
    talk.agent("Hello, this is the helpdesk. I am an AI. What can I do for you?")
    talk.caller("My printer has been offline since this morning.")
    talk.agent("Is the printer switched on, and is there a light?", wait_ms=610)
    talk.caller("Yes, but it still does not print.")
    talk.agent("I have created ticket number four two.", wait_ms=900)
    facts = HelpdeskFacts(
        problem="My printer has been offline since this morning.",
        article_id="printer-offline",
        article_title="Printer is offline",
        category="printing",
        priority="P3",
        steps=(
            StepTried(text="Check that the printer is switched on.", outcome="worked"),
            StepTried(text="Switch it off, wait ten seconds and switch it on again.", outcome="failed"),
            StepTried(text="Remove the printer and add it again.", outcome="skipped"),
        ),
        ticket_number=42,
        ticket_summary="Printer on the second floor is offline; a restart did not help.",
        escalation="planned",
        resolution="unresolved",
        csat_asked=True,
        csat=4,
    )
    return talk.report("helpdesk", facts)


def lesson() -> Report:
    talk = _Talk()
    talk.agent("Hello! What did you do at the weekend?")
    talk.caller("Yesterday I go to the market with my sister.")
    talk.agent("Ah, yesterday you went to the market. What did you buy?", wait_ms=700)
    talk.caller(
        "I went there and bought two kilo of apples. " + "It was a nice and sunny day and we talked a lot. " * 9
    )
    talk.agent("Lovely. See you next time.", wait_ms=760)
    facts = LanguageFacts(
        language="en-GB",
        level="B1",
        corrections=(
            Correction(said="yesterday I go", better="yesterday I went", kind="past tense"),
            Correction(said="two kilo of apples", better="two kilos of apples", kind="plural", elicited=True),
        ),
        items_done=6,
        items_right=4,
    )
    return talk.report("language-coach", facts)


def as_json(report: Report) -> Any:
    """As the API gives it."""
    return json.loads(report.model_dump_json())


def summary(number: int, *, agent: str = "interviewer", saved: bool = True) -> dict[str, object]:
    """A call in the list of `GET /v1/calls`."""
    start = START - timedelta(days=7 * number)
    end = start + timedelta(minutes=14)
    return {
        "id": f"call_{number}",
        "object": "call",
        "agent": agent,
        "transport": "webrtc",
        "language": "en",
        "started_at": start.isoformat(),
        "ended_at": end.isoformat(),
        "end_reason": "hangup",
        "turn_count": 18,
        "stored": True,
        "saved": saved,
        "expires_at": None if saved else (end + timedelta(hours=24)).isoformat(),
    }


def progress(calls: int = 6) -> dict[str, object]:
    """As of `GET /v1/progress`: an interview a week, whose figures change."""
    base = interview()
    saved = [
        SavedMeasures(
            f"call_{number}",
            "interviewer",
            START + timedelta(days=7 * number),
            "en",
            [_shifted(measure, number).model_dump(mode="json") for measure in base.measures()],
        )
        for number in range(calls)
    ]
    found = [json.loads(trend.model_dump_json()) for trend in trends(saved)]
    return {"object": "progress", "calls": calls, "trends": found}


def _shifted(measure: Measure, number: int) -> Measure:
    if measure.value is None:
        return measure
    return measure.model_copy(update={"value": round(measure.value * (1 - 0.04 * number + 0.03 * (number % 2)), 1)})


def figures(contacts: int) -> dict[str, object]:
    """As of `GET /v1/helpdesk/figures`: so many contacts in 30 days."""
    now = START
    calls = [
        HelpdeskCall(
            call_id=f"call_{number}",
            key_id=f"key_{number % 17}",
            started_at=now - timedelta(days=1 + number % 28),
            ended_at=now - timedelta(days=1 + number % 28) + timedelta(minutes=5),
            category="printing" if number % 3 else "network",
            resolution="confirmed" if number % 4 else "unresolved",
            escalation="planned" if number % 7 == 0 else "forced" if number % 11 == 0 else "none",
            ticket_number=number if number % 7 == 0 else None,
            csat_asked=number % 2 == 0,
            csat=5 - number % 3 if number % 4 == 0 else None,
        )
        for number in range(contacts)
    ]
    tickets = [
        TicketTimes(
            number=number,
            priority=f"P{1 + number % 3}",
            created_at=now - timedelta(days=5),
            resolved_at=now - timedelta(days=5) + timedelta(hours=3 + number) if number % 2 else None,
            pending_s=0.0,
        )
        for number in range(contacts // 4)
    ]
    found = helpdesk_figures(calls, tickets, now - timedelta(days=30), now, now)
    return {"object": "helpdesk.figures", **json.loads(found.model_dump_json())}
