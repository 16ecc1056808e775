"""Whatever is killed, and whenever: what was acknowledged goes on, and nothing happens twice."""

import ast
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import SEEK_END
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client

from api.app import application
from api.service import assemble
from database.connect import Database
from database.connection import keep_credentials
from domain import identifiers
from embedded.ports import LOOPBACK, free_port
from embedded.process import Child, Command
from embedded.temporal import EmbeddedTemporal
from formats.standard_webhooks import signed_headers
from runtime.search_attributes import register_search_attributes
from tests.conftest import OPERATOR_KEY
from tests.house import MASTER_KEYS
from tests.journeys.lives import (
    HURRIED,
    SHORT_LIVES,
    Story,
    a_cancelled_life,
    a_life_with_a_silent_store,
    a_plain_life,
    check_each_shipped_once,
    check_invariants,
    check_its_end,
    client_of,
    suspended,
)
from tests.listener import Listener, listening
from tests.rate_cards import rate_card
from tests.stack import (
    ROOT,
    Document,
    Service,
    Shop,
    audit,
    environment,
    hurried_network,
    message_body,
    now,
    order_body,
)
from transactions.prepare import apply_network
from workflows.visibility import SEARCH_ATTRIBUTES


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A whole Switchyard, as `python -m starter up` starts it; the audit finds nothing when the tests are over."""
    with tempfile.TemporaryDirectory(prefix="switchyard-test-") as name:
        Path(name).chmod(0o711)
        running = Service(Path(name), HURRIED)
        running.start()
        yield running
        running.audit()
        running.stop()


@pytest_asyncio.fixture
async def shop(service: Service) -> AsyncIterator[Shop]:
    """Those who talk to the service; when the test is over, every invariant holds."""
    async with client_of(service.stack.http, service.stack.operator_key) as http:
        yield Shop(http)
    await check_invariants(service.stack.database)


async def test_a_worker_killed_before_release_before_shipment_and_in_the_return_window_loses_and_repeats_nothing(
    service: Service, shop: Shop
) -> None:
    sku, three = "SERUM-30", range(3)
    await shop.receive("slc", sku, 100)
    later = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    unreleased = await asyncio.gather(*(shop.place(sku, not_before=later) for _ in three))
    accepted = await asyncio.gather(*(shop.place(sku, 2) for _ in three))
    delivered = await asyncio.gather(*(shop.place(sku, 3) for _ in three))
    await asyncio.gather(*(shop.fulfill(name, ("accepted",)) for name in accepted))
    await asyncio.gather(*(shop.fulfill(name) for name in delivered))

    service.kill_part("worker")

    found = [(await shop.order(name))["status"] for name in (*unreleased, *accepted, *delivered)]
    assert found[:6] == ["received"] * 3 + ["in_fulfillment"] * 3
    assert set(found[6:]) <= {"delivered", "completed"}, "another worker may have closed them already"
    await asyncio.gather(*(shop.fulfill(name, ("picked", "shipped", "delivered")) for name in accepted))
    await asyncio.gather(*(shop.live(name) for name in unreleased))
    for name in (*accepted, *delivered):
        await shop.until(name, "completed")
    await check_each_shipped_once(shop, [*unreleased, *accepted, *delivered])
    assert await shop.stock(sku) == (100 - 3 * (1 + 2 + 3), 0, 0)


async def test_while_temporal_hangs_or_is_killed_orders_and_messages_are_acknowledged_and_then_go_on(
    service: Service, shop: Shop
) -> None:
    sku = "TONER-200"
    await shop.receive("slc", sku, 100)
    before = await asyncio.gather(*(shop.place(sku) for _ in range(3)))
    works = [await shop.work(name) for name in before]
    with suspended(service.part("Temporal")):
        answers = asyncio.gather(*(shop.http.post("/orders", json=order_body(sku)) for _ in range(3)))
        for work in works:
            for kind in ("accepted", "picked", "shipped"):
                assert (await shop.tell(work, kind)).status_code == 202
        assert [(await shop.order(name))["status"] for name in before] == ["shipped"] * 3
        ready = await shop.http.get("/readyz")
        assert (ready.status_code, ready.json()) == (
            200,
            {"database": "up", "temporal": "down", "workers": "unknown"},
        )
        assert [answer.status_code for answer in await answers] == [202] * 3
    during = [answer.json()["order"] for answer in await answers]
    assert [answer.json()["promise"] for answer in await answers] == [None] * 3
    service.kill_part("Temporal")
    for work in works:
        await shop.tell(work, "delivered")
    await asyncio.gather(*(shop.live(name) for name in during))
    for name in before:
        await shop.until(name, "completed")
    await check_each_shipped_once(shop, [*before, *during])
    assert not shop.refusals


async def test_a_killed_postgresql_loses_nothing_acknowledged_and_is_reported_as_not_ready(
    service: Service, shop: Shop
) -> None:
    sku = "MOISTURIZER-50"
    await shop.receive("slc", sku, 100)
    placed = [await shop.place(sku) for _ in range(10)]
    living = [asyncio.create_task(shop.live(name)) for name in placed]
    placing = [asyncio.create_task(shop.place(sku)) for _ in range(10)]
    await shop.work(placed[0])

    service.kill_part("PostgreSQL")

    placed += await asyncio.gather(*placing)
    living += [asyncio.create_task(shop.live(name)) for name in placed[10:]]
    await asyncio.gather(*living)
    await check_each_shipped_once(shop, placed)
    assert await shop.stock(sku) == (100 - 20, 0, 0)
    assert shop.refusals, "somebody must have asked while PostgreSQL was away"
    for refusal in shop.refusals:
        assert (refusal.status_code, refusal.headers["content-type"]) == (503, "application/problem+json"), refusal.text
        assert refusal.json()["type"] == "urn:switchyard:problem:not-ready"
        assert int(refusal.headers["retry-after"]) > 0


async def test_an_order_whose_workflow_was_terminated_by_hand_goes_on_with_the_next_message(
    service: Service, shop: Shop
) -> None:
    await shop.receive("slc", "NIGHT-CREAM-50", 10)
    name = await shop.place("NIGHT-CREAM-50", 2)
    await shop.fulfill(name, ("accepted",))
    await terminate(service, name)
    await shop.fulfill(name, ("picked", "shipped", "delivered"))
    await shop.until(name, "completed")
    await check_each_shipped_once(shop, [name])


async def test_an_order_whose_workflow_was_terminated_by_hand_still_answers_requests(
    service: Service, shop: Shop
) -> None:
    await shop.receive("slc", "SUNSCREEN-50", 10)
    name = await shop.place("SUNSCREEN-50", 2)
    await shop.work(name)
    await terminate(service, name)
    answer = await shop.send("POST", f"/orders/{name}/cancel", {"lines": None, "reason": "not needed", "actor": "eve"})
    assert (answer.status_code, answer.json()["cancelled"][0]["quantity"]) == (200, 2), answer.text
    await shop.until(name, "cancelled")
    assert await shop.stock("SUNSCREEN-50") == (10, 0, 0)


async def terminate(service: Service, name: str) -> None:
    """What an operator may do in the Temporal UI."""
    client = await Client.connect(service.stack.temporal)
    await client.get_workflow_handle(identifiers.order_workflow_id(name)).terminate("by hand")


async def test_a_killed_supervisor_started_again_on_the_same_data_goes_on_with_every_open_order(
    service: Service, shop: Shop
) -> None:
    sku = "PERFUME-50"
    await shop.receive("slc", sku, 100)
    accepted = await asyncio.gather(*(shop.place(sku) for _ in range(3)))
    delivered = await asyncio.gather(*(shop.place(sku) for _ in range(3)))
    await asyncio.gather(*(shop.fulfill(name, ("accepted",)) for name in accepted))
    await asyncio.gather(*(shop.fulfill(name) for name in delivered))
    waiting = await shop.place(sku, not_before=(datetime.now(UTC) + timedelta(seconds=5)).isoformat())

    service.kill()
    service.start()

    async with client_of(service.stack.http, service.stack.operator_key) as http:
        again = Shop(http)
        await asyncio.gather(*(again.fulfill(name, ("picked", "shipped", "delivered")) for name in accepted))
        await again.live(waiting)
        for name in (*accepted, *delivered):
            await again.until(name, "completed")
        await check_each_shipped_once(again, [*accepted, *delivered, waiting])


async def test_a_hundred_orders_at_once_for_the_last_thirty_units_get_exactly_thirty_and_the_next_twenty_go_to_twenty(
    service: Service, shop: Shop
) -> None:
    sku, tomorrow = "CANDLE-220", (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for node, units in (("slc", 17), ("nwk", 17)):  # two candles of each node are never sold
        await shop.receive(node, sku, units)
    channels = ("web", "shop", "phone", "wholesale")
    names = await asyncio.gather(*(shop.place(sku, channel=channels[n % 4], not_before=tomorrow) for n in range(100)))
    assert await buckets(shop, names) == {"reserved": 30, "backordered": 70}
    assert await shop.stock(sku) == (34, 30, 0)
    await check_invariants(service.stack.database)

    await shop.receive("nwk", sku, 20)
    assert await buckets(shop, names, reserved=50) == {"reserved": 50, "backordered": 50}
    assert await shop.stock(sku) == (54, 50, 0)
    assert not shop.refusals


async def buckets(shop: Shop, names: list[str], reserved: int = 30) -> dict[str, int]:
    """How many units of the orders are in which bucket, as soon as none is open and so many are reserved."""
    while True:
        lines = [(await shop.order(name))["lines"][0] for name in names]
        found = {name: sum(line[name] for line in lines) for name in ("reserved", "backordered", "open")}
        if not found.pop("open") and found["reserved"] >= reserved:
            return found


@pytest_asyncio.fixture
async def temporal_address(tmp_path: Path) -> AsyncIterator[str]:
    """A Temporal server for processes of the test's own."""
    with EmbeddedTemporal(tmp_path, in_memory=True) as server:
        await register_search_attributes(await Client.connect(server.address), SEARCH_ATTRIBUTES)
        yield server.address


