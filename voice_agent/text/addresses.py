"""Addresses as they are dictated: URLs without "https://", e-mail, IP and MAC addresses, paths and file names."""

from __future__ import annotations

import re
from typing import Final

from voice_agent.text.lexicon import Lexicon
from voice_agent.text.numbers import cardinal, digits, known

_HINT = re.compile(r"@|://|[\w)]\.\w|\w:\w|[\\/]\w|www\.", re.ASCII)
_SCHEME = re.compile(r"(?:https?|ftp|wss?)://", re.IGNORECASE)
_URL = re.compile(r"(?<![\w@])(?:(?:https?|ftp|wss?)://|www\.)[^\s<>\"'`“”‘’]{1,2000}", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])(?:mailto:)?([\w.+%-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})")
_TOP_LEVEL: Final = (
    "com|org|net|edu|gov|io|dev|app|ai|co|uk|de|fr|es|it|eu|us|ca|ch|at|nl|be|info|biz|me|tv|local|example"
)
_DOMAIN = re.compile(
    rf"(?<![\w.@/\\-])(?:[A-Za-z0-9][A-Za-z0-9-]{{0,62}}\.){{1,6}}(?:{_TOP_LEVEL})(?![\w-]|\.[A-Za-z0-9])"
    r"(?::\d{2,5})?(?:/[^\s<>\"'`“”‘’]{0,500})?"
)
_EXTENSIONS: Final = (
    "pdf|docx?|xlsx?|pptx?|txt|csv|json|ya?ml|xml|html?|css|jsx?|tsx?|py|java|cpp|rs|go|sh|bat|ps1|exe|dll|msi|zip|rar|gz"
    "|tar|7z|png|jpe?g|gif|svg|bmp|mp3|mp4|wav|mov|avi|log|ini|cfg|conf|env|toml|md|sql|db|iso|dmg|ics|pst|ost|bak|tmp|key"
)
_FILE = re.compile(
    rf"(?<![\w./\\-])[\w-]{{1,80}}(?:\.[\w-]{{1,40}}){{0,3}}\.(?:{_EXTENSIONS})(?![\w-]|\.\w)", re.IGNORECASE
)
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.])((?:{_OCTET}\.){{3}}{_OCTET})(?::(\d{{1,5}}))?(?:/(\d{{1,2}}))?(?![\w/]|\.\d)")
_HEX_PAIRS = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")
_IPV6 = re.compile(r"(?<![\w:])(?=[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]{1,4}:){7})[0-9A-Fa-f:]{3,39}(?![\w:])")
_PATH = re.compile(r"(?<![\w/\\.:])(?:[A-Za-z]:[\\/]|\\\\|~?/|\.{1,2}/)[\w.-]{1,80}(?:[\\/][\w.-]{1,80}){0,15}[\\/]?")
_TRAILING: Final = ".,;:!?)]}*_"
_PIECE = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")


def spoken_addresses(text: str, words: Lexicon, language: str) -> str:
    """Replaces every address in `text` by what one would dictate."""
    if not _HINT.search(text):
        return text

    def url(match: re.Match[str]) -> str:
        found = match.group()
        address = found.rstrip(_TRAILING)
        address += ")" * (found[len(address) :].startswith(")") and address.count("(") > address.count(")"))
        tail = found[len(address) :]
        return _spoken_url(address, words, language) + tail

    def email(match: re.Match[str]) -> str:
        local, domain = match.groups()
        return f"{dictated(local, words, language)} {words.at} {dictated(domain, words, language)}"

    def dictate(match: re.Match[str]) -> str:
        found = match.group()
        address = found.rstrip(_TRAILING)
        return dictated(address, words, language) + found[len(address) :]

    def ip(match: re.Match[str]) -> str:
        address, port, prefix = match.groups()
        spoken = f" {words.dot} ".join(_number(octet, language) for octet in address.split("."))
        if port:
            spoken += f" port {_each(port, language)}"
        return spoken + (f" {words.slash} {_number(prefix, language)}" if prefix else "")

    def characters(match: re.Match[str]) -> str:
        signs = {":": words.colon, "-": words.dash}
        spelled = (signs.get(character) or _character(character, language) for character in match.group())
        return " ".join(spelled)

    if "://" in text or "www." in text.lower():
        text = _URL.sub(url, text)
    if "@" in text:
        text = _EMAIL.sub(email, text)
    if ":" in text or "-" in text:
        text = _HEX_PAIRS.sub(characters, text)
    if "::" in text or text.count(":") >= 7:
        text = _IPV6.sub(characters, text)
    if "/" in text or "\\" in text:
        text = _PATH.sub(dictate, text)
    if "." in text:
        text = _IPV4.sub(ip, text)
        text = _FILE.sub(dictate, _DOMAIN.sub(url, text))
    return text


def dictated(address: str, words: Lexicon, language: str) -> str:
    """Letters as words, signs by name: `jo_b@x.org` -> "jo underscore b at x dot org"."""
    signs = {
        ".": words.dot,
        "-": words.dash,
        "_": words.underscore,
        "/": words.slash,
        "\\": words.backslash,
        ":": words.colon,
        "@": words.at,
        "+": words.plus,
        "=": words.equals,
        "&": words.and_,
        "%": words.percent,
    }
    spoken: list[str] = []
    for piece in _PIECE.findall(address):
        if piece[0].isdigit():
            spoken.append(_number(piece, language))
        elif piece in signs:
            spoken.append(signs[piece])
        elif piece[0].isalpha():
            spoken.append(piece)
    return " ".join(spoken)


def _spoken_url(address: str, words: Lexicon, language: str) -> str:
    """Host and path; a query or fragment is nothing to listen to."""
    address = _SCHEME.sub("", address, count=1)
    if address[:4].lower() == "www.":
        address = address[4:]
    address = address.split("?", 1)[0].split("#", 1)[0].rstrip("/")
    return dictated(address, words, language)


def _number(text: str, language: str) -> str:
    if not known(language):
        return text
    if len(text) > 2 or text.startswith("0"):
        return _each(text, language)
    return cardinal(int(text), language)


def _each(text: str, language: str) -> str:
    return digits(text, language) if known(language) else " ".join(text)


def _character(character: str, language: str) -> str:
    return _each(character, language) if character.isdigit() else character.upper()
