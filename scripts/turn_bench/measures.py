"""From outcomes to figures. Pure. All times in ms; a rate is None where nothing was tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.turn_bench.corpus import Case, Pause
from scripts.turn_bench.rig import FRAME_MS, Outcome
from voice_agent.settings import AudioSettings

PAUSE_BINS_MS = ((0, 350), (350, 600), (600, 900), (900, 1250), (1250, 1700))
TARGET_PAUSES_MS = (300, 1200)
"""An utterance whose pauses all lie here counts for the target."""
LATE_MS = 1500
FADE_MS = int(AudioSettings.model_fields["fade_ms"].default)
_STILL_MS = 1500
"""An interruption must have stopped the agent so soon after its first sound."""


@dataclass(frozen=True, slots=True)
class Result:
    case: Case
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Rate:
    hits: int
    of: int

    def __str__(self) -> str:
        return f"{100 * self.hits / self.of:.1f} % ({self.hits}/{self.of})" if self.of else "-"

    @property
    def percent(self) -> float | None:
        return round(100 * self.hits / self.of, 2) if self.of else None


@dataclass(frozen=True, slots=True)
class Delay:
    """Percentiles of a delay by nearest rank."""

    p50: int | None
    p95: int | None
    late: Rate
    """How many were later than `LATE_MS` or never came."""

    def __str__(self) -> str:
        return f"{_or_never(self.p50)} / {_or_never(self.p95)}"


def _or_never(value: int | None) -> str:
    return "never" if value is None else str(value)


def cut_in(result: Result) -> bool:
    """The server held the turn to be over, or the agent spoke, while the caller had not finished."""
    case, outcome = result.case, result.outcome
    return any(at < case.end_ms for at, _ in outcome.commits) or talked_over(result)


def talked_over(result: Result) -> bool:
    """The agent was heard before the caller had finished."""
    return any(start < result.case.end_ms for start, _ in result.outcome.sounds)


def cut_pause(result: Result) -> Pause | None:
    """The pause that was first taken for the end."""
    first = min((at for at, _ in result.outcome.commits if at < result.case.end_ms), default=None)
    if first is None:
        return None
    return next((pause for pause in reversed(result.case.pauses) if pause.start_ms <= first), None)


def answer_ms(result: Result) -> int | None:
    """From the caller's last sound to the agent's first; None if it never came."""
    return min(
        (start - result.case.end_ms for start, _ in result.outcome.sounds if start >= result.case.end_ms), default=None
    )


def decision_ms(result: Result) -> int | None:
    """From the caller's last sound to the end of the turn."""
    return min((at - result.case.end_ms for at, _ in result.outcome.commits if at >= result.case.end_ms), default=None)


def falsely_taken(result: Result) -> bool:
    """A sound that asked for nothing stopped the agent, or was answered."""
    outcome = result.outcome
    return bool(outcome.cancelled or outcome.commits or outcome.asked_again)


def stop_ms(result: Result) -> tuple[int, int] | None:
    """(from the onset of an interruption, from its first frame that was heard as voice) to the agent's last sound.
    None if it was not stopped."""
    case, outcome = result.case, result.outcome
    stopped = min((at for at in outcome.cancelled if at >= case.start_ms), default=None)
    if stopped is None or stopped > case.start_ms + max(_STILL_MS, case.end_ms - case.start_ms + 700):
        return None
    # The last packet is a fade-out; the rest of it is silence.
    silent = max((end for start, end in outcome.sounds if start < stopped), default=stopped) - FRAME_MS + FADE_MS
    detected = next(((at, since) for at, since in outcome.paused if at >= case.start_ms), None)
    from_voice = silent - (detected[0] - detected[1]) if detected else silent - case.start_ms
    return silent - case.start_ms, from_voice


def rate(results: Iterable[Result], hit: Callable[[Result], bool]) -> Rate:
    hits = [hit(result) for result in results]
    return Rate(sum(hits), len(hits))


def delay(results: Iterable[Result], measure: Callable[[Result], int | None]) -> Delay:
    values = sorted(math.inf if (value := measure(result)) is None else value for result in results)

    def rank(share: float) -> int | None:
        if not values:
            return None
        value = values[max(0, math.ceil(share * len(values)) - 1)]
        return None if value == math.inf else int(value)

    return Delay(rank(0.5), rank(0.95), Rate(sum(value > LATE_MS for value in values), len(values)))


