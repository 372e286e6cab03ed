"""The command line: `voice-agent serve|console|doctor|migrate|keys|jobs|eval`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from types import ModuleType

from pydantic import ValidationError

from signaling.logs import setup_logging
from voice_agent import settings as settings_module
from voice_agent.settings import Settings

_COMMANDS = {
    "serve": "signaling.launch",
    "console": "voice_agent.commands.console",
    "doctor": "voice_agent.commands.doctor",
    "migrate": "voice_agent.commands.migrate",
    "keys": "voice_agent.commands.keys",
    "jobs": "voice_agent.commands.jobs",
    "eval": "voice_agent.commands.evaluate",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; 2 where the command line or a setting is wrong."""
    words = sys.argv[1:] if argv is None else list(argv)
    # Only the command asked for is imported: a key is not made any faster by loading the media stack.
    wanted = [_COMMANDS[words[0]]] if words and words[0] in _COMMANDS else list(_COMMANDS.values())
    args = _parser([import_module(name) for name in wanted]).parse_args(words)
    try:
        settings = Settings()
    except ValidationError as error:
        print(_explained(error), file=sys.stderr)  # noqa: T201
        return 2
    setup_logging(settings.server)
    try:
        return int(args.run(args, settings))
    except KeyboardInterrupt:
        return 130


def _parser(commands: Sequence[ModuleType]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="voice-agent", description="A self-hosted, privacy-first, real-time voice agent server."
    )
    parser.add_argument("--version", action="version", version=f"voice-agent {metadata.version('voice-agent')}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        command.add_parser(subparsers)
    return parser


def _explained(error: ValidationError) -> str:
    """One line per setting that is wrong; never its value, which may be a key."""
    group = getattr(settings_module, error.title, None)
    prefix = group.model_config.get("env_prefix", "") if group is not None else ""
    lines = [f"{prefix}{'.'.join(map(str, item['loc']))}".upper() + f": {item['msg']}" for item in error.errors()]
    return "voice-agent cannot start: these settings are wrong.\n  " + "\n  ".join(lines)
