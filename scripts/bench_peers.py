"""Our server beside others: what the media of a call cost, and how soon a whole pipeline answers.

    python -m scripts.bench_peers [--only media|dialogues] [--json peers.json]

Everything in a table was measured in one run: same callers (`scripts/load`), same utterances, same provider
(`scripts/stub_provider.py`), every server by itself on the first core, callers and provider on the others. All servers
run on uvloop and over loopback. Peers live in `.bench/`, in environments made by the script from the newest versions of
the package index; one that cannot be installed or started is reported with the reason. Keep the machine quiet.

Media: callers and agent talk without a pause; the agent's speech is PCM at 24 kHz that the server has to encode.
Dialogues: callers ask, wait for the answer and ask again; transcription takes 100 ms after the audio, the model's first
token 150 ms and then 30 tokens come a second, the voice's first byte 80 ms. Each framework is set up as it is by
default: what decides that the caller has finished is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import functools
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from aiohttp import ClientSession

from scripts.live_server import serving
from scripts.load.signal import realtime_calls
from scripts.load.voice import spoken
from scripts.peer_bench.dialogue import DialogueCost, dialogue_cost
from scripts.peer_bench.environments import ROOT, Environment, UnavailableError, prepared, versions
from scripts.peer_bench.media import MediaCost, media_cost, offers
from scripts.peer_bench.processes import core_of_clients, core_of_servers, server
from scripts.speech import synthesize

PACKAGES: Mapping[str, Sequence[str]] = {
    "aiortc": ("aiortc",),
    "FastRTC": ("fastrtc",),
    "Pipecat": ("pipecat-ai[webrtc,openai,silero]", "fastapi"),
}
OURS = "ours"
SHOWN = ("aiortc", "aioice", "av", "fastrtc", "pipecat-ai", "onnxruntime", "uvloop", "voice-agent")
TALK = (
    "The quick brown fox jumps over the lazy dog, and while it does so the caller goes on talking about the weather, "
    "about the neighbours, about the train that came too late, and about the letter that has to be sent today."
)
QUESTIONS = (
    "My printer is offline and I have to send a letter.",
    "The screen stays black when I open the lid.",
    "I cannot hear anybody in the meeting.",
    "Please reset the password of my account.",
    "The computer is very slow since this morning.",
)
HEARD = "My printer is offline and I have to send a letter."
REPLY = "Number {n} is what we try first. After that we look at the cable together."


@dataclass(frozen=True, slots=True)
class Contestant:
    """One row: a server program, whose environment it runs in, and what it is asked to leave out."""

    name: str
    owner: str
    module: str
    environment: Mapping[str, str] = field(default_factory=dict)


MEDIA = (
    Contestant("plain aiortc + webrtcvad", "aiortc", "media_aiortc"),
    Contestant("ours, webrtcvad alone", OURS, "media_ours", {"WITHOUT_SILERO": "1"}),
    Contestant("ours, webrtcvad + Silero", OURS, "media_ours"),
    Contestant("FastRTC + webrtcvad", "FastRTC", "media_fastrtc"),
    Contestant("Pipecat, no detector", "Pipecat", "media_pipecat", {"WITHOUT_VAD": "1"}),
    Contestant("Pipecat + its Silero", "Pipecat", "media_pipecat"),
)
REFERENCE = MEDIA[0].name


@dataclass
class Report:
    """Rows in the order of measuring; `unavailable` says why a row is missing."""

    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    media: dict[str, MediaCost] = field(default_factory=dict)
    dialogues: dict[str, DialogueCost] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data, with the ratios of the tables."""
        return {
            "versions": self.versions,
            "media": {
                name: dataclasses.asdict(row) | {"us_per_packet": row.us_per_packet, "ratio": self.ratio(row)}
                for name, row in self.media.items()
            },
            "dialogues": {
                name: dataclasses.asdict(row) | {f"p{percent}_ms": row.percentile_ms(percent) for percent in (50, 95)}
                for name, row in self.dialogues.items()
            },
            "unavailable": self.unavailable,
        }

    def ratio(self, row: MediaCost) -> float | None:
        """To plain aiortc; None where that was not measured."""
        reference = self.media.get(REFERENCE)
        return row.cpu_s_per_call_s / reference.cpu_s_per_call_s if reference else None

    def table(self) -> str:
        lines = [
            f"{owner}: " + ", ".join(f"{name} {installed[name]}" for name in SHOWN if name in installed)
            for owner, installed in self.versions.items()
        ]
        if self.media:
            heads = ("ratio", "us/packet", "CPU-s/call-s", "calls/core", "core busy")
            lines += ["", f"{'media, both talk':28}" + "".join(f"{head:>14}" for head in heads)]
        for name, row in self.media.items():
            ratio = self.ratio(row)
            lines.append(
                f"{name:28}{'-' if ratio is None else format(ratio, '.2f'):>14}{row.us_per_packet:14.0f}"
                f"{row.cpu_s_per_call_s:14.4f}{row.calls_per_core:14.0f}{row.busy:14.0%}"
            )
        if self.dialogues:
            titles = ("p50 ms", "p95 ms", "answers", "cut in", "silent", "CPU-s/call-s", "+ children")
            lines += ["", f"{'dialogues':28}" + "".join(f"{title:>14}" for title in titles)]
        for name, each in self.dialogues.items():
            lines.append(
                f"{name:28}{each.percentile_ms(50):14.0f}{each.percentile_ms(95):14.0f}"
                f"{len(each.voice_to_voice_s):14}{each.cut_in:14}{each.unanswered:14}"
                f"{each.cpu_s_per_call_s:14.4f}{each.cpu_s_per_call_s_with_children:14.4f}"
            )
        lines += [f"unavailable: {name}: {reason}" for name, reason in self.unavailable.items()]
        return "\n".join(lines)


