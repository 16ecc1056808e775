"""Requests, messages and the business's own clockwork in any order, drawn by chance: whatever happened, the books are right.

What was built apart meets here: capacity, holds, windows, changes of quantity and of the place of collection, cool-downs,
paused nodes, counts, carts, orders that must ship complete, orders that are forgotten, returns, payments.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from database import network
from database import order as orders
from database.connect import Database
from domain.capacity import claims
from domain.fulfillment import MessageKind, NodeMessage
from domain.network import ShipComplete
from domain.order import FulfillmentOrderState, OrderState
from domain.pause import OpenWork, PauseRequest, ResumeRequest
from domain.payment import PaymentKind
from domain.request import ForgetRequest
from domain.returns import ReturnMessage
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, NODES, Shop
from transactions import exception as exception_transactions
from transactions import fulfillment, pause, pickup, quantity, replan, reroute, shortage
from transactions import order as order_transactions
from transactions import returns as return_transactions
from transactions.fulfillment import SilenceInput
from transactions.network import Networks
from transactions.order import Moment
from transactions.pause import Pauses
from transactions.personal import StillOpen, forget
from transactions.request import Asked, Done, RequestInput, RequestRefused
from transactions.returns import ReturnStep
from transactions.sourcing import StockTaken
from transactions.transaction import OrderTransactions

_numbers = count(1)
ORDERS_MAX = 6
"""Orders that something happens to at a time: few enough that much happens to each."""
STEPS_OF_ONE_LIFE = 40
"""No order has as much to do at once."""
STEPS_BETWEEN_AUDITS = 5
STORY = 60
"""How many of the last happenings a failure shows."""
SKUS = ("CHAIR", "LAMP", "DESK-SET")
RULES = """
[[hold]]
id = "approval"
when = 'order.value > 500'
reason = "more than five are approved"
owner = "finance"
[[hold]]
id = "fraud"
owner = "risk"
stock = "wait"
"""
NETWORK = replace(
    MAP,
    nodes=MAP.nodes.replace(f'id = "{NEAREST}"', f'id = "{NEAREST}"\ncapacity_per_day = 3')
    .replace(f'id = "{NEXT}"\n', f'id = "{NEXT}"\ncapacity_per_day = 2\npickup = true\n')
    .replace(f'id = "{FARTHEST}"\n', f'id = "{FARTHEST}"\npickup = true\ndispatch = "webhook"\n'),
    policy=MAP.policy.replace('unfilled = "backorder"', 'unfilled = "backorder"\ncancel_after = "3d"').replace(
        'grace = "0s"', 'grace = "0s"\nreject_cooldown = "1d"\ncollect_within = "2d"\nat_risk_before = "4h"'
    )
    + RULES,
)
OTHER_RULES = (
    NETWORK,
    replace(NETWORK, nodes=NETWORK.nodes.replace("capacity_per_day = 3", "capacity_per_day = 1")),
    replace(NETWORK, nodes=NETWORK.nodes.replace("capacity_per_day = 3\n", "").replace('"4h"', '"2d"')),
    replace(
        NETWORK, policy=NETWORK.policy.replace('rank = ["distance"]', 'rank = ["distance"]\nship_complete = "order"')
    ),
    replace(
        NETWORK, policy=NETWORK.policy.replace('unfilled = "backorder"\ncancel_after = "3d"', 'unfilled = "exception"')
    ),
    replace(NETWORK, policy=NETWORK.policy.replace('collect_within = "2d"\n', "").replace('"1d"', '"2h"')),
)


@dataclass
class Chance:
    """A shop to which things happen as a seed says; `reported` is what has happened, for a reader of a failure."""

    shop: Shop
    dice: random.Random
    orders: list[str] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)
    rules_changed: bool = False
    days: int = 0
    """Days that have passed at the workflows' clock."""

    def __post_init__(self) -> None:
        transactions = OrderTransactions(self.shop.database, Networks())
        self.pauses = Pauses(transactions)
        self.happenings: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (8, self.place),
            (10, self.source),
            (12, self.release),
            (4, self.hold),
            (4, self.take_off),
            (6, self.change_quantity),
            (5, self.cancel),
            (5, self.change_pickup),
            (5, self.reroute),
            (16, self.message),
            (4, self.silence),
            (5, self.receive),
            (4, self.count),
            (6, self.clockwork),
            (2, self.give_up),
            (2, self.pause),
            (3, self.resume),
            (2, self.resolve),
            (1, self.forget),
            (2, self.replan),
            (2, self.close),
            (4, self.send_back),
            (4, self.pay_back),
            (6, self.report_payment),
            (2, self.a_day_passes),
            (8, self.live),
            (2, self.put_into_a_cart),
            (1, self.change_the_rules),
        ]

    @property
    def at(self) -> datetime:
        """The workflows' clock."""
        return datetime.now(UTC) + timedelta(days=self.days)

    async def happen(self) -> None:
        """Let something happen."""
        weights = [weight for weight, _ in self.happenings]
        happening = self.dice.choices([one for _, one in self.happenings], weights)[0]
        self.reported.append(happening.__name__)
        await happening()

    def some_order(self) -> str:
        """One of the last orders."""
        order = self.dice.choice(self.orders[-ORDERS_MAX:])
        self.reported.append(f" {order}")
        return order

    async def ask(
        self, doing: Callable[[OrderTransactions, RequestInput], Awaitable[Done]], kind: str, **facts: Any
    ) -> Done:
        """Ask something of one of the orders."""
        order = facts.pop("order", None) or self.some_order()
        key = f"{kind}-{next(_numbers)}"
        request = RequestInput(order=order, request=None, kind=kind, facts=facts, key=key, at=self.at)
        done = await doing(self.shop.transactions, request)
        self.reported.append(f" {facts} {done.refused.reason if done.refused else done.answer}")
        return done

    async def place(self) -> None:
        lines = [(self.dice.choice(SKUS), self.dice.randint(1, 4)) for _ in range(self.dice.randint(1, 3))]
        order = await self.shop.place(
            *lines,
            holds=self.dice.choices(((), ("payment",), ("fraud",)), (6, 1, 1))[0],
            not_after=self.at + timedelta(days=self.dice.randint(1, 4)) if self.dice.random() < 0.3 else None,
            ship_complete=self.dice.choices((None, *ShipComplete), (4, 1, 1, 1))[0],
            pickup_node=self.dice.choices((None, NEXT, FARTHEST), (4, 1, 1))[0],
            paid=self.dice.choices((None, 0, 150), (3, 1, 1))[0],
            shipping_price=self.dice.choice((0, 50)),
        )
        self.orders.append(order)
        self.reported.append(f" {order} {lines}")
        if self.dice.random() < 0.8:
            await self.shop.source(order, at=self.at)

    async def source(self) -> None:
        await self.shop.source(self.some_order(), at=self.at)

    async def release(self) -> None:
        await self.shop.release(self.some_order(), self.at)

    async def hold(self) -> None:
        await self.ask(order_transactions.hold, "hold", hold=self.dice.choice(("fraud", "payment")))

    async def take_off(self) -> None:
        order = self.some_order()
        for hold in (await self.shop.state(order)).holds:
            await self.ask(order_transactions.release_hold, "release", hold=hold, order=order)

    def some_lines(self, state: OrderState, most: int) -> list[dict[str, Any]]:
        """A quantity for some of its lines."""
        lines = self.dice.sample(state.lines, self.dice.randint(1, len(state.lines)))
        return [{"line": line.line, "quantity": self.dice.randint(1, most)} for line in lines]

    async def change_quantity(self) -> None:
        order = self.some_order()
        lines = self.some_lines(await self.shop.state(order), 6)
        await self.ask(quantity.change_quantity, "change_quantity", order=order, lines=lines)

    async def cancel(self) -> None:
        order = self.some_order()
        facts = {"lines": self.some_lines(await self.shop.state(order), 3)} if self.dice.random() < 0.8 else {}
        await self.ask(order_transactions.cancel, "cancel", order=order, **facts)

    async def change_pickup(self) -> None:
        node = self.dice.choice((NEXT, FARTHEST, NEAREST, None))
        await self.ask(pickup.change_pickup, "change_pickup", pickup_node=node)

    async def reroute(self) -> None:
        order = self.some_order()
        if works := (await self.shop.state(order)).fulfillment_orders:
            facts = {"fulfillment_order": self.dice.choice(works).fulfillment_order}
            facts |= {"to_node": self.dice.choice(NODES)} if self.dice.random() < 0.5 else {}
            await self.ask(reroute.reroute, "reroute", order=order, **facts)

    async def message(self) -> None:
        order = self.some_order()
        works = (await self.shop.state(order)).fulfillment_orders
        if not works:
            return
        number = self.dice.randint(1, len(works))
        kind = self.dice.choices(list(MessageKind), (6, 3, 4, 2, 6, 2, 4, 1, 4, 2, 3))[0]
        if kind is MessageKind.VOID or (kind is MessageKind.SHIPPED and self.dice.random() < 0.5):
            await self.parcel(works[number - 1], kind)
            return
        lines: Mapping[str, int] | None = None
        if self.dice.random() < 0.5:
            lines = {line.line: self.dice.randint(1, line.quantity) for line in works[number - 1].lines}
        final = self.dice.random() < 0.3
        self.reported.append(f" -f{number} {kind} {lines} {final}")
        await self.shop.tell(order, kind, lines, number=number, final=final)

    async def parcel(self, work: FulfillmentOrderState, kind: MessageKind) -> None:
        """A parcel with some units of each line leaves, or one did not."""
        name = f"{self.dice.randint(1, 3)}"
        body: dict[str, Any] = {"package": name}
        if kind is MessageKind.SHIPPED:
            lines = [{"line": line.line, "quantity": self.dice.randint(1, line.quantity)} for line in work.lines]
            body = {"packages": [{"package": name, "lines": lines}], "final": self.dice.random() < 0.3}
        self.reported.append(f" {work.fulfillment_order} {kind} {body}")
        body |= {"message_id": f"p-{next(_numbers)}", "kind": kind, "occurred_at": datetime.now(UTC)}
        message = NodeMessage.model_validate(body)
        await fulfillment.record(self.shop.transactions, work.fulfillment_order, message, node=None, actor="node")

    async def silence(self) -> None:
        order = self.some_order()
        state = await self.shop.state(order)
        if waiting := [fo for fo in state.fulfillment_orders if fo.deadline]:
            late = self.dice.choice(waiting)
            self.reported.append(f" {late.fulfillment_order}")
            at = late.deadline or self.at
            await fulfillment.act_on_silence(self.shop.transactions, _silence(state, late.fulfillment_order, at))

    async def receive(self) -> None:
        await self.shop.receive(self.dice.choice(NODES), **{self.dice.choice(SKUS[:2]): self.dice.randint(1, 8)})

    async def count(self) -> None:
        await self.shop.count(self.dice.choice(NODES), **{self.dice.choice(SKUS[:2]): self.dice.randint(0, 8)})

    async def clockwork(self) -> None:
        await self.shop.backorders.work_off(20)
        await shortage.settle(self.shop.transactions)
        await exception_transactions.tell_what_waits_too_long(self.shop.transactions, 10)
        await self.pauses.clear(5)

    async def give_up(self) -> None:
        await order_transactions.give_up(
            self.shop.transactions, Moment(order=self.some_order(), at=self.at + timedelta(days=2))
        )

    async def pause(self) -> None:
        body = PauseRequest(open_work=self.dice.choice(list(OpenWork)))
        node = self.dice.choice(NODES)
        await pause.pause(self.shop.transactions, Asked(node, body, "operator"))

    async def resume(self) -> None:
        for node in NODES:
            with suppress(RequestRefused):
                await pause.resume(self.shop.transactions, Asked(node, ResumeRequest(), "operator"))

    async def resolve(self) -> None:
        order = self.some_order()
        for found in (await self.shop.state(order)).exceptions:
            await self.ask(exception_transactions.resolve, "resolve", order=order, exception=found.exception)

    async def forget(self) -> None:
        asked = ForgetRequest(even_if_open=self.dice.random() < 0.5)
        with suppress(StillOpen):
            await forget(self.shop.database, self.some_order(), asked, actor="operator")

    async def replan(self) -> None:
        async for _ in replan.again(self.shop.transactions, await replan.orders(self.shop.transactions)):
            pass

    async def close(self) -> None:
        await order_transactions.close(
            self.shop.transactions, Moment(order=self.some_order(), at=self.at + timedelta(days=60))
        )

    async def send_back(self) -> None:
        order = self.some_order()
        state = await self.shop.state(order)
        if not state.returns or self.dice.random() < 0.5:
            lines = self.some_lines(state, 2)
            await self.ask(return_transactions.request_return, "request_return", order=order, lines=lines)
            return
        name = self.dice.choice(state.returns).return_
        graded = {"line": "1", "quantity": 1, "condition": "used", "disposition": "restock"}
        back: dict[str, Any] = {"kind": "graded", "lines": [graded], "message_id": f"back-{next(_numbers)}"}
        message = ReturnMessage.model_validate(back | {"node": NEAREST, "occurred_at": datetime.now(UTC)})
        await return_transactions.record(self.shop.transactions, name, message, sender=NEAREST, actor="node")

    async def pay_back(self) -> None:
        order = self.some_order()
        for one in (await self.shop.state(order)).returns:
            step = ReturnStep(order=order, return_=one.return_, at=self.at)
            await return_transactions.pay(self.shop.transactions, step)

    async def report_payment(self) -> None:
        order, kind = self.some_order(), self.dice.choices(list(PaymentKind), (3, 2, 1))[0]
        amount = self.dice.randint(1, 400)
        self.reported.append(f" {kind} {amount}")
        await self.shop.report(order, kind, amount)

    async def a_day_passes(self) -> None:
        self.days += 1

    async def put_into_a_cart(self) -> None:
        sku, quantity = self.dice.choice(SKUS[:2]), self.dice.randint(1, 2)
        node = self.dice.choice(NODES[:2])
        with suppress(AssertionError):  # what others have is not granted
            cart = await self.shop.fill_cart(sku, quantity, node)
            if self.dice.random() < 0.7:
                order = await self.shop.ordered(cart, (sku, quantity))
                await self.shop.source(order, at=self.at)  # nothing is asked of an order before its first round
                self.orders.append(order)

    async def change_the_rules(self) -> None:
        self.rules_changed = True
        documents = self.dice.choice(OTHER_RULES)
        async with self.shop.database.write() as connection:
            await network.lock_active_version(connection)
            await network.activate(connection, asdict(documents), documents.digest)

    async def live(self) -> None:
        """What the workflow of an order does when it wakes: whatever is due, until nothing is. It would never sleep again if
        something stayed due."""
        order = self.some_order()
        for _ in range(STEPS_OF_ONE_LIFE):
            state = await self.shop.state(order)
            if not (due := _due(state, self.at)):
                return
            self.reported.append(f" {due}")
            match due:
                case "give up":
                    await order_transactions.give_up(self.shop.transactions, Moment(order=order, at=self.at))
                case "source":
                    await self.shop.source(order, at=self.at)
                case "release":
                    await self.shop.release(order, self.at)
                case "close":
                    await order_transactions.close(self.shop.transactions, Moment(order=order, at=self.at))
                case fulfillment_order:
                    await fulfillment.act_on_silence(
                        self.shop.transactions, _silence(state, fulfillment_order, self.at)
                    )
        raise AssertionError(f"{order} never comes to rest: {state}")

    async def check(self) -> None:
        """The audit, and what an order claims of its nodes' days, which is exactly what it does there."""
        await self.shop.check()
        if self.rules_changed:
            return
        async with self.shop.database.read() as connection:
            _, rules = await Networks().active(connection)
            for order in self.orders[-ORDERS_MAX:]:
                header, held = await orders.load(connection, order)
                of_work = claims(held, rules, {})
                pinned = {pin.node for pin in held.reservations if rules.nodes[pin.node].capacity_per_day}
                extra = header.claimed - of_work
                assert not of_work - header.claimed, f"{order} claims less than its work"
                assert Counter(node for node, _ in extra.elements()) == Counter(pinned), order


