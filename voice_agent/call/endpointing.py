"""Has the caller finished? A graded answer from the words so far, and the wait that follows from it.

Pure functions. The words come from a transcriber, so punctuation may be missing or invented: it is evidence, not
proof. A graded delay has no cliff: a doubtful "yeah" waits a little longer than "yes, done", not 2.5 s longer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

CompletenessModel = Callable[[str], float]
"""Text of the turn so far -> probability (0-1) that the caller has finished. Pluggable."""

_WORD = re.compile(r"[\w'’]+")

# A turn that ends in one of these goes on: conjunctions, articles, prepositions, auxiliaries, fillers.
_OPEN_ENDINGS = frozenset(
    """
    a an the and or but so because if when while although though that which who whose where than then as of to in on at
    for from with without into onto by about over under between through during until till like my your his her our
    their its this these those some any each every is are was were be been being am do does did has have had can could
    will would should may might must i i'm we he she they it's there's um uh er erm hmm well actually basically also
    maybe just very really quite more most less not no-one let's plus minus dot
    und oder aber weil wenn dass der die das ein eine einen mit von zu für auf ist sind ähm
    et ou mais parce que le la les un une des de du avec pour est sont euh
    y o pero porque el los las una con para por es son eh
    e ma perché il lo gli con per sono ehm
    """.split()
)
# A turn that is only this is over: short answers and commands.
_SHORT_ANSWERS = frozenset(
    """
    yes yeah yep yup no nope done okay ok sure right correct exactly thanks stop repeat skip pause end next human hello
    hi hey bye goodbye help slower continue ready finished fixed never always great fine good
    ja nein fertig danke hallo oui non merci bonjour sí si no gracias hola sì grazie ciao
    """.split()
)
_DIGIT_WORDS = frozenset("zero oh one two three four five six seven eight nine double triple".split())
_NUMBER_CONTEXT = re.compile(
    r"\b(number|phone|code|serial|extension|asset|ticket|id|pin|account|dial)\b", re.IGNORECASE
)
_LONG_NUMBER = 7


def completeness(text: str) -> float:
    """Probability (0-1) that a turn with these words is complete; by rules, for the languages we ship."""
    words = [w.lower().replace("’", "'") for w in _WORD.findall(text)]
    if not words:
        return 0.0
    stripped = text.rstrip()
    if stripped.endswith(("...", "…", ",", "-", "–", ":")):
        return 0.15
    if len(words) <= 3 and all(w in _SHORT_ANSWERS for w in words):
        return 0.97
    if words[-1] in _OPEN_ENDINGS:
        return 0.08
    digits = _trailing_digits(words)
    if 0 < digits < _LONG_NUMBER and (digits > 1 or _NUMBER_CONTEXT.search(text)):
        return 0.2
    if stripped.endswith(("?", "!")):
        return 0.95
    ended = stripped.endswith(".")
    if len(words) >= 4:
        return 0.9 if ended else 0.8
    return 0.85 if ended else 0.65


def _trailing_digits(words: list[str]) -> int:
    """How many digits the run of numbers at the end holds, spoken or written."""
    count = 0
    for word in reversed(words):
        if word.isdigit():
            count += len(word)
        elif word in _DIGIT_WORDS:
            count += 1
        else:
            break
    return count


def delay_ms(probability: float, min_ms: int, max_ms: int) -> float:
    """The wait after the last speech. Quadratic: half sure already means a quarter of the patience."""
    doubt = 1.0 - min(max(probability, 0.0), 1.0)
    return min_ms + max(max_ms - min_ms, 0) * doubt * doubt
