"""The process that works out one report: `python -m voice_agent.reports.build_process NICE PARENT`.

It reads the material from stdin, writes the result to stdout and touches nothing else. It steps back for the server's
calls, and ends with the server.
"""

from __future__ import annotations

import os
import sys

from voice_agent.hardening import process


def main(nice: int, parent: int) -> int:
    process.seal_memory()
    process.end_with_parent(parent)
    os.nice(nice)
    # Loaded here because loading is most of the work, and must step back as well.
    from voice_agent.reports.build import Material, built  # noqa: PLC0415

    sys.stdout.buffer.write(built(Material.model_validate_json(sys.stdin.buffer.read())).model_dump_json().encode())
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
    except Exception:
        # A traceback could hold words of the call.
        sys.exit(1)
