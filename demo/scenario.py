"""Plays one order of the story: places it, sends its nodes' messages, and checks the results."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2

from demo.sandbox_nodes import AnsweredOtherwise, Document, Party, Step, ready_to_ship
from demo.screen import ShownStep
from demo.simulated_carrier import SimulatedCarrier
from domain.tracking import ScanKind

POLL_SECONDS = 0.15
EXPECTED_WITHIN_SECONDS = 40.0
FOUND_LENGTH_MAX = 1000
CHANNELS = ("web", "wholesale", "marketplace", "shop")
NODES = ("nwk", "slc", "chi", "lax", "atl")


class UnexpectedResult(Exception):
    """The service did something else than the story expects; the message names what was expected and what was found."""


class Players:
    """The operator, channels and nodes of the story, each with its own key."""

    def __init__(self, client: httpx2.AsyncClient, operator_key: str) -> None:
        """Only the operator has a key yet."""
        self._client = client
        self.operator = Party(client, operator_key)
        self._parties: dict[str, Party] = {}
        self._carrier: SimulatedCarrier | None = None

    async def make_keys(self) -> None:
        """The operator makes a key for every channel and every node."""
        holders = [("channel", name) for name in CHANNELS] + [("node", name) for name in NODES]
        for kind, name in holders:
            made = await self.operator.post("/keys", {"kind": kind, "name": name})
            self._parties[name] = Party(self._client, made["key"])

    async def connect_carrier(self, database_url: str) -> None:
        """The operator stores the secret of a carrier that will report about its parcels."""
        self._carrier = await SimulatedCarrier.connected(self._client, database_url)

    @property
    def carrier(self) -> SimulatedCarrier:
        """The carrier, once it is connected."""
        assert self._carrier is not None
        return self._carrier

    def __getitem__(self, name: str) -> Party:
        """The channel or node of this name."""
        return self._parties[name]


class Scenario:
    """One order of the story: what its channel and its nodes do, and what is expected of Switchyard."""

    def __init__(self, players: Players, shown: ShownStep, order: Document) -> None:
        """`order` is the document that its channel sends."""
        self.players = players
        self.channel = players[order["channel"]]
        self._shown = shown
        self._document = order
        self.order = ""

    async def place(self) -> None:
        """The channel sends the order; Switchyard answers its id and its promise."""
        placed = await self.channel.post("/orders", self._document)
        self.order = placed["order"]
        promise = placed["promise"]
        self.note(f"placed, delivered by {promise['deliver_by']}" if promise else "placed, without a promise")

    def note(self, words: str) -> None:
        """Show what has just happened."""
        self._shown.say(f"{self.order} {words}")

    def tell(self, words: str) -> None:
        """Show what the chapter is about; it stays to be read."""
        self._shown.tell(f"{self.order} {words}")

    def check(self, is_so: bool, expected: str, found: object) -> None:
        """Raise `UnexpectedResult` unless the result is as expected."""
        if not is_so:
            raise UnexpectedResult(f"{self.order}: expected “{expected}”, found: {found}")

    async def plans(self) -> list[Document]:
        """Every sourcing round of the order, with its reasons."""
        answer = await self.channel.get(f"/orders/{self.order}/plan")
        rounds: list[Document] = answer["rounds"]
        return rounds

    async def until(self, expected: str, holds: Callable[[Document], bool], path: str = "") -> Document:
        """Wait until the order (or what is at `path`) is as expected. Raises `UnexpectedResult` when that takes too long."""
        deadline = time.monotonic() + EXPECTED_WITHIN_SECONDS
        while not holds(document := await self.players.operator.get(path or f"/orders/{self.order}")):
            self.check(time.monotonic() < deadline, expected, json.dumps(document)[:FOUND_LENGTH_MAX])
            await asyncio.sleep(POLL_SECONDS)
        return document

    async def arrived(self) -> None:
        """Wait until an order is here that its channel has sent. Raises `UnexpectedResult` when that takes too long."""
        deadline = time.monotonic() + EXPECTED_WITHIN_SECONDS
        while True:
            try:
                await self.players.operator.get(f"/orders/{self.order}")
            except AnsweredOtherwise as answered:
                if answered.status != httpx2.codes.NOT_FOUND:
                    raise
            else:
                return
            self.check(time.monotonic() < deadline, "the order arrives", "it does not")
            await asyncio.sleep(POLL_SECONDS)

    async def work_at(self, node: str, attempt: int = 1) -> Document:
        """Wait until the node has a fulfillment order of this order, and return it."""

        def found(order: Document) -> list[Document]:
            works: list[Document] = order["fulfillment_orders"]
            return [work for work in works if work["node"] == node and work["attempt"] == attempt]

        order = await self.until(f"{node} gets work of it, attempt {attempt}", lambda order: bool(found(order)))
        return found(order)[-1]

    async def say(self, node: str, step: Step, attempt: int = 1) -> None:
        """The node sends one message about its fulfillment order."""
        work = await self.work_at(node, attempt)
        await self.players[node].say(work, step)
        self.note(f"{node}: {step.kind.replace('_', ' ')}")

    async def ship(self, node: str, attempt: int = 1) -> None:
        """The node accepts and picks what is still open, and ships all that it has picked."""
        work = await self.pack(node, attempt)
        await self.say(node, Step("shipped", ready_to_ship(work)), attempt)

    async def pack(self, node: str, attempt: int = 1) -> Document:
        """The node accepts and picks what is still open; answers its fulfillment order."""
        work = await self.work_at(node, attempt)
        if work["request"] == "sent":
            await self.say(node, Step("accepted"), attempt)
        if any(line["quantity"] > line["picked"] + line["short"] for line in work["lines"]):
            await self.say(node, Step("picked"), attempt)
        return await self.work_at(node, attempt)

    async def ship_with_label(self, node: str) -> Document:
        """The node packs, buys the label of its parcel and ships it; answers the label."""
        work = await self.pack(node)
        label = await self.players[node].post(f"/fulfillment-orders/{work['fulfillment_order']}/labels", {})
        self.check(label["status"] == "bought", "the carrier sells a label", label["status"])
        parcel = {"carrier": label["carrier"], "tracking": label["tracking"]}
        await self.say(node, Step("shipped", ready_to_ship(work), parcel=parcel))
        return label

    async def scan(self, label: Document, kind: ScanKind) -> Document:
        """The carrier reports a scan of a parcel; answers the label with what is known of it then."""
        report = await self.players.carrier.report(label["tracking"], kind)
        self.check(report.is_success and report.json()["new"] == 1, "the scan is new and kept", report.text)
        self.note(f"{label['carrier']}: {kind.replace('_', ' ')}")
        return await self.players.operator.get(f"/labels/{label['label']}")

    async def deliver(self, node: str, attempt: int = 1) -> None:
        """The carrier delivers what the node shipped."""
        await self.say(node, Step("delivered"), attempt)

    async def fulfill(self, node: str, attempt: int = 1) -> None:
        """From acceptance to delivery, without trouble."""
        await self.ship(node, attempt)
        await self.deliver(node, attempt)

    async def stock(self, node: str, sku: str) -> Document:
        """The node's row of a SKU's stock."""
        document = await self.players.operator.get(f"/stock/{sku}")
        row: Document = next(row for row in document["nodes"] if row["node"] == node)
        return row

    async def end(self, status: str, shipped: Mapping[str, int]) -> Document:
        """Wait until the order has ended with this status and nothing is open; then check the units of each node."""
        document = await self.until(f"it ends {status}", lambda order: bool(order["status"] == status))
        self.check(not document["exceptions"], "no exception is open", document["exceptions"])
        found = shipped_by_node(document)
        self.check(found == shipped, f"shipped by {words_of(shipped)}", words_of(found))
        return document


def shipped_by_node(order: Document) -> dict[str, int]:
    """Units that each node shipped, in the order in which the nodes got the work."""
    found: dict[str, int] = {}
    for work in order["fulfillment_orders"]:
        units = sum(line["shipped"] for line in work["lines"])
        if units:
            found[work["node"]] = found.get(work["node"], 0) + units
    return found


def words_of(shipped: Mapping[str, int]) -> str:
    """The nodes with the units that they shipped, in words."""
    return ", ".join(f"{node} {units}" for node, units in shipped.items()) or "nobody"


def read(file: Path) -> Document:
    """A JSON document of the examples."""
    document: Document = json.loads(file.read_text())
    return document
