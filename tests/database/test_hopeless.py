"""Units that no node may ever ship need a person at once, new ones and waiting ones, and go on when the rules change back."""

from dataclasses import asdict, replace

import pytest
from sqlalchemy import text

from database import backorder, network
from database.connect import Database
from database.schema import migrate
from domain.network import ShipComplete
from network.load import NetworkDocuments
from tests.database.shop import MAP, NEAREST, POLICY, Shop

NO_SERVICE = replace(MAP, policy=POLICY.replace("standard = [[20000, 3]]", "express = [[20000, 3]]"))
TOO_FAR = replace(MAP, policy=POLICY.replace("standard = [[20000, 3]]", "standard = [[1, 3]]"))
NO_CHAIRS = replace(MAP, policy=POLICY + '[[exclude]]\nreason = "no chairs"\nwhen = \'item.sku == "CHAIR"\'\n')
COLLECTED = replace(MAP, nodes=MAP.nodes.replace('kind = "dc"', 'kind = "dc"\npickup = true'))


def with_unfilled(documents: NetworkDocuments, action: str) -> NetworkDocuments:
    """The same network, whose strategy does something else with what it cannot fill."""
    return replace(documents, policy=documents.policy.replace('unfilled = "backorder"', f'unfilled = "{action}"'))


async def apply(shop: Shop, documents: NetworkDocuments) -> None:
    """Another version of the network becomes active, as `network apply` does it."""
    async with shop.database.write() as connection:
        await network.activate(connection, asdict(documents), documents.digest)
        await backorder.reset_candidate_nodes(connection)


async def after_the_jobs(shop: Shop) -> None:
    """What the lane of stock does in its next run."""
    await shop.backorders.offer_under_new_rules()
    await shop.backorders.work_off(100)
    await shop.backorders.judge_under_new_rules(100)


async def reported(shop: Shop, order: str, is_open: bool = True) -> list[tuple[str, str]]:
    """The exceptions of an order."""
    statement = (
        "SELECT code, detail FROM exception WHERE order_id = :order AND (resolved_at IS NULL) = :open ORDER BY 2"
    )
    async with shop.database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(statement), {"order": order, "open": is_open})]


EXCLUDED = "no chairs (billings, casper, denver)"
NOT_OFFERED = "no transit time for service 'standard' (billings, casper, denver)"


@pytest.mark.parametrize(
    ("documents", "why"), [(NO_CHAIRS, EXCLUDED), (TOO_FAR, NOT_OFFERED)], ids=["exclude", "too far"]
)
async def test_a_new_order_that_no_node_may_ever_ship_needs_a_person_at_once(
    database: Database, documents: NetworkDocuments, why: str
) -> None:
    shop = await Shop.open(database, documents)
    await shop.receive(NEAREST, CHAIR=5)
    order = await shop.sold(("CHAIR", 2))
    assert await shop.units(order) == {"open": 2}
    assert await reported(shop, order) == [("unfilled", f"no node may ever ship 2 of line 1: {why}")]
    await shop.check()


async def test_the_strategy_still_says_what_becomes_of_it(database: Database) -> None:
    shop = await Shop.open(database, with_unfilled(NO_CHAIRS, "cancel"))
    order = await shop.sold(("CHAIR", 2))
    assert (await shop.units(order), await reported(shop, order)) == ({"cancelled": 2}, [])
    await apply(shop, with_unfilled(NO_CHAIRS, "exception"))
    order = await shop.sold(("CHAIR", 2), ("LAMP", 1))
    assert await shop.units(order) == {"open": 2}
    assert [detail for _, detail in await reported(shop, order)] == [
        "no node may ever ship 2 of line 1: " + EXCLUDED,
        "no node may fill 1 of line 2",
    ]
    await shop.check()


async def test_a_line_that_can_wait_waits_beside_one_that_cannot(database: Database) -> None:
    shop = await Shop.open(database, NO_CHAIRS)
    order = await shop.sold(("CHAIR", 1), ("LAMP", 1))
    assert (await shop.units(order, "1"), await shop.units(order, "2")) == ({"open": 1}, {"backordered": 1})
    whole = await shop.place(("CHAIR", 1), ("LAMP", 1), ship_complete=ShipComplete.ORDER)
    await shop.source(whole)
    assert (await shop.units(whole, "1"), await shop.units(whole, "2")) == ({"open": 1}, {"open": 1})
    await shop.check()


