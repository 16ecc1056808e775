"""A real browser for the journeys that end before somebody's eyes, and a shop for those that begin in one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.house import House
from tests.journeys.shopify_house import Connected, connected

CHROMIUM = Path("/usr/bin/chromium")
OFFLINE_AND_PLAIN = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def chromium() -> Path:
    """The browser's program."""
    if not CHROMIUM.exists():
        pytest.skip("not here: /usr/bin/chromium")
    return CHROMIUM


@pytest_asyncio.fixture
async def page(chromium: Path) -> AsyncIterator[Page]:
    """A page of a headless browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=OFFLINE_AND_PLAIN)
        yield await browser.new_page(viewport={"width": 1440, "height": 1190})
        await browser.close()


@pytest_asyncio.fixture
async def just_connected(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connected]:
    """A shop that `connect` has just ended for: it keeps no item at our location yet."""
    async with connected(house, tmp_path / "network", monkeypatch) as made:
        yield made


@pytest_asyncio.fixture
async def acme(just_connected: Connected) -> Connected:
    """A connected shop that keeps its items at our location."""
    await just_connected.has_levels()
    return just_connected
