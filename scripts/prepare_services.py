"""Installs what some tests need beside the server: a Redis, a TURN relay and the better local voice (Debian, as root).

Where that cannot be done it says so and goes on: those tests then skip themselves and name what is missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from ctypes.util import find_library

PROGRAMS = {"redis-server": "redis-server", "turnserver": "coturn"}
"""Each program with the Debian package that has it."""
LIBRARIES = {"flite": "libflite1"}
"""Likewise for shared libraries."""
_TIMEOUT_S = 300


def missing() -> dict[str, str]:
    """What the machine lacks, with the package that has it."""
    programs = {name: package for name, package in PROGRAMS.items() if shutil.which(name) is None}
    libraries = {name: package for name, package in LIBRARIES.items() if find_library(name) is None}
    return programs | libraries


def main() -> None:
    lacking = missing()
    if not lacking:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"Not installed: {', '.join(lacking)}. Tests that need them will be skipped.")
        return
    # Packages start their services by themselves; run level 1 keeps them from it. Tests run their own.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    install = ["install", "-y", "-q", "--no-install-recommends", *lacking.values()]
    for command in (["update", "-q"], install):
        try:
            subprocess.run(["apt-get", *command], env=environment, check=True, timeout=_TIMEOUT_S)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"apt-get failed ({type(error).__name__}). Tests that need it will be skipped.")
            return


if __name__ == "__main__":
    main()
