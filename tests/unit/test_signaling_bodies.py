"""JSON in request bodies is judged as strictly as events, because it is sent on as one."""

from __future__ import annotations

import pytest

from signaling.bodies import json_object
from signaling.errors import ApiError


@pytest.mark.parametrize(
    "body",
    [
        b'{"instructions": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a": "\\u0000"}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": 18446744073709551616}',
        b'{"a": 1, "a": 2}',
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"a": ' + b"[" * 100_000,
        b"[]",
        b"\xff",
    ],
)
def test_what_could_not_be_sent_on_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        json_object(body, "session")
    assert refused.value.status == 400
    assert refused.value.param == "session"


def test_an_object_is_taken_and_nothing_is_an_empty_one() -> None:
    assert json_object('{"instructions": "grüß"}'.encode()) == {"instructions": "grüß"}
    assert json_object(b" \n") == {}
