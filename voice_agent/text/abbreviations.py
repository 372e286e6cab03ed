"""Whether a full stop ends a sentence, or belongs to an abbreviation, a number, initials or a list marker."""

from __future__ import annotations

import re

_TITLES = frozenset(
    "dr mr mrs ms mx prof rev hon gen col lt sgt capt cmdr gov sen rep pres supt hr fr dipl ing sig sra srta dott mme"
    " mlle st mt ft messrs".split()
)
"""A name follows."""
_INNER = frozenset("e.g i.e cf vs viz ie eg z.b d.h u.a bzw ca v.a o.ä p.ej p.es inkl zzgl ggf evtl bspw".split())
"""Something always follows."""
_BEFORE_NUMBER = frozenset(
    "no nos nr nro fig figs vol art sec sect p pp ch ext tel approx max min est par lvl ver v".split()
)
"""An abbreviation if a number follows; else a word like any other."""
_EITHER = frozenset(
    "etc a.m p.m inc ltd co corp jr sr dept esq bros ave blvd rd ph.d b.a m.a b.sc m.sc u.s.a jan feb mar apr jun"
    " jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun usw et.al al u.s.w appt addr temp approx"
    " est min max hrs mins secs gmbh".split()
)
"""May stand at the end of a sentence: what follows decides."""
_WORD = re.compile(r"[^\s\"'“”‘’(\[*_]*\Z")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\Z")
_LIST_MARKER = re.compile(r"(?:\A|\n)\s*(?:\d{1,3}|[A-Za-z])\Z")
_DAY = re.compile(r"\d{1,2}\Z")
_GERMAN_MONTHS = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez")
_LOOK_BACK = 40


def ends_sentence(text: str, start: int, stop: int, following: int) -> bool | None:
    """Whether the full stop at index `stop` ends a sentence of the clause that begins at `start`.

    `following` is the index of the first character behind the space after it. None: more text is needed to tell.
    """
    if _LIST_MARKER.search(text[max(start, stop - _LOOK_BACK) : stop]) and _starts_line(text, start, stop):
        return False
    found = _WORD.search(text[max(start, stop - _LOOK_BACK) : stop])
    word = found.group() if found else ""
    lower = word.lower()
    next_character = text[following]
    if lower in _TITLES or lower in _INNER:
        return False
    if lower in _BEFORE_NUMBER and next_character.isdigit():
        return False
    if _DAY.match(word):
        available = text[following : following + 3]
        if any(month.startswith(available) for month in _GERMAN_MONTHS):
            return None if len(available) < 3 else False
    if lower in _EITHER:
        return not (next_character.islower() or next_character.isdigit())
    if _INITIALS.match(word) and word != "I":
        return False
    if next_character.islower():
        return len(word) > 3 and word.isalpha()
    return True


def _starts_line(text: str, start: int, stop: int) -> bool:
    """Whether only a list marker stands between the beginning of the clause or line and `stop`."""
    line = text.rfind("\n", start, stop) + 1
    return len(text[max(line, start) : stop].strip()) <= 3
