"""Plays one order's part: places it, lets nodes say what the story wants, and looks whether it came out as told."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2

from demo.sandbox_nodes import Document, Party, Step, ready_to_ship
from demo.screen import ShownStep

POLL_SECONDS = 0.15
PATIENCE_SECONDS = 40.0
FOUND_LENGTH_MAX = 1000
CHANNELS = ("web", "wholesale", "marketplace")
NODES = ("nwk", "slc", "chi", "lax", "atl")


class UnexpectedResult(Exception):
    """The service did something else than the story tells; the message says what was told and what is."""


class Company:
    """Everyone in the story who talks to Switchyard, each with a key of their own."""

    def __init__(self, client: httpx2.AsyncClient, operator_key: str) -> None:
        """Only the operator has a key yet."""
        self._client = client
        self.operator = Party(client, operator_key)
        self._parties: dict[str, Party] = {}

    async def make_keys(self) -> None:
        """The operator makes a key for every channel and every node."""
        holders = [("channel", name) for name in CHANNELS] + [("node", name) for name in NODES]
        for kind, name in holders:
            made = await self.operator.post("/keys", {"kind": kind, "name": name})
            self._parties[name] = Party(self._client, made["key"])

    def __getitem__(self, name: str) -> Party:
        """The channel or node of this name."""
        return self._parties[name]


class Tale:
    """One order of the story: what its channel and its nodes do, and what is expected of Switchyard."""

    def __init__(self, company: Company, shown: ShownStep, order: Document) -> None:
        """`order` is the document that its channel sends."""
        self.company = company
        self.channel = company[order["channel"]]
        self._shown = shown
        self._document = order
        self.order = ""

    async def place(self) -> None:
        """The channel sends the order, and hears its id and its promise."""
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

    def check(self, came_so: bool, told: str, found: object) -> None:
        """Raise `UnexpectedResult` unless it came as the story tells."""
        if not came_so:
            raise UnexpectedResult(f"{self.order}: told was “{told}”, found: {found}")

    async def plans(self) -> list[Document]:
        """Every sourcing round of the order, with its reasons."""
        answer = await self.channel.get(f"/orders/{self.order}/plan")
        rounds: list[Document] = answer["rounds"]
        return rounds

    async def until(self, told: str, holds: Callable[[Document], bool], path: str = "") -> Document:
        """Wait until the order (or what is at `path`) is as told. Raises `UnexpectedResult` when that never comes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds(document := await self.company.operator.get(path or f"/orders/{self.order}")):
            self.check(time.monotonic() < deadline, told, json.dumps(document)[:FOUND_LENGTH_MAX])
            await asyncio.sleep(POLL_SECONDS)
        return document

    async def work_at(self, node: str, attempt: int = 1) -> Document:
        """Wait until the node has work of this order to answer for; its fulfillment order."""

        def found(order: Document) -> list[Document]:
            works: list[Document] = order["fulfillment_orders"]
            return [work for work in works if work["node"] == node and work["attempt"] == attempt]

        order = await self.until(f"{node} gets work of it, attempt {attempt}", lambda order: bool(found(order)))
        return found(order)[-1]

    async def say(self, node: str, step: Step, attempt: int = 1) -> None:
        """The node says one thing about its work."""
        work = await self.work_at(node, attempt)
        await self.company[node].say(work, step)
        self.note(f"{node}: {step.kind.replace('_', ' ')}")

    async def ship(self, node: str, attempt: int = 1) -> None:
        """The node accepts and picks what it has not, and ships all that it has picked."""
        work = await self.work_at(node, attempt)
        if work["request"] == "sent":
            await self.say(node, Step("accepted"), attempt)
        if any(line["quantity"] > line["picked"] + line["short"] for line in work["lines"]):
            await self.say(node, Step("picked"), attempt)
        await self.say(node, Step("shipped", ready_to_ship(await self.work_at(node, attempt))), attempt)

    async def deliver(self, node: str, attempt: int = 1) -> None:
        """The carrier brings what the node shipped."""
        await self.say(node, Step("delivered"), attempt)

    async def fulfill(self, node: str, attempt: int = 1) -> None:
        """From acceptance to delivery, without trouble."""
        await self.ship(node, attempt)
        await self.deliver(node, attempt)

    async def stock(self, node: str, sku: str) -> Document:
        """The node's row of a SKU's stock."""
        document = await self.company.operator.get(f"/stock/{sku}")
        row: Document = next(row for row in document["nodes"] if row["node"] == node)
        return row

    async def end(self, status: str, shipped: Mapping[str, int]) -> Document:
        """Wait until the order has ended with this status and nothing is left open; then look who shipped how much."""
        document = await self.until(f"it ends {status}", lambda order: bool(order["status"] == status))
        self.check(not document["exceptions"], "nobody is needed", document["exceptions"])
        found = shipped_by_node(document)
        self.check(found == shipped, f"shipped by {words_of(shipped)}", words_of(found))
        return document


def shipped_by_node(order: Document) -> dict[str, int]:
    """Units that each node shipped, the first to get the work first."""
    found: dict[str, int] = {}
    for work in order["fulfillment_orders"]:
        units = sum(line["shipped"] for line in work["lines"])
        if units:
            found[work["node"]] = found.get(work["node"], 0) + units
    return found


def words_of(shipped: Mapping[str, int]) -> str:
    """Who shipped how much, in words."""
    return ", ".join(f"{node} {units}" for node, units in shipped.items()) or "nobody"


def read(file: Path) -> Document:
    """A JSON document of the examples."""
    document: Document = json.loads(file.read_text())
    return document
