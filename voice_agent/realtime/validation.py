"""Checks client data against the pydantic types of the `openai` package, strictly, with errors a person can act on.

Those types are unions of lenient models; on a mistake pydantic reports every branch. `check` reduces that to the
one field at fault, named by its path in the client's own data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from voice_agent.realtime.errors import ProtocolError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Location = tuple[str | int, ...]


def check(model: type[BaseModel], data: Mapping[str, object], *, at: str = "") -> None:
    """Validates `data` without coercion ("1" is no number, 1 no truth value). Unknown fields are tolerated.

    `at` is the path of `data` in the client's event. Raises ProtocolError with the full path in `param`.
    """
    try:
        model.model_validate(data, strict=True)
    except ValidationError as error:
        raise _protocol_error(error.errors(include_url=False), data, at) from error


def missing(param: str) -> ProtocolError:
    return ProtocolError(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)


def invalid(param: str, reason: str) -> ProtocolError:
    """`reason` is a sentence without its full stop."""
    return ProtocolError(f"Invalid value for '{param}': {reason}.", code="invalid_value", param=param)


def unsupported(param: str, what: str) -> ProtocolError:
    """`what` names the thing, in the plural: "MCP tools"."""
    return ProtocolError(f"{what} are not supported by this server.", code="unsupported", param=param)


def one_of(param: str, choices: Sequence[str]) -> ProtocolError:
    quoted = ", ".join(f"'{choice}'" for choice in choices)
    return invalid(param, f"supported values are {quoted}")


def child(data: Mapping[str, object], key: str, *, at: str) -> Mapping[str, object] | None:
    """The object under `key`; None where it is absent or null. Raises ProtocolError for anything else."""
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        path = join(at, key)
        raise ProtocolError(f"Invalid type for '{path}': expected an object.", code="invalid_type", param=path)
    return value


def in_range(value: object, low: float, high: float, *, at: str) -> float:
    """A number within [low, high]; NaN never is. Raises ProtocolError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProtocolError(f"Invalid type for '{at}': expected a number.", code="invalid_type", param=at)
    if not low <= value <= high:
        raise invalid(at, f"must be between {low:g} and {high:g}")
    return value


def join(at: str, key: str | int) -> str:
    if isinstance(key, int):
        return f"{at}[{key}]"
    return f"{at}.{key}" if at else key


def _protocol_error(errors: list[ErrorDetails], data: object, at: str) -> ProtocolError:
    chosen = _deepest(_without_rejected_branches(errors, data), data)
    path = _path(chosen[0], data)
    param = at
    for key in path:
        param = join(param, key)
    kind = chosen[0]["type"]
    if kind == "missing":
        return missing(param)
    expected = [str(error["ctx"]["expected"]) for error in chosen if error["type"] == "literal_error"]
    if len(expected) == len(chosen):
        return invalid(param, f"supported values are {' or '.join(dict.fromkeys(expected))}")
    reason = chosen[0]["msg"].removeprefix("Input ")
    if kind.endswith("_type"):
        return ProtocolError(f"Invalid type for '{param}': it {reason}.", code="invalid_type", param=param)
    return invalid(param, reason)


def _without_rejected_branches(errors: list[ErrorDetails], data: object) -> list[ErrorDetails]:
    """Drops the branches of a union whose `type` literal is not the data's: the client did not mean those."""
    rejected = [
        error["loc"][:-1]
        for error in errors
        if error["type"] == "literal_error"
        and error["loc"][-1] == "type"
        and len(_path(error, data)) < len(error["loc"])
    ]
    kept = [error for error in errors if not any(error["loc"][: len(branch)] == branch for branch in rejected)]
    return kept or errors


def _deepest(errors: list[ErrorDetails], data: object) -> list[ErrorDetails]:
    """The errors about one field: the one deepest in the data, the first where several are."""
    paths = [_path(error, data) for error in errors]
    best = max(paths, key=len)
    return [error for error, path in zip(errors, paths, strict=True) if path == best]


def _path(error: ErrorDetails, data: object) -> Location:
    """Pydantic's location without the names of union branches, which no client ever wrote."""
    location = error["loc"]
    path: list[str | int] = []
    for index, key in enumerate(location):
        absent = error["type"] == "missing" and index == len(location) - 1
        if isinstance(data, Mapping) and (key in data or absent):
            path.append(key)
            data = data.get(key)
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            path.append(key)
            data = data[key]
    return tuple(path)
