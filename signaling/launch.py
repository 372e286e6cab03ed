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
import sys
from pathlib import Path

from signaling.keeper import DatabaseKeeper
from voice_agent.hardening import landlock, process
from voice_agent.settings import Settings
from voice_agent.storage.errors import StorageError
from voice_agent.storage.outbox_folder import prepare_outbox

logger = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("serve", help="serve the page and the API (HOST and PORT choose the address)")
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace, settings: Settings) -> int:
    """0 after an orderly end; 1 where the server cannot start, or has lost the keeper of its database."""
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
    # Here and not above: see the module's docstring.
    import uvloop  # noqa: PLC0415

    from signaling.serve import serve  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(settings, keeper))


def _contain(outbox: Path, *, required: bool) -> None:
    if landlock.supported():
        landlock.restrict([outbox])
    elif required:
        raise landlock.LandlockError("this kernel has no Landlock, and REQUIRE_LANDLOCK is set.")
    else:
        logger.warning("This kernel has no Landlock: that audio reaches no disk is up to the code alone")
