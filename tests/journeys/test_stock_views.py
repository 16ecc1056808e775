"""What operators, channels and nodes see of stock, and what a stop-sale does to it, over HTTP."""

from collections.abc import Mapping
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest
from httpx2 import Response

from api import problems
from tests.house import Document, House, units
from transactions.prepare import apply_network

BUFFERS = """\
kind,sku,node,channel,units
threshold,SERUM-30,,,4
quota,SERUM-30,,wholesale,5
"""


async def shown(house: House, sku: str, headers: Mapping[str, str] | None = None) -> Document:
    """The document of `GET /stock/{sku}`."""
    answer = await house.http.get(f"/stock/{sku}", headers=headers)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def ask(house: House, sku: str, what: str, headers: Mapping[str, str] | None = None, **body: Any) -> Response:
    """Stop the sale of an item, or lift it."""
    return await house.http.post(f"/stock/{sku}/{what}", json=body, headers=headers)


@pytest.fixture
async def guarded(house: House, tmp_path: Path) -> House:
    """A house that keeps 4 of SERUM-30 back from everybody, and 5 for wholesale; it has 15 at two nodes."""
    network = copytree("network/example", tmp_path / "network", ignore=ignore_patterns("cases"))
    (network / "buffers.csv").write_text(BUFFERS)
    assert await apply_network(house.database_url, network) == []
    await house.stock("slc", SERUM_30=10)
    await house.stock("nwk", SERUM_30=5)
    return house


async def test_each_channel_sees_what_it_may_take_and_an_operator_what_is_kept_back(
    guarded: House,
) -> None:
    keys = {name: await guarded.key("channel", name) for name in ("web", "wholesale")}
    available = {name: (await shown(guarded, "SERUM-30", key))["available"] for name, key in keys.items()}
    assert available == {"web": 15 - 4 - 5, "wholesale": 15 - 4}
    assert "kept_back" not in await shown(guarded, "SERUM-30", keys["web"])
    all_of_it = await shown(guarded, "SERUM-30")
    assert (all_of_it["available"], all_of_it["kept_back"]) == (15 - 4, 4)
    assert [(row["node"], row["available"]) for row in all_of_it["nodes"]] == [("nwk", 5), ("slc", 10)]
    own = await shown(guarded, "SERUM-30", await guarded.key("node", "slc"))
    assert (own["available"], [row["node"] for row in own["nodes"]]) == (10, ["slc"])


async def test_a_channel_gets_as_many_units_as_it_was_shown_and_not_one_more(guarded: House) -> None:
    available = (await shown(guarded, "SERUM-30", await guarded.key("channel", "web")))["available"]
    order = await guarded.place(("SERUM-30", available + 1), holds=[{"hold": "look"}])
    assert units(await guarded.settle(order)) == {"reserved": available, "backordered": 1}


async def listed(house: House, headers: Mapping[str, str], **query: Any) -> tuple[dict[str, int], str]:
    """What a channel is shown of all items, page by page, and the `as_of` of the pages."""
    items: dict[str, int] = {}
    said: set[str] = set()
    after: dict[str, str] = {}
    while True:
        answer = await house.http.get("/stock", headers=headers, params=query | after)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        items |= {row["sku"]: row["available"] for row in document["items"]}
        said.add(document["as_of"])
        if document["next"] is None:
            break
        after = {"after": document["next"]}
    (as_of,) = said
    return items, as_of


async def test_a_channel_sees_only_what_is_at_nodes_that_may_ship_its_orders(house: House) -> None:
    """Wholesale ships from warehouses, all others also from stores and vendors."""
    await house.stock("slc", SERUM_30=5)
    await house.stock("chi", SERUM_30=3)
    await house.stock("atl", SERUM_30=2)
    seen = {}
    for name in ("wholesale", "web"):
        key = await house.key("channel", name)
        seen[name] = (await shown(house, "SERUM-30", key))["available"]
        assert (await listed(house, key))[0]["SERUM-30"] == seen[name]
    assert seen == {"wholesale": 5, "web": 10}
    assert (await shown(house, "SERUM-30"))["available"] == 10


async def test_what_is_kept_back_from_a_channel_may_lie_at_nodes_that_it_cannot_use(
    house: House, tmp_path: Path
) -> None:
    network = copytree("network/example", tmp_path / "network", ignore=ignore_patterns("cases"))
    (network / "buffers.csv").write_text("kind,sku,node,channel,units\nthreshold,SERUM-30,,,4\n")
    assert await apply_network(house.database_url, network) == []
    await house.stock("slc", SERUM_30=5)
    await house.stock("chi", SERUM_30=3)
    assert (await shown(house, "SERUM-30", await house.key("channel", "wholesale")))["available"] == 4
    assert (await shown(house, "SERUM-30", await house.key("channel", "web")))["available"] == 4


