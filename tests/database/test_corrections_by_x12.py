"""What a buyer was sent of a shipment turns out to be wrong: it is corrected as agreed, once, or a person learns of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from database.connect import Database
from domain.fulfillment import NodeMessage
from tests.database.trade import Trade, file, new, the_sets
from transactions import fulfillment

_numbers = count(1)
SIX, TWO = "PO1*1*6*EA*9.95**VN*WIDGET-001", "PO1*2*2*EA*8.25**VN*WIDGET-002"
Opens = Callable[..., Awaitable[Trade]]


@pytest.fixture
async def opens(database: Database, tmp_path: Path) -> AsyncIterator[Opens]:
    """Opens the trade with a buyer, by what is agreed of corrections; the buyer has its goods in two cartons already."""
    opened: list[Trade] = []

    async def open_with(*agreed: str, number: str = "B-1", packages: dict[str, dict[str, int]] | None = None) -> Trade:
        trade = await Trade.open(database, tmp_path, "\n".join(("test = true", *agreed)))
        opened.append(trade)
        await trade.stock(WIDGET_001=20, WIDGET_002=20)
        trade.send(file(new(number, SIX, TWO)))
        await trade.look()
        await trade.plan(f"buyco-{number.lower()}")
        await trade.ship(f"buyco-{number.lower()}", packages or {"c1": {"1": 4}, "c2": {"1": 2, "2": 2}})
        await trade.look()
        trade.collect()
        return trade

    yield open_with
    for trade in opened:
        await trade.close()


async def say(trade: Trade, kind: str, **more: Any) -> None:
    """A message of the node."""
    body = {"message_id": f"said-{next(_numbers)}", "kind": kind, "occurred_at": datetime.now(UTC)} | more
    message = NodeMessage.model_validate(body)
    await fulfillment.record(trade.shop.transactions, "buyco-b-1-f1", message, node=None, actor="node")
    await trade.look()


async def sent(trade: Trade) -> dict[str, list[list[str]]]:
    """By code, what is in the documents that lie there now: their purpose, cartons, units and amounts."""
    shown = ("BSN", "MAN*CP", "SN1", "BIG", "REF*OI", "IT1", "TDS", "BCD", "CDD")
    found = the_sets(trade.collect())
    return {code: [[line for line in one if line.startswith(shown)] for one in sets] for code, sets in found.items()}


async def shipment_of(trade: Trade) -> str:
    """BSN02 of the first notice."""
    ((name,),) = await trade.rows("SELECT transaction_id || '-' || event_id FROM event WHERE kind = 'shipped' LIMIT 1")
    return str(name)


def begins(line: str, *elements: str) -> bool:
    """Whether a segment begins with these elements."""
    return line.split("*")[: len(elements)] == list(elements)


async def test_a_carton_that_did_not_leave_makes_a_notice_that_replaces_the_first_and_a_credit(opens: Opens) -> None:
    trade = await opens('wrong_notices = "replace"', 'wrong_invoices = "810"')
    name = await shipment_of(trade)
    await trade.void("buyco-b-1", "c2")
    await trade.look()

    found = await sent(trade)

    ((begin, *content),) = found["856"]
    assert begins(begin, "BSN", "05", name)
    assert content == ["MAN*CP*1Z-c1", "SN1**4*EA**6*EA"]
    ((invoice, *lines),) = found["810"]
    assert invoice.endswith("*B-1***CR")
    assert lines == [
        f"REF*OI*{name}",
        "IT1*1*-2*EA*9.95**VN*WIDGET-001",
        "IT1*2*-2*EA*8.25**VN*WIDGET-002",
        "TDS*-3640",
    ]
    assert await trade.exceptions() == []
    await trade.ship("buyco-b-1", {"c3": {"1": 2, "2": 2}})
    await trade.look()
    again = await sent(trade)
    assert [one[1:] for one in again["856"]] == [["MAN*CP*1Z-c3", "SN1**2*EA**6*EA", "SN1**2*EA**2*EA"]]
    assert again["810"][0][-1] == "TDS*3640", "what is credited is invoiced when it leaves"


async def test_a_shipment_of_which_nothing_left_is_taken_back(opens: Opens) -> None:
    trade = await opens('wrong_notices = "replace"', 'wrong_invoices = "812"', packages={"c1": {"1": 6, "2": 2}})
    name = await shipment_of(trade)
    await trade.void("buyco-b-1", "c1")
    await trade.look()

    found = await sent(trade)

    ((begin,),) = found["856"]
    assert begins(begin, "BSN", "01", name)
    ((adjusted, *lines),) = found["812"]
    assert adjusted.split("*")[3:6] == ["L", "7620", "C"]
    assert adjusted.split("*")[7] == name
    assert lines == ["CDD*59*C*1*5970***6*EA", "CDD*59*C*2*1650***2*EA"]
    assert "810" not in found


async def test_a_buyer_may_want_a_cancel_and_a_new_notice_instead(opens: Opens) -> None:
    trade = await opens('wrong_notices = "cancel"', 'wrong_invoices = "810"')
    name = await shipment_of(trade)
    for package in ("c2", "c1"):
        await trade.void("buyco-b-1", package)
        await trade.look()

    found = (await sent(trade))["856"]

    assert [one[0].split("*")[1] for one in found] == ["01", "00", "01"]
    assert found[0][0].split("*")[2] == name
    assert found[1][0].split("*")[2] == found[2][0].split("*")[2] != name, "the second takes back what the first sent"


async def test_other_packages_than_were_reported_replace_the_notice_and_touch_no_invoice(opens: Opens) -> None:
    trade = await opens('wrong_notices = "replace"')
    await say(trade, "shipped", lines=[], packages=[{"package": "c1", "tracking": "1Z-other", "lines": []}])

    found = await sent(trade)

    assert list(found) == ["856"]
    ((begin, *content),) = found["856"]
    assert begins(begin, "BSN", "05")
    assert content[:2] == ["MAN*CP*1Z-other", "SN1**4*EA**6*EA"]


async def test_a_package_that_is_named_later_takes_the_place_of_goods_without_one(
    database: Database, tmp_path: Path
) -> None:
    trade = await Trade.open(database, tmp_path, 'test = true\nwrong_notices = "replace"')
    await trade.stock(WIDGET_001=20)
    trade.send(file(new("B-1", SIX)))
    await trade.look()
    await trade.plan("buyco-b-1")
    await say(trade, "shipped", lines=[{"line": "1", "quantity": 6}])
    trade.collect()
    packed = {"package": "p1", "tracking": "1Z1", "lines": [{"line": "1", "quantity": 6}]}
    await say(trade, "shipped", lines=[], packages=[packed])

    found = await sent(trade)

    assert [one[1:] for one in found["856"]] == [["MAN*CP*1Z1", "SN1**6*EA**6*EA"]]
    assert await trade.exceptions() == []
    await trade.close()


async def test_without_an_agreement_a_person_sees_to_it_and_a_retry_sends_nothing_twice(opens: Opens) -> None:
    trade = await opens('wrong_notices = "replace"')
    await trade.void("buyco-b-1", "c2")
    await trade.look()

    assert list(await sent(trade)) == ["856"]
    ((code, detail),) = await trade.exceptions()
    assert code == "channel_refused"
    assert "an invoice (810) is for goods that did not leave: agree with the buyer" in str(detail)
    await trade.change("UPDATE channel_notice SET due_at = clock_timestamp() WHERE refused IS NOT NULL")
    await trade.look()
    assert await sent(trade) == {}
    assert len(await trade.exceptions()) == 1


async def test_a_notice_whose_contents_were_not_kept_is_a_persons(opens: Opens) -> None:
    trade = await opens('wrong_notices = "replace"', 'wrong_invoices = "810"')
    name = await shipment_of(trade)
    await trade.change(
        f"""UPDATE channel_order SET ids = (SELECT jsonb_object_agg(key, CASE WHEN key LIKE 'package %' THEN '"{name}"'
            ELSE value END) FROM jsonb_each(ids))"""
    )
    await trade.void("buyco-b-1", "c2")
    await trade.look()

    found = await sent(trade)

    assert list(found) == ["810"]
    assert found["810"][0][1] == f"REF*OI*{name}"
    ((_, detail),) = await trade.exceptions()
    assert "it was sent before the contents of packages were kept" in str(detail)
