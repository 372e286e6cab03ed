"""The load test's own arithmetic: percentiles, histograms, the search, what is heard, and the report."""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.load.finder import Finder
from scripts.load.hearing import Hearing
from scripts.load.measures import Measures, Summary, percentile
from scripts.load.observer import Point
from scripts.load.outcome import Bounds, Outcome
from scripts.load.progress import described
from scripts.load.prometheus import Histogram, Reading
from scripts.load.report import Result, as_text
from scripts.load.report_html import Curve, as_html, plot
from scripts.load.script import Manners, Part
from scripts.load.target import given as given_target
from scripts.load.voice import Coding, room, spoken
from scripts.load.websocket import spoken_events
from scripts.load_test import main

LATENCY = Summary(100, 300.0, 500.0, 700.0, 900.0)
OUTCOME = Outcome(
    calls=50,
    seconds=30.0,
    durations={"voice_to_voice": LATENCY},
    failures=0,
    packets_sent=75_000,
    packets_received=30_000,
    packets_lost=0,
    packets_late=3,
    generator_cpu=0.1,
    helpers_cpu=0.05,
    server_cpu=0.5,
    cpu_per_call=0.01,
    lag_p50_ms=0.5,
    lag_p99_ms=8.0,
    rss_mb=200.0,
    stages_ms={"e2e": (310.0, 480.0)},
)
BOUNDS = Bounds(lag_p99_ms=20, latency_p95_ms=600)
POINT = Point(2.0, 50, 2500.0, 1000.0, 0, 3, 0, 300.0, 500.0, 0.1, 0.05, 0.5, 200.0, 8.0, {"e2e": 310.0})


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_was_measured_and_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= math.floor(len(values) * share)


def test_no_values_have_no_percentile() -> None:
    assert percentile([], 0.5) is None


def test_durations_are_summed_up_for_the_time_asked_for() -> None:
    measures = Measures()
    for at in range(10):
        measures.duration("answer", at / 10, at)
    assert measures.summary("answer", 5, 8) == Summary(3, 600.0, 700.0, 700.0, 700.0)
    assert measures.summary("answer", 20) is None
    assert measures.summary("unknown") is None


def test_a_histogram_is_read_between_two_scrapes() -> None:
    text = (
        '# HELP lag_seconds How late.\nlag_seconds_bucket{{le="0.01"}} {}\nlag_seconds_bucket{{le="0.02"}} {}\n'
        'lag_seconds_bucket{{le="+Inf"}} {}\nlag_seconds_sum 1.5\n'
    )
    before, after = Reading(text.format(100, 100, 100)), Reading(text.format(150, 190, 200))
    lag = after.histogram("lag_seconds") - before.histogram("lag_seconds")
    assert lag.count == 100
    assert lag.quantile(0.5) == pytest.approx(0.01)
    assert lag.quantile(0.7) == pytest.approx(0.015)
    assert lag.quantile(0.99) == 0.02  # all that is known of what lies beyond the last bound
    assert Histogram({}).quantile(0.5) is None


def test_only_the_series_with_the_labels_asked_for_is_read() -> None:
    reading = Reading('t_bucket{stage="e2e",le="1.0"} 3\nt_bucket{stage="llm",le="1.0"} 7\ncalls 5\nc{a="x"} 2\n')
    assert reading.histogram("t", stage="e2e").buckets == {1.0: 3.0}
    assert (reading.value("calls"), reading.value("c", a="x"), reading.value("c")) == (5.0, 2.0, None)


@given(st.integers(0, 500), st.integers(1, 60), st.integers(1, 60))
def test_the_search_finds_what_a_server_holds_to_its_resolution(capacity: int, start: int, step: int) -> None:
    resolution = min(step, 7)
    finder = Finder(start=start, step=step, resolution=resolution, most=400)
    tried = 0
    while finder.next is not None:
        assert 1 <= finder.next <= 400
        finder.feed(finder.next <= capacity)
        tried += 1
        assert tried <= 400 // step + 12
    assert finder.best <= capacity
    assert finder.best > min(capacity, 400) - resolution or finder.best == 400


def test_a_search_that_is_over_takes_no_further_outcome() -> None:
    finder = Finder(start=5, step=5, resolution=5, most=5)
    finder.feed(True)
    with pytest.raises(ValueError, match="found"):
        finder.feed(True)
    with pytest.raises(ValueError, match="resolution"):
        Finder(start=1, step=5, resolution=6, most=10)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"lag_p99_ms": 21.0}, "loop lag p99 21.0 ms > 20"),
        ({"durations": {"voice_to_voice": replace(LATENCY, p95=601.0)}}, "voice_to_voice p95 601 ms > 600"),
        ({"durations": {}}, "no answer was measured"),
        ({"failures": 2}, "2 failures in 100 turns"),
    ],
)
def test_each_bound_can_be_broken(change: dict[str, object], complaint: str) -> None:
    assert OUTCOME.complaints("voice_to_voice", BOUNDS) == []
    assert complaint in replace(OUTCOME, **change).complaints("voice_to_voice", BOUNDS)  # type: ignore[arg-type]


def test_a_server_without_metrics_is_judged_by_its_answers() -> None:
    assert replace(OUTCOME, lag_p99_ms=None).complaints("voice_to_voice", BOUNDS) == []


