"""Identifiers of the protocol's objects.

Not a source of credentials: client secrets are made and checked where keys are.
"""

from __future__ import annotations

import itertools
import secrets

_SEQUENCE_PREFIX = secrets.token_hex(4)
_sequence = itertools.count(1)

SEQUENTIAL_KINDS = frozenset({"event"})
"""Kinds that nobody can use to reach anything: a counter is enough, and cheap at every audio delta."""


def new_id(kind: str) -> str:
    """A new identifier such as `item_3f9c…`: 96 random bits, except for the sequential kinds.

    Sequential ones are unique within the process and carry a prefix drawn at its start.
    """
    if kind in SEQUENTIAL_KINDS:
        return f"{kind}_{_SEQUENCE_PREFIX}{next(_sequence):08x}"
    return f"{kind}_{secrets.token_hex(12)}"
