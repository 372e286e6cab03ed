"""Words from a recogniser's tokens, which are pieces of words: a leading space or "▁" starts a word."""

from __future__ import annotations

from collections.abc import Sequence

_WORD_STARTS = (" ", "▁")


def words_of(tokens: Sequence[str], starts_s: Sequence[float]) -> list[tuple[str, int, int, None]]:
    """Joins tokens to words (text, start ms, end ms, None). No end is known: it is the last token's start."""
    words: list[tuple[str, int, int, None]] = []
    for token, start_s in zip(tokens, starts_s, strict=False):
        at_ms = round(start_s * 1000)
        if not words or token.startswith(_WORD_STARTS):
            words.append((token.lstrip(" ▁"), at_ms, at_ms, None))
        else:
            text, start_ms, _, _ = words[-1]
            words[-1] = (text + token, start_ms, at_ms, None)
    return [word for word in words if word[0]]
