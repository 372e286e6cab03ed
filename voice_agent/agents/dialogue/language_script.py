"""The language lesson as a script: a language, a level, its drills, one recast per turn, the corrections at the end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.course import Course, WarmUpAnswer
from voice_agent.agents.dialogue.engine import Answer
from voice_agent.agents.dialogue.grammar import Act, fold, understand
from voice_agent.agents.dialogue.recasts import Recast
from voice_agent.agents.dialogue.wording import vary
from voice_agent.agents.pack_schema import CoachTexts, Command, Drill, DrillItem, LanguageLevel

DRILL = "drill"
_SMALL_TALK_WORDS = 3
_WISH_WORDS = 10
"""A wish for another language is short."""
_LEVEL = re.compile(r"[abc][12](?: please| bitte)?$")
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
        said = self._directed(text) or self._spoken(text)
        if said != self._texts.wait:
            self._last = said
        return Answer(said)

    def _directed(self, text: str) -> str | None:
        """What steers the lesson; the right answer to a prompt never does."""
        if not self.course.words(text):
            return self._texts.phrases.not_heard
        if self.level and any(self.course.same(text, answer) for answer in self._answers):
            return None
        commands = self.course.commands(text)
        return self._switch(text) or self._relevel(text, commands) or self._command(commands)

    @property
    def _answers(self) -> tuple[str, ...]:
        item = self._item_now
        return (item.answer, *item.accept) if item.answer is not None else ()

    @property
    def _texts(self) -> CoachTexts:
        return self.course.texts

    # --- what works at any time ---------------------------------------------------------------------------------

    def _switch(self, text: str) -> str | None:
        """To another language: named before there is a level, or asked for at any time."""
        others = [course for course in self._content.courses.values() if course is not self.course and course.levels]
        wanted = next((course for course in others if course.asked_for(text)), None)
        if wanted is None:
            return None
        asked = self.course.asks_to_practise(text) or wanted.asks_to_practise(text)
        if self.level and not (asked and len(self.course.words(text)) <= _WISH_WORDS):
            return None
        self.course, self.level, self._warm_up, self._misses = wanted, None, None, 0
        self._corrections, self._retry = [], None
        level = wanted.level_named(text)
        return self._start(level) if level else self._texts.choose

    def _relevel(self, text: str, commands: frozenset[Command]) -> str | None:
        """To another level than was chosen or is being found out: "B2", "change level", "something easier"."""
        if self.level is None and self._warm_up is None:
            return None
        level = self.course.level_named(text) if "level" in commands or _LEVEL.match(fold(text)) else None
        if self.level and ("easier" in commands or "harder" in commands):
            level = self.course.beside(self.level, -1 if "easier" in commands else 1)
        if level:
            self._retry = None
            return self._start(level)
        if self.level and "level" in commands:
            self.level, self._warm_up, self._misses, self._retry = None, None, 0, None
            return self._texts.choose
        return None

    def _command(self, commands: frozenset[Command]) -> str | None:
        texts = self._texts
        if "slower" in commands or "faster" in commands:
            self.tempo += -1 if "slower" in commands else 1
            return f"{texts.slower if 'slower' in commands else texts.faster} {self._bare_last()}"
        if ("repeat" in commands and "unsure" not in commands) or "resume" in commands:
            return self._bare_last()
        if "end" in commands:
            return self._close("")
        if "pause" in commands:
            return texts.wait
        if self.level and "skip" in commands:
            return self._advance(texts.skipped)
        return None

    def _bare_last(self) -> str:
        """What was said last, without an earlier "of course, slower" or "we skip that"."""
        said = self._last
        for opening in (self._texts.slower, self._texts.faster, self._texts.skipped):
            said = said.removeprefix(opening).strip()
        return said

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
            return self._drilled(text, item.answer)
        found = self.course.recaster.find(text)
        if found is None:
            return self._advance(vary(texts.praise, self._turn))
        if any(known.kind == found.kind for known in self._corrections):
            self._retry = found
            return f"{texts.almost} {found.elicit or texts.elicit}"
        self._corrections.append(found)
        return self._advance(f"{vary(texts.understood, self._turn)} {texts.we_say} {found.better}.")

    def _drilled(self, text: str, answer: str) -> str:
        if any(self.course.same(text, wanted) for wanted in self._answers):
            return self._advance(vary(self._texts.praise, self._turn))
        if not any(self.course.attempts(text, wanted) for wanted in self._answers):
            self._retry = answer
            return f"{self._texts.we_say} {answer} {self._texts.say_once}"
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
