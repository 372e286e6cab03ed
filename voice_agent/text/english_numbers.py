"""English numbers in the forms people write them: dates, times, telephone numbers, money, units, versions, codes.

Each rule turns one form into words and leaves the rest to the next; the order in `_RULES` is what resolves ambiguity
(a telephone number before a range, a date before a fraction). The last rule reads whatever digits are left, so none
remain.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from voice_agent.text import english_codes
from voice_agent.text.english_tables import CURRENCIES, FRACTIONS, MAGNITUDES, MONTH_NUMBERS, MONTHS, UNITS
from voice_agent.text.numbers import cardinal, digits, english_year, grouped_digits, number, ordinal

Match = re.Match[str]
_AMOUNT: Final = r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,12})?(?![\d])|\d{1,40}(?:\.\d{1,12})?"
_MONTH: Final = (
    r"(Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?\.?|July?\.?|Aug(?:ust|\.)?"
    r"|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_YEAR: Final = r"(1[0-9]\d\d|20\d\d|21\d\d)"
_MERIDIEM: Final = r"\s?([AaPp])(\.[Mm]\.|[Mm]\b\.?(?=\s+[a-z]|,)|[Mm]\b)"

_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_SIGN: Final = r"US\$|[$€£¥₹]"
_ISO: Final = "|".join(code for code in CURRENCIES if code.isalpha())
_MAGNITUDE: Final = "|".join(sorted(MAGNITUDES, key=len, reverse=True))
_DENOMINATORS: Final = {2: ("half", "halves"), 4: ("quarter", "quarters")}


def spoken_numbers(text: str) -> str:
    """`text` without digits."""
    for pattern, rule in _RULES:
        text = pattern.sub(rule, text)
    return text


def _amount(written: str) -> str:
    whole, _, decimals = written.replace(",", "").partition(".")
    return number(whole, decimals, separated="," in written)


# --- dates ------------------------------------------------------------------------------------------------------------


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


# --- amounts ----------------------------------------------------------------------------------------------------------


def _money(match: Match) -> str:
    return _price(match["sign"], match["amount"], match["size"], match["minus"])


def _money_after(match: Match) -> str:
    return _price(match["code"], match["amount"], match["size"], match["minus"])


def _price(sign: str, amount: str, size: str | None, minus: str | None) -> str:
    one, more, hundredth, hundredths = CURRENCIES[sign]
    prefix = "minus " if minus else ""
    whole, _, decimals = amount.replace(",", "").partition(".")
    if size:
        return f"{prefix}{number(whole, decimals)} {MAGNITUDES[size]} {more}"
    if len(decimals) not in {0, 2}:
        return f"{prefix}{number(whole, decimals)} {more}"
    units, cents = int(whole), int(decimals or 0)
    major = f"{number(str(units))} {one if units == 1 else more}"
    minor = f"{cardinal(cents)} {hundredth if cents == 1 else hundredths}"
    if not cents:
        return prefix + major
    return prefix + (f"{major} and {minor}" if units else minor)


def _measure(match: Match) -> str:
    one, more = UNITS[match["unit"]]
    minus = "minus " if match["minus"] else ""
    return f"{minus}{_amount(match['amount'])} {one if match['amount'] == '1' else more}"


def _magnitude(match: Match) -> str:
    return f"{_amount(match[1])} {MAGNITUDES[match[2]]}"


def _nth(match: Match) -> str:
    return ordinal(int(match[1].replace(",", "")))


def _fraction(match: Match) -> str:
    whole, above, below = match[1], int(match[2]), int(match[3])
    spoken = _part(above, below)
    if spoken is None:
        return f"{match[1] or ''}{_amount(match[2])} {'out of' if above <= below else 'over'} {_amount(match[3])}"
    if not whole:
        return spoken
    return f"{cardinal(int(whole))} and {'a half' if spoken == 'one half' else spoken}"


def _part(above: int, below: int) -> str | None:
    if not (0 < above < below <= 9 or (below == 16 and 0 < above < 16)):
        return None
    one, more = _DENOMINATORS.get(below) or (ordinal(below), ordinal(below) + "s")
    return f"{cardinal(above)} {one if above == 1 else more}"


def _range(match: Match) -> str:
    spaced, dash = match[2].strip() != match[2], match[2].strip()
    left, right = float(match[1].replace(",", "")), float(match[3].replace(",", ""))
    return f"{match[1]} {'minus' if spaced and dash in '-−' and left >= right else 'to'} "


def _dimensions(match: Match) -> str:
    return " by ".join(number(side) for side in re.findall(r"\d+", match[0]))


def _hexadecimal(match: Match) -> str:
    spelled = (grouped_digits(run) if run.isdigit() else " ".join(run) for run in re.findall(r"\d+|\D+", match[1]))
    return f"zero x {' '.join(spelled)}"


def _ratio(match: Match) -> str:
    return f"{_amount(match[1])} to {_amount(match[2])}"


def _plain(match: Match) -> str:
    sign = {"+": "plus ", "-": "minus ", "−": "minus "}.get(match[1] or "", "")
    if sign == "plus " and match.start() == 0:
        sign = ""
    return sign + _amount(match[2])


def _glued(match: Match) -> str:
    spoken = grouped_digits(match[0]) if len(match[0]) > 2 or match[0].startswith("0") else cardinal(int(match[0]))
    before = match.string[match.start() - 1 : match.start()].isalnum()
    after = match.string[match.end() : match.end() + 1].isalnum()
    return f"{' ' if before else ''}{spoken}{' ' if after else ''}"


# --- numbers that are names -------------------------------------------------------------------------------------------


def _phone(match: Match) -> str:
    groups = re.findall(r"\d+", match[0])
    spoken = ", ".join(grouped_digits(group) if len(group) != 5 else digits(group) for group in groups)
    return f"plus {spoken}" if match[0].startswith("+") else spoken


def _named_digits(match: Match) -> str:
    return match[1] + grouped_digits(match[2])


_VERSION_PART: Final = re.compile(r"\d+")


def _version(match: Match) -> str:
    parts = [number(part) if len(part) < 5 else digits(part) for part in _VERSION_PART.findall(match[2])]
    name = match[1] or ""
    if name.lower() in {"v", "v."}:
        name = "version "
    return name + " point ".join(parts)


_RULES: Final[tuple[tuple[re.Pattern[str], str | Callable[[Match], str]], ...]] = (
    (re.compile(rf"(?<=\d)[ ]?([{''.join(FRACTIONS)}])"), lambda match: f" {FRACTIONS[match[1]]}"),
    (re.compile(rf"[{''.join(FRACTIONS)}]"), lambda match: FRACTIONS[match[0]]),
    # Dates.
    (
        re.compile(r"(?<![\w-])(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?Z?)?(?![\w-])"),
        _iso_date,
    ),
    (re.compile(r"(?<![\w/.])(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d{2}(?![/.]?\d))(?![\w/])"), _slash_date),
    (
        re.compile(
            rf"\b{_MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:\s?[-–]\s?(\d{{1,2}})(?:st|nd|rd|th)?)?"
            rf"(?:,?\s+{_YEAR}\b)?(?![\w:/%]|[.,]\d)"
        ),
        _month_day,
    ),
    (
        re.compile(
            rf"(?<![\w.,/$])(the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?![\w])(?:,?\s+{_YEAR}\b)?"
        ),
        _day_month,
    ),
    (re.compile(rf"\b{_MONTH},?\s+{_YEAR}\b(?![-–]\d)"), _month_year),
    # Times.
    (
        re.compile(
            r"\b(\d{1,2}(?::\d{2})?)([ ]?[AaPp]\.?[Mm]\.?)?[ ]?[-–][ ]?(?=\d{1,2}(?::\d{2})?[ ]?[AaPp]\.?[Mm]\b)()"
        ),
        _hours_range,
    ),
    (re.compile(r"(?<![\w:.,])(\d{1,2}:\d{2})()[ ]?[-–][ ]?(?=\d{1,2}:\d{2}\b)()"), _hours_range),
    (re.compile(rf"(?<![\w:.,])(\d{{1,2}}):([0-5]\d)(?::([0-5]\d))?(?:{_MERIDIEM})?(?![\w:]|\.\d)"), _clock),
    (re.compile(rf"(?<![\w:.,])(1[0-2]|0?[1-9]){_MERIDIEM}"), _hour),
    # Numbers that are names.
    (
        re.compile(
            r"(?<![\w.])(?:\+\d[\d ().-]{5,18}\d|(?:1[- ])?\(\d{2,5}\)[ -]?\d{3,4}(?:[ -]?\d{3,4})?"
            r"|(?:1[-. ])?\d{3}([-. ])\d{3}\1\d{4}|\d{3}-\d{4}|\d{3}-\d{2}-\d{4}|0\d{2,4}[ -]\d{3,4}(?:[ -]?\d{3,4})?)"
            r"(?![\w-]|[.,]\d)"
        ),
        _phone,
    ),
    (
        re.compile(
            r"\b((?:tickets?|codes?|PIN|number|ext(?:ension)?|room|order|case|reference|ref|account|badge|asset|ZIP|serial"
            r"|error|port|call|dial|incident|request|ID)(?:\s+(?:number|code|is|no\.?))?:?\s+#?)(\d{3,30})"
            r"(?![\w-]|[.,:/]\d|\s*(?:%|times|people|users|seconds|minutes|million|thousand))",
            re.IGNORECASE,
        ),
        _named_digits,
    ),
    (
        re.compile(
            r"(?<![\w.])(v\.?[ ]?|(?:version|release|build|Python|Node|Java|iOS|iPadOS|macOS|Android|Windows|Chrome"
            r"|Firefox|Ubuntu|Debian|Postgres|TLS|HTTP|Bluetooth)[ ])(\d{1,5}(?:\.\d{1,6}){1,4})(?!\w|\.\d)",
            re.IGNORECASE,
        ),
        _version,
    ),
    (re.compile(r"(?<![\w.])(v)(\d{1,5})(?![\w.]*\w)"), _version),
    (re.compile(r"(?<![\w.,])()(\d{1,5}(?:\.\d{1,6}){2,4})(?!\w|\.\d)"), _version),
    (re.compile(r"#\s?(?=\d)"), "number "),
    (re.compile(r"\b0[xX]([0-9A-Fa-f]{1,32})\b"), _hexadecimal),
    # Amounts.
    (re.compile(r"(?<!\w)(\d{1,3}(?:,\d{3})*|\d+)(st|nd|rd|th)\b", re.IGNORECASE), _nth),
    (re.compile(r"(?<![\w.])['’]?(1\d|20)?([0-9]0)['’]?s\b"), _decade),
    (re.compile(rf"({_SIGN})({_AMOUNT})[ ]?[-–][ ]?(?:{_SIGN})?(?=\d)"), r"\2 to \1"),
    (
        re.compile(
            rf"(?P<minus>(?<!\w)[-−])?(?P<sign>{_SIGN})[ ]?(?P<amount>{_AMOUNT})(?:[ ]?(?P<size>{_MAGNITUDE})\b)?"
        ),
        _money,
    ),
    (
        re.compile(
            rf"(?<![\w.,])(?P<minus>[-−])?(?P<amount>{_AMOUNT})(?:[ ]?(?P<size>{_MAGNITUDE}))?[ ]?"
            rf"(?P<code>[€£]|(?:{_ISO})\b)"
        ),
        _money_after,
    ),
    (re.compile(r"(?<![\w/.,])(?:(\d{1,3})[ ])?(\d{1,4})/(\d{1,4})(?![\w/]|\.\d)"), _fraction),
    (re.compile(rf"(?<![\w.,])({_AMOUNT})(\s?[-–—−]\s?)(?=({_AMOUNT}))"), _range),
    (re.compile(r"(?<![\w.,])\d{1,6}(?:[ ]?[x×][ ]?\d{1,6}){1,3}(?![\w])"), _dimensions),
    (re.compile(r"(?<![\w:.,])(\d{1,4}):(\d{1,4})(?![\w:])"), _ratio),
    (re.compile(rf"(?<![\w.,])(?P<minus>[-−])?(?P<amount>{_AMOUNT})[ ]?(?P<unit>{_UNIT})(?![\w/²³])"), _measure),
    (re.compile(rf"(?<![\w.,])({_AMOUNT})(k|M|B|bn|mn)(?!\w)"), _magnitude),
    (english_codes.PATTERN, english_codes.spoken),
    (
        re.compile(
            r"\b((?:in|since|until|till|by|of|from|to|before|after|around|during|year|summer|winter|spring|autumn|fall)\s+)(1[1-9]\d\d|20\d\d)(?![\w,]*\d|[.,]\d|\s*(?:users|people|words|times|of))",
            re.IGNORECASE,
        ),
        _year,
    ),
    (re.compile(r"(?<![\w.,-])()(19\d\d|20[0-4]\d)(?![\w]|[.,-]\d)"), _year),
    (re.compile(rf"(?<![\w.])([+−-](?<![\w)][+−-]))?({_AMOUNT})(?![\w])"), _plain),
    (re.compile(r"\d+"), _glued),
)
