"""The frames between the server and a worker process: one byte of kind, four of length, then the payload.

Both ends use this module, so it imports nothing heavy. Payloads of DATA are raw bytes (s16le audio); all others are
JSON objects. A job is BEGIN, DATA…, END from the server and RESULT or DATA…, then exactly one DONE or FAILED from the
worker; CANCEL may come at any time and is answered by DONE as well.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from enum import IntEnum

HEADER = struct.Struct(">BI")
"""Kind, length of the payload in bytes."""


class Kind(IntEnum):
    START = 1
    """Server to worker, once: which engine to load."""
    READY = 2
    """Worker to server, once: the engine is loaded."""
    BEGIN = 3
    DATA = 4
    END = 5
    CANCEL = 6
    RESULT = 7
    DONE = 8
    FAILED = 9
    """The worker cannot go on and ends: {"code": …}."""


def pack(kind: Kind, payload: bytes = b"") -> bytes:
    return HEADER.pack(kind, len(payload)) + payload


def pack_json(kind: Kind, value: Mapping[str, object]) -> bytes:
    return pack(kind, json.dumps(value).encode())


def parse_json(payload: bytes) -> dict[str, object]:
    """Raises ValueError if the payload is not a JSON object."""
    value = json.loads(payload)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
