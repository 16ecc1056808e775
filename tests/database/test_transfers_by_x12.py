"""A transfer to a warehouse that is reached by X12: what left is announced by a 943, and its 944 is what has arrived."""

from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any

import pytest

from database.connect import Database
from database.documents import transfer as documents
from domain.fulfillment import NodeMessage
from domain.transfer import TransferRequest
from formats.x12.parts import texts
from tests.database.shop import NEAREST, NEXT
from tests.database.warehouse_yard import Yard, a_yard
from transactions import fulfillment
from transactions import transfer as transfers

_numbers = count(1)
ORDER, WORK = "transfer.t-7", "transfer.t-7-f1"


@pytest.fixture
async def yard(database: Database) -> AsyncIterator[Yard]:
    """A transfer of five chairs and two lamps to the warehouse; its source has accepted it."""
    opened = await a_yard(database)
    await opened.shop.receive(NEXT, CHAIR=10, LAMP=10)
    lines = [{"sku": "CHAIR", "quantity": 5}, {"sku": "LAMP", "quantity": 2}]
    asked = TransferRequest.model_validate({"transfer": "T-7", "from": NEXT, "to": NEAREST, "lines": lines})
    await transfers.take(opened.shop.transactions, asked)
    await opened.shop.source(ORDER)
    await opened.shop.release(ORDER)
    await opened.sent()
    yield opened
    await opened.shop.check()


async def leave(yard: Yard, units: Mapping[str, int], message_id: str = "") -> None:
    """The source ships units of lines."""
    body: dict[str, Any] = {"message_id": message_id or f"left-{next(_numbers)}", "kind": "shipped"}
    body |= {"occurred_at": "2026-11-30T10:00:00Z", "lines": [{"line": k, "quantity": n} for k, n in units.items()]}
    message = NodeMessage.model_validate(body)
    await fulfillment.record(yard.shop.transactions, WORK, message, node=None, actor="node")


async def announced(yard: Yard) -> list[list[str]]:
    """The 943s that lie there: their number, and what they announce."""
    sets = [one for one in await yard.sent() if one.code == "943"]
    return [[line for line in texts(one.segments) if line.startswith(("W06", "W04"))] for one in sets]


async def lines(yard: Yard) -> list[tuple[int, int, int]]:
    """By line: shipped, in transit, received."""
    async with yard.shop.database.read() as connection:
        found = await documents.show(connection, ORDER)
    assert found is not None
    return [(line["shipped"], line["in_transit"], line["received"]) for line in found["lines"]]


async def exceptions(yard: Yard) -> list[str]:
    """The codes of what is open."""
    return [code for code, _ in await yard.exceptions()]


async def test_each_part_that_leaves_is_announced_once_and_received_by_the_944_that_names_it(yard: Yard) -> None:
    await leave(yard, {"1": 3, "2": 2}, "first")
    await leave(yard, {"1": 3, "2": 2}, "first")
    await leave(yard, {"1": 2})

    (first, *one), (second, *two) = await announced(yard)

    assert first.split("*")[2] == WORK
    assert [line.split("*")[1] for line in one] == ["3", "2"]
    assert second.split("*")[2] == f"{WORK}.7"
    assert [line.split("*")[1] for line in two] == ["2"]
    await yard.come(yard.warehouse.receive({"CHAIR": 3, "LAMP": 2}, WORK.upper()))
    assert await lines(yard) == [(5, 2, 3), (2, 0, 2)]
    again = yard.warehouse.receive({"CHAIR": 2}, f"{WORK}.7", {"CHAIR": 1})
    await yard.come(again, again)
    assert await lines(yard) == [(5, 0, 5), (2, 0, 2)]
    assert await yard.shop.number("SELECT set_aside FROM stock WHERE node = :node AND sku = 'CHAIR'", node=NEAREST) == 1
    assert await exceptions(yard) == []


async def test_fewer_stay_in_transit_and_more_or_another_item_are_a_persons(yard: Yard) -> None:
    await leave(yard, {"1": 5})
    await yard.come(yard.warehouse.receive({"CHAIR": 4}, WORK))
    assert await lines(yard) == [(5, 1, 4), (0, 0, 0)]
    assert await exceptions(yard) == []
    await yard.come(yard.warehouse.receive({"CHAIR": 3, "VASE": 1}, WORK))
    assert (await lines(yard))[0][1:] == (0, 7)
    assert sorted(await exceptions(yard)) == ["message_misfit", "surplus"]


async def test_goods_that_arrive_before_their_source_reports_them_are_announced_no_more(yard: Yard) -> None:
    await leave(yard, {"2": 2})
    await announced(yard)
    await yard.come(yard.warehouse.receive({"CHAIR": 5, "LAMP": 2}, WORK))
    await leave(yard, {"1": 5})
    assert await announced(yard) == []
    assert await lines(yard) == [(5, 0, 5), (2, 0, 2)]


async def test_a_transfer_to_another_node_is_announced_to_no_warehouse(yard: Yard) -> None:
    await yard.shop.receive(NEAREST, CHAIR=10)
    asked = {"transfer": "T-8", "from": NEAREST, "to": NEXT, "lines": [{"sku": "CHAIR", "quantity": 1}]}
    await transfers.take(yard.shop.transactions, TransferRequest.model_validate(asked))
    await yard.shop.source("transfer.t-8")
    await yard.shop.release("transfer.t-8")
    await yard.call("transfer.t-8")
    assert [one.code for one in await yard.sent()] == ["940"], "the warehouse ships it, and is told what to ship"
