"""Markdown -> plain lines. Only what language models write: this is no renderer.

Every pattern runs in time linear in the text: no repetition inside a repetition, and spans end at a line's end.
"""

from __future__ import annotations

import re
from typing import Final

_SIGNS = re.compile(r"[*_`~#>\[|<&\\^$]|^[ \t]*(?:[-+•‣◦▪–·—]|\d{1,3}[.)])[ \t]|^[ \t]*[-=]{3}", re.MULTILINE)
_FENCE = re.compile(r"(?:```+|~~~+)[ \t]*[\w+#.-]*[ \t]*(?:\n|\Z)?")
_FENCE_END = re.compile(r"```+|~~~+")
_SPOKEN_CODE_CHARS: Final = 80

_COMMENT = re.compile(r"<!--[^>]{0,500}-->")
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]{0,20}(?:\s[^<>\n]{0,200})?/?>")
_BREAK = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)?[^\s<>]{3,300})>")
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\(([^()\n]{0,500}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?)\)")
_REFERENCE = re.compile(r"\[([^\[\]\n]{1,300})\]\[[^\[\]\n]{0,100}\]")
_FOOTNOTE = re.compile(r"\[\^?\d{1,3}\](?!\()|\[\^[^\]\s]{1,30}\]|【[^】\n]{0,60}】")
_DEFINITION = re.compile(r"^[ ]{0,3}\[[^\]\n]{1,100}\]:\s*\S+.*$", re.MULTILINE)
_TASK = re.compile(r"^([ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+)\[[ xX]\][ \t]+", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_EMPTY_HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_=][ \t]*){3,}$", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_BULLET = re.compile(r"^[ \t]*[-*+•‣◦▪–·—][ \t]+", re.MULTILINE)
_NUMBERED = re.compile(r"^[ \t]*(\d{1,3})[.)][ \t]+(?=\S)", re.MULTILINE)
_TABLE_RULE = re.compile(r"^[ \t]*\|?[ \t:]*-[-:| \t]*$", re.MULTILINE)
_TABLE_ROW = re.compile(r"^[ \t]*\|(.*?)\|?[ \t]*$", re.MULTILINE)
_CODE = re.compile(r"(`{1,2})([^`\n]+)\1")
_BOLD = re.compile(r"(\*{1,3})(?=[^\s*])([^*\n]+?)(?<=\S)\1")
_UNDERLINED = re.compile(r"(?<!\w)(_{1,3})(?=[^\s_])([^\n]{0,300}?[^\s_])\1(?!\w)")
_STRUCK = re.compile(r"~~([^~\n]+)~~")
_STRAY = re.compile(r"\*\*+|(?<!\w)__+|__+(?!\w)|~~+|`+|(?<![\w\s])\*(?=\w)|(?<=\w)\*(?![\w*])|(?<![\w*])\*(?=[^\W\d])")
_LONE = re.compile(r"^[ \t]*[*_#>|\[\]()~`+=-]+[ \t]*$", re.MULTILINE)
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|~>$-])")
_MATH = re.compile(r"\$\$?([^$\n]*[\\^_=][^$\n]*)\$\$?|\\[()\[\]]")
_ENTITY = re.compile(r"&(amp|lt|gt|quot|nbsp|apos|#39|mdash|ndash|hellip);")
_ENTITIES: Final = {
    "amp": "&",
    "lt": "<",
    "gt": ">",
    "quot": '"',
    "nbsp": " ",
    "apos": "'",
    "#39": "'",
    "mdash": "—",
    "ndash": "–",
    "hellip": "…",
}


def plain(text: str, code: str) -> str:
    """`text` without markdown; line breaks stay, list numbers become "1: ". `code` stands for long blocks of code."""
    if not _SIGNS.search(text):
        return text
    if "```" in text or "~~~" in text:
        text = _without_fences(text, code)
    if "<" in text:
        text = _AUTOLINK.sub(_autolink, _TAG.sub("", _BREAK.sub("\n", _COMMENT.sub("", text))))
    if "[" in text or "【" in text:
        text = _TASK.sub(r"\1", text)
        text = _DEFINITION.sub("", text)
        text = _REFERENCE.sub(r"\1", _LINK.sub(_link, text))
        text = _FOOTNOTE.sub("", text)
    if "|" in text:
        text = _TABLE_ROW.sub(_row, _TABLE_RULE.sub("", text))
    text = _RULE.sub("", text)
    text = _QUOTE.sub("", text)
    text = _EMPTY_HEADING.sub("", _HEADING.sub(r"\1", text))
    text = _NUMBERED.sub(r"\1: ", _BULLET.sub("", text))
    text = _CODE.sub(r"\2", text)
    if "*" in text or "_" in text or "~" in text or "`" in text:
        text = _STRUCK.sub("", text)
        text = _BOLD.sub(r"\2", _BOLD.sub(r"\2", text))
        text = _UNDERLINED.sub(r"\2", text)
        text = _STRAY.sub("", text)
    if "\\" in text or "$" in text:
        text = _ESCAPED.sub(r"\1", _MATH.sub(r"\1", text))
    if "&" in text:
        text = _ENTITY.sub(lambda match: _ENTITIES[match.group(1)], text)
    return _LONE.sub("", text)


def _without_fences(text: str, code: str) -> str:
    """Fenced code: one short line is read, more is only mentioned."""
    pieces: list[str] = []
    position = 0
    while (opening := _FENCE.search(text, position)) is not None:
        closing = _FENCE_END.search(text, opening.end())
        body = text[opening.end() : closing.start() if closing else len(text)].strip()
        inline = closing is not None and "\n" not in text[opening.start() : closing.end()]
        if inline and closing is not None:
            body = text[opening.start() : closing.start()].strip("`~ ")
        pieces.append(text[position : opening.start()])
        if body and ("\n" in body or len(body) > _SPOKEN_CODE_CHARS):
            pieces.append(f"\n{code}\n")
        else:
            pieces.append(body if inline else f"\n{body}\n")
        position = closing.end() if closing else len(text)
    pieces.append(text[position:])
    return "".join(pieces)


def _link(match: re.Match[str]) -> str:
    return match.group(1).strip() or ("" if match.group().startswith("!") else match.group(2).split(" ")[0])


def _autolink(match: re.Match[str]) -> str:
    inner = match.group(1)
    return inner.removeprefix("mailto:") if "@" in inner or "://" in inner else match.group()


def _row(match: re.Match[str]) -> str:
    cells = [cell.strip() for cell in match.group(1).split("|")]
    return ", ".join(cell for cell in cells if cell)
