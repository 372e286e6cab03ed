"""Checks events against the published types: strictly, and without fields those types do not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from hypothesis import HealthCheck, settings
from openai.types.realtime import realtime_server_event
from pydantic import BaseModel

_SESSION_FIELDS = {"id", "object", "expires_at"}
"""In sessions that a server returns; the published event types reuse the request's type, which lacks them."""


def _models(union: object) -> Iterator[type[BaseModel]]:
    for member in get_args(union):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member
        else:
            yield from _models(member)


SERVER_EVENTS: Mapping[str, type[BaseModel]] = {
    get_args(model.model_fields["type"].annotation)[0]: model
    for model in _models(realtime_server_event.RealtimeServerEvent)
}


def assert_valid(event: Mapping[str, object]) -> None:
    model = SERVER_EVENTS[str(event["type"])]
    parsed = model.model_validate(event, strict=True)
    _assert_known(parsed, "")
    nulls = [path for path in _nulls(event, "") if not path.endswith((".previous_item_id", ".transcript"))]
    assert [path for path in nulls if not path.endswith(".turn_detection")] == []


def _assert_known(value: object, path: str) -> None:
    if isinstance(value, BaseModel):
        extra = set(value.model_extra or ())
        if path == ".session":
            extra -= _SESSION_FIELDS
        assert not extra, f"unknown fields at {path}: {extra}"
        for name in value.model_fields_set & set(type(value).model_fields):
            _assert_known(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for child in value:
            _assert_known(child, f"{path}[]")


def _nulls(value: object, path: str) -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _nulls(child, f"{path}.{key}")
    elif isinstance(value, list):
        for child in value:
            yield from _nulls(child, f"{path}[]")


unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""
