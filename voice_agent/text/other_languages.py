"""Numbers of languages other than English: decimals, thousands, percent, money, clock times, ranges."""

from __future__ import annotations

import re
from typing import Final

from voice_agent.text.lexicon import Lexicon, primary
from voice_agent.text.numbers import cardinal, grouped_digits, known, number, ordinal

Match = re.Match[str]
_COMMA_AMOUNT: Final = r"\d{1,3}(?:[.\u00a0\u202f]\d{3}){1,5}(?:,\d{1,12})?(?!\d)|\d{1,40}(?:,\d{1,12})?"
_POINT_AMOUNT: Final = r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,12})?(?!\d)|\d{1,40}(?:\.\d{1,12})?"
_CLOCK = re.compile(r"(?<![\w:.,])([01]?\d|2[0-4])(?::|[ ]?h[ ]?)([0-5]\d)(?:\s?(?:Uhr|heures?))?(?![\w:])")
_PHONE = re.compile(r"(?<![\w.])\+\d[\d ()/-]{5,18}\d(?!\w)")
_GERMAN_DAY = re.compile(
    r"(?<![\w.,])(\d{1,2})\.[ ](?=Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)"
)
_FRENCH_ORDINAL = re.compile(r"(?<![\w.,])(\d{1,3})(?:er|re|e|ème)\b")
_RANGE = re.compile(r"(?<=\d)[ ]?[–-][ ]?(?=\d)")
_GLUED = re.compile(r"\d+")
_SYMBOL_NAMES: Final = (("&", "and_"), ("@", "at"), ("+", "plus"), ("=", "equals"), ("×", "times"), ("°", "degrees"))


def spoken_other(text: str, words: Lexicon, language: str) -> str:
    """`text` with its numbers and signs in words of `language`; digits stay where num2words does not know it."""
    for written, spoken in words.abbreviations.items():
        if written in text:
            text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", spoken, text)
    if known(language) and any(character.isdigit() for character in text):
        text = _numbers(text, words, language)
    for sign, name in _SYMBOL_NAMES:
        if sign in text:
            text = text.replace(sign, f" {getattr(words, name)} ")
    return (
        text.replace("%", f" {words.percent}").replace("#", f"{words.number} ") if "%" in text or "#" in text else text
    )


def _numbers(text: str, words: Lexicon, language: str) -> str:
    amount = _COMMA_AMOUNT if words.decimal_comma else _POINT_AMOUNT

    def value(written: str) -> str:
        mark = "," if words.decimal_comma else "."
        whole, _, decimals = written.partition(mark)
        return number(re.sub(r"\D", "", whole), decimals, language)

    def clock(match: Match) -> str:
        hour, minute = cardinal(int(match[1]), language), int(match[2])
        if not minute:
            return words.clock_sharp.format(hour=hour)
        return words.clock.format(hour=hour, minute=cardinal(minute, language))

    def phone(match: Match) -> str:
        groups = ", ".join(grouped_digits(group, language) for group in re.findall(r"\d+", match[0]))
        return f"{words.plus} {groups}"

    def money(match: Match) -> str:
        sign, written = (match[1], match[2]) if match[1] else (match[4], match[3])
        return f"{value(written)} {words.currencies[sign]}"

    text = _PHONE.sub(phone, text)
    text = _CLOCK.sub(clock, text)
    if primary(language) == "de":
        text = _GERMAN_DAY.sub(lambda match: f"{ordinal(int(match[1]), language)}n ", text)
    if primary(language) == "fr":
        text = _FRENCH_ORDINAL.sub(lambda match: ordinal(int(match[1]), language), text)
    text = _RANGE.sub(f" {words.to} ", text)
    if words.currencies:
        signs = "|".join(re.escape(sign) for sign in words.currencies)
        text = re.sub(rf"(?<!\w)({signs})[ ]?({amount})|(?<![\w.,])({amount})[ \u00a0]?({signs})(?!\w)", money, text)
    text = re.sub(rf"(?<![\w.,])({amount})[ \u00a0\u202f]?%", lambda match: f"{value(match[1])} {words.percent}", text)
    text = re.sub(
        rf"(?<![\w.,])([−-])?({amount})(?!\w)",
        lambda match: f"{words.minus + ' ' if match[1] else ''}{value(match[2])}",
        text,
    )
    return _GLUED.sub(lambda match: f" {number(match[0], '', language)} ", text)
