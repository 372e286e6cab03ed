"""Written text -> the words a person would say."""

from __future__ import annotations


def speakable(text: str, language: str = "en") -> str:
    """The text as it is read aloud, in plain words."""
    return " ".join(text.replace("*", "").replace("`", "").split()) if language else text
