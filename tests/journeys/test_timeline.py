"""The timeline of an order tells everything that happened to it, with who did it and why."""

import asyncio
import re

from sqlalchemy import text

from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, now

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)")

Row = tuple[str, str | None, str | None, str, str | None]

# fmt: off
LIFE: list[Row] = [
    ("order.placed",                None,     "channel:web",
     "2 of line 1; standard, to US", None),
    ("hold.placed",                 None,     "web",
     "fraud", "looks odd"),
    ("round.decided",               None,     "workflow",
     "round 1, strategy direct: 2 units from slc", None),
    ("order.promised",              None,     None,
     "ships by MOMENT, arrives by MOMENT", None),
    ("request.change_address",      None,     "Rosa",
     "granted", "they moved"),
    ("round.decided",               None,     "workflow",
     "round 2, strategy direct: 2 units from slc", None),
    ("stock.freed",                 None,     "channel:web",
     "2 of SERUM-30 at slc, by request 1", None),
    ("hold.released",               None,     "Ada",
     "fraud", "called them"),
    ("fulfillment_order.released",  "-f1",    "workflow",
     "2 of line 1 to slc, attempt 1, to ship by MOMENT", None),
    ("message.rejected",            "-f1",    "operator:operator",
     "message m-N of slc", "the box is wet"),
    ("stock.freed",                 None,     "operator:operator",
     "2 of SERUM-30 at slc, by message slc m-N", None),
    ("round.decided",               None,     "workflow",
     "round 3, strategy direct: 2 units from nwk", None),
    ("fulfillment_order.released",  "-f2",    "workflow",
     "2 of line 1 to nwk, attempt 2, to ship by MOMENT", None),
    ("message.shipped",             "-f2",    "operator:operator",
     "message m-N of nwk: 2 of line 1", None),
    ("package.shipped",             "-f2",    "node:nwk",
     "package 1 ups 1Z1", None),
    ("message.shipped",             "-f2",    "operator:operator",
     "message m-N of nwk: 1 of line 1", None),
    ("exception.opened",            "-x1",    None,
     "surplus: 1 of line 1 left nwk beyond what was ordered", None),
    ("exception.closed",            "-x1",    "Ada",
     "surplus: a person resolved it", "counted again"),
    ("request.cancel",              None,     "operator:operator",
     "refused 2 of line 1", "too late"),
    ("message.delivered",           "-f2",    "operator:operator",
     "message m-N of nwk", None),
    ("request.return",              None,     "channel:web",
     "1 of line 1; resolution refund; return -r1", "line 1: too big"),
    ("return.requested",            "-r1",    None,
     "1 of line 1, for refund", None),
    ("message.received",            "-r1",    "operator:operator",
     "message r-received of nwk: 1 of line 1", None),
    ("message.graded",              "-r1",    "operator:operator",
     "message r-graded of nwk: 1 of line 1", None),
    ("stock.restocked",             None,     "operator:operator",
     "1 of SERUM-30 at nwk, by message nwk r-graded", None),
    ("refund.requested",            "-r1-m1", None,
     "the channel is asked for 1000 minor units of USD as refund", None),
    ("message.settled",             "-r1",    "operator:operator",
     "message r-settled of operator:operator", "paid by card"),
    ("return.settled",              "-r1",    None,
     "the customer got what is owed", None),
    ("refund.settled",              "-r1-m1", None,
     "1000 minor units of USD were paid", None),
    ("return.closed",               "-r1",    None,
     "nothing is left to do", None),
    ("request.claim",               None,     "operator:operator",
     "kind damaged; 1 of line 1; resolution refund; claim -c1; refund -c1-m1", "broken"),
    ("refund.requested",            "-c1-m1", None,
     "the channel is asked for 1000 minor units of USD as refund", None),
]
"""What happened, to what, by whom; below it the sentence and what was typed."""
# fmt: on


def rows(items: list[Document], name: str) -> list[Row]:
    """Items as a table, without what is another in each run."""
    return [
        (item["what"], plain(item["about"], name), item["actor"], str(plain(item["detail"], name)), item["reason"])
        for item in items
    ]


def plain(said: str | None, name: str) -> str | None:
    return None if said is None else re.sub(r"m-\d+\b(?! *minor)", "m-N", MOMENT.sub("MOMENT", said.replace(name, "")))


