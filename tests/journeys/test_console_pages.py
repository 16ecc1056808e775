"""Every page of the console in a real browser: accessible, on a wide screen, on a phone, light and dark, and photographed.

With `SWITCHYARD_SCREENSHOT=1` the pictures of the documentation are taken again: `docs/images/console-*.png`.
"""

import io
import os
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from PIL import Image
from playwright.async_api import Page

from tests.console_browser import DESKTOP, PHONE, Operator, operating
from tests.house import Document, House
from tests.journeys.test_announced_goods import in_days, tell
from tests.journeys.test_console import surplus
from transactions import shadow
from transactions.prepare import apply_network

DOCS = Path(__file__).parents[2] / "docs"
IMAGES, PAGE = DOCS / "images", DOCS / "operating" / "console.md"
TAKES_PICTURES = os.environ.get("SWITCHYARD_SCREENSHOT") == "1"
PICTURE_BYTES_MAX = 200_000
LONG = "Rosalinde-Wilhelmine von Hohenzollern-Sigmaringen und zu Lichtenstein, Überlandverkehr"
TO: Document = {"street": ["1 Main St"], "city": "Denver", "region": "CO", "postal_code": "80202", "country": "US"}


RULES = """\
node,sku,min_units,max_units,min_days,max_days,sales_days,sources,service,automatic
chi,SERUM-30,4,12,,,,slc,,
nwk,TONER-200,4,12,,,,slc,,
"""


async def begin_shadow(house: House, folder: Path) -> None:
    """Rules of replenishment, and a shadow that plans without Salt Lake City."""
    network = copytree("network/example", folder / "network", ignore=ignore_patterns("cases"))
    (network / "replenishment.csv").write_text(RULES)
    assert await apply_network(house.database_url, network) == []
    policy = (network / "policy.toml").read_text().replace('version = "', 'version = "without-slc-', 1)
    excluded = """\n[[exclude]]\nwhen = 'node.id == "slc"'\nreason = "closes in spring"\n"""
    (network / "policy.toml").write_text(policy + excluded)
    await shadow.begin(house.service.database, network)


async def night_shift(house: House, folder: Path) -> dict[str, str]:
    """What a night shift finds: silent and eager nodes, holds, backorders, returns, a claim. The names of what is shown."""
    await begin_shadow(house, folder)
    await house.stock("atl", PERFUME_50=5)
    late = await house.place(("PERFUME-50", 2), reference="#1005", ship_to=TO | {"name": "Rosa Delgado"})
    await house.wait_out(late)
    trouble = (await house.until(late, lambda found: bool(found["exceptions"])))["exceptions"][0]["exception"]
    sent, _ = await surplus(house)
    await house.stock("slc", SERUM_30=9, TONER_200=2)
    held = [await house.place(("SERUM-30", 1), reference=f"#10{n}", holds=[{"hold": "fraud"}]) for n in (21, 22)]
    for priority in (5, 1):
        await house.until(await house.place(("NIGHT-CREAM-50", 2), priority=priority), "backordered")
    line = {"line": "1", "sku": "SERUM-30", "quantity": 2, "unit_price": 2900, "gift_message": "Happy birthday!"}
    returned = await house.place(("SERUM-30", 2), lines=[line], ship_to=TO | {"name": LONG}, reference="#1030")
    work = (await house.work(returned))["fulfillment_order"]
    await house.fulfill(work)
    await house.until(returned, "delivered")
    body = {"lines": [{"line": "1", "quantity": 1, "reason": "too small"}], "node": "slc"}
    back = (await house.ask(returned, "returns", **body)).json()["return"]
    claim = (await house.ask(returned, "claims", lines=[{"line": "1", "quantity": 1}], kind="damaged")).json()["claim"]
    to_pack = await house.place(("SERUM-30", 2), ("TONER-200", 1), ship_to=TO | {"name": LONG}, reference="#1041")
    owed = (await house.work(to_pack))["fulfillment_order"]
    await house.http.post("/nodes/chi/pause", json={"reason": "a burst pipe in the basement"})
    moved = {"transfer": "T-7", "from": "slc", "to": "chi", "lines": [{"sku": "SERUM-30", "quantity": 3}]}
    house.orders.append((await house.http.post("/transfers", json=moved)).json()["order"])
    await house.tell((await house.work("transfer.t-7"))["fulfillment_order"], "shipped")
    await tell(house, "expected", 60, message_id="po-17", expected_at=in_days(9), supplier="acme")
    await tell(house, "expected", 12, message_id="po-12", expected_at=in_days(-1), supplier="acme")
    await shadow.Shadows(house.service.database).compare()
    for name in (late, sent, returned, to_pack):
        await house.settle(name)
    async with house.service.database.write() as connection:  # whose clock ran ahead
        await connection.exec_driver_sql("UPDATE exception SET since = now()")
    return {
        "order": late,
        "exception": trouble,
        "held": held[0],
        "return": back,
        "claim": claim,
        "work": owed,
        "returned": returned,
    }


