"""Benchmark of turn-taking: does the agent wait for callers who pause, answer those who have finished, and fall silent
for those who interrupt, and for nobody else?

    python -m scripts.bench_turns [--quick] [--agent helpdesk] [--json FILE] [--html FILE] [--misses]

Every case of a synthetic corpus (`turn_bench/corpus.py`) is played into a real call on simulated time
(`turn_bench/rig.py`), with stub engines of chosen delays. The result depends on the code, the settings and the voices
installed, not on the machine's speed. How to read the figures:

- *cut in*: the server held the turn to be over, or the agent spoke, before the caller had finished. One utterance
  counts once, whatever its number of pauses. *talked over* is the part of it that a caller can hear.
- *answered after*: from the caller's last sound to the agent's first, for utterances said in one breath. It cannot be
  below the sum of the engines' delays: here a transcript that is 100 ms late, 150 ms to the first token, 80 ms to the
  first byte of speech, and the tokens of the first clause.
- *stops the agent*: a listener's "mhm", a cough, a noise or the agent's echo ended its reply.
- *silent after*: from an interruption's first sound, and from the first 20 ms in which a voice was detected, to the
  agent's last sound.

"Held out" are phrases that the rules were not tuned with. The language model's part is played by recorded judgements
(`turn_bench/judgements.py`): in the first turn of a call it may make the agent wait; once it has done so rightly, it is
trusted with ending turns, too. With every tenth word wrong it knows no text any more, and has no say.
"""

from __future__ import annotations

import os

# Before NumPy loads: threads would only be woken for products this small.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import multiprocessing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scripts.turn_bench import measures
from scripts.turn_bench.corpus import Case, corpus, with_errors
from scripts.turn_bench.engines import Delays
from scripts.turn_bench.measures import Result
from scripts.turn_bench.report import SweepPoint, page, table
from scripts.turn_bench.rig import Outcome, Setup, run
from scripts.turn_bench.voices import voices

AGENTS = ("helpdesk", "interviewer", "language-coach")
SWEEP_MIN_MS = (100, 200, 300, 400, 550, 750)
SWEEP_MAX_MS = (1200, 2000, 4000)
ERROR_RATE = 0.1

MODEL: dict[str, dict[str, Any]] = {"trusted model": {"trusted": True}, "rules alone": {"turns": {"ask_model": False}}}
"""What the language model has to say in whether a turn is over: as much as one that has waited rightly before, as in
every turn of a call but the first ones; or nothing, as with the scripted agents."""

_cases: list[Case] = []
"""Made before the worker processes, which inherit it."""


def _outcome(task: tuple[int, Setup, float]) -> Outcome:
    index, setup, errors = task
    case = _cases[index]
    return run(with_errors(case, errors) if errors else case, setup)


class Bench:
    """Runs parts of the corpus in parallel processes."""

    def __init__(self, seed: int, processes: int) -> None:
        _cases[:] = corpus(seed)
        self._pool = multiprocessing.get_context("fork").Pool(processes)

    def close(self) -> None:
        self._pool.terminate()
        self._pool.join()

    def results(self, setup: Setup, indexes: Iterable[int] | None = None, errors: float = 0.0) -> list[Result]:
        chosen = list(range(len(_cases)) if indexes is None else indexes)
        outcomes = self._pool.map(_outcome, [(index, setup, errors) for index in chosen], chunksize=8)
        return [Result(_cases[index], outcome) for index, outcome in zip(chosen, outcomes, strict=True)]

    def sweep(self, base: Setup, every: int) -> list[SweepPoint]:
        """Turns alone, at other delays than the agent's."""
        turns = [i for i, case in enumerate(_cases) if case.group in ("complete", "paused")][::every]
        points = []
        for high in SWEEP_MAX_MS:
            for low in SWEEP_MIN_MS:
                setup = Setup(base.agent, low, high, base.delays, base.partials)
                points.append(SweepPoint(low, high, measures.figures(self.results(setup, turns))))
        return points


