"""What the page offers before and during a call, in a real browser: the briefing, the key, push-to-talk, the noted
fields; a whole call by keyboard alone; every state checked by axe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from scripts.live_server import LiveServer, serving
from tests.browser.conftest import Open
from tests.browser.page_support import (
    CALL_TIMEOUT_MS,
    agree_and_choose,
    assert_clean,
    assert_usable,
    call_by_text,
    finished_turns,
    tab_to,
    write,
)

pytestmark = pytest.mark.browser

_WINDOWS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (1280, "light"),
    (1280, "dark"),
    (360, "dark"),
    (320, "light"),
)
SPEECH_DETECTION = "[...voiceTest.sent].reverse().find(({ type }) => type === 'session.update')"
RECORD_EVENTS = """() => {
    window.voiceTest = { sent: [] };
    const note = (text) => voiceTest.sent.push(JSON.parse(text));
    for (const kind of [RTCDataChannel, WebSocket]) {
        const send = kind.prototype.send;
        kind.prototype.send = function (text) { note(text); voiceTest.carrier = this; return send.call(this, text); };
    }
    const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
    if (ask) navigator.mediaDevices.getUserMedia = async (wishes) => (voiceTest.microphone = await ask(wishes));
}"""
"""Notes what the page sends in calls from now on, and its microphone."""


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def server_url(server: LiveServer) -> str:
    return server.url


async def receive(page: Page, *events: dict[str, object]) -> None:
    """Lets the page get these events as if the server had sent them."""
    deliver = "(data) => voiceTest.carrier.dispatchEvent(new MessageEvent('message', { data }))"
    for event in events:
        await page.evaluate(deliver, json.dumps(event))


def field(name: str, label: str, value: str, *, confirmed: bool) -> dict[str, object]:
    return {"name": name, "label": label, "value": value, "confirmed": confirmed}


class TestBriefing:
    async def test_what_the_caller_gives_reaches_the_agent(self, open_page: Open, tmp_path: Path) -> None:
        page = (await open_page(microphone=False)).page
        advertisement = tmp_path / "job.txt"
        advertisement.write_text("Senior nurse. You need experience with planning shifts.")
        await page.get_by_text("Tell the interviewer").click()
        await page.locator("#interviewer-role").fill("senior nurse")
        await page.locator("input[type=file]").first.set_input_files(advertisement)
        await expect(page.locator("#interviewer-job_description")).to_have_value(advertisement.read_text())
        await page.get_by_role("radio", name="Realistic.").check()
        await page.locator("#interviewer-minutes").fill("12")
        await page.locator("#consent").check()
        async with page.expect_request("**/api/guest") as asked:
            await page.locator("#start-text").click()
        body = (await asked.value).post_data_json
        assert body is not None
        assert body["session"]["agent"] == {
            "role": "senior nurse",
            "job_description": advertisement.read_text(),
            "mode": "realistic",
            "minutes": 12,
        }
        assert (await finished_turns(page, "agent", 1))[0].endswith("Shall we begin?")
        await page.locator("#end").click()
        await page.locator("#again").click()

        await page.locator("input[value=language-coach]").check()
        await page.get_by_text("Choose language and level").click()
        await page.locator("#language-coach-language").select_option(label="German")
        await expect(page.locator("#language-coach-level option").first).to_have_text("Find out with three questions")
        await page.locator("#start-text").click()
        assert "Deutsch" in (await finished_turns(page, "agent", 1))[0]

    async def test_what_cannot_be_taken_is_said_at_its_field(self, open_page: Open, tmp_path: Path) -> None:
        page = (await open_page(microphone=False)).page
        await page.get_by_text("Tell the interviewer").click()
        picture, novel = tmp_path / "resume.txt", tmp_path / "novel.txt"
        picture.write_bytes(b"\x89PNG\xff\x00")
        novel.write_text("word " * 20_000)
        files = page.locator("input[type=file]").last
        for file, fault in ((picture, "not plain text"), (novel, "too long")):
            await files.set_input_files(file)
            await expect(page.locator("#interviewer-resume-fault")).to_contain_text(fault)
        await page.locator("#interviewer-resume").fill("x" * 20_001)
        await page.locator("#consent").check()
        await page.locator("#start-text").click()
        await expect(page.locator("#interviewer-resume")).to_be_focused()
        await expect(page.locator("#interviewer-resume-fault")).to_contain_text("at most 20,000")
        await page.locator("#interviewer-resume").fill("")
        await page.locator("#interviewer-minutes").fill("soon")
        await page.locator("#start-text").click()
        await expect(page.locator("#interviewer-minutes-fault")).to_contain_text("1 to 120")
        await page.locator("#interviewer-minutes").fill("")
        # What only the server knows to be wrong comes with the field's name.
        refusal = {"error": {"message": "It is too odd.", "code": "invalid_value", "param": "session.agent.role"}}
        await page.route("**/api/guest", lambda route: route.fulfill(status=400, json=refusal))
        await page.locator("#start-text").click()
        await expect(page.locator("#interviewer-role-fault")).to_have_text("It is too odd.")
        await expect(page.locator("#interviewer-role")).to_be_focused()
        await expect(page.locator("#setup-fault")).to_be_hidden()

    async def test_a_guest_may_use_a_key_and_then_says_what_becomes_of_the_words(
        self, open_page: Open, server: LiveServer
    ) -> None:
        page = (await open_page(microphone=False)).page
        await agree_and_choose(page, "helpdesk")
        await expect(page.locator("#kept")).to_contain_text("As a guest")
        await page.locator("#have-key").click()
        await expect(page.locator("#key")).to_be_focused()
        await expect(page.locator("#kept")).to_contain_text("unless you decide to keep")
        await page.get_by_role("radio", name="Do not store them").check()
        await expect(page.locator("#kept")).to_contain_text("not stored")
        await page.locator("#key").fill(server.make_key())
        async with page.expect_request("**/v1/realtime/client_secrets") as asked:
            await page.locator("#start-text").click()
        body = (await asked.value).post_data_json
        assert body is not None
        assert body["session"]["agent"] == {"save": "never"}
        await finished_turns(page, "agent", 1)


class TestPushToTalk:
    async def test_the_microphone_is_open_only_while_the_button_is_held(self, open_page: Open) -> None:
        opened = await open_page()
        page = opened.page
        await page.evaluate(RECORD_EVENTS)
        await page.locator("#check-devices").click()
        await page.get_by_role("radio", name="Push to talk").check()
        await page.keyboard.press("Escape")
        await agree_and_choose(page, "interviewer")
        await page.locator("#start").click()
        await expect(page.locator("#state")).to_have_text("Speaking", timeout=CALL_TIMEOUT_MS)
        await expect(page.locator("#mute")).to_be_hidden()
        open_now = "voiceTest.microphone.getAudioTracks()[0].enabled"
        silence = f"({SPEECH_DETECTION})?.session.audio.input.turn_detection.silence_duration_ms"
        assert not await page.evaluate(open_now)

        # By key: it stops the agent, and no pause ends the turn before the key is let go.
        await page.locator("#talk").focus()
        await page.keyboard.down("Space")
        assert await page.evaluate(open_now)
        assert await page.evaluate(silence) == 10_000
        await expect(page.locator("#state")).to_have_text("Listening")
        await expect(page.locator("#state-hint")).to_contain_text("Let go")
        pressed = await page.evaluate("performance.now()")
        await page.wait_for_function("(pressed) => performance.now() > pressed + 300", arg=pressed)
        await page.keyboard.up("Space")
        await page.wait_for_function(f"() => !{open_now}")
        assert await page.evaluate(silence) == 300

        # By a short press, for those who cannot hold it; and by a click of assistive technology.
        for click in (page.locator("#talk").click(), page.locator("#talk").dispatch_event("click")):
            await click
            await expect(page.locator("#talk")).to_have_text("Press to send")
            assert await page.evaluate(open_now)
            await page.locator("#talk").click()
            await expect(page.locator("#talk")).to_have_text("Hold to talk")
        await page.locator("#talk").click()
        await page.locator("#text").focus()
        await expect(page.locator("#talk")).to_have_text("Hold to talk")

        await page.locator("#call-devices").click()
        await page.get_by_role("radio", name="Just talk").check()
        await page.keyboard.press("Escape")
        assert await page.evaluate(open_now)
        detection = await page.evaluate(f"{SPEECH_DETECTION}.session.audio.input.turn_detection")
        assert detection == {"type": "semantic_vad"}
        assert opened.observed.errors == []


class TestNoted:
    async def test_an_unconfirmed_field_is_marked_and_corrected_in_place(self, open_page: Open) -> None:
        page = (await open_page(microphone=False)).page
        await page.evaluate(RECORD_EVENTS)
        await call_by_text(page, "helpdesk")
        await page.get_by_role("button", name="Talk to a human").click()
        await finished_turns(page, "agent", 2)
        await write(page, "anna at example dot org")
        noted = page.locator("#noted")
        await expect(noted).to_contain_text("1 to check", timeout=CALL_TIMEOUT_MS)
        contact = noted.get_by_label("Phone or e-mail")
        await expect(contact).to_have_value("anna@example.org")
        await expect(contact).to_have_accessible_description("Please check")
        await contact.fill("anna.berg@example.org")
        # What comes meanwhile does not overwrite what is being typed.
        await receive(
            page, {"type": "agent.form", "fields": [field("contact", "Phone or e-mail", "x", confirmed=False)]}
        )
        await expect(contact).to_have_value("anna.berg@example.org")
        await noted.get_by_role("button", name="Send correction").click()
        await expect(contact).to_have_accessible_description("Confirmed", timeout=CALL_TIMEOUT_MS)
        await expect(contact).to_have_value("anna.berg@example.org")
        await expect(page.locator("#conversation")).to_contain_text(
            "Correction, Phone or e-mail: anna.berg@example.org"
        )
        await expect(noted).to_contain_text("All checked")


class TestForEveryone:
    async def test_a_whole_call_by_keyboard_alone(self, open_page: Open, server: LiveServer) -> None:
        opened = await open_page(microphone=False)
        page, press = opened.page, opened.page.keyboard.press

        # A briefing opened, and left for another agent.
        await tab_to(page, "input[name=agent]:checked")
        await tab_to(page, ".briefing summary")
        await press("Enter")
        await tab_to(page, "#interviewer-role")
        await page.keyboard.type("senior nurse")
        await page.evaluate("scrollTo(0, 0)")
        await press("Shift+Tab")
        await press("Shift+Tab")
        await press("ArrowDown")
        await expect(page.locator("input[value=helpdesk]")).to_be_checked()
        await expect(page.locator("#interviewer-role")).to_be_hidden()
        # A key, and consent.
        await tab_to(page, "#have-key")
        await press("Enter")
        await page.keyboard.type(server.make_key())
        await tab_to(page, "#consent")
        await press("Space")
        await tab_to(page, "#start-text")
        await press("Enter")
        # The call.
        await finished_turns(page, "agent", 1)
        await expect(page.locator("#text")).to_be_focused()
        await page.keyboard.type("I want to talk to a human")
        await press("Enter")
        await finished_turns(page, "agent", 2)
        await page.keyboard.type("anna at example dot org")
        await press("Enter")
        await finished_turns(page, "agent", 3)
        await tab_to(page, "#noted-contact", "Shift+Tab")  # the text box is below the fields
        await press("Control+a")
        await page.keyboard.type("anna.berg@example.org")
        await press("Enter")
        await expect(page.locator("#noted")).to_contain_text("All checked", timeout=CALL_TIMEOUT_MS)
        await tab_to(page, "#end")
        await press("Enter")
        # And what becomes of it.
        await expect(page.locator("#after")).to_be_visible()
        await expect(page.locator("#keep-call")).to_be_visible(timeout=CALL_TIMEOUT_MS)
        await tab_to(page, "#keep-call")
        await press("Enter")
        await expect(page.locator("#decision-title")).to_contain_text("saved", timeout=CALL_TIMEOUT_MS)
        assert_clean(opened.observed, server.url)

    async def test_no_state_has_a_serious_fault_in_either_theme_or_width(
        self, open_page: Open, axe_source: str
    ) -> None:
        page = (await open_page(microphone=False)).page
        await page.evaluate(RECORD_EVENTS)
        await page.get_by_text("Tell the interviewer").click()
        await page.locator("#interviewer-minutes").fill("soon")
        await page.locator("#start-text").click()
        await page.locator("#have-key").click()
        await self._check(page, axe_source)
        await page.locator("#interviewer-minutes").fill("")
        await page.locator("#have-key").click()
        await page.get_by_role("button", name="Appearance").click()
        await page.locator("#show-timing").check()
        await page.keyboard.press("Escape")
        await call_by_text(page, "language-coach")
        # All that a call can show at the same time, as the server would send it.
        long = "The laptop shows a blue screen since yesterday evening, whenever the docking station is plugged in"
        fields = [field("problem", "Problem", long, confirmed=True), field("name", "Name", "Anna", confirmed=False)]
        await receive(
            page,
            {"type": "agent.form", "fields": fields},
            {"type": "agent.timing", "marks_ms": {"stopped": 300, "committed": 420, "playing": 640}},
            {"type": "agent.timing", "marks_ms": {"stopped": 280, "committed": 400, "playing": 600}},
            {"type": "agent.ticket", "number": 7, "reference": "INC-7", "summary": long, "priority": "P2"},
            {"type": "agent.notice", "code": "fallback", "message": "The script goes on."},
            {"type": "agent.idle_warning", "seconds": 20},
        )
        await page.locator("#timing summary").click()
        await expect(page.locator("#timing")).to_contain_text("Median of 2 answers: 620 ms")
        await self._check(page, axe_source)
        # Buttons that only a call by voice has.
        for button in ("mute", "call-devices", "talk", "own-level"):
            await page.evaluate("(id) => (document.getElementById(id).hidden = false)", button)
        await self._check(page, axe_source)

    @staticmethod
    async def _check(page: Page, axe: str) -> None:
        """At the narrowest and a wide window, in both themes; without motion, so that colours are there at once."""
        for width, theme in _WINDOWS:
            await page.set_viewport_size({"width": width, "height": 860})
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            await assert_usable(page, axe)