PAGES = {
    "exceptions": "exceptions",
    "exceptions-chosen": "exceptions?code=node_silent&owner=operations",
    "exceptions-assign": "exceptions/act?act=assign&exception={exception}",
    "exceptions-say": "exceptions/act?act=tell&exception={exception}",
    "orders": "orders",
    "orders-none": "orders?sku=NO-SUCH",
    "order": "orders/{order}",
    "order-held": "orders/{held}",
    "order-cancel": "orders/{order}/cancel",
    "order-hold": "orders/{order}/hold?hold=fraud",
    "order-reroute": "orders/{order}/reroute?fulfillment_order={order}-f1",
    "why-not": "orders/{order}/why-not/nwk",
    "waiting": "waiting",
    "waiting-release": "waiting/release?held={held}/fraud",
    "returns": "returns",
    "return": "returns/{return}",
    "claim": "claims/{claim}",
    "order-claim": "orders/{returned}/claim?quantity.1=1&kind=damaged&resolution=refund",
    "transfers": "transfers",
    "transfer": "transfers/T-7",
    "make-transfer": "make-transfer",
    "needs": "needs",
    "needs-take": "needs/take?node=chi",
    "supply": "stock/SERUM-30/supply",
    "shadow": "policy/shadow",
    "shadow-promote": "policy/shadow/promote",
    "shadow-stop": "policy/shadow/stop",
    "count": "counts/slc?sku=SERUM-30",
    "filters": "filters",
    "orders-chosen": "orders?channel=web",
    "nodes": "nodes",
    "node-pause": "nodes/slc/pause",
    "stock": "stock",
    "stock-item": "stock/SERUM-30",
    "policy": "policy",
    "policy-edit": "policy/edit",
    "connections": "connections",
    "reports": "reports",
    "no-page": "orders/web-no",
    "login": "login",
}
"""The pages of an operator, by the names of their pictures."""
SHOWN = (
    "exceptions",
    "exceptions-phone",
    "order",
    "order-reroute",
    "why-not",
    "orders",
    "waiting",
    "returns",
    "return",
    "nodes",
    "transfers",
    "store-transfer",
    "store-count",
    "needs",
    "stock-item",
    "supply",
    "policy",
    "shadow",
    "reports",
    "store",
    "store-work",
)
"""Those whose pictures are in the documentation."""
COLORS = 128
FORMS = "[...document.querySelectorAll('.top form, main:not(.narrow) form[method=post]')].map(one => !!one.elements.form_token)"
"""Whether each form that does something has the token of its session: all but the one that begins a session."""


async def test_every_page_is_accessible_fits_a_phone_in_light_and_dark_and_every_form_of_it_is_guarded(
    page: Page, house: House, tmp_path: Path
) -> None:
    names, found = await night_shift(house, tmp_path), list[str]()
    async with operating(page, house) as operator:
        for name, path in PAGES.items():
            found += await judged(operator, name, path.format(**names))
        operator.said = [text for text in operator.said if "404" not in text]  # the page that is not there
    assert found == []


async def test_the_page_of_a_store_is_accessible_and_fits_a_phone(page: Page, house: House, tmp_path: Path) -> None:
    names = await night_shift(house, tmp_path)
    key = (await house.key("node", "slc"))["Authorization"].removeprefix("Bearer ")
    async with operating(page, house, key) as operator:
        found = await judged(operator, "store", "store", of_phone=True)
        found += await judged(operator, "store-work", f"store/{names['work']}", of_phone=True)
    await page.context.clear_cookies()
    key = (await house.key("node", "chi"))["Authorization"].removeprefix("Bearer ")
    async with operating(page, house, key) as operator:
        found += await judged(operator, "store-transfers", "store/transfers", of_phone=True)
        found += await judged(operator, "store-transfer", "store/transfers/T-7", of_phone=True)
        found += await judged(operator, "store-count", "store/count", of_phone=True)
    assert found == []


async def judged(operator: Operator, name: str, path: str, *, of_phone: bool = False) -> list[str]:
    """Look at a page as everybody may see it, and take its picture if it is one of the documentation; what axe finds."""
    page = operator.page
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(DESKTOP)
    await operator.goes(path)
    assert all(await page.evaluate(FORMS)), f"{path}: a form without its token"
    found = await operator.findings()
    await operator.fits()
    if not of_phone:
        await photograph(page, name)
    await page.set_viewport_size(PHONE)
    found += await operator.findings()
    await operator.fits()
    await photograph(page, name if of_phone else f"{name}-phone")
    await page.emulate_media(color_scheme="dark")
    return found + await operator.findings("color-contrast")


async def photograph(page: Page, name: str) -> None:
    """Take a picture for the documentation, if it has one of this page: in few colours, so that it is small."""
    if not TAKES_PICTURES or name not in SHOWN:
        return
    taken = await page.screenshot(animations="disabled", full_page=True)
    picture = io.BytesIO()
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(COLORS).save(picture, "PNG", optimize=True)
    (IMAGES / f"console-{name}.png").write_bytes(picture.getvalue())


@pytest.mark.parametrize("name", SHOWN)
def test_the_documentation_has_a_small_picture_of_each_page_and_shows_it(name: str) -> None:
    assert (IMAGES / f"console-{name}.png").stat().st_size < PICTURE_BYTES_MAX
    assert f"(../images/console-{name}.png)" in PAGE.read_text()
