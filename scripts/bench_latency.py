"""Voice to voice: from the end of speech in the sent audio to the first audible sample that comes back.

A real server process, real WebRTC, the real clients of the provider's API; the provider is a stub with chosen delays,
so that what is measured is ours. Its partial transcripts hold a word `--partial-ms` after the word has ended in the
audio it received, its final one comes `--transcription-ms` after the commit. Replies are a fixed list: most begin with
an opener ("Okay,"), as the agents' instructions ask for, some do not; both are reported.

    python -m scripts.bench_latency                 # both kinds of transcriber, and the set-up of calls
    python -m scripts.bench_latency --json out.json

How to read it: the marks are milliseconds after the last speech *as the server hears it*; several happen at once, so
they do not add up. "heard" is the caller's own figure and holds everything, the network and both ends included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import ClientSession

from scripts.live_server import LiveServer, serving
from scripts.load.rtc import Arrived, Microphones, RtcCaller
from scripts.load.signal import realtime_calls
from scripts.load.voice import Utterance, spoken
from scripts.speech import speak_timed
from scripts.stub_audio import RATE_HZ as STUB_RATE_HZ
from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, ReplyRule, Script, TimedWords
from voice_agent.audio.opus import Decoder

_RATE_HZ = 48_000
_AUDIBLE = 10 ** (-50 / 20) * 32768
_VOICED = 500
_SETTLE_S = 0.4
_TURN_TIMEOUT_S = 15.0
_MARKS = (
    *("stopped", "transcribed", "requested", "judged", "first_token", "first_clause", "first_audio", "committed"),
    "playing",
)
TARGET_P50_MS, TARGET_P95_MS, TARGET_SETUP_MS = 350, 600, 300

TURNS = (
    ("my printer on the second floor says it is offline.", "Okay, let us look at it together. Is its light on?"),
    ("yes the light is green.", "Good. Please open the printer settings. What do you see?"),
    ("it shows an error about the network.", "I see. Then it has lost the network. Shall we restart it?"),
    ("no i did that already this morning.", "All right, then we skip that step. Which model is it?"),
    ("can you tell me how long this will take?", "That depends on the cause. I would say ten minutes."),
    ("my laptop does not connect to the office wireless.", "Thanks, I understand. Does it see the network at all?"),
    ("it asks for a password every time.", "Got it. Did you change your password lately?"),
    ("i changed it on monday.", "Right, that explains it. Please remove the saved network."),
    ("where do i find that?", "Open the settings, then choose networks. Tell me when you are there."),
    ("it works now thank you very much.", "Great, I am glad to hear that. Is there anything else?"),
)
"""What the caller says, and what the model answers: three in ten answers have no opener."""


@dataclass(slots=True)
class Turn:
    text: str
    reply: str
    heard_ms: float
    marks_ms: Mapping[str, int]


@dataclass(slots=True)
class Run:
    transcriber: str
    turns: list[Turn] = field(default_factory=list)
    setups_ms: list[float] = field(default_factory=list)
    wasted_share: float = 0.0


class Ear:
    """When the first audible sample came since `listen`."""

    def __init__(self) -> None:
        self._decoder = Decoder(_RATE_HZ)
        self._since = float("inf")
        self._first: asyncio.Future[float] | None = None

    def listen(self, since: float) -> asyncio.Future[float]:
        self._since = since
        self._first = asyncio.get_running_loop().create_future()
        return self._first

    def packet(self, arrived: Arrived) -> None:
        samples = np.frombuffer(self._decoder.decode(arrived.payload), np.int16).astype(np.int32)
        if self._first is None or self._first.done() or arrived.at < self._since:
            return
        audible = np.abs(samples) >= _AUDIBLE
        if audible.any():
            # Sound that lies deep in the packet is heard so much later.
            self._first.set_result(arrived.at + int(audible.argmax()) / _RATE_HZ)


class Caller:
    def __init__(self, microphones: Microphones) -> None:
        self.ear = Ear()
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.rtc = RtcCaller(microphones, on_packet=self.ear.packet, on_event=self.events.put_nowait, decrypt=True)

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of this type; those before it are dropped."""
        async with asyncio.timeout(_TURN_TIMEOUT_S):
            while (event := await self.events.get())["type"] != kind:
                pass
        return event