async def test_sounds_close_together_are_one_and_a_pause_makes_two() -> None:
    hearing = Hearing()
    for at in (1.0, 1.02, 1.2):
        hearing.sound(at, 0.02)
    assert await hearing.begins() == 1.0
    hearing.sound(2.0, 0.02)
    assert await hearing.begins() == 2.0
    hearing.forget()
    waiting = asyncio.create_task(hearing.begins())
    await asyncio.sleep(0)
    hearing.sound(2.1, 0.02)
    assert await waiting == 2.1


def test_speech_that_comes_faster_than_it_plays_lasts_until_it_has_played_or_is_cut() -> None:
    hearing = Hearing()
    for _ in range(10):
        hearing.sound(1.0, 0.1)
    assert hearing.until == pytest.approx(2.0)
    hearing.cut(1.3)
    assert not hearing.sounding(1.6)


def test_a_part_is_the_same_for_the_same_seed_and_keeps_to_its_manners() -> None:
    manners = Manners(typed=0.3, barge_in=0.5, shortest_pause_s=1, longest_pause_s=2)
    first, second = Part(manners, 7), Part(manners, 7)
    turns = [first.next() for _ in range(400)]
    assert turns == [second.next() for _ in range(400)]
    assert all(1 <= turn.pause_s <= 2 for turn in turns)
    assert 0.2 < sum(turn.how == "typed" for turn in turns) / 400 < 0.4
    assert 0.4 < sum(bool(turn.interruption) for turn in turns) / 400 < 0.6
    with pytest.raises(ValueError, match="between 0 and 1"):
        Manners(typed=2)


def test_speech_for_a_websocket_ends_with_its_last_event() -> None:
    events = [json.loads(event) for event in spoken_events("Yes, please.")]
    assert {event["type"] for event in events} == {"input_audio_buffer.append"}
    assert {len(event["audio"]) for event in events} == {6400}  # 100 ms of 24 kHz in base64


def test_the_report_says_what_was_found_and_what_is_not_known() -> None:
    result = Result({"calls": 50}, "voice_to_voice", base_rss_mb=150.0, points=[POINT, replace(POINT, at=4.0)])
    result.outcomes = [OUTCOME, replace(OUTCOME, calls=90, server_cpu=None, lag_p99_ms=None)]
    result.verdicts = ["", "voice_to_voice p95 900 ms > 600"]
    result.found = 50
    text = as_text(result)
    assert "One core holds 50 calls." in text
    assert "server: memory per call" in text
    assert "1,024 kB" in text
    assert "not available" in text
    assert json.loads(json.dumps(result.as_json()))["found"] == 50


def test_the_page_is_complete_in_itself_and_safe_from_what_it_shows() -> None:
    result = Result({"url": "<script>alert(1)</script>"}, "voice_to_voice", points=[POINT, replace(POINT, at=4.0)])
    result.outcomes = [OUTCOME]
    result.failures = {"refused: 503 <b>": 2}
    page = as_html(result)
    assert "<script" not in page
    assert "refused: 503 &lt;b&gt;" in page
    assert "http" not in page.replace("http_", "")


def test_a_plot_leaves_gaps_where_nothing_was_known() -> None:
    figure = plot("lag, ms", [0, 2, 4, 6, 8], [Curve("p99", [1.0, 3.0, None, 2.0, 4.0])])
    assert len(ElementTree.fromstring(figure).findall(".//polyline")) == 2
    assert "not available" in plot("lag, ms", [0, 2], [Curve("p99", [None, None])])


def test_progress_shows_what_is_known() -> None:
    assert described(None) == ""
    assert described(replace(POINT, server_cpu=None)) == "  p95 500 ms  lag p99 8 ms  failures 0"


@pytest.mark.parametrize(
    "arguments", [["--typed", "2"], ["--url", "ftp://host/v1"], ["--find", "--calls", "500"], ["--pause", "x"]]
)
def test_wrong_options_end_with_a_message(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "error:" in capsys.readouterr().err


def test_metrics_are_looked_for_beside_the_api() -> None:
    assert given_target("http://127.0.0.1:8080/v1", "k").metrics_url == "http://127.0.0.1:8080/metrics"
    assert given_target("http://h:1", "k", "http://h:9100/metrics").base_url == "http://h:1/v1"


def test_a_load_caller_sends_what_the_answer_asks_for_as_browsers_do() -> None:
    answer = "a=fmtp:111 minptime=10;useinbandfec=1;maxplaybackrate=16000;usedtx=1\r\n"
    asked = Coding.asked_for(answer)
    assert asked == Coding(wideband=True, discontinuous=True)
    assert Coding.asked_for("a=fmtp:111 minptime=10;useinbandfec=1\r\n") == Coding()
    quiet = room(asked)
    # A packet of comfort noise every 400 ms at most, once the encoder knows the room.
    assert sum(1 for packet in quiet[100:180] if packet) <= 4
    assert len(quiet) == len(room())
    assert all(room())
    said, plain = spoken("Yes, please.", coding=asked), spoken("Yes, please.")
    assert abs(said.duration_s - plain.duration_s) < 0.02
    configurations = {packet[0] >> 3 for packet in said.packets if packet}
    assert configurations == {9}  # SILK alone, wideband, 20 ms (RFC 6716, table 2)
