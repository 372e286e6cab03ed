"""Looks at one interview answer: is there a result, a number, an own part, enough of it, and is it on the topic?

Word counts and markers only: it judges neither accent nor fluency, and it does not understand the content.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from voice_agent.agents.dialogue.grammar import fold
from voice_agent.agents.pack_schema import Marker, Question

_RESULT_WORDS = frozenset(
    """result results resulted outcome finally eventually increased decreased reduced improved saved doubled halved grew
    won finished completed delivered launched shipped solved resolved fixed achieved succeeded learned learnt agreed
    faster fewer thanked""".split()
)
_RESULT = re.compile(r"\b(?:in the end|as a consequence|because of that|so that|led to|since then|on time)\b")
_SITUATION_WORDS = frozenset({"while", "once"})
_SITUATION = re.compile(
    r"\b(?:when i|there was|there were|we had|i was|in my (?:last|previous|first|current)|last (?:year|month|summer"
    r"|spring|autumn|winter)|at that time|at the time|the goal|the task|years? ago)\b"
)
_DIGIT = re.compile(r"\d")
_NUMBERS = frozenset(
    """two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty seventy eighty
    ninety hundred thousand million half twice double percent dozen""".split()
)
_ACTED = re.compile(
    r"\bi(?:ve| have| had)? (?:\w+ly |also |then |just )?(?:\w{2,}ed|"
    r"made|took|went|told|wrote|built|found|gave|said|spoke|led|ran|held|brought|taught|thought|chose|got|kept|set|put"
    r"|met|sent|did|began|drew|sold|bought|cut|showed|read|saw)\b"
)
_I = frozenset({"i", "ive", "im", "id", "my", "myself"})
_WE = frozenset({"we", "weve", "were", "our", "us", "ourselves"})
_COMMON = frozenset(
    """a about after all also an and any are as at be because been but by did do for from had has have he her his
    how i if in into is it its me my no not of on one or our she so some that the their them then there they
    this time tell to up us was we were what when which who why will with would you your think something things
    thing people could really very just well like than more most""".split()
)
_COMMON_STEMS = frozenset(word[:5] for word in _COMMON)
_OWN_SHARE = 0.4
_WE_ENOUGH = 3
_TOPIC_WORDS = 8
_FRAME = frozenset({"warm-up", "motivation", "closing"})


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found in the whole answer to one question, probes included."""

    words: int
    situation: bool
    result: bool
    number: bool
    own: bool
    """Says "I" often enough against "we"."""
    acted: bool
    """Says of itself that it did something."""
    on_topic: bool
    long_enough: bool

    def lacks(self) -> tuple[Marker, ...]:
        """What to probe for, most important first."""
        lacking: list[tuple[Marker, bool]] = [
            ("off_topic", self.on_topic),
            ("short", self.long_enough),
            ("we_heavy", self.own),
            ("no_result", self.result),
            ("no_number", self.number),
        ]
        return tuple(marker for marker, present in lacking if not present)


def framing(question: Question) -> bool:
    """Warm-up, motivation or closing: not to be judged as an example of behaviour."""
    return question.competency in _FRAME


def analyse(question: Question, words: Sequence[str], *, short_words: int) -> Analysis:
    """`words`: those of the whole answer, folded. `short_words`: an answer to a competency question with fewer words is
    short; half of it for the others.

    A script is replayed for every reply, so this is quick: it looks at each word a few times, and at all of them.
    """
    line = " ".join(words)
    counts = Counter(words)
    own = sum(counts[word] for word in _I)
    shared = sum(counts[word] for word in _WE)
    frame = framing(question)
    markers = question.markers
    padded = f" {line} "
    result = _tells(_RESULT_WORDS, _RESULT, counts, line) or _has(padded, markers.result)
    action = _has(padded, markers.action)
    return Analysis(
        words=len(words),
        situation=_tells(_SITUATION_WORDS, _SITUATION, counts, line) or _has(padded, markers.situation),
        result=frame or result,
        number=frame or not _NUMBERS.isdisjoint(counts) or _DIGIT.search(line) is not None,
        own=frame or shared < _WE_ENOUGH or own / (own + shared) >= _OWN_SHARE,
        acted=action or _ACTED.search(line) is not None,
        on_topic=frame or len(words) < _TOPIC_WORDS or action or result or _overlap(question, counts),
        long_enough=len(words) >= (short_words // 2 if frame else short_words),
    )


def _tells(single: frozenset[str], phrases: re.Pattern[str], counts: Mapping[str, int], line: str) -> bool:
    return not single.isdisjoint(counts) or phrases.search(line) is not None


def _has(padded: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in padded for phrase in _padded(phrases))


def _overlap(question: Question, counts: Mapping[str, int]) -> bool:
    markers = question.markers
    texts = (question.hint, question.model_outline, *markers.situation, *markers.action, *markers.result)
    topic = _stems(question.spoken) | _topic(texts)  # What is asked may quote a resume: it is not remembered.
    return not topic.isdisjoint(word[:5] for word in counts if word not in _COMMON)


@lru_cache(maxsize=2048)
def _padded(phrases: tuple[str, ...]) -> tuple[str, ...]:
    """Of the content packs, hence worth remembering."""
    return tuple(f" {fold(phrase)} " for phrase in phrases)


@lru_cache(maxsize=2048)
def _topic(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*map(_stems, texts))


def _stems(text: str) -> frozenset[str]:
    return frozenset(word[:5] for word in fold(text).split()) - _COMMON_STEMS
