"""The address leads a browser to the console, and shows the interface as a page without a key and without the internet."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from httpx2 import AsyncClient
from playwright.async_api import ConsoleMessage, Page, Request, expect

from runtime.version import VERSION
from tests.house import House
from tests.http_server import listening

UI = "http://127.0.0.1:8233"
AS_A_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Authorization": ""}
ADDRESSES = {
    "openapi": "/openapi.json",
    "docs": "/docs",
    "health": "/healthz",
    "readiness": "/readyz",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_developer_opens_the_address_and_reads_how_a_node_reports(
    page: Page, house: House, scheme: str
) -> None:
    said: list[str] = []
    asked: set[str] = set()

    def note(message: ConsoleMessage) -> None:
        said.append(message.text)

    def remember(request: Request) -> None:
        asked.add(urlsplit(request.url).netloc)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", remember)
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    async with listening(house, UI) as address:
        await page.goto(address)
        await expect(page.get_by_role("heading", name="Switchyard")).to_be_visible()
        await expect(page.get_by_text(f"version {VERSION}")).to_be_visible()
        await expect(page.get_by_role("link", name=UI)).to_have_attribute("href", UI)
        await page.get_by_role("link", name="/docs").click()
        await page.get_by_role("navigation").get_by_role("link", name="Send node message").click()
        article = page.locator("article#send_node_message")
        await expect(article).to_be_in_viewport()
        await expect(article).to_contain_text("Open to keys of kind operator, node.")
        await expect(article).to_contain_text("message_id")
        await expect(article.get_by_label("Example")).to_contain_text(
            'curl -X POST "$SWITCHYARD/fulfillment-orders/web-1001-f1/messages"'
        )
        ink, ground = await page.evaluate(
            "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
        )
        await page.set_viewport_size({"width": 360, "height": 700})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert brightness(ground) > brightness(ink) if scheme == "light" else brightness(ground) < brightness(ink)
    assert said == []
    assert asked == {urlsplit(address).netloc}


def brightness(color: str) -> int:
    """How bright `rgb(1, 2, 3)` is."""
    return sum(map(int, re.findall(r"\d+", color)))


async def test_a_program_reads_there_where_things_are(house: House) -> None:
    answer = await house.http.get("/", headers={"Authorization": ""})
    assert answer.json() == {"service": "switchyard", "version": VERSION, "temporal_ui": None} | ADDRESSES
    assert answer.headers["vary"] == "Accept"
    for path in ADDRESSES.values():
        assert (await house.http.get(path, headers={"Authorization": ""})).status_code == 200, path
    async with listening(house, UI) as address, AsyncClient(base_url=address) as http:
        assert (await http.get("/")).json()["temporal_ui"] == UI


async def test_a_browser_is_sent_to_the_console_and_the_page_of_the_interface_loads_nothing_from_elsewhere(
    house: House,
) -> None:
    answer = await house.http.get("/", headers=AS_A_BROWSER)
    assert (answer.status_code, answer.headers["location"], answer.headers["vary"]) == (303, "/console", "Accept")
    answer = await house.http.get("/docs", headers=AS_A_BROWSER)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|src=", answer.text)


async def test_the_page_shows_every_operation_and_every_type_and_no_link_leads_nowhere(house: House) -> None:
    document = (await house.http.get("/openapi.json")).json()
    page = (await house.http.get("/docs", headers=AS_A_BROWSER)).text
    anchors = re.findall(r' id="([^"]+)"', page)
    assert len(set(anchors)) == len(anchors)
    names = {spec["operationId"] for methods in document["paths"].values() for spec in methods.values()}
    assert names | {f"type-{name}" for name in document["components"]["schemas"]} <= set(anchors)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(anchors)


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
