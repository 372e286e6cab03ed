"""The interview practice agent: instructions, greeting, patience and the tool that plans an interview."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from voice_agent.agents.base import Agent, Tool, ToolContext, TurnProfile
from voice_agent.agents.dialogue.engine import ScriptedModel
from voice_agent.agents.dialogue.interview_script import InterviewContent, InterviewScript
from voice_agent.agents.interview_plan import plan
from voice_agent.agents.pack_schema import Question, SeniorityLevel
from voice_agent.agents.tools import Arguments, make_tool
from voice_agent.agents.voice_rules import phrases, voice_rules
from voice_agent.settings import AgentSettings

GREETING = (
    "This is interview practice with an AI. No audio is kept. "
    "Say repeat, skip, pause or end any time. Which job is it for?"
)
PLAN = "plan_interview"

_TASK = """
Your task:
1. When you know the job, call plan_interview once. Ask its questions in its order, in your own short words.
2. Listen. Ask at most two follow-ups per question, and only for what is missing: no result, "what changed in the \
end?"; mostly "we", "what did you do yourself?"; vague, a number or an example; off the topic, lead back to the \
question. Then go on, even if the answer stays thin.
3. If the caller is stuck, rephrase, then give the hint, then move on. Never answer for them.
4. In practice mode, which is the default, give one sentence of feedback after each answer: one thing done well or \
one tip. In realistic mode, give none until the end.
5. Silence is thinking time. Do not fill it.
6. Judge content only: never accent, dialect, fillers or emotion. Never ask about protected topics. Invent no facts \
about the caller.
7. At the end, name one strength and one focus, each with the caller's own words as evidence, and say goodbye.
"""


class PlanArguments(Arguments):
    job: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)] = Field(
        description="The job as the caller named it."
    )
    level: SeniorityLevel = Field(description="The level that fits the job.")


def _plan_tool(questions: Mapping[str, Question], settings: AgentSettings) -> Tool:
    async def run(arguments: PlanArguments, _context: ToolContext) -> Mapping[str, object]:
        chosen = plan(questions, arguments.job, settings.interview_questions, level=arguments.level)
        return {
            "questions": [
                {
                    "ask": question.spoken,
                    "why": f"{question.competency}, {question.level}",
                    "follow_ups": {followup.when: followup.ask for followup in question.followups},
                    "good_answer": question.rubric.get(5, question.model_outline),
                    "hint": question.hint,
                }
                for question in chosen
            ]
        }

    return make_tool(
        PLAN,
        "Returns the questions of this interview in order, with follow-ups, hints and what a good answer shows.",
        PlanArguments,
        run,
        timeout_s=settings.tool_timeout_s,
    )


def interviewer(questions: Mapping[str, Question], settings: AgentSettings) -> Agent:
    """Builds the agent over these questions."""
    content = InterviewContent(
        questions,
        GREETING,
        count=settings.interview_questions,
        probes=settings.interview_probes,
        short_words=settings.interview_short_words,
    )
    return Agent(
        name="interviewer",
        title="Interview practice",
        summary="Asks the questions of a job interview, follows up, and gives short feedback.",
        instructions=f"{voice_rules('a fair and friendly interviewer who helps people practise')}{_TASK}",
        greeting=GREETING,
        turns=TurnProfile(
            min_delay_ms=settings.interviewer_min_delay_ms,
            max_delay_ms=settings.interviewer_max_delay_ms,
            nudges=(
                (settings.interviewer_nudge_s, "Take your time."),
                (settings.interviewer_offer_s, "Shall I put it another way, or shall we skip this one?"),
                (settings.interviewer_pause_s, "I will wait. Say continue when you are ready."),
            ),
        ),
        scripted=ScriptedModel(lambda: InterviewScript(content)),
        tools=(_plan_tool(questions, settings),),
        transcription_prompt="Um, uh, hmm, er, ah. A job interview: my role, the team, the project, the result.",
        phrases=phrases(
            {
                "refusal": "Let us keep to the interview. Shall we go on with the question?",
                "goodbye": "Goodbye, and good luck.",
            }
        ),
    )
