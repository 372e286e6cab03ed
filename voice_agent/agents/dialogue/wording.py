"""Small helpers for what is said: number words, slow reading, choosing among variants."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_CHUNK_WORDS = 3


def number_in(number: int) -> str:
    """A number in words, up to twelve; larger ones in digits."""
    return _NUMBERS[number] if 0 <= number < len(_NUMBERS) else str(number)


def in_chunks(text: str) -> str:
    """The same sentences in groups of three words set off by commas, which a synthesizer speaks with pauses."""
    return " ".join(_chunked(sentence) for sentence in re.split(r"(?<=[.!?:])\s+", text))


def _chunked(sentence: str) -> str:
    words = sentence.split()
    groups = [" ".join(words[start : start + _CHUNK_WORDS]) for start in range(0, len(words), _CHUNK_WORDS)]
    return (
        ", ".join(group.rstrip(",") for group in groups[:-1]) + (", " if len(groups) > 1 else "") + groups[-1]
        if groups
        else ""
    )


def vary(variants: Sequence[str], turn: int) -> str:
    """One of the variants, another one each turn."""
    return variants[turn % len(variants)]