def _servers(database_url: str, temporal_address: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "TEMPORAL_ADDRESS": temporal_address, "TEMPORAL_CONFIG_FILE": os.devnull}


@contextmanager
def running(folder: Path, database_url: str, temporal_address: str, *arguments: str) -> Iterator[Child]:
    """A process of ours that ends with the test."""
    command = Command((sys.executable, *arguments), environment() | _servers(database_url, temporal_address), ROOT)
    child = Child(arguments[0], command, folder / f"{Path(arguments[0]).stem}.log")
    try:
        yield child
    finally:
        child.stop(())


MORTAL = str(Path(__file__).with_name("mortal.py"))
WORKER_DEATHS = tuple(
    f"{activity}:{moment}"
    for activity in ("act_on_silence", "source", "release", "record_signal", "cancel", "close")
    for moment in ("before", "after")
)
HTTP_DEATHS = (
    *("POST /orders:before", "POST /orders:after"),
    *(f"POST /fulfillment-orders/{{fulfillment_order}}/messages:{moment}" for moment in ("before", "after", "before2")),
    *("POST /orders/{order}/cancel:before", "POST /orders/{order}/cancel:after"),
)


def deaths(mortal: Child) -> list[str]:
    """The rules by which a mortal process has died until now."""
    lines = [line.strip() for line in mortal.log_tail(100_000).splitlines()]
    return [line.removeprefix("died: ").partition(" — ")[0] for line in lines if line.startswith("died: ")]


DIES_WITHIN_SECONDS = 180.0


async def until_dead(mortal: Child, rules: Sequence[str]) -> None:
    """Wait until a mortal process has died by each of these rules, in their order."""
    async with asyncio.timeout(DIES_WITHIN_SECONDS):
        while len(deaths(mortal)) < len(rules):  # noqa: ASYNC110 - it appends to a file
            await asyncio.sleep(0.05)
    assert deaths(mortal) == list(rules)


