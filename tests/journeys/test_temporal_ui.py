"""An order as an operator sees it: the real Temporal UI in a real browser.

With `SWITCHYARD_SCREENSHOT=1` the picture of the documentation is taken again: `docs/images/order-in-temporal-ui.png`.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from database.connect import Database
from embedded.temporal import NAMESPACE, EmbeddedTemporal
from runtime.search_attributes import register_search_attributes
from tests.conftest import OPERATOR_KEY
from tests.house import House, furnished
from workflows.visibility import SEARCH_ATTRIBUTES

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "order-in-temporal-ui.png"
PICTURE_BYTES_MAX = 400_000
LOADS_WITHIN_MS = 60_000


@pytest.fixture
def server(tmp_path: Path) -> EmbeddedTemporal:
    """A Temporal server with its UI."""
    return EmbeddedTemporal(tmp_path / "temporal", ui_port=0, in_memory=True)


@pytest_asyncio.fixture
async def observed(
    patient: None, server: EmbeddedTemporal, database: Database, database_url: str
) -> AsyncIterator[House]:
    """A house whose workflows can be looked at, with the example network."""
    with server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter, identity="worker-1")
        await register_search_attributes(client, SEARCH_ATTRIBUTES)
        unskipped = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
        with unskipped.with_time_skipping_disabled():
            async with furnished(unskipped, database, database_url, OPERATOR_KEY) as house:
                yield house


async def short_picked(house: House) -> str:
    """An order of which one unit was not found in Salt Lake City, so that Newark sends it."""
    await house.stock("slc", SERUM_30=2, TONER_200=1)
    await house.stock("nwk", SERUM_30=5)
    name = await house.place(("SERUM-30", 2), ("TONER-200", 1), number="1001")
    first = (await house.work(name))["fulfillment_order"]
    await house.tell(first, "accepted")
    await house.settle(name)
    await house.tell(first, "picked", {"1": 1, "2": 1}, final=True)
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.settle(name)
    await house.tell(second, "accepted")
    await house.settle(name)
    await house.tell(first, "shipped")
    await house.settle(name)
    return name


async def test_an_operator_reads_in_the_temporal_ui_where_an_order_stands(
    page: Page, observed: House, server: EmbeddedTemporal
) -> None:
    name = await short_picked(observed)
    workflow = observed.workflow(name)

    await page.goto(f"{server.ui}/namespaces/{NAMESPACE}/workflows/{workflow.id}", timeout=LOADS_WITHIN_MS)
    for said in (
        "source",  # of a step inside a workflow task the UI 2.54 shows the name in this view, and its summary in the history
        f"{name}-f1: delivery",
        f"{name}-f2: shipment",
    ):
        await expect(page.get_by_text(said).first).to_be_visible(timeout=LOADS_WITHIN_MS)
    if os.environ.get("SWITCHYARD_SCREENSHOT") == "1":
        await keep_picture(page)
    await page.locator("#user-metadata-tab").click()
    summary = page.frame_locator("#user-metadata-summary").locator("body")
    await expect(summary).to_contain_text("2 lines, 3 units, standard, US 802", timeout=LOADS_WITHIN_MS)
    card = page.frame_locator("#user-metadata-current-details").locator("body")
    for said in (
        "partially_shipped",
        "line 1, 2 × SERUM-30: 1 allocated, 1 shipped",
        "line 2, 1 × TONER-200: 1 shipped",
        f"{name}-f2 nwk, attempt 2, 1 unit: in_progress (accepted), waits for shipment until",
    ):
        await expect(card).to_contain_text(said, timeout=LOADS_WITHIN_MS)


async def keep_picture(page: Page) -> None:
    """Write the picture of the documentation, small enough for a repository."""
    picture = await page.screenshot(animations="disabled")
    assert len(picture) < PICTURE_BYTES_MAX
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)
