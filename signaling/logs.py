"""Logs on stderr: one line per event, logfmt or JSON, and nothing in them that a caller said or is.

A message of ours is static; its values are numbers and short codes, given as arguments or `extra`. Whatever else is
given is replaced, so that a slip does not become a leak. Of other libraries only the message's template is kept: their
arguments hold addresses and bodies. An exception is its type and where it was raised; its text is not logged.

A flood of requests must not become a flood of lines: of one cause only so many are written a minute, and the next one
written says in `left_out` how many were not.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal

from voice_agent.hardening.rejections import LogBudget
from voice_agent.settings import ServerSettings

_OWN = ("voice_agent", "signaling")
_QUIET = ("aioice", "aiortc", "aiohttp", "asyncio", "openai", "httpx2", "fakeredis", "pgqueuer")
_CODE = re.compile(r"(?=.{1,48}\Z)(?:[a-z](?:[a-z0-9_-]|\.\d)*|\d{1,6}|(?:[A-Z][a-z]+)+)\Z", re.ASCII)
"""Lower-case words such as gpt-4.1-mini, numbers such as 429, and names of exception classes; no address fits."""
_PLAIN = re.compile(r"[\w.:+-]+\Z", re.ASCII)
_HIDDEN = "[hidden]"
_FRAMES = 12
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def setup_logging(server: ServerSettings) -> None:
    """Replaces the root logger's handlers. The access log stays off: it would hold addresses."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(server.log_format))
    handler.addFilter(FloodFilter(server.log_lines_per_minute))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(server.log_level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class FloodFilter(logging.Filter):
    """Lets at most `per_minute` records of one cause pass in any 60 s; debug records always.

    A cause is a logger, a message, the codes in it and the type of its exception: all from fixed sets, so there are
    few. Numbers do not make a cause.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._budget = LogBudget(per_minute)
        self._clock = clock
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG:
            return True
        cause = _cause(record)
        if not self._budget.allows(cause, self._clock()):
            self._left_out[cause] = self._left_out.get(cause, 0) + 1
            return False
        if left_out := self._left_out.pop(cause, 0):
            record.left_out = left_out
        return True


class SafeFormatter(logging.Formatter):
    def __init__(self, shape: Literal["logfmt", "json"]) -> None:
        super().__init__()
        self._shape = shape

    def format(self, record: logging.LogRecord) -> str:
        own = record.name.split(".", 1)[0] in _OWN
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record, own),
        }
        if own:
            extra = {key: safe(value) for key, value in vars(record).items() if key not in _STANDARD}
            fields.update((key, value) for key, value in extra.items() if key not in fields)
        elif hasattr(record, "left_out"):
            fields["left_out"] = safe(record.left_out)
        if record.exc_info:
            fields["error"], fields["at"] = _error(record.exc_info)
        if self._shape == "json":
            return json.dumps(fields)
        return " ".join(f"{key}={_logfmt(value)}" for key, value in fields.items())


def safe(value: object) -> object:
    """Numbers, booleans and None as they are, short codes as text, everything else hidden."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and _CODE.match(value) else _HIDDEN


def _cause(record: logging.LogRecord) -> str:
    own = record.name.split(".", 1)[0] in _OWN
    values = record.args if own and isinstance(record.args, tuple) else ()
    codes = [str(safe(value)) for value in values if isinstance(value, str)]
    kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
    return "\0".join([record.name, str(record.msg), kind, *codes])


def _message(record: logging.LogRecord, own: bool) -> str:
    template = str(record.msg)
    if not own or not isinstance(record.args, tuple) or not record.args:
        return template  # Named placeholders are not used here: a mapping could be printed whole.
    try:
        return template % tuple(map(safe, record.args))
    except (TypeError, ValueError):
        return template  # A value that was hidden does not fit a numeric placeholder.


def _error(info: ExcInfo) -> tuple[str, str]:
    kind, _, trace = info
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    where = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
    return kind.__name__ if kind else "", where


def _logfmt(value: object) -> str:
    if isinstance(value, str):
        return value if _PLAIN.match(value) else json.dumps(value)
    return json.dumps(value)