@pytest.mark.timeout(600)
async def test_a_worker_that_dies_before_or_after_any_commit_makes_nothing_happen_twice(
    tmp_path: Path, database_url: str, temporal_address: str
) -> None:
    assert not await apply_network(database_url, hurried_network(tmp_path / "network", HURRIED))
    port = free_port()
    here = (tmp_path, database_url, temporal_address)
    temporal = await Client.connect(temporal_address)
    with (
        running(*here, "-m", "starter", "serve", "--port", str(port)),
        running(*here, MORTAL, "worker", *WORKER_DEATHS) as worker,
    ):
        async with client_of(f"http://{LOOPBACK}:{port}", OPERATOR_KEY) as http:
            shop = Shop(http)
            await shop.receive("slc", "SERUM-30", 100)
            await shop.receive("slc", "TONER-200", 100)
            await shop.receive("lax", "TONER-200", 100)
            lives: list[asyncio.Task[str]] = []
            async with asyncio.TaskGroup() as group:
                for number, death in enumerate(WORKER_DEATHS):
                    await until_dead(worker, WORKER_DEATHS[:number])
                    activity = death.partition(":")[0]
                    lives.append(group.create_task(_life_with(activity, shop, temporal)))
            await until_dead(worker, WORKER_DEATHS)
            names = [life.result() for life in lives]
            silent, plain = names[:2], names[2:8] + names[10:]
            await check_each_shipped_once(shop, plain)
            await check_each_shipped_once(shop, silent, rounds=2)
            assert await shop.stock("SERUM-30") == (100 - 2 * len(plain), 0, 0)
            assert await shop.stock("TONER-200") == (200 - 2 * len(silent), 0, 0)
    audit(_servers(database_url, temporal_address))


async def _life_with(activity: str, shop: Shop, temporal: Client) -> str:
    """An order that needs this activity."""
    match activity:
        case "cancel":
            return await a_cancelled_life(shop)
        case "act_on_silence":
            return await a_life_with_a_silent_store(shop)
        case "record_signal":
            return await _a_life_with_a_signal(shop, temporal)
        case "release":
            return await _a_held_life(shop)
        case _:
            return await a_plain_life(shop)


async def _a_held_life(shop: Shop) -> str:
    """Its units are reserved, and released in a step of its own when the hold is off."""
    name = await shop.place("SERUM-30", 2, holds=[{"hold": "fraud"}])
    await ask(shop, name, "release", hold="fraud")
    await shop.live(name)
    return name


async def _a_life_with_a_signal(shop: Shop, temporal: Client) -> str:
    """A node that speaks to Temporal itself accepts, and tells the same over HTTP."""
    name = await shop.place("SERUM-30", 2)
    message = message_body(await shop.work(name), "accepted")
    workflow = temporal.get_workflow_handle(identifiers.order_workflow_id(name))
    await workflow.signal("node_message", message | {"fulfillment_order": await shop.work(name)})
    await shop.until(name, lambda found: bool(found["fulfillment_orders"][0]["request"] == "accepted"))
    path = f"/fulfillment-orders/{await shop.work(name)}/messages"
    assert (await shop.send("POST", path, message)).status_code == 200
    await shop.fulfill(name, ("picked", "shipped", "delivered"))
    await shop.until(name, "completed")
    return name


@pytest.mark.timeout(600)
async def test_an_http_process_that_dies_before_or_after_any_commit_makes_nothing_happen_twice(
    tmp_path: Path, database_url: str, temporal_address: str
) -> None:
    assert not await apply_network(database_url, hurried_network(tmp_path / "network", SHORT_LIVES))
    port = free_port()
    here = (tmp_path, database_url, temporal_address)
    with (
        running(*here, "worker.py"),
        running(*here, MORTAL, "serve", str(port), *HTTP_DEATHS) as mortal,
    ):
        async with client_of(f"http://{LOOPBACK}:{port}", OPERATOR_KEY) as http:
            shop = Shop(http)
            await shop.receive("slc", "SERUM-30", 100)
            await shop.receive("atl", "PERFUME-50", 100)
            at_once = await shop.place("PERFUME-50", 2)
            await until_dead(mortal, HTTP_DEATHS[:2])
            # It implies all before it, nothing comes after it, and the vendor may take long: only the relay tells the order.
            await shop.fulfill(at_once, ("delivered",))
            await until_dead(mortal, HTTP_DEATHS[:4])
            step_by_step = await shop.place("SERUM-30", 2)
            await shop.fulfill(step_by_step, ("accepted", "picked", "shipped"))  # the last one wakes the order
            await until_dead(mortal, HTTP_DEATHS[:5])
            await shop.fulfill(step_by_step, ("delivered",))
            cancelled = await a_cancelled_life(shop)
            await until_dead(mortal, HTTP_DEATHS)
            for name in (at_once, step_by_step):
                await shop.until(name, "completed")
            await check_each_shipped_once(shop, [at_once, step_by_step])
            orders = (await shop.send("GET", "/orders")).json()["items"]
            assert sorted(order["order"] for order in orders) == sorted([at_once, step_by_step, cancelled])
            assert [await shop.stock(sku) for sku in ("SERUM-30", "PERFUME-50")] == [(100 - 2, 0, 0)] * 2
    audit(_servers(database_url, temporal_address))


async def once(shop: Shop, method: str, path: str, body: Document | None = None) -> Document:
    """A request that must be granted, and that is the same one however often it has to be sent."""
    key = f"{method} {path} {sorted((body or {}).items())}"[:255]
    answer = await shop.send(method, path, body, **{"Idempotency-Key": key})
    assert answer.is_success, answer.text
    document: Document = answer.json() if answer.content else {}
    return document


async def ask(shop: Shop, name: str, what: str, **body: Any) -> Document:
    """A request on an order that must be granted; asked again, it is the same request."""
    return await once(shop, "POST", f"/orders/{name}/{what}", body)


async def _a_moved_life(shop: Shop) -> str:
    """Held twice by the same name, which is one hold, and sent elsewhere before it is released."""
    name = await shop.place("SERUM-30", 2, holds=[{"hold": "fraud"}])
    for _ in range(2):
        await ask(shop, name, "hold", hold="address")
    await ask(shop, name, "address", ship_to={"postal_code": "10001", "country": "US"})
    for hold in ("fraud", "address"):
        await ask(shop, name, "release", hold=hold)
    await shop.fulfill(name)
    return name


async def _a_growing_life(shop: Shop) -> str:
    """Of one unit two are made before it is released, one of them is swapped, a line comes to it, and all travels faster."""
    name = await shop.place("SERUM-30", 1, holds=[{"hold": "fraud"}])
    await ask(shop, name, "quantities", lines=[{"line": "1", "quantity": 2}])
    more = [{"line": "2", "sku": "SERUM-30", "quantity": 1, "unit_price": 100, "gift_message": "for you"}]
    await ask(shop, name, "lines", lines=more, swap=[{"line": "1", "sku": "SERUM-30", "quantity": 1}])
    await ask(shop, name, "service", service="two_day")
    await ask(shop, name, "release", hold="fraud")
    await shop.fulfill(name)
    return name


