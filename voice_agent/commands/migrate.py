"""`voice-agent migrate`: brings the database's schema up to date without starting the server, which does the same."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from voice_agent.settings import Settings, StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable, StorageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("migrate", help="bring the database's schema up to date")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """0 when the schema is current; 1, with a message on stderr, where it cannot be made so."""
    try:
        applied = asyncio.run(_migrate(settings.storage))
    except (StorageError, DatabaseUnavailable) as error:
        print(f"voice-agent: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if args.json:
        print(json.dumps({"applied": list(applied)}))  # noqa: T201
    elif applied:
        print(f"Applied {', '.join(map(str, applied))}.")  # noqa: T201
    else:
        print("The database is up to date.")  # noqa: T201
    return 0


async def _migrate(settings: StorageSettings) -> Sequence[int]:
    async with Database(settings) as database:
        return database.applied
