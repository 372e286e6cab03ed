"""Records as rows: the statements that store a batch, and values that Postgres takes. Pure but for `store`.

Everything is idempotent: a batch whose commit was not acknowledged is simply stored again. With the end of a call its
report is ordered, in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from voice_agent.engines.ports import Word
from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.storage.job_queue import order_reports

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

Record = CallStarted | Turn | CallEnded

# Whoever deletes a call takes this table's EXCLUSIVE lock, so that a deleted call is either seen here or found there.
_AGAINST_DELETION = "LOCK TABLE deleted_calls IN ROW SHARE MODE"

_INSERT_CALLS = """
INSERT INTO calls (id, key_id, agent, transport, started_at, language, saved_at)
SELECT c.*
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[])
     AS c (id, key_id, agent, transport, started_at, language, saved_at)
WHERE NOT EXISTS (SELECT FROM deleted_calls WHERE deleted_calls.id = c.id)
ON CONFLICT DO NOTHING
"""

# A call that was deleted meanwhile takes no more turns, and a guest's call takes no text whatever is sent.
_INSERT_TURNS = """
INSERT INTO turns (call_id, seq, role, channel, text, heard, start_ms, end_ms, interrupted, partial, words,
                   timing, verbatim)
SELECT t.call_id, t.seq, t.role, t.channel, t.text, t.heard, t.start_ms, t.end_ms, t.interrupted, t.partial,
       t.words::jsonb, t.timing, t.verbatim
FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
            $9::boolean[], $10::boolean[], $11::text[], $12::text[], $13::boolean[])
     AS t (call_id, seq, role, channel, text, heard, start_ms, end_ms, interrupted, partial, words, timing, verbatim)
JOIN calls ON calls.id = t.call_id AND calls.key_id IS NOT NULL
ON CONFLICT DO NOTHING
"""

_INSERT_METRICS = """
INSERT INTO turn_metrics (call_id, seq, eou_ms, stt_ms, moderation_ms, ttft_ms, ttfb_ms, e2e_ms,
                          input_tokens, output_tokens, wasted_tokens, engine)
SELECT m.*
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::text[])
     AS m (call_id, seq, eou_ms, stt_ms, moderation_ms, ttft_ms, ttfb_ms, e2e_ms, input_tokens, output_tokens,
           wasted_tokens, engine)
JOIN calls ON calls.id = m.call_id
ON CONFLICT DO NOTHING
"""

# A call that was lost and then resumed ends more than once: the last end counts.
_END_CALLS = """
UPDATE calls
SET ended_at = e.ended_at, end_reason = e.reason,
    facts = CASE WHEN calls.key_id IS NOT NULL THEN coalesce(e.facts::jsonb, calls.facts) END
FROM (SELECT DISTINCT ON (id) *
      FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) AS each (id, ended_at, reason, facts)
      ORDER BY id, ended_at DESC) AS e
WHERE calls.id = e.id AND (calls.ended_at IS NULL OR calls.ended_at < e.ended_at)
RETURNING calls.id, calls.ended_at, calls.key_id
"""


async def store(connection: PoolConnectionProxy[asyncpg.Record], records: Sequence[Record]) -> None:
    """Stores a batch, in one transaction. Calls come before their turns and turns before ends, whatever their order.

    Raises asyncpg's errors.
    """
    turns = [record for record in records if isinstance(record, Turn)]
    started = [_call_row(record) for record in records if isinstance(record, CallStarted)]
    batches = (
        (_INSERT_CALLS, started),
        (_INSERT_TURNS, [_turn_row(turn) for turn in turns if turn.text or turn.heard]),
        (_INSERT_METRICS, [_metrics_row(turn) for turn in turns]),
    )
    ended = [_end_row(record) for record in records if isinstance(record, CallEnded)]
    async with connection.transaction():
        if started:
            await connection.execute(_AGAINST_DELETION)
        for statement, rows in batches:
            if rows:
                await connection.execute(statement, *zip(*rows, strict=True))
        if ended:
            done = await connection.fetch(_END_CALLS, *zip(*ended, strict=True))
            await order_reports(connection, [(row["id"], row["ended_at"]) for row in done if row["key_id"] is not None])


def clean_text(text: str) -> str:
    """Postgres takes neither NUL nor half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def clean_json(value: object) -> object:
    """As `clean_text`, for every text in a JSON value."""
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {clean_text(key): clean_json(each) for key, each in value.items()}
        case list():
            return [clean_json(each) for each in value]
    return value


def words_json(words: Sequence[Word]) -> str:
    return json.dumps(
        [
            {
                "text": clean_text(word.text),
                "start_ms": word.start_ms,
                "end_ms": word.end_ms,
                "probability": word.probability,
            }
            for word in words
        ],
        ensure_ascii=False,
    )


def words_of_json(stored: str) -> tuple[Word, ...]:
    return tuple(Word(**fields) for fields in json.loads(stored))


def _call_row(record: CallStarted) -> tuple[object, ...]:
    saved_at = record.started_at if record.saved and record.key_id is not None else None
    return (
        record.call_id,
        record.key_id,
        record.agent,
        record.transport,
        record.started_at,
        record.language,
        saved_at,
    )


def _turn_row(turn: Turn) -> tuple[object, ...]:
    start_ms = max(0, turn.start_ms)
    return (
        turn.call_id,
        turn.seq,
        turn.role,
        turn.channel,
        clean_text(turn.text),
        clean_text(turn.heard),
        start_ms,
        max(start_ms, turn.end_ms),
        turn.interrupted,
        turn.partial,
        words_json(turn.words),
        turn.timing,
        turn.verbatim,
    )


def _metrics_row(turn: Turn) -> tuple[object, ...]:
    metrics = turn.metrics
    return (
        turn.call_id,
        turn.seq,
        metrics.eou_ms,
        metrics.stt_ms,
        metrics.moderation_ms,
        metrics.ttft_ms,
        metrics.ttfb_ms,
        metrics.e2e_ms,
        metrics.input_tokens,
        metrics.output_tokens,
        metrics.wasted_tokens,
        metrics.engine,
    )


def _end_row(record: CallEnded) -> tuple[object, ...]:
    facts = None if record.facts is None else json.dumps(clean_json(record.facts.model_dump(mode="json")))
    return record.call_id, record.ended_at, record.reason, facts
