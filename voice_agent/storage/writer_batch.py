"""Storing one batch of records: all of it or none, under a deadline; what the database never takes is set aside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import asyncpg
from prometheus_client import Counter

from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable
from voice_agent.storage.rows import Record, store

logger = logging.getLogger(__name__)

REJECTED = Counter("voice_writer_rejected_rows", "Records that the database refused for good.")


async def store_batch(database: Database, records: Sequence[Record], *, timeout_s: float) -> None:
    """Returns when all are committed, but for those that would break a constraint: these are counted and logged.

    Raises DatabaseUnavailable; then it may be that they are stored, and they may be stored again.
    """
    try:
        async with asyncio.timeout(timeout_s), database.connection() as connection:
            await store(connection, records)
    except TimeoutError as error:
        raise DatabaseUnavailable("the database did not commit in time") from error
    except (asyncpg.PostgresError, asyncpg.DataError, TypeError, ValueError) as error:
        if len(records) > 1:
            for record in records:
                await store_batch(database, [record], timeout_s=timeout_s)
            return
        reject(records[0], error)


def reject(record: Record, error: Exception) -> None:
    """Sets aside what can never be stored."""
    # The record's own words must not reach the log: its kind and the error's class have to do.
    logger.error("The storage refused a %s (%s)", type(record).__name__, type(error).__name__)
    REJECTED.inc()
