"""What a report needs to know about a lesson, read off what was said: the same for a language model and for the script.

A correction is found by the words that begin it (`we_say`, `almost`), which the script uses and which the instructions
ask a language model to use. So it is what the caller really heard, also of a lesson that broke off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_agent.agents.dialogue.course import Course
from voice_agent.agents.dialogue.grammar import fold
from voice_agent.agents.pack_schema import LanguageLevel
from voice_agent.engines.ports import Message
from voice_agent.facts import Correction, LanguageFacts

_SENTENCE_END = re.compile(r"[.!?][\"'“”’»]?(?=\s|$)")
_QUOTES = "\"'“”„‘’«» "


def language_facts(messages: Sequence[Message], course: Course, level: LanguageLevel | None) -> LanguageFacts:
    """`course` and `level` are where the lesson stood at its end."""
    reader = _Reader(course)
    for message in messages:
        if message.role == "user" and message.text.strip():
            reader.caller(message.text.strip())
        elif message.role == "assistant" and message.text.strip():
            reader.agent(" ".join(message.text.split()))
    return LanguageFacts(
        language=course.language.id,
        level=level.id if level else "",
        corrections=tuple(reader.corrections),
        items_done=reader.done,
        items_right=reader.right,
    )


class _Reader:
    def __init__(self, course: Course) -> None:
        self._course = course
        self._prompts = [
            (item.prompt.casefold(), drill.title if item.answer else "")
            for level in course.levels
            for drill in level.drills
            for item in drill.items
        ]
        self._said = ""
        self._asked: str | None = None
        """The title of the drill whose prompt waits for an answer ("" for free speech); None: no prompt does."""
        self._answered: str | None = None
        self._elicited = ""
        """The caller's words with the error that they were asked to correct themselves."""
        self._list_reached = False
        self.corrections: list[Correction] = []
        self.done = 0
        self.right = 0

    def caller(self, text: str) -> None:
        self._said = text
        if self._asked is not None and self._course.words(text) and not self._course.commands(text):
            self._answered, self._asked = self._asked, None
            self.done += 1

    def agent(self, text: str) -> None:
        texts = self._course.texts
        self._list_reached = self._list_reached or texts.corrected in text
        better = self._after(texts.we_say, text)
        almost = texts.almost.casefold() in text.casefold()
        opening = text.casefold().partition(texts.corrected.casefold())[0]
        if not self._list_reached:
            self._correct(better, almost)
        if self._answered is not None:
            self.right += not better and not almost and bool(opening.strip())
            self._answered = None
        line = text.casefold()
        self._asked = next((title for prompt, title in self._prompts if prompt in line), self._asked)

    def _correct(self, better: str, almost: bool) -> None:
        if self._elicited:
            wrong, self._elicited = self._elicited, ""
            self._add(wrong, better or self._said, elicited=True)
        elif better and self._said and not self._course.commands(self._said):
            self._add(self._said, better)
        elif almost:
            self._elicited = self._said

    def _add(self, text: str, better: str, *, elicited: bool = False) -> None:
        found = self._course.recaster.find(text)
        said = found.said if found and found.said.casefold() in text.casefold() else text
        kind = found.kind if found else self._answered or ""
        better = better.strip(_QUOTES).rstrip(".!?")
        repeated = bool(self.corrections) and fold(self.corrections[-1].better) == fold(better)
        if fold(said) != fold(better) and not repeated and self._course.attempts(said, better):
            self.corrections.append(Correction(said=said.rstrip(".!?"), better=better, kind=kind, elicited=elicited))

    @staticmethod
    def _after(marker: str, text: str) -> str:
        """The sentence behind `marker`, however it is written; "" without one."""
        at = text.casefold().find(marker.casefold().rstrip(":, "))
        if at < 0:
            return ""
        rest = text[at + len(marker.rstrip(":, ")) :].lstrip(":, ")
        end = _SENTENCE_END.search(rest)
        return rest[: end.start()] if end else rest
