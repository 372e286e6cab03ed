"""An engine for tests of the worker pool: does what the job's "do" says. Loaded inside worker processes."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import time
from collections.abc import Mapping
from typing import Any

from voice_agent.engines.local.workers.host import Job

_PR_GET_DUMPABLE = 3


class Probe:
    def __init__(self, arguments: Mapping[str, Any]) -> None:
        if arguments.get("fail"):
            raise LookupError("a private detail")
        if arguments.get("hang"):
            time.sleep(3600)

    def run(self, job: Job) -> None:
        match job.options["do"]:
            case "echo":
                for piece in job.data():
                    job.send(piece)
            case "pid":
                job.result({"pid": os.getpid()})
            case "exit":
                os._exit(3)
            case "raise":
                raise ZeroDivisionError("a private detail")
            case "hang":
                job.result({"pid": os.getpid()})
                time.sleep(3600)
            case "pour":
                job.result({"pid": os.getpid()})
                while True:
                    job.send(bytes(4096))
            case "chatter":
                print("noise on stdout")
                os.write(1, b"more noise")
                sys.stderr.write("and here")
                job.result({"pid": os.getpid()})
            case "environment":
                job.result({"names": sorted(os.environ)})
            case "protection":
                job.result(
                    {
                        "core": resource.getrlimit(resource.RLIMIT_CORE),
                        "dumpable": ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0),
                    }
                )
