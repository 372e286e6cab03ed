"""Reads one YAML file of a content pack into plain data, and remembers the line of every value.

Only plain data is accepted: text, numbers, true/false, lists and mappings. Anchors, aliases, merge keys, tags,
repeated keys and deep nesting are refused, so that a hostile file costs no more than its own size. `yes`, `no`, `on`
and `off` are words here (as in YAML 1.2), and so are dates and times.

What the data must look like is not decided here but in `pack_schema.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

Key = str | int
Path_ = tuple[Key, ...]
Value = object

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 12
_MAX_NUMBER_CHARS = 15
_INT = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?\d+\.\d+")


class PackError(Exception):
    """A content pack cannot be used. The message names the file, the line where known, and what is expected."""

    def __init__(self, file: Path, line: int | None, problem: str) -> None:
        place = f"{file}:{line}" if line else str(file)
        super().__init__(f"{place}: {problem}")
        self.file = file
        self.line = line
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Document:
    """The data of one file, and the line (from 1) of every value, by its path of keys and list positions."""

    file: Path
    data: Value
    lines: dict[Path_, int]

    def line_of(self, path: Path_) -> int | None:
        """The line of the value at `path`, else of the nearest value around it."""
        for length in range(len(path), -1, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return None


def parse(file: Path, content: bytes) -> Document:
    """Parses the bytes of one file. Raises PackError."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PackError(file, line, "this is not UTF-8 text; save the file as UTF-8") from None
    try:
        return _Builder(file, text).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "unreadable"
        raise PackError(file, mark.line + 1 if mark else None, f"this is not valid YAML: {problem}") from None
    except yaml.YAMLError:
        raise PackError(file, None, "this is not valid YAML: it holds a character that YAML does not allow") from None


class _Builder:
    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._events: Iterator[Event] = yaml.parse(text, Loader=_LOADER)
        self._lines: dict[Path_, int] = {}

    def build(self) -> Document:
        data: Value = None
        documents = 0
        for event in self._events:
            if isinstance(event, StreamStartEvent):
                continue
            if isinstance(event, StreamEndEvent):
                break
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, "one file holds one document; remove the second '---'")
                data = self._value(next(self._events), ())
        return Document(self._file, data, self._lines)

    def _value(self, event: Event, path: Path_) -> Value:
        self._lines[path] = _line(event)
        if isinstance(event, AliasEvent):
            raise self._error(event, "aliases ('*name') are not allowed; write the value out")
        if getattr(event, "anchor", None):
            raise self._error(event, "anchors ('&name') are not allowed; write the value out")
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        tag = getattr(event, "tag", None)
        if tag:
            raise self._error(event, f"tags such as '{str(tag)[:40]}' are not allowed")
        if len(path) >= _MAX_DEPTH:
            raise self._error(event, f"nested deeper than {_MAX_DEPTH} levels")
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        raise self._error(event, "expected a value")

    def _sequence(self, path: Path_) -> list[Value]:
        items: list[Value] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path_) -> dict[Key, Value]:
        mapping: dict[Key, Value] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            if isinstance(event, AliasEvent) or not isinstance(event, ScalarEvent):
                raise self._error(event, "a key must be a plain word or number")
            key = self._scalar(event)
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise self._error(event, "a key must be a plain word or number")
            if key == "<<":
                raise self._error(event, "merge keys ('<<') are not allowed; write the values out")
            if key in mapping:
                raise self._error(event, f"the key '{str(key)[:40]}' is already used in this entry")
            mapping[key] = self._value(next(self._events), (*path, key))
            self._lines[(*path, key)] = _line(event)
        return mapping

    def _scalar(self, event: ScalarEvent) -> Value:
        if event.anchor:
            raise self._error(event, "anchors ('&name') are not allowed; write the value out")
        if event.tag:
            raise self._error(event, f"tags such as '{str(event.tag)[:40]}' are not allowed")
        text = str(event.value)
        return _plain(text) if event.implicit[0] and not event.style else text

    def _error(self, event: Event, problem: str) -> PackError:
        return PackError(self._file, _line(event), problem)


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _plain(text: str) -> Value:
    if text in {"", "~", "null"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if len(text) <= _MAX_NUMBER_CHARS:
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
