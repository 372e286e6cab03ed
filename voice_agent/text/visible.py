"""Leaves of a text what a person could see or hear of it.

Characters without a shape can carry words that nobody notices but a language model reads (tag characters, runs of
variation selectors or zero-width marks), and reorder what is seen (bidirectional overrides).
"""

from __future__ import annotations

import re
import unicodedata

_KEPT = frozenset("\n\t")
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
"""Unicode general categories (UAX 44): control, format, private use, surrogate, unassigned."""
_SELECTORS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Default-ignorable characters of other categories (Unicode, DerivedCoreProperties)."""
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*\n")


def visible(text: str) -> str:
    """`text` without invisible characters, with single spaces, and at most one empty line between lines.

    Compatibility forms (full-width, mathematical and circled letters) become the plain letters they look like
    (NFKC, UAX 15), so that what follows recognises them. Idempotent.
    """
    if text.isascii() and text.isprintable():
        return _BLANKS.sub(" ", text) if "  " in text else text
    text = unicodedata.normalize("NFKC", text)
    seen = "".join(char for char in text if char in _KEPT or unicodedata.category(char) not in _HIDDEN)
    return unicodedata.normalize("NFKC", _LINES.sub("\n\n", _BLANKS.sub(" ", _SELECTORS.sub("", seen))))
