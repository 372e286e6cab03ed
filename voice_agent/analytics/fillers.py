"""Fillers and hedges in a text: where they are. Sounds (um, uh) apart from words (you know, like). English.

Rules without understanding, in doubt against counting: "do you know" and "what kind of" are none, and "like" is one
only where commas, the ends of the text or pauses set it off on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from voice_agent.analytics.report_model import Mark, MarkKind
from voice_agent.engines.ports import Word

_PAUSE_MS = 250
_SOUND = r"u+m+|u+h+m*|e+rm*|a+h+|h+m+"
_SOUNDS = re.compile(rf"(?<![\w'’-])(?:{_SOUND})(?![\w'’-])(?! huh\b)", re.IGNORECASE)
_ONLY_SOUND = re.compile(rf"\W*(?:{_SOUND})\W*", re.IGNORECASE)
_NOUN_BEFORE = r"(?<!\ba )(?<!\bthe )(?<!\bthis )(?<!\bthat )(?<!\bwhat )(?<!\bsome )(?<!\bany )(?<!\bsame )(?<!\bone )"
_FILLER_WORDS = re.compile(
    r"\bbasically\b|\bactually\b"
    r"|(?<!\bdo )(?<!\bdid )(?<!\bif )(?<!\bas )(?<!\blet )\byou know\b"
    r"(?! (?:what|how|why|who|where|when|that|about)\b)"
    r"|(?<!\bwhat )(?<!\bdo )(?<!\bthat )\bi mean\b"
    rf"|{_NOUN_BEFORE}\bsort of\b",
    re.IGNORECASE,
)
_LIKE = re.compile(r"\blike\b", re.IGNORECASE)
_HEDGES = re.compile(
    r"\bmaybe\b|\bperhaps\b|\bprobably\b|\bpossibly\b|\bpresumably\b|\bsomewhat\b|\bhopefully\b|\bmight\b"
    r"|\bmore or less\b|\bi (?:think|guess|suppose|believe|assume)\b|\bi feel like\b"
    r"|\b(?:i'?m|i am) not (?:really |quite )?sure\b"
    rf"|\bit seems\b|\bcould be\b|\bin a way\b|\bor something\b|{_NOUN_BEFORE}\bkind of\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\S*\w\S*")


def is_sound(word: str) -> bool:
    """Whether a word with what is attached to it ("Um,") is a hesitation sound."""
    return _ONLY_SOUND.fullmatch(word) is not None


def is_english(language: str) -> bool:
    return language.partition("-")[0].lower() in ("en", "")


def marks(text: str, words: Sequence[Word] = ()) -> tuple[Mark, ...]:
    """Fillers and hedges of an English text in their order, without overlaps. `words`: measured times, or none."""
    found = [_mark(match, "filler_sound") for match in _SOUNDS.finditer(text)]
    found += [_mark(match, "filler_word") for match in _FILLER_WORDS.finditer(text)]
    silent = _silences(text, words)
    found += [_mark(match, "filler_word") for match in _LIKE.finditer(text) if _set_off(text, match, silent)]
    found += [_mark(match, "hedge") for match in _HEDGES.finditer(text)]
    return tuple(sorted(found, key=lambda mark: mark.start))


def _mark(match: re.Match[str], kind: MarkKind) -> Mark:
    return Mark(start=match.start(), end=match.end(), kind=kind)


def _set_off(text: str, match: re.Match[str], silent: frozenset[int]) -> bool:
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    return (not before or not before[-1].isalnum() or match.start() in silent) and (
        not after or not after[0].isalnum() or match.end() in silent
    )


def _silences(text: str, words: Sequence[Word]) -> frozenset[int]:
    """Offsets of the ends of words with a pause after, and of the starts of words with a pause before."""
    tokens = list(_TOKEN.finditer(text))
    if len(tokens) != len(words):
        return frozenset()
    offsets: set[int] = set()
    for at in range(1, len(words)):
        if words[at].start_ms - words[at - 1].end_ms >= _PAUSE_MS:
            offsets |= {tokens[at - 1].end(), tokens[at].start()}
    return frozenset(offsets)
