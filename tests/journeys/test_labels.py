"""Labels over HTTP: bought for work and for returns, as ZPL and as PDF, asked for twice, and given back."""

import asyncio
import base64
import sys
from pathlib import Path

import pytest

import formats
from tests.house import Document, House
from tests.journeys.carrier_house import has_carriers
from tests.pdf_reader import barcodes, pages

SHIP_TO = {
    "name": "Łucja Müller",
    "street": ["1 Main St"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
}


@pytest.fixture
async def work(house: House, tmp_path: Path) -> str:
    """The fulfillment order of two serums."""
    await has_carriers(house, tmp_path / "network")
    await house.stock("reroutes", SERUM_30=5)
    order = await house.place(("SERUM-30", 2), ship_to=SHIP_TO, reference="#1005")
    return str((await house.work(order))["fulfillment_order"])


async def bought(house: House, path: str, **body: object) -> Document:
    """A label, as soon as it was bought."""
    answer = await house.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    label: Document = answer.json()
    assert (label["status"], label["said"]) == ("bought", None)
    return label


async def test_a_label_as_pdf_shows_where_the_parcel_goes_and_a_scanner_reads_its_tracking_number(
    house: House, work: str
) -> None:
    label = await bought(house, f"/fulfillment-orders/{work}/labels", format="pdf", carrier="van")
    pdf = base64.b64decode(label["content"])
    [text] = pages(pdf)
    for shown in ("VAN STANDARD", "Łucja Müller", "1 Main St", "Denver CO 80202", "#1005"):
        assert shown in text
    assert barcodes(pdf) == [label["tracking"]]


async def test_the_label_of_a_return_leads_from_the_customer_to_the_node_and_is_bought_once(
    house: House, work: str
) -> None:
    await house.fulfill(work)
    order = work.rpartition("-f")[0]
    await house.until(order, "delivered")
    made = await house.ask(order, "returns", lines=[{"line": "1", "quantity": 1}])
    path = f"/returns/{made.json()['return']}/labels"
    label = await bought(house, path, carrier="van")
    assert (label["return"], label["fulfillment_order"]) == (made.json()["return"], None)
    zpl = base64.b64decode(label["content"]).decode()
    assert "VAN STANDARD RETURN" in zpl
    assert zpl.index("1 Main St") < zpl.index("reroutes"), "the sender stands above the receiver"
    again = await house.http.post(path, json={})
    assert (again.status_code, again.json()["type"]) == (409, "urn:switchyard:problem:refused")
    assert f"this package has the label {label['label']}, which is bought" in again.json()["detail"]
    pdf = await bought(house, path, package="2", carrier="van", format="pdf")
    [text] = pages(base64.b64decode(pdf["content"]))
    assert "VAN STANDARD RETURN" in text


async def test_a_return_that_is_over_gets_no_label(house: House, work: str) -> None:
    await house.fulfill(work)
    order = work.rpartition("-f")[0]
    await house.until(order, "delivered")
    made = (await house.ask(order, "returns", lines=[{"line": "1", "quantity": 1}])).json()["return"]
    assert (await house.http.post(f"/returns/{made}/cancel", json={})).is_success
    answer = await house.http.post(f"/returns/{made}/labels", json={})
    assert (answer.status_code, answer.json()["detail"]) == (409, f"{made} gets no label: it is cancelled")


async def test_who_repeats_a_purchase_with_its_idempotency_key_gets_the_same_label_also_at_the_same_time(
    house: House, work: str
) -> None:
    path = f"/fulfillment-orders/{work}/labels"
    answers = await asyncio.gather(
        *(house.http.post(path, json={}, headers={"Idempotency-Key": "a purchase"}) for _ in range(5))
    )
    assert {(answer.status_code, answer.json()["label"]) for answer in answers} == {(201, f"{work}-l1")}
    other = await house.http.post(path, json={"format": "pdf"}, headers={"Idempotency-Key": "a purchase"})
    assert (other.status_code, other.json()["type"]) == (409, "urn:switchyard:problem:other-body")
    given_back = await house.http.post(f"/labels/{work}-l1/void", json={})
    assert (given_back.status_code, given_back.json()["status"]) == (200, "voided")
    assert (await bought(house, path))["label"] == f"{work}-l2"


async def test_row_17_without_the_extra_a_pdf_is_refused_with_its_name_and_zpl_is_bought_all_the_same(
    house: House, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pdf_label", "paper"):
        monkeypatch.delitem(sys.modules, f"formats.{name}", raising=False)
        monkeypatch.delattr(formats, name, raising=False)
    for name in [one for one in sys.modules if one.partition(".")[0] == "reportlab"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "reportlab", None)
    path = f"/fulfillment-orders/{work}/labels"
    refused = (await house.http.post(path, json={"format": "pdf"})).json()
    assert (refused["status"], "needs the extra `documents`" in refused["said"]) == ("refused", True)
    assert (await bought(house, path, format="zpl"))["content"]
