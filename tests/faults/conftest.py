"""Folders for servers of tests: outside pytest's own, which an unprivileged database cannot enter under root."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def server_root() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="voice-agent-faults-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)
