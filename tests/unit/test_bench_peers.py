"""The report of the comparison with others: ratios to plain aiortc, and what could not be measured is said."""

from __future__ import annotations

import pytest

from scripts.bench_peers import REFERENCE, Report
from scripts.peer_bench.dialogue import DialogueCost
from scripts.peer_bench.media import MediaCost


def cost(cpu_s: float) -> MediaCost:
    return MediaCost(12, 10.0, cpu_s, 12 * cpu_s, 50.0, 1.0)


def test_a_row_is_compared_with_plain_aiortc_of_the_same_run() -> None:
    report = Report(media={REFERENCE: cost(0.04), "ours": cost(0.01)})
    assert report.ratio(report.media["ours"]) == pytest.approx(0.25)
    assert report.as_json()["media"]["ours"]["us_per_packet"] == pytest.approx(200)
    assert report.media["ours"].calls_per_core == pytest.approx(100)


def test_without_plain_aiortc_there_is_no_ratio() -> None:
    report = Report(media={"ours": cost(0.01)})
    assert report.ratio(report.media["ours"]) is None
    assert "-" in report.table()


def test_what_could_not_be_measured_is_said_with_its_reason() -> None:
    report = Report(unavailable={"Pipecat": "pip install pipecat-ai: no network"})
    assert "unavailable: Pipecat: pip install pipecat-ai: no network" in report.table()


def test_delays_are_reported_by_percentile() -> None:
    report = Report(dialogues={"ours": DialogueCost(1, voice_to_voice_s=[0.2, 0.3, 0.4], seconds=10)})
    assert report.as_json()["dialogues"]["ours"]["p50_ms"] == pytest.approx(300)
