"""An engine that tries to keep what it hears. Loaded inside worker processes; not a test module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voice_agent.engines.local.workers.host import Job


class Probe:
    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._path = Path(arguments["path"])
        self.kept_at_load = self._keep()

    def run(self, job: Job) -> None:
        job.result({"kept": [self.kept_at_load, self._keep()]})

    def _keep(self) -> bool:
        try:
            self._path.write_bytes(b"sound")
        except PermissionError:
            return False
        return True
