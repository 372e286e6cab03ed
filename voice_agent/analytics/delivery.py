"""How the caller spoke: fillers, pace, pauses, hedging. From the transcript and its times, never from the voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, pstdev

from voice_agent.analytics.fillers import is_english, is_sound, marks
from voice_agent.analytics.measure import Band, Measure, Metric, Missing
from voice_agent.analytics.report_model import Delivery, MarkKind, PacePoint, PaceResolution
from voice_agent.analytics.speech import (
    ENGLISH_ONLY,
    LONG_PAUSE_MS,
    TYPED,
    Speech,
    has_word_times,
    pauses,
    speaks,
    spoken_words,
    voiced_ms,
)
from voice_agent.records import Turn

_MS_PER_MINUTE = 60_000
_WINDOW_MS = 15_000
_SHORTEST_WINDOW_MS = 5_000
"""A rest shorter than this belongs to the window before it: the pace of a second says nothing."""
_FILLER_SOURCE = "Laske & DiGennaro Reed 2024"

FILLER_RATE = Metric(
    "filler_rate",
    1,
    "Fillers",
    "per minute",
    "Hesitation sounds and filler words, divided by the minutes of your answers.",
    _FILLER_SOURCE,
    Band(good_max=5, flag_from=12),
)
FILLERS_PER_100 = Metric(
    "fillers_per_100_words",
    1,
    "Fillers",
    "per 100 words",
    "Hesitation sounds and filler words for every 100 words; ordinary speech has about 6, so zero is no aim.",
    "Lickley 2017",
)
FILLER_SOUNDS = Metric(
    "filler_sounds",
    1,
    "Hesitation sounds",
    "per minute",
    "The sounds um, uh, er, erm, ah and hmm, divided by the minutes of your answers.",
    _FILLER_SOURCE,
)
FILLER_WORDS = Metric(
    "filler_words",
    1,
    "Filler words",
    "per minute",
    "You know, I mean, sort of, basically, actually, and like where commas or pauses set it off, divided by the minutes"
    " of your answers.",
    _FILLER_SOURCE,
)
PACE = Metric(
    "pace",
    1,
    "Pace",
    "words per minute",
    "Words without hesitation sounds, divided by the minutes of your answers, pauses included.",
    "judgement on several sources",
    Band(good_min=130, good_max=160, flag_below=110, flag_above=180),
    digits=0,
)
ARTICULATION = Metric(
    "articulation_rate",
    1,
    "Articulation rate",
    "words per minute",
    "Words without hesitation sounds, divided by the minutes of your answers without pauses of 250 ms and more.",
    "de Jong & Bosker 2013",
    digits=0,
)
PAUSES = Metric(
    "pauses",
    1,
    "Pauses",
    "per minute",
    "Silences of 250 ms and more between two words of a turn, divided by the minutes of your answers.",
    "de Jong & Bosker 2013",
)
PAUSE_LENGTH = Metric(
    "pause_length",
    1,
    "Mean pause",
    "seconds",
    "The mean length of the silences of 250 ms and more between two words of a turn.",
    "de Jong & Bosker 2013",
    digits=2,
)
LONG_PAUSES = Metric(
    "long_pauses",
    1,
    "Long pauses",
    "count",
    "The number of silences of 2 seconds and more between two words of a turn.",
    "judgement",
    digits=0,
)
VOICED_SHARE = Metric(
    "voiced_share",
    1,
    "Voiced share",
    "percent",
    "The time from the first to the last word of each turn without its pauses, divided by that time.",
    "de Jong & Bosker 2013",
    digits=0,
)
MEAN_RUN = Metric(
    "mean_run",
    1,
    "Mean run",
    "words",
    "Words divided by the number of stretches that pauses of 250 ms and more and the ends of turns make.",
    "Lennon 1990; compare with your own earlier values",
)
ENERGY = Metric(
    "energy",
    1,
    "Variation of pace",
    "percent",
    "The standard deviation of the pace in windows of 15 seconds, divided by the mean of these paces.",
    "judgement; compare with your own earlier values",
    digits=0,
)
RESPONSE_LATENCY = Metric(
    "response_latency",
    1,
    "Response latency",
    "seconds",
    "The median time from the end of the agent's speech to the start of yours; turns that interrupt it are left out.",
    "judgement; people leave about 0.2 seconds (Stivers et al. 2009)",
    Band(flag_above=5),
)
HEDGING = Metric(
    "hedging",
    1,
    "Hedging",
    "per 100 words",
    "Words such as maybe, I think and probably for every 100 words.",
    "judgement; compare with your own earlier values",
    Band(flag_above=3),
)
ASSERTIVE_WORDING = Metric(
    "assertive_wording",
    1,
    "Assertive wording",
    "points of 100",
    "100, less 5 for each hedge per 100 words above 3, less 3 for each filler word per minute above 5, less 4 for each"
    " second of response latency above 5. It is about words and times; nothing is inferred from your voice.",
    "judgement",
    digits=0,
)

METRICS = (
    FILLER_RATE,
    FILLERS_PER_100,
    FILLER_SOUNDS,
    FILLER_WORDS,
    PACE,
    ARTICULATION,
    PAUSES,
    PAUSE_LENGTH,
    LONG_PAUSES,
    VOICED_SHARE,
    MEAN_RUN,
    ENERGY,
    RESPONSE_LATENCY,
    HEDGING,
    ASSERTIVE_WORDING,
)


def delivery(turns: Sequence[Turn], language: str) -> Delivery:
    """All figures of delivery of one call; in a call without speech all "not applicable"."""
    speech = Speech.of(turns)
    points, resolution = pace_over_time(speech)
    return Delivery(
        measures=(
            *filler_measures(speech, language),
            *pace_measures(speech),
            *pause_measures(speech),
            *wording_measures(turns, language),
        ),
        pace=points,
        pace_resolution=resolution,
    )


def count(speech: Speech, kind: MarkKind) -> int:
    """How many marks of this kind there are in what was said."""
    return sum(
        mark.kind == kind
        for turn in speech.turns
        for mark in marks(turn.text, turn.words if has_word_times(turn) else ())
    )


def filler_measures(speech: Speech, language: str) -> list[Measure]:
    if not speech.turns:
        return [TYPED.of(metric) for metric in METRICS[:4]]
    if not is_english(language):
        return [ENGLISH_ONLY.of(metric) for metric in METRICS[:4]]
    lack = speech.lack()
    words = lack.of(FILLER_WORDS) if lack else FILLER_WORDS.measured(count(speech, "filler_word") / speech.minutes)
    verbatim = speech.verbatim()
    if isinstance(verbatim, Missing):
        return [*(verbatim.of(metric) for metric in (FILLER_RATE, FILLERS_PER_100, FILLER_SOUNDS)), words]
    sounds = count(verbatim, "filler_sound")
    both = sounds + count(verbatim, "filler_word")
    return [
        FILLER_RATE.measured(both / verbatim.minutes),
        FILLERS_PER_100.measured(100 * both / verbatim.words),
        FILLER_SOUNDS.measured(sounds / verbatim.minutes),
        words,
    ]


def pace_measures(speech: Speech) -> list[Measure]:
    lack = speech.lack()
    return [lack.of(PACE) if lack else PACE.measured(speech.words / speech.minutes)]


def pause_measures(speech: Speech) -> list[Measure]:
    """All that needs the times of single words."""
    timed = speech.timed()
    if isinstance(timed, Missing):
        return [
            timed.of(metric)
            for metric in (ARTICULATION, PAUSES, PAUSE_LENGTH, LONG_PAUSES, VOICED_SHARE, MEAN_RUN, ENERGY)
        ]
    silences = [pause for turn in timed.turns for pause in pauses(turn)]
    voiced = sum(voiced_ms(turn) for turn in timed.turns)
    runs = len(silences) + len(timed.turns)
    return [
        ARTICULATION.measured(timed.words * _MS_PER_MINUTE / voiced),
        PAUSES.measured(len(silences) / timed.minutes),
        PAUSE_LENGTH.measured(fmean(silences) / 1000)
        if silences
        else PAUSE_LENGTH.absent("not_measured", "There was no pause."),
        LONG_PAUSES.measured(sum(pause >= LONG_PAUSE_MS for pause in silences)),
        VOICED_SHARE.measured(100 * voiced / (voiced + sum(silences))),
        MEAN_RUN.measured(timed.words / runs),
        _energy(timed),
    ]


def _energy(timed: Speech) -> Measure:
    paces = [point.words_per_minute for turn in timed.turns for point in _windows(turn)]
    if len(paces) < 2 or not any(paces):
        return ENERGY.absent("not_measured", "There are fewer than two windows of 15 seconds.")
    return ENERGY.measured(100 * pstdev(paces) / fmean(paces))


def pace_over_time(speech: Speech) -> tuple[tuple[PacePoint, ...], PaceResolution]:
    """Windows of 15 s where single words have times, else one point a turn. Turns below 5 s are left out."""
    timed = speech.timed()
    turns = [turn for turn in speech.turns if turn.end_ms - turn.start_ms >= _SHORTEST_WINDOW_MS]
    if isinstance(timed, Speech) and all(has_word_times(turn) for turn in turns):
        return tuple(point for turn in turns for point in _windows(turn)), "window"
    points = tuple(_point(turn.start_ms, turn.end_ms, len(spoken_words(turn.text))) for turn in turns)
    return points, "turn" if points else "none"


def _windows(turn: Turn) -> list[PacePoint]:
    """A word belongs to the window in which it starts. A short rest is added to the window before it."""
    starts = [word.start_ms for word in turn.words if not is_sound(word.text)]
    length_ms = turn.end_ms - turn.start_ms
    count_ = max(1, (length_ms + _WINDOW_MS - _SHORTEST_WINDOW_MS) // _WINDOW_MS)
    points = []
    for at in range(count_):
        start_ms = turn.start_ms + at * _WINDOW_MS
        last = at == count_ - 1
        end_ms = turn.end_ms if last else start_ms + _WINDOW_MS
        inside = sum((start_ms <= start or at == 0) and (start < end_ms or last) for start in starts)
        if end_ms - start_ms >= _SHORTEST_WINDOW_MS:
            points.append(_point(start_ms, end_ms, inside))
    return points


def _point(start_ms: int, end_ms: int, words: int) -> PacePoint:
    pace = words * _MS_PER_MINUTE / (end_ms - start_ms)
    return PacePoint(start_ms=start_ms, end_ms=end_ms, words_per_minute=round(pace, 1))


def response_latencies(turns: Sequence[Turn]) -> list[float]:
    """Seconds from the end of each spoken turn of the agent to the caller's spoken turn right after it."""
    return [
        (after.start_ms - before.end_ms) / 1000
        for before, after in pairwise(turns)
        if before.role == "assistant"
        and before.channel == "voice"
        and speaks(after)
        and not before.interrupted
        and after.start_ms >= before.end_ms
    ]


