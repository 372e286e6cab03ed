"""A virtual environment for each peer, with the newest versions that the package index has on the day of the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".bench"
_INSTALL_TIMEOUT_S = 600
_LIST_TIMEOUT_S = 60
COMMON = ("aiohttp", "uvloop", "webrtcvad-wheels")
"""For the servers' own needs: HTTP, the same event loop for all, the same detector where a peer has none."""


class UnavailableError(Exception):
    """A peer that cannot be installed or started, with the reason."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a peer's Python is, and what is installed beside it."""

    python: Path
    versions: dict[str, str]


def prepared(name: str, requirements: Sequence[str]) -> Environment:
    """Makes or renews `.bench/<name>`. Raises UnavailableError when the index or a package fails."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    if not python.exists():
        _run(f"venv {name}", [str(ROOT / "scripts" / "make_venv.sh"), sys.executable, str(folder)])
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", "--upgrade"]
    _run(f"pip install {' '.join(requirements)}", [*install, *requirements, *COMMON])
    return Environment(python, versions(python))


def versions(python: Path) -> dict[str, str]:
    """What is installed, by name in lower case."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--disable-pip-version-check", "--format=json"],
        check=True,
        capture_output=True,
        timeout=_LIST_TIMEOUT_S,
    )
    return {package["name"].lower(): package["version"] for package in json.loads(listed.stdout)}


def _run(what: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{what}: {error}") from error
    if done.returncode:
        reason = done.stderr.strip().splitlines()
        raise UnavailableError(f"{what}: {reason[-1] if reason else f'exit status {done.returncode}'}")
