"""Ordered rewriting rules: a pattern, what to say for it, and the signs without which it need not be tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

Match = re.Match[str]


class Rule(NamedTuple):
    """`signs`: characters of which the text must hold one; "" tries the pattern always. `spoken`: a template or a
    function, as `re.sub` takes it."""

    signs: str
    pattern: re.Pattern[str]
    spoken: str | Callable[[Match], str]


def applied(rules: Iterable[Rule], text: str) -> str:
    """`text` after all rules, each on the result of those before it."""
    for signs, pattern, spoken in rules:
        if not signs or any(sign in text for sign in signs):
            text = pattern.sub(spoken, text)
    return text
