"""One language as a lesson needs it: its levels in order, its recasts, and what a caller's words do in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from voice_agent.agents.dialogue.grammar import Act, fold, understand, wants_end
from voice_agent.agents.dialogue.recasts import Recaster
from voice_agent.agents.pack_schema import Cefr, CoachTexts, Command, Language, LanguageLevel

_ORDER: tuple[str, ...] = get_args(Cefr)
_ACTS: Mapping[Act, Command] = {
    Act.REPEAT: "repeat",
    Act.SLOWER: "slower",
    Act.SKIP: "skip",
    Act.PAUSE: "pause",
    Act.RESUME: "resume",
}
"""Others are too broad for a lesson, where "no, that's all" and "maybe tea" are answers: those are in the pack."""
_BRIEF_WORDS = 7
_LENGTHS = (4, 8, 14, 22)
"""Mean words of an answer from which it is of A2, B1, B2, C1 (our judgement)."""


@dataclass(frozen=True, slots=True)
class WarmUpAnswer:
    words: int
    complex_words: frozenset[str]
    error: bool


class Course:
    """Raises TemplateError for a recast that cannot be used."""

    def __init__(self, language: Language, levels: Iterable[LanguageLevel]) -> None:
        self.language = language
        self.recaster = Recaster(language)
        own = [level for level in levels if level.lang == language.id]
        self.levels = tuple(sorted(own, key=lambda level: _ORDER.index(level.cefr[0])))
        self._sounds = frozenset(fold(sound) for sound in language.sounds)
        self._loose = self._sounds | {fold(word) for word in language.fillers}
        self._commands = {name: tuple(map(fold, phrases)) for name, phrases in language.commands.items()}

    @property
    def texts(self) -> CoachTexts:
        return self.language.texts

    def words(self, text: str) -> list[str]:
        """Folded, without hesitation."""
        return [word for word in fold(text).split() if word not in self._sounds]

    def commands(self, text: str) -> frozenset[Command]:
        """What a short utterance asks for; longer ones are content."""
        words = self.words(text)
        if not words or len(words) > _BRIEF_WORDS:
            return frozenset()
        line = f" {' '.join(words)} "
        found: set[Command] = {
            name for name, phrases in self._commands.items() if any(_means(line, phrase) for phrase in phrases)
        }
        if self.language.id == "en":
            found |= {_ACTS[act] for act in understand(text).acts if act in _ACTS}
            found |= {"end"} if wants_end(" ".join(words)) else set()
        return frozenset(found)

    def asked_for(self, text: str) -> bool:
        """Whether this language is named."""
        return self._has(text, self.language.ask_for)

    def asks_to_practise(self, text: str) -> bool:
        return self._has(text, self.language.practise)

    def level_named(self, text: str) -> LanguageLevel | None:
        """By the longest of the phrases that choose a level."""
        padded = f" {fold(text)} "
        found = [
            (len(phrase), level) for level in self.levels for phrase in level.choose if f" {fold(phrase)} " in padded
        ]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def judge(self, text: str) -> WarmUpAnswer:
        line = f" {fold(text)} "
        complex_words = frozenset(word for word in self.language.complex_words if f" {fold(word)} " in line)
        return WarmUpAnswer(len(self.words(text)), complex_words, self.recaster.find(text) is not None)

    def beside(self, level: LanguageLevel, steps: int) -> LanguageLevel:
        """The level so many steps harder (below 0: easier), or the last one there is."""
        place = self.levels.index(level) + steps
        return self.levels[min(max(place, 0), len(self.levels) - 1)]

    def place(self, answers: Iterable[WarmUpAnswer]) -> LanguageLevel:
        """The level of these answers, A1 to C1: by their mean length, held back by errors and by simple sentences.

        One answer with an error takes one step down, more take two; B1 needs one complex word in all the answers, B2
        two different ones, C1 four. A rule of thumb (our judgement), good enough to begin with: drills can be skipped.
        """
        answers = tuple(answers)
        mean = sum(answer.words for answer in answers) / max(1, len(answers))
        rank = sum(mean >= length for length in _LENGTHS)
        rank -= min(2, sum(answer.error for answer in answers))
        variety = len(frozenset[str]().union(*(answer.complex_words for answer in answers)))
        rank = min(rank, 1 if variety < 1 else 2 if variety < 2 else 3 if variety < 4 else 4)
        wanted = max(0, rank)
        return min(self.levels, key=lambda level: min(abs(_ORDER.index(cefr) - wanted) for cefr in level.cefr))

    def same(self, said: str, wanted: str) -> bool:
        """Equal but for case, punctuation, hesitation and small words around it."""
        return self._bare(said) == self._bare(wanted)

    def attempts(self, said: str, wanted: str) -> bool:
        """Whether it can be meant as this: they have a word in common. Else it is no error, but something else."""
        return not set(self._bare(said)).isdisjoint(self._bare(wanted))

    def _bare(self, text: str) -> list[str]:
        return [word for word in fold(text).split() if word not in self._loose]

    def _has(self, text: str, phrases: Iterable[str]) -> bool:
        padded = f" {fold(text)} "
        return any(f" {fold(phrase)} " in padded for phrase in phrases)


def _means(line: str, phrase: str) -> bool:
    """One word must begin or end what was said, or be all of it: "Ende" in the middle is content."""
    return line.strip() == phrase or (
        line.endswith(f" {phrase} ") or line.startswith(f" {phrase} ") if " " not in phrase else f" {phrase} " in line
    )
