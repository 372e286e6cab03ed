"""Installs the services that some tests need beside the server: a Redis and a TURN relay (Debian, as root).

Where that cannot be done it says so and goes on: those tests then skip themselves and name what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess

PROGRAMS = {"redis-server": "redis-server", "turnserver": "coturn"}
"""Each program with the Debian package that has it."""
_TIMEOUT_S = 300


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


def main() -> None:
    missing = missing_programs()
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Not installed: {', '.join(missing)}. Tests that need them will be skipped.")
        return
    # Packages start their services by themselves; run level 1 keeps them from it. Tests run their own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    packages = [PROGRAMS[program] for program in missing]
    for command in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *packages]):
        try:
            subprocess.run(["apt-get", *command], env=environment, check=True, timeout=_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"apt-get failed ({type(error).__name__}). Tests that need a service will be skipped.")
            return


if __name__ == "__main__":
    main()
