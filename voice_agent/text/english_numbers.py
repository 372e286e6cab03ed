"""English numbers in the forms people write them: telephone numbers, money, units, versions, fractions, ranges.

Each rule turns one form into words and leaves the rest to the next; the order in `_RULES` is what resolves ambiguity
(a telephone number before a range, a date before a fraction). The last rule reads whatever digits are left, so none
remain.
"""

from __future__ import annotations

import re
from typing import Final

from voice_agent.text import english_codes, english_dates
from voice_agent.text.english_tables import CURRENCIES, FRACTIONS, MAGNITUDES, UNITS
from voice_agent.text.numbers import cardinal, digits, grouped_digits, number, ordinal
from voice_agent.text.rules import Match, Rule, applied

_AMOUNT: Final = r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,12})?(?![\d])|\d{1,40}(?:\.\d{1,12})?"

_UNIT: Final = "|".join(re.escape(unit) for unit in sorted(UNITS, key=len, reverse=True))
_SIGN: Final = r"US\$|[$€£¥₹]"
_ISO: Final = "|".join(code for code in CURRENCIES if code.isalpha())
_MAGNITUDE: Final = "|".join(sorted(MAGNITUDES, key=len, reverse=True))
_DENOMINATORS: Final = {2: ("half", "halves"), 4: ("quarter", "quarters")}


def spoken_numbers(text: str) -> str:
    """`text` without digits."""
    return applied(_RULES, text)


def _amount(written: str) -> str:
    whole, _, decimals = written.replace(",", "").partition(".")
    return number(whole, decimals, separated="," in written)


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


def _feet(match: Match) -> str:
    return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}"


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


_RULES: Final = (
    Rule("½⅓⅔¼¾⅕⅖⅗⅘⅛⅜⅝⅞", re.compile(rf"(?<=\d)[ ]?([{''.join(FRACTIONS)}])"), lambda match: f" {FRACTIONS[match[1]]}"),
    Rule("½⅓⅔¼¾⅕⅖⅗⅘⅛⅜⅝⅞", re.compile(rf"[{''.join(FRACTIONS)}]"), lambda match: FRACTIONS[match[0]]),
    *english_dates.RULES,
    # Numbers that are names.
    Rule(
        "+-.( ",
        re.compile(
            r"(?<![\w.])(?:\+\d[\d ().-]{5,18}\d|(?:1[- ])?\(\d{2,5}\)[ -]?\d{3,4}(?:[ -]?\d{3,4})?"
            r"|(?:1[-. ])?\d{3}([-. ])\d{3}\1\d{4}|\d{3}-\d{4}|\d{3}-\d{2}-\d{4}|0\d{2,4}[ -]\d{3,4}(?:[ -]?\d{3,4})?)"
            r"(?![\w-]|[.,]\d)"
        ),
        _phone,
    ),
    Rule(
        "",
        re.compile(
            r"\b((?:tickets?|codes?|PIN|number|ext(?:ension)?|room|order|case|reference|ref|account|badge|asset|ZIP|serial"
            r"|error|port|call|dial|incident|request|ID)(?:\s+(?:number|code|is|no\.?))?:?\s+#?)(\d{3,30})"
            r"(?![\w-]|[.,:/]\d|\s*(?:%|times|people|users|seconds|minutes|million|thousand))",
            re.IGNORECASE,
        ),
        _named_digits,
    ),
    Rule(
        "",
        re.compile(
            r"(?<![\w.])(v\.?[ ]?|(?:version|release|build|Python|Node|Java|iOS|iPadOS|macOS|Android|Windows|Chrome"
            r"|Firefox|Ubuntu|Debian|Postgres|TLS|HTTP|Bluetooth)[ ])(\d{1,5}(?:\.\d{1,6}){1,4})(?!\w|\.\d)",
            re.IGNORECASE,
        ),
        _version,
    ),
    Rule("v", re.compile(r"(?<![\w.])(v)(\d{1,5})(?![\w.]*\w)"), _version),
    Rule(".", re.compile(r"(?<![\w.,])()(\d{1,5}(?:\.\d{1,6}){2,4})(?!\w|\.\d)"), _version),
    Rule("#", re.compile(r"#\s?(?=\d)"), "number "),
    Rule("xX", re.compile(r"\b0[xX]([0-9A-Fa-f]{1,32})\b"), _hexadecimal),
    # Amounts.
    Rule("", re.compile(r"(?<!\w)(\d{1,3}(?:,\d{3})*|\d+)(st|nd|rd|th)\b", re.IGNORECASE), _nth),
    Rule("'′", re.compile(r"(?<![\w.,])(\d{1,2})['′][ ]?(\d{1,2})(?:[\"″”]|'')?(?!\w)"), _feet),
    Rule("$€£¥₹", re.compile(rf"((?:{_SIGN})[ ]?(?:{_AMOUNT})[ ]?(?:{_MAGNITUDE}))\s?[-–]\s?(?={_SIGN})"), r"\1 to "),
    Rule("$€£¥₹", re.compile(rf"({_SIGN})({_AMOUNT})[ ]?[-–][ ]?(?:{_SIGN})?(?=\d)"), r"\2 to \1"),
    Rule(
        "$€£¥₹",
        re.compile(
            rf"(?P<minus>(?<!\w)[-−])?(?P<sign>{_SIGN})[ ]?(?P<amount>{_AMOUNT})(?:[ ]?(?P<size>{_MAGNITUDE})\b)?"
        ),
        _money,
    ),
    Rule(
        "",
        re.compile(
            rf"(?<![\w.,])(?P<minus>[-−])?(?P<amount>{_AMOUNT})(?:[ ]?(?P<size>{_MAGNITUDE}))?[ ]?"
            rf"(?P<code>[€£]|(?:{_ISO})\b)"
        ),
        _money_after,
    ),
    Rule("/", re.compile(r"(?<![\w/.,])(?:(\d{1,3})[ ])?(\d{1,4})/(\d{1,4})(?![\w/]|\.\d)"), _fraction),
    Rule("-–—−", re.compile(rf"(?<![\w.,])({_AMOUNT})(\s?[-–—−]\s?)(?=({_AMOUNT}))"), _range),
    Rule("x×", re.compile(r"(?<![\w.,])\d{1,6}(?:[ ]?[x×][ ]?\d{1,6}){1,3}(?![\w])"), _dimensions),
    Rule(":", re.compile(r"(?<![\w:.,])(\d{1,4}):(\d{1,4})(?![\w:])"), _ratio),
    Rule(
        "", re.compile(rf"(?<![\w.,])(?P<minus>[-−])?(?P<amount>{_AMOUNT})[ ]?(?P<unit>{_UNIT})(?![\w/²³])"), _measure
    ),
    Rule("kMBbm", re.compile(rf"(?<![\w.,])({_AMOUNT})(k|M|B|bn|mn)(?!\w)"), _magnitude),
    Rule("", english_codes.PATTERN, english_codes.spoken),
    *english_dates.YEAR_RULES,
    Rule("", re.compile(rf"(?<![\w.])([+−-](?<![\w)][+−-]))?({_AMOUNT})(?![\w])"), _plain),
    Rule("", re.compile(r"\d+"), _glued),
)
