"""Rules that hold for every spoken reply, whatever engine made it and whatever it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voice_agent.agents.dialogue.grammar import fold

_UNSPOKEN = re.compile(r"[*_#`<>{}\[\]|]|https?:|www\.|\n\s*(?:[-•]|\d+[.)])\s")
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?]+|$)")
_ABBREVIATED = re.compile(r"\b(?:\d+|[A-Za-z])\.(?=\S)|\b(?:Mr|Mrs|Dr|e\.g|i\.e)\.", re.IGNORECASE)
_COMMON: Mapping[str, frozenset[str]] = {
    "en": frozenset("the and you is are to of what do did your that with for have it we this how".split()),
    "de": frozenset("der die das und sie ist sind nicht ein eine ich wir mit was haben wie ihnen zu auf".split()),
    "es": frozenset("el la los las y usted es son no un una que con para como qué su está por".split()),
    "fr": frozenset("le la les et vous est sont pas un une que avec pour comment votre dans nous je".split()),
}
"""Frequent words, by which a language is told from others."""
_ENOUGH_WORDS = 5
_LEAK_WORDS = 12
"""So many words in a row of the instructions are no accident."""


@dataclass(frozen=True, slots=True)
class Limits:
    sentences: int
    questions: int
    words: int


def broken_rules(text: str, *, language: str, instructions: str, limits: Limits) -> Iterator[str]:
    """What is wrong with a reply, one reason each."""
    if not text.strip():
        yield "says nothing"
        return
    found = _UNSPOKEN.search(text)
    if found:
        yield f"cannot be spoken: {found[0].strip()!r}"
    count = sum(bool(re.search(r"\w", sentence)) for sentence in _SENTENCE.findall(_ABBREVIATED.sub("", text)))
    if count > limits.sentences:
        yield f"{count} sentences are more than {limits.sentences}"
    words = len(text.split())
    if words > limits.words:
        yield f"{words} words are more than {limits.words}"
    questions = text.count("?")
    if questions > limits.questions:
        yield f"{questions} questions are more than {limits.questions}"
    other = _other_language(text, language)
    if other:
        yield f"speaks {other}, not {language}"
    if _quotes(text, instructions):
        yield "quotes its instructions"


def _other_language(text: str, language: str) -> str:
    """The language that the text seems to be in, if it is not `language`; "" where that cannot be told."""
    words = fold(text).split()
    own = language.partition("-")[0].lower()
    if own not in _COMMON or len(words) < _ENOUGH_WORDS:
        return ""
    counts = {name: sum(word in common for word in words) for name, common in _COMMON.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > 2 * counts[own] + 1 else ""


def _quotes(text: str, instructions: str) -> bool:
    """Data in the instructions (drills, plans) is there to be spoken; rules are not."""
    rules = f" {fold(re.sub(r'<data.*?</data>', ' ', instructions, flags=re.DOTALL))} "
    words = fold(text).split()
    runs = (words[start : start + _LEAK_WORDS] for start in range(len(words) - _LEAK_WORDS + 1))
    return any(f" {' '.join(run)} " in rules for run in runs)
