"""A flood of refusals is counted in full and logged in part."""

from __future__ import annotations

import logging

import pytest

from voice_agent.hardening.rejections import LogBudget, media_rejected, rejected


def test_each_cause_may_fill_its_own_minute() -> None:
    budget = LogBudget(per_minute=5)
    assert [budget.allows("a", now) for now in range(7)] == [True] * 5 + [False] * 2
    assert budget.allows("b", 6)


def test_a_line_is_free_again_a_minute_later() -> None:
    budget = LogBudget(per_minute=2)
    assert [budget.allows("a", now) for now in (0, 30, 59, 60, 61, 90)] == [True, True, False, True, False, True]


def test_a_flood_is_counted_but_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    before = media_rejected.labels("test_flood")._value.get()
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            rejected("test_flood")
    assert media_rejected.labels("test_flood")._value.get() - before == 1000
    assert sum("test_flood" in record.getMessage() for record in caplog.records) == 5