async def _a_life_sent_home(shop: Shop) -> str:
    """The customer wanted to collect it, and then has it sent."""
    home = {"street": ["Larimer Street 1"], "city": "Denver", "postal_code": "80202", "country": "US"}
    name = await shop.place("SERUM-30", 2, holds=[{"hold": "fraud"}], pickup_node="chi", ship_to=home)
    await ask(shop, name, "pickup", pickup_node=None)
    await ask(shop, name, "release", hold="fraud")
    await shop.fulfill(name)
    return name


class Owner(Shop):
    """A shop whose owner changes the network, and decides whether the perfumer takes calls."""

    def __init__(self, http: httpx2.AsyncClient, database_url: str, network: Path, perfumer: Listener) -> None:
        """`network` is the directory that was applied last."""
        super().__init__(http)
        self.database_url = database_url
        self.network = network
        self.perfumer = perfumer

    async def connect(self, channel: str) -> None:
        """From now on there are credentials of a channel."""
        await self.keep(channel, {"client_secret": "a secret"})

    async def keep(self, name: str, credentials: Document) -> None:
        """From now on there are these credentials."""
        database = Database(self.database_url, MASTER_KEYS)
        async with database.write() as connection:
            await keep_credentials(connection, name, credentials)
        await database.close()

    async def sell(self, sku: str) -> None:
        """From now on there is such an item."""
        with (self.network / "items.csv").open("r+") as items:
            columns = items.readline().count(",") + 1
            items.seek(0, SEEK_END)
            items.write(",".join([sku, "Something new", "100", *[""] * (columns - 3)]) + "\n")
        assert not await apply_network(self.database_url, self.network)

    async def change(self, statement: str, name: str) -> None:
        """Make a row look older than it is."""
        database = Database(self.database_url)
        async with database.write() as connection:
            await connection.execute(text(statement), {"name": name})
        await database.close()


def owner_of(shop: Shop) -> Owner:
    """The shop as its owner has it."""
    assert isinstance(shop, Owner)
    return shop


async def _a_life_whose_node_is_called(shop: Shop) -> str:
    """The perfumer does not poll, and is deaf until a person is notified."""
    perfumer = owner_of(shop).perfumer
    perfumer.status = lambda _: 503
    name = await shop.place("PERFUME-50", 2)
    (deaf,) = (await shop.until(name, lambda found: bool(found["exceptions"])))["exceptions"]
    assert deaf["code"] == "node_unreachable"
    perfumer.status = lambda _: 204
    await shop.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])
    await shop.fulfill(name)
    return name


async def _a_rerouted_life(shop: Shop) -> str:
    """Taken from its node before it has accepted, with an exception that somebody has seen to."""
    name = await shop.place("SERUM-30", 2)
    await ask(shop, name, "reroute", fulfillment_order=await shop.work(name))
    second = await shop.work(name, 2)
    await shop.tell(second, "picked", {"9": 1})
    (misfit,) = (await shop.until(name, lambda found: bool(found["exceptions"])))["exceptions"]
    await ask(shop, name, "resolve", exception=misfit["exception"])
    await shop.fulfill(name, ("accepted", "shipped", "delivered"), number=2)
    return name


async def _make_return(shop: Shop, name: str, quantity: int, resolution: str = "refund") -> str:
    lines = [{"line": "1", "quantity": quantity}]
    made: str = (await ask(shop, name, "returns", lines=lines, resolution=resolution))["return"]
    return made


async def _tell_return(shop: Shop, made: str, kind: str, **more: Any) -> None:
    body = {"message_id": f"{made}-{kind}", "kind": kind, "occurred_at": now(), "node": "slc"} | more
    answer = await shop.send("POST", f"/returns/{made}/messages", body)
    assert answer.status_code in (200, 202), answer.text


async def _events(shop: Shop, name: str) -> list[str]:
    """The kinds of an order's events, in their sequence."""
    items: list[Document] = []
    page: Document = {"next": "0"}
    while page["next"] is not None:
        after = f"&after={page['next']}" if items else ""
        page = (await shop.send("GET", f"/events?limit=500{after}")).json()
        items += page["items"]
    return [event["kind"] for event in items if event["order"] == name]


async def _a_life_with_a_return(shop: Shop) -> str:
    """One of two comes back, is found to be as good as new after all, and is paid."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    on_hand, _, _ = await shop.stock("SERUM-30")
    made = await _make_return(shop, name, 1)
    await _tell_return(shop, made, "received", lines=[{"line": "1", "quantity": 1}])
    graded = {"line": "1", "quantity": 1, "condition": "used", "disposition": "quarantine"}
    await _tell_return(shop, made, "graded", lines=[graded])
    changed = {"line": "1", "quantity": 1, "from": "quarantine", "to": "restock"}
    await once(shop, "POST", f"/returns/{made}/dispositions", {"lines": [changed]})
    await _until(shop, f"/returns/{made}", lambda found: len(found["refunds"]) == 1)
    await _tell_return(shop, made, "settled")
    await shop.until(name, lambda found: [one["status"] for one in found["returns"]] == ["closed"])
    assert await shop.stock("SERUM-30") == (on_hand + 1, 0, 0)
    assert (await _events(shop, name)).count("refund_requested") == 1
    return name


async def _until(shop: Shop, path: str, is_so: Callable[[Document], bool]) -> None:
    """Poll what is shown there until something is true of it."""
    async with asyncio.timeout(2 * shop.waits_seconds):
        while not is_so(await once(shop, "GET", path)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def _a_return_that_never_comes(shop: Shop) -> str:
    """It was sent so long ago that its channel is reminded at once, and in a moment it is given up."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    made = await _make_return(shop, name, 1)
    await _tell_return(shop, made, "in_transit")
    await owner_of(shop).change(A_MONTH_AGO, made)
    await _tell_return(shop, made, "in_transit", message_id=f"{made}-again")  # its workflow reads it again
    await shop.until(name, lambda found: [one["status"] for one in found["returns"]] == ["expired"])
    events = await _events(shop, name)
    assert [events.count(kind) for kind in ("return_reminder", "return_expired")] == [1, 1]
    (lost,) = (await shop.order(name))["exceptions"]
    await ask(shop, name, "resolve", exception=lost["exception"])
    return name


