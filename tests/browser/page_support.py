"""What a person does on the page, and what must be true of it in every state. Not a test module."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Observed

CALL_TIMEOUT_MS = 30_000
_SMALLEST_TARGET_PX = 44
_MOST_TABS = 40


async def agree_and_choose(page: Page, agent: str) -> None:
    await page.locator(f"input[value={agent}]").check()
    await page.locator("#consent").check()


async def call_by_text(page: Page, agent: str) -> str:
    """Begins a call in writing; returns the agent's first words."""
    await agree_and_choose(page, agent)
    await page.locator("#start-text").click()
    return (await finished_turns(page, "agent", 1))[0]


async def write(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def finished_turns(page: Page, who: str, count: int) -> list[str]:
    """Waits until the page shows so many finished turns of "caller" or "agent", and returns them."""
    turns = page.locator(f"#conversation .turn.{who}:not(.growing) .words")
    await expect(turns).to_have_count(count, timeout=CALL_TIMEOUT_MS)
    return await turns.all_inner_texts()


async def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Presses the key until an element of the selector has the focus."""
    for _ in range(_MOST_TABS):
        if await page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        await page.keyboard.press(key)
    pytest.fail(f"{key} never reached {selector}")


async def violations(page: Page, axe: str) -> list[str]:
    """What axe finds, as `impact rule: elements`. Evaluated by the browser's own protocol: the page forbids eval."""
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": axe})
    expression = "axe.run().then(found => JSON.stringify(found.violations))"
    answer = await session.send("Runtime.evaluate", {"expression": expression, "awaitPromise": True})
    return [
        f"{each['impact']} {each['id']}: {[node['target'] for node in each['nodes']]}"
        for each in json.loads(answer["result"]["value"])
    ]


async def wider_than_window(page: Page) -> int:
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))


async def too_small(page: Page) -> list[str]:
    """Controls that are too small to be hit by a finger."""
    found = []
    for control in await page.locator("button:visible, summary:visible, textarea:visible, select:visible").all():
        box = await control.bounding_box()
        assert box is not None
        if min(box["width"], box["height"]) < _SMALLEST_TARGET_PX:
            found.append(await control.evaluate("element => element.id || element.textContent || element.ariaLabel"))
    return found


async def assert_usable(page: Page, axe: str) -> None:
    """Nothing is cut off, inaccessible or too small in the window as it is now."""
    state = (page.viewport_size, await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"))
    assert await wider_than_window(page) <= 0, state
    assert await violations(page, axe) == [], state
    assert await too_small(page) == [], state


def assert_clean(observed: Observed, url: str) -> None:
    assert observed.console == []
    assert observed.errors == []
    assert observed.hosts == {url.removeprefix("http://")}
