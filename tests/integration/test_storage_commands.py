"""`voice-agent keys` and `migrate`: alone, and while a server runs on the same embedded database."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from voice_agent.commands import keys, migrate
from voice_agent.settings import Settings, StorageSettings


def run(data_dir: Path, *words: str, **fields: object) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    keys.add_parser(subparsers)
    migrate.add_parser(subparsers)
    args = parser.parse_args(words)
    storage = StorageSettings.model_validate({"data_dir": data_dir} | fields)
    return int(args.run(args, Settings(storage=storage)))


@pytest.mark.parametrize("server_runs", [True, False])
def test_keys_are_made_listed_and_revoked(
    server_runs: bool, shared_data_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = shared_data_dir if server_runs else data_dir
    assert run(place, "keys", "create", "my laptop", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["key"].startswith("sk-")
    assert made["name"] == "my laptop"

    assert run(place, "keys", "list") == 0
    listed = capsys.readouterr().out
    assert made["id"] in listed
    assert "my laptop" in listed
    assert made["key"] not in listed

    assert run(place, "keys", "revoke", made["id"]) == 0
    assert "Revoked" in capsys.readouterr().out
    assert run(place, "keys", "list", "--json") == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows[made["id"]]["revoked_at"]


def test_a_key_is_shown_once_in_words(shared_data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shared_data_dir, "keys", "create", "phone") == 0
    out = capsys.readouterr().out
    assert out.startswith("sk-")
    assert "only time" in out


def test_an_unknown_key_cannot_be_revoked(shared_data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shared_data_dir, "keys", "revoke", "key_unknown") == 1
    assert "no such key" in capsys.readouterr().err


def test_a_nameless_key_is_refused(shared_data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shared_data_dir, "keys", "create", " ") == 1
    assert "needs a name" in capsys.readouterr().err


def test_migrate_says_what_it_did(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data_dir, "migrate") == 0
    assert capsys.readouterr().out == "Applied 1, 2, 3.\n"
    assert run(data_dir, "migrate", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"applied": []}
    assert run(data_dir, "migrate") == 0
    assert capsys.readouterr().out == "The database is up to date.\n"


@pytest.mark.parametrize("command", [("migrate",), ("keys", "list")])
def test_a_database_that_is_away_is_one_line_and_not_a_traceback(
    command: tuple[str, ...], data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://nobody@127.0.0.1:1/x"
    assert run(data_dir, *command, database_url=url, database_start_timeout_s=0.3) == 1
    assert capsys.readouterr().err.startswith("voice-agent: The database does not answer")
