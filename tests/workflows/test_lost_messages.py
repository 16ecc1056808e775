"""Any message of any journey may be lost, and its node may fall silent for ever: the order ends by a timer's action or in a
person's queue, and never just stops.

All orders live in one house. Each message of each journey is dropped once, and so are all messages from one on; the others are
sent. Where the node does not poll, our calls to it are messages too. Then time runs, from deadline to deadline, until nothing
is due any more. After every step the order must have a timer, a running activity or an open exception.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copytree

import pytest

from embedded.ports import free_port
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, Document, House
from tests.listener import Call, Listener, listening
from transactions.prepare import apply_network

SHOP = """
[[node]]
id = "shop"
kind = "store"
country = "US"
latitude = 39.75
longitude = -104.99
time_zone = "America/Denver"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
accept_within = "4h"
ship_within = "1d"
on_silence = "escalate"
pickup = true
"""
CALLED = """
[[node]]
id = "{node}"
kind = "dc"
country = "US"
latitude = 39.75
longitude = -104.99
time_zone = "America/Denver"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
accept_within = "4m"
ship_within = "8m"
on_silence = "{on_silence}"
dispatch = "webhook"
url = "{url}"
secret = "whsec_QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD"
"""
"""Nodes with short deadlines: each attempt to call them takes a real second, however much time is skipped."""
CALLED_NODES = {"called-reroutes": "reroute", "called-asks": "ask_cancel", "called-escalates": "escalate"}
NODES = ("reroutes", "asks", "escalates", "shop", *CALLED_NODES)
"""Each has a SKU of its own for its journeys; `spare` has some of every SKU."""
JOURNEYS = """
asks      || f1 accepted, f1 picked, f1 shipped, f1 delivered
asks      || f1 accepted, f1 picked 2 final, f1 shipped, f2 accepted, f2 shipped, f1 delivered, f2 delivered
escalates || f1 accepted, f1 shipped 2 final, f2 shipped, f1 delivered, f2 delivered
asks      || f1 rejected, f2 accepted, f2 shipped, f2 delivered
reroutes  || f1 rejected 1, f1 accepted, f1 shipped, f2 shipped, f1 delivered, f2 delivered
reroutes  || silence, f2 accepted, f2 shipped, f2 delivered, f1 cancel_accepted
reroutes  || silence, f1 shipped, f1 delivered
asks      || silence, f1 cancel_accepted, f2 accepted, f2 shipped, f2 delivered
asks      || silence, f1 cancel_rejected, f1 shipped, f1 delivered
escalates || silence, f1 accepted, f1 shipped, f1 delivered
reroutes  || f1 accepted, silence, f1 cancel_accepted, f2 shipped, f2 delivered
asks      || f1 accepted, f1 shipped 1, f1 delivered 1, f1 shipped 1, f1 shipped 1, f1 delivered 2
escalates || f1 accepted, cancel 3, f1 cancel_accepted
asks      || f1 accepted, cancel 1, f1 cancel_accepted, f1 shipped, f1 delivered
reroutes  || f1 accepted, cancel 1, f1 cancel_rejected, f1 shipped, f1 delivered
shop      || f1 accepted, f1 picked, f1 ready_for_pickup, f1 collected
called-asks      || f1 called, f1 accepted, f1 picked, f1 shipped, f1 delivered
called-reroutes  || f1 called, f1 accepted, f1 picked 2 final, f1 shipped, f2 shipped, f1 delivered, f2 delivered
called-reroutes  || f1 called, silence, f2 accepted, f2 shipped, f2 delivered, f1 cancel_accepted
called-asks      || f1 called, silence, f1 asked, f1 cancel_accepted, f2 accepted, f2 shipped, f2 delivered
called-escalates || f1 called, silence, f1 accepted, f1 shipped, f1 delivered
called-reroutes  || f1 called, f1 accepted, silence, f1 asked, f1 cancel_accepted, f2 shipped, f2 delivered
called-asks      || f1 called, f1 accepted, silence, f1 asked, f1 cancel_rejected, f1 shipped, f1 delivered
called-escalates || f1 called, f1 accepted, cancel 1, f1 asked, f1 cancel_accepted, f1 shipped, f1 delivered
called-reroutes  || f1 called, cancel 3, f1 asked, f1 cancel_accepted
"""
"""By the first node: the messages about three units; `f2` is the work of `spare`. A node that does not poll gets its work by a
call (`called`), and our cancel request, too (`asked`)."""
CALLS = {"called": "unsent", "asked": "cancel_requested"}
"""The request status that a call is about."""
AT_ONCE = 4
DEADLINES_MAX = 10
"""No journey has more waits before its end, however many messages are lost."""


@dataclass(frozen=True)
class Life:
    """A journey with lost messages."""

    node: str
    story: tuple[str, ...]
    lost: frozenset[int] = frozenset()

    def __str__(self) -> str:
        steps = (f"({step})" if number in self.lost else step for number, step in enumerate(self.story))
        return f"{self.node}: {', '.join(steps)}"


def journeys() -> Iterator[Life]:
    """Each journey with no message lost."""
    for row in JOURNEYS.strip().splitlines():
        node, story = row.split("||")
        yield Life(node.strip(), tuple(step.strip() for step in story.split(",")))


def messages(life: Life) -> list[int]:
    """The places of a journey's messages."""
    return [number for number, step in enumerate(life.story) if step.startswith("f")]


