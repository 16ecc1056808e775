"""What an order costs and what of it is paid back, on real PostgreSQL: the same account for every way that units go."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from database import order as orders
from database.connect import Database
from domain.account import Prices, cost_between, left
from domain.claim import ClaimRequest
from domain.fulfillment import MessageKind
from domain.order import NewOrder
from starter.audit import findings_of
from tests.database.shop import MAP, NEAREST, Shop
from tests.sql_statements import statements_of
from transactions import claim
from transactions import order as order_transactions
from transactions import returns as return_transactions
from transactions.request import Asked, RequestInput
from transactions.returns import ReturnStep

CURRENCIES = ("USD", "EUR", "JPY", "KRW", "KWD", "BHD", "GBP", "INR", "CLP", "TND")
PAYS_SHIPPING = MAP.policy.replace("[returns]", '[returns]\nrefund_shipping = true\nrefund_on = "none_needed"')
_numbers = count(1)


class Till:
    """A shop whose orders name what they cost."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    @classmethod
    async def open(cls, database: Database, policy: str = PAYS_SHIPPING) -> "Till":
        """A shop that pays at once for what a customer announces to send back, with its shipping."""
        shop = await Shop.open(database, replace(MAP, policy=policy))
        await shop.receive(NEAREST, CHAIR=500, LAMP=500)
        return cls(shop)

    async def sold(self, *lines: dict[str, Any], **fields: Any) -> str:
        """An order that was placed and sourced."""
        usual: dict[str, Any] = {"sku": "CHAIR", "quantity": 1, "unit_price": 1000}
        body: dict[str, Any] = {
            "channel": "web",
            "number": f"money-{next(_numbers)}",
            "placed_at": datetime.now(UTC),
            "currency": "USD",
            "ship_to": {"postal_code": "80202", "country": "US"},
            "lines": [{"line": str(number)} | usual | line for number, line in enumerate(lines, 1)],
        }
        placed = await order_transactions.take(self.shop.transactions, NewOrder.model_validate(body | fields))
        await self.shop.source(placed.state.order)
        return placed.state.order

    async def deliver(self, order: str) -> None:
        """All that is not cancelled reaches the customer."""
        await self.shop.release(order)
        await self.shop.tell(order, MessageKind.DELIVERED)

    async def back(self, order: str, units: Mapping[str, int], **more: Any) -> str:
        """The customer sends units back, and is paid for them; answers the return."""
        lines = [{"line": line, "quantity": quantity} | more for line, quantity in units.items()]
        facts = {"lines": lines, "resolution": "exchange" if more else "refund"}
        at = datetime.now(UTC)
        asked = RequestInput(
            order=order, request=None, kind="request_return", facts=facts, key=f"money-{next(_numbers)}", at=at
        )
        done = await return_transactions.request_return(self.shop.transactions, asked)
        assert done.refused is None, done.refused
        name = str(done.answer["return"])
        await return_transactions.pay(self.shop.transactions, ReturnStep(order=order, return_=name, at=at))
        return name

    async def claim(self, order: str, units: Mapping[str, int], resolution: str = "refund") -> dict[str, Any]:
        """Units were lost on the way."""
        lines = [{"line": line, "quantity": quantity} for line, quantity in units.items()]
        body = ClaimRequest.model_validate({"lines": lines, "kind": "lost", "resolution": resolution})
        return await claim.take(self.shop.transactions, Asked(order, body, "operator"))

    async def refunds(self, order: str) -> list[int]:
        """What the channel was asked to pay, or what another order costs instead, the oldest first."""
        statement = "SELECT amount FROM refund WHERE order_id = :order ORDER BY asked_at, refund_id"
        async with self.shop.database.read() as connection:
            return list((await connection.execute(text(statement), {"order": order})).scalars())

    async def costs(self, order: str) -> tuple[int, int]:
        """The order's value and its total."""
        async with self.shop.database.read() as connection:
            row = (
                await connection.execute(text("SELECT value, total FROM orders WHERE order_id = :o"), {"o": order})
            ).one()
            return row.value, row.total

    async def prices(self, order: str) -> Prices:
        """What the order costs by its layers."""
        async with self.shop.database.read() as connection:
            return (await orders.load(connection, order))[1].prices

    async def exceptions(self, order: str) -> list[str]:
        """What a person must look at."""
        statement = "SELECT code FROM exception WHERE order_id = :order ORDER BY since, exception_id"
        async with self.shop.database.read() as connection:
            return list((await connection.execute(text(statement), {"order": order})).scalars())


@pytest.fixture
async def till(database: Database) -> Till:
    """A shop that pays shipping back."""
    return await Till.open(database)


@pytest.mark.parametrize("way", ["quantities", "cancel"])
async def test_a_discount_stays_with_the_units_that_it_was_given_for_whichever_way_others_go(
    till: Till, way: str
) -> None:
    order = await till.sold({"quantity": 3, "discount": 1000})
    await (till.shop.change(order, {"1": 1}) if way == "quantities" else till.shop.cancel(order, {"1": 2}))
    assert await till.costs(order) == (667, 667)
    await till.deliver(order)
    await till.back(order, {"1": 1})
    assert await till.refunds(order) == [667]
    await till.shop.check()


