"""Builds the report of one call from its turns and facts. Pure: the same call gives the same report.

What a language model adds (scores, model answers, the three sentences at the top) is handed in and checked; without it
the rules fill its place, except for model answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from types import MappingProxyType

from voice_agent.analytics import content, language
from voice_agent.analytics.delivery import delivery
from voice_agent.analytics.drills import interview_drills, language_drills
from voice_agent.analytics.fillers import is_english, marks
from voice_agent.analytics.interaction import INTERVIEW_BAND, conversation
from voice_agent.analytics.report_model import (
    CallMeta,
    Delivery,
    Drill,
    HelpdeskReport,
    InterviewReport,
    LanguageReport,
    ModelAnswer,
    QuestionReport,
    Report,
    Review,
    Section,
    StepReport,
    TicketReport,
    TranscriptTurn,
    TurnLatency,
)
from voice_agent.analytics.review import general_review, helpdesk_review, interview_review, language_review
from voice_agent.analytics.scores import AnswerScores
from voice_agent.analytics.speech import has_word_times
from voice_agent.analytics.star import score_answer
from voice_agent.facts import AskedQuestion, CallFacts, HelpdeskFacts, InterviewFacts, LanguageFacts
from voice_agent.records import Turn
from voice_agent.text.words import folded

__all__ = ["CallMeta", "ModelAnswer", "Report", "Review", "build_report"]

_NO_SCORES: Mapping[str, AnswerScores] = MappingProxyType({})
_NO_ANSWERS: Mapping[str, ModelAnswer] = MappingProxyType({})


def build_report(
    call: CallMeta,
    turns: Sequence[Turn],
    facts: CallFacts | None,
    *,
    scores: Mapping[str, AnswerScores] = _NO_SCORES,
    model_answers: Mapping[str, ModelAnswer] = _NO_ANSWERS,
    review: Review | None = None,
) -> Report:
    """`turns` in any order; `scores` and `model_answers` by the id of the question.

    A score whose quote the caller never said is not shown but named as rejected. Questions without scores get those of
    the rules.
    """
    turns = sorted(turns, key=lambda turn: turn.seq)
    duration_s = _duration_s(call, turns)
    spoken = facts.language if isinstance(facts, LanguageFacts) else call.language
    section: Section | None = None
    how: Delivery | None = delivery(turns, spoken)
    drills: tuple[Drill, ...] = ()
    band = None
    answered: dict[int, str] = {}
    match facts:
        case InterviewFacts():
            answers = _answers(facts.questions, turns)
            answered = {turn.seq: question for question, each in answers.items() for turn in each}
            section = _interview(facts, answers, scores, model_answers, spoken)
            band = INTERVIEW_BAND
            drills = interview_drills(section.questions, section.content, how.measures if how else ())
            review = review or interview_review(section, duration_s)
        case HelpdeskFacts():
            section, how = _helpdesk(facts), None
            review = review or helpdesk_review(section)
        case LanguageFacts():
            section = _language(facts, turns)
            drills = language_drills(section.corrections)
            review = review or language_review(section, duration_s)
    return Report(
        call=call,
        duration_s=round(duration_s, 1),
        review=review or general_review(turns, duration_s),
        section=section,
        delivery=how,
        conversation=conversation(turns, band=band),
        transcript=tuple(_transcript_turn(turn, answered.get(turn.seq, ""), spoken) for turn in turns),
        drills=drills,
    )


def _duration_s(call: CallMeta, turns: Sequence[Turn]) -> float:
    if call.ended_at is not None:
        return max(0.0, (call.ended_at - call.started_at).total_seconds())
    return max((turn.end_ms for turn in turns), default=0) / 1000


# --- interview --------------------------------------------------------------------------------------------------


def _answers(questions: Sequence[AskedQuestion], turns: Sequence[Turn]) -> dict[str, list[Turn]]:
    """The turns that answer each question. Answers come in the order of the call, each is a whole turn: the same words
    said twice are two turns."""
    said = [(folded(turn.text), turn) for turn in turns if turn.role == "user"]
    found: dict[str, list[Turn]] = {}
    at = 0
    for question in questions:
        found[question.id] = []
        for answer in map(folded, question.answers):
            match = next((i for i in range(at, len(said)) if said[i][0] == answer), None)
            if match is not None:
                found[question.id].append(said[match][1])
                at = match + 1
    return found


def _interview(
    facts: InterviewFacts,
    answers: Mapping[str, Sequence[Turn]],
    scores: Mapping[str, AnswerScores],
    model_answers: Mapping[str, ModelAnswer],
    spoken: str,
) -> InterviewReport:
    questions = tuple(
        _question(question, answers[question.id], scores.get(question.id), model_answers.get(question.id), spoken)
        for question in facts.questions
    )
    examples = [
        turn
        for question in facts.questions
        if not content.is_framing(question.competency)
        for turn in answers[question.id]
    ]
    every = [*chain.from_iterable(answers.values())]
    skills = content.skill_evidence(facts.required_skills, every)
    scored = [measure for question in questions for measure in question.content]
    return InterviewReport(
        role=facts.role,
        level=facts.level,
        mode=facts.mode,
        finished=facts.finished,
        questions=questions,
        skills=skills,
        content=(
            content.mean_of(content.STAR, [measure for measure in scored if measure.id == content.STAR.id]),
            content.mean_of(content.COMPETENCY, [measure for measure in scored if measure.id == content.COMPETENCY.id]),
            content.ownership([turn.text for turn in examples], spoken),
            content.job_coverage(skills),
        ),
    )


def _question(
    question: AskedQuestion,
    turns: Sequence[Turn],
    scores: AnswerScores | None,
    model_answer: ModelAnswer | None,
    spoken: str,
) -> QuestionReport:
    texts = [turn.text for turn in turns]
    if scores is None and is_english(spoken):
        scores = score_answer(texts, question.competency)
    checked = content.checked(scores, texts, question.rubric) if scores and texts else None
    example = not content.is_framing(question.competency)
    return QuestionReport(
        id=question.id,
        competency=question.competency,
        text=question.text,
        why=question.why,
        asked=question.asked,
        skipped=question.skipped,
        target_s=question.target_s,
        turns=tuple(turn.seq for turn in turns),
        scores=checked,
        content=(
            content.star_measure(checked),
            content.competency_measure(checked),
            content.ownership(texts if example else (), spoken),
        ),
        delivery=(content.answer_length(turns, question.target_s),),
        model_answer=model_answer,
    )


# --- helpdesk and language --------------------------------------------------------------------------------------


def _helpdesk(facts: HelpdeskFacts) -> HelpdeskReport:
    ticket = None
    if facts.ticket_number is not None:
        ticket = TicketReport(number=facts.ticket_number, summary=facts.ticket_summary, priority=facts.priority)
    return HelpdeskReport(
        problem=facts.problem,
        article_id=facts.article_id,
        article_title=facts.article_title,
        category=facts.category,
        priority=facts.priority,
        steps=tuple(StepReport(text=step.text, outcome=step.outcome) for step in facts.steps),
        ticket=ticket,
        resolution=facts.resolution,
        escalation=facts.escalation,
        csat_asked=facts.csat_asked,
        csat=facts.csat,
    )


def _language(facts: LanguageFacts, turns: Sequence[Turn]) -> LanguageReport:
    corrections = language.corrections(facts.corrections, turns)
    return LanguageReport(
        language=facts.language,
        level=facts.level,
        corrections=corrections,
        items_done=facts.items_done,
        items_right=facts.items_right,
        content=(language.diversity(turns, facts.language), language.uptake(corrections)),
    )


# --- transcript -------------------------------------------------------------------------------------------------


def _transcript_turn(turn: Turn, question_id: str, spoken: str) -> TranscriptTurn:
    agent = turn.role == "assistant"
    text = turn.heard if agent else turn.text
    marked = not agent and turn.channel == "voice" and is_english(spoken)
    return TranscriptTurn(
        seq=turn.seq,
        role=turn.role,
        channel=turn.channel,
        text=text,
        start_ms=turn.start_ms,
        end_ms=turn.end_ms,
        interrupted=turn.interrupted,
        timing=turn.timing,
        question_id=question_id,
        marks=marks(text, turn.words if has_word_times(turn) else ()) if marked else (),
        latency=_latency(turn) if agent else None,
    )


def _latency(turn: Turn) -> TurnLatency:
    metrics = turn.metrics
    return TurnLatency(
        end_of_turn_ms=metrics.eou_ms,
        transcription_ms=metrics.stt_ms,
        moderation_ms=metrics.moderation_ms,
        first_token_ms=metrics.ttft_ms,
        first_audio_ms=metrics.ttfb_ms,
        voice_to_voice_ms=metrics.e2e_ms,
    )
