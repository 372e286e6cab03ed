"""Pieces of what somebody said that are short enough to be quoted, word for word.

Transcribers may give no punctuation at all, so long sentences are cut at the words that usually begin a new thought.
"""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_NEW_THOUGHT = re.compile(
    r"(?<!\band)(?<!\bsince)\s(?=(?:(?:and )?(?:so i|so we|then i|then we|in the end|as a result|after that|finally"
    r"|eventually|when i|when we)|and then|and so|and since|and i|and we|but|because)\b)",
    re.IGNORECASE,
)
_LONG_WORDS = 20
_QUOTE_WORDS = 30
_WORDS_BEFORE = 6


def clauses(text: str) -> list[str]:
    """Sentences, and pieces of sentences of more than 20 words. Each stands in `text` as it is."""
    pieces: list[str] = []
    for sentence in _SENTENCE_END.split(text.strip()):
        if len(sentence.split()) > _LONG_WORDS:
            pieces += [piece.strip() for piece in _NEW_THOUGHT.split(sentence)]
        elif sentence:
            pieces.append(sentence)
    return [piece for piece in pieces if any(character.isalnum() for character in piece)]


def quoted(clause: str, at: int = 0) -> str:
    """At most 30 words of `clause`, from a few words before the offset `at`; word for word."""
    words = list(re.finditer(r"\S+", clause))
    if len(words) <= _QUOTE_WORDS:
        return clause
    first = sum(word.end() <= at for word in words) - _WORDS_BEFORE
    first = min(max(first, 0), len(words) - _QUOTE_WORDS)
    return clause[words[first].start() : words[first + _QUOTE_WORDS - 1].end()]
