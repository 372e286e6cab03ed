"""Numbers as words, in any language that num2words knows. Results are remembered: the same few numbers come again."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from num2words import CONVERTER_CLASSES, num2words

from voice_agent.text.lexicon import lexicon, primary

_REMEMBERED: Final = 4096
_LARGEST_DIGITS: Final = 15
"""A longer number is read digit by digit."""


def known(language: str) -> bool:
    """Whether numbers of this language can be written out."""
    return primary(language) in CONVERTER_CLASSES


@lru_cache(_REMEMBERED)
def cardinal(value: int, language: str = "en") -> str:
    """`cardinal(42) == "forty-two"`. At most 15 digits; raises ValueError beyond."""
    if abs(value) >= 10**_LARGEST_DIGITS:
        raise ValueError("too long to be read as one number")
    spoken = str(num2words(value, lang=primary(language))).replace(",", "")
    return spoken.replace(" and ", " ") if primary(language) == "en" else spoken


@lru_cache(_REMEMBERED)
def ordinal(value: int, language: str = "en") -> str:
    """`ordinal(23) == "twenty-third"`."""
    spoken = str(num2words(value, lang=primary(language), to="ordinal")).replace(",", "")
    return spoken.replace(" and ", " ") if primary(language) == "en" else spoken


def digits(text: str, language: str = "en") -> str:
    """Each digit as a word: `digits("104") == "one zero four"`."""
    return " ".join(cardinal(int(digit), language) for digit in text)


def grouped_digits(text: str, language: str = "en") -> str:
    """Digit by digit, long ones in groups of three with a pause: "one two three, four five six"."""
    groups = [text] if len(text) <= 4 else re.findall(r"\d{3}(?=\d{2})|\d+", text)
    return ", ".join(digits(group, language) for group in groups)


def number(whole: str, decimals: str = "", language: str = "en", *, separated: bool = False) -> str:
    """A number from its ASCII digits, without separators: `number("3", "14") == "three point one four"`.

    A whole number with a leading zero, or too long to be taken in unless its thousands were `separated`, is read digit
    by digit.
    """
    long = len(whole) > _LARGEST_DIGITS or (len(whole) > 6 and not separated and not whole.endswith("000"))
    if not decimals and len(whole) > 1 and (whole.startswith("0") or long):
        return grouped_digits(whole, language)
    spoken = grouped_digits(whole, language) if len(whole) > _LARGEST_DIGITS else cardinal(int(whole), language)
    return f"{spoken} {lexicon(language).decimal} {digits(decimals, language)}" if decimals else spoken


@lru_cache(_REMEMBERED)
def english_year(value: int) -> str:
    """Four digits as a year: "nineteen oh five", "two thousand nine", "twenty twenty-four"."""
    century, rest = divmod(value, 100)
    if value % 1000 < 10:
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    if rest < 10:
        return f"{cardinal(century)} oh {cardinal(rest)}"
    return f"{cardinal(century)} {cardinal(rest)}"
