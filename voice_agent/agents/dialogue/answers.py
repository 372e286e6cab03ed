"""Looks at one interview answer: is there a result, a number, an own part, enough of it, and is it on the topic?

Word counts and markers only: it judges neither accent nor fluency, and it does not understand the content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice_agent.agents.dialogue.grammar import fold
from voice_agent.agents.pack_schema import Marker, Question

_RESULT = re.compile(
    r"\b(?:result|results|resulted|in the end|as a consequence|because of that|so that|led to|outcome|finally"
    r"|eventually"
    r"|increased|decreased|reduced|improved|saved|doubled|halved|grew|won|finished|completed|delivered|launched|shipped"
    r"|solved|resolved|fixed|achieved|succeeded|since then|learned|learnt|agreed|on time|faster|fewer|thanked)\b"
)
_SITUATION = re.compile(
    r"\b(?:when i|while|there was|there were|we had|i was|in my (?:last|previous|first|current)|last (?:year|month"
    r"|summer"
    r"|spring|autumn|winter)|at that time|at the time|once|the goal|the task|years? ago)\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|million|half|twice|double|percent|dozen)\b"
)
_I = frozenset({"i", "ive", "im", "id", "my", "myself"})
_WE = frozenset({"we", "weve", "were", "our", "us", "ourselves"})
_COMMON = frozenset(
    """a about after all also an and any are as at be because been but by did do for from had has have he her his
    how i if in into is it its me my no not of on one or our she so some that the their them then there they
    this time tell to up us was we were what when which who why will with would you your think something things
    thing people could really very just well like than more most""".split()
)
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


def analyse(question: Question, answer: str, *, short_words: int) -> Analysis:
    """`short_words`: an answer to a competency question with fewer words is short; half of it for the others."""
    line = fold(answer)
    words = line.split()
    own = sum(word in _I for word in words)
    shared = sum(word in _WE for word in words)
    frame = framing(question)
    markers = question.markers
    result = bool(_RESULT.search(line)) or _has(line, markers.result)
    action = _has(line, markers.action)
    return Analysis(
        words=len(words),
        situation=bool(_SITUATION.search(line)) or _has(line, markers.situation),
        result=frame or result,
        number=frame or bool(_NUMBER.search(line)),
        own=frame or shared < _WE_ENOUGH or own / (own + shared) >= _OWN_SHARE,
        on_topic=frame or len(words) < _TOPIC_WORDS or action or result or _overlap(question, words),
        long_enough=len(words) >= (short_words // 2 if frame else short_words),
    )


def _has(line: str, phrases: tuple[str, ...]) -> bool:
    padded = f" {line} "
    return any(f" {fold(phrase)} " in padded for phrase in phrases)


def _overlap(question: Question, words: list[str]) -> bool:
    markers = question.markers
    texts = (
        question.spoken,
        question.hint,
        question.model_outline,
        *markers.situation,
        *markers.action,
        *markers.result,
    )
    topic = {word[:5] for text in texts for word in fold(text).split()} - {word[:5] for word in _COMMON}
    return bool(topic & {word[:5] for word in words if word not in _COMMON})
