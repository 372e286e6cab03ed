"""`voice-agent eval`: plays the dialogues with an engine and says how many go as they should, and where others do not.

The script is held to its own words; any other engine to behaviour: what must and must not be said, which tools are
called, and the rules of spoken replies. A language model is also tried at telling callers who pause from callers who
have finished. Nothing is stored; the provider sees only what callers of the dialogues and pauses say.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from voice_agent.agents.base import Agent
from voice_agent.agents.catalog import load_agents
from voice_agent.agents.evals.dialogues import FOLDER, Dialogue, DialogueError, Pause, load_dialogues, load_pauses
from voice_agent.agents.evals.judging import judge
from voice_agent.agents.evals.runner import Failure, Outcome, play
from voice_agent.agents.pack_yaml import PackError
from voice_agent.engines.alone import language_model_alone
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.ports import LanguageModel
from voice_agent.settings import Settings

Models = Callable[[Agent], LanguageModel]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("eval", help="play test dialogues with the agents, and print how many pass")
    parser.add_argument("--agent", default="", help="only this agent's dialogues")
    parser.add_argument("--only", default="", metavar="TEXT", help="only dialogues and pauses with this in their name")
    parser.add_argument(
        "--engine",
        choices=("scripted", "configured"),
        default="scripted",
        help="the agents' own scripts, or the language model of the settings (default: scripted)",
    )
    parser.add_argument("--dialogues", default="", metavar="FOLDER", help="your own dialogues instead of the built-in")
    parser.add_argument(
        "--at-least", type=float, default=100, metavar="PERCENT", help="exit with 1 if fewer pass (default: 100)"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """0 where enough dialogues pass, 1 where fewer do, 2 where none could be played."""
    try:
        outcomes = asyncio.run(_play_all(args, settings, sys.stderr))
    except (ConfigurationError, DialogueError, PackError) as error:
        print(f"voice-agent: {error}", file=sys.stderr)  # noqa: T201
        return 2
    print(_as_json(outcomes, args.engine) if args.json else _as_text(outcomes))  # noqa: T201
    return 0 if all(_passed(own) * 100 >= args.at_least * len(own) for own in _apart(outcomes)) else 1


async def _play_all(args: argparse.Namespace, settings: Settings, progress: TextIO) -> list[Outcome]:
    agents = load_agents(settings)
    folder = Path(args.dialogues) if args.dialogues else FOLDER
    exact = args.engine == "scripted"
    # The scripts never wait, and no model may where the settings forbid it.
    pauses = load_pauses(folder) if settings.turns.ask_model and not exact else ()
    entries = _chosen([*load_dialogues(folder), *pauses], agents, args)
    free = asyncio.Semaphore(settings.agents.eval_parallel)
    done = 0

    async def one(entry: Dialogue | Pause, models: Models) -> Outcome:
        nonlocal done
        agent = agents[entry.agent]
        async with free:
            if isinstance(entry, Pause):
                outcome = await judge(entry, agent, models(agent), settings.agents)
            else:
                outcome = await play(entry, agent, models(agent), settings.agents, exact=exact)
        done += 1
        if progress.isatty() or not exact:
            verdict = "ok" if outcome.passed else "failed"
            progress.write(f"{done}/{len(entries)} {verdict}: {entry.agent}, {entry.name}\n")
            progress.flush()
        return outcome

    async with _models(args.engine, settings) as models:
        return list(await asyncio.gather(*(one(entry, models) for entry in entries)))


@asynccontextmanager
async def _models(engine: str, settings: Settings) -> AsyncIterator[Models]:
    if engine == "scripted":
        yield lambda agent: agent.scripted
        return
    async with language_model_alone(settings.engines) as model:
        yield lambda _agent: model


def _chosen(
    entries: Sequence[Dialogue | Pause], agents: Mapping[str, Agent], args: argparse.Namespace
) -> Sequence[Dialogue | Pause]:
    strange = {entry.agent for entry in entries} - agents.keys()
    if args.agent and args.agent not in agents:
        strange = {args.agent}
    if strange:
        raise DialogueError(f"there is no agent {sorted(strange)[0]!r}; the agents are: {', '.join(sorted(agents))}")
    wanted = args.only.casefold()
    found = [each for each in entries if args.agent in ("", each.agent) and wanted in each.name.casefold()]
    if not found:
        raise DialogueError("no dialogue fits")
    return found


def _as_text(outcomes: Sequence[Outcome]) -> str:
    lines: list[str] = []
    for outcome in outcomes:
        if not outcome.passed:
            lines.append(f"{outcome.entry.agent}, {outcome.entry.name}:")
            lines += [f"  {line}" for failure in outcome.failures for line in _failure(failure)]
    dialogues, pauses = _apart(outcomes)
    for agent, own in _by_agent(dialogues).items():
        lines.append(f"{agent}: {_passed(own)} of {len(own)} pass ({100 * _passed(own) / len(own):.0f} %)")
    if pauses:
        count = _counts(pauses)
        lines.append(
            f"pauses: {count['waited']} of {count['unfinished']} are waited in, {count['answered']} of "
            f"{count['finished']} ends are answered ({100 * _passed(pauses) / len(pauses):.0f} %)"
        )
    return "\n".join(lines)


def _failure(failure: Failure) -> list[str]:
    if not failure.turn:
        return [f"in the end: {failure.reason}"]
    return [
        f"turn {failure.turn}: {failure.reason}",
        f"    caller: {failure.caller}",
        f"    agent:  {failure.said or '(nothing)'}",
    ]


def _apart(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """The dialogues, and the pauses."""
    dialogues = [outcome for outcome in outcomes if isinstance(outcome.entry, Dialogue)]
    return dialogues, [outcome for outcome in outcomes if isinstance(outcome.entry, Pause)]


def _passed(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.passed for outcome in outcomes)


def _counts(outcomes: Sequence[Outcome]) -> Mapping[str, int]:
    """How many pauses there are, and how many were told from ends."""
    judged = [(outcome.entry.finished, outcome.passed) for outcome in outcomes if isinstance(outcome.entry, Pause)]
    return {
        "unfinished": sum(not finished for finished, _ in judged),
        "waited": judged.count((False, True)),
        "finished": sum(finished for finished, _ in judged),
        "answered": judged.count((True, True)),
    }


def _by_agent(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.entry.agent, []).append(outcome)
    return groups


def _as_json(outcomes: Sequence[Outcome], engine: str) -> str:
    dialogues, pauses = _apart(outcomes)
    agents = {agent: {"dialogues": len(own), "passed": _passed(own)} for agent, own in _by_agent(dialogues).items()}
    failures = [
        {
            "agent": outcome.entry.agent,
            "dialogue": outcome.entry.name,
            "turn": failure.turn,
            "caller": failure.caller,
            "said": failure.said,
            "reason": failure.reason,
        }
        for outcome in outcomes
        for failure in outcome.failures
    ]
    result = {"engine": engine, "agents": agents, "pauses": _counts(pauses), "failures": failures}
    return json.dumps(result, ensure_ascii=False, indent=2)
