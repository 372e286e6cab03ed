"""Nothing that a caller said or is gets through the log formatter."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from signaling.logs import SafeFormatter


def formatted(name: str, message: str, *args: Any, shape: Any = "json", **extra: Any) -> str:
    record = logging.LogRecord(name, logging.WARNING, "here.py", 1, message, args, None)
    vars(record).update(extra)
    return SafeFormatter(shape).format(record)


def test_numbers_and_codes_of_ours_are_kept() -> None:
    line = json.loads(formatted("voice_agent.call", "no model: %s after %d ms", "429", 250, code="timeout", calls=3))
    assert line["message"] == "no model: 429 after 250 ms"
    assert (line["code"], line["calls"], line["level"]) == ("timeout", 3, "warning")


@pytest.mark.parametrize(
    "value",
    [
        "my name is Ada",
        "ada@example.org",
        "203.0.113.7",
        "2001:db8::1",
        "example.org",
        "v=0\r\no=-",
        "sk-Abc",
        {"a": 1},
    ],
)
def test_any_other_value_is_hidden(value: object) -> None:
    for line in (
        formatted("signaling.calls", "It failed: %s", value),
        formatted("signaling.calls", "It failed", detail=value),
        formatted("signaling.calls", "It failed", detail=value, shape="logfmt"),
    ):
        assert str(value) not in line
    assert "[hidden]" in formatted("signaling.calls", "It failed", detail=value)


def test_a_hidden_value_for_a_number_does_not_break_the_line() -> None:
    assert json.loads(formatted("signaling.calls", "It took %d ms", "Ada"))["message"] == "It took %d ms"


def test_other_libraries_keep_only_their_template() -> None:
    line = formatted("aiohttp.server", "Error handling request from %s", "203.0.113.7", peer="203.0.113.7")
    assert "203.0.113.7" not in line
    assert "Error handling request from %s" in line


def test_an_exception_is_its_type_and_place_without_its_text() -> None:
    try:
        raise ValueError("Ada said hello")
    except ValueError as error:
        record = logging.LogRecord("signaling", logging.ERROR, "here.py", 1, "It failed", (), None)
        record.exc_info = (type(error), error, error.__traceback__)
    line = SafeFormatter("json").format(record)
    assert "Ada" not in line
    assert json.loads(line)["error"] == "ValueError"
    assert json.loads(line)["at"].startswith("test_signaling_logs.py:")


def test_logfmt_quotes_what_needs_it_and_stays_one_line() -> None:
    line = formatted("signaling", "two words", shape="logfmt", code="idle")
    assert 'message="two words"' in line
    assert "code=idle" in line
    assert "\n" not in line
