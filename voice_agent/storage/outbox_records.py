"""Records of calls as bytes and back. Only what is listed here can be written to the outbox: text, times and numbers.

JSON has no bytes, so that audio could not get through even if a record had a field for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from voice_agent.engines.ports import Word
from voice_agent.facts import CallFacts
from voice_agent.records import CallEnded, CallStarted, Turn, TurnMetrics
from voice_agent.storage.rows import Record

_FACTS: TypeAdapter[CallFacts] = TypeAdapter(CallFacts)


def encode_record(record: Record) -> bytes:
    """Raises TypeError for a value that is neither text, number nor time."""
    fields = asdict(replace(record, facts=None) if isinstance(record, CallEnded) else record)
    if isinstance(record, CallEnded) and record.facts is not None:
        fields["facts"] = record.facts.model_dump(mode="json")
    return json.dumps([type(record).__name__, fields], default=_encode_time).encode("ascii")


def join_records(encoded: Sequence[bytes]) -> bytes:
    """The body of one frame."""
    return b"[" + b",".join(encoded) + b"]"


def decode_records(body: bytes) -> list[Record]:
    """Raises ValueError, TypeError or KeyError for what `encode_record` never made."""
    return [_decode(kind, fields) for kind, fields in json.loads(body)]


def _decode(kind: str, fields: dict[str, Any]) -> Record:
    match kind:
        case "CallStarted":
            return CallStarted(**fields | {"started_at": datetime.fromisoformat(fields["started_at"])})
        case "CallEnded":
            stored = fields.get("facts")
            facts = None if stored is None else _FACTS.validate_python(stored, strict=False)
            return CallEnded(**fields | {"ended_at": datetime.fromisoformat(fields["ended_at"]), "facts": facts})
        case "Turn":
            words = tuple(Word(**word) for word in fields["words"])
            return Turn(**fields | {"words": words, "metrics": TurnMetrics(**fields["metrics"])})
    raise ValueError("an unknown kind of record")


def _encode_time(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError("only text, numbers and times are stored")
    return value.isoformat()