A_MONTH_AGO = """
    UPDATE return r SET requested_at = requested_at - ago, authorized_at = authorized_at - ago, sent_at = sent_at - ago,
                        expires_at = expires_at - ago
    FROM (SELECT interval '30 days' - interval '8 seconds' AS ago) m WHERE return_id = :name
"""
"""A carrier cannot report it: no parcel comes back before it was delivered."""


async def _returns_that_a_person_decides(shop: Shop) -> str:
    """Two are worth so much that somebody must approve: declined, approved, and cancelled by the customer."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    for resolution, deeds in (("refund", ("decline",)), ("store_credit", ("approve", "cancel"))):
        made = await _make_return(shop, name, 2, resolution)
        for deed in deeds:
            await once(shop, "POST", f"/returns/{made}/{deed}", {})
    returned = (await shop.order(name))["returns"]
    assert [one["status"] for one in returned] == ["declined", "cancelled"]
    return name


async def _a_life_with_labels(shop: Shop) -> str:
    """A label is given back, another one bought, and one for what comes back; each is paid once."""
    name = await shop.place("SERUM-30", 2)
    work = await shop.work(name)
    first = await once(shop, "POST", f"/fulfillment-orders/{work}/labels", {"reason": "too large"})
    assert first["label"] == f"{work}-l1"
    await _until(shop, f"/labels/{work}-l1", lambda found: bool(found["status"] == "bought"))
    await once(shop, "POST", f"/labels/{work}-l1/void", {})
    await _until(shop, f"/labels/{work}-l1", lambda found: bool(found["status"] == "voided"))
    await once(shop, "POST", f"/fulfillment-orders/{work}/labels", {})
    await _until(shop, f"/labels/{work}-l2", lambda found: bool(found["content"]))
    await shop.fulfill(name)
    made = await _make_return(shop, name, 1, "refund")
    await once(shop, "POST", f"/returns/{made}/labels", {})
    await _until(shop, f"/labels/{made}-l1", lambda found: bool(found["status"] == "bought"))
    await once(shop, "POST", f"/returns/{made}/cancel", {})
    return name


async def _a_life_whose_carrier_reports(shop: Shop) -> str:
    """Its carrier says that it was delivered, and says so again where nobody has answered."""
    name = await shop.place("SERUM-30", 2)
    await owner_of(shop).keep("carrier:van", {"webhook_secret": PERFUMERS_SECRET})
    await shop.fulfill(name, ("accepted", "picked"))
    parcel = {"package": "1", "carrier": "van", "tracking": f"V-{name}"}
    await shop.tell(await shop.work(name), "shipped", packages=[parcel])
    scan = {"tracking": f"V-{name}", "kind": "delivered", "code": "home", "at": now()}
    body = json.dumps({"scans": [scan]}).encode()
    headers = signed_headers([PERFUMERS_SECRET], f"scan of {name}", datetime.now(UTC), body)
    answer = await shop.send("POST", "/carriers/van/webhooks", body, Authorization="", **headers)
    assert answer.status_code == 200, answer.text
    (work,) = (await shop.order(name))["fulfillment_orders"]
    assert [work["status"], [line["delivered"] for line in work["lines"]]] == ["delivered", [2]]
    return name


async def _a_life_with_a_parcel_that_nobody_announced(shop: Shop) -> str:
    """One of two comes back without a return, which is made then."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    parcel = {"message_id": f"parcel-of-{name}", "occurred_at": now(), "node": "slc", "order": name}
    taken = await once(shop, "POST", "/returns/blind", parcel | {"lines": [{"sku": "SERUM-30", "quantity": 1}]})
    returned = (await shop.order(name))["returns"]
    assert [one["return"] for one in returned] == [taken["return"]]
    return name


async def _a_life_with_a_transfer(shop: Shop) -> str:
    """Two go to another node and are received there once; of another transfer nothing leaves."""
    name = await shop.place("SERUM-30", 2)
    moved = {"from": "slc", "to": "nwk", "lines": [{"sku": "SERUM-30", "quantity": 2}]}
    order = (await once(shop, "POST", "/transfers", moved | {"transfer": f"beside-{name}"}))["order"]
    await shop.tell(await shop.work(order), "shipped")
    fact = {"message_id": f"moved-{name}", "node": "nwk", "kind": "received", "occurred_at": now()}
    await once(shop, "POST", "/stock/messages", fact | {"transfer": f"beside-{name}", "lines": moved["lines"]})
    shown = await once(shop, "GET", f"/transfers/beside-{name}")
    assert [(line["in_transit"], line["received"]) for line in shown["lines"]] == [(0, 2)]
    await once(shop, "POST", "/transfers", moved | {"transfer": f"not-{name}"})
    cancelled = (await once(shop, "POST", f"/transfers/not-{name}/cancel", {}))["cancelled"]
    assert [units["quantity"] for units in cancelled] == [2]
    await shop.fulfill(name)
    return name


async def _a_life_with_a_need(shop: Shop) -> str:
    """A node needs four, and gets them once."""
    name = await shop.place("SERUM-30", 2)
    (moved,) = (await once(shop, "POST", "/needs/take", {"node": "nwk"}))["transfers"]
    assert [line["quantity"] for line in moved["lines"]] == [4]
    assert (await once(shop, "GET", "/needs"))["items"] == []
    await shop.tell(await shop.work(moved["order"]), "shipped")
    fact = {"message_id": f"filled-{name}", "node": "nwk", "kind": "received", "occurred_at": now()}
    goods = [{"sku": "TONER-200", "quantity": 4}]
    await once(shop, "POST", "/stock/messages", fact | {"transfer": moved["transfer"], "lines": goods})
    assert await shop.stock("TONER-200") == (100, 0, 0)
    await shop.fulfill(name)
    return name


async def _a_life_with_payments(shop: Shop) -> str:
    """What is authorized is captured when it ships, and the rest is voided: each asked for once."""
    name = await shop.place("SERUM-30", 2)
    fact = {"message_id": f"pay-{name}", "kind": "authorized", "amount": 10**6, "occurred_at": now()}
    await once(shop, "POST", f"/orders/{name}/payments", fact)
    await shop.fulfill(name)
    events = await _events(shop, name)
    assert [events.count(kind) for kind in ("capture_requested", "void_requested")] == [1, 1]
    payments = (await shop.order(name))["payments"]
    assert (payments["authorized"], sum(one["amount"] for one in payments["requests"])) == (10**6, 10**6)
    return name


