"""What a caller may tell an agent before the call, so that a client can ask for it: which fields of the briefing make a
difference, and what there is to choose from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LevelChoice:
    """`id` is what the briefing's `level` takes; `cefr` its levels of the Common European Framework."""

    id: str
    title: str
    cefr: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """`id` is what the briefing's `language` takes; `name` is in English."""

    id: str
    name: str
    levels: tuple[LevelChoice, ...]


@dataclass(frozen=True, slots=True)
class Intake:
    fields: tuple[str, ...] = ()
    """Of `Briefing`, in the order of a form; empty: nothing makes a difference."""
    minutes: int | None = None
    """How long the practice is where the caller names no length; None: as long as they like."""
    languages: tuple[LanguageChoice, ...] = ()
    """The one that the agent begins in comes first."""
