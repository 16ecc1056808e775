"""Orders, returns, claims and counts, with the network changing in between: whatever was sold keeps meaning what it meant.

Items and nodes are dropped and come back, bundles get other components, a plain item becomes a bundle, a service ends. After
every step every fact was taken, the books are right, and what came back is what was in the box.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from database import returns
from database.connect import Database
from database.documents import stock as documents
from database.key import Caller
from domain.claim import ClaimRequest
from domain.fulfillment import MessageKind
from domain.order import OrderState
from domain.parcel import Parcel, ParcelUnits
from domain.pause import OpenWork, PauseRequest, ResumeRequest
from domain.returns import DispositionRequest, ReturnMessage
from domain.role import Role
from domain.stop_sale import StopRequest
from network.validate_order import WrongField
from tests.database.shop import NODE, POLICY, Shop
from transactions import claim, fulfillment, parcel, pause, shortage, stop_sale
from transactions import order as order_transactions
from transactions import returns as return_transactions
from transactions.fulfillment import SilenceInput
from transactions.order import Moment
from transactions.prepare import apply_network
from transactions.request import Asked, RequestInput, RequestRefused
from transactions.retired import tell_who_goes_to_a_retired_node
from transactions.returns import ReturnStep
from transactions.stock import UnknownPlace

NODES = {"denver": 39.7, "casper": 42.7, "billings": 45.7}
PLAIN = ("CHAIR", "LAMP", "VASE", "RUG")
BUNDLES = ("SET", "PAIR", "VASE")
"""`VASE` is sometimes a plain item and sometimes a bundle."""
ORDERS_MAX = 8
STORY = 80
_numbers = count(1)


@dataclass
class Season:
    """A shop whose network changes as a seed says; `reported` is what has happened, for a reader of a failure."""

    shop: Shop
    database_url: str
    directory: Path
    dice: random.Random
    items: dict[str, dict[str, int]] = field(default_factory=lambda: {sku: {} for sku in PLAIN})
    """What is sold now, with the components of bundles."""
    nodes: set[str] = field(default_factory=lambda: set(NODES))
    recipes: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """By order and line: what it was made of when it was ordered."""
    reported: list[str] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.happenings: list[tuple[int, Callable[[], Awaitable[object]]]] = [
            (10, self.change_the_network),
            (10, self.place),
            (16, self.live),
            (18, self.message),
            (8, self.receive),
            (5, self.count),
            (3, self.snapshot),
            (12, self.ask_for_a_return),
            (16, self.goods_come_back),
            (4, self.change_dispositions),
            (5, self.blind_parcel),
            (5, self.claim),
            (4, self.cancel),
            (3, self.close),
            (3, self.clockwork),
            (2, self.stop_and_resume),
            (2, self.pause_and_resume),
            (3, self.look_at_stock),
        ]

    async def happen(self) -> None:
        """Let something happen, then check the books."""
        happening = self.dice.choices([one for _, one in self.happenings], [w for w, _ in self.happenings])[0]
        self.reported.append(happening.__name__)
        await happening()
        await self.shop.check()

    async def change_the_network(self) -> None:
        """Drop, bring back or change something, and apply it: only what is pinned or under way may be in the way of that."""
        items, nodes = dict(self.items), set(self.nodes)
        match self.dice.choice(("item", "item", "bundle", "bundle", "node")):
            case "item":
                sku = self.dice.choice(PLAIN)
                items = {name: parts for name, parts in items.items() if name != sku and sku not in parts}
                if sku not in self.items or self.items[sku]:
                    items[sku] = {}
            case "bundle":
                sku = self.dice.choice(BUNDLES)
                items = {name: parts for name, parts in items.items() if sku not in parts}
                if sku in items and self.dice.random() < 0.4:
                    del items[sku]
                elif plain := [name for name, parts in items.items() if not parts and name != sku]:
                    parts = self.dice.sample(plain, min(len(plain), self.dice.randint(1, 2)))
                    items[sku] = {part: self.dice.randint(1, 3) for part in parts}
            case "node":
                nodes ^= {self.dice.choice(list(NODES))}
        if not nodes or not any(not parts for parts in items.values()):
            return
        await self.apply(items, nodes)

    async def apply(self, items: dict[str, dict[str, int]], nodes: set[str]) -> None:
        rows = [f"{sku},{sku},{'' if parts else 500},0,{_components(parts)}" for sku, parts in items.items()]
        transit = "standard = [[20000, 3]]\n" + "fast = [[20000, 1]]\n" * self.dice.randint(0, 1)
        version = f'version = "{next(_numbers)}"'
        policy = POLICY.replace("standard = [[20000, 3]]\n", transit).replace('version = "tests"', version)
        policy = policy.replace('window = "30d"', f'window = "30d"\nfee = {self.dice.randint(0, 9)}')
        (self.directory / "items.csv").write_text(
            "sku,name,weight_g,safety_stock,components\n" + "\n".join(rows) + "\n"
        )
        (self.directory / "nodes.toml").write_text(
            "".join(NODE.format(name=n, latitude=NODES[n]) for n in sorted(nodes))
        )
        (self.directory / "policy.toml").write_text(policy)
        in_the_way = await self.in_the_way()
        said: list[str] = []
        refused = await apply_network(self.database_url, self.directory, say=said.append)
        self.reported.append(f" {items} {sorted(nodes)} {said} {refused}")
        if refused:
            self.refused += 1
            assert all(any(name in line for name in in_the_way) for line in refused), (refused, in_the_way)
        else:
            self.items, self.nodes = items, nodes

    async def in_the_way(self) -> set[str]:
        """Items and nodes with units that are pinned, owed, in doubt, or shipped and not delivered."""
        statement = """
            SELECT l.order_id, l.line, l.sku, r.node FROM reservation r JOIN order_line l USING (order_id, line)
            UNION ALL
            SELECT f.order_id, l.line, l.sku, f.node
            FROM fulfillment_order f JOIN fulfillment_order_line l USING (fulfillment_order_id)
            WHERE l.quantity > l.shipped + l.short OR l.in_doubt > 0 OR l.shipped > l.delivered
        """
        async with self.shop.database.read() as connection:
            rows = (await connection.execute(text(statement))).all()
        found = {row.node for row in rows} | {row.sku for row in rows}
        return found | {part for row in rows for part in self.recipe(row.order_id, row.line)}

    def recipe(self, order: str, line: str) -> dict[str, int]:
        """What a line was made of when it was ordered; what is sent instead was not sold here."""
        return self.recipes[order][line]

    def some_order(self) -> str | None:
        """One of the last orders."""
        orders = list(self.recipes)[-ORDERS_MAX:]
        order = self.dice.choice(orders) if orders else None
        self.reported.append(f" {order}")
        return order

    async def place(self) -> None:
        weights = [3 if parts else 1 for parts in self.items.values()]
        skus = self.dice.choices(list(self.items), weights, k=self.dice.randint(1, 2))
        lines = [(sku, self.dice.randint(1, 3)) for sku in skus]
        order = await self.shop.place(*lines)
        self.recipes[order] = {str(n): self.items[sku] or {sku: 1} for n, (sku, _) in enumerate(lines, 1)}
        self.reported.append(f" {order} {lines}")
        if gone := {*PLAIN, *BUNDLES} - self.items.keys():
            with pytest.raises(WrongField):
                await self.shop.place((self.dice.choice(sorted(gone)), 1))

    async def live(self) -> None:
        """What the workflow of an order would do now."""
        if not (order := self.some_order()):
            return
        state = await self.shop.state(order)
        if state.to_source:
            state = await self.shop.source(order)
        if state.total("reserved"):
            state = await self.shop.release(order)
        if late := [fo for fo in state.fulfillment_orders if fo.deadline and self.dice.random() < 0.1]:
            name, at = late[0].fulfillment_order, late[0].deadline
            waiting_for = late[0].waiting_for
            assert waiting_for is not None
            assert at is not None
            asked = SilenceInput(order=order, fulfillment_order=name, waiting_for=waiting_for, at=at)
            await fulfillment.act_on_silence(self.shop.transactions, asked)
        for name in [one.return_ for one in state.returns]:
            step = ReturnStep(order=order, return_=name, at=datetime.now(UTC))
            await return_transactions.pay(self.shop.transactions, step)
            await return_transactions.close_return(self.shop.transactions, step)
        await self.note_replacements()

    async def note_replacements(self) -> None:
        """Orders that were placed instead of others are made of what is sold now."""
        async with self.shop.database.read() as connection:
            rows = (
                await connection.execute(text("SELECT order_id, line, sku FROM order_line ORDER BY order_id"))
            ).all()
        for row in rows:
            if row.line not in self.recipes.setdefault(row.order_id, {}):
                self.recipes[row.order_id][row.line] = self.items[row.sku] or {row.sku: 1}

    async def message(self) -> None:
        if not (order := self.some_order()):
            return
        works = (await self.shop.state(order)).fulfillment_orders
        if not works:
            return
        number = self.dice.randint(1, len(works))
        kinds = {MessageKind.ACCEPTED: 2, MessageKind.REJECTED: 1, MessageKind.PICKED: 2, MessageKind.SHIPPED: 5}
        kind = self.dice.choices([*kinds, MessageKind.DELIVERED], [*kinds.values(), 8])[0]
        lines = {line.line: self.dice.randint(1, line.quantity + 1) for line in works[number - 1].lines}
        reported, final = lines if self.dice.random() < 0.4 else None, self.dice.random() < 0.3
        self.reported.append(f" -f{number} {kind} {reported} {final}")
        await self.shop.tell(order, kind, reported, number=number, final=final)

    async def receive(self) -> None:
        sku, units = self.dice.choice(await self.stocked()), self.dice.randint(1, 9)
        await self.shop.receive(await self.some_node(), **{sku: units})

    async def count(self) -> None:
        await self.shop.count(
            await self.some_node(), **{self.dice.choice(await self.stocked()): self.dice.randint(0, 9)}
        )

    async def snapshot(self) -> None:
        stocked = await self.stocked()
        named = self.dice.sample(stocked, self.dice.randint(1, len(stocked)))
        await self.shop.snapshot(await self.some_node(), **{sku: self.dice.randint(0, 9) for sku in named})

    async def stocked(self) -> list[str]:
        """Every SKU that ever was a plain item, though it may be a bundle now: each may still lie somewhere."""
        _, network = await self.network()
        known = [*network.items.values(), *network.retired_items.values()]
        return sorted({item.sku for item in known if item.sku in PLAIN and not item.components})

    async def network(self) -> tuple[int, Any]:
        async with self.shop.database.read() as connection:
            return await self.shop.transactions.networks.active(connection)

    async def some_node(self) -> str:
        """A node, perhaps one that is closed."""
        return self.dice.choice(list(NODES))

    async def ask_for_a_return(self) -> None:
        if not (order := self.some_order()):
            return
        lines = self.some_lines(await self.shop.state(order))
        resolution = self.dice.choice(("refund", "exchange"))
        if resolution == "exchange":
            lines = [line | {"exchange_for": self.dice.choice(list(self.items))} for line in lines]
        facts = {"lines": lines, "resolution": resolution}
        request = RequestInput(
            order=order,
            request=None,
            kind="request_return",
            facts=facts,
            key=f"r-{next(_numbers)}",
            at=datetime.now(UTC),
        )
        done = await return_transactions.request_return(self.shop.transactions, request)
        self.reported.append(f" {facts} {done.refused.reason if done.refused else done.answer}")

    def some_lines(self, state: OrderState) -> list[dict[str, Any]]:
        lines = self.dice.sample(state.lines, self.dice.randint(1, len(state.lines)))
        return [{"line": line.line, "quantity": self.dice.randint(1, 2)} for line in lines]

    async def some_return(self) -> tuple[str, str] | None:
        """A return and its order; also one that is over."""
        async with self.shop.database.read() as connection:
            rows = (await connection.execute(text("SELECT return_id, order_id FROM return ORDER BY return_id"))).all()
        return tuple(self.dice.choice(rows[-ORDERS_MAX:])) if rows else None

    async def goods_come_back(self) -> None:
        """Units are received and graded at some node; what is put into stock is what was in the box."""
        if not (found := await self.some_return()):
            return
        name, order = found
        async with self.shop.database.read() as connection:
            state = await returns.state(connection, name)
        line = self.dice.choice(state.lines)
        node, quantity = await self.some_node(), self.dice.randint(1, 2)
        before = await self.on_hand(node)
        graded = {"line": line.line, "quantity": quantity, "condition": "as_new", "disposition": "restock"}
        kind = self.dice.choice(("received", "graded", "graded"))
        lines = [graded if kind == "graded" else {"line": line.line, "quantity": quantity}]
        self.reported.append(f" {name} {kind} {lines} at {node}")
        body = {"message_id": f"b-{next(_numbers)}", "kind": kind, "node": node, "occurred_at": datetime.now(UTC)}
        message = ReturnMessage.model_validate(body | {"lines": lines})
        await return_transactions.record(self.shop.transactions, name, message, sender=node, actor="node")
        in_the_box = self.recipe(order, line.line) if kind == "graded" else {}
        after = await self.on_hand(node)
        came = {sku: units - before.get(sku, 0) for sku, units in after.items() if units != before.get(sku, 0)}
        assert came == {sku: units * quantity for sku, units in in_the_box.items()}

    async def on_hand(self, node: str) -> dict[str, int]:
        async with self.shop.database.read() as connection:
            rows = await connection.execute(text("SELECT sku, on_hand FROM stock WHERE node = :node"), {"node": node})
            return {row.sku: row.on_hand for row in rows}

    async def change_dispositions(self) -> None:
        if not (found := await self.some_return()):
            return
        lots = "SELECT line, node, disposition FROM return_lot WHERE return_id = :name"
        async with self.shop.database.read() as connection:
            known = (await connection.execute(text(lots), {"name": found[0]})).mappings().all()
        if not known:
            return
        lot = self.dice.choice(known)
        to = self.dice.choice(("restock", "scrap", "quarantine"))
        line = {"line": lot["line"], "node": lot["node"], "quantity": 1, "from": lot["disposition"], "to": to}
        body = DispositionRequest.model_validate({"lines": [line]})
        with suppress(RequestRefused):
            await return_transactions.change_dispositions(self.shop.transactions, Asked(found[0], body, "operator"))

    async def blind_parcel(self) -> None:
        if not (order := self.some_order()):
            return
        line = self.dice.choice((await self.shop.state(order)).lines)
        reported = Parcel(
            message_id=f"p-{next(_numbers)}",
            occurred_at=datetime.now(UTC),
            node=await self.some_node(),
            order=order,
            lines=(ParcelUnits(sku=line.sku, quantity=1),),
        )
        await parcel.take(self.shop.transactions, reported, actor="node")

    async def claim(self) -> None:
        if not (order := self.some_order()):
            return
        lines = self.some_lines(await self.shop.state(order))
        resolution = self.dice.choice(("refund", "replacement"))
        body = ClaimRequest.model_validate({"lines": lines, "kind": "damaged", "resolution": resolution})
        with suppress(RequestRefused):
            answer = await claim.take(self.shop.transactions, Asked(order, body, "operator"))
            self.reported.append(f" {lines} {answer}")
        await self.note_replacements()

    async def cancel(self) -> None:
        if order := self.some_order():
            await self.shop.cancel(order)

    async def close(self) -> None:
        if order := self.some_order():
            at = datetime.now(UTC) + timedelta(days=60)
            await order_transactions.close(self.shop.transactions, Moment(order=order, at=at))

    async def clockwork(self) -> None:
        """What the service does by itself: afterwards nobody waits for what is retired without a person who knows."""
        await tell_who_goes_to_a_retired_node(self.shop.transactions)
        await shortage.settle(self.shop.transactions)
        await self.shop.backorders.work_off(20)
        await self.shop.backorders.judge_under_new_rules(1000)
        waiting = """
            SELECT l.sku FROM waiting w JOIN order_line l USING (order_id, line) JOIN orders o USING (order_id)
            WHERE w.awaits = 'stock' AND o.closed_at IS NULL
        """
        async with self.shop.database.read() as connection:
            assert set((await connection.execute(text(waiting))).scalars()) <= self.items.keys()

    async def stop_and_resume(self) -> None:
        sku, body = self.dice.choice(PLAIN), StopRequest()
        with suppress(UnknownPlace):
            await stop_sale.stop(self.shop.transactions, Asked(sku, body, "operator"))
            await stop_sale.resume(self.shop.transactions, Asked(sku, body, "operator"))

    async def pause_and_resume(self) -> None:
        node = await self.some_node()
        await pause.pause(self.shop.transactions, Asked(node, PauseRequest(open_work=OpenWork.KEEP), "operator"))
        await pause.resume(self.shop.transactions, Asked(node, ResumeRequest(), "operator"))

    async def look_at_stock(self) -> None:
        """What lies there is shown, whatever became of its item and its node."""
        _, network = await self.network()
        caller = Caller("operator", "operator", "operator", Role.ADMIN)
        async with self.shop.database.read() as connection:
            for sku in network.items | network.retired_items:
                shown = await documents.of_item(connection, network, sku, caller)
                assert sku in self.items or shown["available"] == 0


def _components(parts: dict[str, int]) -> str:
    return " ".join(f"{sku}*{units}" for sku, units in parts.items())


async def let_seasons_pass(database: Database, database_url: str, directory: Path, seed: int, steps: int) -> Season:
    """Many things happen one after another, and the network changes in between."""
    season = Season(await Shop.open(database), database_url, directory, random.Random(seed))
    try:
        await season.apply({**{sku: {} for sku in PLAIN}, "SET": {"LAMP": 1, "CHAIR": 2}}, set(NODES))
        for node in NODES:
            await season.shop.receive(node, CHAIR=9, LAMP=9, VASE=9, RUG=9)
        for _ in range(steps):
            await season.happen()
    except BaseException as error:
        error.add_note("\n".join([f"seed {seed}", *season.reported[-STORY:]]))
        raise
    return season


@pytest.mark.timeout(300)
async def test_whatever_was_sold_keeps_its_meaning_while_the_network_changes(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await let_seasons_pass(database, database_url, tmp_path, 4, steps=80)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5, 15))
async def test_whatever_was_sold_keeps_its_meaning_for_long(
    database: Database, database_url: str, tmp_path: Path, seed: int
) -> None:
    await let_seasons_pass(database, database_url, tmp_path, seed, steps=500)
