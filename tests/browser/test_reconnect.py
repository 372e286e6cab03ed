"""The page when its connection breaks: it says so, keeps what was said, and goes on with the same call."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from scripts.live_server import serving
from tests.browser.conftest import Open
from tests.browser.page_support import CALL_TIMEOUT_MS, agree_and_choose, finished_turns, write

pytestmark = pytest.mark.browser

BACK_MS = 15_000
TEXT_MS = 45_000
"""Two attempts at a connection for sound come first."""


async def conversation(page: Page, agent: str = "helpdesk") -> list[str]:
    """A call by voice in which each side has said something; the agent's turns."""
    await page.evaluate(
        """() => {
            window.peers = [];
            const Real = RTCPeerConnection;
            window.RTCPeerConnection = class extends Real {
                constructor(...settings) {
                    super(...settings);
                    peers.push(this);
                }
            };
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wishes) => (window.microphone = await ask(wishes));
        }"""
    )
    await agree_and_choose(page, agent)
    await page.locator("#start").click()
    await interrupted(page, 1)
    await page.locator("#mute").click()
    await write(page, "My printer is offline")
    await interrupted(page, 2)
    await expect(page.locator("#state")).to_have_text("Listening", timeout=CALL_TIMEOUT_MS)
    return await finished_turns(page, "agent", 2)


async def interrupted(page: Page, turn: int) -> None:
    """Stops the agent's turn of this number once some of it was heard."""
    words = page.locator("#conversation .turn.agent .words").nth(turn - 1)
    await expect(words).to_contain_text(" ", timeout=CALL_TIMEOUT_MS)
    await page.locator("#interrupt").click()


async def change_network(page: Page) -> None:
    """The connection is gone and the browser is in another network."""
    await page.evaluate("peers.at(-1).close(); dispatchEvent(new Event('online'))")


async def test_a_new_network_goes_on_with_the_same_call_and_microphone(open_page: Open) -> None:
    page = (await open_page()).page
    said = await conversation(page)
    track = await page.evaluate("microphone.getTracks()[0].id")
    await change_network(page)
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    await expect(page.locator("#state")).to_have_text("Listening", timeout=BACK_MS)
    assert await page.evaluate("peers.at(-1).getSenders()[0].track.id") == track
    assert await page.evaluate("peers.filter((peer) => peer.connectionState !== 'closed').length") == 1
    await write(page, "No")
    after = await finished_turns(page, "agent", 3)
    assert after[:2] == said
    assert after[2] not in said
    await expect(page.locator("#state")).to_have_text("Listening", timeout=CALL_TIMEOUT_MS)
    # And once more, with the token that the second connection brought.
    await change_network(page)
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    await expect(page.locator("#state")).to_have_text("Listening", timeout=BACK_MS)
    await page.locator("#end").click()
    await expect(page.locator("#after-reason")).to_contain_text("You ended it")
    assert await page.evaluate("microphone.getTracks()[0].readyState") == "ended"


async def test_what_is_written_while_the_connection_is_away_is_sent_when_it_is_back(open_page: Open) -> None:
    page = (await open_page()).page
    await conversation(page)
    await page.context.set_offline(True)
    await page.evaluate("peers.at(-1).close(); dispatchEvent(new Event('online'))")
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    await write(page, "No")
    await page.context.set_offline(False)
    await expect(page.locator("#state")).not_to_have_text("Reconnecting", timeout=BACK_MS)
    await finished_turns(page, "agent", 3)


async def test_after_the_window_the_page_says_that_the_connection_was_lost_and_offers_text(open_page: Open) -> None:
    with serving(RESUME_WINDOW_S="3") as server:
        page = (await open_page(url=server.url)).page
        said = await conversation(page)
        await page.context.set_offline(True)
        await change_network(page)
        await expect(page.locator("#after-title")).to_have_text("The connection was lost", timeout=BACK_MS)
        await expect(page.locator("#again-text")).to_be_visible()
        for words in said:
            await expect(page.locator("#after-conversation")).to_contain_text(words)


async def test_where_sound_gets_through_no_more_the_same_call_goes_on_by_text(open_page: Open) -> None:
    page = (await open_page()).page
    said = await conversation(page)
    await page.evaluate("RTCPeerConnection.prototype.setRemoteDescription = async () => {}")
    await change_network(page)
    await expect(page.locator("#conversation .note")).to_contain_text("goes on by text", timeout=TEXT_MS)
    await expect(page.locator("#state")).to_have_text("Your turn", timeout=BACK_MS)
    await write(page, "No")
    after = await finished_turns(page, "agent", 3)
    assert after[:2] == said
    assert after[2] not in said
    await page.locator("#end").click()
    await expect(page.locator("#after-reason")).to_contain_text("You ended it")


async def test_ending_a_call_whose_connection_is_away_ends_it_on_the_server(open_page: Open) -> None:
    page = (await open_page()).page
    await conversation(page)
    hang_ups: list[str] = []
    page.on("request", lambda request: hang_ups.append(request.url) if request.url.endswith("/hangup") else None)
    # Requests for a new connection do not get through; the hang-up does.
    await page.route("**/v1/realtime/calls?*", lambda route: route.abort())
    await change_network(page)
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    async with page.expect_response("**/hangup") as answer:
        await page.locator("#end").click()
    assert (await answer.value).status == 200
    await expect(page.locator("#after-reason")).to_contain_text("You ended it")
    assert len(hang_ups) == 1