def timed(text: str) -> tuple[Utterance, TimedWords]:
    """The sound, and when each of its words has ended."""
    speech = speak_timed(text)
    samples = np.abs(np.frombuffer(speech.pcm, np.int16).astype(np.int32))
    (voiced,) = np.nonzero(samples > _VOICED)
    onset_ms, end_ms = (int(at) * 1000 / speech.rate_hz for at in (voiced[0], voiced[-1]))
    # A word has ended where the next one begins.
    begins = [at + 1 for at, character in enumerate(text) if character == " "]
    ends = [next((ms for place, ms in speech.word_starts if place >= begin), end_ms) for begin in begins]
    return spoken(text), TimedWords(text, tuple(end - onset_ms for end in (*ends, end_ms)))


async def measure(server: LiveServer, stub: StubProvider, transcriber: str, rounds: int, setups: int) -> Run:
    run = Run(transcriber)
    key = server.make_key()
    async with ClientSession() as http, Microphones() as microphones:
        for _ in range(setups):
            run.setups_ms.append(await _set_up(http, server, key, microphones))
        caller = Caller(microphones)
        await caller.rtc.call(realtime_calls(http, f"{server.url}/v1", key, query={"model": "helpdesk"}))
        try:
            for text, reply in TURNS * rounds:
                run.turns.append(await _turn(caller, stub, text, reply))
        finally:
            await caller.rtc.hang_up()
        metrics = await server.metrics(http)
        wasted = metrics.get("voice_speculation_wasted_tokens_total", 0.0)
        asked = len(stub.asked("chat"))
        run.wasted_share = max(0, asked - len(run.turns)) / asked if asked else 0.0
        print(f"{transcriber}: {asked} requests to the model for {len(run.turns)} turns, {wasted:.0f} tokens wasted")
    return run


async def _set_up(http: ClientSession, server: LiveServer, key: str, microphones: Microphones) -> float:
    """From the offer to the first sound of the greeting, in ms."""
    caller = Caller(microphones)
    started = asyncio.get_running_loop().time()
    first = caller.ear.listen(started)
    try:
        query = {"model": "helpdesk", "greet": "1"}
        await caller.rtc.call(realtime_calls(http, f"{server.url}/v1", key, query=query))
        async with asyncio.timeout(_TURN_TIMEOUT_S):
            return (await first - started) * 1000
    finally:
        await caller.rtc.hang_up()


async def _turn(caller: Caller, stub: StubProvider, text: str, reply: str) -> Turn:
    utterance, words = timed(text)
    stub.script.replies = [ReplyRule("", text=reply)]
    stub.script.transcripts.append(words)
    while not caller.events.empty():
        caller.events.get_nowait()
    first = caller.ear.listen(asyncio.get_running_loop().time())
    ended = await caller.rtc.say(utterance)
    async with asyncio.timeout(_TURN_TIMEOUT_S):
        heard_ms = (await first - ended) * 1000
    timing = await caller.until("agent.timing")
    await caller.until("output_audio_buffer.stopped")
    await asyncio.sleep(_SETTLE_S)
    return Turn(text, reply, heard_ms, timing["marks_ms"])


def percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("nan")


def _row(name: str, values: Sequence[float]) -> str:
    return f"| {name} | {percentile(values, 50):.0f} | {percentile(values, 95):.0f} | {len(values)} |"


