"""One server for all that is thrown at it, in this order or another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import server_root
from tests.faults.support import Target, running_target
from tests.fuzz.support import SERVER

__all__ = ["server_root"]


@pytest.fixture(scope="package")
def server(server_root: Path) -> Iterator[tuple[Target, Path]]:
    with running_target(server_root, **SERVER) as running:
        yield running