async def test_a_channel_follows_the_stock_of_all_items(house: House) -> None:
    web = await house.key("channel", "web")
    await house.stock("slc", SERUM_30=9, CLEANSER_150=5, TONER_200=5, MOISTURIZER_50=5)
    everything, as_of = await listed(house, web, limit=3)
    assert everything == (await listed(house, web))[0]
    assert {sku: everything[sku] for sku in ("SERUM-30", "SET-01", "CANDLE-220")} == {
        "SERUM-30": 9,
        "SET-01": 5,
        "CANDLE-220": 0,
    }
    assert {sku: (await shown(house, sku, web))["available"] for sku in everything} == everything
    assert (await listed(house, web, updated_since=as_of))[0] == {}

    await house.place(("CLEANSER-150", 2), holds=[{"hold": "look"}])
    changed, later = await listed(house, web, updated_since=as_of, limit=1)
    assert changed == {"CLEANSER-150": 3, "SET-01": 3, "SET-TRAVEL": 0}
    assert (await listed(house, web, updated_since=later))[0] == {}

    assert (await ask(house, "SERUM-30", "stop")).status_code == 200
    changed, last = await listed(house, web, updated_since=later)
    assert changed == {"SERUM-30": 0, "SET-01": 0}
    assert (await ask(house, "SERUM-30", "resume")).status_code == 200
    assert (await listed(house, web, updated_since=last))[0] == {"SERUM-30": 9, "SET-01": 3}


async def test_after_a_change_of_the_network_a_channel_reads_everything_again(house: House, tmp_path: Path) -> None:
    web = await house.key("channel", "web")
    await house.stock("slc", SERUM_30=9, CANDLE_220=4)
    everything, as_of = await listed(house, web)
    network = copytree("network/example", tmp_path / "network", ignore=ignore_patterns("cases"))
    items = (network / "items.csv").read_text().splitlines(keepends=True)
    (network / "items.csv").write_text("".join(line for line in items if not line.startswith("CANDLE-220,")))
    assert await apply_network(house.database_url, network) == []
    changed, last = await listed(house, web, updated_since=as_of)
    assert changed == everything | {"CANDLE-220": 0}
    assert (await listed(house, web, updated_since=last))[0] == {}


async def test_a_channel_may_ask_from_a_time_on(house: House) -> None:
    web = await house.key("channel", "web")
    await house.stock("slc", SERUM_30=9)
    assert "SERUM-30" in (await listed(house, web, updated_since="2026-11-21T15:04:05Z"))[0]
    assert (await listed(house, web, updated_since="2199-11-21T15:04:05+01:00"))[0] == {}


FILTERS = """
channel || updated_since=yesterday           || updated_since || must be a time such as
channel || updated_since=2026-11-21T15:04:05 || updated_since || must be a time such as
channel || node=slc                          || node          || only operators and nodes have this filter
channel || below=3                           || below         || only operators and nodes have this filter
channel || after=SERUM-30@slc                || after         || must be `next` of the page before
node    || updated_since=7-90412             || updated_since || only channels have this filter
"""


@pytest.mark.parametrize("row", FILTERS.strip().splitlines())
async def test_a_filter_that_a_key_has_not_is_refused(house: House, row: str) -> None:
    kind, query, field, said = (cell.strip() for cell in row.split("||"))
    key = await house.key(kind, {"channel": "web", "node": "slc"}[kind])
    answer = await house.http.get(f"/stock?{query}", headers=key)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, field)
    assert said in error["detail"]


