"""What the two sides do to each other: who speaks how much, and how fast the agent answers."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from voice_agent.analytics.measure import Band, Measure, Metric
from voice_agent.analytics.speech import TYPED, Speech
from voice_agent.records import Turn

INTERVIEW_BAND = Band(good_min=70, good_max=85)

TALK_RATIO = Metric(
    "talk_ratio",
    1,
    "Talk ratio",
    "percent",
    "The time of your spoken turns, divided by the time of all spoken turns.",
    "judgement; 70 to 85 percent is good with an AI interviewer",
    digits=0,
)
VOICE_TO_VOICE_P50 = Metric(
    "voice_to_voice_p50",
    1,
    "Answer delay of the agent, median",
    "milliseconds",
    "The median time from the end of your speech to the first sound of the agent's reply.",
    "nearest-rank percentile",
    digits=0,
)
VOICE_TO_VOICE_P95 = Metric(
    "voice_to_voice_p95",
    1,
    "Answer delay of the agent, 95th percentile",
    "milliseconds",
    "The time from the end of your speech to the first sound of the reply that 95 percent of the replies stay within.",
    "nearest-rank percentile",
    digits=0,
)

METRICS = (TALK_RATIO, VOICE_TO_VOICE_P50, VOICE_TO_VOICE_P95)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values (at least one) that `percent` of them, above 0 to 100, do not exceed: nearest rank."""
    return sorted(values)[max(1, ceil(len(values) * percent / 100)) - 1]


def conversation(turns: Sequence[Turn], *, band: Band | None = None) -> tuple[Measure, ...]:
    """`band`: a good talk ratio for this kind of call."""
    return (_talk_ratio(turns, band), *_voice_to_voice(turns))


def _talk_ratio(turns: Sequence[Turn], band: Band | None) -> Measure:
    speech = Speech.of(turns)
    lack = speech.lack()
    if lack:
        return lack.of(TALK_RATIO)
    agent = sum(turn.end_ms - turn.start_ms for turn in turns if turn.role == "assistant" and turn.channel == "voice")
    return TALK_RATIO.measured(100 * speech.seconds / (speech.seconds + agent / 1000), band=band)


def _voice_to_voice(turns: Sequence[Turn]) -> tuple[Measure, Measure]:
    delays = [turn.metrics.e2e_ms for turn in turns if turn.role == "assistant" and turn.metrics.e2e_ms is not None]
    if delays:
        return VOICE_TO_VOICE_P50.measured(percentile(delays, 50)), VOICE_TO_VOICE_P95.measured(percentile(delays, 95))
    if not Speech.of(turns).turns:
        return TYPED.of(VOICE_TO_VOICE_P50), TYPED.of(VOICE_TO_VOICE_P95)
    reason = "No reply was spoken after speech of yours."
    return (
        VOICE_TO_VOICE_P50.absent("not_measured", reason),
        VOICE_TO_VOICE_P95.absent("not_measured", reason),
    )
