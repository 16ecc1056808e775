"""`simulate --history`: what the service itself kept is planned again as it came, and beside it with something changed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.network import Network
from domain.request import ForgetRequest
from network.load import load
from simulation import HistoryOptions, simulate_history
from simulation.comparison import Comparison, OrderOutcome
from simulation.frontier import frontier
from simulation.history import compare_history
from simulation.what_changes import ChangeRefused, Written, repeats
from starter.__main__ import joined
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, Shop
from tests.house import MASTER_KEYS
from transactions.history import history
from transactions.personal import forget

EVER, AFTER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop without orders, with some stock."""
    opened = await Shop.open(database)
    await opened.receive(NEAREST, CHAIR=5, LAMP=4)
    await opened.receive(NEXT, CHAIR=5)
    yield opened
    await opened.check()


async def compared(
    shop: Shop, other: Network | None = None, demand: float = 1.0, since: datetime = EVER, **options: Any
) -> Comparison:
    kept = await history(shop.database, since, AFTER)
    return compare_history(kept, (other, "other") if other else None, Written(**options).read(), demand, AFTER)


def by_order(outcomes: Any) -> dict[str, dict[str, int]]:
    found: list[OrderOutcome] = list(outcomes)
    return {one.order: dict(one.units_by_node) for one in found}


async def really(shop: Shop) -> dict[str, dict[str, int]]:
    """The units that each node owes each order, by the ledger."""
    statement = text(
        "SELECT order_id, node, sum(reserved + allocated) AS units FROM movement WHERE order_id IS NOT NULL"
        " GROUP BY order_id, node HAVING sum(reserved + allocated) > 0 ORDER BY order_id, node"
    )
    found: dict[str, dict[str, int]] = {}
    async with shop.database.read() as connection:
        for row in await connection.execute(statement):
            found.setdefault(row.order_id, {})[row.node] = int(row.units)
    return found


async def test_without_a_change_everything_becomes_what_it_became_also_after_a_rejection_and_late_goods(
    shop: Shop,
) -> None:
    first = await shop.released(("CHAIR", 2))
    await shop.tell(first, MessageKind.REJECTED)
    await shop.source(first)
    waits = await shop.sold(("LAMP", 6), ("CHAIR", 1))
    await shop.receive(FARTHEST, LAMP=3)
    await shop.backorders.work_off(10)
    last = await shop.sold(("CHAIR", 2))
    found = await compared(shop)
    expected = {first: {NEXT: 2}, waits: {NEAREST: 5, FARTHEST: 2}, last: {NEAREST: 2}}
    assert await really(shop) == expected
    assert by_order(found.trials[0].outcomes) == expected
    assert found.of_history[1] == "At first A plans 3 of 3 orders at the nodes that they really were planned at."
    assert (len(found.trials), found.changes) == (1, ())


async def test_orders_of_a_closed_node_come_from_the_next_and_its_goods_go_where_they_are_sent(shop: Shop) -> None:
    orders = [await shop.sold(("CHAIR", 4)), await shop.sold(("CHAIR", 4))]
    assert by_order((await compared(shop)).trials[0].outcomes) == {orders[0]: {NEAREST: 4}, orders[1]: {NEXT: 4}}
    closed = await compared(shop, close=[NEAREST])
    assert by_order(closed.trials[1].outcomes) == {orders[0]: {NEXT: 4}, orders[1]: {NEXT: 1}}
    assert [change.before.order for change in closed.changes] == orders
    sent = await compared(shop, close=[f"{NEAREST}:{NEXT}"])
    assert by_order(sent.trials[1].outcomes) == {orders[0]: {NEXT: 4}, orders[1]: {NEXT: 4}}
    assert sent.trials[1].source == f"the active network; {NEAREST} closed, its stock at {NEXT}"


async def test_what_failed_at_a_closed_node_fails_at_no_other(shop: Shop) -> None:
    order = await shop.released(("CHAIR", 2))
    await shop.tell(order, MessageKind.REJECTED)
    await shop.source(order)
    found = await compared(shop, close=[f"{NEAREST}:{NEXT}"])
    assert [by_order(trial.outcomes) for trial in found.trials] == [{order: {NEXT: 2}}] * 2
    moved = await compared(shop, move=[f"{NEAREST}:0,0"])
    assert by_order(moved.trials[1].outcomes) == {order: {NEXT: 2}}


# the change || from where two orders of four chairs and two lamps come
CHANGED: list[tuple[dict[str, list[str]], list[dict[str, int]]]] = [
    ({"move": [f"{NEAREST}:0,0"]}, [{NEXT: 4}, {NEAREST: 4}]),
    ({"capacity": [f"{NEAREST}:0"]}, [{NEXT: 4}, {NEXT: 1}]),
    ({"cutoff": [f"{NEAREST}:23:59"]}, [{NEAREST: 4}, {NEXT: 4}]),
    ({"open": [f"{FARTHEST}2:{FARTHEST}:39.75,-105"]}, [{NEAREST: 4}, {NEXT: 4}]),
]


