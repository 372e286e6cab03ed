"""Finds the entry whose phrases are nearest to what a caller says: hashed character 3- to 5-grams, weighted by how
rare they are.

Good for a few hundred phrases and for misheard or misspelled words; it knows no meaning. Pure Python on purpose:
an agent must run where no numeric library does.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_SIZES = (3, 4, 5)
_BUCKETS = 1 << 20
_MAX_QUERY_WORDS = 80
_STOP = frozenset(
    """a an the i im ive my me we our us you your it its is are was were be been am do does did have has had to of in on
    at for with from by as and or but so that this these those there here what which who when just really please hi
    hello hey um uh er yes yeah ok okay like some any all very get got getting im having trouble problem issue thing
    think help need want can could would should will now again anymore keeps keep since today morning yesterday
    computer""".split()
)
_SPELLINGS = (
    (re.compile(r"\b(?:wi[ -]?fi|why fi|wireless (?:network|internet))\b"), "wifi"),
    (re.compile(r"\be[ -]?mails?\b|\bmails\b|\boutlook\b"), "mail"),
    (re.compile(r"\b(?:log|sign)(?:ging|ged|ing|ed)?[ -]?(?:in|on)\b"), "login"),
    (re.compile(r"\bpass ?words?\b|\bpasscode\b"), "password"),
    (re.compile(r"\bv\.? ?p\.? ?n\b"), "vpn"),
    (re.compile(r"\b(?:m\.? ?f\.? ?a|two factor|2fa|two step|second factor)\b"), "mfa"),
    (re.compile(r"\b(?:cell|mobile)(?: ?phone)?\b|\bsmartphone\b"), "phone"),
    (
        re.compile(r"\b(?:cant|cannot|can not|wont|will not|doesnt|does not|isnt|is not|didnt|unable to|couldnt)\b"),
        "not",
    ),
    (re.compile(r"\b(?:laptop|pc|machine|notebook|macbook)\b"), "computer"),
)


@dataclass(frozen=True, slots=True)
class Match:
    id: str
    score: float
    """0 to 1."""


def _words(text: str) -> list[str]:
    line = re.sub(r"['’]", "", text.casefold())
    for pattern, replacement in _SPELLINGS:
        line = pattern.sub(replacement, line)
    return [word for word in re.findall(r"\w+", line) if word not in _STOP][:_MAX_QUERY_WORDS]


def _grams(text: str) -> Counter[int]:
    grams: Counter[int] = Counter()
    for word in set(_words(text)):
        padded = f"_{word[:40]}_"
        for size in _SIZES:
            for start in range(max(1, len(padded) - size + 1)):
                grams[zlib.crc32(padded[start : start + size].encode()) % _BUCKETS] = 1
    return grams


class PhraseIndex:
    """An index over entries, each known by several phrases; an entry scores as its nearest phrase does."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        documents = [(entry, _grams(phrase)) for entry, texts in phrases.items() for phrase in texts]
        frequency = Counter(gram for _, grams in documents for gram in grams)
        total = len(documents) + 1
        self._unseen = math.log(total) + 1
        self._weight = {gram: math.log(total / (count + 1)) + 1 for gram, count in frequency.items()}
        self._documents = [(entry, self._norm(grams)) for entry, grams in documents]
        self._postings: dict[int, list[int]] = {}
        for number, (_, grams) in enumerate(documents):
            for gram in grams:
                self._postings.setdefault(gram, []).append(number)

    def search(self, query: str, limit: int = 3) -> list[Match]:
        """The best entries, best first; empty if nothing is shared at all.

        The score is the geometric mean of the cosine and of the share of the phrase that the query covers: callers
        say much around their problem, which the cosine alone would punish.
        """
        grams = _grams(query)
        if not grams:
            return []
        norm = self._norm(grams)
        shared: dict[int, float] = {}
        for gram in grams:
            for number in self._postings.get(gram, ()):
                shared[number] = shared.get(number, 0.0) + self._weight[gram] ** 2
        best: dict[str, float] = {}
        for number, weight in shared.items():
            entry, phrase_norm = self._documents[number]
            cosine = weight / (norm * phrase_norm)
            covered = weight / phrase_norm**2
            best[entry] = max(best.get(entry, 0.0), math.sqrt(cosine * covered))
        ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
        return [Match(entry, round(score, 4)) for entry, score in ranked[:limit]]

    def _norm(self, grams: Counter[int]) -> float:
        return math.sqrt(sum(self._weight.get(gram, self._unseen) ** 2 for gram in grams))
