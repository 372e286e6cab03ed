"""The language practice agent: instructions, greeting, patience and the tool that hands out drills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from voice_agent.agents.base import Agent, Tool, ToolContext, ToolError, TurnProfile
from voice_agent.agents.dialogue.engine import ScriptedModel
from voice_agent.agents.dialogue.language_script import LanguageContent, LanguageScript
from voice_agent.agents.pack_schema import LanguageLevel
from voice_agent.agents.tools import Arguments, make_tool
from voice_agent.agents.voice_rules import as_data, phrases, voice_rules
from voice_agent.settings import AgentSettings

GREETING = (
    "Hello, I am an AI language coach. No audio is kept. Say slower, repeat or end at any time. "
    "Shall we do easy, middle or advanced English?"
)
DRILL = "drill"

_TASK = """
Your task:
1. Find the level: the caller chooses, or you ask three easy questions and judge by them. Then call drill.
2. Lead the drill, one prompt per turn. The caller should speak far more than you.
3. After an error that carries meaning, recast it once: say their sentence back correctly, beginning with "we say", \
and go on. At most one recast per turn; ignore small slips and accent.
4. If the same kind of error comes again, let them find it: ask, for example, "how would you say that in the past?"
5. Never interrupt, never mock. For beginners use very short sentences and common words.
6. At the end, say the corrected sentences once more, at most six, then one thing that went well.
"""


class DrillArguments(Arguments):
    level: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] = Field(
        description="The id of a level."
    )
    number: int = Field(1, ge=1, le=40, description="Which drill of the level, from 1.")


def _drill_tool(levels: Mapping[str, LanguageLevel], settings: AgentSettings) -> Tool:
    async def run(arguments: DrillArguments, _context: ToolContext) -> Mapping[str, object]:
        level = levels.get(arguments.level)
        if level is None:
            raise ToolError(f"There is no such level. The levels are: {', '.join(levels)}.")
        if arguments.number > len(level.drills):
            return {"level": level.id, "finished": True}
        drill = level.drills[arguments.number - 1]
        return {
            "level": level.id,
            "title": drill.title,
            "intro": drill.intro,
            "items": [{"prompt": item.prompt, "answer": item.answer} for item in drill.items],
            "drills_left": len(level.drills) - arguments.number,
        }

    return make_tool(
        DRILL,
        "Returns one drill of a level: its introduction and prompts, with the expected answer where there is one.",
        DrillArguments,
        run,
        timeout_s=settings.tool_timeout_s,
    )


def language_coach(levels: Mapping[str, LanguageLevel], settings: AgentSettings) -> Agent:
    """Builds the agent over these levels. Its pace is a setting: it cannot change within a call."""
    content = LanguageContent(levels, GREETING, settings.language_corrections)
    known = as_data("levels", [{"id": level.id, "title": level.title, "cefr": level.cefr} for level in levels.values()])
    return Agent(
        name="language-coach",
        title="Language practice",
        summary="Practises spoken English with you at your level and says your sentences back in better words.",
        instructions=f"{voice_rules('a patient language coach')}{_TASK}\nLevels: {known}\n",
        greeting=GREETING,
        turns=TurnProfile(
            min_delay_ms=settings.language_min_delay_ms,
            max_delay_ms=settings.language_max_delay_ms,
            nudges=(
                (settings.language_nudge_s, "Take your time."),
                (settings.language_offer_s, "Shall I say it again? You can also say skip."),
                (settings.language_pause_s, "I will wait. Say continue when you are ready."),
            ),
        ),
        scripted=ScriptedModel(lambda: LanguageScript(content)),
        tools=(_drill_tool(levels, settings),),
        speed=settings.language_speed,
        transcription_prompt="Um, uh, hmm. A learner of English speaks: I have, he go, yesterday, since.",
        phrases=phrases(
            {
                "refusal": "Let us talk about something else. Shall we go on with the exercise?",
                "goodbye": "Goodbye, see you next time.",
            }
        ),
    )
