"""What a customer gets instead: an order of its own under a number that nobody has, and the way that the first order went."""

import shutil
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.house import Document, House, now
from transactions.prepare import apply_network

STREET = {"name": "A B", "street": ["Larimer Street 1"], "postal_code": "80202", "country": "US"}
NO_STREET = {"name": "A B", "postal_code": "80202", "country": "US"}
UNITS = [{"line": "1", "quantity": 1}]
_numbers = count(5_000)


def new_number() -> str:
    """A number that no other test has: they share a Temporal."""
    return f"r{next(_numbers)}"


async def change_network(house: House, directory: Path, file: str, old: str, new: str) -> None:
    """Apply the example network with another text in one of its files."""
    shutil.copytree("network/example", directory, dirs_exist_ok=True)
    changed = directory / file
    changed.write_text(changed.read_text().replace(old, new))
    assert await apply_network(house.database_url, directory) == []


async def numbered(house: House, number: str, sku: str = "TONER-200") -> str:
    """An order under a number that looks like one of ours."""
    return await house.place((sku, 1), number=number)


async def delivered(house: House) -> str:
    """A delivered order of one serum."""
    name = await house.place(("SERUM-30", 1), number=new_number())
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    return name


async def collected(house: House, ship_to: Document, units: int = 1) -> str:
    """An order that the customer has collected in Chicago."""
    name = await house.place(("SERUM-30", units), pickup_node="chi", ship_to=ship_to)
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "ready_for_pickup")
    await house.tell(work, "collected")
    await house.until(name, "delivered")
    return name


async def exchanged(house: House, name: str, **more: object) -> str:
    """The order that a customer gets in exchange for one unit, once it has come back."""
    asked = {"lines": UNITS, "resolution": "exchange"} | more
    answer = await house.http.post(f"/orders/{name}/returns", json=asked)
    assert answer.status_code == 201, answer.text
    made = answer.json()["return"]
    units = [UNITS[0] | {"condition": "damaged", "disposition": "scrap"}]
    body = {"message_id": f"{made}-back", "kind": "graded", "occurred_at": now(), "node": "slc", "lines": units}
    assert (await house.http.post(f"/returns/{made}/messages", json=body)).status_code == 202
    await house.until(name, lambda found: found["returns"][-1]["status"] in ("settled", "closed"))
    (refund,) = (await house.http.get(f"/returns/{made}")).json()["refunds"]
    return str(refund["replacement"])


async def claimed(house: House, name: str, **more: object) -> str:
    """The order that replaces a claimed unit."""
    asked = {"lines": UNITS, "kind": "damaged", "resolution": "replacement"} | more
    answer = await house.http.post(f"/orders/{name}/claims", json=asked)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["replacement"])


async def goes(house: House, name: str) -> tuple[str, bool, list[str]]:
    """Where an order's first work is, whether the customer collects it there, and the street that it goes to."""
    work = (await house.work(name))["fulfillment_order"]
    shown = (await house.http.get(f"/fulfillment-orders/{work}")).json()
    return shown["node"], shown["pickup"], shown["ship_to"]["street"] or []


async def test_a_number_that_an_exchange_or_a_claim_would_get_may_be_taken(house: House) -> None:
    await house.stock("slc", SERUM_30=9, TONER_200=9)
    name, again = await delivered(house), await delivered(house)
    numbers = (f"{name}-r1-x1", f"{name}-R1-x2", f"{again}-c1-x1")
    taken = [await numbered(house, number.removeprefix("web-")) for number in numbers]

    exchange, claim = await exchanged(house, name), await claimed(house, again)

    assert (exchange, claim) == (f"{name}-r1-x3", f"{again}-c1-x2")
    for replacement in (exchange, claim):
        assert [line["sku"] for line in (await house.order(replacement))["lines"]] == ["SERUM-30"]
        assert (await house.work(replacement))["node"] == "slc"
    for other in taken:
        assert [line["sku"] for line in (await house.order(other))["lines"]] == ["TONER-200"]


async def test_an_order_whose_number_ends_like_an_id_of_ours_is_never_mixed_up_with_it(house: House) -> None:
    await house.stock("slc", SERUM_30=9, TONER_200=9)
    name = await delivered(house)
    assert (await house.http.post(f"/orders/{name}/returns", json={"lines": UNITS})).status_code == 201
    number = name.removeprefix("web-")
    alike = [await numbered(house, f"{number}-{end}") for end in ("f1", "f1-f1", "r1", "c1", "r1-m1", "x1", "f2")]
    for other in alike:
        await house.fulfill((await house.work(other))["fulfillment_order"])
        await house.until(other, "delivered")
        body = {"lines": UNITS, "kind": "lost"}
        claim = (await house.http.post(f"/orders/{other}/claims", json=body)).json()["claim"]
        assert (claim, (await house.http.get(f"/claims/{claim}")).json()["order"]) == (f"{other}-c1", other)

    assert (await house.http.get(f"/returns/{name}-r1")).json()["order"] == name
    for other in alike:
        work = await house.work(other)
        assert work["fulfillment_order"] == f"{other}-f1"
        assert (await house.http.get(f"/fulfillment-orders/{other}-f1")).json()["order"] == other
    assert (await house.http.get(f"/fulfillment-orders/{name}-f1")).json()["order"] == name
    assert (await house.http.get(f"/returns/{name}-f1")).status_code == 404
    assert (await house.http.get(f"/claims/{name}-r1")).status_code == 404
    assert (await house.http.get(f"/fulfillment-orders/{name}-f2")).status_code == 404


