"""A person resolves an exception: it is closed with who and why, and the units that waited for it continue."""

from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree

from sqlalchemy import text

from database import personal
from tests.house import SMALL_MAP, Document, House, now, units
from transactions.prepare import apply_network


async def in_trouble(house: House, name: str) -> str:
    """The order's only open exception, as soon as there is one."""
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    (known,) = document["exceptions"]
    return str(known["exception"])


async def without_backorders(house: House, directory: Path) -> None:
    """Units that no node can fill need a person, and two attempts are enough."""
    changed = copytree(SMALL_MAP, directory / "network")
    policy = (changed / "policy.toml").read_text()
    policy = policy.replace('unfilled = "backorder"', 'unfilled = "exception"')
    (changed / "policy.toml").write_text(policy.replace("max_attempts = 3", "max_attempts = 2"))
    assert await apply_network(house.database_url, changed) == []


def codes(document: Document) -> list[str]:
    return [known["code"] for known in document["exceptions"]]


async def test_units_that_waited_for_a_person_are_sourced_again_as_if_never_tried(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await without_backorders(house, tmp_path)
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("asks", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    for number, node in ((1, "reroutes"), (2, "asks")):
        work = await house.work(name, number)
        assert work["node"] == node
        await house.tell(work["fulfillment_order"], "rejected", reason="the shelf is locked")
    unfilled = await in_trouble(house, name)
    assert units(await house.settle(name)) == {"open": 2}

    answer = await house.ask(name, "resolve", exception=unfilled, reason="they found the key", actor="Ada")

    assert (answer.status_code, answer.json()) == (200, {"order": name})
    third = await house.work(name, 3)
    assert (third["node"], third["attempt"]) == ("reroutes", 1)
    document = await house.settle(name)
    assert (units(document), codes(document), document["needs_attention"]) == ({"allocated": 2}, [], False)


async def test_units_that_every_node_has_failed_are_a_persons_case_and_do_not_wait_for_stock_that_could_not_help(
    small_house: House, tmp_path: Path
) -> None:
    """All that may ship it has been tried, so that no receipt would ever be offered to it."""
    house = small_house
    changed = copytree(SMALL_MAP, tmp_path / "network")
    policy = (changed / "policy.toml").read_text()
    policy = policy.replace('rank = ["distance"]', 'rank = ["distance"]\nrequire = \'node.id == "reroutes"\'')
    (changed / "policy.toml").write_text(policy)
    assert await apply_network(house.database_url, changed) == []
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))

    await house.tell((await house.work(name))["fulfillment_order"], "rejected", reason="it is cracked")

    unfilled = await in_trouble(house, name)
    document = await house.settle(name)
    assert (units(document), codes(document)) == ({"open": 1}, ["unfilled"])
    assert (await house.ask(name, "resolve", exception=unfilled, reason="a new one came")).status_code == 200
    assert (await house.work(name, 2))["node"] == "reroutes"


async def test_an_exception_is_resolved_once_by_a_person_for_a_reason(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await without_backorders(house, tmp_path)
    name, other = await house.place(("SERUM-30", 1)), await house.place(("SERUM-30", 1))
    unfilled, others = await in_trouble(house, name), await in_trouble(house, other)
    await house.stock("spare", SERUM_30=2)

    foreign = await house.ask(name, "resolve", exception=others)
    assert (foreign.status_code, foreign.json()["detail"]) == (409, f"the order has no exception {others}")
    body = {"exception": unfilled, "reason": "stock came", "actor": "Ada"}
    key = {"Idempotency-Key": "once"}
    answers = [await house.http.post(f"/orders/{name}/resolve", json=body, headers=key) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"order": name})] * 2
    again = await house.ask(name, "resolve", exception=unfilled)
    assert (again.status_code, again.json()["detail"]) == (409, f"{unfilled} was resolved before")

    assert (await house.work(name))["node"] == "spare"
    seen = (await house.http.get("/exceptions", params={"open": "false"})).json()["items"]
    assert [(row["exception"], row["resolved_by"], row["reason"]) for row in seen] == [(unfilled, "Ada", "stock came")]
    assert codes(await house.settle(other)) == ["unfilled"]


