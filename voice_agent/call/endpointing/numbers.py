"""Is a number, a date, an address or a spelling under way? How likely it is that the turn ends here, or None where it
ends in none of them. Pure functions over the words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from voice_agent.call.endpointing import words as table
from voice_agent.call.endpointing.levels import COMPLETE, DOUBTFUL, OPEN, PROBABLE, UNDER_WAY, WAITING
from voice_agent.call.endpointing.verbs import BASES

_ADDRESS = re.compile(
    r"\b(e-?mail|mail|address|send it|write to|host|server|user ?name|login|website|share|domain|url)\b"
)
_ADDRESSEE = re.compile(
    r"\b(mail|e-?mail|write|reach|contact)( me| us| him| her| them)? (on|at) (?!(the|my|our|a)\b)[a-z]+$|"
    r"\b(send|write|mail|e-?mail|forward)( it| this| that| them)? to "
    r"(?!(me|you|us|him|her|them|it|this|that)$)\w+( \w+)?$"
)
_NAMED = re.compile(
    r"\b(?:(?:host|file|wifi|computer|network|team|display|user) ?name|address|e-?mail|mail|login|host|share|website"
    r"|server|domain|folder|network)(?: is|'s)(?: called| named)?((?: \S+){1,2})$"
)
_ADDRESS_CUES = frozenset(
    """
    email e-mail mail address send write forward reach contact host server user username login website share domain url
    name folder network dot dash underscore hyphen slash at
    """.split()
)
"""Without any of these no address is looked for."""
_SPELT = frozenset("spell spelled spelt surname letter letters serial".split())
_BEFORE_LETTER = frozenset("it's that's is starts with then and".split())
_DOMAIN = re.compile(r"(@\S+\.|\bdot |\w\.)(com|org|net|edu|e d u|io|uk|de|fr|eu|ch|at|gov|local|info|es|it)$")
_UNITS = frozenset("zero oh one two three four five six seven eight nine".split())
_REPEATS = {"double": 1, "triple": 2}
_TEENS = frozenset("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split())
_TENS = frozenset("twenty thirty forty fifty sixty seventy eighty ninety".split())
_MAGNITUDES = frozenset("hundred thousand million".split())
_MONEY_WORDS = frozenset("salary price cost costs budget bill pay paid earn earned earning turnover".split())
_MEASURING = frozenset(
    """
    about around over under nearly almost than have has had got cost costs takes took for every i've of with roughly
    only
    """.split()
)
"""Before a number that counts something, which is yet to be named."""
_PHONE_WORDS = frozenset("phone telephone call mobile cell dial reach fax ring landline whatsapp".split())
_SHORT_NUMBER_WORDS = frozenset(
    """
    extension pin room floor desk year age ext building error version windows level gate platform line step page
    chapter slide office monitor street apartment flat
    """.split()
)
_EXPECTED_DIGITS = {"pin": 4, "extension": 3, "ext": 3, "year": 4, "error": 2}
_HEX_DIGITS = 8
"""Of an error code of Windows, with the "0x" before them counted as two; most have ten."""
_CODE_WORDS = frozenset(
    """
    number serial asset tag ticket badge postcode registration plate code id key licence license account invoice
    reference order starts address staff card imei passport policy case customer employee product booking tracking
    """.split()
)
_BEFORE_YEAR = frozenset("in since of from until till to by".split())
_NUMBERED_WORDS = _CODE_WORDS | _SHORT_NUMBER_WORDS | _PHONE_WORDS
_LONG_NAME = 8
"""Letters, spelt in one breath."""
_LETTER_NAMES = frozenset("zed zee aitch".split())
_ADDRESS_SIGNS = frozenset("dot dash underscore hyphen slash".split())
_INITIALS = {"i", "a"}
"""Letters that are words as well."""


def spelling(words: Sequence[str]) -> float | None:
    """For an address, or letters one by one."""
    spelt = _letters(words) if _is_letter(words[-1]) else None
    if spelt is not None:
        return spelt
    if words[-3:-1] == ["as", "in"]:
        return UNDER_WAY  # "N as in November"
    if words[-2:-1] in (["for"], ["like"]) and words[-3:-2] and _is_letter(words[-3]) and words[-3] not in _INITIALS:
        return UNDER_WAY  # "N for November"
    if words[-1].isalpha() and _ADDRESS_CUES.isdisjoint(words):
        return None
    text = " ".join(words)
    if _DOMAIN.search(text):
        return COMPLETE
    if _ADDRESSEE.search(text):
        return UNDER_WAY
    named = _NAMED.search(text)
    if (named and _strange(named[1].split()[-1])) or (words[-1] == "at" and _ADDRESS.search(text)):
        return UNDER_WAY
    return UNDER_WAY if any(_sign(words, at) for at in range(len(words))) else None


def _letters(words: Sequence[str]) -> float | None:
    """For a turn that ends in one."""
    first = len(words)
    while first and _is_letter(words[first - 1]):
        first -= 1
    run = words[first:]
    if " ".join(run[-3:]) == "e d u" and "dot" in words:
        return COMPLETE
    if _INITIALS.issuperset(run):
        return None
    if len(run) >= _LONG_NAME and first == 0:
        return PROBABLE
    if len(run) > 1 and words[first - 1 : first + 1] != ["with", "a"]:
        # "Jon, J O N": the name that was said is spelt to its end.
        return COMPLETE if "".join(run) in words[:first] else UNDER_WAY
    before = words[-2] if len(words) > 1 else ""
    if before in _BEFORE_LETTER or before in _REPEATS or not _SPELT.isdisjoint(words):
        return UNDER_WAY  # "it's P", but not "drive C"
    return None


def _is_letter(word: str) -> bool:
    return (len(word) == 1 and word.isalpha()) or word in _LETTER_NAMES


def number(words: Sequence[str], last_piece: int) -> float | None:
    """For a turn that ends in digits. `last_piece`: how many words the last run of speech has."""
    if not (_digits(words[-1]) or _is_letter(words[-1])):
        return None
    known = {word.removesuffix("'s") for word in words}
    coded = bool(known & _CODE_WORDS)
    first = len(words)
    while first and (_digits(words[first - 1]) or (coded and _letter(words, first - 1))):
        first -= 1
    run = words[first:]
    if not run or not any(map(_digits, run)):
        return None
    before, prior = known - set(run), words[first - 1] if first else ""
    dots = words.count("dot")
    if dots >= 2 or (dots and "ip" in known):
        return UNDER_WAY if dots < 3 else COMPLETE  # an address of a machine has four parts
    counted = table.CLASS_OF.get(prior, "n") not in "vVxda" and before & _NUMBERED_WORDS
    if run == ["one"] and first and not counted:
        return None  # a pronoun
    digits = sum(_digits(word) or 1 for word in run) - _joined(run)
    if "x" in run[:2] and _leading_zero(run[0]):
        return UNDER_WAY if digits < _HEX_DIGITS else PROBABLE
    grouped = last_piece < len(run)
    if before & _PHONE_WORDS or (_leading_zero(run[0]) and not before & _CODE_WORDS):
        return COMPLETE if digits >= 10 else OPEN if digits < 7 else UNDER_WAY if grouped else PROBABLE
    if run[-1] in ("oh", *_REPEATS):
        return UNDER_WAY
    cardinal = _cardinal(words, first, run)
    if cardinal is not None:
        return cardinal
    if grouped:
        # Who pauses within a number goes on with the next group.
        return UNDER_WAY if digits < 10 else DOUBTFUL
    if before & _SHORT_NUMBER_WORDS:
        lacking = any(digits < _EXPECTED_DIGITS.get(word, 0) for word in before)
        return UNDER_WAY if lacking or (run[-1].isalpha() and len(run[-1]) == 1) else PROBABLE
    if len(run) == 1 and prior == "number" and before & _CODE_WORDS == {"number"} and len(words) > 2:
        return PROBABLE  # "it's number four"
    if before & _CODE_WORDS:
        return PROBABLE if digits >= 5 else UNDER_WAY if digits >= 3 else OPEN
    if digits == 1:
        # "Four." answers a question; "I have four" counts something.
        if first == 0 or _noun(prior) or prior in ("or", "and"):
            return PROBABLE
        if prior in _MEASURING and _stated(words[:first]):
            return WAITING if prior in ("have", "has", "had") else UNDER_WAY
        if table.CLASS_OF.get(prior, "n") in "vVe":
            return WAITING  # "I speak three"
        return PROBABLE if words[0] in _MEASURING else DOUBTFUL
    if first == 0 or _noun(prior):
        return (
            PROBABLE
            if digits >= (4 if first == 1 else 6)
            else DOUBTFUL
            if first and words[0] in table.CLASS_OF
            else UNDER_WAY
        )
    return DOUBTFUL if digits >= 6 else UNDER_WAY


def _cardinal(words: Sequence[str], first: int, run: Sequence[str]) -> float | None:
    """For what is counted, or a date or an hour: "the twenty", "at five thirty", "nineteen eighty"."""
    prior = words[first - 1] if first else ""
    if prior in ("the", "my", "these", "our") and run[-1] != "one":
        return OPEN  # "the twenty third", "the two monitors"
    if len(run) == 2 and run[0] in ("nineteen", "twenty") and run[1] in _TEENS and prior in _BEFORE_YEAR:
        return PROBABLE
    if prior in ("from", "between"):
        return UNDER_WAY  # "to", "and"
    teen = run[-1] in _TEENS or run[-1] in _TENS
    if len(run) == 1 and run[0] in ("nineteen", "twenty") and (prior in table.MONTHS or prior in ("in", "since", "of")):
        return UNDER_WAY  # a year
    hour = len(run) == 1 or (len(run) == 2 and teen)
    if prior in ("at", "by", "until", "till", "past", "to", "before") and hour and _digits(run[0]) <= 2:
        return PROBABLE
    if run[-1] == "thousand" and prior in ("in", "since", "of"):
        return UNDER_WAY  # "and eight"
    if _MONEY_WORDS & set(words[:first]) and "thousand" not in run:
        return UNDER_WAY
    spoken = _TEENS | _TENS | _MAGNITUDES
    if set(run) & spoken and not set(words[:first]) & (_CODE_WORDS | _SHORT_NUMBER_WORDS):
        if prior in _MEASURING:
            return UNDER_WAY if _stated(words[:first]) else PROBABLE  # of what?
        return PROBABLE if first < 2 or _noun(prior) or prior in ("in", "since") or prior in table.BEING else DOUBTFUL
    return None


def _sign(words: Sequence[str], at: int) -> bool:
    """A mark of an address that is spoken, not one that is spoken of: "the red dot"."""
    if words[at] not in _ADDRESS_SIGNS or not at:
        return False
    numeric = _digits(words[at - 1]) and (at + 1 == len(words) or _digits(words[at + 1]))
    classes = [table.CLASS_OF.get(word, "n") for word in words[max(0, at - 2) : at]]
    return not numeric and classes[-1] not in "dq" and classes != ["d", "a"]


def _strange(word: str) -> bool:
    """Whether "is" does not go before it: a name."""
    return word in BASES or (word not in table.CLASS_OF and not word.endswith(("ed", "ing", "ly")))


def _stated(words: Sequence[str]) -> bool:
    """Whether there is a verb, or the like of it."""
    return any(table.CLASS_OF.get(word, "n") in "vVexXG" for word in words)


def _leading_zero(word: str) -> bool:
    return word in ("zero", "oh") or (word.startswith("0") and len(word) > 1)


def _letter(words: Sequence[str], index: int) -> bool:
    """A letter of a code: "five c d". Letters that are words count only behind another."""
    word = words[index]
    return len(word) == 1 and word.isalpha() and (word not in _INITIALS or (index > 0 and len(words[index - 1]) == 1))


def _noun(word: str) -> bool:
    return bool(word) and word not in table.CLASS_OF


def _digits(word: str) -> int:
    """How many digits a word stands for; 0 if none."""
    plain = word.replace("-", "").replace(".", "")
    if plain.isdigit():
        return len(plain)
    if word in _REPEATS:
        return _REPEATS[word]
    return 2 if word in _TEENS or word in _TENS or word in _MAGNITUDES else int(word in _UNITS)


def _joined(run: Sequence[str]) -> int:
    """ "Eighty two" has two digits, not three."""
    return sum(a in _TENS and b in _UNITS for a, b in itertools.pairwise(run))
