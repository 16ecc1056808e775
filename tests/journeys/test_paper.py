"""What a person packs with: the packing slip and the pick list, as they come over HTTP."""

import sys

import pytest

import formats
from tests.house import House
from tests.pdf_reader import barcodes, pages

LINES = [
    {"line": "1", "sku": "SERUM-30", "quantity": 2, "unit_price": 2900, "name": "Serum of the shop"},
    {"line": "2", "sku": "TONER-200", "quantity": 1, "unit_price": 1900},
]
SHIP_TO = {"name": "Łucja Müller", "street": ["1 Main St"], "city": "Denver", "postal_code": "80202", "country": "US"}


async def released(house: House, **of_the_second_line: object) -> str:
    """The fulfillment order of an order with two lines."""
    await house.stock("slc", SERUM_30=9, TONER_200=9)
    lines = [LINES[0], LINES[1] | of_the_second_line]
    order = await house.place(lines=lines, ship_to=SHIP_TO, reference="#1005")
    return str((await house.work(order))["fulfillment_order"])


async def test_a_packing_slip_is_what_the_packer_puts_into_the_parcel(house: House) -> None:
    work = await released(house)
    answer = await house.http.get(f"/fulfillment-orders/{work.upper()}/packing-slip")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == f'inline; filename="packing-slip-{work}.pdf"'
    [text] = pages(answer.content)
    for shown in ("web", "#1005", "Łucja Müller", "1 Main St", "Serum of the shop", "29.00 USD"):
        assert shown in text
    assert barcodes(answer.content) == [work]

    await house.tell(work, "picked", {"1": 1}, final=True)
    [text] = pages((await house.http.get(f"/fulfillment-orders/{work}/packing-slip")).content)
    assert "Serum of the shop" in text
    assert "TONER-200" not in text, "it is short"


async def test_no_price_is_on_the_slip_of_a_gift_and_no_customer_on_a_pick_list(house: House) -> None:
    work = await released(house, gift_message="Happy birthday, Łucja!")
    [text] = pages((await house.http.get(f"/fulfillment-orders/{work}/packing-slip")).content)
    assert "Happy birthday, Łucja!" in text
    assert "USD" not in text

    asked = {"order": work.rpartition("-f")[0]}
    answer = await house.http.get("/nodes/slc/pick-list", params=asked)
    assert barcodes(answer.content) == [work]
    text = "".join(pages(answer.content))
    assert "SERUM-30" in text
    for personal in ("Łucja", "Main St", "Denver", "80202", "#1005", "birthday", "USD"):
        assert personal not in text

    await house.tell(work, "picked", {"1": 2})
    text = "".join(pages((await house.http.get("/nodes/slc/pick-list", params=asked)).content))
    assert "SERUM-30" not in text, "it is picked"
    await house.tell(work, "picked", {"2": 1})
    nothing = await house.http.get("/nodes/slc/pick-list", params=asked)
    assert (nothing.status_code, nothing.json()["detail"]) == (409, "nothing is to be picked at slc")


async def test_row_17_without_the_extra_the_answer_names_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("packing_pdf", "paper"):
        monkeypatch.delitem(sys.modules, f"formats.{name}", raising=False)
        monkeypatch.delattr(formats, name, raising=False)
    monkeypatch.setitem(sys.modules, "reportlab", None)
    for path in ("/fulfillment-orders/web-0-f1/packing-slip", "/nodes/slc/pick-list"):
        answer = await house.http.get(path)
        assert (answer.status_code, answer.json()["type"]) == (501, "urn:switchyard:problem:not-installed")
        assert "install the extra `documents`" in answer.json()["detail"]
