"""Load test: N callers speak to a server over real WebRTC or WebSockets, and what they notice is measured.

    python -m scripts.load_test --calls 100 --duration 60         # our own server, one core, the stub provider
    python -m scripts.load_test --find                            # how many calls one core holds
    python -m scripts.load_test --transport text --calls 2000     # conversations in writing
    LOAD_TEST_KEY=sk_... python -m scripts.load_test --url https://voice.example.org/v1 --calls 10

Any server that speaks the OpenAI Realtime API will do. Given one, mind what the calls cost. What the server says of
itself (processor, memory, loop lag, stages) is read from its Prometheus metrics where they can be reached.

How to read it: `voice_to_voice` is what a caller notices, from the end of the voice as sent to the first packet with
sound. It holds the server's judgement that the caller has finished, so it cannot fall below the agent's own patience.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from scripts.load import target as targets
from scripts.load.conversation import Conversation, phone_maker
from scripts.load.crowd import Crowd
from scripts.load.finder import Finder
from scripts.load.measures import Measures
from scripts.load.observer import Observer, rss_mb
from scripts.load.outcome import Bounds, Outcome, between
from scripts.load.phones import Line, prepare
from scripts.load.progress import Progress
from scripts.load.report import Result, as_text
from scripts.load.report_html import as_html
from scripts.load.rtc import Microphones
from scripts.load.script import INTERRUPTIONS, LINES, Manners, Part
from scripts.load.target import Target


class LoadTest:
    """One run against one target."""

    def __init__(self, options: argparse.Namespace, target: Target) -> None:
        self._options = options
        self._target = target
        self._measures = Measures()
        self._voice = options.transport != "text"
        self._manners = _manners(options)
        shown = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
        shown.pop("key")
        self._result = Result(shown, "voice_to_voice" if self._voice else "whole_text")

    async def run(self) -> Result:
        if self._voice:
            prepare((*LINES, *INTERRUPTIONS), webrtc=self._options.transport == "webrtc")
        connector = TCPConnector(limit=0)
        async with (
            ClientSession(connector=connector, timeout=ClientTimeout(None)) as http,
            Microphones() as microphones,
        ):
            line = Line(http, self._target.base_url, self._target.key, microphones, self._address())
            async with Crowd(self._conversations(line), self._options.ramp) as crowd:
                observer = Observer(
                    http,
                    self._target.metrics_url,
                    crowd=crowd,
                    measures=self._measures,
                    main_latency=self._result.latency,
                    helpers=self._target.helpers,
                )
                await self._watched(observer, crowd)
                self._result.points = observer.points
            self._result.slipped_ms = microphones.slipped_s * 1000
            self._result.failures = dict(self._measures.counts)
        return self._result

    async def _watched(self, observer: Observer, crowd: Crowd) -> None:
        await self._first_call(crowd)
        self._result.base_rss_mb = rss_mb(await observer.snapshot())
        progress = Progress(observer, crowd)
        watching = [asyncio.create_task(observer.run()), asyncio.create_task(progress.run())]
        try:
            if self._options.find:
                await self._find(observer, crowd, progress)
            else:
                progress.goal(self._options.calls, self._options.settle + self._options.duration)
                self._result.outcomes.append(await self._hold(observer, crowd, self._options.calls))
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)
            progress.end()

    async def _first_call(self, crowd: Crowd) -> None:
        """Nobody counts it: it loads what a server loads once, code of libraries for the most part (9 MB)."""
        await crowd.resize(1)
        await asyncio.sleep(self._options.settle)
        await crowd.resize(0)

    async def _find(self, observer: Observer, crowd: Crowd, progress: Progress) -> None:
        options = self._options
        bounds = Bounds(options.lag_ms, options.latency_ms)
        finder = Finder(start=options.calls, step=options.step, resolution=options.resolution, most=options.max_calls)
        while finder.next is not None:
            progress.goal(finder.next, options.settle + options.duration)
            outcome = await self._hold(observer, crowd, finder.next)
            complaints = outcome.complaints(self._result.latency, bounds)
            self._result.outcomes.append(outcome)
            self._result.verdicts.append("; ".join(complaints))
            finder.feed(not complaints)
        self._result.found = finder.best

    async def _hold(self, observer: Observer, crowd: Crowd, calls: int) -> Outcome:
        await crowd.resize(calls)
        await asyncio.sleep(self._options.settle)
        before, failures = await observer.snapshot(), self._measures.counts.total()
        await asyncio.sleep(self._options.duration)
        now = await observer.snapshot()
        crowd.check()
        return between(
            before, now, self._measures, calls=crowd.connected, failures=self._measures.counts.total() - failures
        )

    def _conversations(self, line: Line) -> Callable[[int], Conversation]:
        open_phone = phone_maker(line, self._options.transport)
        agents = self._options.agents.split(",")

        def make(number: int) -> Conversation:
            part = Part(self._manners, self._options.seed + number)
            return Conversation(open_phone, part, agents[number % len(agents)], self._measures, voice=self._voice)

        return make

    def _address(self) -> str:
        return targets.own_address(self._target.base_url)


def _manners(options: argparse.Namespace) -> Manners:
    shortest, _, longest = options.pause.partition("-")
    return Manners(options.typed, options.barge_in, float(shortest), float(longest or shortest))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_argument_group("the server")
    where.add_argument("--url", default="", help="of a running server, ending in /v1; empty starts our own")
    where.add_argument("--key", default=os.environ.get("LOAD_TEST_KEY", ""), help="API key; better in LOAD_TEST_KEY")
    where.add_argument("--metrics", default="", help="URL of its Prometheus metrics, if not /metrics")
    what = parser.add_argument_group("the callers")
    what.add_argument("--calls", type=int, default=20, help="at once; with --find, the number to begin with (20)")
    what.add_argument("--ramp", type=float, default=10, help="calls dialled per second (10)")
    what.add_argument("--duration", type=float, default=30, help="s of measuring, with --find for each number (30)")
    what.add_argument("--settle", type=float, default=5, help="s before measuring: connecting is dear (5)")
    what.add_argument("--transport", choices=("webrtc", "websocket", "text"), default="webrtc")
    what.add_argument("--agents", default="helpdesk", help="models to call in turn, separated by commas (helpdesk)")
    what.add_argument("--typed", type=float, default=0.0, help="share of turns that are typed, 0-1 (0)")
    what.add_argument("--barge-in", type=float, default=0.1, help="share of answers that are interrupted, 0-1 (0.1)")
    what.add_argument("--pause", default="", help="s before a turn, as 0.5-1.5; in text 20-30")
    what.add_argument("--seed", type=int, default=1)
    find = parser.add_argument_group("the search")
    find.add_argument("--find", action="store_true", help="find the number of calls that one core holds")
    find.add_argument("--step", type=int, default=40, help="calls added while all is well (40)")
    find.add_argument("--resolution", type=int, default=10, help="exactness of what is found (10)")
    find.add_argument("--max-calls", type=int, default=400)
    find.add_argument("--lag-ms", type=float, default=20, help="bound on the server's p99 loop lag (20)")
    find.add_argument("--latency-ms", type=float, default=900, help="bound on the p95 of what a caller waits (900)")
    out = parser.add_argument_group("the report")
    out.add_argument("--json", type=Path, help="file for all figures")
    out.add_argument("--html", type=Path, help="file for one page with plots")
    return parser


def _target(options: argparse.Namespace, stack: contextlib.ExitStack) -> Target:
    if not options.url:
        return stack.enter_context(targets.own_server(targets.Delays()))
    targets.allow_files()
    return targets.given(options.url, options.key, options.metrics)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    options.pause = options.pause or ("20-30" if options.transport == "text" else "0.5-1.5")
    try:
        _manners(options)
        if options.url:
            targets.given(options.url, options.key)
        if options.find:
            Finder(start=options.calls, step=options.step, resolution=options.resolution, most=options.max_calls)
    except ValueError as error:
        parser.error(str(error))
    with contextlib.ExitStack() as stack:
        result = uvloop.run(LoadTest(options, _target(options, stack)).run())
    print(as_text(result))
    if options.json:
        options.json.write_text(json.dumps(result.as_json(), indent=1))
    if options.html:
        options.html.write_text(as_html(result))
    return 0 if result.best is not None and result.best.durations.get(result.latency) else 1


if __name__ == "__main__":
    sys.exit(main())
