"""`voice-agent jobs`: does the work after calls in a process of its own, beside the server or on another machine.

The server does it too unless JOBS_WORKERS is 0. Any number of such processes may run; the first signal lets none begin
a further job and gives those under way back to the queue.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from voice_agent.agents.catalog import load_agents
from voice_agent.agents.pack_yaml import PackError
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.review_model import review_model
from voice_agent.hardening import process
from voice_agent.reports.builder import ReportBuilder
from voice_agent.reports.jobs import CallJobs
from voice_agent.reports.maker import ReportMaker
from voice_agent.reports.review import Reviewer
from voice_agent.settings import Settings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable, StorageError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("jobs", help="do the work after calls: reports, deleting what nobody saved")
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace, settings: Settings) -> int:
    """0 after an orderly end; 1, with a message on stderr, where it cannot start."""
    try:
        process.seal_memory()
        asyncio.run(_work(settings))
    except (ConfigurationError, DatabaseUnavailable, PackError, StorageError) as error:
        print(f"voice-agent: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


async def _work(settings: Settings) -> None:
    agents = load_agents(settings)
    async with Database(settings.storage) as database, review_model(settings.engines) as model:
        maker = ReportMaker(agents, Reviewer(model, settings.reports), ReportBuilder(settings.reports))
        worker = CallJobs(database, maker, settings).worker()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        print("voice-agent does jobs", flush=True)  # noqa: T201
        await worker.run()
