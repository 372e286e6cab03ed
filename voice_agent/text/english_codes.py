"""Codes of capitals and digits, character by character: "INC-1042" is "I N C, one zero four two"."""

from __future__ import annotations

import re
from typing import Final

from voice_agent.text.numbers import cardinal, digits, grouped_digits

PATTERN: Final = re.compile(
    r"(?<![\w.@/-])(?=[A-Z-]{0,20}\d|\d{1,20}[A-Z-])(?=[\d-]{0,20}[A-Z])[A-Z0-9]{1,20}(?:-[A-Z0-9]{1,20}){0,6}(?![\w@]|-\w)"
    r"|(?<![\w.@/-])(?=[A-Za-z]{1,4}\d{1,4}[A-Za-z]{1,4}\d|\d{1,4}[A-Za-z]{1,4}\d{1,4}[A-Za-z])[A-Za-z0-9]{5,20}(?![\w@-])"
)
_RUNS: Final = re.compile(r"[A-Za-z]+|\d+")
_VOWELS: Final = frozenset("AEIOUY")


def spoken(match: re.Match[str]) -> str:
    """Letters one by one, unless they make a word; short numbers as numbers where the code is a name ("F-16")."""
    code = match[0]
    parts = code.split("-")
    groups: list[str] = []
    for part in parts:
        runs = _RUNS.findall(part)
        groups.append(" ".join(_run(run, code, dashed=len(parts) > 1) for run in runs))
    return _joined(parts, groups)


def _run(run: str, code: str, *, dashed: bool) -> str:
    if run.isdigit():
        name = not dashed or len(code.split("-", 1)[0]) == 1 or _is_word(code.split("-", 1)[0])
        if len(run) <= 2 and name and not run.startswith("0"):
            return cardinal(int(run))
        return digits(run) if len(run) <= 4 else grouped_digits(run)
    return run if _is_word(run) else " ".join(run)


def _is_word(letters: str) -> bool:
    return letters.isalpha() and len(letters) > 4 and not _VOWELS.isdisjoint(letters.upper())


def _joined(parts: list[str], groups: list[str]) -> str:
    """A pause before a group that is long enough to need one."""
    result = groups[0]
    for part, group in zip(parts[1:], groups[1:], strict=True):
        result += f"{' ' if len(part) <= 2 else ', '}{group}"
    return result
