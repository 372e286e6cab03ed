"""The decisions: circuit breaker, retry, order of engines, what is left of a clause."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.engines.ports import EngineError
from voice_agent.engines.resilience.attempts import Attempts, Member, Policy, settle
from voice_agent.engines.resilience.breaker import BreakerState, CircuitBreaker
from voice_agent.engines.resilience.synthesizer import unspoken

POLICY = Policy(retry_budget_s=0.8, retry_delay_s=0.1)


def error(code: str = "500", *, retryable: bool = True, wait_s: float | None = None) -> EngineError:
    return EngineError("x", code=code, retryable=retryable, retry_after_s=wait_s)


@dataclass
class Named:
    name: str


def members(*names: str, failures: int = 3) -> list[Member[Named]]:
    return [Member(Named(name), CircuitBreaker(failures, 20)) for name in names]


def open_breaker(member: Member[Named], now: float) -> None:
    member.breaker.failed(now, wait_s=20)


# --- breaker ----------------------------------------------------------------------------------------------------


def test_so_many_failures_in_a_row_open_it() -> None:
    breaker = CircuitBreaker(3, 20)
    for now in (1.0, 2.0):
        breaker.failed(now)
        assert breaker.allow(now)
    breaker.failed(3.0)
    assert breaker.state(3.0) is BreakerState.OPEN
    assert not breaker.allow(22.9)


def test_a_success_in_between_starts_the_count_again() -> None:
    breaker = CircuitBreaker(2, 20)
    for now in range(10):
        breaker.failed(now)
        breaker.succeeded()
    assert breaker.allow(10)


def test_half_open_lets_one_probe_through_and_its_success_closes() -> None:
    breaker = CircuitBreaker(1, 20)
    breaker.failed(0)
    assert breaker.state(20) is BreakerState.HALF_OPEN
    assert breaker.allow(20)
    assert not breaker.allow(20)
    breaker.succeeded()
    assert breaker.state(20) is BreakerState.CLOSED
    assert breaker.allow(20)


def test_a_failed_probe_opens_it_again_at_once() -> None:
    breaker = CircuitBreaker(3, 20)
    for _ in range(3):
        breaker.failed(0)
    assert breaker.allow(20)
    breaker.failed(20)
    assert not breaker.allow(39)
    assert breaker.allow(40)


def test_a_cancelled_probe_lets_the_next_one_try() -> None:
    breaker = CircuitBreaker(1, 20)
    breaker.failed(0)
    assert breaker.allow(20)
    breaker.abandoned()
    assert breaker.allow(20)


def test_a_provider_that_asks_for_time_is_left_alone_for_it_but_no_longer_than_the_reset() -> None:
    breaker = CircuitBreaker(3, 20)
    breaker.failed(0, wait_s=5)
    assert not breaker.allow(4.9)
    assert breaker.allow(5)
    breaker.failed(5, wait_s=3600)
    assert breaker.allow(25)


@given(st.lists(st.sampled_from(["ok", "bad", "left"]), max_size=60), st.floats(0.1, 9))
def test_whatever_happens_it_lets_someone_try_after_the_reset(outcomes: list[str], step_s: float) -> None:
    breaker = CircuitBreaker(2, 20)
    now = 0.0
    for outcome in outcomes:
        now += step_s
        if breaker.allow(now):
            if outcome == "ok":
                breaker.succeeded()
            elif outcome == "bad":
                breaker.failed(now)
            else:
                breaker.abandoned()
    assert breaker.allow(now + 20)


# --- retry ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failed", "elapsed_s", "jitter", "delay_s"),
    [
        (error(), 0.0, 0.0, 0.05),
        (error(), 0.0, 0.5, 0.1),
        (error(), 0.74, 0.0, 0.05),
        (error(), 0.76, 0.0, None),
        (error(retryable=False), 0.0, 0.0, None),
        (error("429", wait_s=0.5), 0.0, 0.0, 0.5),
        (error("429", wait_s=0.5), 0.4, 0.0, None),
        (error("429", wait_s=30), 0.0, 0.0, None),
    ],
)
def test_a_retry_fits_into_the_budget_or_is_not_made(
    failed: EngineError, elapsed_s: float, jitter: float, delay_s: float | None
) -> None:
    assert POLICY.delay_s(failed, elapsed_s, jitter) == pytest.approx(delay_s)


# --- order ------------------------------------------------------------------------------------------------------


def names_asked(line: list[Member[Named]], failures: list[EngineError], *, delivered: bool = False) -> list[str]:
    attempts = Attempts(line, POLICY, lambda: 0.5)
    step = attempts.begin(0.0)
    asked = [step.member.engine.name]
    for failed in failures:
        settle(step.member.breaker, failed, 0.1, POLICY)
        following = attempts.after(failed, 0.1, delivered=delivered)
        if following is None:
            break
        step = following
        asked.append(step.member.engine.name)
    return asked


def test_an_engine_is_asked_twice_then_the_next_one() -> None:
    assert names_asked(members("a", "b"), [error()] * 9) == ["a", "a", "b", "b"]


def test_what_a_retry_cannot_cure_goes_to_the_next_at_once() -> None:
    assert names_asked(members("a", "b"), [error(retryable=False), error(retryable=False)]) == ["a", "b"]


def test_what_was_half_delivered_is_not_asked_of_the_same_engine_again() -> None:
    assert names_asked(members("a", "b"), [error()] * 9, delivered=True) == ["a", "b"]


def test_an_open_breaker_is_passed_over_and_the_switch_tells_from_whom() -> None:
    line = members("a", "b")
    open_breaker(line[0], 0.0)
    step = Attempts(line, POLICY, lambda: 0.5).begin(0.0)
    assert (step.member.engine.name, step.skipped) == ("b", "a")


def test_the_last_engine_is_asked_even_if_its_breaker_is_open() -> None:
    line = members("a")
    open_breaker(line[0], 0.0)
    assert names_asked(line, []) == ["a"]


def test_the_retry_of_a_fallback_still_tells_whom_it_replaced() -> None:
    line = members("a", "b")
    attempts = Attempts(line, POLICY, lambda: 0.5)
    attempts.begin(0.0)
    assert attempts.after(error(retryable=False), 0.0, delivered=False) is not None
    step = attempts.after(error(), 0.0, delivered=False)
    assert step is not None
    assert (step.member.engine.name, step.skipped, step.delay_s) == ("b", "a", 0.1)


def test_a_breaker_that_this_failure_opened_forbids_the_retry() -> None:
    assert names_asked(members("a", "b", failures=1), [error()]) == ["a", "b"]


def test_the_requests_own_fault_is_not_held_against_the_provider() -> None:
    line = members("a")
    for _ in range(10):
        settle(line[0].breaker, error("400", retryable=False), 0.0, POLICY)
    assert line[0].breaker.state(0.0) is BreakerState.CLOSED


# --- what is left of a clause -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoken_ms", "left"),
    [
        (0, "Tell me about a time"),
        (1, "me about a time"),
        (400, "about a time"),
        (800, "a time"),
        (60_000, ""),
    ],
)
def test_the_word_in_which_it_broke_off_counts_as_spoken(spoken_ms: float, left: str) -> None:
    assert unspoken("Tell me about a time", spoken_ms, 1.0, 15) == left


def test_faster_speech_has_said_more() -> None:
    slow, fast = (unspoken("one two three four five six", 600, speed, 15) for speed in (0.8, 1.5))
    assert len(fast) < len(slow)


def test_a_script_without_spaces_is_cut_between_characters() -> None:
    assert (
        unspoken("今日はとても良い天気ですので散歩に行きましょう", 600, 1.0, 15)
        == "今日はとても良い天気ですので散歩に行きましょう"[9:]
    )


@given(st.text(max_size=200), st.floats(0, 60_000), st.floats(0.25, 4))
def test_what_is_left_is_the_end_of_the_clause(text: str, spoken_ms: float, speed: float) -> None:
    assert text.strip().endswith(unspoken(text, spoken_ms, speed, 15).strip())
