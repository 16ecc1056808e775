"""No personal data in Temporal: what a person typed is in PostgreSQL and in no history, failure, search attribute or view.

In PostgreSQL it is sealed: a dump of every table shows none of it.

Every text field that an outsider can fill gets a text that occurs nowhere else. Orders then live through everything that can
happen to them, also a database that fails, and all that Temporal keeps and answers about them is searched for these texts.

Not personal, and allowed to travel: ids (order, line, message, node), SKUs, and the words of a vocabulary (channel, service,
hold).
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import text
from temporalio.client import WorkflowHandle

from domain import identifiers
from tests.house import ANSWERS_WITHIN_SECONDS, TABLES, Document, House, now

METADATA = "__temporal_workflow_metadata"
"""The query that the Temporal UI asks for an operator's card."""

POSTAL_CODE = "80202-7351"


class Planted:
    """Texts that occur nowhere else, each with the field that it was put into."""

    def __init__(self) -> None:
        """Nothing is planted yet."""
        self.texts: dict[str, str] = {POSTAL_CODE: "postal_code", POSTAL_CODE.replace("-", ""): "postal_code"}

    def __call__(self, field: str) -> str:
        """A new text for a field."""
        planted = f"planted{len(self.texts):03}seed"
        self.texts[planted] = field
        return planted

    def found_in(self, searched: str) -> list[str]:
        """The fields whose texts occur in what was searched, whatever became of their capitals."""
        lowered = searched.lower()
        return [f"{field}: {planted}" for planted, field in self.texts.items() if planted.lower() in lowered]


def texts_of(message: Message) -> Iterator[str]:
    """Every text in a protobuf message at any depth, payloads included."""
    for descriptor, value in message.ListFields():
        values = value if descriptor.is_repeated else [value]
        if descriptor.is_repeated and descriptor.message_type and descriptor.message_type.GetOptions().map_entry:
            yield from (str(key) for key in value)
            values = list(value.values())
        for part in values:
            if isinstance(part, Message):
                yield from texts_of(part)
            elif isinstance(part, bytes):
                yield part.decode(errors="replace")
            else:
                yield str(part)


async def everything_about(handle: WorkflowHandle[Any, Any]) -> str:
    """All that Temporal keeps and answers about a workflow, decoded."""
    history = await handle.fetch_history()
    about = (await handle.describe()).raw_description
    found = [text for event in history.events for text in texts_of(event)]
    found += texts_of(about)
    found += [json.dumps(await handle.query("view")), json.dumps(await metadata(handle))]
    return "\n".join(found)


async def metadata(handle: WorkflowHandle[Any, Any]) -> Any:
    """Current details, and the names of signals, queries and updates, as the Temporal UI reads them."""
    answer = await handle.query(METADATA)
    return answer if isinstance(answer, dict | list | str) else str(answer)


async def dump(house: House) -> str:
    """Every row of every table as text; what is stored as bytes also as these would read."""
    async with house.service.database.read() as connection:
        tables = [*(await connection.execute(TABLES)).scalars(), "wake"]
        rows = [row for table in tables for row in (await connection.execute(text(f"SELECT t::text FROM {table} t")))]
    shown = "\n".join(str(row[0]) for row in rows)
    return shown + "\n".join(bytes.fromhex(code).decode("latin-1") for code in re.findall(r"\\x([0-9a-f]+)", shown))


