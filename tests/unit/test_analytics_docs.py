"""docs/analytics.md tells of every figure what the code says of it, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from voice_agent.analytics import content, delivery, helpdesk, interaction, language, speech, star
from voice_agent.analytics.measure import Band, Metric

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "analytics.md").read_text(encoding="utf-8")


def metrics() -> dict[str, tuple[Metric, ...]]:
    """By the heading under which they stand."""
    return {
        "Delivery": delivery.METRICS,
        "Conversation": interaction.METRICS,
        "Interview: content": content.METRICS,
        "Language": language.METRICS,
        "Helpdesk, for the operator": helpdesk.METRICS,
    }


def row(metric: Metric) -> str:
    """The line of the table that this figure must have."""
    return (
        f"| `{metric.id}` | {metric.version} | {metric.title} | {metric.unit} | {metric.formula} "
        f"| {metric.source} | {thresholds(metric.band)} |"
    )


def thresholds(band: Band | None) -> str:
    if band is None:
        return "–"
    good = [f"{band.good_min:g} and more"] if band.good_min is not None else []
    if band.good_max is not None:
        good = [f"{band.good_min:g} to {band.good_max:g}" if good else f"up to {band.good_max:g}"]
    bounds = {"below": band.flag_below, "above": band.flag_above, "from": band.flag_from}
    flags = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
    return "; ".join([*(f"good {text}" for text in good), *([f"flag {', '.join(flags)}"] if flags else [])])


def test_every_metric_stands_in_its_table_as_the_code_has_it() -> None:
    for heading, expected in metrics().items():
        section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert rows == [row(metric) for metric in expected]


def test_ids_are_unique() -> None:
    ids = [metric.id for each in metrics().values() for metric in each]
    assert len(ids) == len(set(ids))


def test_the_limits_named_in_the_text_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"{speech.ENOUGH_SECONDS} seconds and {speech.ENOUGH_WORDS} words" in text
    assert f"gap of {speech.PAUSE_MS} ms or more" in text
    assert f"Below {star.JUDGEABLE_WORDS} words" in text
    assert all(f"`{state}`" in text for state in ("measured", "not_measured", "not_enough_speech", "not_applicable"))
    weights = re.search(r"weights ([\d, ]+) and (\d)", text)
    assert weights is not None
    assert [int(w) for w in f"{weights[1]}, {weights[2]}".split(", ")] == list(content.WEIGHTS.values())
