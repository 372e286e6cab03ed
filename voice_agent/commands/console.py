"""`voice-agent console`: talk to an agent by text in a terminal, without a server, a browser or a microphone.

The same call session as everywhere else, with a transport that prints. Works piped as well: each line of stdin is one
turn, and the next is sent when the agent has answered. Nothing is stored.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Mapping
from typing import TextIO

from voice_agent.agents.catalog import load_agents
from voice_agent.agents.pack_yaml import PackError
from voice_agent.call.session import CallSession
from voice_agent.call.transport import SpeechOutput
from voice_agent.engines.errors import ConfigurationError
from voice_agent.engines.ports import EngineError
from voice_agent.engines.registry import EngineRegistry
from voice_agent.realtime.ids import new_id
from voice_agent.records import CallEnded, CallStarted, NewTicket, Turn
from voice_agent.settings import Settings

_FIRST_TICKET = 1
_INPUT_LINES = 64


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("console", help="talk to an agent by text in this terminal")
    parser.add_argument("agent", nargs="?", default="", help="the agent's name (default: DEFAULT_AGENT)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, settings: Settings) -> int:
    """0 when the conversation has ended; 1 where it cannot begin."""
    try:
        return asyncio.run(_converse(args.agent, settings, sys.stdin, sys.stdout))
    except (ConfigurationError, EngineError, PackError) as error:
        print(f"voice-agent: {error}", file=sys.stderr)  # noqa: T201
        return 1


class Unrecorded:
    """A `CallRecorder` and `TicketStore` for a conversation that leaves nothing behind."""

    def __init__(self) -> None:
        self._tickets = 0

    def call_started(self, record: CallStarted) -> None:
        """Not kept."""

    def turn(self, record: Turn) -> None:
        """Not kept."""

    def call_ended(self, record: CallEnded) -> None:
        """Not kept."""

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        self._tickets += 1
        return _FIRST_TICKET + self._tickets - 1


class ConsoleTransport:
    """Prints what the agent says; `answered` is set while the agent waits for the caller."""

    speech: SpeechOutput | None = None

    def __init__(self, output: TextIO, name: str) -> None:
        self._output = output
        self._name = name
        self._column = 0
        self.answered = asyncio.Event()

    def send_event(self, event: Mapping[str, object]) -> None:
        match event.get("type"):
            case "response.created":
                self.answered.clear()
            case "response.output_text.delta" | "response.output_audio_transcript.delta":
                self._say(str(event.get("delta", "")))
            case "response.done":
                self._end_line()
                self.answered.set()
            case "error":
                self._end_line()
                self._print(f"[error] {_message(event)}\n")
                self.answered.set()

    async def close(self) -> None:
        self._end_line()
        self.answered.set()

    def prompt(self) -> None:
        self._print("you: ")

    def _say(self, text: str) -> None:
        if self._column == 0:
            self._print(f"{self._name}: ")
        self._print(text)
        self._column += len(text)

    def _end_line(self) -> None:
        if self._column:
            self._print("\n")
            self._column = 0

    def _print(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()


def _message(event: Mapping[str, object]) -> str:
    error = event.get("error")
    return str(error.get("message", "")) if isinstance(error, Mapping) else ""


class LineReader:
    """Lines of a blocking stream, read in a thread of its own; None is the end.

    The thread is a daemon: a terminal that is never typed into must not keep the process alive.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(_INPUT_LINES)
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    def _read(self) -> None:
        line: str | None = ""
        while line is not None:
            self._room.acquire()
            try:
                line = self._source.readline() or None
            except (OSError, ValueError):
                line = None  # The stream was closed: the same as its end.
            try:
                self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
            except RuntimeError:
                return  # The conversation is over and its loop is closed.

    async def next(self) -> str | None:
        line = await self._lines.get()
        self._room.release()
        return line


async def _converse(agent_name: str, settings: Settings, source: TextIO, output: TextIO) -> int:
    agents = load_agents(settings)
    agent = agents.get(agent_name or settings.server.default_agent)
    if agent is None:
        print(f"There is no such agent. There are: {', '.join(agents)}.", file=sys.stderr)  # noqa: T201
        return 1
    async with EngineRegistry(settings) as engines:
        transport = ConsoleTransport(output, agent.title)
        records = Unrecorded()
        session = CallSession(
            call_id=new_id("call"),
            agent=agent,
            engines=engines.for_call(agent.scripted),
            transport=transport,
            kind="console",
            recorder=records,
            tickets=records,
            settings=settings,
            key_id=None,
            session={"type": "realtime", "output_modalities": ["text"]},
            greet=True,
        )
        call = asyncio.create_task(session.run(), name="console call")
        session.connected()
        typing = asyncio.create_task(_take_turns(session, transport, LineReader(source), source.isatty()))
        try:
            await asyncio.wait({call, typing}, return_when=asyncio.FIRST_COMPLETED)
            session.end("hangup")
            await call
        finally:
            typing.cancel()
            call.cancel()
            await asyncio.gather(typing, call, return_exceptions=True)
            await transport.close()
    return 0


async def _take_turns(session: CallSession, transport: ConsoleTransport, lines: LineReader, prompt: bool) -> None:
    """Until the input ends. The greeting comes first."""
    while True:
        await transport.answered.wait()
        if prompt:
            transport.prompt()
        line = await lines.next()
        if line is None:
            return
        if not line.strip():
            continue
        transport.answered.clear()
        session.client_event(
            json.dumps(
                {
                    "type": "conversation.item.create",
                    "item": {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": line.strip()}],
                    },
                }
            )
        )
        session.client_event(json.dumps({"type": "response.create"}))
