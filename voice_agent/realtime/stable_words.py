"""Which words of a changing hypothesis may be sent for good.

The protocol has no way to take a word back. A word is sent when two hypotheses in a row agree on it and on everything
before it, and only as a continuation of what was sent.
"""

from __future__ import annotations

import re

# Scripts without spaces go character by character: a "word" of theirs would never stop growing.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"\s*(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)")
_PUNCTUATION = re.compile(r"\W+")


class StableWords:
    """One utterance. Words are compared without case and punctuation; sent as the later hypothesis writes them."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._previous: list[str] = []
        self.sent = ""
        """All deltas so far, joined."""

    def push(self, hypothesis: str) -> str:
        """Takes the next hypothesis, whole, and returns the words to send now, or ""."""
        words = _WORD.findall(hypothesis)
        keys = [_key(word) for word in words]
        agreed = _common(keys, self._previous)
        self._previous = keys
        return self._extend(words[:agreed], keys[:agreed])

    def finish(self, final: str) -> str:
        """Takes the final text and returns what is left to send; "" where it contradicts what was sent."""
        words = _WORD.findall(final)
        return self._extend(words, [_key(word) for word in words])

    def _extend(self, words: list[str], keys: list[str]) -> str:
        count = len(self._sent)
        if len(keys) <= count or keys[:count] != self._sent:
            return ""
        self._sent = keys
        delta = "".join(words[count:])
        if not self.sent:
            delta = delta.lstrip()
        self.sent += delta
        return delta


def _key(word: str) -> str:
    bare = word.strip()
    if bare.isalnum():  # most words; all of an utterance's are looked at with each hypothesis
        return bare.casefold()
    folded = _PUNCTUATION.sub("", word).casefold()
    return folded or bare


def _common(left: list[str], right: list[str]) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count