async def test_added_units_cost_the_price_and_leave_before_those_that_were_ordered_first(till: Till) -> None:
    order = await till.sold({"quantity": 2, "discount": 600, "tax": 100}, prices_include_tax=False)
    assert await till.costs(order) == (1400, 1500)
    await till.shop.cancel(order, {"1": 1})
    assert await till.costs(order) == (700, 750)
    await till.shop.change(order, {"1": 3})
    assert await till.costs(order) == (2700, 2700 + 50 + 143)
    await till.shop.change(order, {"1": 2})
    assert await till.costs(order) == (1700, 1700 + 50 + 72)
    await till.shop.change(order, {"1": 3})
    await till.deliver(order)
    for _ in range(3):
        await till.back(order, {"1": 1})
    assert await till.refunds(order) == [750, 1072, 1071]
    assert sum(await till.refunds(order)) == (await till.costs(order))[1]
    await till.shop.check()


async def test_a_coupon_for_the_whole_order_makes_each_unit_cheaper(till: Till) -> None:
    order = await till.sold({"quantity": 3}, discount=500, paid=2500)
    await till.deliver(order)
    await till.back(order, {"1": 2})
    await till.back(order, {"1": 1})
    assert await till.refunds(order) == [1667, 833]


async def test_what_comes_back_is_paid_back_with_its_tax_and_the_last_unit_with_the_shipping(till: Till) -> None:
    order = await till.sold(
        {"quantity": 2, "tax": 165}, shipping_price=500, shipping_tax=41, prices_include_tax=False, paid=2706
    )
    await till.deliver(order)
    await till.back(order, {"1": 1})
    await till.back(order, {"1": 1})
    assert await till.refunds(order) == [1083, 1082 + 541]
    await till.shop.check()


async def test_shipping_is_paid_back_when_all_that_was_not_cancelled_came_back_or_was_lost(till: Till) -> None:
    order = await till.sold({"quantity": 3}, {}, shipping_price=500)
    await till.shop.cancel(order, {"1": 1, "2": 1})
    await till.deliver(order)
    await till.back(order, {"1": 1})
    await till.claim(order, {"1": 1})
    assert await till.refunds(order) == [1000, 1500]
    await till.shop.check()


async def test_a_lost_order_is_paid_back_with_its_shipping_only_where_the_policy_does_so(database: Database) -> None:
    for policy, amount in ((PAYS_SHIPPING, 2500), (MAP.policy, 2000)):
        till = await Till.open(database, policy)
        order = await till.sold({"quantity": 2}, shipping_price=500)
        await till.deliver(order)
        await till.claim(order, {"1": 2})
        assert await till.refunds(order) == [amount]


async def test_the_account_costs_a_statement_only_where_units_are_added_or_cancelled(till: Till) -> None:
    with statements_of(till.shop.database) as statements:
        order = await till.sold({"quantity": 2, "discount": 100})
        await till.deliver(order)
    assert not [text for text, _ in statements if "UPDATE orders SET value" in text]
    with statements_of(till.shop.database) as statements:
        await till.shop.cancel(await till.sold({"quantity": 2}), {"1": 1})
    assert len([text for text, _ in statements if "UPDATE orders SET value" in text]) == 1


async def test_an_order_that_was_cancelled_costs_nothing(till: Till) -> None:
    order = await till.sold({"quantity": 2}, shipping_price=500)
    await till.shop.cancel(order)
    assert await till.costs(order) == (0, 0)
    await till.shop.check()


async def test_a_raised_quantity_that_was_paid_elsewhere_is_cut_and_needs_a_person(till: Till) -> None:
    order = await till.sold({}, paid=1000)
    await till.shop.change(order, {"1": 3})
    await till.deliver(order)
    await till.back(order, {"1": 3})
    assert (await till.refunds(order), await till.exceptions(order)) == ([1000], ["refund_short"])


FEE = PAYS_SHIPPING.replace("[returns]", '[returns]\nfee = 700\nfee_per = "return"')


async def test_a_replacement_costs_what_came_back_less_the_fee_and_gives_no_more_when_it_comes_back(
    database: Database,
) -> None:
    till = await Till.open(database, FEE)
    order = await till.sold({"quantity": 2, "tax": 164}, prices_include_tax=False, shipping_price=300)
    await till.deliver(order)
    await till.back(order, {"1": 2}, exchange_for="LAMP")
    replacement = f"{order}-r1-x1"
    assert await till.refunds(order) == [2164 + 300 - 700]
    assert (await till.costs(replacement))[1] == 1764
    await till.shop.source(replacement)
    await till.deliver(replacement)
    await till.back(replacement, {"1": 2})
    assert (await till.refunds(replacement), await till.exceptions(replacement)) == ([1764 - 700], [])
    await till.shop.check()


async def test_an_order_in_a_currency_that_was_withdrawn_is_replaced_in_it(till: Till) -> None:
    order = await till.sold({})
    async with till.shop.database.write() as connection:
        await connection.exec_driver_sql("UPDATE orders SET currency = 'BGN'")
    await till.deliver(order)
    await till.back(order, {"1": 1}, exchange_for="LAMP")
    assert await till.shop.number("SELECT count(*) FROM orders WHERE currency = 'BGN'") == 2