@dataclass(frozen=True, slots=True)
class Figures:
    """One run of the corpus, or of a part of it."""

    cut_ins: Rate
    """Of all utterances with pauses inside."""
    talked_over: Rate
    cut_ins_target: Rate
    """Of those whose pauses are all between 0.3 and 1.2 s long."""
    cut_ins_sentence: Rate
    """Of these, those that pause nowhere but within a sentence."""
    pauses_within: Rate
    """Pauses of 0.3 to 1.2 s in the middle of a sentence that were taken for the end."""
    pauses_behind: Rate
    """The same behind a whole sentence."""
    answer: Delay
    """Of complete utterances, to the agent's first sound."""
    answer_clean: Delay
    """The same where nothing else was to be heard."""
    decision: Delay
    answer_paused: Delay
    """Of utterances with pauses that were not cut into."""
    false_interruptions: Rate
    false_turns: Rate
    needless_pauses: Rate
    """Sounds that are no interruption, at which the agent paused, be it to go on at once."""
    missed_interruptions: Rate
    stop_from_onset: Delay
    stop_from_voice: Delay
    speculations_per_turn: float


def figures(results: Sequence[Result]) -> Figures:
    def of(group: str) -> list[Result]:
        return [result for result in results if result.case.group == group]

    complete, paused, interruptions = of("complete"), of("paused"), of("interruption")
    turns = complete + paused
    within = [
        r
        for r in paused
        if all(TARGET_PAUSES_MS[0] <= pause.length_ms <= TARGET_PAUSES_MS[1] for pause in r.case.pauses)
    ]
    return Figures(
        rate(paused, cut_in),
        rate(paused, talked_over),
        rate(within, cut_in),
        rate((r for r in within if not any(pause.whole for pause in r.case.pauses)), cut_in),
        _pauses(paused, whole=False),
        _pauses(paused, whole=True),
        delay(complete, answer_ms),
        delay((r for r in complete if r.case.background == "clean"), answer_ms),
        delay(complete, decision_ms),
        delay((r for r in paused if not cut_in(r)), answer_ms),
        rate(of("listener"), falsely_taken),
        rate(of("nobody"), falsely_taken),
        rate(of("listener"), lambda r: bool(r.outcome.paused)),
        rate(interruptions, lambda r: stop_ms(r) is None),
        delay((r for r in interruptions if stop_ms(r)), lambda r: (stop_ms(r) or (0, 0))[0]),
        delay((r for r in interruptions if stop_ms(r)), lambda r: (stop_ms(r) or (0, 0))[1]),
        round(sum(r.outcome.speculations for r in turns) / max(1, len(turns)), 2),
    )


def _pauses(results: Sequence[Result], *, whole: bool) -> Rate:
    low, high = TARGET_PAUSES_MS
    cuts = [cut for pause, cut in _tried(results) if pause.whole == whole and low <= pause.length_ms <= high]
    return Rate(sum(cuts), len(cuts))


def by_kind(results: Sequence[Result]) -> list[tuple[str, str, str]]:
    """(kind, what is counted, figure), in the order of the corpus."""
    rows = []
    for kind in dict.fromkeys(result.case.kind for result in results):
        of_kind = [result for result in results if result.case.kind == kind]
        match of_kind[0].case.group:
            case "complete":
                rows.append((kind, "answered after p50 / p95", f"{delay(of_kind, answer_ms)} ms"))
            case "paused":
                rows.append((kind, "cut into", str(rate(of_kind, cut_in))))
            case "interruption":
                rows.append((kind, "not heeded", str(rate(of_kind, lambda r: stop_ms(r) is None))))
            case _:
                for group in dict.fromkeys(result.case.group for result in of_kind):
                    part = [result for result in of_kind if result.case.group == group]
                    what = "stops the agent" if group == "listener" else "is taken for a turn"
                    rows.append((kind, what, str(rate(part, falsely_taken))))
    return rows


def by_pause(results: Sequence[Result], *, whole: bool) -> list[tuple[tuple[int, int], Rate]]:
    """How often a pause was taken for the end, by its length; `whole`: those behind a whole sentence."""
    tried = [(pause, cut) for pause, cut in _tried(results) if pause.whole == whole]
    return [
        ((low, high), Rate(sum(cut for _, cut in part), len(part)))
        for low, high in PAUSE_BINS_MS
        for part in [[(pause, cut) for pause, cut in tried if low <= pause.length_ms < high]]
    ]


def _tried(results: Iterable[Result]) -> Iterator[tuple[Pause, bool]]:
    """Every pause, and whether it was cut; those behind the first cut are left out."""
    for result in results:
        cut = cut_pause(result)
        for pause in result.case.pauses:
            if cut is None or pause.start_ms <= cut.start_ms:
                yield pause, pause == cut


def as_json(found: Figures) -> dict[str, Any]:
    return asdict(found)
