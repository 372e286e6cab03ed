"""Cuts a stream of tokens into clauses that a synthesizer can begin with, without losing a character.

The first clause is cut early (a comma is enough), because the caller waits for it; later ones at ends of sentences,
because a voice sounds best with whole ones. An opener ("Okay,") is a clause of its own the moment it is written: its
speech lies ready, and the next clause is made while it is heard.

Joined again, the clauses are exactly the text that was fed, so a position in the audio can be mapped back to the
written text. Where the cuts fall does not depend on how the text was chunked.

Nothing is rewritten here: that is `normalise`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum, auto
from typing import Final

from voice_agent.text.abbreviations import ends_sentence

_MARK = re.compile(r"[.!?…。！？,;:，、；：–—\n]")
_AFTER_MARK = re.compile(r"[.!?…]*[\"'”’»)\]}*_`~]*")
_SPACE = re.compile(r"\s+")
_UNSPACED_ENDS = frozenset("。！？")
_UNSPACED_COMMAS = frozenset("，、；：")
_CONJUNCTION = re.compile(
    r"\s+(?=(?:and|but|because|so|or|if|when|while|which|unless|until|und|oder|aber|weil|dass|et|ou|mais|parce|car|y|o"
    r"|pero|porque|e|ma|perché)\s)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```")
_WHOLE_MARKUP = re.compile(
    r"```.*?```|`[^`\n]+`|\*\*(?=\S).+?\*\*|__(?=\S).+?__|~~(?=\S).+?~~|(?<![\w*])\*(?=[^\s*])[^*\n]+\*"
    r"|\[[^\[\]\n]*\](?:\([^()\n]*\)|(?!\())",
    re.DOTALL,
)
_OPEN_MARKUP = re.compile(r"`|\*\*(?=\S)|(?<!\w)__(?=\S)|~~(?=\S)|(?<![\w*])\*(?=[^\s*])|\[")
_FENCE_CAPS = 16
_UNBROKEN_CAPS = 4


class _Kind(Enum):
    NONE = auto()
    """No place to cut."""
    UNKNOWN = auto()
    """The text that decides has not arrived."""
    WEAK = auto()
    """A comma or the like."""
    STRONG = auto()
    """The end of a sentence or of a line."""


class ClauseSplitter:
    """Feed it tokens of one reply, flush it at the end. After a flush it goes on as in the middle of a reply."""

    def __init__(
        self,
        *,
        first_min_chars: int = 14,
        first_soft_chars: int = 60,
        min_chars: int = 24,
        soft_chars: int = 140,
        hard_chars: int = 240,
        openers: Collection[str] = (),
    ) -> None:
        """All in characters. `first_min_chars`: the first clause is no shorter. `min_chars`: shorter sentences wait for
        the next. `soft_chars`: a sentence longer than this is cut at a comma or before a conjunction, the first clause
        from `first_soft_chars` on. `hard_chars`: no clause is longer, unless it is one word (up to four times as long)
        or a block of code (up to sixteen times, so that it can be recognised as one). `openers`: with their closing
        comma or full stop, in any case."""
        if not 0 < first_min_chars <= first_soft_chars <= hard_chars or not 0 < min_chars <= soft_chars <= hard_chars:
            raise ValueError("clause lengths must be positive and ascend")
        self._first_min: Final = first_min_chars
        self._first_soft: Final = first_soft_chars
        self._min: Final = min_chars
        self._soft: Final = soft_chars
        self._hard: Final = hard_chars
        self._openers: Final = frozenset(opener.casefold() for opener in openers)
        self._longest_opener: Final = max(map(len, self._openers), default=0)
        self._pending = ""
        self._first = True
        self._untouched = True

    def feed(self, delta: str) -> list[str]:
        """Takes the next piece of text and returns the clauses that are complete with it, in order."""
        text = self._pending + delta
        clauses: list[str] = []
        start = self._opener_end(text) if self._untouched else 0
        if start:
            clauses.append(text[:start])
        while (end := self._cut(text, start)) is not None:
            clauses.append(text[start:end])
            start = end
            self._first = False
        self._pending = text[start:]
        return clauses

    def flush(self) -> list[str]:
        """The text has ended (or is interrupted): returns what is left of it, if anything."""
        rest, self._pending = self._pending, ""
        if not rest:
            return []
        self._first = self._untouched = False
        return [rest]

    def _opener_end(self, text: str) -> int:
        """Where the opener at the beginning of the reply ends; 0 while there is none."""
        begin = len(text) - len(text.lstrip())
        for end in range(begin + 1, min(len(text), begin + self._longest_opener) + 1):
            if text[begin:end].casefold() in self._openers:
                self._untouched = False
                return end
        self._untouched = len(text) - begin < self._longest_opener
        return 0

    def _cut(self, text: str, start: int) -> int | None:
        """Where the clause that begins at `start` ends, or None while that is not known."""
        least = self._first_min if self._first else self._min
        soft = self._first_soft if self._first else self._soft
        limit = start + self._hard
        fallback: int | None = None
        for match in _MARK.finditer(text, start):
            mark = match.start()
            if mark >= start + soft and fallback is not None:
                return fallback
            if mark >= limit:
                break
            kind, end = _boundary(text, start, mark, limit)
            if kind is _Kind.UNKNOWN:
                return None
            if kind is _Kind.NONE or _inside_markup(text[start:end]):
                continue
            if end - start >= least:
                if kind is _Kind.STRONG or self._first:
                    return end
                fallback = end
        if len(text) - start <= soft:
            return None
        if fallback is not None:
            return fallback
        return self._forced(text, start, least, soft)

    def _forced(self, text: str, start: int, least: int, soft: int) -> int | None:
        """The cut of a clause that grew long without punctuation."""
        for match in _CONJUNCTION.finditer(text, start + least, start + self._hard):
            if match.end() >= start + soft:
                break
            if not _inside_markup(text[start : match.end()]):
                return match.end()
        if len(text) - start <= self._hard:
            return None
        if _inside_fence(text[start : start + self._hard]):
            closing = _FENCE.search(text, start + self._hard)
            cap = start + self._hard * _FENCE_CAPS
            if closing is not None and closing.end() <= cap:
                return closing.end()
            if len(text) < cap:
                return None
        space = _last_space(text, start, start + self._hard)
        if space is not None:
            return space
        longest = start + self._hard * _UNBROKEN_CAPS
        following = _SPACE.search(text, start + self._hard, longest)
        if following is not None:
            return following.end()
        return longest if len(text) > longest else None


def _boundary(text: str, start: int, mark: int, limit: int) -> tuple[_Kind, int]:
    """What the mark is, and where a clause that it closes would end (behind the following space)."""
    character = text[mark]
    after = _AFTER_MARK.match(text, mark + 1, limit)
    closed = after.end() if after else mark + 1
    spaces = _SPACE.match(text, mark if character == "\n" else closed, limit)
    end = spaces.end() if spaces else closed
    if end >= limit:
        return _Kind.NONE, end
    if end >= len(text):
        return _Kind.UNKNOWN, end
    if spaces is None:
        if character in _UNSPACED_ENDS:
            return _Kind.STRONG, end
        return (_Kind.WEAK if character in _UNSPACED_COMMAS else _Kind.NONE), end
    if "\n" in spaces.group():
        return _Kind.STRONG, end
    following = text[end]
    if character in ",–—:" and text[max(start, mark - 2) : mark].rstrip()[-1:].isdigit() and following.isdigit():
        return _Kind.NONE, end
    if character in "!?":
        return (_Kind.WEAK if following.islower() else _Kind.STRONG), end
    if character == "…" or text.startswith("..", mark) or text[mark - 1 : mark] == ".":
        return _Kind.WEAK, end
    if character != ".":
        return _Kind.WEAK, end
    verdict = ends_sentence(text, start, mark, end)
    if verdict is None:
        return _Kind.UNKNOWN, end
    return (_Kind.STRONG if verdict else _Kind.NONE), end


def _inside_markup(clause: str) -> bool:
    """Whether a span of markdown is open at the end of `clause`."""
    if not any(sign in clause for sign in "`*_~["):
        return False
    return _OPEN_MARKUP.search(_WHOLE_MARKUP.sub("", clause)) is not None


def _inside_fence(clause: str) -> bool:
    return len(_FENCE.findall(clause)) % 2 == 1


def _last_space(text: str, start: int, end: int) -> int | None:
    """Behind the last space before `end` that has a word on its left."""
    for position in range(end - 1, start, -1):
        if text[position].isspace() and not text[start:position].isspace():
            return position + 1
    return None