async def test_a_silent_node_that_a_person_has_called_gets_its_full_time_again_and_then_another_exception(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.wait_out(name)
    silent = await in_trouble(house, name)
    assert (await house.work(name))["deadline"] is None
    called_at = await house.clock(name)

    assert (await house.ask(name, "resolve", exception=silent, reason="they will look at it")).status_code == 200

    work = await house.work(name)
    assert work["waiting_for"] == "acceptance"
    assert datetime.fromisoformat(work["deadline"]) >= called_at + timedelta(hours=4)
    await house.skip_to(name, work["deadline"])
    assert await in_trouble(house, name) != silent, "a second silence is a second exception"


async def test_what_a_node_says_on_the_telephone_can_be_entered_as_the_exception_proposes_it_and_closes_it(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.wait_out(name)
    silent = await in_trouble(house, name)
    proposed = (await house.http.get(f"/exceptions/{silent}")).json()
    tell = next(one for one in proposed["actions"] if one["action"] == "tell")

    assert (await house.http.post(tell["path"], json=tell["body"])).status_code == 202

    closed = (await house.http.get(f"/exceptions/{silent}")).json()
    cause = f"message escalates {tell['body']['message_id']}"
    assert (closed["ended_by"]["cause"], closed["resolved_by"], closed["actions"]) == (cause, None, [])
    assert closed["closed_by"] == proposed["closed_by"] != ""
    document = await house.settle(name)
    assert (codes(document), document["fulfillment_orders"][0]["request"]) == ([], "accepted")


async def test_a_node_that_was_asked_to_cancel_and_called_gets_its_full_time_to_answer_again(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("asks", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.wait_out(name)
    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "cancel_requested")
    await house.wait_out(name)
    unanswered = await in_trouble(house, name)

    assert (await house.ask(name, "resolve", exception=unanswered)).status_code == 200

    work = await house.work(name)
    assert (work["request"], work["waiting_for"]) == ("cancel_requested", "cancel_answer")
    await house.tell(work["fulfillment_order"], "cancel_accepted")
    await house.until(name, lambda found: units(found) == {"backordered": 1})


async def after_a_month_in_doubt(house: House) -> tuple[str, str, str]:
    """A delivered order whose first node has never answered; answers the order, that node's work, and the exception."""
    await house.stock("reroutes", SERUM_30=2)
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    first = (await house.work(name))["fulfillment_order"]
    await house.wait_out(name)
    await house.fulfill((await house.work(name, 2))["fulfillment_order"])
    await house.until(name, "delivered")
    await house.wait_out(name)
    return name, first, await in_trouble(house, name)


async def stock_level(house: House, node: str) -> tuple[int, int]:
    """On hand and allocated of the serum at a node."""
    rows = (await house.http.get("/stock/SERUM-30")).json()["nodes"]
    return next((row["on_hand"], row["allocated"]) for row in rows if row["node"] == node)


async def test_units_in_doubt_are_written_off_when_a_person_gives_up_on_them_even_after_the_order_has_closed(
    small_house: House,
) -> None:
    house = small_house
    name, first, silent = await after_a_month_in_doubt(house)
    await house.skip_to(name, (await house.order(name))["closes_at"])
    await house.until(name, "completed")
    await house.workflow(name).result()
    assert await stock_level(house, "reroutes") == (2, 2)

    assert (await house.ask(name, "resolve", exception=silent, actor="Ada")).status_code == 200
    assert (await house.ask(name, "resolve", exception=silent)).status_code == 409

    assert await stock_level(house, "reroutes") == (0, 0), "units that may have left are promised to no order"
    assert codes(await house.order(name)) == []
    await house.tell(first, "cancel_accepted", {"1": 2})
    assert await stock_level(house, "reroutes") == (2, 0), "the node has found them after all"


async def test_units_that_ship_after_they_were_written_off_are_recorded_and_open_an_exception(
    small_house: House,
) -> None:
    house = small_house
    name, first, silent = await after_a_month_in_doubt(house)
    assert (await house.ask(name, "resolve", exception=silent)).status_code == 200
    assert await stock_level(house, "reroutes") == (0, 0)

    await house.tell(first, "shipped", {"1": 2})

    assert codes(await house.order(name)) == ["double_ship"]
    assert await stock_level(house, "reroutes") == (0, 0)


async def test_the_queue_says_what_needs_a_person_since_when_and_what_can_be_done(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await without_backorders(house, tmp_path)
    names = [await house.place(("SERUM-30", 1)) for _ in range(3)]
    known = [await in_trouble(house, name) for name in names]
    await house.stock("escalates", SERUM_30=1)
    counted = {"message_id": "c-1", "node": "escalates", "kind": "counted", "occurred_at": now()}
    silent = await house.place(("SERUM-30", 1))
    await house.work(silent)
    lines = {"lines": [{"sku": "SERUM-30", "quantity": 0}]}
    assert (await house.http.post("/stock/messages", json=counted | lines | {"occurred_at": now()})).status_code == 202

    pages = await house.pages("/exceptions", limit=2)

    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [2, 2]
    assert [(row["exception"], row["order"]) for row in rows[:3]] == list(zip(known, names, strict=True))
    assert all("and resolve" in row["what_to_do"] for row in rows[:3])
    assert all(row["since"] < row["due_at"] for row in rows)
    assert (rows[3]["code"], rows[3]["node"], rows[3]["order"]) == ("stock_short", "escalates", None)
    for query, found in (({"code": "unfilled"}, rows[:3]), ({"node": "escalates"}, rows[3:]), ({"open": "false"}, [])):
        items = (await house.http.get("/exceptions", params=query)).json()["items"]
        assert [row["exception"] for row in items] == [row["exception"] for row in found]

    short = rows[3]["exception"]
    resolved = await house.http.post(f"/exceptions/{short}/resolve", json={"reason": "counted again", "actor": "Ada"})
    assert (resolved.status_code, resolved.json()) == (200, {"exception": short})
    assert (await house.http.post(f"/exceptions/{short}/resolve", json={})).status_code == 409
    elsewhere = await house.http.post(f"/exceptions/{known[0]}/resolve", json={})
    assert (elsewhere.status_code, elsewhere.json()["detail"]) == (
        409,
        f"{known[0]} belongs to order {names[0]}: resolve it there",
    )
    async with house.service.database.read() as connection:
        sealed = await connection.execute(
            text("SELECT sealed FROM exception JOIN personal.remark ON remark_id = resolved_by")
        )
        said = personal.remark(await personal.common_key(connection), sealed.scalar_one())
        assert said == {"actor": "Ada", "reason": "counted again"}
