"""Words and their classes. Every word becomes a letter for its class (`words.CLASS_OF`, corrected by its neighbours),
so that a sentence is a short string, and what is asked about it are patterns:

    whenever  I  open  it  the  whole  thing  just
    u         s  e     i   d    a      n      D       D, a degree adverb, ends nothing
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from voice_agent.call.endpointing import words as table
from voice_agent.call.endpointing.verbs import BASES, PARTICIPLES

FINITE = re.compile(r"[xXy][xrRD]*[vVegGa]?|(?<![tgGo])[vVe]")
"""A verb with its auxiliaries."""
_QUESTION = re.compile(r"x[sidqnoyw]|w[vVe]|w[napq#rR]{0,4}x")
_ADVERBIAL_QUESTION = re.compile(r"wR?x")


class Said(NamedTuple):
    words: list[str]
    tags: str
    """A letter for each word."""
    question: bool

    @property
    def last(self) -> str:
        return self.words[-1]

    @property
    def before(self) -> str:
        """The word before the last; empty if there is none."""
        return self.words[-2] if len(self.words) > 1 else ""

    @property
    def before_tag(self) -> str:
        return self.tags[-2:-1]


def parse(words: list[str], *, marked: bool) -> Said:
    """`marked`: there is a question mark."""
    tags = classes(words)
    return Said(words, tags, marked or _asks(words, tags))


def negative(words: Sequence[str]) -> bool:
    return any(word.endswith("n't") or word in ("not", "no", "never", "forgot") for word in words)


def classes(words: Sequence[str]) -> str:
    """A letter for each word."""
    letters: list[str] = []
    before, last = "^", ""
    for word in words:
        letter = table.CLASS_OF.get(word) or _by_shape(word)
        if letter in "vVe":
            letter = _noun_or_verb(word, letter, before, last)
        elif before == "d" and (letter in "ugG" or len(word) == 1 or word in ("will", "can", "might", "yes", "no")):
            letter = "n"  # "a while", "the building", "with an E", "my will", "a yes"
        elif word in ("do", "have") and before in "xtR":
            letter = "V"
        if letter in "Ve" and _passive(word, letters, words):
            letter = "v"
        letters.append(letter)
        before, last = letter, word
    return "".join(letters)


def _by_shape(word: str) -> str:
    if word.endswith("n't"):
        return "x"
    if word.endswith("'s"):
        return "y"
    if word[0].isdigit():
        return "#"
    if word.endswith("ly") and word not in table.NOT_ADVERBS:
        return "R"
    if word.endswith("ing") and len(word) > 4 and word not in table.NOT_ING:
        return "g"
    if word.endswith("ed") and len(word) > 4:
        return "v"
    return "a" if word.endswith(("ous", "ful", "ical", "less", "ible")) else "n"


def _noun_or_verb(word: str, letter: str, before: str, last: str) -> str:
    """ "The update" and "for use" have nouns, "a used one" an adjective, "password change" a noun: behind a singular
    noun a verb ends in -s or stands in the past."""
    if before in "dap":
        return "a" if before != "p" and (word.endswith("ed") or word in PARTICIPLES) else "n"
    if word in BASES and ((before == "n" and not last.endswith("s")) or last == "it"):
        return "n"
    return letter


def _passive(word: str, letters: Sequence[str], words: Sequence[str]) -> bool:
    """ "It was replaced", "I had it replaced", "is it installed"."""
    if not letters or word in table.NOT_PASSIVE or not (word.endswith("ed") or word in PARTICIPLES):
        return False
    at = len(letters) - 1
    while at > 0 and letters[at] in "rRDq":
        at -= 1
    asked = letters[0] == "x" and words[0] in table.BEING
    if letters[at] == "n" and not set("xXvVe").isdisjoint(letters[:at]):
        return True  # "I need the software installed"
    return words[at] in table.BEING or letters[at] in "yo" or words[at] == "it" or asked


def _asks(words: Sequence[str], tags: str) -> bool:
    """Whether they are in the order of a question: "is it", "when will", "which button do"."""
    if words[0] == "do" and words[1:2] in (["it"], ["that"], ["this"], ["them"], ["so"]):
        return False
    if words[0] in ("when", "where", "why"):
        return bool(_ADVERBIAL_QUESTION.match(tags))
    return bool(_QUESTION.match(tags)) or words[0] in table.ASKING_CONTRACTIONS or words[0].startswith("how_")
