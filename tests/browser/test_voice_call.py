"""Whole calls by voice: a real Chromium, a real server process, real speech both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import jiwer
import pytest
from aiohttp import ClientSession
from playwright.async_api import expect

from scripts.live_server import LiveServer, serving
from scripts.speech import synthesize
from scripts.stub_audio import RATE_HZ
from scripts.stub_provider import StubProvider
from scripts.stub_script import Delays, ReplyRule, Script
from tests.browser.page_support import finished_turns, write
from tests.browser.voice_support import TURN_TIMEOUT_MS, CallPage, call_page
from tests.integration.conftest import eventually
from tests.live_caller import spoken
from voice_agent.agents.helpdesk import GREETING
from voice_agent.text.words import folded

pytestmark = pytest.mark.browser

PROBLEM = "Please help me with my printer at work."
ANSWER = "Yes."
TYPED = "Repeat, please."
PAUSE_MS = 800
"""Longer than any pause that the agent's voice makes by itself."""
STOPPED_MS = 1000
"""From the caller's first sound to silence in their ear: detection, network, and the browser's own buffer."""
FIRST_SOUND_MS = 10_000
"""Of the local transcriber on a busy machine; that it is much faster on an idle one is measured elsewhere."""
TRANSCRIPTION = "conversation.item.input_audio_transcription"
ATTEMPTS = 3
NOTICED_S = 10
WATCHDOG_S = 13
"""A tab that vanished is noticed after 10 s without media, give or take how often that is looked at."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server, and what to expect of it."""

    server: LiveServer
    word_errors: float
    """Of what the caller is understood to have said."""
    first_answer: str
    second_answer: str


@pytest.fixture(scope="module")
def local_server() -> Iterator[LiveServer]:
    """Every engine on this machine; its transcriber may take longer than callers would be asked to wait."""
    with serving(WORKER_NICENESS="0", TRANSCRIBER_TIMEOUT_S="8", TURN_FINAL_TIMEOUT_MS="9000") as server:
        yield server


@asynccontextmanager
async def local(server: LiveServer) -> AsyncIterator[Scenario]:
    yield Scenario(server, 0.2, "printer", "print")


@asynccontextmanager
async def with_provider() -> AsyncIterator[Scenario]:
    """All four engines are a provider's, reached by HTTP as the real one is."""
    script = Script(
        replies=[
            ReplyRule("printer", "That is a **printer** problem. Is it switched on, and is there paper in its tray?"),
            ReplyRule("yes|repeat", "Then please switch it off and on again, and tell me when you have done that."),
        ]
    )
    script.transcripts.extend([PROBLEM, ANSWER])
    delays = Delays(transcription_s=0.1, first_token_s=0.15, tokens_per_s=30, first_byte_s=0.08, moderation_s=0.05)
    async with StubProvider(script=script, delays=delays, speech=lambda text, _: synthesize(text, RATE_HZ)) as stub:
        with serving(OPENAI_BASE_URL=stub.base_url) as server:
            yield Scenario(server, 0.0, "switched on", "switch it off")
        assert {record.endpoint for record in stub.requests} == {"transcriptions", "chat", "speech", "moderations"}
        assert not any("*" in record.parameters["input"] for record in stub.asked("speech"))


@pytest.mark.parametrize("engines", ["local", "provider"])
async def test_a_call_by_voice_from_greeting_to_hang_up(engines: str, local_server: LiveServer) -> None:
    async with local(local_server) if engines == "local" else with_provider() as scenario:
        for _ in range(ATTEMPTS):
            async with call_page(scenario.server.url) as call:
                if await interrupts_and_is_understood(call, scenario):
                    await goes_on_to_the_end(call, scenario)
                    await check_nothing_was_kept(scenario.server)
                    return
        pytest.fail(f"the caller was misheard in {ATTEMPTS} calls")


