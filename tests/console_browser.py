"""Somebody at the console with a real browser: what they click is counted, and what the browser complains about is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, Request, ViewportSize, expect

from tests.conftest import OPERATOR_KEY
from tests.console_acts import act_of, due_here
from tests.house import House
from tests.http_server import listening

WITHIN_MS = 60_000
"""A machine may be busy: what has not come by then does not come."""
TABS_MAX = 60
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 375, "height": 812}
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@dataclass
class Operator:
    """An operator who is signed in, with the pointer in hand."""

    page: Page
    house: House
    address: str
    clicks: int = 0
    said: list[str] = field(default_factory=list)
    """What the browser wrote to its console."""
    hosts: set[str] = field(default_factory=set)
    """Where the pages loaded something from."""
    acts: set[str] = field(default_factory=set)
    """What was done, as `tests/console_acts.py` names it."""

    def notes(self, request: Request) -> None:
        """Keep where a request goes, and which act it is."""
        self.hosts.add(urlsplit(request.url).netloc)
        if request.method == "POST":
            self.acts.add(act_of(urlsplit(request.url).path, request.post_data or ""))

    async def goes(self, path: str) -> None:
        """Open a page by its address, which counts no click."""
        await self.page.goto(f"{self.address}/console/{path}")

    async def click(self, what: Locator) -> None:
        """Click something that is on the screen."""
        self.clicks += 1
        await what.click(timeout=WITHIN_MS)

    async def link(self, name: str) -> None:
        """Click the first link with these words."""
        await self.click(self.page.get_by_role("link", name=name, exact=True).first)

    async def button(self, name: str) -> None:
        """Click the first button with these words."""
        await self.click(self.page.get_by_role("button", name=name, exact=True).first)

    async def presses(self, words: str) -> None:
        """Press Tab until what has these words has the focus, and shows that it has; then Enter. It needs no pointer."""
        for _ in range(TABS_MAX):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate("document.activeElement.innerText") == words:
                assert await self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                await self.page.keyboard.press("Enter")
                return
        raise AssertionError(f"no Tab leads to {words}")

    async def choose(self, label: str, option: str) -> None:
        """Choose from a list: one click to open it, and one on the option."""
        self.clicks += 2
        await self.page.get_by_label(label).first.select_option(option)

    async def sees(self, *words: str) -> None:
        """Every one of these words comes into the page."""
        for text in words:
            await expect(self.page.locator("main")).to_contain_text(text, timeout=WITHIN_MS)

    async def fits(self) -> None:
        """Nothing of the page is to the right of the screen."""
        width = await self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= await self.page.evaluate("innerWidth"), f"{self.page.url} is {width} wide"

    async def findings(self, *rules: str) -> list[str]:
        """What axe finds on the page, by these rules or by all: the rule, and the first element that breaks it."""
        if not await self.page.evaluate("'axe' in window"):
            await self.page.evaluate(AXE)
        found: dict[str, Any] = await self.page.evaluate(
            "rules => axe.run(rules.length ? {runOnly: rules} : {})", rules
        )
        return [
            f"{self.page.url}: {one['impact']} {one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in found["violations"]
        ]


@asynccontextmanager
async def operating(page: Page, house: House, key: str = OPERATOR_KEY) -> AsyncIterator[Operator]:
    """An operator at the console of a house. Afterwards: the acts of this test were done, the browser has no complaint, and
    nothing came from another host."""
    page.set_default_timeout(WITHIN_MS)
    async with listening(house) as address:
        operator = Operator(page, house, address)
        page.on("console", lambda message: operator.said.append(message.text))
        page.on("pageerror", lambda error: operator.said.append(str(error)))
        page.on("request", operator.notes)
        await page.goto(address)
        await page.get_by_label("Key").fill(key)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/console/**")
        yield operator
        await page.goto("about:blank")  # its stream of news ends with the page
    assert due_here() - operator.acts == set(), "this test does not do what tests/console_acts.py says"
    assert operator.said == []
    assert operator.hosts - {""} == {urlsplit(address).netloc}
