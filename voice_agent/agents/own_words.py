"""Whether a text says only what its sources say: the numbers and names in it must be in the caller's own words.

It finds invented facts of the kinds that harm most in a model answer: figures, companies, people, places, products,
dates. Ordinary words are free, because a better answer is put in other words. Numbers are compared by value, so
"twenty-five percent" agrees with "25 %".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from voice_agent.text.words import folded

_UNITS = {
    name: value
    for value, name in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    name: value
    for value, name in zip(
        range(20, 100, 10), "twenty thirty forty fifty sixty seventy eighty ninety".split(), strict=True
    )
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_AMOUNTS = {
    "half": "half", "halved": "half", "halving": "half", "twice": "twice", "double": "twice", "doubled": "twice",
    "doubling": "twice", "triple": "triple", "tripled": "triple", "quarter": "quarter", "dozen": "dozen",
    "dozens": "dozen", "hundreds": "hundreds", "thousands": "thousands", "millions": "millions",
}  # fmt: skip
_FIGURE = re.compile(r"\d+(?:[.,]\d{3})*(?:[.,]\d+)?")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
_SCALED = {"k": 1000, "m": 1_000_000}
_TOKEN = re.compile(r"[^\W_]+(?:[.,'’&+-][^\W_]+)*[+#]*")
_SENTENCE_END = re.compile(r"[.!?:;\n]\s*[\"'“”‘’(\-–—•]*\s*$|^\s*[\"'“”‘’(\-–—•]*\s*$")
_NOT_NAMES = frozenset({"i", "im", "ive", "id", "ill", "ok", "okay"})


def invented(text: str, sources: Sequence[str]) -> tuple[str, ...]:
    """The numbers and proper names of `text` that are in none of `sources`, as they stand in it, each once.

    A word that begins a sentence with a capital counts as a name only if it has another capital or a digit in it, or if
    a name follows it: what is merely the first word of a sentence cannot be told apart.
    """
    known = " ".join(sources)
    values = set(_values(known))
    heard = set(folded(known.replace("-", " ")).split())
    found = [figure for figure, value in _numbers(text) if value not in values]
    found += [name for name in _names(text) if not set(_parts(name)) <= heard]
    return tuple(dict.fromkeys(found))


def _parts(name: str) -> list[str]:
    return folded(re.sub(r"['’]s$", "", name).replace("-", " ")).split()


def _values(text: str) -> Iterable[str]:
    return (value for _, value in _numbers(text))


def _numbers(text: str) -> Iterator[tuple[str, str]]:
    """Each number as it stands in the text, and its value. "One" alone is no number: it is mostly a pronoun."""
    spoken: list[str] = []
    for token in _TOKEN.findall(text):
        for piece in token.lower().split("-"):
            if piece in _UNITS or piece in _TENS or piece in _SCALES or (piece == "and" and spoken):
                spoken.append(piece)
                continue
            yield from _spoken(spoken)
            spoken = []
            if piece in _AMOUNTS:
                yield piece, _AMOUNTS[piece]
            yield from _figures(piece)
    yield from _spoken(spoken)


def _spoken(words: list[str]) -> Iterator[tuple[str, str]]:
    while words and words[-1] == "and":
        words.pop()
    if not words or words == ["one"]:
        return
    total = current = 0
    previous = ""
    for word in words:
        if word in _SCALES:
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0
        elif word != "and":
            if previous in _UNITS or (previous in _TENS and word in _TENS):
                yield " ".join(words), str(total + current)
                total = current = 0
            current += _UNITS.get(word, 0) + _TENS.get(word, 0)
        previous = word
    yield " ".join(words), str(total + current)


def _figures(piece: str) -> Iterator[tuple[str, str]]:
    for match in _FIGURE.finditer(piece):
        value = _THOUSANDS.sub("", match[0]).replace(",", ".")
        scale = _SCALED.get(piece[match.end() : match.end() + 1], 1) if len(piece) == match.end() + 1 else 1
        number = float(value) * scale
        yield piece, str(int(number)) if number.is_integer() else str(number)


def _names(text: str) -> Iterator[str]:
    tokens = list(_TOKEN.finditer(text))
    for index, match in enumerate(tokens):
        word = match[0]
        if not word[0].isupper() or folded(word) in _NOT_NAMES:
            continue
        if _SENTENCE_END.search(text[: match.start()]):
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            named = following is not None and following[0][0].isupper() and folded(following[0]) not in _NOT_NAMES
            joined = named and following is not None and text[match.end() : following.start()] == " "
            marked = any(char.isupper() or char.isdigit() for char in word[1:])
            if not (marked or joined) or _common(word):
                continue
        yield word


def _common(word: str) -> bool:
    """Words that often begin a sentence before a name ("At Siemens")."""
    return folded(word) in _BEFORE_NAMES


_BEFORE_NAMES = frozenset(
    """a after although an and as at because before both but by during each for from how if in later my of on once our
    since so that the then there this through to under until using we what when where which while who with
    within""".split()
)