@pytest.mark.parametrize(("options", "expected"), CHANGED, ids=[next(iter(row[0])) for row in CHANGED])
async def test_a_node_that_is_moved_or_full_or_new_changes_what_comes_from_where(
    shop: Shop, options: dict[str, Any], expected: list[dict[str, int]]
) -> None:
    orders = [await shop.sold(("CHAIR", 4)), await shop.sold(("CHAIR", 4))]
    found = await compared(shop, **options)
    assert by_order(found.trials[1].outcomes) == dict(zip(orders, expected, strict=True))


async def test_a_time_begins_with_the_stock_that_was_there_and_stock_can_lie_elsewhere(shop: Shop) -> None:
    earlier = await shop.sold(("CHAIR", 3))
    began = datetime.now(UTC)
    order = await shop.sold(("CHAIR", 2))
    assert by_order((await compared(shop, since=began)).trials[0].outcomes) == {order: {NEAREST: 2}}
    moved = await compared(shop, since=began, stock=[f"CHAIR:{NEAREST}:{FARTHEST}:2"])
    assert by_order(moved.trials[1].outcomes) == {order: {NEXT: 2}}
    opened = await compared(shop, since=began, open=["new:denver:39.75,-105"], stock=[f"CHAIR:{NEXT}:new:5"])
    assert by_order(opened.trials[1].outcomes) == {order: {"new": 2}}
    with pytest.raises(ChangeRefused, match=f"--move-stock CHAIR: {NEAREST} has 2 when the time begins"):
        await compared(shop, since=began, stock=[f"CHAIR:{NEAREST}:{FARTHEST}:3"])
    await shop.cancel(earlier)
    again = await shop.sold(("CHAIR", 3))
    found = by_order((await compared(shop, since=began)).trials[0].outcomes)
    assert found == {order: {NEAREST: 2}, again: {NEAREST: 3}}, "what an earlier order gave back is there again"


async def test_twice_the_demand_and_another_policy_are_planned_side_by_side(shop: Shop) -> None:
    order = await shop.sold(("CHAIR", 4))
    farthest_first = load(replace(MAP, policy=MAP.policy.replace('rank = ["distance"]', 'rank = ["shipments"]')))
    found = await compared(shop, farthest_first, demand=2.0)
    assert by_order(found.trials[0].outcomes) == {order: {NEAREST: 4}, f"{order} again 1": {NEXT: 4}}
    assert [trial.units.whole for trial in found.trials] == [8, 8]
    assert 1250 < sum(repeats(f"web-{number}", 1.3) for number in range(1000)) < 1350
    assert [repeats("web-1", demand) for demand in (1.0, 2.0, 3.0)] == [1, 2, 3]


