"""What a caller hears when a provider fails: always a voice, soon, and never a dead call.

Real server processes ask stub providers over HTTP; an aiortc caller listens packet by packet. The bounds are those that
the server promises: 3 s of silence at most where a request fails, and where an engine says nothing at all its deadline
and a second for what takes over. One call meets every fault of one engine; four such calls run at once, each with a
server and a provider of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from aiohttp import ClientSession

from scripts.live_server import LiveServer, serving
from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, Fault, ReplyRule, Script
from tests.integration.conftest import eventually
from tests.live_caller import LiveCaller, calling, spoken
from voice_agent.settings import EngineSettings

DEADLINES = EngineSettings(_env_file=None)
FAILED_S = 3.0
TAKEOVER_S = 1.0
EAR_S = 0.0 if os.environ.get("LONG_TESTS") else 3.0
"""What the local ear may lose to the tests that share the cores: it computes for most of a second. `make faults` allows
it nothing."""
SPEED = 1.5
"""Of both voices, so that the tests do not listen for long."""
BRIDGE = "Sorry, one moment. Let me go on."
FILLER = "Let me check."
SCRIPTED = "What can I help you with?"
"""What the helpdesk's own dialogue answers to a greeting."""
EPILOGUE = "The provider answers again."
PROBLEM = "Please help me with my printer at work."
QUESTION = "Can you hear me?"
"""Short, because the local ear computes for a sixth of its length, and for much longer on a busy machine."""
BY_LOCAL_EAR = "You said: can you"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A fault, what is heard all the same (the words by heart, or a pattern), and how long silence may last."""

    fault: Fault
    heard: str = ""
    silence_s: float = FAILED_S


ENGINES: Mapping[str, Mapping[str, Meeting]] = {
    "language model": {
        "one failure": Meeting(Fault("chat", "status", 1, 503), "You said: Hello!"),
        "too many requests": Meeting(Fault("chat", "status", None, 429, retry_after_s=5), re.escape(SCRIPTED)),
        "server error": Meeting(Fault("chat", "status", None, 500), re.escape(SCRIPTED)),
        "malformed": Meeting(Fault("chat", "malformed", None), re.escape(SCRIPTED)),
        "slow": Meeting(Fault("chat", "slow", 1, delay_s=2.5), f"{FILLER} You said: Hello!"),
        "silent": Meeting(
            Fault("chat", "stall", None),
            f"{FILLER} {re.escape(SCRIPTED)}",
            DEADLINES.language_model_first_token_timeout_s,
        ),
        "cut in the middle": Meeting(
            Fault("chat", "cut", None, after_chunks=4), f"You said: Hello! {BRIDGE} {re.escape(SCRIPTED)}"
        ),
        "silent in the middle": Meeting(
            Fault("chat", "stall", None, after_chunks=4),
            f"You said: Hello! {BRIDGE} {re.escape(SCRIPTED)}",
            DEADLINES.language_model_stall_timeout_s + TAKEOVER_S,
        ),
    },
    "synthesizer": {
        "too many requests": Meeting(Fault("speech", "status", None, 429, retry_after_s=5)),
        "server error": Meeting(Fault("speech", "status", None, 500)),
        "connection dropped": Meeting(Fault("speech", "drop", None)),
        "malformed": Meeting(Fault("speech", "malformed", None)),
        "slow": Meeting(Fault("speech", "slow", 1, delay_s=1.5)),
        "silent": Meeting(
            Fault("speech", "stall", None), silence_s=DEADLINES.synthesizer_first_byte_timeout_s + TAKEOVER_S
        ),
        "cut in the middle": Meeting(Fault("speech", "cut", None, after_chunks=4)),
        "silent in the middle": Meeting(
            Fault("speech", "stall", None, after_chunks=4),
            silence_s=DEADLINES.synthesizer_stall_timeout_s + TAKEOVER_S,
        ),
    },
    "transcriber": {
        "too many requests": Meeting(
            Fault("transcriptions", "status", None, 429, retry_after_s=5), BY_LOCAL_EAR, FAILED_S + EAR_S
        ),
        "server error": Meeting(Fault("transcriptions", "status", None, 500), BY_LOCAL_EAR, FAILED_S + EAR_S),
        "malformed": Meeting(Fault("transcriptions", "malformed", None), BY_LOCAL_EAR, FAILED_S + EAR_S),
        "cut": Meeting(Fault("transcriptions", "cut", None, after_chunks=1), BY_LOCAL_EAR, FAILED_S + EAR_S),
        "slow": Meeting(Fault("transcriptions", "slow", 1, delay_s=1.5), "You said: The provider has heard it."),
        "silent": Meeting(
            Fault("transcriptions", "stall", None),
            BY_LOCAL_EAR,
            DEADLINES.transcriber_timeout_s + TAKEOVER_S + DEADLINES.moderator_timeout_s + EAR_S,
        ),
    },
    "moderator": {
        "too many requests": Meeting(Fault("moderations", "status", None, 429, retry_after_s=5)),
        "server error": Meeting(Fault("moderations", "status", None, 500)),
        "malformed": Meeting(Fault("moderations", "malformed", None)),
        "slow": Meeting(Fault("moderations", "slow", 2, delay_s=1.0)),
        "silent": Meeting(Fault("moderations", "stall", None)),
    },
}


@dataclass(frozen=True, slots=True)
class Bench:
    """A server, a key of it, and the port at which it looks for its provider."""

    server: LiveServer
    key: str
    port: int


@contextlib.contextmanager
def a_bench() -> Iterator[Bench]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with serving(
        OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1",
        # Breakers never stay open: each fault is met by itself.
        BREAKER_FAILURES="1000",
        BREAKER_RESET_S="0.01",
        # On a busy machine a request and its retry may take longer than the 800 ms of a caller's patience.
        RETRY_BUDGET_MS="2000",
        # Other tests on the machine must not starve the local ear.
        WORKER_NICENESS="0",
        POCKETSPHINX_WORKERS="1",
    ) as server:
        yield Bench(server, server.make_key(), port)


# New for each test and each try of it: breakers and caches of a server remember what it met before.


@pytest.fixture
def bench() -> Iterator[Bench]:
    with a_bench() as bench:
        yield bench


@pytest.fixture
def benches() -> Iterator[dict[str, Bench]]:
    """One for each engine."""
    contexts = {engine: a_bench() for engine in ENGINES}
    with ThreadPoolExecutor(len(contexts)) as pool:
        started = {engine: pool.submit(context.__enter__) for engine, context in contexts.items()}
        try:
            yield {engine: future.result() for engine, future in started.items()}
        finally:
            up = [contexts[engine] for engine, future in started.items() if future.exception() is None]
            list(pool.map(lambda context: context.__exit__(None, None, None), up))


@contextlib.asynccontextmanager
async def a_call(bench: Bench) -> AsyncIterator[tuple[LiveCaller, StubProvider]]:
    script = Script(replies=[ReplyRule("anyone there", EPILOGUE)])
    delays = Delays(transcription_s=0.1, first_token_s=0.1, first_byte_s=0.1)
    async with (
        StubProvider(script=script, delays=delays, ms_per_word=150, port=bench.port) as stub,
        ClientSession() as http,
        calling(bench.server.url, http, bench.key) as caller,
    ):
        caller.send(type="session.update", session={"type": "realtime", "audio": {"output": {"speed": SPEED}}})
        yield caller, stub


async def answer(caller: LiveCaller, since: int, asked: float) -> tuple[str, float]:
    """Waits for the whole answer; returns what was heard of it and the longest silence on the way (s)."""
    await caller.event("output_audio_buffer.stopped", since)
    await caller.until(lambda: caller.said(since))
    assert caller.of("response.done", since)[-1]["response"]["status"] == "completed"
    return caller.said(since).strip(), caller.longest_silence(asked)


async def meet(engine: str, case: str, caller: LiveCaller, stub: StubProvider) -> None:
    """One turn, in which the fault happens."""
    meeting = ENGINES[engine][case]
    expected = meeting.heard
    stub.script.transcripts.clear()
    stub.script.transcripts.append("The provider has heard it.")
    stub.fail(meeting.fault)
    since, asked = len(caller.events), caller.now()
    if engine == "transcriber":
        asked = await caller.microphone.say(spoken(QUESTION))
    elif engine == "synthesizer":
        caller.write(f"The {case} case.")  # words of its own, which no cache has
        expected = f"You said: The {case} case\\."
    else:
        caller.write("Hello!")
        expected = expected or "You said: Hello!"
    heard, silence_s = await answer(caller, since, asked)
    stub.recover()
    assert re.match(expected, heard), f"{engine}, {case}: {heard}"
    assert silence_s <= meeting.silence_s, f"{engine}, {case}: {silence_s:.2f} s of silence"


async def meet_all(engine: str, bench: Bench) -> None:
    async with a_call(bench) as (caller, stub):
        for case in ENGINES[engine]:
            await meet(engine, case, caller, stub)
        # The provider is back, the call goes on, and it is the provider that answers.
        since, asked = len(caller.events), caller.now()
        caller.write("Is anyone there?")
        heard, silence_s = await answer(caller, since, asked)
        assert heard == EPILOGUE
        assert silence_s <= FAILED_S


async def test_a_call_outlives_whatever_one_of_its_engines_does(benches: dict[str, Bench]) -> None:
    async with asyncio.TaskGroup() as calls:
        for engine, bench in benches.items():
            calls.create_task(meet_all(engine, bench), name=engine)


async def test_a_provider_killed_in_mid_sentence_is_bridged_and_the_local_engines_go_on(bench: Bench) -> None:
    story = "First we look at the cable. Then we look at the lamp. After that we would have looked at the paper."
    async with a_call(bench) as (caller, stub):
        stub.script.replies = [ReplyRule("story", story)]
        stub.delays.tokens_per_s = 12
        stub.fail(Fault("chat", "cut", None, after_chunks=16))
        since, asked = len(caller.events), caller.now()
        caller.write("Hello, tell me a story.")
        await caller.sound(asked)
        await stub.until(lambda provider: any(record.outcome == "failed" for record in provider.asked("chat")))
        await stub.__aexit__(None, None, None)  # from here on nobody listens at its address

        heard, silence_s = await answer(caller, since, asked)
        before, bridge, after = heard.partition(f" {BRIDGE} ")
        assert before.startswith("First we look at the cable. Then we look at the lamp. After")
        assert bridge
        assert after
        assert "the lamp" not in after
        assert silence_s <= FAILED_S

        since = len(caller.events)
        ended = await caller.microphone.say(spoken(PROBLEM))
        assert await caller.sound(ended) - ended <= FAILED_S + EAR_S
        await caller.until(lambda: any("rinter" in event["text"] for event in caller.of("agent.caption", since)))

    async def partial() -> bool:
        turns = await bench.server.rows(
            "SELECT partial FROM turns WHERE call_id = $1 AND role = 'assistant' ORDER BY seq", caller.call_id
        )
        return [turn["partial"] for turn in turns] == [True, False]

    await eventually(partial)
