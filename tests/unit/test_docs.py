"""The documents name only what there is: files, settings, commands, metrics, events, log messages, tests."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from scripts.env_example import groups
from signaling import cli
from voice_agent.realtime.client_events import SUPPORTED_TYPES

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = [*DOCUMENTS, ROOT / "docker-compose.yml", *sorted(p for p in (ROOT / "deploy").iterdir() if p.is_file())]

# Variables that are not settings of the server: of the compose file, and of make and the tests.
OTHER_VARIABLES = {
    "LOAD_TEST_KEY",
    "OPENBLAS_NUM_THREADS",
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "TURN_SECRET",
    "PYTHON",
    "CHROMIUM",
    "FUZZ_SEED",
    "FUZZ_MUTANTS",
}
# Words in capitals that are no variables: names in SDP, systemd and Linux, and values of the code.
OTHER_CAPITALS = {"RLIMIT_CORE", "REVIEWED", "AF_NETLINK", "NAME", "ID", "AGENT", "SIGTERM", "SIGINT"}

LEVELS = {"info", "warning", "error", "exception", "critical"}

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_ASSIGNED = re.compile(r"^(?:export )?([A-Z][A-Z0-9_]+)=", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for package in ("voice_agent", "signaling"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, str]]:
    """(name of the function, first argument) of every call whose first argument is a plain string."""
    for _, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if isinstance(node.args[0].value, str):
                    yield name, node.args[0].value


def settings() -> set[str]:
    return {
        (group.model_config.get("env_prefix", "") + name).upper() for group in groups() for name in group.model_fields
    }


def variables(text: str) -> set[str]:
    """Names in capitals that a document sets or puts between backticks."""
    quoted = {
        word for code in _CODE.findall(text) for word in re.findall(r"(?<![\w.$])[A-Z][A-Z0-9_]{2,}(?![\w.(])", code)
    }
    return {name for name in quoted if "_" in name or name in settings()} | set(_ASSIGNED.findall(text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    targets = [link for link in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in targets if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_every_variable_named_is_a_setting(path: Path) -> None:
    named = variables(path.read_text(encoding="utf-8"))
    assert named - settings() - OTHER_VARIABLES - OTHER_CAPITALS == set()


def test_the_documents_name_settings_at_all() -> None:
    assert {"DATABASE_URL", "MEDIA_HOST"} <= variables((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_every_make_target_named_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|^|&& )make ([a-z-]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


def subcommands() -> set[str]:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers()
    for name in cli._COMMANDS.values():
        import_module(name).add_parser(subparsers)
    found = set(subparsers.choices)
    for child in subparsers.choices.values():
        for action in child._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= {f"{child.prog.split()[-1]} {name}" for name in action.choices}
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_every_command_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = subcommands()
    named = set(re.findall(r"(?:bin/|`|server |^)voice-agent ([a-z]+)", text, re.MULTILINE))
    assert named <= known
    assert {f"keys {name}" for name in re.findall(r"voice-agent keys ([a-z]+)", text)} <= known


def test_operations_lists_every_metric_and_no_other() -> None:
    made = {
        f"{text}_total" if name == "Counter" and not text.endswith("_total") else text
        for name, text in calls()
        if name in ("Counter", "Gauge", "Histogram")
    }
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(voice_\w+)", table, re.MULTILINE)) == made
    for path in DOCUMENTS:
        named = re.findall(
            r"`(voice_\w+_(?:active|bytes|frames|rows|seconds|total))\b", path.read_text(encoding="utf-8")
        )
        assert set(named) <= made


def test_log_messages_in_operations_are_those_of_the_code() -> None:
    table = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Logs")[1].split("\n## ")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    listed = {message for cell in cells for message in _CODE.findall(cell)}
    assert listed
    assert listed - {text for name, text in calls() if name in LEVELS} == set()


def test_the_protocol_page_lists_every_event_of_ours_and_what_clients_may_send() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    ours = {event for name, event in calls() if name == "event" and event.startswith("agent.")}
    assert set(re.findall(r"^\| `(agent\.\w+)`", text, re.MULTILINE)) == ours
    listed = text.split("## Client events")[1].split("\n## ")[0]
    assert set(_CODE.findall(listed)) == set(SUPPORTED_TYPES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_every_test_named_exists(path: Path) -> None:
    for file, name in _TEST.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / file).is_file(), file
        assert not name or f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=ids)
def test_every_module_named_exists(path: Path) -> None:
    named = set(re.findall(r"`(?:voice_agent/)?((?:\w+/)+\w+\.(?:py|sql))", path.read_text(encoding="utf-8")))
    assert {name for name in named if not any((ROOT / top / name).exists() for top in ("", "voice_agent"))} == set()


def test_every_decision_is_listed_and_says_all_four_things() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("0*.md"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    for number, page in enumerate(pages, 1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert f"]({page.name})" in index
        for part in ("**Context.**", "**Decision.**", "**Consequences.**", "**What would change our mind.**"):
            assert part in text, f"{page.name}: {part}"


@pytest.mark.parametrize("path", TEXTS, ids=ids)
def test_nothing_is_left_to_do_and_no_machine_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\b(?:TODO|FIXME|XXX|TBD)\b|@@", text) == []
    assert re.findall(r"(?:/work|/root|/home)/[\w.]+", text) == []
    assert str(ROOT) not in text
