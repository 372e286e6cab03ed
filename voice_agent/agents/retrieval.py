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
    computer old seems bit today how not nothing work works working worked know more""".split()
)
_SPELLINGS = (
    (re.compile(r"\b(?:wi[ -]?fi|why fi|wireless (?:network|internet))\b"), "wifi"),
    (re.compile(r"\be[ -]?mails?\b|\bmails\b|\boutlook\b"), "mail"),
    (re.compile(r"\b(?:log|sign)(?:ging|ged|ing|ed)?[ -]?(?:in|on)\b"), "login"),
    (re.compile(r"\bpass ?words?\b|\bpasscode\b|\bpast words?\b"), "password"),
    (re.compile(r"\bv\.? ?p\.? ?n\b|\b(?:bee|we|vee) (?:pee |p )?en\b"), "vpn"),
    (re.compile(r"\bweb ?cams?\b|\bcams?\b"), "camera"),
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


def _grams(text: str) -> set[int]:
    grams: set[int] = set()
    for word in set(_words(text)):
        padded = f"_{word[:40]}_"
        for size in _SIZES:
            for start in range(max(1, len(padded) - size + 1)):
                grams.add(zlib.crc32(padded[start : start + size].encode()) % _BUCKETS)
    return grams


class PhraseIndex:
    """An index over entries, each known by several phrases.

    A gram weighs the more, the fewer *entries* have it (inverse document frequency, plus one so that none is worth
    nothing): what many problems have in common ("not working") tells little.
    """

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        documents = [(entry, _grams(phrase)) for entry, texts in phrases.items() for phrase in texts]
        self._vocabulary: dict[str, set[int]] = {}
        for entry, grams in documents:
            self._vocabulary.setdefault(entry, set()).update(grams)
        frequency = Counter(gram for grams in self._vocabulary.values() for gram in grams)
        total = len(self._vocabulary) + 1
        self._unseen = (math.log(total) + 1) ** 2
        self._weight = {gram: (math.log(total / count) + 1) ** 2 for gram, count in frequency.items()}
        self._documents = [(entry, math.sqrt(self._weigh(grams))) for entry, grams in documents]
        self._postings: dict[int, list[int]] = {}
        for number, (_, grams) in enumerate(documents):
            for gram in grams:
                self._postings.setdefault(gram, []).append(number)

    def search(self, query: str, limit: int = 3) -> list[Match]:
        """The best entries, best first; empty if nothing is shared at all.

        The score is the geometric mean of two: how near the nearest phrase is, and what share of the query the entry
        knows from any of its phrases. The first is itself the geometric mean of the cosine and of the share of the
        phrase that the query covers, because callers say much around their problem, which the cosine alone punishes.
        """
        grams = _grams(query)
        if not grams:
            return []
        norm = math.sqrt(self._weigh(grams))
        shared: dict[int, float] = {}
        for gram in grams:
            for number in self._postings.get(gram, ()):
                shared[number] = shared.get(number, 0.0) + self._weight[gram]
        nearest: dict[str, float] = {}
        for number, weight in shared.items():
            entry, phrase_norm = self._documents[number]
            cosine = weight / (norm * phrase_norm)
            covered = weight / phrase_norm**2
            nearest[entry] = max(nearest.get(entry, 0.0), math.sqrt(cosine * covered))
        scores = {
            entry: math.sqrt(near * math.sqrt(self._weigh(grams & self._vocabulary[entry])) / norm)
            for entry, near in nearest.items()
        }
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        return [Match(entry, round(score, 4)) for entry, score in ranked[:limit]]

    @staticmethod
    def content(query: str) -> int:
        """How many words of the query mean something."""
        return len(_words(query))

    def _weigh(self, grams: Iterable[int]) -> float:
        return sum(self._weight.get(gram, self._unseen) for gram in grams)
