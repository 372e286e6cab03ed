"""Words: counting them, comparing what two transcribers wrote, and cutting a text where a listener stopped.

A word is a run without spaces that holds a letter or a digit. In scripts written without spaces (Han, kana) each
character counts as one, which is near enough for thresholds.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(rf"[{_UNSPACED}][^\w\s]*|[^\s{_UNSPACED}]+")
_APOSTROPHES = re.compile(r"(?<=\w)['’ʼ`](?=\w)")
_SEPARATORS = re.compile(r"[\W_]+")

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


def first_words(text: str, count: int) -> str:
    """The beginning of `text` up to the end of its word number `count`; all of it if it has no more words."""
    if count <= 0:
        return ""
    spoken = (match for match in _PIECE.finditer(text) if _spoken(match.group()))
    following = next(islice(spoken, count, None), None)
    return text if following is None else text[: following.start()].rstrip()


def heard_prefix(text: str, fraction: float) -> str:
    """What a listener heard of `text` after `fraction` (0 to 1) of its speech: cut after the last whole word.

    Without word marks of the synthesizer, time is shared out by an estimate of how long each piece takes: one unit for
    a letter, more for a digit, some for the pause at a comma. A word is heard when its last letter was said.
    """
    if fraction >= 1:
        return text
    if not fraction > 0:
        return ""
    pieces = [(match.end(), *_weights(match.group())) for match in _PIECE.finditer(text)]
    total = sum(said + pause for _, said, pause in pieces)
    reached = fraction * total + 1e-9
    end = position = 0
    for piece_end, said, pause in pieces:
        if position + said > reached:
            break
        end = piece_end
        position += said + pause
    return text[:end]


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