async def test_the_audit_finds_a_replacement_that_is_somebody_elses_order(house: House) -> None:
    await house.stock("slc", SERUM_30=9, TONER_200=9)
    name, other = await delivered(house), await numbered(house, new_number())
    made = await claimed(house, name)
    await house.check_invariants()
    async with house.service.database.write() as connection:
        await connection.execute(text("UPDATE refund SET replacement = :other"), {"other": other})

    with pytest.raises(AssertionError, match=f"{name}-c1-m1: {other} was not made for it"):
        await house.check_invariants()

    async with house.service.database.write() as connection:
        await connection.execute(text("UPDATE refund SET replacement = :made"), {"made": made})


async def test_a_collected_order_is_replaced_where_it_was_collected(house: House) -> None:
    await house.stock("chi", SERUM_30=9)
    await house.stock("slc", SERUM_30=9)
    name = await collected(house, NO_STREET, 2)

    assert await goes(house, await exchanged(house, name)) == ("chi", True, [])
    assert await goes(house, await claimed(house, name)) == ("chi", True, [])


async def test_a_request_may_name_another_way_for_what_replaces_a_collected_order(house: House) -> None:
    await house.stock("chi", SERUM_30=9)
    await house.stock("slc", SERUM_30=9)
    name = await collected(house, NO_STREET, 4)

    sent = [await exchanged(house, name, ship_to=STREET), await claimed(house, name, ship_to=STREET)]
    fetched = await claimed(house, name, pickup_node="chi", ship_to=STREET)

    for replacement in sent:
        _, is_collected, street = await goes(house, replacement)
        assert (is_collected, street) == (False, STREET["street"])
    assert await goes(house, fetched) == ("chi", True, STREET["street"])


async def test_where_the_place_is_closed_it_is_sent_to_the_street_or_a_person_is_asked(
    house: House, tmp_path: Path
) -> None:
    await house.stock("chi", SERUM_30=9)
    await house.stock("slc", SERUM_30=9)
    with_street, without = await collected(house, STREET, 2), await collected(house, NO_STREET, 2)
    await change_network(house, tmp_path, "nodes.toml", "pickup = true", "pickup = false")

    for replaced in (exchanged, claimed):
        _, is_collected, street = await goes(house, await replaced(house, with_street))
        assert (is_collected, street) == (False, STREET["street"])
        nowhere = await replaced(house, without)
        found = await house.until(nowhere, lambda shown: bool(shown["exceptions"]))
        assert [known["code"] for known in found["exceptions"]] == ["pickup"]
        assert found["fulfillment_orders"] == []


async def test_a_field_that_would_have_no_effect_is_refused(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    name = await delivered(house)
    exchange, lost = {"lines": UNITS, "resolution": "exchange"}, {"lines": UNITS, "kind": "lost"}
    replacement = lost | {"resolution": "replacement"}
    nowhere = STREET | {"postal_code": "8"}
    bodies: list[tuple[str, Document, str]] = [
        ("returns", {"lines": [UNITS[0] | {"exchange_for": "TONER-200"}]}, "lines.0.exchange_for"),
        ("returns", {"lines": UNITS, "resolution": "store_credit", "pickup_node": "chi"}, "pickup_node"),
        ("returns", {"lines": UNITS, "ship_to": STREET}, "ship_to"),
        ("returns", exchange | {"pickup_node": "slc"}, "pickup_node"),
        ("returns", exchange | {"ship_to": NO_STREET}, "ship_to.street"),
        ("claims", lost | {"pickup_node": "chi"}, "pickup_node"),
        ("claims", lost | {"ship_to": STREET}, "ship_to"),
        ("claims", replacement | {"ship_to": nowhere}, "ship_to.postal_code"),
    ]
    for path, body, field in bodies:
        answer = await house.http.post(f"/orders/{name}/{path}", json=body)
        assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field]), body


async def test_what_was_declined_is_not_authorized_because_a_channel_asks_again_in_parts(
    house: House, tmp_path: Path
) -> None:
    await change_network(house, tmp_path, "policy.toml", "[returns]\n", "[returns]\napprove_below = 2500\n")
    await house.stock("slc", SERUM_30=9)
    channel = await house.key("channel", "web")
    name = await house.place(("SERUM-30", 5))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")

    async def asked(units: int, headers: dict[str, str] | None = None) -> tuple[str, str]:
        body = {"lines": [{"line": "1", "quantity": units}]}
        answer = await house.http.post(f"/orders/{name}/returns", json=body, headers=headers)
        made = answer.json()["return"]
        return made, (await house.http.get(f"/returns/{made}")).json()["status"]

    assert (await asked(1, channel))[1] == "authorized"
    whole, status = await asked(4, channel)
    assert status == "requested"
    assert (await house.http.post(f"/returns/{whole}/decline", json={})).status_code == 200

    part, status = await asked(1, channel)

    assert status == "requested", "a person has declined it"
    assert (await house.http.post(f"/returns/{part}/approve", json={})).status_code == 200
    assert (await asked(1))[1] == "authorized", "an operator may"


async def test_units_of_a_replacement_are_not_swapped_because_cancelled_ones_are_owed_in_money(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    name = await delivered(house)
    replacement = await exchanged(house, name, lines=[UNITS[0] | {"exchange_for": "TONER-200"}])

    answer = await house.ask(replacement, "lines", swap=[{"line": "1", "sku": "SERUM-30", "quantity": 1}])

    assert (answer.status_code, "it replaces units of another order" in answer.json()["detail"]) == (409, True)
    assert (await house.order(replacement))["lines"][0]["cancelled"] == 0
