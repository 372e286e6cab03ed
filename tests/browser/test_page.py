"""The call page in a real browser against a real server with local engines."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from scripts.live_server import serving
from tests.browser.conftest import Open
from tests.browser.page_support import (
    CALL_TIMEOUT_MS,
    agree_and_choose,
    assert_clean,
    assert_usable,
    call_by_text,
    finished_turns,
    tab_to,
    wider_than_window,
    write,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def impatient_server_url() -> Iterator[str]:
    """A server that asks after two seconds of silence whether the caller is still there."""
    with serving(TURN_IDLE_WARNING_S="2") as server:
        yield server.url


@pytest.fixture
def members_only_server_url() -> Iterator[str]:
    """A server where only API keys may call."""
    with serving(GUESTS="false") as server:
        yield server.url


class TestBeforeTheCall:
    async def test_it_loads_without_errors_policy_violations_or_third_parties(
        self, open_page: Open, server_url: str
    ) -> None:
        opened = await open_page()
        await expect(opened.page.locator("#agents .card")).to_have_count(3)
        await expect(opened.page.locator("#leaves")).to_contain_text("Nothing leaves this server")
        await expect(opened.page.locator("#consent")).not_to_be_checked()
        assert_clean(opened.observed, server_url)

    async def test_no_call_begins_without_consent(self, open_page: Open) -> None:
        page = (await open_page()).page
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        for button in ("#start", "#start-text"):
            await page.locator(button).click()
            await expect(page.locator("#setup-fault")).to_contain_text("agree")
            await expect(page.locator("#consent")).to_be_focused()
        await expect(page.locator("#call")).to_be_hidden()
        assert requests == []

    async def test_the_chosen_theme_holds_after_a_reload(self, open_page: Open) -> None:
        page = (await open_page()).page
        background = "getComputedStyle(document.documentElement).backgroundColor"
        light = await page.evaluate(background)
        await page.get_by_role("button", name="Appearance").click()
        await page.get_by_role("radio", name="Dark").check(force=True)
        dark = await page.evaluate(background)
        assert dark != light
        await page.reload()
        assert await page.evaluate(background) == dark
        await page.get_by_role("button", name="Appearance").click()
        await expect(page.get_by_role("radio", name="Dark")).to_be_checked()
        await page.get_by_role("radio", name="System").check(force=True)
        await page.reload()
        assert await page.evaluate(background) == light

    async def test_the_microphone_can_be_tried_first(self, open_page: Open) -> None:
        page = (await open_page()).page
        await page.locator("#check-devices").click()
        await expect(page.locator("#level-word")).to_have_text("Your microphone works.")
        assert await page.locator("#microphone option").count() >= 1
        await page.keyboard.press("Escape")
        await expect(page.locator("#devices")).to_be_hidden()

    async def test_where_guests_may_not_call_it_asks_for_a_key_and_says_when_that_is_wrong(
        self, open_page: Open, members_only_server_url: str
    ) -> None:
        page = (await open_page(microphone=False, url=members_only_server_url)).page
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        await expect(page.locator("#key-fault")).to_contain_text("API key")
        await expect(page.locator("#key")).to_be_focused()
        await page.locator("#key").fill("sk-wrong")
        await page.locator("#start").click()
        await expect(page.locator("#key-fault")).to_contain_text("not valid")
        await expect(page.locator("#setup")).to_be_visible()
        await expect(page.locator("#have-key")).to_be_hidden()


class TestByText:
    async def test_a_whole_conversation_ends_with_a_word_on_what_was_kept(
        self, open_page: Open, server_url: str
    ) -> None:
        opened = await open_page(microphone=False)
        page = opened.page
        assert "helpdesk" in await call_by_text(page, "helpdesk")
        await write(page, "My printer is offline")
        assert await finished_turns(page, "caller", 1) == ["My printer is offline"]
        assert "rinter" in (await finished_turns(page, "agent", 2))[1]
        await expect(page.locator("#state")).to_have_text("Your turn")
        await expect(page.locator("#mute")).to_be_hidden()
        await page.locator("#end").click()
        await expect(page.locator("#after-title")).to_have_text("The call has ended")
        await expect(page.locator("#after-title")).to_be_focused()
        await expect(page.locator("#after-kept")).to_contain_text("None of the words")
        await expect(page.locator("#after-conversation")).to_contain_text("My printer is offline")
        assert_clean(opened.observed, server_url)
        await page.locator("#again").click()
        await expect(page.locator("#setup")).to_be_visible()

    async def test_a_ticket_shows_its_number_during_the_call_and_after(self, open_page: Open) -> None:
        page = (await open_page(microphone=False)).page
        await call_by_text(page, "helpdesk")
        await write(page, "I want to talk to a human, please.")
        await finished_turns(page, "agent", 2)
        await write(page, "alex@example.org")
        ticket = page.locator("#conversation .ticket")
        answers = 2
        while not await ticket.count() and answers < 6:
            answers += 1
            await finished_turns(page, "agent", answers)
            if not await ticket.count():
                await write(page, "yes")
        number = re.search(r"\d+", await ticket.inner_text())
        assert number is not None
        await page.locator("#end").click()
        await expect(page.locator("#after-kept")).to_contain_text(re.compile(rf"Ticket \S*{number.group()}"))


class TestByVoice:
    async def test_the_agent_is_heard_captioned_interrupted_and_answered(
        self, open_page: Open, server_url: str
    ) -> None:
        opened = await open_page()
        page = opened.page
        await agree_and_choose(page, "interviewer")
        await page.locator("#start").click()
        await expect(page.locator("#state")).to_have_text("Speaking", timeout=CALL_TIMEOUT_MS)
        growing = page.locator("#conversation .turn.agent.growing")
        await expect(growing).to_have_attribute("aria-hidden", "true")
        await page.locator("#interrupt").click()
        await expect(page.locator("#state")).to_have_text("Listening")
        await expect(page.locator("#conversation .turn.agent .cut")).to_be_visible()
        await expect(page.locator("#interrupt")).to_have_attribute("aria-disabled", "true")
        await page.locator("#mute").click()
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator("#microphone-word")).to_have_text("You are muted")
        await expect(page.locator("#quality")).to_contain_text("connection", timeout=CALL_TIMEOUT_MS)
        await write(page, "A job as a software engineer")
        await finished_turns(page, "agent", 2)
        await page.locator("#end").click()
        await expect(page.locator("#after-reason")).to_contain_text("You ended it")
        assert_clean(opened.observed, server_url)

    async def test_a_refused_microphone_is_said_and_the_call_goes_on_by_text(self, open_page: Open) -> None:
        page = (await open_page(microphone=False)).page
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        await expect(page.locator("#conversation .note")).to_contain_text("goes on by text", timeout=CALL_TIMEOUT_MS)
        await expect(page.locator("#state")).to_have_text("Speaking", timeout=CALL_TIMEOUT_MS)
        await expect(page.locator("#microphone-word")).to_have_text("No microphone")
        await expect(page.locator("#conversation .turn.agent")).to_contain_text("Hello")
        await write(page, "My printer is offline")
        assert "rinter" in (await finished_turns(page, "agent", 2))[1]

    async def test_without_a_voice_connection_both_sides_write(self, open_page: Open) -> None:
        page = (await open_page()).page
        # What a network that blocks media looks like to the page.
        await page.evaluate("RTCPeerConnection.prototype.setRemoteDescription = async () => {}")
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        await expect(page.locator("#conversation .note")).to_contain_text("goes on by text", timeout=CALL_TIMEOUT_MS)
        await finished_turns(page, "agent", 1)
        await write(page, "My printer is offline")
        assert "rinter" in (await finished_turns(page, "agent", 2))[1]

    async def test_an_unplugged_microphone_is_said_and_another_one_can_take_over(self, open_page: Open) -> None:
        page = (await open_page()).page
        await page.evaluate(
            """() => {
                const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
                navigator.mediaDevices.getUserMedia = async (wishes) => (window.microphone = await real(wishes));
            }"""
        )
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        await expect(page.locator("#state")).to_have_text("Speaking", timeout=CALL_TIMEOUT_MS)
        await page.evaluate("microphone.getTracks()[0].dispatchEvent(new Event('ended'))")
        await expect(page.locator("#conversation .note")).to_contain_text("unplugged")
        await expect(page.locator("#microphone-word")).to_have_text("No microphone")
        await page.get_by_role("button", name="No mic").click()
        await expect(page.locator("#level-word")).to_have_text("Your microphone works.")
        await page.keyboard.press("Escape")
        await expect(page.locator("#microphone-word")).to_have_text("Your microphone")
        assert await page.evaluate("microphone.getTracks()[0].readyState") == "live"
        await page.locator("#end").click()
        assert await page.evaluate("microphone.getTracks()[0].readyState") == "ended"

    async def test_a_quiet_caller_is_warned_and_can_stay(self, open_page: Open, impatient_server_url: str) -> None:
        page = (await open_page(microphone=False, url=impatient_server_url)).page
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        stay = page.get_by_role("button", name="still here")
        await stay.click(timeout=2 * CALL_TIMEOUT_MS)
        await expect(page.locator("#idle")).to_be_hidden()
        await expect(page.locator("#call")).to_be_visible()


class TestCaptions:
    """The reducer alone, fed with events in the page."""

    @staticmethod
    async def rows(page: Page, events: list[dict[str, object]]) -> list[list[object]]:
        rows: list[list[object]] = await page.evaluate(
            """async (events) => {
                const { Captions } = await import("/js/captions.js");
                const captions = new Captions(() => {});
                for (const event of events) captions.take(event);
                return captions.rows.map((row) => [row.who, row.text, row.final, row.cut]);
            }""",
            events,
        )
        return rows

    async def test_the_callers_words_grow_and_the_final_transcript_has_the_last_word(self, open_page: Open) -> None:
        page = (await open_page()).page
        words = "conversation.item.input_audio_transcription"
        growing: list[dict[str, object]] = [
            {"type": "input_audio_buffer.speech_started", "item_id": "a"},
            {"type": f"{words}.delta", "item_id": "a", "delta": "my print"},
            {"type": f"{words}.delta", "item_id": "a", "delta": " her"},
        ]
        assert await self.rows(page, growing) == [["caller", "my print her", False, False]]
        completed: dict[str, object] = {"type": f"{words}.completed", "item_id": "a", "transcript": "My printer."}
        assert await self.rows(page, [*growing, completed]) == [["caller", "My printer.", True, False]]

    async def test_noise_leaves_nothing_behind(self, open_page: Open) -> None:
        page = (await open_page()).page
        started: dict[str, object] = {"type": "input_audio_buffer.speech_started", "item_id": "a"}
        assert await self.rows(page, [started, {"type": "input_audio_buffer.cleared"}]) == []

    async def test_an_interrupted_answer_keeps_what_was_heard(self, open_page: Open) -> None:
        page = (await open_page()).page
        events: list[dict[str, object]] = [
            {"type": "agent.caption", "item_id": "b", "text": "Is the printer", "final": False},
            {"type": "conversation.item.truncated", "item_id": "b", "content_index": 0, "audio_end_ms": 900},
            {"type": "agent.caption", "item_id": "b", "text": "Is the printer on", "final": True},
        ]
        assert await self.rows(page, events) == [["agent", "Is the printer on", True, True]]


@pytest.mark.parametrize(
    ("measured", "level"),
    [
        ({"loss": 0, "rttMs": 40, "jitterMs": 5}, 0),
        ({"loss": 0.03, "rttMs": 40, "jitterMs": 5}, 1),
        ({"loss": 0, "rttMs": 700, "jitterMs": 5}, 2),
        ({"loss": 0.03, "rttMs": 40, "jitterMs": 100}, 2),
        ({}, 0),
    ],
)
async def test_the_connection_is_as_good_as_its_worst_number(
    open_page: Open, measured: dict[str, float], level: int
) -> None:
    page = (await open_page()).page
    judge = 'async (measured) => (await import("/js/quality.js")).judge(measured)'
    assert await page.evaluate(judge, measured) == level


class TestForEveryone:
    async def test_the_keyboard_alone_starts_and_ends_a_call(self, open_page: Open) -> None:
        page = (await open_page()).page

        await tab_to(page, "input[name=agent]:checked")
        await page.keyboard.press("ArrowDown")
        await tab_to(page, "#consent")
        await page.keyboard.press("Space")
        await tab_to(page, "#start")
        await page.keyboard.press("Enter")
        await expect(page.locator("#state")).to_have_text("Speaking", timeout=CALL_TIMEOUT_MS)
        await expect(page.locator("#call-title")).to_be_focused()
        await tab_to(page, "#end")
        await page.keyboard.press("Enter")
        await expect(page.locator("#after-title")).to_be_focused()

    async def test_nothing_is_cut_off_too_small_or_inaccessible_in_a_narrow_window(
        self, open_page: Open, axe_source: str
    ) -> None:
        page = (await open_page(width=320, height=740)).page
        await assert_usable(page, axe_source)
        await agree_and_choose(page, "helpdesk")
        await page.locator("#start").click()
        await expect(page.locator("#state")).to_have_text("Speaking", timeout=CALL_TIMEOUT_MS)
        await expect(page.locator("#conversation .turn.agent")).to_contain_text("Hello")
        await write(page, "My printer is offline and it has been so since the beginning of this week")
        await finished_turns(page, "caller", 1)
        await assert_usable(page, axe_source)
        await page.locator("#call-devices").click()
        await assert_usable(page, axe_source)
        await page.keyboard.press("Escape")
        await page.locator("#end").click()
        await expect(page.locator("#after")).to_be_visible()
        await assert_usable(page, axe_source)

    async def test_a_low_window_still_reaches_the_text_box_and_the_end(self, open_page: Open) -> None:
        page = (await open_page(width=320, height=256)).page
        await call_by_text(page, "helpdesk")
        await write(page, "My printer is offline")
        await finished_turns(page, "agent", 2)
        assert await wider_than_window(page) <= 0
        await page.locator("#end").click()
        await expect(page.locator("#after")).to_be_visible()
