"""Words: counting them, comparing what two transcribers wrote, and cutting a text where a listener stopped.

A word is a run without spaces that holds a letter or a digit. In scripts written without spaces (Han, kana) each
character counts as one, which is near enough for thresholds.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")
_APOSTROPHES = re.compile(r"(?<=\w)['’ʼ`](?=\w)")
_SEPARATORS = re.compile(r"[\W_]+")

_ROUNDING = 1e-9
_DIGIT_WEIGHT = 4
"""A digit is read as a word of about four letters."""
_PAUSES = {",": 2, ";": 3, ":": 3, ".": 4, "!": 4, "?": 4, "…": 4, "—": 3, "。": 4, "，": 2, "！": 4, "？": 4, "、": 2}
"""Letters that could be said in the pause after a mark."""
_UNSPOKEN = frozenset("*_`#~|\"'“”’()[]{}<>")


def words(text: str) -> list[str]:
    """The words with what is attached to them: `words("Well, it's 3.5!") == ["Well,", "it's", "3.5!"]`."""
    return [piece for piece in _PIECE.findall(text) if _spoken(piece)]


def word_count(text: str) -> int:
    """How many words there are; punctuation alone is none."""
    return len(words(text))


def folded(text: str) -> str:
    """The text for comparing transcripts: compatible characters unified, case, accents' encoding, punctuation and
    spacing gone. `folded("Don’t  STOP!") == folded("dont stop")`. Folding twice changes nothing."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _SEPARATORS.sub(" ", _APOSTROPHES.sub("", plain)).strip()


class SpokenText:
    """A text and when its words are heard, in shares (0 to 1) of the time that its speech takes.

    Without word marks of the synthesizer, time is shared out by an estimate of how long each piece takes: one unit for
    a letter, more for a digit, some for the pause at a comma. A word is heard when its last letter was said.
    """

    __slots__ = ("_ends", "_said", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends: list[int] = []
        said, position = list[int](), 0
        for match in _PIECE.finditer(text):
            spoken, pause = _weights(match.group())
            self._ends.append(match.end())
            said.append(position + spoken)
            position += spoken + pause
        self._said = [units / position for units in said]

    def heard(self, fraction: float) -> str:
        """After `fraction` of the speech: cut after the last whole word."""
        if fraction >= 1:
            return self.text
        count = self._count(fraction)
        return self.text[: self._ends[count - 1]] if count else ""

    def next_word(self, fraction: float) -> float:
        """The share of the speech after which more will have been heard than now; 1 behind the last word."""
        count = self._count(fraction)
        return self._said[count] if count < len(self._said) else 1.0

    def _count(self, fraction: float) -> int:
        return bisect_right(self._said, fraction + _ROUNDING) if fraction > 0 else 0


def _spoken(piece: str) -> bool:
    return any(character.isalnum() for character in piece)


def _weights(piece: str) -> tuple[int, int]:
    """(units to say it and the gap after it, units of the pause that follows)."""
    said = 1
    for character in piece:
        if character.isdigit():
            said += _DIGIT_WEIGHT
        elif character not in _UNSPOKEN and character not in _PAUSES:
            said += 1
    return said, _PAUSES.get(piece.rstrip("\"'”’)*_ ")[-1:], 0)