async def test_what_a_replacement_does_not_send_is_owed_to_the_minor_unit(till: Till) -> None:
    order = await till.sold({"quantity": 3, "discount": 1, "tax": 247}, prices_include_tax=False, shipping_price=500)
    await till.deliver(order)
    made = await till.claim(order, {"1": 3}, "replacement")
    replacement = str(made["replacement"])
    assert (await till.refunds(order), await till.costs(replacement)) == ([3746], (2999, 3746))
    await till.shop.source(replacement)
    await till.shop.change(replacement, {"1": 2})
    assert await till.refunds(order) == [2665, 1081]
    assert (await till.costs(replacement))[1] == 2665
    await till.shop.cancel(replacement)
    assert await till.refunds(order) == [0, 1081, 2665]
    await till.shop.check()


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE orders SET value = value + 1",
        "UPDATE orders SET total = total - 1",
        "UPDATE order_line SET order_discount = order_discount + 3",
        "UPDATE order_layer SET cancelled = ordered, ordered = ordered + 5",
    ],
)
async def test_the_audit_finds_money_that_no_layer_explains(till: Till, spoil: str) -> None:
    order = await till.sold({"quantity": 2, "discount": 100})
    await till.shop.change(order, {"1": 4})
    await till.shop.check()
    async with till.shop.database.write() as connection:
        await connection.exec_driver_sql(spoil)
    assert [row for finding in await findings_of(till.shop.database) for row in finding.violations]


@pytest.mark.parametrize("currency", CURRENCIES)
async def test_whatever_happens_to_an_order_its_refunds_and_what_is_kept_are_what_was_captured(
    till: Till, currency: str
) -> None:
    """Each currency is a life of its own, from a seed: place, change quantities, cancel, ship, return and claim."""
    chance = Random(currency)
    for _ in range(3):
        lines = _random_lines(chance)
        goods = sum(line["quantity"] * line["unit_price"] - line["discount"] for line in lines)
        discount = chance.randint(0, goods) if chance.random() < 0.5 else 0
        order = await till.sold(*lines, discount=discount, **_random_charges(chance, currency))
        await _change_at_random(till, order, chance)
        await till.deliver(order)
        await _give_back_at_random(till, order, chance)
        assert await _kept(till, order) + sum(await till.refunds(order)) == (await till.costs(order))[1]
        assert "refund_short" not in await till.exceptions(order)
    await till.shop.check()


def _random_lines(chance: Random) -> list[dict[str, Any]]:
    lines = []
    for _ in range(chance.randint(1, 4)):
        quantity, unit_price = chance.randint(1, 7), chance.choice([0, 1, 333, 1999, 10**9])
        discount = chance.randint(0, quantity * unit_price) if chance.random() < 0.6 else 0
        lines.append(
            {"quantity": quantity, "unit_price": unit_price, "discount": discount, "tax": chance.randint(0, 999)}
        )
    return lines


def _random_charges(chance: Random, currency: str) -> dict[str, Any]:
    charges = {name: chance.choice([0, 1, 500, 777]) for name in ("shipping_price", "shipping_tax")}
    return charges | {"currency": currency, "prices_include_tax": chance.random() < 0.5}


async def _change_at_random(till: Till, order: str, chance: Random) -> None:
    for _ in range(chance.randint(0, 5)):
        layers = (await till.prices(order)).lines
        line = chance.choice(sorted(layers))
        if chance.random() < 0.6:
            await till.shop.change(order, {line: chance.randint(1, 9)})
        elif sum(map(left, layers.values())) > left(layers[line]):
            await till.shop.cancel(order, {line: chance.randint(1, 3)})


async def _give_back_at_random(till: Till, order: str, chance: Random) -> None:
    units = {line: left(layers) for line, layers in (await till.prices(order)).lines.items() if left(layers)}
    while units and chance.random() < 0.85:
        some = {line: chance.randint(1, most) for line, most in units.items() if chance.random() < 0.7}
        if some:
            await (till.back(order, some) if chance.random() < 0.5 else till.claim(order, some))
        units = {line: most - some.get(line, 0) for line, most in units.items() if most > some.get(line, 0)}


async def _kept(till: Till, order: str) -> int:
    """What the units cost that were not paid back, and the shipping unless all of them were."""
    prices = await till.prices(order)
    statement = """
        SELECT line, sum(paid)::int AS units FROM refund JOIN refund_line USING (refund_id) WHERE order_id = :o GROUP BY line
    """
    async with till.shop.database.read() as connection:
        paid = {row.line: row.units for row in await connection.execute(text(statement), {"o": order})}
    kept = [cost_between(layers, paid.get(line, 0), left(layers)) for line, layers in prices.lines.items()]
    is_all_back = all(paid.get(line, 0) == left(layers) for line, layers in prices.lines.items())
    shipping = 0 if is_all_back else prices.charges.shipping
    return sum(map(prices.charges.due, kept)) + shipping
