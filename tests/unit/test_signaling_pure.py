"""The decisions of signaling that need no socket: play clock, lag window, origins, agents, sessions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.callers import merged
from signaling.loopmonitor import LagWindow
from signaling.origins import is_own, may_call
from signaling.ws_speech import PlayClock
from voice_agent.settings import ServerSettings


def server(**changes: object) -> ServerSettings:
    return ServerSettings(_env_file=None, **changes)  # type: ignore[arg-type]


class TestPlayClock:
    def test_sound_sent_in_one_burst_plays_in_real_time(self) -> None:
        clock = PlayClock()
        clock.sent(400, 10.0)
        clock.sent(600, 10.0)
        assert clock.played_ms(10.25) == pytest.approx(250)
        assert clock.left_s(10.25) == pytest.approx(0.75)
        assert clock.played_ms(99) == pytest.approx(1000)

    def test_a_client_that_ran_dry_stands_still_until_more_comes(self) -> None:
        clock = PlayClock()
        clock.sent(100, 10.0)
        assert clock.played_ms(11.9) == pytest.approx(100)
        clock.sent(100, 12.0)
        assert clock.played_ms(12.0) == pytest.approx(100)
        assert clock.played_ms(12.05) == pytest.approx(150)

    def test_what_was_not_played_when_it_stopped_never_is(self) -> None:
        clock = PlayClock()
        clock.sent(1000, 10.0)
        clock.stop(10.3)
        assert clock.played_ms(20) == pytest.approx(300)
        assert clock.left_s(10.3) == 0

    def test_a_new_reply_begins_at_zero(self) -> None:
        clock = PlayClock()
        clock.sent(1000, 10.0)
        clock.reset()
        assert clock.played_ms(10.5) == 0
        clock.sent(100, 10.5)
        assert clock.played_ms(10.55) == pytest.approx(50)

    @given(st.lists(st.tuples(st.floats(0, 500), st.floats(0, 2)), min_size=1, max_size=30))
    def test_the_position_never_goes_back_nor_past_what_was_sent(self, pieces: list[tuple[float, float]]) -> None:
        clock, now, sent, last = PlayClock(), 0.0, 0.0, 0.0
        for length_ms, wait_s in pieces:
            clock.sent(length_ms, now)
            sent += length_ms
            now += wait_s
            position = clock.played_ms(now)
            assert last - 1e-6 <= position <= sent + 1e-6
            last = position


class TestLagWindow:
    def test_one_in_a_hundred_is_the_p99(self) -> None:
        window = LagWindow(200)
        for _ in range(197):
            window.add(0.001)
        for _ in range(3):
            window.add(0.5)
        assert window.p99_ms == pytest.approx(500)

    def test_old_samples_leave_and_no_sample_is_no_lag(self) -> None:
        window = LagWindow(10)
        assert window.p99_ms == 0
        window.add(2.0)
        for _ in range(10):
            window.add(-0.001)
        assert window.p99_ms == 0


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "host", "own"),
        [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
            ("http://localhost:8080", "localhost:8080", True),
            ("http://[::1]:8080", "[::1]:8080", True),
            ("http://localhost:8081", "localhost:8080", False),
            ("http://evil.example:8080", "evil.example:8080", False),
            ("null", "127.0.0.1:8080", False),
            ("http://", "", False),
        ],
    )
    def test_on_a_loopback_address_only_its_own_names_are_ours(self, origin: str, host: str, own: bool) -> None:
        assert is_own(origin, host, server(host="127.0.0.1")) is own

    def test_on_a_public_address_the_host_header_is_ours(self) -> None:
        assert is_own("https://voice.example.org", "voice.example.org", server(host="0.0.0.0"))
        assert not is_own("https://evil.example", "voice.example.org", server(host="0.0.0.0"))

    def test_a_public_origin_is_the_only_one(self) -> None:
        settings = server(host="127.0.0.1", public_origin="https://voice.example.org/")
        assert is_own("https://voice.example.org", "127.0.0.1:8080", settings)
        assert not is_own("http://127.0.0.1:8080", "127.0.0.1:8080", settings)

    def test_the_list_is_exact_and_a_star_means_everyone(self) -> None:
        listed = server(allowed_origins="https://a.example, https://b.example/")
        assert may_call("https://B.example", "x", listed)
        assert not may_call("https://c.example", "x", listed)
        assert may_call("null", "x", server(allowed_origins="*"))


def test_wishes_go_on_top_of_a_preset_and_leave_the_rest() -> None:
    preset = {"type": "realtime", "audio": {"input": {"turn_detection": None}, "output": {"voice": "a", "speed": 1.2}}}
    wishes = {"audio": {"output": {"speed": 0.9}}, "tools": []}
    assert merged(preset, wishes) == {
        "type": "realtime",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "a", "speed": 0.9}},
        "tools": [],
    }
    assert preset["audio"]["output"]["speed"] == 1.2  # type: ignore[index]
