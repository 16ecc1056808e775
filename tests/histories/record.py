"""Records the histories that `tests/workflows/test_replay.py` replays: `python -m tests.histories.record`.

A real server without skipped time, a network whose deadlines are seconds, and an identity that names no machine.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from shutil import copytree

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from database.connect import Database
from embedded.postgres import FORGETFUL, EmbeddedPostgres
from embedded.temporal import EmbeddedTemporal
from runtime.search_attributes import register_search_attributes
from tests.house import MASTER_KEYS, SMALL_MAP, House, furnished, now
from transactions.prepare import prepare
from workflows.visibility import SEARCH_ATTRIBUTES

HERE = Path(__file__).parent
HURRY = (
    (
        "nodes.toml",
        'accept_within = "4h"\nship_within = "1d"\non_silence = "reroute"',
        'accept_within = "3s"\nship_within = "1d"\non_silence = "reroute"',
    ),
    ("policy.toml", 'window = "30d"', 'window = "3s"'),
    ("policy.toml", 'unfilled = "backorder"', 'unfilled = "backorder"\ncancel_after = "4s"'),
)
"""What is changed in the map: the node `reroutes` times out, and the return window is over, after three seconds; an order
that waits for stock is cancelled after four."""
SLOWLY = 5.0
"""Seconds after which the node `reroutes` ships in the life of that name."""
KEY = "operator-key-of-the-recorder"
IDENTITY = "recorder"


async def plain(house: House) -> str:
    """Every message comes in time and fits."""
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    for kind in ("accepted", "picked", "shipped", "delivered"):
        await house.settle(name)
        await house.tell(work, kind)
    return name


async def slow(house: House) -> str:
    """As `plain`, but the node accepts at once and ships after its time to accept is over."""
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = await house.work(name)
    for kind in ("accepted", "picked"):
        await house.tell(work["fulfillment_order"], kind)
    await asyncio.sleep(SLOWLY)
    for kind in ("shipped", "delivered"):
        await house.settle(name)
        await house.tell(work["fulfillment_order"], kind)
    return name


async def short_pick(house: House) -> str:
    """One of three units is not found, and comes from elsewhere."""
    await house.stock("asks", SERUM_30=3)
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 3))
    first = (await house.work(name))["fulfillment_order"]
    await house.tell(first, "picked", {"1": 2}, final=True)
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.fulfill(first)
    await house.fulfill(second)
    return name


async def silence(house: House) -> str:
    """A node stays silent, another one ships, and the first consents late."""
    await house.stock("reroutes", SERUM_30=1)
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    first = (await house.work(name))["fulfillment_order"]
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.fulfill(second)
    await house.settle(name)
    await house.tell(first, "cancel_accepted")
    return name


async def split(house: House) -> str:
    """No node has everything, so two ship a part each."""
    await house.stock("asks", SERUM_30=1)
    await house.stock("spare", TONER_200=2)
    name = await house.place(("SERUM-30", 1), ("TONER-200", 2))
    for number in (1, 2):
        await house.fulfill((await house.work(name, number))["fulfillment_order"])
    return name


async def cancel(house: House) -> str:
    """A part is cancelled at once, the cancel button asks for the rest, and the node consents."""
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.tell(second, "accepted")
    await house.settle(name)
    await house.workflow(name).cancel()
    await house.until(name, lambda found: found["fulfillment_orders"][1]["request"] == "cancel_requested")
    await house.tell(second, "cancel_accepted")
    return name


async def hold(house: House) -> str:
    """A hold keeps the order back until it is taken off."""
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    await house.settle(name)
    await house.ask(name, "release", hold="fraud")
    await house.fulfill((await house.work(name))["fulfillment_order"])
    return name


async def rerouted(house: House) -> str:
    """It is sent elsewhere before its release, a person takes it from its node twice, and an exception is resolved."""
    for node in ("asks", "escalates", "spare"):
        await house.stock(node, SERUM_30=1)
    name = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    await house.ask(name, "address", ship_to={"country": "US", "postal_code": "60601"})
    await house.ask(name, "release", hold="fraud")
    first = (await house.work(name))["fulfillment_order"]
    await house.ask(name, "reroute", fulfillment_order=first)
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.tell(second, "accepted")
    await house.ask(name, "reroute", fulfillment_order=second)
    await house.tell(second, "cancel_accepted")
    third = (await house.work(name, 3))["fulfillment_order"]
    await house.tell(third, "picked", {"9": 1})
    (misfit,) = (await house.settle(name))["exceptions"]
    await house.ask(name, "resolve", exception=misfit["exception"])
    await house.fulfill(third)
    return name


async def backorder(house: House) -> str:
    """Stock comes later than the order."""
    name = await house.place(("TONER-200", 1))
    await house.settle(name)
    await house.stock("spare", TONER_200=1)
    await house.fulfill((await house.work(name))["fulfillment_order"])
    return name


async def given_up(house: House) -> str:
    """One of two units ships; for the other one stock never comes, and it is cancelled."""
    await house.stock("spare", TONER_200=1)
    name = await house.place(("TONER-200", 2))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    return name


async def strange_mail(house: House) -> str:
    """Signals with unknown names or shapes, and a node's message that comes directly through Temporal."""
    await house.stock("spare", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work = (await house.work(name))["fulfillment_order"]
    message = {"fulfillment_order": work, "message_id": "bare-1", "kind": "shipped", "occurred_at": now()}
    await house.workflow(name).signal("no_such_signal", "hello")
    await house.workflow(name).signal("node_message", args=[])
    await house.workflow(name).signal("node_message", message)
    await house.until(name, "shipped")
    await house.tell(work, "delivered")
    return name


async def returned(house: House) -> str:
    """What was delivered comes back after the order has closed; two histories."""
    name = await plain(house)
    await house.until(name, "delivered")
    made: str = (await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])).json()["return"]
    await house.workflow(name).result()
    graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    for kind, lines in (("received", [{"line": "1", "quantity": 1}]), ("graded", [graded]), ("settled", [])):
        body = {"message_id": f"{made}-{kind}", "kind": kind, "occurred_at": now(), "node": "spare"}
        answer = await house.http.post(f"/returns/{made}/messages", json=body | ({"lines": lines} if lines else {}))
        assert answer.status_code == 202, answer.text
    await keep(house, f"return-{made}", "return")
    return name


