"""`@openai/agents-realtime`, unmodified, in Chromium and on a page of another origin, against the server."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from scripts.npm import NpmError, install
from scripts.prepare_browser import installed
from scripts.speech import silence, synthesize
from scripts.stub_script import ReplyRule
from tests.browser.conftest import ARGUMENTS, FAKE_DEVICES, watch
from tests.integration.clients_support import Open, Place, open_place, seen
from tests.integration.conftest import database_url, shared_data_dir, storage_root
from tests.loopback import on_loopback

__all__ = ["database_url", "open_place", "seen", "shared_data_dir", "storage_root"]

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parent / "agents_sdk"
RATE_HZ = 48_000
CONNECT_FIRST_MS = 4_000
"""Silence before the fake microphone speaks: Chromium plays its file from the moment it is opened."""
LONG = " ".join(f"number{count}" for count in range(80)) + "."
REPLIES = [
    ReplyRule("sunny", text="Bring your sunglasses."),
    ReplyRule("weather", tool_calls=(("get_weather", '{"place": "Lisbon"}'),)),
    ReplyRule("story", text=LONG),
    ReplyRule("open today", text="Yes, the library is open."),
    ReplyRule("", text="All right."),
]


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """What the caller says."""
    path = tmp_path / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(silence(CONNECT_FIRST_MS, RATE_HZ) + synthesize("Is the library open today?", RATE_HZ))
        file.writeframes(silence(60_000, RATE_HZ))
    return path


@pytest.fixture(scope="session")
def modules() -> Path:
    try:
        return install(FOLDER)
    except NpmError as error:
        pytest.skip(f"the client could not be installed from the npm registry: {error}")


@pytest.fixture
async def page(modules: Path, microphone: Path) -> AsyncIterator[Page]:
    """The page, served by somebody else than the server."""
    app = web.Application()
    app.router.add_static("/sdk", modules / "@openai" / "agents-realtime" / "dist" / "bundle")
    app.router.add_get("/{name:(index.html|page.js)?}", _file)
    async with AsyncExitStack() as resources:
        url = await resources.enter_async_context(on_loopback(web.AppRunner(app)))
        playwright = await resources.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=installed(),
            args=[*ARGUMENTS, *FAKE_DEVICES, f"--use-file-for-fake-audio-capture={microphone}%noloop"],
        )
        resources.push_async_callback(browser.close)
        page = await browser.new_page()
        await page.goto(url)
        await page.wait_for_function("window.call !== undefined")
        yield page


async def _file(request: web.Request) -> web.FileResponse:
    return web.FileResponse(FOLDER / (request.match_info["name"] or "index.html"))


def origin_of(page: Page) -> str:
    return page.url.rstrip("/")


async def connect(page: Page, place: Place, transport: str, address: str, **config: Any) -> None:
    secret = await place.client.realtime.client_secrets.create(session={"type": "realtime", "model": "helpdesk"})
    options = {"transport": transport, "url": address, "apiKey": secret.value, "config": config}
    await page.evaluate("options => call.start(options)", options)


async def until_said(page: Page, role: str, text: str) -> None:
    """The session's own history has it, finished."""
    await page.wait_for_function(
        "([role, text]) => call.history().some(item =>"
        " item.role === role && item.status === 'completed' && item.text.includes(text))",
        arg=[role, text],
        timeout=20_000,
    )


async def until_count(page: Page, kind: str, count: int) -> None:
    await page.wait_for_function("([kind, count]) => call.count(kind) >= count", arg=[kind, count], timeout=20_000)


async def test_a_call_over_webrtc_from_another_origin(page: Page, open_place: Open) -> None:
    observed = watch(page)
    place = await open_place(
        replies=REPLIES, transcripts=["is the library open today"], allowed_origins=origin_of(page), ms_per_word=300
    )
    await connect(page, place, "webrtc", f"{place.url}/v1/realtime/calls")
    assert await page.evaluate("call.seen.connection") == ["connecting", "connected"]

    # Spoken, heard, and answered aloud.
    await until_count(page, "output_audio_buffer.started", 1)
    assert await page.evaluate("call.loudness()") > 0.02
    await until_said(page, "user", "is the library open today")
    await until_said(page, "assistant", "Yes, the library is open.")
    await until_count(page, "output_audio_buffer.stopped", 1)

    # Typed; the page's own function is called and its result is used.
    await page.evaluate("call.send('How is the weather?')")
    await until_said(page, "assistant", "Bring your sunglasses.")
    assert await page.evaluate("call.seen.toolCalls") == ["Lisbon"]
    await until_count(page, "output_audio_buffer.stopped", 2)

    # Interrupted in the middle of a long answer; the next one is not harmed.
    await page.evaluate("call.send('Tell me a story.')")
    await until_count(page, "output_audio_buffer.started", 3)
    assert await page.evaluate("call.loudness()") > 0.02
    await page.evaluate("call.interrupt()")
    await until_count(page, "output_audio_buffer.cleared", 1)
    await page.evaluate("call.send('Thank you.')")
    await until_said(page, "assistant", "All right.")
    history = await page.evaluate("call.history()")
    assert [item["role"] for item in history] == ["user", "assistant"] * 4
    assert LONG.startswith(history[5]["text"])
    assert len(history[5]["text"]) < len(LONG) / 2

    await page.evaluate("call.close()")
    assert await page.evaluate("call.seen.connection.at(-1)") == "disconnected"
    assert await page.evaluate("call.seen.errors") == []
    assert observed.errors == []


async def test_a_conversation_over_the_websocket_from_another_origin(page: Page, open_place: Open) -> None:
    place = await open_place(replies=REPLIES, allowed_origins=origin_of(page))
    address = f"{place.url.replace('http', 'ws')}/v1/realtime?model=helpdesk"
    await connect(page, place, "websocket", address, outputModalities=["text"])
    await page.evaluate("call.send('How is the weather?')")
    await until_said(page, "assistant", "Bring your sunglasses.")
    assert await page.evaluate("call.seen.toolCalls") == ["Lisbon"]
    await page.evaluate("call.send('Tell me a story.')")
    await until_said(page, "assistant", "number79.")
    await page.evaluate("call.close()")
    assert await page.evaluate("call.seen.errors") == []


async def test_a_page_of_an_origin_that_is_not_listed_cannot_call(page: Page, open_place: Open) -> None:
    place = await open_place(allowed_origins="https://somebody.example")
    with pytest.raises(Exception, match="Failed to fetch"):
        await connect(page, place, "webrtc", f"{place.url}/v1/realtime/calls")
