"""Over HTTP: an order that no stock would help needs a person at once, and goes on when the network is mended."""

from pathlib import Path
from shutil import copytree

from tests.house import SMALL_MAP, Document, House, units
from transactions.prepare import apply_network

COLLECTED = ('ship_within = "1d"', 'ship_within = "1d"\npickup = true')
TWO_DAY = ("standard = [[20000, 3]]", "standard = [[20000, 3]]\ntwo_day = [[20000, 2]]")


def offering(directory: Path, *changes: tuple[str, str]) -> Path:
    """The small map with some lines replaced."""
    copied = copytree(SMALL_MAP, directory)
    for file in (copied / "nodes.toml", copied / "policy.toml"):
        text = file.read_text()
        for before, after in changes:
            text = text.replace(before, after)
        file.write_text(text)
    return copied


async def exceptions(house: House, name: str) -> list[Document]:
    """The open exceptions of an order, in full."""
    items: list[Document] = (await house.http.get("/exceptions")).json()["items"]
    return [one for one in items if one["order"] == name]


def needs_a_person(document: Document) -> bool:
    """Whether an exception is open."""
    return bool(document["needs_attention"])


async def test_orders_of_a_service_and_a_place_that_are_gone_need_a_person_and_go_on_when_they_are_back(
    house: House, tmp_path: Path
) -> None:
    whole = offering(tmp_path / "whole", COLLECTED, TWO_DAY)
    assert await apply_network(house.database_url, whole) == []
    fast = await house.place(("SERUM-30", 1), service="two_day")
    collected = await house.place(("SERUM-30", 1), pickup_node="asks")
    plain = await house.place(("SERUM-30", 1))
    assert [(await house.settle(name))["status"] for name in (fast, collected, plain)] == ["backordered"] * 3

    assert await apply_network(house.database_url, SMALL_MAP) == []
    for name, code in ((fast, "unfilled"), (collected, "pickup")):
        await house.until(name, needs_a_person)
        assert [one["code"] for one in await exceptions(house, name)] == [code]
    (reported,) = await exceptions(house, fast)
    nodes = "asks, escalates, reroutes and 1 more"
    assert reported["detail"] == f"no node may ever ship 1 of line 1: no transit time for service 'two_day' ({nodes})"
    await house.stock("asks", SERUM_30=3)
    await house.until(plain, "in_fulfillment")

    assert await apply_network(house.database_url, whole) == []
    for name in (fast, collected):
        document = await house.until(name, "in_fulfillment")
        assert (document["needs_attention"], units(document)) == (False, {"allocated": 1})


async def test_a_new_order_that_no_node_may_ever_ship_is_accepted_and_a_person_is_reported(
    house: House, tmp_path: Path
) -> None:
    rule = '[[exclude]]\nreason = "not over a border"\nwhen = \'order.country != "US"\'\n'
    closed = offering(tmp_path / "closed", ("[orders]", f"{rule}\n[orders]"))
    assert await apply_network(house.database_url, closed) == []
    await house.stock("asks", SERUM_30=3)
    name = await house.place(("SERUM-30", 1), ship_to={"postal_code": "75001", "country": "FR"})
    document = await house.order(name)
    assert (document["needs_attention"], units(document)) == (True, {"open": 1})
    (reported,) = await exceptions(house, name)
    assert "not over a border" in reported["detail"]
    assert [one["action"] for one in reported["actions"]] == ["cancel", "resolve", "assign"]

    assert await apply_network(house.database_url, SMALL_MAP) == []
    document = await house.until(name, "in_fulfillment")
    assert document["needs_attention"] is False