async def test_a_forgotten_order_is_left_out_and_its_goods_are_gone_as_they_were(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = await shop.sold(("CHAIR", 4))
    order = await shop.sold(("CHAIR", 4))
    await forget(shop.database, gone, ForgetRequest(even_if_open=True), actor="operator")
    url = shop.database.engine.url.render_as_string(hide_password=False)
    options = HistoryOptions(EVER, AFTER, changes=Written(close=[NEXT]))
    assert await simulate_history(url, MASTER_KEYS, options) == 0
    printed = capsys.readouterr().out
    assert "1 order, decided from " in printed
    assert "Orders that are left out: 1 forgotten." in printed
    assert f"B: the active network; {NEXT} closed" in printed
    assert order in printed
    assert "At first A plans 1 of 1 orders" in printed


ONE_TIER = """
[[strategy.tier]]
from = ["all"]
max_shipments = 3
[[strategy.cost]]
per = "shipment"
amount = '100.0 + node.distance_km'

[orders]
"""


async def test_weightings_stand_side_by_side_at_what_the_policy_charges_and_those_that_another_is_better_than_are_marked(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    ranked = MAP.policy.replace('rank = ["distance"]', 'rank = ["priority"]').partition("[[strategy.tier]]")[0]
    rest = MAP.policy.partition("[orders]")[2].replace("[[20000, 3]]", "[[400, 2], [20000, 6]]")
    nodes = MAP.nodes.replace('id = "billings"', 'id = "billings"\npriority = 1')
    shop = await Shop.open(database, replace(MAP, policy=ranked + ONE_TIER + rest, nodes=nodes))
    await shop.receive(NEAREST, CHAIR=9)
    await shop.receive(NEXT, LAMP=9)
    await shop.receive(FARTHEST, CHAIR=9, LAMP=9)
    await shop.sold(("CHAIR", 1), ("LAMP", 1))
    await shop.sold(("CHAIR", 1))
    kept = await history(shop.database, EVER, AFTER)
    points = {one.words: one for one in frontier(kept, kept.network, Written().read(), 1.0, AFTER)}
    found = {words: (one.trial.shipments, one.is_best) for words, one in points.items()}
    assert found["as the policy ranks"] == (2, False)
    assert found["the lowest cost first"] == found["the fewest days first"] == (3, True)
    assert found["the fewest boxes first"] == (2, True)
    # How many days a promise takes depends on the hour at which the order comes, so only their sequence is certain.
    days = {words: one.trial.days or 0 for words, one in points.items()}
    assert days["the lowest cost first"] == days["the fewest days first"]
    assert 0 < days["the fewest days first"] < days["the fewest boxes first"] < days["as the policy ranks"]
    costs = {shipments: set[int]() for shipments, _ in found.values()}
    for one in points.values():
        if one.is_best:
            costs[one.trial.shipments].add(one.trial.cost)
    assert [len(known) for known in costs.values()] == [1, 1], "a weight is in no figure"
    url = shop.database.engine.url.render_as_string(hide_password=False)
    assert await simulate_history(url, MASTER_KEYS, HistoryOptions(EVER, AFTER, frontier=True)) == 0
    printed = capsys.readouterr().out
    assert printed.count("another is better") == sum(not one.is_best for one in points.values())


# the options || what is said
REFUSED = [
    ({"close": ["nowhere"]}, "--close: there is no node nowhere"),
    ({"close": [f"{NEAREST}:{NEAREST}"]}, f"--close {NEAREST}: {NEAREST} is closed, too"),
    ({"move": [NEAREST]}, f"--move {NEAREST}: it must be NODE:LATITUDE,LONGITUDE"),
    ({"move": [f"{NEAREST}:91,0"]}, "--move: '91,0' is no place; write LATITUDE,LONGITUDE, such as 31.55,-97.15"),
    ({"move": [f"{NEAREST}:nan,0"]}, "--move: 'nan,0' is no place; write LATITUDE,LONGITUDE, such as 31.55,-97.15"),
    ({"open": [f"{NEAREST}:{NEXT}:1,1"]}, f"--open {NEAREST}: there is such a node already"),
    ({"capacity": [f"{NEAREST}:many"]}, "--capacity: 'many' is not a whole number"),
    ({"cutoff": [f"{NEAREST}:25:00"]}, "--cutoff: 25:00 is not a time of day"),
    ({"stock": [f"CHAIR:{NEAREST}:nowhere:1"]}, "--move-stock: there is no node nowhere"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[row[1] for row in REFUSED])
async def test_a_change_that_cannot_be_made_is_refused_with_its_option(
    shop: Shop, capsys: pytest.CaptureFixture[str], options: dict[str, list[str]], words: str
) -> None:
    await shop.sold(("CHAIR", 1))
    url = shop.database.engine.url.render_as_string(hide_password=False)
    assert await simulate_history(url, MASTER_KEYS, HistoryOptions(EVER, AFTER, changes=Written(**options))) == 1
    assert capsys.readouterr().err == f"{words}\n"


async def test_a_time_without_orders_is_said(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    url = shop.database.engine.url.render_as_string(hide_password=False)
    assert await simulate_history(url, MASTER_KEYS, HistoryOptions(EVER, EVER + timedelta(days=1))) == 1
    assert capsys.readouterr().err == "there is no order in this time that can be planned again\n"


async def test_the_command_reads_its_options_and_the_database(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`starter.simulate` as the command line calls it, with every option that changes something."""
    await shop.sold(("CHAIR", 4))
    monkeypatch.setenv("DATABASE_URL", shop.database.engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr("starter.simulate.master_keys", lambda: MASTER_KEYS)
    asked = f"simulate --history --since 2020-01-01 --close {NEAREST}:{NEXT} --demand 2 --open new:{NEXT}:39,-105"
    asked += f" --move-stock CHAIR:{NEXT}:new:0 --capacity {NEXT}:9 --cutoff {NEXT}:23:59 --move {FARTHEST}:40,-105"
    code = await joined("simulate").run_async(asked.split(), result_action="return_value")
    printed = capsys.readouterr()
    assert (code, printed.err) == (0, "")
    assert "2 orders, decided from" in printed.out
    changes = f"new opened like {NEXT}; {NEAREST} closed, its stock at {NEXT}; {FARTHEST} at 40,-105; 0 CHAIR at new instead of"
    assert changes in printed.out
    assert f"{NEXT} with a capacity of 9 a day; {NEXT} with a cut-off at 23:59" in printed.out