async def timeline(house: House, name: str, headers: dict[str, str] | None = None) -> list[Document]:
    """All items of an order's timeline."""
    answer = await house.http.get(f"/orders/{name}/timeline", params={"limit": "500"}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    items: list[Document] = answer.json()["items"]
    return items


async def until_closed(house: House, name: str) -> None:
    """Wait until a return is over."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while (await house.http.get(f"/returns/{name}")).json()["status"] != "closed":  # noqa: ASYNC110
            await asyncio.sleep(0.03)


async def a_rich_life(house: House) -> str:
    """An order that was held, moved, rejected, shipped, shipped again by mistake, returned, paid back and claimed."""
    channel = await house.key("channel", "web")
    await house.stock("slc", SERUM_30=2)
    await house.stock("nwk", SERUM_30=5)
    body = house.body(("SERUM-30", 2), holds=[{"hold": "fraud", "reason": "looks odd"}])
    body["ship_to"] |= {"name": "Rosa", "street": ["1 Main St"]}
    name = str((await house.http.post("/orders", json=body, headers=channel)).json()["order"])
    await house.settle(name)
    moved = body["ship_to"] | {"street": ["2 Main St"]}
    for what, asked, headers in (
        ("address", {"ship_to": moved, "reason": "they moved", "actor": "Rosa"}, channel),
        ("release", {"hold": "fraud", "reason": "called them", "actor": "Ada"}, None),
    ):
        answer = await house.http.post(f"/orders/{name}/{what}", json=asked, headers=headers)
        assert answer.status_code == 200, answer.text
    first = (await house.work(name))["fulfillment_order"]
    await house.tell(first, "rejected", reason="the box is wet")
    second = (await house.work(name, 2))["fulfillment_order"]
    parcel = {"package": "1", "carrier": "ups", "tracking": "1Z1", "lines": [{"line": "1", "quantity": 2}]}
    await house.tell(second, "shipped", packages=[parcel], occurred_at="2026-11-21T15:04:05Z")
    await house.tell(second, "shipped", {"1": 1})
    (surplus,) = (await house.until(name, lambda found: found["exceptions"]))["exceptions"]
    resolved = {"exception": surplus["exception"], "reason": "counted again", "actor": "Ada"}
    assert (await house.ask(name, "resolve", **resolved)).status_code == 200
    assert (await house.ask(name, "cancel", reason="too late")).status_code == 409
    await house.tell(second, "delivered")
    back: Document = {"lines": [{"line": "1", "quantity": 1, "reason": "too big"}], "resolution": "refund"}
    answer = await house.http.post(f"/orders/{name}/returns", json=back, headers=channel)
    assert answer.status_code == 201, answer.text
    path = f"/returns/{answer.json()['return']}/messages"
    line = {"line": "1", "quantity": 1}
    for message in (
        {"kind": "received", "node": "nwk", "lines": [line]},
        {"kind": "graded", "node": "nwk", "lines": [line | {"condition": "as_new", "disposition": "restock"}]},
        {"kind": "settled", "reason": "paid by card"},
    ):
        said = message | {"message_id": f"r-{message['kind']}", "occurred_at": now()}
        assert (await house.http.post(path, json=said)).status_code == 202
    await until_closed(house, answer.json()["return"])
    claim: Document = {"lines": [line], "kind": "damaged", "resolution": "refund", "reason": "broken"}
    assert (await house.ask(name, "claims", **claim)).status_code == 201
    return name


async def test_a_whole_life_is_listed_in_order_with_who_did_what_and_why(house: House) -> None:
    name = await a_rich_life(house)

    items = await timeline(house, name)

    assert rows(items, name) == LIFE
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    shipped = next(item for item in items if item["what"] == "message.shipped")
    assert (shipped["occurred_at"], shipped["at"] > shipped["occurred_at"]) == ("2026-11-21T15:04:05Z", True)

    pages = await house.pages(f"/orders/{name.upper()}/timeline", 5)
    assert [item for page in pages for item in page] == items
    assert len({item["entry"] for item in items}) == len(items)

    own = await timeline(house, name, await house.key("channel", "web"))
    hidden = {"exception.closed": (None, None)}
    assert [(item["actor"], item["reason"]) for item in own] == [
        hidden.get(item["what"], (item["actor"], item["reason"])) for item in items
    ]
    other = await house.http.get(f"/orders/{name}/timeline", headers=await house.key("channel", "outlet"))
    assert other.status_code == 404

    async with house.service.database.write() as connection:
        await connection.execute(text("UPDATE return SET closed_at = closed_at - interval '1 minute'"))
    assert rows(await timeline(house, name), name) == LIFE, "the clock of a workflow is not that of PostgreSQL"

    assert (await house.ask(name, "forget", even_if_open=True, reason="asked for it", actor="Ada")).status_code == 200
    items = await timeline(house, name)
    assert {item["reason"] for item in items[:-1]} == {None}, "what was typed is gone, and what happened stays"
    assert (items[-1]["what"], items[-1]["actor"], items[-1]["reason"]) == ("order.forgotten", "Ada", "asked for it")
    assert not {"Rosa", "1Z1", "ups"} & set(" ".join(f"{item['actor']} {item['detail']}" for item in items).split())
