"""A real server process and a real Chromium for the tests of the page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright

from scripts.live_server import serving
from scripts.npm import NpmError, install
from scripts.prepare_browser import installed

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FAKE_DEVICES = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The address of a server with local engines and a database of its own, up for all tests of the page."""
    with serving() as server:
        yield server.url


@dataclass
class Observed:
    """What a page did that it should not have done."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@dataclass
class OpenPage:
    page: Page
    observed: Observed


Open = Callable[..., Awaitable[OpenPage]]


@pytest.fixture
async def open_page(server_url: str) -> AsyncIterator[Open]:
    """`await open_page(microphone=False, width=360)` opens the page in a browser of its own, ready to be used.

    Without `microphone` the browser has none, and nobody to allow one. `url` is another server's.
    """
    async with async_playwright() as playwright:
        browsers: list[Browser] = []

        async def open_(
            *, microphone: bool = True, width: int = 1280, height: int = 860, url: str = server_url
        ) -> OpenPage:
            browser = await playwright.chromium.launch(
                executable_path=installed(), args=[*ARGUMENTS, *(FAKE_DEVICES if microphone else ())]
            )
            browsers.append(browser)
            context = await browser.new_context(viewport={"width": width, "height": height})
            page = await context.new_page()
            observed = watch(page)
            await page.goto(url)
            await page.locator("#agents .card").first.wait_for()
            return OpenPage(page, observed)

        yield open_
        await asyncio.gather(*(browser.close() for browser in browsers))


def watch(page: Page) -> Observed:
    observed = Observed()
    page.on("console", lambda message: observed.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: observed.errors.append(str(error)))
    page.on("request", lambda request: observed.hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: observed.hosts.add(urlsplit(socket.url).netloc))
    return observed


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The accessibility checker axe-core, from npm's registry; it is injected by the tests and never served by us."""
    try:
        modules = install(Path(__file__).parent / "axe")
    except NpmError as error:
        pytest.skip(f"axe-core could not be installed from the npm registry: {error}")
    return (modules / "axe-core" / "axe.min.js").read_text()