async def test_a_stopped_sale_is_shown_to_everybody_and_nothing_of_it_is_available(house: House) -> None:
    await house.stock("slc", SERUM_30=5, CLEANSER_150=5, TONER_200=5, MOISTURIZER_50=5)
    await house.stock("nwk", SERUM_30=3)
    channel = await house.key("channel", "web")
    assert (await shown(house, "SET-01"))["available"] == 5

    answer = await ask(house, "SERUM-30", "stop", node="slc", reason="leaks", actor="Ada")
    assert (answer.status_code, answer.json()["touches"]["available"]) == (200, 5)
    document = await shown(house, "SERUM-30")
    rows = [(row["node"], row["on_hand"], row["available"], row["stopped"]) for row in document["nodes"]]
    assert rows == [("nwk", 3, 3, False), ("slc", 5, 0, True)]
    assert (document["available"], document["stopped"]) == (3, False)
    (bundle,) = [row for row in (await shown(house, "SET-01"))["nodes"] if row["node"] == "slc"]
    assert bundle == {"node": "slc", "available": 0, "stopped": True}

    assert (await ask(house, "SERUM-30", "stop")).status_code == 200
    stock = await shown(house, "SERUM-30", channel)
    assert (stock["available"], stock["stopped"]) == (0, True)
    stock = await shown(house, "SET-01", channel)
    assert (stock["available"], stock["stopped"]) == (0, True)


async def test_an_order_that_waits_for_a_stopped_item_is_served_when_the_stop_is_lifted(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    answer = await ask(house, "SERUM-30", "stop")
    order = await house.place(("SERUM-30", 2))
    await house.until(order, "backordered")
    again = await ask(house, "SERUM-30", "stop")
    assert again.json()["since"] == answer.json()["since"]
    assert again.json()["touches"]["backordered"] == 2

    assert (await ask(house, "SERUM-30", "resume")).json()["standing"] == []
    assert (await house.work(order))["node"] == "slc"
    refused = await ask(house, "SERUM-30", "resume")
    assert (refused.status_code, refused.json()["type"]) == (409, problems.REFUSED.type)
    assert "not stopped" in refused.json()["detail"]


async def test_a_node_stops_the_sale_of_its_own_units_only(house: House) -> None:
    node = await house.key("node", "slc")
    for other in ({"node": "nwk"}, {"node": None}, {}):
        for what in ("stop", "resume"):
            answer = await ask(house, "SERUM-30", what, node, **other)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (403, "node"), (what, other)
    assert (await ask(house, "SERUM-30", "stop", node, node="slc")).status_code == 200
    await house.stock("slc", SERUM_30=5)
    assert await house.available("SERUM-30") == {"slc": 0}
    assert (await ask(house, "SERUM-30", "resume", node, node="slc")).status_code == 200
    assert await house.available("SERUM-30") == {"slc": 5}


async def test_a_bundle_is_not_stopped_but_its_components_are(house: House) -> None:
    answer = await ask(house, "SET-01", "stop")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "sku")
    assert "components" in answer.json()["detail"]


async def test_a_stop_repeated_with_its_idempotency_key_is_answered_as_the_first_time(house: House) -> None:
    key = {"Idempotency-Key": "stop-1"}
    first = await ask(house, "SERUM-30", "stop", key)
    await house.stock("slc", SERUM_30=5)
    assert (await ask(house, "SERUM-30", "stop", key)).json() == first.json()
    other = await ask(house, "TONER-200", "stop", key)
    assert (other.status_code, other.json()["type"]) == (409, problems.OTHER_BODY.type)


async def test_low_stock_is_listed_page_by_page_with_what_each_node_never_sells(house: House) -> None:
    await house.stock("slc", SERUM_30=2, CANDLE_220=4, TONER_200=9)
    await house.stock("chi", SERUM_30=9, CANDLE_220=5)
    low = ["CANDLE-220@slc", "SERUM-30@slc"]
    for limit, nexts in ((1, [low[0], None]), (2, [None]), (500, [None])):
        seen: list[str | None] = []
        found: list[str] = []
        query: dict[str, Any] = {"below": 3, "limit": limit}
        while not seen or seen[-1] is not None:
            page = (await house.http.get("/stock", params=query)).json()
            found += [f"{row['sku']}@{row['node']}" for row in page["items"]]
            seen.append(page["next"])
            query["after"] = page["next"]
        assert (found, seen) == (low, nexts), limit
    (candle,) = (await house.http.get("/stock?below=4&node=chi")).json()["items"]
    assert (candle["sku"], candle["on_hand"], candle["safety_stock"], candle["available"]) == ("CANDLE-220", 5, 2, 3)
    own = await house.http.get("/stock?below=100", headers=await house.key("node", "chi"))
    assert [row["node"] for row in own.json()["items"]] == ["chi", "chi"]


@pytest.mark.parametrize("after", ["SERUM-30", "@slc", "SERUM-30@", "SERUM-30@SLC"])
async def test_a_page_after_something_that_is_no_row_of_stock_is_refused_with_the_name_of_the_field(
    house: House, after: str
) -> None:
    answer = await house.http.get("/stock", params={"after": after})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["after"]