async def _a_life_with_a_claim(shop: Shop) -> str:
    """One of two was damaged, and the customer is paid for it; then the order is forgotten."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    claim = (await ask(shop, name, "claims", kind="damaged", lines=[{"line": "1", "quantity": 1}]))["claim"]
    paid = {"message_id": f"paid-{claim}", "kind": "settled", "occurred_at": now()}
    await once(shop, "POST", f"/claims/{claim}/messages", paid)
    (refund,) = (await shop.send("GET", f"/claims/{claim}")).json()["refunds"]
    assert refund["settled_at"]
    events = await _events(shop, name)
    assert [events.count(kind) for kind in ("refund_requested", "settled")] == [1, 1]
    assert await ask(shop, name, "forget") == await ask(shop, name, "forget")
    return name


async def _a_life_whose_replacement_is_cancelled(shop: Shop) -> str:
    """One of two was damaged; the customer does not want to wait for another one, and is paid for it instead, once."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    lines = [{"line": "1", "quantity": 1}]
    claimed = await ask(shop, name, "claims", kind="damaged", resolution="replacement", lines=lines)
    assert (await _events(shop, name)).count("refund_requested") == 0
    answer = await shop.cancel(claimed["replacement"])
    assert [units["quantity"] for units in answer["cancelled"]] == [1]
    await shop.until(claimed["replacement"], "cancelled")
    assert (await _events(shop, name)).count("refund_requested") == 1
    return name


async def _a_life_of_an_item_that_came_before_it_was_known(shop: Shop) -> str:
    """What was received of it is in stock once it is in the list of items, and once only."""
    sku = "NOVELTY-10"
    received = {"message_id": "before-it-was-known", "node": "slc", "kind": "received", "occurred_at": now()}
    lines = [{"sku": sku, "quantity": 5}, {"sku": "SERUM-30", "quantity": 1}]
    await once(shop, "POST", "/stock/messages", received | {"lines": lines})
    await owner_of(shop).sell(sku)
    await _until(shop, f"/stock/{sku}", lambda found: bool(found["available"] == 5))
    name = await shop.place(sku, 2)
    await shop.fulfill(name)
    assert await shop.stock(sku) == (3, 0, 0)
    return name


async def _a_life_with_a_count(shop: Shop) -> str:
    """What a node has promised is not there when it counts: a person sees to it, and it comes."""
    sku = "TONER-200"
    await shop.receive("slc", sku, 2)
    name = await shop.place(sku, 2)
    await shop.work(name)
    counted = {"message_id": f"count-for-{name}", "node": "slc", "kind": "counted", "occurred_at": now()}
    await once(shop, "POST", "/stock/messages", counted | {"lines": [{"sku": sku, "quantity": 0}]})
    (short,) = (await once(shop, "GET", "/exceptions?code=stock_short"))["items"]
    await once(shop, "POST", f"/exceptions/{short['exception']}/assign", {"owner": "night-shift"})
    assert (await once(shop, "GET", f"/exceptions/{short['exception']}"))["owner"] == "night-shift"
    await once(shop, "POST", f"/exceptions/{short['exception']}/resolve", {})
    assert (await once(shop, "GET", "/exceptions?code=stock_short"))["items"] == []
    await shop.receive("slc", sku, 2)
    await shop.fulfill(name)
    (there,) = (row for row in (await once(shop, "GET", f"/stock/{sku}"))["nodes"] if row["node"] == "slc")
    assert (there["on_hand"], there["reserved"], there["allocated"]) == (0, 0, 0)
    return name


async def _a_life_from_a_cart(shop: Shop) -> str:
    """Of two carts one is given back; the other becomes an order while its item is stopped and its node paused."""
    sku = "SUNSCREEN-50"
    await shop.receive("slc", sku, 4)
    cart = {"channel": "web", "expires_in": "1h", "ship_to": {"country": "US", "postal_code": "80202"}}
    carts = [
        (await once(shop, "POST", "/reservations", cart | {"lines": [{"sku": sku, "quantity": units}]}))["reservation"]
        for units in (1, 2)
    ]
    assert await shop.stock(sku) == (4, 3, 0)
    for _ in range(2):
        assert (await once(shop, "DELETE", f"/reservations/{carts[0]}"))["status"] == "given_back"
    assert await shop.stock(sku) == (4, 2, 0)
    await once(shop, "POST", f"/stock/{sku}/stop", {"node": None})
    await once(shop, "POST", "/nodes/slc/pause", {"open_work": "keep"})
    name = await shop.place(sku, 2, reservation=carts[1])
    await once(shop, "POST", "/nodes/slc/resume", {})
    await once(shop, "POST", f"/stock/{sku}/resume", {"node": None})
    await shop.fulfill(name)
    assert await shop.stock(sku) == (2, 0, 0)
    return name


async def _a_channel_that_comes_and_goes(shop: Shop) -> str:
    """Who sends again what was not answered has one key and one webhook, and may take them away twice."""
    made = await once(shop, "POST", "/keys", {"kind": "channel", "name": "popup"})
    async with client_of(str(shop.http.base_url), made["key"]) as http:
        popup = Shop(http)
        hook = {"url": "https://popup.example/switchyard", "secret": "whsec_" + "QUJD" * 8}
        assert (await once(popup, "PUT", "/channels/popup/webhook", hook))["previous_secret_until"] is None
        name = await popup.place("SERUM-30", 2, channel="popup")
        await once(popup, "POST", "/channels/popup/webhook/retry", {})
        assert isinstance(shop, Owner)
        await shop.connect("popup")
        await once(shop, "POST", "/connections/popup/retry", {})
        for _ in range(2):
            await once(popup, "DELETE", "/channels/popup/webhook")
    await shop.fulfill(name)
    keys = (await once(shop, "GET", "/keys"))["items"]
    assert [key["id"] for key in keys if key["name"] == "popup"] == [made["id"]]
    for _ in range(2):
        await once(shop, "DELETE", f"/keys/{made['id']}")
    return name


async def _a_life_that_is_given_up(shop: Shop) -> str:
    """Stock never comes for it."""
    name = await shop.place("NIGHT-CREAM-50", 2, channel="wholesale")
    await shop.until(name, "cancelled")
    return name


