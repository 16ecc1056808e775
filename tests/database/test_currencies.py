"""Orders in other currencies than the policy's: held, sourced and returned by converted amounts, or by a person."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from sqlalchemy import text

from database import channel, network
from database.connect import Database
from database.documents import order as documents
from domain.fulfillment import MessageKind
from domain.returns import ReturnStatus
from network.load import NetworkDocuments
from tests.database.shop import MAP, NEAREST, Shop
from tests.database.test_returns import Desk

RATES = "date,from,to,rate\n2026-01-01,JPY,USD,0.0065\n2026-01-01,KWD,USD,3.25\n"
HOLD = """
[[hold]]
id = "big"
when = 'order.value > 50000'
reason = "over 500 dollars"
owner = "finance"
"""
VALUABLE = """[[strategy]]
id = "valuable"
when = 'order.value > 30000'
[[strategy.tier]]
from = ["all"]

[[strategy]]"""
IN_DOLLARS = 'currency = "USD"' + MAP.policy + HOLD
BY_VALUE = IN_DOLLARS.replace("[[strategy]]", VALUABLE, 1)
BY_WORTH = IN_DOLLARS.replace("[returns]\n", "[returns]\nfee = 130\napprove_below = 20000\n")


async def open_shop(database: Database, policy: str = IN_DOLLARS, rates: str = RATES) -> Shop:
    """A shop whose policy is in dollars, with goods."""
    shop = await Shop.open(database, replace(MAP, policy=policy, rates=rates))
    await shop.receive(NEAREST, CHAIR=20)
    return shop


async def holds(shop: Shop, order: str) -> Mapping[str, str | None]:
    """The holds of an order, each with its reason."""
    async with shop.database.read() as connection:
        shown = await documents.show(connection, order, channel=None, at=datetime.now(UTC))
    assert shown is not None
    return {one["hold"]: one["reason"] for one in shown["holds"]}


async def strategy(shop: Shop, order: str) -> str:
    """The strategy that the order's last round was made by."""
    statement = text("SELECT strategy FROM plan WHERE order_id = :order ORDER BY round DESC LIMIT 1")
    async with shop.database.read() as connection:
        return str((await connection.execute(statement, {"order": order})).scalar_one())


async def test_a_limit_in_dollars_holds_orders_by_what_they_are_worth_in_dollars(database: Database) -> None:
    """60,000 yen are 390 dollars, 100 dinars are 325, 160 dinars are 520."""
    shop = await open_shop(database)
    worth = {("USD", 60_000): True, ("JPY", 60_000): False, ("JPY", 80_000): True, ("KWD", 100_000): False}
    worth |= {("KWD", 160_000): True, ("USD", 50_000): False}
    for (currency, price), is_held in worth.items():
        order = await shop.place(("CHAIR", 1), currency=currency, unit_price=price)
        assert bool(await holds(shop, order)) is is_held, (currency, price)


async def test_an_order_without_a_rate_is_taken_and_held_by_the_rule_that_cannot_be_computed(
    database: Database,
) -> None:
    shop = await open_shop(database)
    order = await shop.place(("CHAIR", 1), currency="CHF", unit_price=1)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert await holds(shop, order) == {
        "big": f"over 500 dollars (cannot tell: no rate from CHF to USD on {today})",
    }
    await shop.check()


async def test_an_order_whose_strategy_is_not_known_waits_for_a_person_and_reserves_nothing(database: Database) -> None:
    shop = await open_shop(database, BY_VALUE)
    yen = await shop.place(("CHAIR", 1), currency="JPY", unit_price=50_000)
    francs = await shop.place(("CHAIR", 1), currency="CHF", unit_price=100)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert (await holds(shop, francs))["currency"] == (
        f"it is not known whether strategy valuable decides: no rate from CHF to USD on {today}"
    )
    for order in (yen, francs):
        await shop.source(order)
    assert (await strategy(shop, yen), await shop.units(francs)) == ("valuable", {"open": 1})
    await shop.check()


async def test_a_rate_that_comes_later_decides_when_the_hold_is_released(database: Database) -> None:
    shop = await open_shop(database, BY_VALUE)
    order = await shop.place(("CHAIR", 1), currency="CHF", unit_price=40_000)
    await apply(shop, replace(MAP, policy=BY_VALUE, rates=RATES + "2026-01-01,CHF,USD,1.1\n"))
    for name in ("currency", "big"):
        await shop.take_off(order, name)
    await shop.source(order)
    assert (await strategy(shop, order), await shop.units(order)) == ("valuable", {"reserved": 1})


