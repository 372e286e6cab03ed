"""After the call: keep or discard, the report, the list of calls and the figures, in a real browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping

import pytest
from playwright.async_api import Page, Route, expect

from scripts.live_server import LiveServer, serving
from tests.browser import report_examples as examples
from tests.browser.conftest import Observed, Open
from tests.browser.page_support import (
    CALL_TIMEOUT_MS,
    agree_and_choose,
    assert_clean,
    call_by_text,
    finished_turns,
    violations,
    wider_than_window,
    write,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def server_url(server: LiveServer) -> str:
    return server.url


async def answer_with(page: Page, answers: Mapping[str, object]) -> None:
    """Lets the page's requests to these paths be answered with JSON, or with (status, JSON)."""

    async def answer(route: Route) -> None:
        path = "/" + route.request.url.split("/", 3)[3].partition("?")[0]
        if path not in answers:
            await route.fallback()
            return
        found = answers[path]
        status, body = found if isinstance(found, tuple) else (200, found)
        await route.fulfill(status=status, json=body, headers={"Retry-After": "1"} if status == 202 else None)

    await page.route("**/v1/**", answer)


async def open_report(page: Page, report: object, *, key: str = "sk-example") -> None:
    """From the list of calls, by the page's own buttons."""
    call = examples.summary(1)
    await answer_with(
        page,
        {
            "/v1/calls": {"data": [call], "has_more": False},
            "/v1/progress": {"calls": 1, "trends": []},
            "/v1/calls/call_1": {**call, "turns": []},
            "/v1/calls/call_1/report": report,
        },
    )
    await page.locator("#to-progress").click()
    await page.locator("#progress-key").fill(key)
    await page.locator("#progress-key").press("Enter")
    await page.get_by_role("button", name="Open the report: Interview practice").click()
    await expect(page.locator("#after")).to_be_visible()


def without_refusals(observed: Observed) -> Observed:
    """The browser writes each answer of 4xx to its console."""
    observed.console = [line for line in observed.console if "status of 4" not in line]
    return observed


class TestAfterRealCalls:
    async def test_a_guest_who_wrote_gets_a_report_and_may_have_all_of_it_forgotten(
        self, open_page: Open, server_url: str
    ) -> None:
        opened = await open_page(microphone=False)
        page = opened.page
        await call_by_text(page, "interviewer")
        await write(page, "For a job as a software engineer, please.")
        await finished_turns(page, "agent", 2)
        await write(page, "Last year I led a migration. I wrote the plan myself, and it was done four days early.")
        await finished_turns(page, "agent", 3)
        await page.locator("#end").click()
        await expect(page.locator("#decision-title")).to_have_text("Nothing of this conversation is stored")
        await expect(page.locator("#decision-text")).to_contain_text("in its memory until")
        await expect(page.locator("#keep-call")).to_be_hidden()
        await expect(page.get_by_role("heading", name="Your report in short")).to_be_visible(timeout=CALL_TIMEOUT_MS)
        report = page.locator("#report")
        await expect(report).to_contain_text("I wrote the plan myself")
        await expect(report).to_contain_text("You did not speak in this call")
        await expect(report).to_contain_text("made by an AI system")
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name="Report as JSON").click()
        saved = await asyncio.to_thread((await (await waiting.value).path()).read_text)
        assert json.loads(saved)["section"]["kind"] == "interview"
        await page.locator("#discard-call").click()
        await page.keyboard.press("Escape")
        await expect(report).to_contain_text("I wrote the plan myself")
        await page.locator("#discard-call").click()
        await page.locator("#confirm-act").click()
        await expect(page.locator("#decision-title")).to_have_text("The conversation is deleted")
        await expect(page.locator("#decision-title")).to_be_focused()
        assert "I wrote the plan" not in await page.locator("main").inner_text()
        assert_clean(opened.observed, server_url)

    async def test_the_holder_of_a_key_decides_and_finds_the_call_again_until_it_is_deleted(
        self, open_page: Open, server: LiveServer
    ) -> None:
        opened = await open_page(microphone=False, width=360)
        page = opened.page
        await agree_and_choose(page, "helpdesk")
        await page.locator("#have-key").click()
        await page.locator("#key").fill(server.make_key(operator=True))
        await page.locator("#start-text").click()
        await finished_turns(page, "agent", 1)
        await write(page, "My printer is offline")
        await finished_turns(page, "agent", 2)
        await page.locator("#end").click()
        await expect(page.locator("#decision-title")).to_have_text("Save this conversation?", timeout=CALL_TIMEOUT_MS)
        await page.locator("#keep-call").press("Enter")
        await expect(page.locator("#decision-title")).to_have_text("This conversation is saved")
        await expect(page.locator("#report")).to_contain_text("What was tried", timeout=CALL_TIMEOUT_MS)

        await page.locator("#to-calls").click()
        await expect(page.locator("#calls .call-item")).to_have_count(1)
        await expect(page.locator("#trends")).to_contain_text("one saved call")
        await page.locator("#figures-submit").click()
        await expect(page.locator("#figures")).to_contain_text("Not enough calls yet")
        assert await wider_than_window(page) <= 0
        await page.get_by_role("button", name="Open the report").click()
        await expect(page.locator("#report")).to_contain_text("My printer is offline")
        await page.locator("#to-calls").click()
        await page.get_by_role("button", name=re.compile("^Delete: Helpdesk")).click()
        await expect(page.locator("#confirm-keep")).to_be_focused()
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#no-calls")).to_be_visible()
        await page.locator("#progress-back").click()
        await expect(page.locator("#setup")).to_be_visible()
        assert_clean(opened.observed, server.url)


