"""The console in a real browser, on a phone: the stuck order is found and helped with four touches, and news comes alone."""

from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, expect

from tests.conftest import OPERATOR_KEY
from tests.house import House
from tests.http_server import listening
from tests.journeys.test_console import silent, surplus

WITHIN_MS = 60_000
"""A machine may be busy: what has not come by then does not come."""
PHONE_WIDTH = 375


async def test_with_four_touches_on_a_phone_an_operator_takes_the_work_of_a_silent_node_away(
    page: Page, house: House
) -> None:
    said: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.set_default_timeout(WITHIN_MS)
    name, _ = await silent(house)
    async with listening(house) as address:
        await page.set_viewport_size({"width": PHONE_WIDTH, "height": 812})
        await page.goto(address)
        await page.get_by_label("Key").fill(OPERATOR_KEY)
        await page.get_by_role("button", name="Sign in").click()
        row = page.get_by_role("row").filter(has_text="Call the node")
        await expect(row).to_contain_text("20.00 USD", timeout=WITHIN_MS)
        await fits(page)

        other, _ = await surplus(house)
        await sees(page.get_by_role("link", name=other))

        await row.get_by_role("link", name="#1005").click()
        await sees(page.get_by_role("heading", level=1, name=name))
        await sees(page.get_by_text("atl ships 2 of PERFUME-50"))
        await fits(page)
        await page.get_by_role("link", name=f"reroute {name}-f1").click()
        await sees(page.get_by_text("atl has not accepted it: it is taken back at once"))
        await fits(page)
        await page.get_by_label("Why").fill("nobody picks up")
        await page.get_by_role("button", name="Reroute work").click()
        await sees(page.get_by_role("status").filter(has_text="Done: reroute"))
        await sees(page.get_by_text("nobody picks up"))
        await page.goto("about:blank")  # its stream of news ends with the page
    assert said == []
    assert hosts == {urlsplit(address).netloc}


async def sees(what: Locator) -> None:
    """Something comes into the page."""
    await expect(what).to_be_visible(timeout=WITHIN_MS)


async def fits(page: Page) -> None:
    """Nothing of a page is to the right of the screen."""
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE_WIDTH, f"{page.url} is {width} wide"


TABS_MAX = 60


async def test_with_the_keyboard_alone_an_operator_takes_the_work_of_a_silent_node_away(
    page: Page, house: House
) -> None:
    name, _ = await silent(house)
    async with listening(house) as address:
        await page.goto(address)
        await page.keyboard.type(OPERATOR_KEY)
        await page.keyboard.press("Enter")
        await sees(page.get_by_role("heading", level=1, name="Exceptions"))
        await tab_to(page, "reroute")
        await page.keyboard.press("Enter")
        await sees(page.get_by_text("atl has not accepted it: it is taken back at once"))
        await tab_to(page, "Reroute work")
        await page.keyboard.press("Enter")
        await sees(page.get_by_role("status").filter(has_text="Done: reroute"))
        await page.goto("about:blank")
    assert (await house.work(name))["status"] == "cancelled"


async def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has these words has the focus, and shows that it has."""
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.innerText") == words:
            assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"no Tab leads to {words}")
