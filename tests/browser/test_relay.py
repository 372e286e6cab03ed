"""The page where nothing but the TURN relay gets through: a real coturn and a real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from scripts.live_server import serving
from tests.browser.conftest import Open
from tests.browser.page_support import CALL_TIMEOUT_MS, agree_and_choose
from tests.integration.services import turn_server

pytestmark = pytest.mark.browser

SECRET = "one-for-this-test"


async def test_the_agent_is_heard_through_the_relay_alone(open_page: Open, tmp_path: Path) -> None:
    with (
        turn_server(tmp_path, SECRET, "127.0.0.1") as relay,
        serving(TURN_URLS=relay.url, TURN_SECRET=SECRET, TURN_RELAY_ONLY="true") as server,
    ):
        page = (await open_page(url=server.url)).page
        await page.evaluate(
            """() => {
                const Real = RTCPeerConnection;
                window.RTCPeerConnection = class extends Real {
                    constructor(...settings) {
                        super(...settings);
                        window.peer = this;
                    }
                };
            }"""
        )
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        await expect(page.locator("#conversation .turn.agent")).to_contain_text("Hello", timeout=CALL_TIMEOUT_MS)
        kinds = await page.evaluate(
            """async () => [...(await peer.getStats()).values()]
                .filter((each) => each.type === "local-candidate")
                .map((each) => each.candidateType)"""
        )
        assert set(kinds) == {"relay"}
        await page.locator("#end").click()
