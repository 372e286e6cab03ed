"""The dialogues and the pauses: what a file may hold, and how the files are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voice_agent.briefing import Briefing

FOLDER = Path(__file__).parent
_PAUSES = "pauses.yaml"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"this is not a regular expression ({error})") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression; case does not matter, and a dot matches any character."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Turn(_Entry):
    """What the caller says, and what must follow. Of any engine: `means`, `never_says`, `calls` (with `with`) by the
    end of the dialogue. Of the scripted engine also: `says`, `then`, and `calls` in this very turn."""

    caller: str
    says: Pattern = ""
    means: Pattern = ""
    """What any engine must say in this turn, in whatever words."""
    never_says: Pattern = ""
    calls: str = ""
    """The tool that is called; of the scripted engine no other is."""
    arguments: dict[str, object] = Field(default_factory=dict, alias="with")
    then: Pattern = ""
    """Said after the tool's result."""
    tool_fails: bool = False
    """The ticket store fails in this turn."""
    speed: float | None = None
    """Of the speech from this turn on."""
    language: str = ""
    """In which the agent speaks from this turn on."""


class Dialogue(_Entry):
    """`tickets`: some fields of each ticket that exists at the end, in order. `messy`: hesitation, misheard words,
    changes of mind, two things at once."""

    name: str
    agent: str
    messy: bool = False
    briefing: Briefing | None = None
    turns: Annotated[tuple[Turn, ...], Field(min_length=1)]
    tickets: tuple[dict[str, object], ...] | None = None


class Pause(_Entry):
    """What a caller has said when they pause. `finished`: a person would answer now, and would wait for more if not."""

    name: str
    agent: str
    briefing: Briefing | None = None
    asked: str = ""
    """What the agent has said before; empty: its greeting."""
    caller: str
    finished: bool


_E = TypeVar("_E", bound=_Entry)


class DialogueError(Exception):
    """A file of dialogues cannot be used; the message names it and what is wrong."""


def load_dialogues(folder: Path = FOLDER) -> tuple[Dialogue, ...]:
    """All dialogues of the `*.yaml` in `folder`, in the order of the files. Raises DialogueError."""
    files = [file for file in sorted(folder.glob("*.yaml")) if file.name != _PAUSES]
    if not files:
        raise DialogueError(f"{folder}: there are no dialogues here")
    return tuple(entry for file in files for entry in _read(file, Dialogue))


def load_pauses(folder: Path = FOLDER) -> tuple[Pause, ...]:
    """What `pauses.yaml` in `folder` holds; nothing where there is no such file. Raises DialogueError."""
    file = folder / _PAUSES
    return tuple(_read(file, Pause)) if file.exists() else ()


def _read(file: Path, kind: type[_E]) -> Iterator[_E]:
    try:
        entries = yaml.safe_load(file.read_text("utf-8")) or []
        yield from (kind.model_validate(entry) for entry in entries)
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise DialogueError(f"{file}: {error}") from None
