"""The language practice agent: instructions, greeting, patience, speed, and the tool that hands out drills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Annotated

from pydantic import Field, StringConstraints

from voice_agent.agents.base import Agent, Tool, ToolContext, ToolError, TurnProfile
from voice_agent.agents.dialogue.course import Course
from voice_agent.agents.dialogue.engine import Dialogue, ScriptedModel
from voice_agent.agents.dialogue.language_script import DRILL, LanguageContent, LanguageScript
from voice_agent.agents.intake import Intake, LanguageChoice, LevelChoice
from voice_agent.agents.language_facts import language_facts
from voice_agent.agents.pack_schema import Language, LanguageLevel
from voice_agent.agents.present import paced
from voice_agent.agents.tools import Arguments, make_tool
from voice_agent.agents.untrusted import as_data
from voice_agent.agents.voice_rules import phrases, voice_rules
from voice_agent.briefing import Briefing
from voice_agent.engines.ports import Message
from voice_agent.facts import LanguageFacts
from voice_agent.settings import AgentSettings

_TASK = """
Your task:
1. Find the level: the caller chooses one, or you ask three easy questions, one per turn, and judge by them. Then call \
drill with its id.
2. Lead the drill, one prompt per turn, in the order and the words of the tool. The caller should speak far more \
than you. When the drill is done, call drill with the next number.
3. After an error that carries meaning, recast it once: begin with "{we_say}", say their sentence back correctly, and \
go on. At most one recast per turn; ignore small slips and accent.
4. If the same kind of error comes again, let them find it: say "{almost}" and ask, for example, "how would you say \
that in the past?" Wait for their answer.
5. Never interrupt, never mock. Your speech is slowed down for beginners by itself; on "slower" or "faster" just say \
the last thing again.
6. If the caller asks to practise another language of the list, ask for the level in that language, then call drill.
7. At the end say "{corrected}", then the corrected sentences once more, at most {corrections}, then one thing that \
went well.
"""
_BY_LEVEL: Mapping[str, str] = {
    "A1": "Use only very common words, in sentences of at most eight words.",
    "A2": "Use common words, in short main clauses.",
    "B1": "Use everyday words; a subordinate clause now and then is fine.",
    "B2": "Speak naturally, and ask for reasons.",
    "C1": "Speak as with an educated native speaker, and listen for precision.",
    "C2": "Speak as with an educated native speaker, and listen for precision.",
}


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
            "drill": drill.id,
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


def language_coach(
    languages: Mapping[str, Language], levels: Mapping[str, LanguageLevel], settings: AgentSettings
) -> Agent:
    """Builds the agent over these languages and levels. It begins in the language of the settings, else in the first
    that has levels."""
    courses = {language.id: Course(language, levels.values()) for language in languages.values()}
    courses = {name: course for name, course in courses.items() if course.levels}
    first = settings.language if settings.language in courses else next(iter(courses))
    content = LanguageContent(courses, first, corrections=settings.language_corrections)
    return _agent(content, levels, settings)


def _agent(content: LanguageContent, levels: Mapping[str, LanguageLevel], settings: AgentSettings) -> Agent:
    start = partial(LanguageScript, content)

    def following() -> Agent:
        dialogue = Dialogue(start)
        return replace(base, adapt=partial(adapt, dialogue=dialogue), facts=partial(facts, dialogue=dialogue))

    def adapt(messages: Sequence[Message], *, dialogue: Dialogue[LanguageScript]) -> Agent:
        dialogue.lead(messages)
        lesson = dialogue.script
        agent = teaching(lesson.course.language.id, lesson.level.id if lesson.level else "")
        return replace(agent, speed=paced(agent.speed, lesson.tempo, settings))

    @cache
    def teaching(language: str, level_id: str) -> Agent:
        level = levels.get(level_id)
        agent = replace(base, speed=level.speed if level else settings.language_speed)
        return _dressed(agent, content, content.courses[language], level, settings)

    def brief(briefing: Briefing) -> Agent:
        level = levels.get(briefing.level)
        wanted = level.lang if level else briefing.language
        language = wanted if wanted in content.courses else content.language
        return _agent(
            replace(content, language=language, level=level.id if level else "", minutes=briefing.minutes),
            levels,
            settings,
        )

    def facts(messages: Sequence[Message], *, dialogue: Dialogue[LanguageScript]) -> LanguageFacts:
        dialogue.lead(messages)
        return language_facts(messages, dialogue.script.course, dialogue.script.level)

    opening = start()
    level = opening.level
    plain = Agent(
        name="language-coach",
        title="Language practice",
        summary="Practises speaking a language with you at your level and says your sentences back in better words.",
        instructions="",
        greeting=opening.greeting().text,
        turns=TurnProfile(settings.language_min_delay_ms, settings.language_max_delay_ms),
        scripted=ScriptedModel(start),
        tools=(_drill_tool(levels, settings),),
        speed=level.speed if level else settings.language_speed,
        intake=Intake(("language", "level", "minutes"), languages=_choices(content)),
        brief=brief,
        adapt=lambda messages: adapt(messages, dialogue=Dialogue(start)),
        facts=lambda messages: facts(messages, dialogue=Dialogue(start)),
        following=following,
    )
    base = _dressed(plain, content, content.course, level, settings)
    return base


def _choices(content: LanguageContent) -> tuple[LanguageChoice, ...]:
    courses = sorted(content.courses.values(), key=lambda course: course is not content.course)
    return tuple(
        LanguageChoice(
            course.language.id,
            course.language.name,
            tuple(LevelChoice(level.id, level.title, level.cefr) for level in course.levels),
        )
        for course in courses
    )


def _dressed(
    agent: Agent, content: LanguageContent, course: Course, level: LanguageLevel | None, settings: AgentSettings
) -> Agent:
    """With what depends on the language and the level."""
    first, offer, pause = course.texts.nudges
    nudges = (
        (settings.language_nudge_s, first),
        (settings.language_offer_s, offer),
        (settings.language_pause_s, pause),
    )
    return replace(
        agent,
        language=course.language.id,
        instructions=_instructions(content, course, level),
        transcription_prompt=course.language.transcription_prompt,
        phrases=phrases(course.texts.phrases.model_dump()),
        turns=replace(agent.turns, nudges=nudges),
    )


def _instructions(content: LanguageContent, course: Course, level: LanguageLevel | None) -> str:
    texts = course.texts
    task = _TASK.format(
        we_say=texts.we_say, almost=texts.almost, corrected=texts.corrected, corrections=content.corrections
    )
    own = [{"id": each.id, "title": each.title, "cefr": each.cefr} for each in course.levels]
    others = [
        {"language": other.language.name, "levels": [each.id for each in other.levels]}
        for other in content.courses.values()
        if other is not course
    ]
    parts = [voice_rules("a patient language coach", language=course.language.name), task]
    if level:
        parts.append(f"\nThe caller's level is {'/'.join(level.cefr)} ({level.id}). {_BY_LEVEL[level.cefr[0]]}")
    if content.minutes is not None:
        parts.append(f"\nThe lesson is meant to take about {content.minutes} minutes.")
    parts.append(f"\nLevels: {as_data('levels', own)}")
    parts.append(f"\nOther languages: {as_data('languages', others)}\n")
    return "".join(parts)
