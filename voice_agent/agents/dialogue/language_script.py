"""The language lesson as a script: a language, a level, its drills, one recast per turn, the corrections at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.course import Course, WarmUpAnswer
from voice_agent.agents.dialogue.engine import Answer
from voice_agent.agents.dialogue.grammar import Act, understand
from voice_agent.agents.dialogue.recasts import Recast
from voice_agent.agents.dialogue.wording import vary
from voice_agent.agents.pack_schema import CoachTexts, Command, Drill, DrillItem, LanguageLevel

DRILL = "drill"
_SMALL_TALK_WORDS = 3
_ITEMS_PER_MINUTE = 2
"""Prompt, answer and correction take about half a minute (our judgement)."""


@dataclass(frozen=True, slots=True)
class LanguageContent:
    courses: Mapping[str, Course]
    """By language."""
    language: str
    """The one that a lesson begins in."""
    level: str = ""
    """Id of a level that the caller chose beforehand."""
    minutes: int | None = None
    corrections: int = 6
    """Corrections listed at the end, at most."""

    @property
    def course(self) -> Course:
        return self.courses[self.language]


class LanguageScript:
    """`course`, `level` and `tempo` are where the lesson stands: which language, which level, how often the caller
    asked for faster speech less how often for slower."""

    def __init__(self, content: LanguageContent) -> None:
        self._content = content
        self.course = content.course
        self.level: LanguageLevel | None = None
        self.tempo = 0
        self._warm_up: list[WarmUpAnswer] | None = None
        self._drill = 0
        self._item = 0
        self._done = 0
        self._retry: Recast | str | None = None
        self._corrections: list[Recast] = []
        self._misses = 0
        self._turn = 0
        self._closed = False
        chosen = next((level for level in self.course.levels if level.id == content.level), None)
        self._last = f"{self._texts.greeting} {self._start(chosen) if chosen else self._texts.choose}"
        self._opening = self._last

    def greeting(self) -> Answer:
        return Answer(self._opening)

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        """Another model handed out a drill: the lesson stands there now."""
        if name == DRILL:
            for course in self._content.courses.values():
                for level in course.levels:
                    drills = [drill.id for drill in level.drills]
                    if level.id == result.get("level") and result.get("drill") in drills:
                        self.course, self.level, self._item, self._retry = course, level, 0, None
                        self._drill = drills.index(str(result["drill"]))
        return None

    def hear(self, text: str) -> Answer:
        self._turn += 1
        if self._closed:
            return Answer(self._texts.end)
        said = self._switch(text) or self._command(text, self.course.commands(text)) or self._spoken(text)
        if said != self._texts.wait:
            self._last = said
        return Answer(said)

    @property
    def _texts(self) -> CoachTexts:
        return self.course.texts

    # --- what works at any time ---------------------------------------------------------------------------------

    def _switch(self, text: str) -> str | None:
        """To another language: named before there is a level, or asked for at any time."""
        others = [course for course in self._content.courses.values() if course is not self.course and course.levels]
        wanted = next((course for course in others if course.asked_for(text)), None)
        if wanted is None or (self.level and not self.course.asks_to_practise(text)):
            return None
        self.course, self.level, self._warm_up, self._misses = wanted, None, None, 0
        self._corrections, self._retry = [], None
        level = wanted.level_named(text)
        return self._start(level) if level else self._texts.choose

    def _command(self, text: str, commands: frozenset[Command]) -> str | None:
        texts = self._texts
        if "slower" in commands or "faster" in commands:
            self.tempo += -1 if "slower" in commands else 1
            return f"{texts.slower if 'slower' in commands else texts.faster} {self._bare_last()}"
        if "repeat" in commands or "resume" in commands:
            return self._last
        if "end" in commands:
            return self._close("")
        if "pause" in commands:
            return texts.wait
        if self.level and "skip" in commands:
            return self._advance(texts.skipped)
        return None

    def _bare_last(self) -> str:
        """What was said last, without an earlier "of course, slower"."""
        return self._last.removeprefix(self._texts.slower).removeprefix(self._texts.faster).strip()

    def _spoken(self, text: str) -> str:
        if self.level:
            return self._practise(text)
        return self._choose(text) if self._warm_up is None else self._warming_up(text, self._warm_up)

    # --- the level ----------------------------------------------------------------------------------------------

    def _choose(self, text: str) -> str:
        level = self.course.level_named(text)
        if level:
            return self._start(level)
        self._misses += 1
        utterance = understand(text)
        small_talk = utterance.does(Act.GREETING, Act.YES, Act.THANKS) and len(utterance.words) <= _SMALL_TALK_WORDS
        if self._misses == 1 and (small_talk or not utterance.words):
            return self._texts.choose
        self._warm_up = []
        return f"{self._texts.warm_up_intro} {self._texts.warm_up[0]}"

    def _warming_up(self, text: str, answers: list[WarmUpAnswer]) -> str:
        found = self.course.recaster.find(text)
        if found:
            self._corrections.append(found)
        answers.append(self.course.judge(text))
        if len(answers) < len(self._texts.warm_up):
            return self._texts.warm_up[len(answers)]
        return f"{self._texts.placed} {self._start(self.course.place(answers))}"

    def _start(self, level: LanguageLevel) -> str:
        self.level, self._drill, self._item = level, 0, 0
        return f"{level.intro} {self._drill_now.intro} {self._item_now.prompt}"

    # --- drills -------------------------------------------------------------------------------------------------

    @property
    def _drill_now(self) -> Drill:
        drills = self.level.drills if self.level else ()
        return drills[self._drill]

    @property
    def _item_now(self) -> DrillItem:
        return self._drill_now.items[self._item]

    def _practise(self, text: str) -> str:
        item, texts = self._item_now, self._texts
        if self._retry is not None:
            return self._retried(text, self._retry)
        if "unsure" in self.course.commands(text):
            if item.answer is None:
                return texts.help_open
            self._retry = item.answer
            return f"{texts.we_say} {item.answer} {texts.now_you}"
        if item.answer is not None:
            return self._drilled(text, item, item.answer)
        found = self.course.recaster.find(text)
        if found is None:
            return self._advance(vary(texts.praise, self._turn))
        if any(known.kind == found.kind for known in self._corrections):
            self._retry = found
            return f"{texts.almost} {found.elicit or texts.elicit}"
        self._corrections.append(found)
        return self._advance(f"{vary(texts.understood, self._turn)} {texts.we_say} {found.better}.")

    def _drilled(self, text: str, item: DrillItem, answer: str) -> str:
        if any(self.course.same(text, wanted) for wanted in (answer, *item.accept)):
            return self._advance(vary(self._texts.praise, self._turn))
        drill = self._drill_now
        self._corrections.append(Recast(drill.title, drill.id, text.strip(" .!?"), answer.strip(" .!?"), ""))
        self._retry = answer
        return f"{self._texts.almost} {self._texts.we_say} {answer} {self._texts.say_once}"

    def _retried(self, text: str, expected: Recast | str) -> str:
        self._retry = None
        if isinstance(expected, Recast):
            self._corrections.append(expected)
            again = self.course.recaster.find(text)
            right = again is None or again.kind != expected.kind
            better = expected.better
        else:
            wanted = (expected, *self._item_now.accept)
            right, better = any(self.course.same(text, answer) for answer in wanted), expected
        if right:
            return self._advance(self._texts.right)
        return self._advance(f"{self._texts.we_say} {better.rstrip('.!?')}. {self._texts.not_yet}")

    def _advance(self, opening: str) -> str:
        self._retry = None
        self._item += 1
        self._done += 1
        minutes = self._content.minutes
        if minutes is not None and self._done >= minutes * _ITEMS_PER_MINUTE:
            return self._close(opening)
        if self._item < len(self._drill_now.items):
            return f"{opening} {self._item_now.prompt}"
        self._item = 0
        self._drill += 1
        if self.level is None or self._drill >= len(self.level.drills):
            return self._close(opening)
        return f"{opening} {self._drill_now.intro} {self._item_now.prompt}"

    def _close(self, opening: str) -> str:
        self._closed = True
        texts = self._texts
        better = list(dict.fromkeys(found.better.rstrip(".!?") for found in self._corrections))
        if not better:
            return f"{opening} {texts.nothing} {texts.end}".strip()
        listed = ". ".join(better[: self._content.corrections])
        return f"{opening} {texts.corrected} {listed}. {texts.end}".strip()