def _due(state: OrderState, at: datetime) -> str | None:
    """What the order would do at once, as its workflow decides it; a fulfillment order's name for its own deadline."""
    if state.closed:
        return None
    if state.gives_up_at and state.gives_up_at <= at:
        return "give up"
    if state.to_source or (state.looks_again_at and state.looks_again_at <= at):
        return "source"
    if state.total("reserved") and not state.holds and state.release_at <= at:
        return "release"
    if state.closes_at and state.closes_at <= at:
        return "close"
    works = state.fulfillment_orders
    return next((fo.fulfillment_order for fo in works if fo.waiting_for and fo.deadline and fo.deadline <= at), None)


def _silence(state: OrderState, name: str, at: datetime) -> SilenceInput:
    waiting_for = state.fulfillment_order(name).waiting_for
    assert waiting_for is not None
    return SilenceInput(order=state.order, fulfillment_order=name, waiting_for=waiting_for, at=at)


async def let_it_happen(database: Database, seed: int, *, steps: int, at_once: int) -> None:
    """Many things happen at once, many times, and the invariants are checked after every few."""
    chance = Chance(await Shop.open(database, NETWORK), random.Random(seed))
    try:
        for node in NODES[:2]:
            await chance.shop.receive(node, CHAIR=6, LAMP=6)
        await chance.place()
        for step in range(steps):
            done = await asyncio.gather(*(chance.happen() for _ in range(at_once)), return_exceptions=True)
            for error in done:
                # Only a caller that is not alone can find others quicker, however often it tries.
                if isinstance(error, BaseException) and not (at_once > 1 and isinstance(error, StockTaken)):
                    raise error
            if step % STEPS_BETWEEN_AUDITS == 0:
                await chance.check()
        await chance.check()
    except BaseException as error:
        error.add_note("\n".join([f"seed {seed}", *chance.reported[-STORY:]]))
        raise


async def test_whatever_happens_in_whatever_order_the_books_are_right(database: Database) -> None:
    await let_it_happen(database, 1, steps=150, at_once=1)


async def test_whatever_happens_at_once_the_books_are_right(database: Database) -> None:
    await let_it_happen(database, 2, steps=50, at_once=4)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("seed", range(3, 13))
async def test_whatever_happens_for_long_the_books_are_right(database: Database, seed: int, at_once: int) -> None:
    await let_it_happen(database, seed, steps=300, at_once=at_once)
