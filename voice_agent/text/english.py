"""English reading rules: abbreviations, keyboard shortcuts and signs; numbers are in `english_numbers`."""

from __future__ import annotations

import re

from voice_agent.text.english_numbers import spoken_numbers
from voice_agent.text.english_tables import (
    ABBREVIATIONS,
    BEFORE_NAME,
    BEFORE_NUMBER,
    KEYS,
    SENTENCE_ENDERS,
    SIGNS,
)

Match = re.Match[str]


def _alternatives(words: object) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))  # type: ignore[call-overload]


_TITLE = re.compile(rf"\b({_alternatives(BEFORE_NAME)})(?=\s?[A-Z])")
_NUMBERED = re.compile(rf"\b({_alternatives(BEFORE_NUMBER)})\s?(?=#?\d)", re.IGNORECASE)
_SHORT = re.compile(rf"(?<![\w.])({_alternatives(ABBREVIATIONS)})(?!\w)", re.IGNORECASE)
_KEYS = re.compile(
    rf"(?<![\w+])({_alternatives(KEYS)})((?:\s?[+]\s?(?:{_alternatives(KEYS)}|F?\d{{1,2}}|[A-Za-z]))+)(?![\w+])|(?<!\w)"
    r"(ctrl|cmd|⌘)(?!\w)",
    re.IGNORECASE,
)
_TECHNOLOGY = re.compile(
    r"\bIT(?=\s+(?:help|support|desk|team|department|service|staff|security|issue|problem|person))"
)
_MENU = re.compile(r"(?<=[^\W\d_]{2})[\"'”’)]?\s*(?:->|=>|→|➔|➜|›|»|\s>\s)\s*(?=[\"'“‘(]?\w)")
_SQUARED = re.compile(r"(?<=[\w)])\^2\b")
_POWER = re.compile(r"(?<=[\w)])\^\{?(?=[\w-])")
_ARROW = re.compile(r"\s*(?:->|=>|→|➔|➜)\s*")
_GREATER = re.compile(r"\s>(?=\s)")
_ABOUT = re.compile(r"(?<!\w)~\s?(?=\d|[$€£])")
_LESS = re.compile(r"<(?=\s?\d)")
_MORE = re.compile(r">(?=\s?\d)")
_ACRONYMS = re.compile(r"\b([A-Z]{1,6})/([A-Z]{1,6})\b(?!/)")
_RATE = re.compile(
    r"(?<=\w)\s?/\s?(?=(?:month|mo|year|yr|day|week|hour|hr|second|sec|minute|min|user|person|seat|call)\b)"
)
_OR = re.compile(r"(?<=[^\W\d_]{2})\s?/\s?(?=[^\W\d_]{2})")
_TIMES = re.compile(r"(?<=\w)\s\*\s(?=\w)|(?<=\d)\*(?=\d)")
_HASHTAG = re.compile(r"(?<!\w)#(?=[^\W\d])")
_HANDLE = re.compile(r"(?<!\w)@(?=\w)")
_SIGN = re.compile(rf"\s?({_alternatives(SIGNS)})\s?")
_SIGN_HINT = re.compile(r"[^\w\s.,!?;:'\"’“”()-]|[²³]")
_SHORT_HINT = re.compile(r"[./#+]|\b(?:aka|vs)\b", re.IGNORECASE)


def spoken_english(text: str) -> str:
    """`text` with everything that is not a word read out."""
    text = _TECHNOLOGY.sub("I T", text)
    if _SHORT_HINT.search(text):
        text = _SHORT.sub(_short, _NUMBERED.sub(_before_number, _TITLE.sub(_title, text)))
    if "+" in text or "⌘" in text or "ctrl" in text.lower() or "cmd" in text.lower():
        text = _KEYS.sub(_keys, text)
    if _SIGN_HINT.search(text):
        text = _TIMES.sub(" times ", _ABOUT.sub("about ", text))
        text = _POWER.sub(" to the power of ", _SQUARED.sub(" squared", text))
        text = _MENU.sub(", then ", text)
        text = _ARROW.sub(" to ", text)
        text = _MORE.sub("more than ", _LESS.sub("less than ", text))
        text = _GREATER.sub(" is more than", text)
    if any(character.isdigit() or character.isnumeric() for character in text):
        text = spoken_numbers(text)
    if _SIGN_HINT.search(text):
        text = _ACRONYMS.sub(r"\1 \2", text)
        text = _OR.sub(" or ", _RATE.sub(" per ", text))
        text = _HANDLE.sub("", _HASHTAG.sub("hashtag ", text))
        text = _SIGN.sub(_sign, text)
    return text


def _title(match: Match) -> str:
    return BEFORE_NAME[match[1]]


def _before_number(match: Match) -> str:
    return _cased(match[1], BEFORE_NUMBER[match[1].lower()]) + " "


def _short(match: Match) -> str:
    written = match[1]
    spoken = _cased(written, ABBREVIATIONS[written.lower()])
    rest = match.string[match.end() : match.end() + 3].lstrip(" \"'”’)")
    ends = not rest or (written.lower() in SENTENCE_ENDERS and (rest[0].isupper() or rest[0] == "\n"))
    ends = ends and written.endswith(".")
    return f"{spoken}." if ends else spoken


def _cased(written: str, spoken: str) -> str:
    return spoken[0].upper() + spoken[1:] if written[0].isupper() else spoken


def _keys(match: Match) -> str:
    if match[3]:
        return KEYS[match[3].lower()]
    names = [part.strip() for part in match[0].split("+")]
    return " ".join(KEYS.get(name.lower(), name.upper()) for name in names)


def _sign(match: Match) -> str:
    return f" {SIGNS[match[1]]} "