def table(run: Run, openers: Iterable[str]) -> str:
    begins = tuple(openers)
    heard = [turn.heard_ms for turn in run.turns]
    lines = [f"### {run.transcriber}", "", "| ms | p50 | p95 | n |", "|---|---|---|---|"]
    lines.append(_row("heard (voice to voice)", heard))
    lines.append(_row("- with an opener", [t.heard_ms for t in run.turns if t.reply.startswith(begins)]))
    lines.append(_row("- without", [t.heard_ms for t in run.turns if not t.reply.startswith(begins)]))
    for mark in _MARKS:
        lines.append(_row(mark, [float(t.marks_ms[mark]) for t in run.turns if mark in t.marks_ms]))
    around = [turn.heard_ms - turn.marks_ms["playing"] for turn in run.turns]
    lines.append(_row("detection before, network and playout after", around))
    if run.setups_ms:
        lines.append(_row("set-up: offer to the greeting's first sound", run.setups_ms))
    lines.append(f"| model requests thrown away | {run.wasted_share:.0%} | | |")
    return "\n".join(lines)


async def main_async(arguments: argparse.Namespace) -> list[Run]:
    delays = Delays(
        transcription_s=arguments.transcription_ms / 1000,
        partial_s=arguments.partial_ms / 1000,
        first_token_s=arguments.first_token_ms / 1000,
        tokens_per_s=arguments.tokens_per_s,
        first_byte_s=arguments.first_byte_ms / 1000,
        moderation_s=arguments.moderation_ms / 1000,
    )
    runs = []
    for transcriber in arguments.transcribers.split(","):
        async with StubProvider(script=Script(), delays=delays, speech=_tone) as stub:
            settings = {"OPENAI_BASE_URL": stub.base_url, "OPENAI_API_KEY": "stub", "TRANSCRIBER": transcriber}
            with serving(**settings, LOCAL_FALLBACK="false", SPEECH_REHEARSE="true") as server:
                await asyncio.sleep(arguments.warm_s)
                runs.append(await measure(server, stub, transcriber, arguments.rounds, arguments.setups))
    return runs


def _tone(text: str, _speed: float) -> bytes:
    """As long as the text would take to say; audible from its first sample."""
    seconds = max(0.3, len(text) / 15)
    time = np.arange(int(seconds * STUB_RATE_HZ)) / STUB_RATE_HZ
    return (8000 * np.cos(2 * np.pi * 220 * time)).astype("<i2").tobytes()


def main() -> None:
    parser = argparse.ArgumentParser(description="Voice-to-voice latency through real WebRTC, with a stub provider.")
    parser.add_argument("--transcribers", default="openai-realtime,openai", help="engines to measure, by name")
    parser.add_argument("--rounds", type=int, default=3, help=f"times the {len(TURNS)} turns are spoken")
    parser.add_argument("--setups", type=int, default=10, help="calls set up to time the greeting")
    parser.add_argument("--transcription-ms", type=float, default=100)
    parser.add_argument("--partial-ms", type=float, default=100)
    parser.add_argument("--first-token-ms", type=float, default=150)
    parser.add_argument("--tokens-per-s", type=float, default=30)
    parser.add_argument("--first-byte-ms", type=float, default=80)
    parser.add_argument("--moderation-ms", type=float, default=50)
    parser.add_argument("--warm-s", type=float, default=8, help="wait for the set phrases to be spoken ahead")
    parser.add_argument("--json", type=Path, help="write every turn there")
    arguments = parser.parse_args()
    runs = asyncio.run(main_async(arguments))
    from voice_agent.agents.openers import openers  # noqa: PLC0415 - light, but only the report needs it

    for run in runs:
        print(table(run, openers("en")), "\n")
    best = [turn.heard_ms for turn in runs[0].turns]
    print(f"target p50 <= {TARGET_P50_MS} ms: {percentile(best, 50):.0f}")
    print(f"target p95 <= {TARGET_P95_MS} ms: {percentile(best, 95):.0f}")
    if runs[0].setups_ms:
        print(f"target set-up <= {TARGET_SETUP_MS} ms: median {statistics.median(runs[0].setups_ms):.0f}")
    if arguments.json:
        fields = [
            {
                "transcriber": run.transcriber,
                "setups_ms": run.setups_ms,
                "wasted_share": run.wasted_share,
                "turns": [{"heard_ms": t.heard_ms, "reply": t.reply, "marks_ms": dict(t.marks_ms)} for t in run.turns],
            }
            for run in runs
        ]
        arguments.json.write_text(json.dumps(fields, indent=1))


if __name__ == "__main__":
    main()