class TestReport:
    async def test_it_shows_quotes_rejected_scores_marks_and_where_everything_comes_from(
        self, open_page: Open, axe_source: str
    ) -> None:
        opened = await open_page(microphone=False)
        page = opened.page
        await open_report(page, examples.report("interview"))
        first = page.locator(".question").first
        await expect(first).to_contain_text("Why it was asked: The job asks for planning.")
        await expect(first.locator(".star")).to_contain_text("Situation: clearly there")
        await expect(first.locator(".star")).to_contain_text("“a release that was three weeks late”")
        await expect(first.locator(".rejected")).to_contain_text("Not scored: Result.")
        await first.get_by_text("A stronger version of your answer").click()
        await expect(first).to_contain_text("Built only from facts that you gave in this call")
        await expect(page.locator(".question").nth(2)).to_contain_text("Skipped")
        await expect(page.locator("#report")).to_contain_text("Not shown yet. Have an example ready.")

        talk = page.locator("#report .conversation")
        hedge = talk.locator("mark.hedge").first
        decoration = "element => getComputedStyle(element).textDecorationStyle"
        kinds = [await talk.locator(f"mark.{kind}").first.evaluate(decoration) for kind in ("filler_sound", "hedge")]
        assert kinds == ["wavy", "dotted"]
        await page.locator(".legend").get_by_label("Hedges").uncheck()
        line = "element => getComputedStyle(element).textDecorationLine"
        assert await hedge.evaluate(line) == "none"

        pace = page.locator("figure", has_text="Pace over time")
        await expect(pace.locator("svg .span")).to_have_count(4)
        await pace.locator("summary").click()
        await expect(pace.locator("tbody tr")).to_have_count(4)
        await page.get_by_text("All figures, and how they are computed").click()
        await expect(page.locator("#report")).to_contain_text("Laske & DiGennaro Reed 2024")
        assert await violations(page, axe_source) == []
        assert opened.observed.errors == []

    async def test_all_of_it_fits_a_narrow_window_with_everything_unfolded(
        self, open_page: Open, axe_source: str
    ) -> None:
        page = (await open_page(microphone=False, width=320, height=740)).page
        await open_report(page, examples.report("interview"))
        await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        await expect(page.locator("figure svg").first).to_be_visible()
        assert await wider_than_window(page) <= 0
        for theme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
            assert await violations(page, axe_source) == [], theme

    async def test_helpdesk_calls_and_lessons_have_reports_of_their_own(self, open_page: Open) -> None:
        page = (await open_page(microphone=False)).page
        draw = """async (report) => {
            const { reportPanels } = await import("/js/report/report-view.js");
            return reportPanels(report).map((panel) => panel.textContent).join("\\n");
        }"""
        desk = await page.evaluate(draw, examples.report("helpdesk"))
        assert all(
            words in desk for words in ("Ticket 1001", "It did not help", "Not fixed yet.", "4 of 5. Thank you.")
        )
        assert "How you spoke" not in desk
        lesson = await page.evaluate(draw, examples.report("language"))
        assert all(words in lesson for words in ("English", "I went to the market", "You used it soon after"))

    async def test_it_waits_for_a_report_and_says_why_there_is_none(self, open_page: Open) -> None:
        opened = await open_page(microphone=False)
        page = opened.page
        await open_report(page, (202, {"status": "pending"}))
        word = page.locator("#report-word")
        await expect(word).to_contain_text("Your report is being made")
        await answer_with(page, {"/v1/calls/call_1/report": (410, {"error": {"message": "", "code": "report_failed"}})})
        await expect(word).to_have_text("No report could be made of this call.")
        await expect(page.locator("#report-again")).to_be_hidden()
        await page.locator("#to-calls").click()
        await answer_with(
            page, {"/v1/calls/call_1/report": (503, {"error": {"message": "The database is away.", "code": "x"}})}
        )
        await page.get_by_role("button", name="Open the report").click()
        await expect(word).to_have_text("The database is away.")
        await answer_with(page, {"/v1/calls/call_1/report": examples.report("helpdesk")})
        await page.locator("#report-again").click()
        await expect(page.locator("#report")).to_contain_text("Ticket 1001")
        assert without_refusals(opened.observed).errors == []


