"""The pictures of the documentation are of the product as it is: an explained plan, and the page that compares two networks.

With `SWITCHYARD_SCREENSHOT=1` they are taken again and written to `docs/images/`.
"""

import html
import io
import json
import os
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree

import pytest
import pytest_asyncio
from playwright.async_api import FloatRect, Page, async_playwright
from rich.console import Console

from simulation import Options, simulate
from starter.explain import explain
from tests.house import House

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
EXPLAINED = IMAGES / "explained-order.svg"
COMPARED = IMAGES / "two-networks.png"
PICTURE_BYTES_MAX = 250_000
TAKES_PICTURES = os.environ.get("SWITCHYARD_SCREENSHOT") == "1"
COLUMNS = 118
CITIES = """
80202 10001 98101 60601 94103 33101 75201 30303 02108 85001 55401 97201 37201 64101 84101
90012 19103 48201 28202 70112 87102 63101 43215 15222 32801 78701 92101 20001 21201 53202
"""
"""Postal codes of thirty cities."""
SKUS = ("SERUM-30", "TONER-200", "NIGHT-CREAM-50")


async def test_the_picture_of_an_explained_order_says_what_the_command_says(house: House) -> None:
    for node, units in (("slc", {"SERUM_30": 3, "TONER_200": 1}), ("chi", {"SERUM_30": 5}), ("nwk", {"TONER_200": 4})):
        await house.stock(node, **units)
    name = await house.place(("SERUM-30", 4), ("TONER-200", 2), number="1001")
    await house.settle(name)
    console = Console(file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True, color_system="truecolor")
    assert await explain(house.database_url, name, console) == 0

    title = f"python -m starter explain {name}"
    picture = without_fonts(console.export_svg(title=title, unique_id="explained"))
    if TAKES_PICTURES:
        EXPLAINED.write_text(picture)
    assert words(picture) == words(EXPLAINED.read_text()), "take the pictures again: SWITCHYARD_SCREENSHOT=1"


def without_fonts(picture: str) -> str:
    """The drawing without the fonts that it would fetch from the network; any font with fixed width does."""
    return re.sub(r"@font-face \{.*?\}\n?", "", picture, flags=re.DOTALL)


def words(picture: str) -> set[str]:
    """The words of a drawing: numbers, which depend on the day, are left out."""
    text = html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", picture)))
    return set(re.findall(r"[a-z][a-z-]+", text)) - {"day", "days"}


@pytest_asyncio.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """A page of a headless browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield await browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
        await browser.close()


async def test_the_picture_of_two_networks_shows_charts_and_maps(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compare_two_networks()

    await page.goto((tmp_path / "page.html").as_uri())
    size = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    shown = await between(page, "How they are spread", "Units by node", size[0])
    assert shown["height"] > 800
    picture = await page.screenshot(animations="disabled", clip=shown)
    assert len(picture) < PICTURE_BYTES_MAX
    if TAKES_PICTURES:
        COMPARED.write_bytes(picture)
    assert COMPARED.exists()


def compare_two_networks() -> None:
    """Write page.html: the example network with and without its stores."""
    copytree(ROOT / "network/example", "with-stores")
    copytree(ROOT / "network/example", "without-stores")
    policy = Path("without-stores/policy.toml")
    policy.write_text(re.sub(r"^stores = .*\n", "", policy.read_text(), flags=re.MULTILINE).replace(', "stores"', ""))
    Path("orders.jsonl").write_text(orders_of_a_month())
    options = Options([Path("with-stores"), Path("without-stores")], [Path("orders.jsonl")], html=Path("page.html"))
    assert simulate(options) == 0


async def between(page: Page, first: str, behind: str, width: float) -> FloatRect:
    """The part of a page from one heading to another."""
    tops = []
    for name in (first, behind):
        box = await page.get_by_role("heading", level=2, name=name).bounding_box()
        assert box is not None
        tops.append(box["y"])
    return {"x": 0, "y": tops[0] - 20, "width": width, "height": tops[1] - tops[0]}


def orders_of_a_month() -> str:
    """240 orders of three channels from thirty cities, the same each time."""
    chance = random.Random(4)
    return "".join(f"{json.dumps(an_order(number, chance))}\n" for number in range(240))


def an_order(number: int, chance: random.Random) -> dict[str, object]:
    """An order of up to three lines."""
    skus = chance.sample(SKUS, chance.randint(1, 3))
    return {
        "channel": chance.choice(["web", "web", "web", "marketplace", "wholesale"]),
        "number": str(number),
        "placed_at": f"2026-11-{chance.randint(2, 27):02d}T{chance.randint(8, 22):02d}:00:00Z",
        "currency": "USD",
        "service": chance.choice(["standard", "standard", "two_day"]),
        "ship_to": {"country": "US", "postal_code": chance.choice(CITIES.split())},
        "lines": [
            {"line": str(line), "sku": sku, "quantity": chance.randint(1, 3), "unit_price": 2800}
            for line, sku in enumerate(skus, 1)
        ],
    }