def misses(results: Sequence[Result]) -> list[str]:
    """What went wrong, one line each."""
    lines = []
    for result in results:
        case, outcome = result.case, result.outcome
        what = ""
        match case.group:
            case "complete" | "paused" if measures.cut_in(result):
                what = f"cut in: {' / '.join(text for _, text in outcome.commits)}"
            case "complete" if (late := measures.answer_ms(result)) is None or late > 600:
                what = f"answered after {late} ms"
            case "interruption" if measures.stop_ms(result) is None:
                what = "interruption not heeded"
            case "listener" | "nobody" if measures.falsely_taken(result):
                what = "falsely taken"
        if what:
            lines.append(f"{'held out' if case.held_out else 'tuned':8} {case.kind:16} {case.name}: {what}")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--agent", choices=AGENTS, action="append", help="only this agent (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="agents alone: no variants, no sweep")
    parser.add_argument("--misses", action="store_true", help="list every case that went wrong")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--word-ms", type=int, default=100, help="delay of partial transcripts")
    parser.add_argument("--final-ms", type=int, default=100, help="delay of final transcripts")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--html", type=Path, help="write a page with the plot there")
    parser.add_argument("--svg", type=Path, help="write the plot alone there")
    options = parser.parse_args(arguments)
    delays = Delays(word_ms=options.word_ms, final_ms=options.final_ms)
    names = tuple(options.agent or AGENTS)
    bench = Bench(options.seed, options.processes)
    try:
        runs = {name: bench.results(Setup(name, delays=delays)) for name in names}
        variants: dict[str, list[Result]] = {}
        points: list[SweepPoint] = []
        if not options.quick:
            first = names[0]
            for name, changes in MODEL.items():
                results = bench.results(Setup(first, delays=delays, **changes))
                variants[f"{first}, {name}"] = results
                variants[f"{name}, tuned"] = [r for r in results if not r.case.held_out]
                variants[f"{name}, held out"] = [r for r in results if r.case.held_out]
            variants[f"{first}, no partial transcripts"] = bench.results(Setup(first, delays=delays, partials=False))
            variants[f"{first}, every tenth word wrong"] = bench.results(Setup(first, delays=delays), errors=ERROR_RATE)
            points = bench.sweep(Setup(first, delays=delays), every=2)
    finally:
        bench.close()
    print(f"{len(_cases)} cases, {len(voices())} voices, seed {options.seed}\n")
    print(table(runs, variants, points))
    if options.misses:
        for name, results in runs.items():
            print("\n".join([f"\n{name}:", *misses(results)]))
    patience = {name: Setup(name).profile for name in names}
    marks = {
        name: SweepPoint(patience[name].min_delay_ms, patience[name].max_delay_ms, measures.figures(results))
        for name, results in runs.items()
    }
    drawn = page(table(runs, variants, points), points, marks)
    if options.html:
        options.html.write_text(drawn.html)
    if options.svg:
        options.svg.write_text(drawn.svg)
    if options.json:
        options.json.write_text(json.dumps(_figures(runs, variants, points), indent=1))


def _figures(
    runs: dict[str, list[Result]], variants: dict[str, list[Result]], points: Sequence[SweepPoint]
) -> dict[str, Any]:
    def split(results: Sequence[Result]) -> dict[str, Any]:
        parts = {
            "all": results,
            "tuned": [r for r in results if not r.case.held_out],
            "held_out": [r for r in results if r.case.held_out],
        }
        return {name: measures.as_json(measures.figures(part)) for name, part in parts.items()}

    return {
        "runs": {name: split(results) for name, results in (runs | variants).items()},
        "sweep": [{"min_ms": p.min_ms, "max_ms": p.max_ms, **measures.as_json(p.figures)} for p in points],
    }


if __name__ == "__main__":
    main()
