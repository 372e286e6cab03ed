"""`voice-agent keys`: makes, lists and revokes API keys, whether the server runs or not."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from datetime import datetime

from voice_agent.settings import Settings, StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable, StorageError
from voice_agent.storage.keys import AmbiguousKeyError, KeyRow, KeyStore


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("keys", help="make, list and revoke API keys")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key; it is shown this once")
    create.add_argument("name", help="what the key is for")
    create.add_argument("--operator", action="store_true", help="it may see figures of all calls and work on tickets")
    listing = actions.add_parser("list", help="show all keys")
    revoke = actions.add_parser("revoke", help="revoke a key")
    revoke.add_argument("key", metavar="ID", help="its id, or its beginning as shown by 'list'")
    for action in (create, listing, revoke):
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """0 when done; 1, with a message on stderr, where it could not be."""
    try:
        print(asyncio.run(_run(args, settings.storage)))  # noqa: T201
    except (StorageError, DatabaseUnavailable, LookupError, ValueError) as error:
        print(f"voice-agent: {error.args[0]}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


async def _run(args: argparse.Namespace, settings: StorageSettings) -> str:
    async with Database(settings) as database:
        keys = KeyStore(database, settings)
        if args.action == "create":
            return await _create(keys, args.name, operator=args.operator, as_json=args.json)
        if args.action == "revoke":
            return await _revoke(keys, args.key, as_json=args.json)
        return await _list(keys, as_json=args.json)


async def _create(keys: KeyStore, name: str, *, operator: bool, as_json: bool) -> str:
    key_id, key = await keys.create(name, operator=operator)
    if as_json:
        return json.dumps({"id": key_id, "name": name.strip(), "key": key})
    return f"{key}\n\nThis is the only time the key {key_id} is shown."


async def _revoke(keys: KeyStore, reference: str, *, as_json: bool) -> str:
    try:
        row = await keys.revoke(reference)
    except AmbiguousKeyError as error:
        raise LookupError(str(error)) from None
    if row is None:
        raise LookupError("There is no such key: 'voice-agent keys list' shows them all.")
    if as_json:
        return json.dumps(_fields(row))
    return f"Revoked {row.id} ({row.name})."


async def _list(keys: KeyStore, *, as_json: bool) -> str:
    rows = await keys.list()
    if as_json:
        return json.dumps([_fields(row) for row in rows])
    if not rows:
        return "There are no keys. Make one with: voice-agent keys create NAME"
    table = [("ID", "KEY", "MADE", "LAST USED", "STATE", "MAY", "NAME")]
    table += [
        (
            row.id,
            f"{row.prefix}…",
            _day(row.created_at),
            _day(row.last_used_at),
            "revoked" if row.revoked_at else "valid",
            "operate" if row.operator else "call",
            row.name,
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
    )


def _fields(row: KeyRow) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(row).items()}


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "never"
