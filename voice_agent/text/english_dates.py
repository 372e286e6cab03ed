"""English dates, years and times of day, from the forms people write them in to words."""

from __future__ import annotations

import re
from typing import Final

from voice_agent.text.english_tables import MONTH_NUMBERS, MONTHS
from voice_agent.text.numbers import cardinal, english_year, ordinal
from voice_agent.text.rules import Match, Rule

_MONTH: Final = (
    r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?\.?|July?\.?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_YEAR: Final = r"(1[0-9]\d\d|20\d\d|21\d\d)"
_MERIDIEM: Final = r"\s?([AaPp])(\.[Mm]\.|[Mm]\b\.?(?=\s+[a-z]|,)|[Mm]\b)"


def _date(year: str | None, month: int, day: int) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    spoken = f"{MONTHS[month - 1]} {ordinal(day)}"
    return f"{spoken}, {english_year(int(year))}" if year else spoken


def _iso_date(match: Match) -> str:
    spoken = _date(match[1], int(match[2]), int(match[3]))
    if spoken is None:
        return match[0]
    return f"{spoken} at {match[4]}" if match[4] else spoken


def _slash_date(match: Match) -> str:
    first, second = int(match[1]), int(match[3])
    month, day = (second, first) if first > 12 or match[2] == "." else (first, second)
    year = match[4] if len(match[4]) == 4 else f"20{match[4]}"
    return _date(year, month, day) or match[0]


def _month(written: str) -> int:
    return MONTH_NUMBERS[written[:3].lower()]


def _month_day(match: Match) -> str:
    day = int(match[2])
    if not 1 <= day <= 31:
        return match[0]
    spoken = f"{MONTHS[_month(match[1]) - 1]} {ordinal(day)}"
    if match[3]:
        spoken += f" to {ordinal(int(match[3]))}"
    return f"{spoken}, {english_year(int(match[4]))}" if match[4] else spoken


def _day_month(match: Match) -> str:
    day = int(match[2])
    if not 1 <= day <= 31:
        return match[0]
    spoken = f"{match[1] or 'the '}{ordinal(day)} of {MONTHS[_month(match[3]) - 1]}"
    return f"{spoken} {english_year(int(match[4]))}" if match[4] else spoken


def _month_year(match: Match) -> str:
    return f"{MONTHS[_month(match[1]) - 1]} {english_year(int(match[2]))}"


def _decade(match: Match) -> str:
    century, tens = match[1], int(match[2])
    plural = "hundreds" if tens == 0 else cardinal(tens).removesuffix("y") + "ies"
    if tens % 10 or (tens == 10 and not century) or (tens == 0 and not century):
        return match[0]
    if not century:
        return plural
    if century == "20" and tens == 0:
        return "two thousands"
    return f"{cardinal(int(century))} {'tens' if tens == 10 else plural}"


def _year(match: Match) -> str:
    return match[1] + english_year(int(match[2]))


# --- times ------------------------------------------------------------------------------------------------------------


def _clock(match: Match) -> str:
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    half = match[4].upper() if match[4] else ""
    if hour > 24 or minute > 59 or (half and hour > 12):
        return match[0]
    stop = "." if half and match[5].endswith(".") and _sentence_ends(match) else ""
    if not half and (hour > 12 or hour == 0):
        half = "P" if 12 < hour < 24 else "A"
        hour = hour % 12 or 12
    spoken = cardinal(hour)
    if minute:
        spoken += f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"
    elif not half:
        spoken += " o'clock"
    if second and int(second):
        spoken += f" and {cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
    return f"{spoken} {half}M{stop}" if half else spoken


def _hour(match: Match) -> str:
    stop = "." if match[3].endswith(".") and _sentence_ends(match) else ""
    return f"{cardinal(int(match[1]))} {match[2].upper()}M{stop}"


def _sentence_ends(match: Match) -> bool:
    rest = match.string[match.end() : match.end() + 3].lstrip(" \"'”’)*")
    return not rest or rest[0].isupper() or rest[0] == "\n"


def _hours_range(match: Match) -> str:
    return f"{match[1]}{match[2] or ''} to {match[3]}"


RULES: Final = (
    # Dates.
    Rule(
        "-",
        re.compile(r"(?<![\w-])(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?Z?)?(?![\w-])"),
        _iso_date,
    ),
    Rule("/.", re.compile(r"(?<![\w/.])(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d{2}(?![/.]?\d))(?![\w/])"), _slash_date),
    Rule(
        "",
        re.compile(
            rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:\s?[-–]\s?(\d{{1,2}})(?:st|nd|rd|th)?)?"
            rf"(?:,?\s+{_YEAR}\b)?(?![\w:/%]|[.,]\d)"
        ),
        _month_day,
    ),
    Rule(
        "",
        re.compile(
            rf"(?<![\w.,/$])(the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?![\w])(?:,?\s+{_YEAR}\b)?"
        ),
        _day_month,
    ),
    Rule("", re.compile(rf"\b{_MONTH},?\s+{_YEAR}\b(?![-–]\d)"), _month_year),
    Rule(
        "s",
        re.compile(
            r"(?<![\w.])(?:['’](?=\d0)|(?=\d{4})|(?<=the )|(?<=early )|(?<=late )|(?<=mid-)|(?<=his )"
            r"|(?<=her )|(?<=their ))"
            r"(1\d|20)?(\d0)['’]?s\b"
        ),
        _decade,
    ),
    # Times.
    Rule(
        "-–",
        re.compile(
            r"\b(\d{1,2}(?::\d{2})?)([ ]?[AaPp]\.?[Mm]\.?)?[ ]?[-–][ ]?(?=\d{1,2}(?::\d{2})?[ ]?[AaPp]\.?[Mm]\b)()"
        ),
        _hours_range,
    ),
    Rule("-–", re.compile(r"(?<![\w:.,])(\d{1,2}:\d{2})()[ ]?[-–][ ]?(?=\d{1,2}:\d{2}\b)()"), _hours_range),
    Rule(":", re.compile(rf"(?<![\w:.,])(\d{{1,2}}):([0-5]\d)(?::([0-5]\d))?(?:{_MERIDIEM})?(?![\w:]|\.\d)"), _clock),
    Rule("aApP", re.compile(rf"(?<![\w:.,])(1[0-2]|0?[1-9]){_MERIDIEM}"), _hour),
)

YEAR_RULES: Final = (
    Rule(
        "",
        re.compile(
            r"\b((?:in|since|until|till|by|of|from|to|before|after|around|during|year|summer|winter|spring|autumn|fall)\s+)"
            r"(1[1-9]\d\d|20\d\d)(?![\w,]*\d|[.,]\d|\s*(?:users|people|words|times|of))",
            re.IGNORECASE,
        ),
        _year,
    ),
    Rule("", re.compile(r"(?<![\w.,-])()(19\d\d|20[0-4]\d)(?![\w]|[.,-]\d)"), _year),
)
"""Four digits that are most likely a year; for after amounts and codes."""