def wording_measures(turns: Sequence[Turn], language: str) -> list[Measure]:
    """Response latency, hedging, and what both say together with filler words."""
    speech = Speech.of(turns)
    if not speech.turns:
        return [TYPED.of(metric) for metric in (RESPONSE_LATENCY, HEDGING, ASSERTIVE_WORDING)]
    latencies = response_latencies(turns)
    latency = (
        RESPONSE_LATENCY.measured(median(latencies))
        if latencies
        else RESPONSE_LATENCY.absent("not_measured", "No turn of yours followed the agent's speech.")
    )
    lack = speech.lack() if is_english(language) else ENGLISH_ONLY
    if lack:
        return [latency, lack.of(HEDGING), lack.of(ASSERTIVE_WORDING)]
    hedges = 100 * count(speech, "hedge") / speech.words
    hedging = HEDGING.measured(hedges)
    if not latencies:
        return [latency, hedging, ASSERTIVE_WORDING.absent("not_measured", "It needs the response latency.")]
    fillers = count(speech, "filler_word") / speech.minutes
    wording = Excess(hedges=hedges, filler_words=fillers, latency_s=median(latencies))
    return [latency, hedging, ASSERTIVE_WORDING.measured(wording.points())]


@dataclass(frozen=True, slots=True)
class Excess:
    """Hedges per 100 words, filler words per minute, response latency in s."""

    hedges: float
    filler_words: float
    latency_s: float

    def points(self) -> float:
        """0 to 100; 100 while none is above its tip."""
        excess = 5 * max(0.0, self.hedges - 3) + 3 * max(0.0, self.filler_words - 5) + 4 * max(0.0, self.latency_s - 5)
        return max(0.0, 100 - excess)
