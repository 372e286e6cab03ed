"""JSON from strangers: one object, bounded in size and depth, with nothing that would break a later step.

Refused besides plain bad syntax: NaN and infinities, integers beyond 64 bits, keys that appear twice, half surrogate
pairs (they cannot be encoded again) and NUL (Postgres cannot store it).
"""

from __future__ import annotations

import json
import math
from typing import NoReturn

from voice_agent.realtime.errors import ProtocolError

MAX_DEPTH = 64
"""Deeper than any real event or tool schema, far from the interpreter's recursion limit in every later walk."""

_MAX_INTEGER = 2**63 - 1


class _RefusedError(ValueError):
    """Raised inside the JSON parser by the hooks below; its text is safe to show to the client."""


def parse_object(raw: str | bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> dict[str, object]:
    """Parses one JSON object. Raises ProtocolError (`event_too_large` or `invalid_json`)."""
    if _exceeds(raw, max_bytes):
        raise ProtocolError(f"The message is larger than {max_bytes} bytes.", code="event_too_large")
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value: object = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise ProtocolError("The message is not valid UTF-8.", code="invalid_json") from error
    except _RefusedError as error:
        raise ProtocolError(f"Invalid JSON: {error}.", code="invalid_json") from error
    except json.JSONDecodeError as error:
        message = f"Invalid JSON: {error.msg} at character {error.pos}."
        raise ProtocolError(message, code="invalid_json") from error
    except RecursionError as error:
        raise ProtocolError("Invalid JSON: nested too deeply.", code="invalid_json") from error
    if not isinstance(value, dict):
        raise ProtocolError("The message must be a JSON object.", code="invalid_json")
    _check(value, max_depth)
    return value


def _exceeds(raw: str | bytes, max_bytes: int) -> bool:
    if len(raw) > max_bytes:
        return True
    if isinstance(raw, bytes) or raw.isascii():
        return False
    return len(raw.encode("utf-8", "surrogatepass")) > max_bytes


def _check(root: dict[str, object], max_depth: int) -> None:
    """Walks without recursion: depth, and text that cannot be encoded or stored."""
    stack: list[tuple[object, int]] = [(root, 1)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict | list):
            if depth > max_depth:
                raise ProtocolError("Invalid JSON: nested too deeply.", code="invalid_json")
            if isinstance(value, dict):
                for key in value:
                    _check_text(key)
                stack.extend((child, depth + 1) for child in value.values())
            else:
                stack.extend((child, depth + 1) for child in value)


def _check_text(text: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise ProtocolError("Text must not contain NUL characters.", code="invalid_json")
        return
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ProtocolError("Text must not contain half a surrogate pair.", code="invalid_json") from error
    if b"\0" in encoded:
        raise ProtocolError("Text must not contain NUL characters.", code="invalid_json")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _RefusedError("a key appears twice in one object")
    return result


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > _MAX_INTEGER:
        raise _RefusedError("an integer is out of range")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _RefusedError("a number is out of range")
    return value


def _constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