async def interrupts_and_is_understood(call: CallPage, scenario: Scenario) -> bool:
    """The caller does not wait for the end of the greeting. False where the problem was misheard: a busy machine tears
    the browser's audio now and then."""
    await call.start()
    await call.sound_after(0)
    growing = call.page.locator("#conversation .turn.agent.growing")
    await expect(growing).to_contain_text("Hello", timeout=TURN_TIMEOUT_MS)
    since = await call.count()
    began, ended = await call.say(spoken(PROBLEM))
    assert await call.silence_after(began, PAUSE_MS) - began <= STOPPED_MS
    await check_cut_greeting(call)

    result = await call.event(f"{TRANSCRIPTION}.completed", f"{TRANSCRIPTION}.failed", since=since)
    words = result.get("transcript", "")
    if jiwer.wer(folded(PROBLEM), folded(words)) > scenario.word_errors or "printer" not in words:
        return False
    await expect(call.page.locator("#conversation .turn.caller .words")).to_have_text(words)
    assert await call.sound_after(ended) - ended <= FIRST_SOUND_MS
    return True


async def goes_on_to_the_end(call: CallPage, scenario: Scenario) -> None:
    answers = call.page.locator("#conversation .turn.agent")
    await expect(answers.last).to_contain_text(scenario.first_answer, timeout=TURN_TIMEOUT_MS)
    await expect(call.page.locator("#state")).to_have_text("Listening", timeout=TURN_TIMEOUT_MS)

    # A second turn.
    since = await call.count()
    _, ended = await call.say(spoken(ANSWER))
    assert await call.sound_after(ended) - ended <= FIRST_SOUND_MS
    await call.event("agent.caption", since=since)

    # What is written into the same call interrupts as well, and is answered by voice.
    since, answered = await call.count(), await answers.count()
    await write(call.page, TYPED)
    await call.event("output_audio_buffer.cleared", since=since)
    await expect(call.page.locator("#conversation .turn.caller").last).to_contain_text(TYPED)
    await expect(answers.nth(answered)).to_contain_text(scenario.second_answer, timeout=TURN_TIMEOUT_MS)

    await call.page.locator("#end").click()
    await expect(call.page.locator("#after-title")).to_have_text("The call has ended")
    await expect(call.page.locator("#after-kept")).to_contain_text("None of the words")
    async with ClientSession() as http:
        await no_live_call(scenario.server, http, NOTICED_S)
    assert call.observed.errors == []


async def check_cut_greeting(call: CallPage) -> None:
    """The history ends where the sound did."""
    truncated = await call.event("conversation.item.truncated")
    assert truncated["audio_end_ms"] > 0
    await expect(call.page.locator("#conversation .turn.agent .cut")).to_be_visible(timeout=TURN_TIMEOUT_MS)
    heard = (await finished_turns(call.page, "agent", 1))[0]
    assert heard
    assert GREETING.startswith(heard)
    assert len(heard) < len(GREETING)


async def check_nothing_was_kept(server: LiveServer) -> None:
    """Of a guest: that there was a call, and how fast it was answered. No word."""

    async def ended() -> bool:
        rows = await server.rows("SELECT * FROM calls")
        return bool(rows) and all(row["end_reason"] for row in rows)

    await eventually(ended)
    assert await server.rows("SELECT * FROM turns") == []
    assert await server.rows("SELECT * FROM turn_metrics WHERE e2e_ms > 0") != []
    stored, log = (await server.all_text()).lower(), server.log().lower()
    for word in ("printer", "please", "repeat"):
        assert word not in stored
        assert word not in log


async def no_live_call(server: LiveServer, http: ClientSession, timeout_s: float) -> None:
    async def gone() -> bool:
        return (await server.metrics(http))["voice_calls_active"] == 0

    await eventually(gone, timeout_s=timeout_s)


async def test_closing_the_tab_ends_the_call(local_server: LiveServer) -> None:
    async with ClientSession() as http, call_page(local_server.url) as call:
        await call.start()
        await call.sound_after(0)
        assert (await local_server.metrics(http))["voice_calls_active"] == 1
        await call.page.close()
        await no_live_call(local_server, http, NOTICED_S)


async def test_a_tab_that_crashes_is_noticed(local_server: LiveServer) -> None:
    async with ClientSession() as http, call_page(local_server.url) as call:
        await call.start()
        await call.sound_after(0)
        session = await call.page.context.new_cdp_session(call.page)
        async with call.page.expect_event("crash"):
            crash = asyncio.ensure_future(session.send("Page.crash"))  # it never answers
        crash.cancel()
        assert (await local_server.metrics(http))["voice_calls_active"] == 1
        await no_live_call(local_server, http, WATCHDOG_S)
