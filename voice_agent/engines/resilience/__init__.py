"""Wrappers that keep a call going when a provider does not: deadlines, one retry, circuit breaker, fallback, metrics.

Each wraps an ordered list of engines for one port and is itself an engine of that port. What to do next is decided
without I/O or clock in `breaker` and `attempts`; the wrappers only carry it out. They own no engine: closing them
closes nothing.
"""

from voice_agent.engines.resilience.attempts import Member, Policy
from voice_agent.engines.resilience.breaker import CircuitBreaker
from voice_agent.engines.resilience.language_model import ResilientLanguageModel
from voice_agent.engines.resilience.moderator import ResilientModerator
from voice_agent.engines.resilience.synthesizer import ResilientSynthesizer
from voice_agent.engines.resilience.transcriber import ResilientTranscriber

__all__ = [
    "CircuitBreaker",
    "Member",
    "Policy",
    "ResilientLanguageModel",
    "ResilientModerator",
    "ResilientSynthesizer",
    "ResilientTranscriber",
]