def without_one(life: Life) -> list[Life]:
    """The journey without each of its messages."""
    return [Life(life.node, life.story, frozenset({lost})) for lost in messages(life)]


def cut_short(life: Life) -> list[Life]:
    """The journey whose nodes fall silent for ever at each of its messages but the last."""
    places = messages(life)
    return [Life(life.node, life.story, frozenset(places[first:])) for first in range(len(places) - 1)]


SOME = [lives[number % len(lives)] for number, lives in enumerate(map(without_one, journeys()))][::2]
ALL = [life for journey in journeys() for life in without_one(journey)]
CUT = [life for journey in journeys() for life in cut_short(journey)]


@pytest.mark.parametrize(
    "lives",
    [
        pytest.param(SOME, id="one of every other journey"),
        pytest.param(ALL, id="each of each journey", marks=pytest.mark.long),
        pytest.param(CUT, id="all from some moment on", marks=pytest.mark.long),
    ],
)
@pytest.mark.timeout(600)
async def test_an_order_whose_messages_are_lost_ends_by_itself_or_in_a_persons_queue(
    house: House, tmp_path: Path, lives: Sequence[Life]
) -> None:
    doors = asyncio.Semaphore(AT_ONCE)
    async with listening(node := Node(free_port())), asyncio.TaskGroup() as group:
        await _furnish(house, tmp_path, node)
        for life in lives:
            group.create_task(_live(house, node, life, doors))


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_an_order_with_all_its_messages_ends_by_itself(house: House, tmp_path: Path) -> None:
    async with listening(node := Node(free_port())):
        await _furnish(house, tmp_path, node)
        for life in journeys():
            document = await _live(house, node, life, asyncio.Semaphore(1))
            assert document["closed"], str(life)


class Node(Listener):
    """The interface of every node that is called; the calls that are lost never come to it."""

    def __init__(self, port: int) -> None:
        """Nothing is lost yet."""
        super().__init__(port, status=lambda call: 503 if self._about(call) in self.lost else 204)
        self.lost: set[tuple[str, str]] = set()

    @staticmethod
    def _about(call: Call) -> tuple[str, str]:
        return call.document["fulfillment_order"], call.document["request"]

    def was_called(self, fulfillment_order: str, request: str) -> bool:
        """Whether a call about this has come, and was not lost."""
        about = (fulfillment_order, request)
        return about not in self.lost and about in map(self._about, self.calls)


