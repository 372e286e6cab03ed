"""The order in which test files are handed to the processes that run them side by side (`make test`).

Most long tests wait: for speech at its real pace, for a deadline, for a server to start. They finish soonest when they
begin first and when those that compute run beside them. So the folders take turns, file by file, and what is left at
the end are the many short files of `unit`. Without xdist nothing is reordered: fixtures that files share stay up.

And why a test needed its second try is shown, which pytest keeps to itself once that has passed.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):
        return
    files: dict[Path, dict[Path, int]] = defaultdict(dict)
    for item in items:
        folder = files[item.path.parent]
        folder.setdefault(item.path, len(folder))
    items.sort(key=lambda item: (files[item.path.parent][item.path], item.path))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.write_sep("_", f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
