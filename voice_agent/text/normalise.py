"""Written text -> the words a person would say. The last thing before a synthesizer; captions keep the written form.

Markdown first, then addresses, then what the language reads in its own way, then what nobody says. English is read in
full; other languages have numbers, amounts, addresses and common abbreviations (`lexicon`, `other_languages`). Running
it on its own result changes nothing in plain prose.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from voice_agent.text.addresses import spoken_addresses
from voice_agent.text.english import spoken_english
from voice_agent.text.english_tables import ABBREVIATIONS, BEFORE_NAME
from voice_agent.text.lexicon import lexicon, primary
from voice_agent.text.markdown import plain
from voice_agent.text.other_languages import spoken_other

_PROSE: Final = re.compile(r" ?[A-Za-z]+(?:[,;:.!?]? [A-Za-z]+|['’-][A-Za-z]+)*[,.!?]? ?")
_SHORT_FORMS: Final = (*ABBREVIATIONS, *(title.lower() for title in BEFORE_NAME), "ctrl", "cmd")
_READ_OUT: Final = frozenset({*_SHORT_FORMS, *(f"{form}." for form in _SHORT_FORMS)})
_MARKS: Final = str.maketrans(dict.fromkeys(",;:!?'’-", " "))
_UNSPOKEN = re.compile(
    "[\U0001f000-\U0001faff\U000e0000-\U000e007f\u2600-\u27bf\u2b00-\u2bff\u231a-\u23ff\u25a0-\u25ff\u2122\u2139"
    "\u00a9\u00ae\u3030\u303d\u3297\u3299\ufe00-\ufe0f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u20e3\ufeff\u00ad"
    "\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+"
)
_ARROWS_KEPT: Final = str.maketrans({"➔": "→", "➜": "→", "➡": "→"})
_EMOTICON = re.compile(r"(?<!\S)(?::-?[)(DPp/|]|;-?\)|<3|[xX]D|\^_?\^)(?=[\s.,!?]|\Z)")
_DASHES = re.compile(r"\s*(?:—|\s–\s|\s-{1,3}\s|---?)\s*")
_LEFTOVER = re.compile(r"[\\|^~<>{}\[\]*_`#→←↑↓⇒]+")
_SLASH = re.compile(r"(?<=\w)/(?=\w)|\s/\s")
_NON_ASCII_DIGIT = re.compile(r"[^\D0-9]")
_LINES = re.compile(r"\s*\n\s*")
_BLANK = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_BLANK_LINES = re.compile(r"\n[ \n]*\n")
_SPACES = re.compile(r"[^\S\n]+")
_BEFORE_MARK = re.compile(r"\s+([,.;:!?…](?!\w))")
_EMPTY_PAIR = re.compile(r"\(\s*\)|\[\s*\]|“\s*”|\"\s*\"(?=\s|\Z)")
_DOUBLED = re.compile(r"([,;:])(?:\s*[,;:])+|[,;:]+\s*(?=[.!?])")
_MANY = re.compile(r"([!?])[!?]{2,}|\.{4,}|(?<=[^.])\.\.(?=[^.]|\Z)")
_LEADING = re.compile(r"\A[\s,;:.!?…)\]-]+(?=\w)")
_ENDS: Final = frozenset(".!?…:;,。！？")


def speakable(text: str, language: str = "en") -> str:
    """`text` as it is read aloud in `language` (a BCP 47 tag), on one line.

    Empty when there is nothing to say: only markup, emoji or punctuation.
    """
    tag = primary(language)
    if tag == "en" and _is_prose(text):
        return text.strip()
    words = lexicon(tag)
    text = unicodedata.normalize("NFC", text)
    if not text.isascii():
        text = _NON_ASCII_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text)
        text = _UNSPOKEN.sub(" ", text.translate(_ARROWS_KEPT))
    text = _EMOTICON.sub(" ", _spaced(plain(_spaced(text), words.code)))
    text = spoken_addresses(text, words, tag)
    text = spoken_english(text) if tag == "en" else spoken_other(text, words, tag)
    text = _tidy(text)
    return text if any(character.isalnum() for character in text) else ""


def _is_prose(text: str) -> bool:
    """Whether every word of English `text` is read as it is written: most clauses need no pattern more."""
    if not _PROSE.fullmatch(text) or "IT" in text:
        return False
    return _READ_OUT.isdisjoint(text.lower().translate(_MARKS).split())


def _spaced(text: str) -> str:
    """Long runs of space are what makes patterns slow; none says anything."""
    return _BLANK_LINES.sub("\n\n", _BLANK.sub(" ", text))


def _tidy(text: str) -> str:
    """What is left of signs goes; lines become sentences; spaces and marks are single."""
    text = _DASHES.sub(", ", text)
    text = _SLASH.sub(" ", _LEFTOVER.sub(" ", text))
    text = _LINES.sub("\n", text.strip())
    lines = [line.strip() for line in text.split("\n")]
    text = " ".join(line if not line or line[-1] in _ENDS else f"{line}." for line in lines[:-1])
    text = f"{text} {lines[-1]}" if text else lines[-1]
    text = _BEFORE_MARK.sub(r"\1", _SPACES.sub(" ", _EMPTY_PAIR.sub("", text)))
    text = _DOUBLED.sub(r"\1", text)
    text = _MANY.sub(lambda match: match[1] or ("..." if len(match[0]) > 3 else "."), text)
    return _LEADING.sub("", text).strip()
