"""Reads names, contacts and asset tags from speech or typing, and says them back so that a caller can check them.

Letters come back with the NATO alphabet, digits one by one in groups of three or four. Names and addresses are said as
words first, which is how callers know them, and letter by letter when that was not right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voice_agent.agents.dialogue.grammar import fold
from voice_agent.agents.pack_schema import Slot

_NATO = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec "
        "Romeo "
        "Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu".split(),
        strict=True,
    )
)
_FROM_NATO = {name.lower(): letter for letter, name in _NATO.items()} | {
    "alpha": "a",
    "juliet": "j",
    "x-ray": "x",
    "whisky": "w",
}
_DIGITS = {
    "zero": "0",
    "oh": "0",
    "o": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "niner": "9",
}
_TIMES = {"double": 2, "triple": 3}
_LEAD = re.compile(
    r"^(?:(?:yes|yeah|sure|ok|okay|well|so|um|uh|please|no|its|it is|my|name is|name|names|i am|im|this is|thats"
    r"|that is|the"
    r"|number is|number|phone|extension is|extension|email is|email|mail|address is|address|contact is|asset|tag is|tag"
    r"|you can|call|reach|me|at|under|on|it|call me|write|to|spelled|spelt|s as in)\s+)+"
)
_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_SPELLED = re.compile(rf"(?:(?<=\s)|^)(?:(?:[a-z0-9]|{'|'.join([*_FROM_NATO, *_DIGITS])})(?:\s+|$|(?=[@.]))){{2,}}")
_NO_NAME = frozenset(
    """nope nah yep ich nicht all everyone everybody only me none cannot one two three i you it its we they not dont
    cant wont doesnt isnt didnt havent is are was what why how who when where this works working broken still again
    help understand know want need get rather robot done finished later nothing something problem ticket bye goodbye
    thanks thank hello sorry forget cancel wait never and or but to of for with your there""".split()
)
"""Words of sentences: who says one of them has not said a name."""
_HINTED = re.compile(r" with (?:an? )?[a-z]\b.*$")
"""How a name is spelled at its end ("Lopes with an s")."""
_MIN_DIGITS = 3
_MAX_VALUE_CHARS = 80
_MAX_SPELLED_CHARS = 14
"""More letters one by one take longer than anybody listens."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A slot's value, and how it is said back: `spelled` is for the second time."""

    value: str
    spoken: str
    spelled: str


def read(slot: Slot, text: str) -> Heard | None:
    """The slot's value in what the caller said, or None if there is none."""
    if slot == "name":
        return _name(text)
    if slot == "contact":
        return _email(text) or _phone(text)
    return _asset(text)


def typed(slot: Slot, text: str) -> Heard | None:
    """The same from typing, which is taken as it stands: at most 80 characters, without control characters."""
    value = " ".join("".join(char if char.isprintable() else " " for char in text).split())[:_MAX_VALUE_CHARS]
    if not value:
        return None
    heard = None if slot == "name" else read(slot, value)
    return Heard(value, heard.spoken if heard else value, heard.spelled if heard else spell(value) or value)


def spell(code: str) -> str:
    """A code for the ear: "LT-4572" becomes "L as in Lima, T as in Tango, 4 5 7 2"."""
    parts: list[str] = []
    digits = ""
    for char in code.lower():
        if char.isdigit():
            digits += char
            continue
        if digits:
            parts.append(_groups(digits))
            digits = ""
        if char in _NATO:
            parts.append(f"{char.upper()} as in {_NATO[char]}")
    if digits:
        parts.append(_groups(digits))
    return ", ".join(parts)


def _groups(digits: str) -> str:
    size = 3 if len(digits) > 4 else 4
    ends = list(range(0, len(digits), size))
    if len(digits) > size and len(digits) % size == 1:
        ends.pop()
    return ", ".join(
        " ".join(digits[start : (ends[index + 1] if index + 1 < len(ends) else len(digits))])
        for index, start in enumerate(ends)
    )


