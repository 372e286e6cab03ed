"""`voice-agent serve`: what must happen before the server is even loaded, because it can happen in one thread only.

Landlock binds the thread that asks for it and those started later, and importing the media stack starts threads of
native libraries. So this module imports nothing heavy: it prepares the places that will be written to, starts the
keeper of the embedded database, which must stay able to write, gives up the right to write anything else, and only
then imports the server.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from signaling import workers
from signaling.keeper import DatabaseKeeper, kept_database
from voice_agent.hardening import landlock, process
from voice_agent.settings import Settings
from voice_agent.storage.cluster import Cluster
from voice_agent.storage.errors import StorageError
from voice_agent.storage.outbox_folder import prepare_outbox

logger = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("serve", help="serve the page and the API (HOST and PORT choose the address)")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="server processes sharing the port (default: WORKERS); need REDIS_URL",
    )
    parser.add_argument(workers.OPTION, type=int, metavar="PID", dest="parent", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """0 after an orderly end; 1 where the server cannot start, or has lost the keeper of its database."""
    if args.parent is not None:
        return _run_worker(args.parent, settings)
    count = args.workers or settings.server.workers
    if count > 1 and not settings.storage.redis_url.get_secret_value():
        print("voice-agent cannot start: more than one worker needs REDIS_URL.", file=sys.stderr)  # noqa: T201
        return 1
    keeper: DatabaseKeeper | None = None
    try:
        process.seal_memory()
        outbox = prepare_outbox(settings.storage)
        if not settings.storage.database_url.get_secret_value():
            keeper = DatabaseKeeper(settings)
        _contain(outbox, required=settings.server.require_landlock)
    except (landlock.LandlockError, StorageError) as error:
        if keeper is not None:
            keeper.discard()
        print(f"voice-agent cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if count > 1:
        return asyncio.run(workers.supervise(settings, count, keeper))
    return _serve(settings, keeper)


def _run_worker(parent: int, settings: Settings) -> int:
    """One of several server processes: the database's keeper is its parent's, with which it ends."""
    try:
        process.end_with_parent(parent)
        process.seal_memory()
        outbox = prepare_outbox(settings.storage)
        kept: Cluster | None = None
        if not settings.storage.database_url.get_secret_value():
            kept = Cluster(settings.storage)
            settings = settings.with_storage(kept_database(settings.storage, kept))
        _contain(outbox, required=settings.server.require_landlock)
    except (landlock.LandlockError, StorageError) as error:
        print(f"voice-agent cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    try:
        return _serve(settings, None, shared_port=True)
    finally:
        if kept is not None:
            kept.close()


def _serve(settings: Settings, keeper: DatabaseKeeper | None, *, shared_port: bool = False) -> int:
    # Read when NumPy is loaded. Its products here are too small to be shared: more threads would only spin, on the
    # processor that the event loop needs.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Here and not above: see the module's docstring.
    import uvloop  # noqa: PLC0415

    from signaling.serve import serve  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(settings, keeper, shared_port=shared_port))


def _contain(outbox: Path, *, required: bool) -> None:
    if landlock.supported():
        landlock.restrict([outbox])
    elif required:
        raise landlock.LandlockError("this kernel has no Landlock, and REQUIRE_LANDLOCK is set.")
    else:
        logger.warning("This kernel has no Landlock: that audio reaches no disk is up to the code alone")
