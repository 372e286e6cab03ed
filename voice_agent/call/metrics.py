"""Prometheus figures of calls, in base units. No labels that name a call or a caller."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)

TURN_LATENCY = Histogram(
    "voice_turn_latency_seconds",
    "Stages of a spoken turn: eou_delay (last speech to commit), stt_final, llm_ttft, tts_ttfb, e2e "
    "(last speech of the caller to the first sound of the agent).",
    ["stage"],
    buckets=_BUCKETS,
)
BARGE_IN_STOP = Histogram(
    "voice_bargein_stop_seconds",
    "From the caller's first sound over the agent to the moment its playout is held.",
    buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1.0),
)
TURNS = Counter("voice_turns_total", "Turns by role and how they ended.", ["role", "outcome"])
JUDGEMENTS = Counter(
    "voice_turn_judgements_total",
    "What language models said of callers who paused: finished (they answer) or unfinished (they wait).",
    ["judgement"],
)
WASTED_TOKENS = Counter("voice_speculation_wasted_tokens_total", "Tokens of speculative replies thrown away.")
DROPPED_AUDIO = Counter("voice_input_dropped_seconds_total", "Caller's audio dropped because it came too fast.")
EVENTS_REFUSED = Counter("voice_client_events_refused_total", "Client events answered by an error.", ["code"])
