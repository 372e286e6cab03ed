"""Finds a Chromium for the browser tests, or installs one: `python -m scripts.prepare_browser`.

In this order: an installed Chromium or Chrome; Debian's package where this user may install it; Playwright's own
download. Exits 1 with one line that says what to install when none of them works.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_TIMEOUT_S = 600


def installed() -> str | None:
    """Path of an installed Chromium or Chrome, or of the one Playwright has downloaded."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return chosen
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return _playwrights_own()


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def _run(*command: str) -> bool:
    try:
        done = subprocess.run(
            command,
            check=False,
            timeout=INSTALL_TIMEOUT_S,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def install() -> bool:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing Debian's chromium for the browser tests ...", flush=True)
        if _run("apt-get", "update", "-q") and _run("apt-get", "install", "-q", "-y", "chromium"):
            return True
    print("downloading Playwright's chromium for the browser tests ...", flush=True)
    return _run(sys.executable, "-m", "playwright", "install", "chromium")


def main() -> int:
    if installed() is None:
        install()
    path = installed()
    if path is None:
        print(
            "The browser tests need Chromium and none could be installed: install the package 'chromium' "
            "(Debian: apt-get install chromium), or set CHROMIUM to the path of a Chrome or Chromium.",
            file=sys.stderr,
        )
        return 1
    print(f"browser: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