async def _furnish(house: House, directory: Path, node: Node) -> None:
    furnished = copytree(SMALL_MAP, directory / "network")
    with (furnished / "nodes.toml").open("a") as nodes, (furnished / "items.csv").open("a") as items:
        nodes.write(SHOP)
        nodes.writelines(CALLED.format(node=name, on_silence=CALLED_NODES[name], url=node.url) for name in CALLED_NODES)
        items.writelines(f"{sku_of(name)},Three of {name},100,0,\n" for name in NODES)
    assert await apply_network(house.database_url, furnished) == []
    for name in NODES:
        for place in (name, "spare"):
            await house.stock(place, **{sku_of(name): 1000})


def sku_of(node: str) -> str:
    """What this node and `spare` have."""
    return f"OF-{node.upper()}"


async def _live(house: House, node: Node, life: Life, doors: asyncio.Semaphore) -> Document:
    """Send the messages that are not lost, and let time run until nothing is due any more."""
    async with doors:
        body = house.body((sku_of(life.node), 3), pickup_node="shop" if life.node == "shop" else None)
        name = house.orders[-1]
        node.lost |= _lost_calls(name, life)
        assert (await house.http.post("/orders", json=body)).status_code == 201
        assert (await house.work(name))["node"] == life.node
        for number, step in enumerate(life.story):
            if number not in life.lost:
                await _take(house, node, name, step, await _rest(house, name, life))
        for _ in range(DEADLINES_MAX):
            document = await _rest(house, name, life)
            if not (due := _due(document)):
                break
            await house.skip_to(name, min(due, key=datetime.fromisoformat))
        assert not due, f"{life}: still waits for {document}"
        assert document["exceptions"] or document["closed"], f"{life}: {document}"
        # Calls that go on failing would keep their node's breaker open for the orders that come after this one.
        node.lost -= _lost_calls(name, life)
        return document


def _lost_calls(name: str, life: Life) -> set[tuple[str, str]]:
    steps = [life.story[number].split() for number in life.lost]
    return {(f"{name}-{work}", CALLS[kind]) for work, kind, *_ in steps if kind in CALLS}


async def _take(house: House, node: Node, name: str, step: str, document: Document) -> None:
    """One step of a journey; a message about a fulfillment order that does not exist is left out."""
    works = document["fulfillment_orders"]
    match step.split():
        case ["silence"]:
            if works[0]["deadline"]:
                await house.wait_out(name)
        case ["cancel", quantity]:
            await house.ask(name, "cancel", lines=[{"line": "1", "quantity": int(quantity)}])
        case [work, "called" | "asked" as kind]:
            await _until_called(house, node, name, f"{name}-{work}", CALLS[kind])
        case [work, kind, *rest]:
            if len(works) >= (number := int(work[1:])):
                lines = {"1": int(rest[0])} if rest else None
                await house.tell(works[number - 1]["fulfillment_order"], kind, lines, final="final" in rest)


async def _rest(house: House, name: str, life: Life) -> Document:
    """The order when it has nothing to do at once; check that a timer, an activity or an exception is left."""
    if not await house.is_running(name):
        return await house.order(name)
    document = await house.settle(name)
    assert not (why := await house.asleep_for_ever(name, document)), f"{life}: {why}"
    return document


async def _until_called(house: House, node: Node, name: str, work: str, request: str) -> None:
    """Wait until a node was called about work as long as it must be: after five lost calls it is left alone for seconds, also
    for other orders."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not node.was_called(work, request):
            works = (await house.order(name))["fulfillment_orders"]
            if (work, request) not in {(fo["fulfillment_order"], fo["request"]) for fo in works}:
                return
            await asyncio.sleep(0.05)


def _due(document: Document) -> list[str]:
    """The deadlines at which the order acts by itself; none for a closed order."""
    if document["closed"]:
        return []
    moments = [work["deadline"] for work in document["fulfillment_orders"]] + [document["closes_at"]]
    return [moment for moment in moments if moment]
