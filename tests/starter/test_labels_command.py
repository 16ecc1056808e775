"""`python -m starter labels`: each carton has one number, which its label and its shipment notice share."""

import pytest
from sqlalchemy import text

from formats.sscc import INTERNAL_PREFIX, sscc
from starter.labels import command
from tests.house import House
from tests.label_scanner import scanned, texts

SHIP_TO = {
    "company": "ACME Stores",
    "street": ["123 Main Street"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
}


@pytest.fixture(autouse=True)
def _finds_the_house(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the service of the test."""
    monkeypatch.setenv("DATABASE_URL", house.database_url)


async def work(house: House) -> str:
    """A fulfillment order for 3 units of a buyer's order."""
    await house.stock("slc", SERUM_30=3)
    name = await house.place(("SERUM-30", 3), purchase_order="4500/A-12", ship_to=SHIP_TO, from_node="slc")
    return str((await house.work(name))["fulfillment_order"])


def codes(label: str) -> list[str]:
    """What is scanned from the labels: the application identifier and the SSCC of each."""
    return [barcode.bytes.decode() for barcode in scanned(label)]


async def test_the_packages_of_a_node_get_labels_and_keep_their_numbers(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    fulfillment_order = await work(house)
    packages = [
        {"package": "A", "carrier": "ups", "tracking": "1Z1", "lines": [{"line": "1", "quantity": 2}]},
        {"package": "B", "lines": [{"line": "1", "quantity": 1}]},
    ]
    await house.tell(fulfillment_order, "picked", packages=packages)
    assert await command(fulfillment_order, contents=True) == 0
    printed = capsys.readouterr().out
    assert await command(fulfillment_order.upper(), contents=True) == 0
    assert capsys.readouterr().out == printed
    first, second = codes(printed)
    assert first != second
    async with house.service.database.read() as connection:
        rows = (await connection.execute(text("SELECT * FROM carton ORDER BY package"))).all()
    assert [(row.package, f"00{sscc(INTERNAL_PREFIX, row.serial)}") for row in rows] == [("A", first), ("B", second)]
    shown = texts(printed)
    assert shown.count("4500/A-12") == 2
    assert {"ACME Stores", "123 Main Street", "Denver CO 80202", "1 OF 2", "2 OF 2", "UPS 1Z1"} <= {*shown}
    assert {"SERUM-30 QTY 2", "SERUM-30 QTY 1"} <= {*shown}
    assert printed.count("PACKING LIST") == 2


async def test_labels_can_be_printed_before_the_node_reports_its_packages(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    fulfillment_order = await work(house)
    assert await command(fulfillment_order) == 1
    assert "has no packages yet: let the node report them with `picked`" in capsys.readouterr().err
    assert await command(fulfillment_order, cartons=2) == 0
    before = codes(capsys.readouterr().out)
    await house.tell(fulfillment_order, "picked", packages=[{"package": "2"}, {"package": "1"}])
    assert await command(fulfillment_order) == 0
    assert codes(capsys.readouterr().out) == before


async def test_a_carton_that_the_node_has_labelled_keeps_that_number(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    fulfillment_order = await work(house)
    await house.tell(fulfillment_order, "picked", packages=[{"package": "006141410012345675"}])
    assert await command(fulfillment_order) == 0
    assert codes(capsys.readouterr().out) == ["00006141410012345675"]


async def test_an_unknown_fulfillment_order_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert await command("web-nothing-f1") == 1
    assert capsys.readouterr().err == "there is no fulfillment order web-nothing-f1\n"
