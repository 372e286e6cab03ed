"""Rates, addresses, connections and load, with time as an argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.admission import LoadWindow
from signaling.connections import ConnectionCount
from signaling.limits import ChannelRate, RatePerAddress, TokenBucket, subscriber
from voice_agent.settings import ServerSettings


class TestTokenBucket:
    def test_a_burst_passes_and_then_the_rate(self) -> None:
        bucket = TokenBucket(10, 3, now=0)
        assert [bucket.take(1, 0) for _ in range(4)] == [True, True, True, False]
        assert bucket.take(1, 0.1)
        assert not bucket.take(1, 0.1)

    def test_a_rest_gives_the_burst_back_and_no_more(self) -> None:
        bucket = TokenBucket(10, 3, now=0)
        bucket.take(3, 0)
        assert [bucket.take(1, 100) for _ in range(4)] == [True, True, True, False]

    def test_debt_is_paid_by_waiting(self) -> None:
        bucket = TokenBucket(10, 3, now=0)
        assert bucket.wait_s(3, 0) == 0
        assert bucket.wait_s(5, 0) == pytest.approx(0.5)
        assert bucket.wait_s(0, 0.5) == pytest.approx(0)

    def test_a_clock_that_stands_still_or_goes_back_gives_nothing(self) -> None:
        bucket = TokenBucket(10, 1, now=10)
        assert bucket.take(1, 10)
        assert not bucket.take(1, 5)
        assert not bucket.take(1, 10.05)

    @given(st.lists(st.floats(0, 0.5), min_size=1, max_size=200))
    def test_never_more_than_the_burst_and_the_rate_pass(self, pauses: list[float]) -> None:
        bucket, now, passed = TokenBucket(5, 4, now=0), 0.0, 0
        for pause in pauses:
            now += pause
            passed += bucket.take(1, now)
        assert passed <= 4 + 5 * now + 1e-6


def channel(**changes: float) -> ChannelRate:
    return ChannelRate(ServerSettings(_env_file=None, **changes), now=0)  # type: ignore[arg-type]


class TestChannelRate:
    def test_speech_in_real_time_is_never_held_up(self) -> None:
        rate = channel()
        assert all(rate.wait_s(64 * 1024 // 50, second / 50) == 0 for second in range(50 * 600))

    def test_half_a_minute_of_speech_may_come_at_once(self) -> None:
        rate = channel()
        assert all(rate.wait_s(64 * 1024 // 10, 0) == 0 for _ in range(300))

    def test_bytes_and_messages_count_each(self) -> None:
        assert not channel(event_burst_bytes=10).take(11, 0)
        assert not channel(event_burst=1, event_burst_bytes=100).take(101, 0)
        few = channel(event_burst=1)
        assert few.take(1, 0)
        assert not few.take(1, 0)


def rates(addresses: int = 100) -> RatePerAddress:
    return RatePerAddress(lambda now: TokenBucket(1, 2, now), addresses)


class TestRatePerAddress:
    def test_one_address_does_not_use_up_anothers(self) -> None:
        table = rates()
        assert [table.take("10.0.0.1", 0) for _ in range(3)] == [True, True, False]
        assert table.take("10.0.0.2", 0)

    def test_the_table_is_bounded_and_forgets_the_longest_unused(self) -> None:
        table = rates(addresses=2)
        for _ in range(3):
            table.take("10.0.0.1", 0)
        table.take("10.0.0.2", 0)
        assert not table.take("10.0.0.1", 0)
        table.take("10.0.0.3", 0)
        assert not table.take("10.0.0.1", 0)
        for number in range(1000):
            table.take(f"10.0.1.{number}", 0)
        assert len(table) == 2

    def test_it_holds_no_address(self) -> None:
        table = rates()
        table.take("198.51.100.7", 0)
        assert "198.51.100.7" not in repr(vars(table))


@pytest.mark.parametrize(
    ("address", "counted_for"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_is_one_whatever_address_of_theirs_they_use(address: str, counted_for: str) -> None:
    assert subscriber(address) == counted_for


class TestConnectionCount:
    def test_an_address_gets_its_share_and_others_theirs(self) -> None:
        count = ConnectionCount(2)
        assert [count.add("a", 100) for _ in range(3)] == [True, True, False]
        assert count.add("b", 100)
        count.remove("a")
        assert count.add("a", 100)
        assert count.total == 3

    def test_all_together_are_limited(self) -> None:
        count = ConnectionCount(None)
        assert [count.add("proxy", 2) for _ in range(3)] == [True, True, False]

    def test_nothing_stays_of_those_that_are_gone(self) -> None:
        count = ConnectionCount(2)
        count.add("a", 10)
        count.remove("a")
        assert count.total == 0
        assert not count._by_address


class TestLoadWindow:
    def test_processor_time_is_measured_over_the_window(self) -> None:
        window = LoadWindow(2)
        for tick in range(50):
            window.sample(tick / 10, tick / 10 * 0.6, 0)
        assert window.cpu_percent(4.9, 4.9 * 0.6, 0) == pytest.approx(60)

    def test_what_was_before_the_window_is_forgotten(self) -> None:
        window = LoadWindow(2)
        for tick in range(100):
            window.sample(tick / 10, 5.0, 0)
        assert window.cpu_percent(9.9, 5.0, 0) == 0

    def test_a_process_that_just_began_is_not_judged(self) -> None:
        window = LoadWindow(2)
        window.sample(0, 0, 0)
        assert window.cpu_percent(0.9, 0.9, 50) == 0

    def test_a_burst_of_calls_counts_before_it_costs(self) -> None:
        window = LoadWindow(2)
        for tick in range(40):
            window.sample(tick / 10, 0, 0)
        for _ in range(30):
            window.admitted(3.9)
        assert window.cpu_percent(3.9, 0, 2) == pytest.approx(60)
        assert window.cpu_percent(4.9, 0, 2) == pytest.approx(30)
        assert window.cpu_percent(5.9, 0, 2) == pytest.approx(0)

    def test_one_stall_is_not_lateness_and_many_are(self) -> None:
        window = LoadWindow(3)
        for tick in range(30):
            window.sample(tick / 10, 0, 0.5 if tick == 7 else 0.001)
        assert window.late_ms() < 10
        for tick in range(30, 34):
            window.sample(tick / 10, 0, 0.5)
        assert window.late_ms() == pytest.approx(500)
