"""A load test's result as one HTML page with plots, complete in itself: no script, nothing from elsewhere. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scripts.load.report import DURATION_HEADER, STEP_HEADER, Result, duration_rows, fact_rows, step_rows

_WIDTH, _HEIGHT = 560, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 8, 24
_TICKS = 4
_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1c2430, #e6e9ee); --faint: light-dark(#c9ced6, #3a4350);
  --a: light-dark(#1b62c4, #7fb2ff); --b: light-dark(#c2410c, #ff9d66); --c: light-dark(#15803d, #66d18f);
  --d: light-dark(#7e22ce, #cf9bff); --e: light-dark(#64748b, #a3afc0); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 1rem 2rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 11px; } svg .grid { stroke: var(--faint); }
svg polyline { fill: none; stroke-width: 1.5; }
table { border-collapse: collapse; } th, td { padding: .15rem .75rem .15rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr { border-bottom: 1px solid var(--faint); }
.key { font-weight: 400; font-size: .85em; padding-left: .75em; }
"""
_COLOURS = ("a", "b", "c", "d", "e")


@dataclass(frozen=True, slots=True)
class Curve:
    """`values` may have gaps (None)."""

    name: str
    values: Sequence[float | None]


def as_html(result: Result) -> str:
    parts = [f"<h1>{_headline(result)}</h1>"]
    if result.found is not None:
        parts.append(_section("Steps", _table(STEP_HEADER, step_rows(result))))
    outcome = result.best
    if outcome is not None:
        parts.append(_section("Durations", _table(DURATION_HEADER, duration_rows(outcome))))
        parts.append(_section("Figures", _table(("", ""), fact_rows(result, outcome))))
    if result.failures:
        rows = [(name, str(count)) for name, count in sorted(result.failures.items())]
        parts.append(_section("Failures", _table(("what", "count"), rows)))
    parts.append(f"<h2>Over time</h2><main>{''.join(_plots(result))}</main>")
    options = [(name, str(value)) for name, value in result.options.items()]
    parts.append(_section("Options", _table(("", ""), options)))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Load test</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def _headline(result: Result) -> str:
    if result.found is not None:
        return f"Load test: one core holds {result.found} calls"
    return f"Load test: {result.best.calls if result.best else 0} calls"


def _section(title: str, body: str) -> str:
    return f"<h2>{html.escape(title)}</h2>{body}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{row(header, 'th')}{''.join(row(cells, 'td') for cells in rows)}</table>"


def _plots(result: Result) -> list[str]:
    points = result.points
    times = [point.at for point in points]
    stages = list(points[-1].server_stages_p50_ms) if points else []
    charts = [
        (f"{result.latency.replace('_', ' ')}, ms", [
            Curve("p50", [point.latency_p50_ms for point in points]),
            Curve("p95", [point.latency_p95_ms for point in points]),
        ]),
        ("stages at the server, p50, ms", [
            Curve(stage, [point.server_stages_p50_ms.get(stage) for point in points]) for stage in stages
        ]),
        ("calls", [Curve("connected", [point.calls for point in points])]),
        ("processor, cores", [
            Curve("server", [point.server_cpu for point in points]),
            Curve("callers", [point.generator_cpu for point in points]),
            Curve("provider and database", [point.helpers_cpu for point in points]),
        ]),
        ("loop lag of the server, p99, ms", [Curve("lag", [point.server_lag_p99_ms for point in points])]),
        ("memory of the server, MB", [Curve("resident", [point.server_rss_mb for point in points])]),
        ("packets per second", [
            Curve("sent", [point.packets_sent_per_s for point in points]),
            Curve("received", [point.packets_received_per_s for point in points]),
        ]),
        ("lost, late and failed, in all", [
            Curve("packets lost", [point.packets_lost for point in points]),
            Curve("packets late", [point.packets_late for point in points]),
            Curve("failures", [point.failures for point in points]),
        ]),
    ]  # fmt: skip
    return [plot(title, times, curves) for title, curves in charts]


def plot(title: str, times: Sequence[float], curves: Sequence[Curve]) -> str:
    """One line chart as a figure. `times` in s, one for each value of each curve."""
    known = [value for curve in curves for value in curve.values if value is not None]
    caption = html.escape(title) + "".join(
        f'<span class="key" style="color:var(--{colour})">{html.escape(curve.name)}</span>'
        for curve, colour in zip(curves, _COLOURS, strict=False)
    )
    if not known or len(times) < 2:
        return f"<figure><figcaption>{caption}</figcaption>not available</figure>"
    top = _round_up(max(known))
    inner_w, inner_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(at: float) -> float:
        return _LEFT + inner_w * (at - times[0]) / (times[-1] - times[0])

    def y(value: float) -> float:
        return _TOP + inner_h * (1 - value / top)

    drawn: list[str] = []
    for tick in range(_TICKS + 1):
        value, at = top * tick / _TICKS, times[0] + (times[-1] - times[0]) * tick / _TICKS
        drawn.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        drawn.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.4g}</text>')
        drawn.append(f'<text x="{x(at):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{at:.0f} s</text>')
    for curve, colour in zip(curves, _COLOURS, strict=False):
        for run in _runs(times, curve.values):
            path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in run)
            drawn.append(f'<polyline points="{path}" style="stroke:var(--{colour})"/>')
    label = html.escape(title, quote=True)
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
    return f"<figure><figcaption>{caption}</figcaption>{svg}</figure>"


def _runs(times: Sequence[float], values: Sequence[float | None]) -> list[list[tuple[float, float]]]:
    """The stretches without a gap."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in zip(times, values, strict=True):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten: an axis that can be read."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    return next((power * step for step in (1, 2, 5) if value <= power * step), power * 10)
