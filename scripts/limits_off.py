"""Settings of a server under test whose clients all share one address, one key and one busy machine.

Limits on callers and judgements of load have tests of their own; elsewhere they would only measure the machine.
"""

from __future__ import annotations

LIMITS_OFF = {
    "MAX_CPU_PERCENT": "0",
    "MAX_LOOP_LAG_MS": "10000",
    "ADDRESS_CALLS": "10000",
    "ADDRESS_CALLS_PER_MINUTE": "100000",
    "ADDRESS_CONNECTIONS": "10000",
    "ADDRESS_REQUESTS_PER_S": "100000",
    "KEY_CALLS": "10000",
    "KEY_CALLS_PER_MINUTE": "100000",
    # Two CPU seconds of each start, for a few words that the next caller hears sooner. Benchmarks want it.
    "SPEECH_REHEARSE": "false",
}
