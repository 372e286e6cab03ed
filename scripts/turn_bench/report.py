"""The figures as a table for the terminal, and as a page with a plot of latency against cut-ins."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scripts.turn_bench import measures
from scripts.turn_bench.measures import Figures, Result

_WIDTH, _HEIGHT = 720, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 24, 56
_COLOURS = ("#0b6e99", "#c2571a", "#4a7a2c", "#7d3c98")
_ROWS: tuple[tuple[str, Callable[[Figures], object]], ...] = (
    ("answered after, p50 / p95 ms", lambda f: f.answer),
    ("  where it is quiet", lambda f: f.answer_clean),
    ("  later than 1.5 s, or never", lambda f: f.answer.late),
    ("end of turn after, p50 / p95 ms", lambda f: f.decision),
    ("cut in, of utterances with pauses", lambda f: f.cut_ins),
    ("  with pauses of 0.3-1.2 s alone", lambda f: f.cut_ins_target),
    ("  and within a sentence", lambda f: f.cut_ins_sentence),
    ("  pauses within a sentence", lambda f: f.pauses_within),
    ("  pauses behind a whole sentence", lambda f: f.pauses_behind),
    ("  talked over", lambda f: f.talked_over),
    ("these answered after, p50 / p95 ms", lambda f: f.answer_paused),
    ("false interruptions", lambda f: f.false_interruptions),
    ("  paused for nothing", lambda f: f.needless_pauses),
    ("noise taken for a turn", lambda f: f.false_turns),
    ("interruptions not heeded", lambda f: f.missed_interruptions),
    ("silent after onset, p50 / p95 ms", lambda f: f.stop_from_onset),
    ("silent after voice detected, ms", lambda f: f.stop_from_voice),
    ("replies begun per turn", lambda f: f.speculations_per_turn),
)


@dataclass(frozen=True, slots=True)
class SweepPoint:
    min_ms: int
    max_ms: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Page:
    html: str
    svg: str


def table(
    runs: Mapping[str, Sequence[Result]], variants: Mapping[str, Sequence[Result]], points: Sequence[SweepPoint]
) -> str:
    """Plain text, a column for each run; tuned and held-out phrases apart for the first."""
    columns = dict(runs)
    first = next(iter(runs))
    columns[f"{first}, tuned"] = [r for r in runs[first] if not r.case.held_out]
    columns[f"{first}, held out"] = [r for r in runs[first] if r.case.held_out]
    columns |= variants
    found = {name: measures.figures(results) for name, results in columns.items()}
    lines = []
    names = list(columns)
    for start in range(0, len(names), 3):
        part = names[start : start + 3]
        lines.append(f"{'':36}" + "".join(f"{name:>32}" for name in part))
        lines += [f"{label:36}" + "".join(f"{show(found[name])!s:>32}" for name in part) for label, show in _ROWS]
        lines.append("")
    for name, results in runs.items():
        lines.append(f"{name}, by kind:")
        lines += [f"  {kind:18}{what:28}{figure}" for kind, what, figure in measures.by_kind(results)]
        within, behind = (measures.by_pause(results, whole=whole) for whole in (False, True))
        lines += [
            f"  {f'{low / 1000:.2f}-{high / 1000:.2f} s':18}{'pause taken for the end':28}"
            f"{hit} within a sentence, {other} behind a whole one"
            for ((low, high), hit), (_, other) in zip(within, behind, strict=True)
        ]
        lines.append("")
    if points:
        lines.append(f"{'min ms':>8}{'max ms':>8}{'answered p50 / p95':>22}{'cut in':>20}{'talked over':>20}")
        lines += [
            f"{p.min_ms:8}{p.max_ms:8}{p.figures.answer!s:>22}{p.figures.cut_ins!s:>20}{p.figures.talked_over!s:>20}"
            for p in points
        ]
    return "\n".join(lines)


def page(text: str, points: Sequence[SweepPoint], marks: Mapping[str, SweepPoint]) -> Page:
    svg = _plot(points, marks)
    body = f"<h1>Turn-taking</h1>{svg}<pre>{html.escape(text)}</pre>"
    head = "<!doctype html><meta charset=utf-8><title>Turn-taking</title>"
    return Page(f"{head}<style>body{{font:15px sans-serif;max-width:70em;margin:2em auto}}</style>{body}\n", svg + "\n")


def _plot(points: Sequence[SweepPoint], marks: Mapping[str, SweepPoint]) -> str:
    """Median answer delay of complete utterances (x) against cut-ins (y); a line for each maximum delay."""
    everything = [*points, *marks.values()]
    most_x = _round_up(max((p.figures.answer.p50 or 0) for p in everything), 200)
    most_y = _round_up(max((p.figures.cut_ins.percent or 0) for p in everything), 5)

    def place(point: SweepPoint) -> tuple[float, float]:
        x = _LEFT + (point.figures.answer.p50 or 0) / most_x * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - (point.figures.cut_ins.percent or 0) / most_y * (_HEIGHT - _TOP - _BOTTOM)
        return x, y

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="Median delay of answers against the share of cut-ins">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    floor, roof = _HEIGHT - _BOTTOM, _TOP
    for step in range(6):
        y = floor - step / 5 * (floor - roof)
        x = _LEFT + step / 5 * (_WIDTH - _LEFT - _RIGHT)
        parts += [
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{most_y * step / 5:g} %</text>',
            f'<text x="{x:.1f}" y="{floor + 18}" text-anchor="middle">{most_x * step / 5:g}</text>',
        ]
    parts.append(
        f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 14}" text-anchor="middle">'
        "complete utterances answered after, median ms</text>"
        f'<text x="{_LEFT + 6}" y="{roof - 8}">utterances with pauses that were cut into</text>'
    )
    for index, most in enumerate(dict.fromkeys(p.max_ms for p in points)):
        colour = _COLOURS[index % len(_COLOURS)]
        line = [p for p in points if p.max_ms == most]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point in line:
            x, y = place(point)
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>min {point.min_ms} ms, max '
                f"{point.max_ms} ms: {point.figures.answer} ms, {point.figures.cut_ins}</title></circle>"
            )
        parts.append(
            f'<text x="{_WIDTH - _RIGHT - 4}" y="{roof + 16 * (index + 1)}" text-anchor="end" fill="{colour}">'
            f"longest wait {most} ms</text>"
        )
    for index, (name, point) in enumerate(marks.items()):
        x, y = place(point)
        # Names beside their marks, inwards, and above or below in turn: patient agents lie close together.
        aside, anchor = (8, "start") if x < _WIDTH / 2 else (-8, "end")
        beside = y - 8 if index % 2 else y + 18
        parts.append(
            f'<path d="M{x - 6:.1f},{y:.1f}h12M{x:.1f},{y - 6:.1f}v12" stroke="#000" stroke-width="2"/>'
            f'<text x="{x + aside:.1f}" y="{beside:.1f}" text-anchor="{anchor}">{html.escape(name)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _round_up(value: float, step: int) -> int:
    return max(step, -(-int(value + 1) // step) * step)