@pytest.mark.parametrize("goods", [0, 5], ids=["nothing in stock", "goods beside it"])
@pytest.mark.parametrize(
    ("documents", "why"), [(NO_CHAIRS, EXCLUDED), (NO_SERVICE, NOT_OFFERED)], ids=["exclude", "service"]
)
async def test_an_order_that_waits_is_looked_at_once_under_new_rules_and_goes_on_under_better_ones(
    database: Database, documents: NetworkDocuments, why: str, goods: int
) -> None:
    shop = await Shop.open(database)
    order, other = await shop.sold(("CHAIR", 2)), await shop.sold(("LAMP", 1))
    await after_the_jobs(shop)
    await apply(shop, documents)
    if goods:
        await shop.receive(NEAREST, CHAIR=goods)

    for _ in range(2):
        await after_the_jobs(shop)
        assert await reported(shop, order) == [("unfilled", f"no node may ever ship 2 of line 1: {why}")]
    assert await shop.units(order) == {"open": 2}
    assert await shop.units(other) == ({"backordered": 1} if documents is NO_CHAIRS else {"open": 1})
    versions = [(await shop.state(name)).version for name in (order, other)]
    await after_the_jobs(shop)
    assert [(await shop.state(name)).version for name in (order, other)] == versions

    await apply(shop, MAP)
    await after_the_jobs(shop)
    assert (await shop.state(order)).to_source == 2
    assert await reported(shop, order) == []
    await shop.source(order)
    assert await shop.units(order) == ({"reserved": 2} if goods else {"backordered": 2})
    await shop.check()


async def test_an_order_to_collect_asks_the_customer_when_nobody_hands_it_out_any_more(database: Database) -> None:
    shop = await Shop.open(database, COLLECTED)
    order = await shop.place(("CHAIR", 1), pickup_node=NEAREST)
    await shop.source(order)
    assert await shop.units(order) == {"backordered": 1}
    await apply(shop, MAP)
    await after_the_jobs(shop)
    assert await reported(shop, order) == [
        (
            "pickup",
            "it cannot be collected at denver (customers cannot collect here (denver)): the customer must choose",
        )
    ]
    await apply(shop, COLLECTED)
    await after_the_jobs(shop)
    assert (await shop.state(order)).to_source == 1
    assert await reported(shop, order) == []
    await shop.check()


async def test_a_strategy_that_cancels_cancels_what_has_waited_and_can_never_ship(database: Database) -> None:
    shop = await Shop.open(database)
    order = await shop.sold(("CHAIR", 2))
    await apply(shop, with_unfilled(NO_CHAIRS, "cancel"))
    await after_the_jobs(shop)
    assert (await shop.units(order), await reported(shop, order)) == ({"cancelled": 2}, [])
    await shop.check()


async def test_what_waits_for_another_reason_stays_with_its_person(database: Database) -> None:
    """The policy says that what it cannot fill needs a person; better rules do not take it from them."""
    shop = await Shop.open(database, with_unfilled(MAP, "exception"))
    order = await shop.sold(("CHAIR", 2))
    await apply(shop, with_unfilled(NO_SERVICE, "exception"))
    await after_the_jobs(shop)
    await apply(shop, MAP)
    await after_the_jobs(shop)
    assert await reported(shop, order) == [("unfilled", "no node may fill 2 of line 1")]
    assert (await shop.state(order)).to_source == 0
    await shop.check()


async def test_everything_that_waits_is_looked_at_once_after_an_upgrade(database: Database) -> None:
    shop = await Shop.open(database)
    order = await shop.sold(("CHAIR", 1))
    async with database.write() as connection:
        await connection.execute(text("UPDATE waiting SET network_version = 0"))
    await migrate.upgrade(database)
    await after_the_jobs(shop)
    assert await shop.number("SELECT count(*) FROM waiting WHERE network_version = 0") == 0
    assert await shop.units(order) == {"backordered": 1}


async def test_a_turn_that_fails_is_reported_and_closed_by_the_next_one_that_works(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await Shop.open(database)
    order = await shop.sold(("CHAIR", 1))
    with monkeypatch.context() as broken:
        broken.setattr("transactions.backorder.decide", None)
        await shop.receive(NEAREST, CHAIR=1)
        await shop.backorders.work_off(10)
    ((code, detail),) = await reported(shop, order)
    assert code == "stuck"
    assert detail.startswith(f"the turn of waiting units of {order} has failed once: TypeError: ")
    await shop.receive(NEAREST, CHAIR=1)
    await shop.backorders.work_off(10)
    assert await reported(shop, order) == []
    assert await shop.units(order) == {"reserved": 1}
