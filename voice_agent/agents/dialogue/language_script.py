"""The language lesson as a script: a level, its drills, one recast per turn, the list of corrections at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.engine import Answer
from voice_agent.agents.dialogue.grammar import Act, Utterance, fold, understand
from voice_agent.agents.dialogue.recasts import Recast, recast
from voice_agent.agents.dialogue.wording import in_chunks, vary
from voice_agent.agents.pack_schema import Drill, DrillItem, LanguageLevel

_WARM_UP = (
    "Then three short questions first. What is your name, and where are you from?",
    "And what do you do on a normal day?",
    "And what did you do last weekend?",
)
_PRAISE = ("Good.", "Nice.", "Very good.", "Well said.")
_TAKE_TIME = "Of course, take your time. Say continue when you are ready."
_GOODBYE = "That was our lesson. Goodbye, see you next time."
_HELP_OPEN = "You can begin with: I think, or: for example. One sentence is enough, or say skip."
_SHORT_WORDS = 6
_LONG_WORDS = 14


@dataclass(frozen=True, slots=True)
class LanguageContent:
    levels: Mapping[str, LanguageLevel]
    greeting: str
    corrections: int
    """Corrections listed at the end, at most."""


class LanguageScript:
    def __init__(self, content: LanguageContent) -> None:
        self._content = content
        self._levels = tuple(content.levels.values())
        self._level: LanguageLevel | None = None
        self._warm_up: list[tuple[int, bool]] | None = None
        self._drill = 0
        self._item = 0
        self._retry: Recast | str | None = None
        self._corrections: list[Recast] = []
        self._misses = 0
        self._turn = 0
        self._closed = False
        self._last = content.greeting

    def greeting(self) -> Answer:
        return Answer(self._content.greeting)

    def tool_result(self, name: str, result: Mapping[str, object]) -> Answer | None:
        """Drills come from the content at hand; another model's results do not change the lesson."""
        return None

    def hear(self, text: str) -> Answer:
        utterance = understand(text)
        self._turn += 1
        if self._closed:
            return Answer(_GOODBYE)
        said = self._command(utterance) or self._spoken(utterance)
        if said != _TAKE_TIME:
            self._last = said
        return Answer(said)

    def _command(self, utterance: Utterance) -> str | None:
        if not utterance.brief:
            return None
        if utterance.does(Act.REPEAT):
            return self._last
        if utterance.does(Act.SLOWER):
            return in_chunks(self._last)
        if utterance.does(Act.END):
            return self._close("")
        if utterance.does(Act.PAUSE):
            return _TAKE_TIME
        if utterance.does(Act.RESUME):
            return self._last
        if self._level and utterance.does(Act.SKIP):
            return self._advance("We skip that.")
        return None

    def _spoken(self, utterance: Utterance) -> str:
        if self._level:
            return self._practise(utterance)
        if self._warm_up is not None:
            return self._warming_up(utterance)
        return self._choose(utterance)

    # --- the level ----------------------------------------------------------------------------------------------

    def _choose(self, utterance: Utterance) -> str:
        padded = f" {fold(utterance.text)} "
        found = [
            (len(phrase), level) for level in self._levels for phrase in level.choose if f" {fold(phrase)} " in padded
        ]
        if found:
            return self._start(max(found, key=lambda pair: pair[0])[1])
        self._misses += 1
        small_talk = utterance.does(Act.GREETING, Act.YES, Act.THANKS) and len(utterance.words) <= 3
        if self._misses == 1 and not utterance.does(Act.UNSURE, Act.SKIP, Act.NO) and small_talk:
            return "Hello. Shall we do easy, middle or advanced English?"
        self._warm_up = []
        return _WARM_UP[0]

    def _warming_up(self, utterance: Utterance) -> str:
        answers = self._warm_up if self._warm_up is not None else []
        answers.append((len(utterance.words), self._note(recast(utterance.text)) is not None))
        if len(answers) < len(_WARM_UP):
            return _WARM_UP[len(answers)]
        mean = sum(words for words, _ in answers) / len(answers)
        mistakes = sum(mistake for _, mistake in answers)
        rank = 0 if mean < _SHORT_WORDS or mistakes > 1 else 1 if mean < _LONG_WORDS or mistakes else 2
        return self._start(self._levels[min(rank, len(self._levels) - 1)])

    def _start(self, level: LanguageLevel) -> str:
        self._level = level
        return f"{level.intro} {self._drill_now.intro} {self._item_now.prompt}"

    # --- drills -------------------------------------------------------------------------------------------------

    @property
    def _drill_now(self) -> Drill:
        drills = self._level.drills if self._level else ()
        return drills[self._drill]

    @property
    def _item_now(self) -> DrillItem:
        return self._drill_now.items[self._item]

    def _practise(self, utterance: Utterance) -> str:
        item = self._item_now
        if self._retry is not None:
            return self._retried(utterance, self._retry)
        if utterance.brief and utterance.does(Act.UNSURE, Act.HINT):
            if item.answer is None:
                return _HELP_OPEN
            self._retry = item.answer
            return f"We say: {item.answer} Now you."
        if item.answer is not None:
            return self._drilled(utterance, item, item.answer)
        found = recast(utterance.text)
        if found is None:
            return self._advance(vary(_PRAISE, self._turn))
        if any(known.rule == found.rule for known in self._corrections):
            self._retry = found
            return f"Almost. {found.elicit}"
        self._note(found)
        return self._advance(f"I understand. We say: {found.better}.")

    def _drilled(self, utterance: Utterance, item: DrillItem, answer: str) -> str:
        if _same(utterance.text, answer) or any(_same(utterance.text, accepted) for accepted in item.accept):
            return self._advance(vary(_PRAISE, self._turn))
        self._corrections.append(Recast("drill", utterance.text.strip(" .!?"), answer.strip(" .!?"), ""))
        self._retry = answer
        return f"Almost. We say: {answer} Please say it once."

    def _retried(self, utterance: Utterance, expected: Recast | str) -> str:
        self._retry = None
        better = expected if isinstance(expected, str) else expected.better
        if isinstance(expected, Recast):
            self._corrections.append(expected)
            again = recast(utterance.text)
            right = again is None or again.rule != expected.rule
        else:
            right = _same(utterance.text, expected)
        if right:
            return self._advance("Yes, that is right.")
        return self._advance(f"We say: {better.rstrip('.!?')}. That will come.")

    def _note(self, found: Recast | None) -> Recast | None:
        if found:
            self._corrections.append(found)
        return found

    def _advance(self, opening: str) -> str:
        self._retry = None
        self._item += 1
        if self._item < len(self._drill_now.items):
            return f"{opening} {self._item_now.prompt}"
        self._item = 0
        self._drill += 1
        if self._level is None or self._drill >= len(self._level.drills):
            return self._close(opening)
        return f"{opening} {self._drill_now.intro} {self._item_now.prompt}"

    def _close(self, opening: str) -> str:
        self._closed = True
        better = list(dict.fromkeys(found.better.rstrip(".!?") for found in self._corrections))
        if not better:
            return f"{opening} I heard nothing that I would correct. {_GOODBYE}".strip()
        listed = ". ".join(better[: self._content.corrections])
        return f"{opening} Here is what we corrected. {listed}. {_GOODBYE}".strip()


def _same(said: str, wanted: str) -> bool:
    """Equal but for case, punctuation, hesitation and words of politeness around it."""
    loose = {"um", "uh", "er", "okay", "ok", "so", "well", "yes"}
    return [word for word in fold(said).split() if word not in loose] == fold(wanted).split()