async def _a_life_of_which_the_relay_tells(shop: Shop) -> str:
    """Who has stored what its node says dies before the order hears of it."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    return name


async def _a_life_that_waits_for_stock(shop: Shop) -> str:
    """Stores do not pack glass; then a warehouse gets some, enough for the first of two."""
    sku = "CANDLE-220"
    await shop.receive("lax", sku, 9)
    name, second = [await shop.place(sku, 2) for _ in range(2)]
    await shop.receive("slc", sku, 2 + 2)  # two candles of each node are never sold
    await shop.fulfill(name)
    assert (await shop.order(second))["status"] == "backordered"
    return name


async def _a_life_that_loses_its_pins(shop: Shop) -> str:
    """What it was promised is not there when it is counted, before it was released; another node has it."""
    sku = "MOISTURIZER-50"
    for node in ("slc", "nwk"):
        await shop.receive(node, sku, 2)
    name = await shop.place(sku, 2, holds=[{"hold": "fraud"}])
    counted = {"message_id": f"count-for-{name}", "node": "slc", "kind": "counted", "occurred_at": now()}
    await once(shop, "POST", "/stock/messages", counted | {"lines": [{"sku": sku, "quantity": 0}]})
    await _until(shop, f"/orders/{name}/plan", lambda found: len(found["rounds"]) == 2)
    await ask(shop, name, "release", hold="fraud")
    await shop.fulfill(name)
    return name


async def _a_life_at_a_paused_node(shop: Shop) -> str:
    """There is snow at its node, so another one ships it."""
    name = await shop.place("SERUM-30", 2)
    await shop.work(name)
    await once(shop, "POST", "/nodes/slc/pause", {"open_work": "reroute", "reason": f"snow on {name}"})
    await shop.fulfill(name, number=2)
    await once(shop, "POST", "/nodes/slc/resume", {"reason": f"no snow on {name}"})
    return name


async def _a_life_beside_a_cart_that_lapses(shop: Shop) -> str:
    """Nobody orders what a cart holds, and it is everybody's again."""
    cart = {"channel": "web", "expires_in": "1s", "ship_to": {"country": "US", "postal_code": "80202"}}
    await once(shop, "POST", "/reservations", cart | {"lines": [{"sku": "SERUM-30", "quantity": 2}]})
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name)
    return name


async def _a_life_with_something_odd(shop: Shop) -> str:
    """An open exception is reported again until an operator resolves it."""
    name = await shop.place("SERUM-30", 2)
    await shop.tell(await shop.work(name), "picked", {"9": 1}, message_id=f"odd-{name}")
    await shop.fulfill(name)
    (odd,) = (await shop.until(name, lambda found: bool(found["exceptions"])))["exceptions"]
    await _until(shop, f"/exceptions/{odd['exception']}", lambda found: bool(found["escalated"]))
    await ask(shop, name, "resolve", exception=odd["exception"])
    return name


@dataclass(frozen=True)
class Rarer:
    """A life of two units that needs what is rare, in the order in which it needs it."""

    life: Story
    activities: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """What the HTTP process does for it without being asked, after what it is asked."""
    rounds: int = 1
    """In how many it is decided; 0 = it does not ship."""
    works: int | None = None
    """How many fulfillment orders it has, if not as many as rounds."""


# fmt: off
RARER_LIVES = (
    Rarer(_a_moved_life, ("hold", "change_address", "release_hold"),
          tuple(f"POST /orders/{{order}}/{what}" for what in ("hold", "address", "release")), rounds=2, works=1),
    Rarer(_a_growing_life, ("change_quantity", "add_lines", "change_service"),
          tuple(f"POST /orders/{{order}}/{what}" for what in ("quantities", "lines", "service")), rounds=4, works=1),
    Rarer(_a_life_sent_home, ("change_pickup",), ("POST /orders/{order}/pickup",), rounds=2, works=1),
    Rarer(_a_rerouted_life, ("reroute", "resolve"),
          ("POST /orders/{order}/reroute", "POST /orders/{order}/resolve"), rounds=2),
    Rarer(_a_life_whose_node_is_called, ("contact.failed", "contact.report", "call_node")),
    Rarer(_a_life_with_a_return, ("request_return", "pay", "close_return"),
          ("POST /orders/{order}/returns", "POST /returns/{return}/messages", "POST /returns/{return}/dispositions")),
    Rarer(_a_return_that_never_comes, ("remind", "expire_return")),
    Rarer(_returns_that_a_person_decides, (),
          tuple(f"POST /returns/{{return}}/{what}" for what in ("decline", "approve", "cancel"))),
    Rarer(_a_life_with_labels, (),
          ("POST /fulfillment-orders/{fulfillment_order}/labels", "POST /labels/{label}/void",
           "POST /returns/{return}/labels")),
    Rarer(_a_life_whose_carrier_reports, (), ("POST /carriers/{carrier}/webhooks",)),
    Rarer(_a_life_with_a_parcel_that_nobody_announced, (), ("POST /returns/blind",)),
    Rarer(_a_life_with_a_transfer, (), ("POST /transfers", "POST /transfers/{transfer}/cancel")),
    Rarer(_a_life_with_a_need, (), ("POST /needs/take",)),
    Rarer(_a_life_with_payments, (), ("POST /orders/{order}/payments",)),
    Rarer(_a_life_with_a_claim, (),
          ("POST /orders/{order}/claims", "POST /claims/{claim}/messages", "POST /orders/{order}/forget")),
    Rarer(_a_life_whose_replacement_is_cancelled, ("lost_replacement.give_back",)),
    Rarer(_a_life_with_a_count, (),
          ("POST /stock/messages", "POST /exceptions/{exception}/assign", "POST /exceptions/{exception}/resolve")),
    Rarer(_a_life_from_a_cart, (),
          ("POST /reservations", "DELETE /reservations/{cart}", "POST /stock/{sku}/stop", "POST /nodes/{node}/pause",
           "POST /nodes/{node}/resume", "POST /stock/{sku}/resume"), rounds=2, works=1),
    Rarer(_a_channel_that_comes_and_goes, (),
          ("POST /keys", "PUT /channels/{channel}/webhook", "POST /channels/{channel}/webhook/retry",
           "POST /connections/{connection}/retry", "DELETE /channels/{channel}/webhook", "DELETE /keys/{key}")),
    Rarer(_a_life_that_is_given_up, ("give_up",), rounds=0),
    Rarer(_a_life_of_which_the_relay_tells,
          beside=("POST /fulfillment-orders/{fulfillment_order}/messages", "Relay.send_overdue")),
    Rarer(_a_life_that_waits_for_stock, beside=("Backorders.work_off", "Backorders.offer_under_new_rules"), rounds=2, works=1),
    Rarer(_a_life_that_loses_its_pins, beside=("shortage.settle",), rounds=2, works=1),
    Rarer(_a_life_at_a_paused_node, beside=("Pauses.clear",), rounds=2),
    Rarer(_a_life_beside_a_cart_that_lapses, beside=("cart.sweep",)),
    Rarer(_a_life_with_something_odd, beside=("exception.escalate",)),
    Rarer(_a_life_of_an_item_that_came_before_it_was_known, beside=("stock.apply_kept",)),
)
# fmt: on
PERFUMERS_SECRET = "whsec_" + "QUJD" * 8


