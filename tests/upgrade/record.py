"""Records the database and the open workflows of this version: `python -m tests.upgrade.record VERSION`.

A business lives for half a minute on the whole service, through the public HTTP interface, and leaves orders, carts, returns
and everything else in as many states as there are. What `tests/upgrade/test_upgrade.py` needs of it is written to a folder of
the version's name beside this file. All persons in it are invented, and the keys open nothing.
"""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from temporalio.client import Client, WorkflowHistory

from tests.house import MASTER_KEY
from tests.stack import LIFE, Document, Service, Shop, now
from tests.upgrade.dump import dumped

HERE = Path(__file__).parent
RUNNING = "ExecutionStatus = 'Running'"
SECRET_BEFORE, SECRET = ("whsec_" + letters * 8 for letters in ("QUJD", "REVG"))
"""What calls of the channel `web` are signed with; the first one still signs along when the recording ends."""
NOBODY_LISTENS = "http://127.0.0.1:9/events"
REASON = "the customer asked on the phone"
ROSA: Document = {
    "name": "Rosa Delgado",
    "street": ["1437 Bannock St", "Apt 4"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
    "email": "rosa@example.com",
    "phone": "+1 303 555 0100",
}
KEYS: tuple[Document, ...] = (
    {"kind": "channel", "name": "web"},
    {"kind": "node", "name": "main"},
    {"kind": "channel", "name": "popup"},
)
"""Who gets a key; the last one loses it again."""


class Business(Shop):
    """The channels, nodes and operators of a business, and what the tests must know of them later."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        """`http` has an operator's key."""
        super().__init__(http)
        self.known: Document = {"keys": {}, "orders": {}, "repeated": {}}

    async def order_for(self, number: str, *lines: tuple[str, int], channel: str = "web", **more: Any) -> str:
        """Place an order for `(sku, quantity)` lines under a number that says what becomes of it."""
        units = [
            {"line": str(n), "sku": sku, "quantity": quantity, "unit_price": 2500}
            for n, (sku, quantity) in enumerate(lines, 1)
        ]
        return await self.place("", channel=channel, number=number, ship_to=ROSA, **({"lines": units} | more))

    async def do(self, method: str, path: str, key: str | None = None, **body: Any) -> Document:
        """A request that must be granted; `key` is its `Idempotency-Key`."""
        answer = await self.send(method, path, body or None, **({"Idempotency-Key": key} if key else {}))
        assert answer.is_success, answer.text
        document: Document = answer.json() if answer.content else {}
        return document

    async def ask(self, name: str, what: str, **body: Any) -> Document:
        """Ask something of an order."""
        return await self.do("POST", f"/orders/{name}/{what}", reason=REASON, actor="Eve Example", **body)

    async def give_back(self, name: str, *kinds: str, **more: Any) -> str:
        """Ask for a return of a unit, and report these steps of its way back."""
        lines = [{"line": "1", "quantity": 1, "reason": "damaged"}]
        made: str = (await self.do("POST", f"/orders/{name}/returns", lines=lines, **more))["return"]
        for kind in kinds:
            await self.report_return(made, kind)
        return made

    async def report_return(self, made: str, kind: str) -> None:
        """The channel or the node reports a step of a return."""
        graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
        bodies = {
            "received": {"node": "main", "lines": [{"line": "1", "quantity": 1}]},
            "graded": {"node": "main", "lines": [graded]},
        }
        body: Document = {"message_id": f"{made}-{kind}", "kind": kind, "occurred_at": now()} | bodies.get(kind, {})
        await self.do("POST", f"/returns/{made}/messages", **body)

    async def until_shown(self, path: str, is_so: Callable[[Document], bool]) -> None:
        """Poll what is shown there until something is true of it."""
        async with asyncio.timeout(self.waits_seconds):
            while not is_so(await self.do("GET", path)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)


async def prepare_the_business(business: Business) -> None:
    """Keys, a webhook without a listener, and goods."""
    for holder in KEYS:
        business.known["keys"][holder["name"]] = (made := await business.do("POST", "/keys", **holder))["key"]
    await business.do("DELETE", f"/keys/{made['id']}")
    for secret in (SECRET_BEFORE, SECRET):
        await business.do("PUT", "/channels/web/webhook", url=NOBODY_LISTENS, secret=secret)
    for node, sku, units in (
        ("main", "SERUM-30", 80),
        ("main", "TONER-200", 40),
        ("east", "TONER-200", 20),
        ("main", "MASK-10", 10),
        ("main", "SOAP-100", 10),
        ("hasty", "CREAM-50", 2),
        ("east", "CREAM-50", 10),
        ("main", "LAMP-1", 20),
        ("east", "BRUSH-1", 3),
        ("maker", "PERFUME-50", 5),
        ("shop", "COMB-1", 5),
        ("east", "MIRROR-1", 1),
    ):
        await business.receive(node, sku, units)
    expected_at = (datetime.now(UTC) + timedelta(days=4)).isoformat()
    await business.do(
        "POST",
        "/stock/messages",
        message_id="main-expects-candles",
        node="main",
        kind="expected",
        occurred_at=now(),
        expected_at=expected_at,
        lines=[{"sku": "CANDLE-220", "quantity": 6}],
    )


async def before_release(business: Business) -> None:
    """Orders that wait: for a person, a day, or stock."""
    await business.order_for("held-with-pins", ("SERUM-30", 1), holds=[{"hold": "address", "reason": REASON}])
    await business.order_for("held-without-pins", ("SERUM-30", 1), holds=[{"hold": "fraud", "reason": REASON}])
    dear = [{"line": "1", "sku": "SERUM-30", "quantity": 2, "unit_price": 300_000}]
    await business.order_for("held-for-approval", lines=dear)
    later = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    await business.order_for("for-another-day", ("SERUM-30", 1), ("SET-01", 1), not_before=later)
    moved = await business.order_for("moved-before-release", ("SERUM-30", 2), not_before=later)
    await business.ask(moved, "address", ship_to=ROSA | {"street": ["1 Elm St"], "postal_code": "80203"})
    await business.ask(moved, "quantities", lines=[{"line": "1", "quantity": 3}])
    await business.order_for("backordered", ("CANDLE-220", 2))
    await business.order_for("half-backordered", ("SERUM-30", 1), ("CANDLE-220", 1))
    await business.order_for("waits-to-be-complete", ("SERUM-30", 1), ("CANDLE-220", 3), channel="wholesale")
    await business.order_for("nobody-has-it", ("CANDLE-220", 1), channel="marketplace")
    gift: Document = {"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 2500, "name": "Serum, 30 ml"}
    gift |= {"gift_message": "Happy birthday", "attributes": {"engraving": "R. D."}}
    known: Document = {
        "reference": "#1005",
        "purchase_order": "PO/7",
        "tags": ["gift"],
        "note": REASON,
        "attributes": {"wrap": "red"},
    }
    duty = {"ship_by": later, "deliver_by": later}
    await business.order_for("with-everything", lines=[gift], bill_to=ROSA, promised=duty, not_before=later, **known)


async def at_their_nodes(business: Business) -> None:
    """Orders at every step of the work, with a webhook node, a customer who collects, and a short pick among them."""
    await business.work(await business.order_for("released", ("SERUM-30", 1)))
    for done in range(1, len(LIFE)):
        name = await business.order_for(f"{LIFE[done - 1]}", ("SERUM-30", 1), ("TONER-200", 1))
        await business.fulfill(name, LIFE[:done])
    split = await business.order_for("split-and-shipped-in-part", ("SERUM-30", 1), ("CREAM-50", 1), ("BRUSH-1", 1))
    await business.until(split, lambda found: len(found["fulfillment_orders"]) > 1)
    await business.fulfill(split, ("accepted", "shipped"))
    parcel = {"package": "1", "carrier": "ups", "tracking": "1Z999AA10123456784"}
    parcelled = await business.order_for("in-a-parcel", ("SET-01", 2))
    contents = [{"line": "1", "quantity": 1}]
    await business.tell(await business.work(parcelled), "shipped", {"1": 1}, packages=[parcel | {"lines": contents}])
    short = await business.order_for("short-pick", ("TONER-200", 3))
    await business.tell(await business.work(short), "picked", {"1": 2}, final=True)
    await business.work(short, 2)
    await business.work(await business.order_for("at-the-maker", ("PERFUME-50", 1)))
    collected = await business.order_for("ready-to-collect", ("COMB-1", 1), pickup_node="shop")
    await business.tell(await business.work(collected), "ready_for_pickup")


async def in_trouble(business: Business) -> None:
    """Doubt, requests to cancel, and what needs a person."""
    for number, ends in (("in-doubt", ()), ("in-doubt-and-replaced", LIFE)):
        name = await business.order_for(number, ("CREAM-50", 1))
        await business.work(name, 2)
        await business.fulfill(name, ends, number=2)
    asked = await business.order_for("cancel-pending", ("SERUM-30", 2))
    await business.fulfill(asked, ("accepted",))
    cancel: Document = {"lines": [{"line": "1", "quantity": 1}], "reason": REASON, "actor": "Eve Example"}
    repeated: Document = {"path": f"/orders/{asked}/cancel", "key": "cancel one of two", "body": cancel}
    answer = await business.do("POST", repeated["path"], repeated["key"], **cancel)
    business.known["repeated"]["request"] = repeated | {"answer": answer}
    half = await business.order_for("cancelled-in-part", ("SERUM-30", 2))
    await business.ask(half, "cancel", lines=[{"line": "1", "quantity": 1}])
    odd = await business.order_for("misfit", ("SERUM-30", 1))
    await business.tell(await business.work(odd), "picked", {"9": 1}, reason="what is line 9?")
    (exception,) = (await business.until(odd, lambda found: bool(found["exceptions"])))["exceptions"]
    path = f"/exceptions/{exception['exception']}/assign"
    await business.do("POST", path, owner="night-shift", reason=REASON, actor="Eve Example")
    much = await business.order_for("surplus", ("SERUM-30", 1))
    await business.tell(await business.work(much), "shipped", {"1": 2})
    seen = await business.order_for("resolved", ("SERUM-30", 1))
    await business.tell(await business.work(seen), "picked", {"9": 1})
    (exception,) = (await business.until(seen, lambda found: bool(found["exceptions"])))["exceptions"]
    await business.ask(seen, "resolve", exception=exception["exception"])
    taken = await business.order_for("rerouted", ("TONER-200", 1))
    await business.ask(taken, "reroute", fulfillment_order=await business.work(taken))
    rejected = await business.order_for("rejected", ("BRUSH-1", 1))
    await business.tell(await business.work(rejected), "rejected", reason="the brush is bent")
    await business.until(rejected, "backordered")
    missed = await business.order_for("not-there-when-counted", ("MIRROR-1", 1))
    await business.work(missed)
    counted: Document = {"message_id": "count-of-mirrors", "node": "east", "kind": "counted", "occurred_at": now()}
    await business.do("POST", "/stock/messages", **counted, lines=[{"sku": "MIRROR-1", "quantity": 0}])


async def delivered_and_back(business: Business) -> None:
    """Orders in their return window, returns at every step, a claim, and what has closed."""
    for number, *kinds in (
        ("return-authorized",),
        ("return-in-transit", "in_transit"),
        ("return-received", "received"),
        ("return-graded", "received", "graded"),
        ("return-settled", "received", "graded", "settled"),
    ):
        name = await business.order_for(number, ("SERUM-30", 2))
        await business.fulfill(name)
        made = await business.give_back(name, *(kind for kind in kinds if kind != "settled"))
        if "settled" in kinds:
            await business.until_shown(f"/returns/{made}", lambda found: bool(found["refunds"]))
            await business.report_return(made, "settled")
            await business.until_shown(f"/returns/{made}", lambda found: found["status"] == "closed")
    dear = [{"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 60_000}]
    asks = await business.order_for("return-to-be-approved", lines=dear)
    await business.fulfill(asks)
    await business.give_back(asks)
    exchanged = await business.order_for("exchanged", ("SERUM-30", 1))
    await business.fulfill(exchanged)
    await business.give_back(exchanged, "received", resolution="exchange")
    claimed = await business.order_for("claimed", ("SERUM-30", 2))
    await business.fulfill(claimed)
    for kind, resolution in (("damaged", "refund"), ("missing", "replacement")):
        lines = [{"line": "1", "quantity": 1}]
        evidence = {"photo": f"https://example.com/{kind}.jpg"}
        await business.ask(claimed, "claims", lines=lines, kind=kind, resolution=resolution, evidence=evidence)
    outlived = await business.order_for("return-outlives-its-order", ("MASK-10", 1))
    await business.fulfill(outlived)
    await business.give_back(outlived, "in_transit")
    await business.until(outlived, "completed")
    for number in ("completed", "forgotten"):
        name = await business.order_for(number, ("SOAP-100", 1))
        await business.fulfill(name)
        await business.until(name, "completed")
    await business.ask(name, "forget")
    gone = await business.order_for("cancelled", ("SERUM-30", 1))
    await business.ask(gone, "cancel", lines=None)


async def beside_orders(business: Business) -> None:
    """Carts, stopped sales and paused nodes."""
    to_denver = {"postal_code": "80202", "country": "US"}
    units = [{"line": "1", "sku": "LAMP-1", "quantity": 1}]

    async def cart(expires_in: str) -> str:
        body: Document = {"channel": "web", "expires_in": expires_in, "ship_to": to_denver, "lines": units}
        made: str = (await business.do("POST", "/reservations", **body))["reservation"]
        return made

    business.known["carts"] = {name: await cart(span) for name, span in (("held", "7d"), ("lapsed", "1s"))}
    await business.do("DELETE", f"/reservations/{await cart('1h')}")
    await business.order_for("from-a-cart", ("LAMP-1", 1), reservation=await cart("1h"))
    for sku, node in (("LAMP-1", None), ("SERUM-30", "east"), ("MASK-10", None)):
        await business.do("POST", f"/stock/{sku}/stop", node=node, reason="a recall", actor="Eve Example")
    await business.do("POST", "/stock/MASK-10/resume", node=None, reason="no recall", actor="Eve Example")
    for node in ("snow", "maker"):
        await business.do("POST", f"/nodes/{node}/pause", open_work="keep", reason="snow", actor="Eve Example")
    await business.do("POST", "/nodes/maker/resume", reason="no snow", actor="Eve Example")


STORIES: tuple[Callable[[Business], Awaitable[None]], ...] = (
    before_release,
    at_their_nodes,
    in_trouble,
    delivered_and_back,
    beside_orders,
)


async def while_temporal_is_away(business: Business) -> None:
    """What was acknowledged and no workflow has heard of: an order, and messages of a node."""
    body = {
        "channel": "web",
        "number": "taken-in-only",
        "placed_at": now(),
        "currency": "USD",
        "ship_to": ROSA,
        "lines": [{"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 2500}],
    }
    answer = await business.send("POST", "/orders", body)
    assert answer.status_code == 202, answer.text
    work = "web-released-f1"
    message = {"message_id": "main-accepts", "kind": "accepted", "occurred_at": now()}
    await business.do("POST", f"/fulfillment-orders/{work}/messages", **message)
    business.known["repeated"]["order"] = body
    business.known["repeated"]["message"] = {"path": f"/fulfillment-orders/{work}/messages", "body": message}


BUCKETS = ("open", "backordered", "reserved", "allocated", "shipped", "cancelled")
SHOWN = ("order", "channel", "status", "needs_attention")
SHOWN_OF_LINES = ("line", "sku", "ordered", *BUCKETS, "picked", "delivered", "returned")
SHOWN_OF_WORK = ("fulfillment_order", "node", "attempt", "status", "request")


def shown(order: Document) -> Document:
    """What no version may say otherwise of an order that stays as it is."""
    return {name: order[name] for name in SHOWN} | {
        "lines": [{name: line[name] for name in SHOWN_OF_LINES} for line in order["lines"]],
        "fulfillment_orders": [{name: fo[name] for name in SHOWN_OF_WORK} for fo in order["fulfillment_orders"]],
        "holds": [{name: hold[name] for name in ("hold", "reason", "actor")} for hold in order["holds"]],
        "returns": [{name: made[name] for name in ("return", "status")} for made in order["returns"]],
        "exceptions": sorted(exception["code"] for exception in order["exceptions"]),
    }


async def at_rest(business: Business) -> None:
    """Return when no order has changed for a while."""
    before: list[Document] = []
    while (found := await all_orders(business)) != before:
        before = found
        await asyncio.sleep(2)


async def all_orders(business: Business) -> list[Document]:
    """Every order as `GET /orders/{order}` shows it, by id."""
    items = (await business.do("GET", "/orders?limit=500"))["items"]
    return [await business.order(name) for name in sorted(row["order"] for row in items)]


def unnamed(history: WorkflowHistory) -> str:
    """A history as JSON that does not name the machine where it was made."""
    return re.sub(r'"\d+@[^"]*"', '"recorder"', history.to_json()) + "\n"


async def running_histories(temporal: str) -> dict[str, str]:
    """The history of every workflow that runs, by its id."""
    client = await Client.connect(temporal)
    running = [found async for found in client.list_workflows(RUNNING)]
    return {
        found.id: unnamed(await client.get_workflow_handle(found.id, run_id=found.run_id).fetch_history())
        for found in running
    }


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def opened(service: Service) -> AsyncIterator[Business]:
    """The business on a service that has started."""
    headers = {"Authorization": f"Bearer {service.stack.operator_key}"}
    async with httpx2.AsyncClient(base_url=service.stack.http, headers=headers, timeout=30.0) as http:
        business = Business(http)
        business.known["keys"]["operator"] = service.stack.operator_key
        yield business


async def record(service: Service, folder: Path) -> None:
    """Live, and write down what is left of it."""
    async with opened(service) as business:
        await prepare_the_business(business)
        await asyncio.gather(*(story(business) for story in STORIES))
        await at_rest(business)
        service.audit()
        histories = await running_histories(service.stack.temporal)
        with suspended(service.part("Temporal")):
            await while_temporal_is_away(business)
            business.known["orders"] = {order["order"]: shown(order) for order in await all_orders(business)}
            business.known["recorded_at"] = now()
            sql = dumped(service.stack.database)
    write(folder, sql, business.known, histories)


def write(folder: Path, sql: str, known: Document, histories: dict[str, str]) -> None:
    """Replace the folder of a version."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "histories").mkdir(parents=True)
    (folder / "database.sql").write_text(sql)
    (folder / "known.json").write_text(json.dumps(known, indent=1) + "\n")
    for name, history in histories.items():
        (folder / "histories" / f"{name}.json").write_text(history)
    sys.stderr.write(f"{folder.name}: {len(known['orders'])} orders, {len(histories)} workflows that run\n")


def main(version: str) -> None:
    """Start the service, record, and stop it."""
    os.environ["SWITCHYARD_MASTER_KEYS"] = MASTER_KEY
    with tempfile.TemporaryDirectory(prefix="switchyard-record-") as name:
        Path(name).chmod(0o711)  # PostgreSQL enters it as another user when root records
        service = Service(Path(name), {})
        service.network = HERE / "network"
        service.start()
        asyncio.run(record(service, HERE / version))
        service.stop()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stderr.flush()
    os._exit(0)  # leaving Python after using the client aborts about every second time