async def test_the_policy_says_who_releases_the_hold_of_orders_without_a_rate(database: Database) -> None:
    named = BY_VALUE + '[[hold]]\nid = "currency"\nowner = "treasury"\nstock = "reserve"\n'
    shop = await open_shop(database, named)
    order = await shop.place(("CHAIR", 1), currency="CHF")
    owner = text("SELECT owner || ' ' || stock FROM hold WHERE order_id = :order AND hold = 'currency'")
    async with database.read() as connection:
        assert (await connection.execute(owner, {"order": order})).scalar_one() == "treasury reserve"


async def test_a_cost_that_cannot_be_computed_without_a_rate_excludes_its_node(database: Database) -> None:
    cost = "[[strategy.cost]]\nper = \"shipment\"\namount = 'order.value > 5000 ? 0 : 700'\n\n[orders]"
    shop = await open_shop(database, IN_DOLLARS.replace(HOLD, "").replace("[orders]", cost))
    yen, francs = [await shop.place(("CHAIR", 1), currency=currency) for currency in ("JPY", "CHF")]
    for order in (yen, francs):
        await shop.source(order)
    assert (await shop.units(yen), await shop.units(francs)) == ({"reserved": 1}, {"open": 1})
    codes = text("SELECT code FROM exception WHERE order_id = :order")
    async with database.read() as connection:
        assert (await connection.execute(codes, {"order": francs})).scalars().all() == ["unfilled"]


async def test_a_return_is_judged_by_its_worth_in_dollars_and_its_fee_is_taken_in_the_orders_currency(
    database: Database,
) -> None:
    """A fee of 1.30 dollars is 200 yen; 20,000 yen are 130 dollars, 40,000 yen are 260."""
    shop = await open_shop(database, BY_WORTH)
    desk = Desk(shop)
    small, large = [await delivered(shop, "JPY", price) for price in (20_000, 40_000)]
    cheap, dear = await desk.asked(small), await desk.asked(large)
    statuses = [(await desk.state(name)).status for name in (cheap, dear)]
    assert statuses == [ReturnStatus.AUTHORIZED, ReturnStatus.REQUESTED]
    await desk.grade(cheap, 1)
    await desk.pay(cheap)
    assert await desk.refunded() == 19_800


async def test_a_return_whose_fee_is_not_known_is_approved_by_a_person_and_costs_none(database: Database) -> None:
    desk = Desk(await open_shop(database, BY_WORTH.replace("approve_below = 20000\n", "")))
    order = await delivered(desk.shop, "CHF", 100)
    name = await desk.asked(order)
    assert (await desk.state(name)).status is ReturnStatus.REQUESTED
    assert await desk.shop.number("SELECT sum(unit_fee) FROM return_line") == 0


async def test_a_fee_stays_in_the_currency_of_the_policy_that_the_order_came_under(database: Database) -> None:
    """1.30 dollars stay 200 yen, although the policy is in yen when the goods come back."""
    desk = Desk(await open_shop(database, BY_WORTH))
    order = await delivered(desk.shop, "JPY", 20_000)
    await apply(desk.shop, replace(MAP, policy=BY_WORTH.replace('"USD"', '"JPY"'), rates=RATES))
    await desk.asked(order)
    assert await desk.shop.number("SELECT sum(unit_fee) FROM return_line") == 200


async def test_only_open_orders_count_for_the_rates_that_are_missing(database: Database) -> None:
    shop = await open_shop(database)
    for currency in ("USD", "GBP", "GBP", "EUR"):
        order = await shop.place(("CHAIR", 1), currency=currency)
    async with database.write() as connection:
        await connection.execute(text("UPDATE orders SET closed_at = now() WHERE order_id = :order"), {"order": order})
    async with database.read() as connection:
        assert await channel.open_currencies(connection) == {"USD": 1, "GBP": 2}


async def test_without_a_currency_in_the_policy_numbers_are_compared_as_before(database: Database) -> None:
    shop = await open_shop(database, MAP.policy + HOLD, "")
    yen, dollars = [await shop.place(("CHAIR", 1), currency=one, unit_price=60_000) for one in ("JPY", "USD")]
    assert [list(await holds(shop, order)) for order in (yen, dollars)] == [["big"], ["big"]]


async def delivered(shop: Shop, currency: str, price: int) -> str:
    """An order that its customer has got, whatever held it."""
    order = await shop.place(("CHAIR", 1), currency=currency, unit_price=price)
    for name in await holds(shop, order):
        await shop.take_off(order, name)
    await shop.source(order)
    await shop.release(order)
    await shop.tell(order, MessageKind.DELIVERED)
    return order


async def apply(shop: Shop, documents_: NetworkDocuments) -> None:
    """Make another version the active one."""
    async with shop.database.write() as connection:
        await network.activate(connection, asdict(documents_), documents_.digest)