def _characters(words: list[str]) -> str:
    """Letters and digits that were said one by one: "l as in lima tango four double five" is "lt455"."""
    out = ""
    times = 1
    index = 0
    while index < len(words):
        word = words[index]
        if words[index + 1 : index + 3] in (["as", "in"], ["for", "like"]) and len(word) == 1:
            out += word
            index += 4
            continue
        piece = _DIGITS.get(word) if len(word) > 1 else None
        piece = piece or _FROM_NATO.get(word) or (word if len(word) == 1 or word.isdigit() else None)
        if word in _TIMES:
            times = _TIMES[word]
        elif piece:
            out += piece * times
            times = 1
        index += 1
    return out


def _name(text: str) -> Heard | None:
    line = _HINTED.sub("", _LEAD.sub("", fold(text) + " ").strip())
    words = [word for word in line.replace(".", " ").split() if not word.isdigit()]
    if not words or any(word in _NO_NAME or re.search(r"[a-z]\d|\d[a-z]", word) for word in words):
        return None
    spelled = _characters(words)
    said_by_letters = sum(1 for word in words if len(word) == 1 or word in _FROM_NATO)
    if said_by_letters >= 2 and said_by_letters * 2 >= len(words):
        return Heard(spelled.capitalize(), spell(spelled), spell(spelled))
    if len(words) > 4:
        return None
    name = " ".join(word.capitalize() for word in words)[:_MAX_VALUE_CHARS]
    letters = "; ".join(spell(word) for word in name.split())
    return Heard(name, name, letters if len(name) <= _MAX_SPELLED_CHARS else name)


def _email(text: str) -> Heard | None:
    line = re.sub(r"\b(?:at sign|at)\b", "@", text.casefold())
    line = re.sub(r"\b(?:dot|point)\b", ".", line)
    line = re.sub(r"\b(?:underscore)\b", "_", line)
    line = re.sub(r"\b(?:dash|hyphen|minus)\b", "-", line)
    line = re.sub(r"\s*([@._-])\s*", r"\1", _SPELLED.sub(_joined, line))
    match = _EMAIL.search(line)
    if not match or len(match[0]) > _MAX_VALUE_CHARS:
        return None
    local, _, domain = match[0].partition("@")
    spoken = f"{_as_words(local)} at {_as_words(domain)}"
    if len(local) > _MAX_SPELLED_CHARS:
        return Heard(match[0], spoken, spoken)
    letters = ", ".join(filter(None, (spell(part) or _as_words(part) for part in re.split(r"([._+-])", local))))
    return Heard(match[0], spoken, f"{letters}, at {_as_words(domain)}")


def _joined(spelled: re.Match[str]) -> str:
    """Characters that were said one by one, as one word."""
    return f" {_characters(spelled[0].split())} "


def _as_words(address: str) -> str:
    for sign, name in ((".", "dot"), ("_", "underscore"), ("-", "dash"), ("+", "plus")):
        address = address.replace(sign, f" {name} ")
    return " ".join(address.split())


def _phone(text: str) -> Heard | None:
    words = fold(text.replace("+", " plus ")).replace("-", " ").replace(".", " ").split()
    out = ""
    times = 1
    for word in words:
        if word in _TIMES:
            times = _TIMES[word]
        elif word.isdigit():
            out += word * times
            times = 1
        elif word in _DIGITS:
            out += _DIGITS[word] * times
            times = 1
    if not _MIN_DIGITS <= len(out) <= 16:
        return None
    international = "plus" in words
    spoken = ("plus, " if international else "") + _groups(out)
    return Heard(("+" if international else "") + out, spoken, spoken)


def _asset(text: str) -> Heard | None:
    line = _LEAD.sub("", fold(text).replace("-", " ") + " ").strip()
    written = re.search(r"\b([a-z]{1,4}) ?(\d{2,8})\b", line)
    code = written[1] + written[2] if written else _characters(line.split())
    if not 3 <= len(code) <= 16 or not any(char.isdigit() for char in code):
        return None
    return Heard(code.upper(), spell(code), spell(code))