def planted_order(house: House, plant: Planted, *lines: tuple[str, int], **more: Any) -> Document:
    """An order with every text field filled."""
    ship_to = {
        "name": plant("name"),
        "company": plant("company"),
        "street": [plant("street"), plant("street")],
        "city": plant("city"),
        "region": plant("region"),
        "email": f"{plant('email')}@example.org",
        "phone": plant("phone"),
        "postal_code": POSTAL_CODE,
        "country": "US",
    }
    hold = [{"hold": "fraud", "reason": plant("reason of a hold with the order")}]
    body = house.body(*lines, **more) | {"ship_to": ship_to, "customer_tier": plant("customer_tier"), "holds": hold}
    body |= {"bill_to": {"name": plant("bill_to"), "street": [plant("bill_to")], "postal_code": POSTAL_CODE}}
    body |= {name: plant(name) for name in ("reference", "purchase_order", "note")}
    body |= {"tags": [plant("tags")], "attributes": {plant("attributes"): plant("attributes")}}
    for line in body["lines"]:
        line |= {name: plant(f"line {name}") for name in ("name", "gift_message")}
        line["attributes"] = {plant("line attributes"): plant("line attributes")}
    return body


async def place(house: House, plant: Planted, *lines: tuple[str, int], **more: Any) -> str:
    """Place an order, and take its hold off for a reason."""
    answer = await house.http.post("/orders", json=planted_order(house, plant, *lines, **more))
    assert answer.status_code == 201, answer.text
    name = str(answer.json()["order"])
    await ask(house, plant, name, "release", {"hold": "fraud"})
    return name


async def ask(house: House, plant: Planted, name: str, kind: str, body: Document, status: int = 200) -> Document:
    """Ask something of an order, with an actor, a reason and an idempotency key that are planted."""
    headers = {"Idempotency-Key": plant(f"Idempotency-Key of {kind}")}
    typed = {"reason": plant(f"reason of {kind}"), "actor": plant(f"actor of {kind}")}
    answer = await house.http.post(f"/orders/{name}/{kind}", json=body | typed, headers=headers)
    assert answer.status_code == status, answer.text
    document: Document = answer.json()
    return document


async def tell(house: House, plant: Planted, work: str, kind: str, lines: dict[str, int] | None, **more: Any) -> None:
    """A node's message with a reason and a parcel, in which everything typed is planted."""
    parcel = {"package": plant("package"), "carrier": plant("carrier"), "tracking": plant("tracking")}
    packed = [{"line": line, "quantity": quantity} for line, quantity in (lines or {}).items()]
    reason = plant(f"reason of {kind}")
    await house.tell(work, kind, lines, reason=reason, packages=[parcel | {"lines": packed}], **more)


@asynccontextmanager
async def broken(house: House, table: str) -> AsyncIterator[None]:
    """Inside the block a table is missing, so that every statement on it fails and tells its parameters."""
    async with house.service.database.write() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))
    try:
        yield
    finally:
        async with house.service.database.write() as connection:
            await connection.execute(text(f"ALTER TABLE {table}_away RENAME TO {table}"))