MOMENTS = ("before", "after")
NOBODY_LISTENS = "127.0.0.1:1"
PATIENT_NODES = {
    'accept_within = "12000ms"': 'accept_within = "300s"',
    'accept_within = "72000ms"': 'accept_within = "300s"',
    'ship_within = "72000ms"': 'ship_within = "300s"',
}
"""No node is taken for silent because the machine is busy."""


def rules(whats: Iterable[str]) -> list[str]:
    """Each dies before its commit, and after it and before the answer."""
    return [f"{what}:{moment}" for what in whats for moment in MOMENTS]


def deadly(who: str, lives: Iterable[Rarer]) -> list[str]:
    """The rules by which the worker, or the HTTP process, dies during these lives."""
    return rules(
        what for one in lives for what in {"worker": one.activities, "serve": one.routes, "beside": one.beside}[who]
    )


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("who", ["worker", "serve", "beside"])
async def test_a_process_that_dies_before_or_after_a_commit_of_a_rarer_request_makes_nothing_happen_twice(
    tmp_path: Path, database_url: str, temporal_address: str, who: str
) -> None:
    perfumer = Listener(free_port())
    durations = {
        'window = "4286ms"': 'window = "300s"\napprove_below = 1500\n\n[exceptions]\nescalate_after = "1s"',
        'id = "atl"': f'id = "atl"\ndispatch = "webhook"\nurl = "{perfumer.url}"\nsecret = "{PERFUMERS_SECRET}"',
    }
    network = hurried_network(tmp_path / "network", durations | PATIENT_NODES)
    (network / "carriers.toml").write_text(rate_card("van", [(30000, 500)], 1))
    (network / "replenishment.csv").write_text("node,sku,min_units,max_units,sources\nnwk,TONER-200,2,4,slc\n")
    assert not await apply_network(database_url, network)
    port = str(free_port())
    here = (tmp_path, database_url, temporal_address)
    healthy = ("-m", "starter", "serve", "--port", port) if who == "worker" else ("worker.py",)
    mortal = (MORTAL, "worker") if who == "worker" else (MORTAL, "serve", port)
    with running(*here, *healthy), running(*here, *mortal, *deadly(who, RARER_LIVES)) as dying:
        async with listening(perfumer), client_of(f"http://{LOOPBACK}:{port}", OPERATOR_KEY) as http:
            shop = Owner(http, database_url, network, perfumer)
            shop.waits_seconds = DIES_WITHIN_SECONDS
            for node, sku in (
                ("slc", "SERUM-30"),
                ("nwk", "SERUM-30"),
                ("chi", "SERUM-30"),
                ("atl", "PERFUME-50"),
                ("slc", "TONER-200"),
            ):
                await shop.receive(node, sku, 100)
            lives = [life for life in RARER_LIVES if deadly(who, [life])]
            for number, life in enumerate(lives, 1):
                await check_its_end(shop, life.life, life.rounds, life.works)
                await until_dead(dying, deadly(who, lives[:number]))
    assert len({call.headers["webhook-id"] for call in perfumer.calls}) == (who == "worker")
    assert all(call.is_signed_with(PERFUMERS_SECRET) for call in perfumer.calls)
    audit(_servers(database_url, temporal_address))


STORES_NOTHING = {"POST /promises", "POST /orders/search"}
DIES_ELSEWHERE = {"POST /nodes/{node}/manifests", "POST /manifests/{manifest}/settle"}
"""The carrier of these lives has no manifests: `tests/database/test_dying_while_making_manifests.py`."""
NOW_AND_THEN = ("contact.failed", "contact.report", "lost_replacement.give_back")
"""What an activity commits now and then only, and dies of as well."""


def test_every_activity_that_commits_dies_in_a_life() -> None:
    assert set(WORKER_DEATHS) | set(deadly("worker", RARER_LIVES)) == set(
        rules([*activities_that_commit(), *NOW_AND_THEN])
    )


def activities_that_commit() -> Iterator[str]:
    """The activities whose transaction does more than to read."""
    for file in (ROOT / "activities").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.AsyncFunctionDef) and "activity.defn" in map(ast.unparse, node.decorator_list):
                called = {ast.unparse(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
                own = {call for call in called if call.startswith("self.")}
                if own or not all(map(only_reads, called & set(TRANSACTIONS))):
                    yield node.name


TRANSACTIONS = {
    f"{file.stem}.{node.name}": node
    for file in (ROOT / "transactions").glob("*.py")
    for node in ast.parse(file.read_text()).body
    if isinstance(node, ast.AsyncFunctionDef)
}
"""The functions of `transactions/`, as activities call them."""


def only_reads(name: str) -> bool:
    """Whether a transaction reads and does nothing else, nor hands on what could write."""
    calls = [inner for inner in ast.walk(TRANSACTIONS[name]) if isinstance(inner, ast.Call)]
    own = {ast.unparse(call.func) for call in calls if ast.unparse(call.func).startswith("transactions.")}
    hands_on = any(ast.unparse(argument) == "transactions" for call in calls for argument in call.args)
    return own == {"transactions.database.read"} and not hands_on


async def test_every_route_that_stores_something_dies_in_a_life(database_url: str) -> None:
    database = Database(database_url)
    document = application(assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True))).openapi()
    routes = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method != "get"
    }
    assert set(HTTP_DEATHS) | set(deadly("serve", RARER_LIVES)) >= set(rules(routes - STORES_NOTHING - DIES_ELSEWHERE))
    await database.close()