# --- measuring ----------------------------------------------------------------------------------------------------


def environments(report: Report) -> dict[str, Environment]:
    """Ours and those peers that could be installed."""
    found = {OURS: Environment(Path(sys.executable), versions(Path(sys.executable)))}
    for name, packages in PACKAGES.items():
        try:
            found[name] = prepared(name.lower(), packages)
        except UnavailableError as error:
            report.unavailable[name] = str(error)
    for name, environment in found.items():
        report.versions[name] = {each: environment.versions[each] for each in SHOWN if each in environment.versions}
    return found


async def measure_media(found: Mapping[str, Environment], report: Report, calls: int, seconds: float) -> None:
    speech = synthesize(TALK, 24_000)
    for contestant in MEDIA:
        if contestant.owner not in found:
            continue
        python = found[contestant.owner].python
        try:
            async with server(contestant.module, python, speech=speech, environment=contestant.environment) as (
                url,
                process,
            ):
                report.media[contestant.name] = await media_cost(
                    url, process, calls=calls, seconds=seconds, utterance=spoken(TALK)
                )
        except UnavailableError as error:
            report.unavailable[contestant.name] = str(error)


async def measure_dialogues(found: Mapping[str, Environment], report: Report, calls: int, turns: int) -> None:
    utterances = [spoken(question) for question in QUESTIONS]
    rows: dict[str, tuple[str, Callable[..., Awaitable[DialogueCost]]]] = {
        "Pipecat, audio uploaded": ("Pipecat", dialogues_of_pipecat),
        "ours, audio uploaded": (OURS, functools.partial(dialogues_of_ours, transcriber="openai")),
        "ours, audio streamed": (OURS, functools.partial(dialogues_of_ours, transcriber="openai-realtime")),
    }
    for name, (owner, measured) in rows.items():
        if owner not in found:
            continue
        try:
            async with AsyncExitStack() as stack:
                report.dialogues[name] = await measured(
                    stack, found[owner].python, await provider(stack), calls=calls, utterances=utterances, turns=turns
                )
        except UnavailableError as error:
            report.unavailable[name] = str(error)


async def provider(stack: AsyncExitStack) -> str:
    """The base URL of a stub provider in a process of its own, on the cores of the clients."""
    command = (sys.executable, "-m", "scripts.stub_provider", "--port", "0", "--transcript", HEARD, "--reply", REPLY)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)

    async def stop() -> None:
        process.terminate()
        await process.wait()

    stack.push_async_callback(stop)
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode().strip()


async def dialogues_of_pipecat(stack: AsyncExitStack, python: Path, provider_url: str, **options: Any) -> DialogueCost:
    url, process = await stack.enter_async_context(
        server("agent_pipecat", python, environment={"OPENAI_BASE_URL": provider_url})
    )
    http = await stack.enter_async_context(ClientSession())
    return await dialogue_cost(lambda: offers(http, url), process, **options)


async def dialogues_of_ours(
    stack: AsyncExitStack, _python: Path, provider_url: str, *, transcriber: str, **options: Any
) -> DialogueCost:
    settings = {
        "OPENAI_BASE_URL": provider_url,
        "OPENAI_API_KEY": "unused",
        "MEDIA_HOST": "127.0.0.1",
        "TRANSCRIBER": transcriber,
        "SPEECH_REHEARSE": "true",
    }
    with core_of_servers():
        running = stack.enter_context(serving(**settings))
    key = await asyncio.to_thread(running.make_key)
    http = await stack.enter_async_context(ClientSession())

    def signal() -> Any:
        return realtime_calls(http, f"{running.url}/v1", key, query={"model": "helpdesk"})

    return await dialogue_cost(signal, psutil.Process(running.pid), **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("media", "dialogues"))
    parser.add_argument("--calls", type=int, default=12, help="at once, for the media")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement of media")
    parser.add_argument("--talkers", type=int, default=4, help="calls at once, for the dialogues")
    parser.add_argument("--turns", type=int, default=8, help="of each of them")
    parser.add_argument("--json", type=Path, help="where to write the report as JSON as well")
    options = parser.parse_args()
    report = Report()
    found = environments(report)

    async def measure() -> None:
        if options.only != "dialogues":
            await measure_media(found, report, options.calls, options.seconds)
        if options.only != "media":
            await measure_dialogues(found, report, options.talkers, options.turns)

    with core_of_clients():
        asyncio.run(measure())
    print(report.table())
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2) + "\n")


if __name__ == "__main__":
    main()