class TestProgress:
    async def test_trends_and_figures_come_with_their_tables(self, open_page: Open, axe_source: str) -> None:
        opened = await open_page(microphone=False)
        page = opened.page
        await answer_with(
            page,
            {
                "/v1/calls": {"data": [examples.summary(0, saved=False), examples.summary(1)], "has_more": True},
                "/v1/progress": examples.progress(),
                "/v1/helpdesk/figures": examples.figures(40),
            },
        )
        await page.locator("#to-progress").click()
        await page.locator("#progress-submit").click()
        await expect(page.locator("#progress-fault")).to_have_text("Please enter an API key.")
        await page.locator("#progress-key").fill("sk-example")
        await page.locator("#progress-submit").click()
        await expect(page.locator("#calls .call-item")).to_have_count(2)
        await expect(page.locator("#calls .call-item").first).to_contain_text("Not decided yet: deleted at")
        await expect(page.locator("#more-calls")).to_be_visible()
        pace = page.locator("#trends figure", has_text="Pace, words per minute")
        await expect(pace.locator("circle")).to_have_count(6)
        await expect(pace.locator("tbody tr")).to_have_count(6)
        await page.locator("#figures-submit").click()
        figures = page.locator("#figures")
        await expect(figures).to_contain_text("40 stored helpdesk calls")
        for words in ("First-contact resolution", "Repeat contact", "Reply rate", "Forced escalations", "median"):
            await expect(figures).to_contain_text(words)
        await expect(figures.locator(".few")).to_have_count(0)
        assert await violations(page, axe_source) == []

    async def test_a_key_that_is_no_operators_and_one_that_is_wrong_are_told_so(self, open_page: Open) -> None:
        opened = await open_page(microphone=False)
        page = opened.page
        await page.locator("#to-progress").click()
        await page.locator("#progress-key").fill("sk-wrong")
        await page.locator("#progress-submit").click()
        await expect(page.locator("#progress-fault")).to_contain_text("not valid")
        refusal = {"error": {"message": "", "code": "operator_key_required"}}
        await answer_with(
            page,
            {
                "/v1/calls": {"data": [], "has_more": False},
                "/v1/progress": {"calls": 0, "trends": []},
                "/v1/helpdesk/figures": (403, refusal),
            },
        )
        await page.locator("#progress-key").fill("sk-example")
        await page.locator("#progress-submit").click()
        await expect(page.locator("#no-calls")).to_be_visible()
        await expect(page.locator("#trends")).to_contain_text("no saved calls so far")
        await page.locator("#figures-submit").click()
        await expect(page.locator("#figures-fault")).to_contain_text("operator’s key")
        assert without_refusals(opened.observed).errors == []


async def test_figures_ranges_marks_and_axes_are_put_into_words_and_pixels(open_page: Open) -> None:
    page = (await open_page(microphone=False)).page
    band = {"good_min": 130, "good_max": 160, "flag_below": 110, "flag_above": 180, "flag_from": None}
    marks = [{"start": 3, "end": 5, "kind": "filler_sound"}, {"start": 7, "end": 12, "kind": "hedge"}]
    found = await page.evaluate(
        """async ([band, marks]) => {
            const words = await import("/js/report/words.js");
            const plot = await import("/js/report/plot.js");
            const { pieces } = await import("/js/report/marks.js");
            return {
                values: Object.entries({ "words per minute": 142, percent: 71, milliseconds: 840, "points of 5": 3 })
                    .map(([unit, value]) => words.valueText(value, unit)),
                band: words.bandText(band, "words per minute"),
                from: words.bandText({ good_max: 5, flag_from: 12 }, "per minute"),
                pieces: pieces("😀, um, maybe so", marks).map(({ text, kind }) => [text, kind]),
                ticks: plot.ticks(103, 178),
                minutes: plot.timeTicks(250_000),
                domain: plot.domain([150], null),
                good: plot.goodPart({ flag_below: 40 }, 0, 100),
                clock: words.clock(65_400),
            };
        }""",
        [band, marks],
    )
    assert found == {
        "values": ["142 words per minute", "71 %", "0.8 s", "3 of 5"],
        "band": "good: 130 to 160; worth a look: below 110 or above 180",
        "from": "good: up to 5; worth a look: from 12",
        "pieces": [["😀, ", ""], ["um", "filler_sound"], [", ", ""], ["maybe", "hedge"], [" so", ""]],
        "ticks": [120, 140, 160],
        "minutes": [0, 60_000, 120_000, 180_000, 240_000],
        "domain": [120, 180],
        "good": [40, 100],
        "clock": "1:05",
    }