LIVES: dict[str, Callable[[House], Awaitable[str]]] = {
    "plain": plain,
    "slow": slow,
    "short_pick": short_pick,
    "silence": silence,
    "split": split,
    "cancel": cancel,
    "hold": hold,
    "rerouted": rerouted,
    "backorder": backorder,
    "given_up": given_up,
    "strange_mail": strange_mail,
    "returned": returned,
}


async def keep(house: House, workflow_id: str, name: str) -> None:
    """Wait for the end of a workflow and write its history down."""
    handle = house.time.client.get_workflow_handle(workflow_id)
    await handle.result()
    history = await handle.fetch_history()
    (HERE / f"{name}.json").write_text(history.to_json() + "\n")
    sys.stderr.write(f"{name}: {len(history.events)} events\n")


async def record(directory: Path) -> None:
    """Live every life once."""
    hurried = copytree(SMALL_MAP, directory / "network")
    for file, before, after in HURRY:
        written = (hurried / file).read_text()
        assert before in written, before
        (hurried / file).write_text(written.replace(before, after, 1))
    server = EmbeddedPostgres(directory / "postgres", FORGETFUL)
    with EmbeddedTemporal(directory / "temporal", in_memory=True) as temporal:
        url = server.start()
        try:
            await prepare(url, hurried, KEY, master_keys=MASTER_KEYS)
            client = await Client.connect(temporal.address, data_converter=pydantic_data_converter, identity=IDENTITY)
            await register_search_attributes(client, SEARCH_ATTRIBUTES)
            database = Database(url, MASTER_KEYS)
            unskipped = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
            with unskipped.with_time_skipping_disabled():
                async with furnished(unskipped, database, url, KEY) as house:
                    for title, life in LIVES.items():
                        await keep(house, house.workflow(await life(house)).id, title)
            await database.close()
        finally:
            server.discard()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="switchyard-record-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL enters it as another user when root records
        asyncio.run(record(Path(folder)))
    sys.stderr.flush()
    os._exit(0)  # leaving Python after using the client aborts about every second time