async def until_it_failed(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until an activity of the workflow has failed and is about to be tried again."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            if any(activity.HasField("last_failure") for activity in pending):
                return
            await asyncio.sleep(0.02)


async def a_life_of_short_picks_and_a_return(house: House, plant: Planted) -> list[str]:
    """Short at one node, shipped from another, refused to be cancelled, returned and restocked."""
    name = await place(house, plant, ("SERUM-30", 3))
    first = (await house.work(name))["fulfillment_order"]
    await tell(house, plant, first, "accepted", None)
    await tell(house, plant, first, "picked", {"1": 1}, final=True)
    await house.work(name, 2)
    await tell(house, plant, first, "shipped", {"1": 1})
    second = (await house.work(name, 2))["fulfillment_order"]
    await ask(house, plant, name, "hold", {"hold": "payment"})
    await ask(house, plant, name, "hold", {"hold": "payment"})
    await tell(house, plant, second, "accepted", None)
    await ask(house, plant, name, "cancel", {"lines": [{"line": "1", "quantity": 1}]})
    await tell(house, plant, second, "cancel_rejected", None)
    await tell(house, plant, second, "shipped", {"1": 2})
    for work in (first, second):
        await tell(house, plant, work, "delivery_failed", None)
        await tell(house, plant, work, "delivered", None)
    await ask(house, plant, name, "cancel", {}, status=409)
    await ask(house, plant, name, "release", {"hold": "payment"})
    await ask(house, plant, name, "release", {"hold": "payment"}, status=409)
    await house.until(name, "delivered")
    lines = [{"line": "1", "quantity": 2, "reason": plant("reason of a returned line")}]
    made = (await ask(house, plant, name, "returns", {"lines": lines}, status=201))["return"]
    await ask(house, plant, name, "returns", {"lines": lines}, status=409)
    graded = {"line": "1", "quantity": 2, "condition": "as_new", "disposition": "restock"}
    news: list[tuple[str, list[Document] | None]] = [
        ("received", [{"line": "1", "quantity": 2}]),
        ("graded", [graded, graded | {"line": "9"}]),
        ("settled", None),
    ]
    for kind, units in news:
        body: Document = {"message_id": f"{made}-{kind}", "kind": kind, "occurred_at": now(), "node": "slc"}
        body |= {"lines": units, "reason": plant(f"reason of {kind}")}
        answer = await house.http.post(f"/returns/{made}/messages", json=body)
        assert answer.status_code == 202, answer.text
    await house.until(name, lambda found: found["returns"][0]["status"] == "closed")
    return [identifiers.order_workflow_id(name), identifiers.return_workflow_id(made)]


async def a_life_of_refusals_and_misfits(house: House, plant: Planted) -> list[str]:
    """Rejected by one node, silent at the next, with wrong messages about it."""
    name = await place(house, plant, ("SERUM-30", 2))
    await tell(house, plant, (await house.work(name))["fulfillment_order"], "rejected", None)
    second = await house.work(name, 2)
    await house.wait_out(name, 2)
    await house.until(name, lambda found: found["fulfillment_orders"][1]["request"] != second["request"])
    work = second["fulfillment_order"]
    await tell(house, plant, work, "picked", {"9": 7})
    await tell(house, plant, work, "shipped", {"1": 9})
    await house.settle(name)
    return [identifiers.order_workflow_id(name)]


async def a_life_of_second_thoughts(house: House, plant: Planted) -> list[str]:
    """Given another address before its release, rerouted after it, with wrong messages, and resolved by a person."""
    placed = planted_order(house, plant, ("SERUM-30", 1))
    name = str((await house.http.post("/orders", json=placed)).json()["order"])
    ship_to = placed["ship_to"] | {"name": plant("new name"), "street": [plant("new street")]}
    await ask(house, plant, name, "address", {"ship_to": ship_to})
    await ask(house, plant, name, "quantities", {"lines": [{"line": "1", "quantity": 2}]})
    more = {"line": "2", "sku": "SERUM-30", "name": plant("line name"), "quantity": 1, "unit_price": 100}
    more |= {"gift_message": plant("gift message"), "attributes": {plant("attribute"): plant("attribute text")}}
    await ask(house, plant, name, "lines", {"lines": [more]})
    await ask(house, plant, name, "service", {"service": "two_day"})
    await ask(house, plant, name, "pickup", {"pickup_node": None})
    await ask(house, plant, name, "release", {"hold": "fraud"})
    work = (await house.work(name))["fulfillment_order"]
    await ask(house, plant, name, "quantities", {"lines": [{"line": "1", "quantity": 1}]}, status=409)
    await ask(house, plant, name, "address", {"ship_to": ship_to}, status=409)
    await ask(house, plant, name, "reroute", {"fulfillment_order": work})
    await house.work(name, 2)
    await ask(house, plant, name, "reroute", {"fulfillment_order": work}, status=409)
    await tell(house, plant, work, "picked", {"9": 7})
    (known,) = (await house.until(name, lambda found: bool(found["exceptions"])))["exceptions"]
    assigned = {"owner": "night-shift", "reason": plant("reason of assign"), "actor": plant("actor of assign")}
    assert (await house.http.post(f"/exceptions/{known['exception']}/assign", json=assigned)).status_code == 200
    await ask(house, plant, name, "resolve", {"exception": known["exception"]})
    await house.settle(name)
    return [identifiers.order_workflow_id(name)]


async def a_life_while_the_database_fails(house: House, plant: Planted) -> list[str]:
    """Every statement that books stock or notes a hold fails for a while, and its failure is reported to Temporal."""
    name = await place(house, plant, ("SERUM-30", 2))
    await house.work(name)
    await house.settle(name)
    for table, kind, body in (("hold", "hold", {"hold": "payment"}), ("movement", "cancel", {})):
        async with broken(house, table):
            asking = asyncio.create_task(ask(house, plant, name, kind, body))
            await until_it_failed(house.workflow(name))
        await asking
    await house.until(name, "cancelled")
    return [identifiers.order_workflow_id(name)]


async def a_life_that_waits(house: House, plant: Planted) -> list[str]:
    """Nobody has the goods; stock comes with a reason, and a marketplace order finds no node at all."""
    waiting = await place(house, plant, ("NIGHT-CREAM-50", 2))
    await house.until(waiting, "backordered")
    lost = await place(house, plant, ("NIGHT-CREAM-50", 1), channel="marketplace")
    await house.until(lost, lambda found: bool(found["exceptions"]))
    goods = {"lines": [{"sku": "NIGHT-CREAM-50", "quantity": 2}], "reason": plant("reason of a stock message")}
    body = {"message_id": "cream-1", "node": "nwk", "kind": "received", "occurred_at": now()} | goods
    assert (await house.http.post("/stock/messages", json=body)).status_code == 202
    await house.work(waiting)
    for name in (waiting, lost):
        await house.settle(name)
    return [identifiers.order_workflow_id(name) for name in (waiting, lost)]


async def test_nothing_that_a_person_typed_is_in_temporal(house: House) -> None:
    plant = Planted()
    for node in ("slc", "nwk", "chi"):
        await house.stock(node, SERUM_30=9)
    workflows = [
        *await a_life_of_short_picks_and_a_return(house, plant),
        *await a_life_of_refusals_and_misfits(house, plant),
        *await a_life_of_second_thoughts(house, plant),
        *await a_life_while_the_database_fails(house, plant),
        *await a_life_that_waits(house, plant),
    ]

    assert {found.partition(":")[0].partition(" of ")[0] for found in plant.found_in(await dump(house))} == {
        *("package", "carrier", "tracking", "customer_tier", "reference", "purchase_order", "tags", "line name"),
    }, "what is no text about a person is stored as it is; everything else is sealed"

    kept = {name: await everything_about(house.time.client.get_workflow_handle(name)) for name in workflows}

    assert {name: plant.found_in(text) for name, text in kept.items()} == {name: [] for name in workflows}
    assert all("SERUM-30" in text or "NIGHT-CREAM-50" in text for text in kept.values()), "the search reads payloads"
    assert all("US 802" in text for name, text in kept.items() if name.startswith("order-")), "and summaries"
    assert any('relation "movement" does not exist' in text for text in kept.values()), "and failures"
    assert any(", attempt 2, " in text for text in kept.values()), "and the card"
    assert len(plant.texts) > 100


async def test_what_was_typed_is_in_postgresql_and_shown_to_those_whom_it_concerns(house: House) -> None:
    plant = Planted()
    await house.stock("slc", SERUM_30=9)
    name = await place(house, plant, ("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    await ask(house, plant, name, "hold", {"hold": "payment"})
    await tell(house, plant, work, "shipped", {"1": 2})
    shown = json.dumps(await house.order(name)) + (await house.http.get(f"/fulfillment-orders/{work}")).text
    fields = {found.partition(":")[0] for found in plant.found_in(shown)}
    address = {"name", "company", "street", "city", "region", "email", "phone", "postal_code"}
    assert fields == address | {
        *("customer_tier", "reference", "purchase_order", "tags", "bill_to", "note", "attributes"),
        *("line name", "line gift_message", "line attributes"),
        "reason of hold",
        "actor of hold",
        "reason of shipped",
        "package",
        "carrier",
        "tracking",
    }
