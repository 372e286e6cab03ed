"""When a loop counts as late: the judgement alone, without a clock."""

from __future__ import annotations

from signaling.admission import LoadWindow


def window(*lags_s: float) -> LoadWindow:
    seen = LoadWindow(3)
    for number, lag_s in enumerate(lags_s):
        seen.sample(number / 10, 0, lag_s)
    return seen


def test_one_stall_is_no_reason_to_refuse_anybody_however_young_the_window() -> None:
    for before in range(30):
        assert window(*[0.001] * before, 0.5, 0.001).late_ms() <= 1


def test_a_loop_that_is_often_late_is_noticed() -> None:
    assert window(*[0.001] * 24, *[0.2] * 6).late_ms() == 200
