"""Returns: what comes back, what does not, and that a return outlives its order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from shutil import copytree
from typing import Any

from sqlalchemy import text
from temporalio.client import WorkflowHandle

from domain.returns import ReturnStatus
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, House, now
from transactions.prepare import apply_network

_numbers = count(1)


async def delivered(house: House, quantity: int = 2) -> str:
    """A delivered order of `quantity` units."""
    await house.stock("reroutes", SERUM_30=quantity)
    name = await house.place(("SERUM-30", quantity))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, lambda found: found["lines"][0]["delivered"] == quantity)
    return name


async def asked(house: House, name: str, quantity: int) -> str:
    """A return of an order's first line; answers its name."""
    answer = await house.ask(name, "returns", lines=[{"line": "1", "quantity": quantity}], resolution="refund")
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["return"]
    return made


async def tell(house: House, name: str, kind: str, **more: Any) -> None:
    """Send a message about a return."""
    message = {"message_id": f"{name}-{next(_numbers)}", "kind": kind, "occurred_at": now(), "node": "reroutes"} | more
    answer = await house.http.post(f"/returns/{name}/messages", json=message)
    assert answer.status_code == 202, answer.text


async def shown(house: House, name: str) -> dict[str, Any]:
    """The document of `GET /returns/{return}`."""
    document: dict[str, Any] = (await house.http.get(f"/returns/{name}")).json()
    return document


async def until(house: House, name: str, status: str, refunds: int = 0) -> dict[str, Any]:
    """Poll a return until it has this status and number of refunds."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        document = await shown(house, name)
        while document["status"] != status or len(document["refunds"]) < refunds:
            await asyncio.sleep(0.03)  # PostgreSQL rings no bell
            document = await shown(house, name)
    return document


async def dispose(house: House, name: str, quantity: int, before: str, to: str) -> Any:
    """Change what becomes of units of a return's first line."""
    change = {"line": "1", "quantity": quantity, "from": before, "to": to}
    return await house.http.post(f"/returns/{name}/dispositions", json={"lines": [change], "actor": "jo"})


async def events(house: House, kind: str) -> list[dict[str, Any]]:
    """The events of one kind, the oldest first."""
    pages = await house.pages("/events", 500)
    return [event["data"] for page in pages for event in page if event["kind"] == kind]


async def age(house: House, name: str, span: str) -> None:
    """Make a closed order's delivery look older than it is: no workflow of it has a clock that could be turned."""
    async with house.service.database.write() as connection:
        older = f"UPDATE fulfillment_order SET delivered_at = delivered_at - interval '{span}' WHERE order_id = :order"
        await connection.execute(text(older), {"order": name})


async def until_event(house: House, kind: str) -> list[dict[str, Any]]:
    """Poll the feed until it has an event of this kind."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not (heard := await events(house, kind)):  # noqa: ASYNC110  (PostgreSQL rings no bell)
            await asyncio.sleep(0.03)
    return heard


async def come_back(house: House, name: str, quantity: int) -> None:
    """Everything of a return comes back, is as new, and is refunded."""
    await tell(house, name, "received", lines=[{"line": "1", "quantity": quantity}])
    graded = {"line": "1", "quantity": quantity, "condition": "as_new", "disposition": "restock"}
    await tell(house, name, "graded", lines=[graded])
    await tell(house, name, "settled")


def workflow(house: House, name: str) -> WorkflowHandle[Any, Any]:
    """The workflow of a return."""
    return house.time.client.get_workflow_handle(f"return-{name}")


async def test_what_comes_back_in_order_is_restocked_and_the_return_is_closed(small_house: House) -> None:
    house = small_house
    name = await delivered(house)
    made = await asked(house, name, 1)

    await come_back(house, made, 1)

    assert await workflow(house, made).result() == "closed"
    assert (await house.http.get(f"/returns/{made}")).json()["status"] == "closed"
    assert await house.available("SERUM-30") == {"reroutes": 1}
    document = await house.order(name)
    assert (document["lines"][0]["returned"], document["returns"]) == (1, [{"return": made, "status": "closed"}])


async def test_a_return_outlives_its_order(small_house: House, tmp_path: Path) -> None:
    house = small_house
    hasty_map = copytree(SMALL_MAP, tmp_path / "network")
    policy = (hasty_map / "policy.toml").read_text()
    (hasty_map / "policy.toml").write_text(policy.replace('window = "30d"', 'window = "3s"'))
    assert await apply_network(house.database_url, hasty_map) == []
    name = await delivered(house)
    made = await asked(house, name, 2)

    assert await house.workflow(name).result() == {"status": "completed"}
    await come_back(house, made, 2)

    assert await workflow(house, made).result() == "closed"
    assert await house.available("SERUM-30") == {"reroutes": 2}


async def test_a_return_of_which_nothing_comes_back_expires_and_its_units_may_be_returned_again(
    small_house: House,
) -> None:
    house = small_house
    name = await delivered(house)
    made = await asked(house, name, 2)
    assert (await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])).status_code == 409

    await house.time.fast_forward(workflow(house, made))

    assert await workflow(house, made).result() == "expired"
    again = await asked(house, name, 2)
    assert again != made
    await come_back(house, again, 2)
    assert await workflow(house, again).result() == "closed"


async def test_the_channel_is_reminded_twice_before_a_return_expires(small_house: House) -> None:
    house = small_house
    made = await asked(house, await delivered(house), 2)

    await house.time.fast_forward(workflow(house, made))

    assert await workflow(house, made).result() == "expired"
    assert [event["return"] for event in await events(house, "return_reminder")] == [made, made]
    assert await events(house, "return_expired") == [{"return": made}]


async def test_a_parcel_that_comes_after_its_return_expired_is_recorded_and_the_return_is_closed(
    small_house: House,
) -> None:
    house = small_house
    name = await delivered(house)
    made = await asked(house, name, 1)
    await house.time.fast_forward(workflow(house, made))
    assert await workflow(house, made).result() == "expired"

    await come_back(house, made, 1)

    await until(house, made, "closed")
    (misfit,) = (await house.order(name))["exceptions"]
    assert misfit["code"] == "return_misfit"
    assert await house.available("SERUM-30") == {"reroutes": 1}


async def test_what_was_quarantined_yesterday_is_restocked_today_until_it_is_sold(small_house: House) -> None:
    house = small_house
    made = await asked(house, await delivered(house), 2)
    graded = {"line": "1", "quantity": 2, "condition": "damaged", "disposition": "quarantine"}
    await tell(house, made, "graded", lines=[graded])
    assert await house.available("SERUM-30") == {"reroutes": 0}

    assert (await dispose(house, made, 2, "quarantine", "restock")).json() == {"return": made, "status": "disposed"}
    assert await house.available("SERUM-30") == {"reroutes": 2}
    await house.place(("SERUM-30", 1))
    refused = await dispose(house, made, 2, "restock", "refurbish")
    assert (refused.status_code, refused.json()["detail"]) == (409, "only 1 of SERUM-30 are left at reroutes")

    assert (await dispose(house, made, 1, "restock", "refurbish")).status_code == 200
    assert await house.available("SERUM-30") == {"reroutes": 0}
    lots = [(lot["disposition"], lot["quantity"]) for lot in (await shown(house, made))["lines"][0]["lots"]]
    assert lots == [("refurbish", 1), ("restock", 1)]


async def test_more_than_announced_and_another_item_are_recorded_and_each_opens_an_exception(
    small_house: House,
) -> None:
    house = small_house
    name = await delivered(house)
    made = await asked(house, name, 1)

    await tell(house, made, "received", lines=[{"line": "1", "quantity": 3}])
    for condition, disposition in (("as_new", "restock"), ("as_new", "restock"), ("wrong_item", "scrap")):
        unit = {"line": "1", "quantity": 1, "condition": condition, "disposition": disposition}
        await tell(house, made, "graded", lines=[unit])
    await tell(house, made, "settled")

    await until(house, made, "closed")
    document = await house.order(name)
    assert [exception["code"] for exception in document["exceptions"]] == ["return_misfit", "return_misfit"]
    assert document["lines"][0]["returned"] == 1
    assert await house.available("SERUM-30") == {"reroutes": 2}


async def furnish(house: House, directory: Path, returns: str) -> None:
    """Give the house other rules for returns."""
    small = copytree(SMALL_MAP, directory / "network")
    policy = (small / "policy.toml").read_text()
    (small / "policy.toml").write_text(policy.replace('[returns]\nwindow = "30d"\n', f"[returns]\n{returns}\n"))
    assert await apply_network(house.database_url, small) == []


STORIES = """
    status     || units || what happened                 || line 1                      || refunds              || cancelled
    requested  || 2     ||                               || 0 of 2 back                 ||                      || yes
    authorized || 1     ||                               || 0 of 1 back                 ||                      || yes
    authorized || 2     || approve                       || 0 of 2 back                 ||                      || yes
    declined   || 2     || decline                       || 0 of 2 back                 ||                      || no
    expired    || 1     || wait                          || 0 of 1 back                 ||                      || no
    in_transit || 1     || in_transit                    || 0 of 1 back                 ||                      || yes
    received   || 1     || received 1                    || 1 of 1 back                 ||                      || no
    graded     || 2     || approve, received 2, graded 1 || 2 of 2 back, 1 used → scrap || 1000 asked           || no
    disposed   || 1     || graded 1                      || 1 of 1 back, 1 used → scrap || 1000 asked           || no
    settled    || 1     || received 1, settled           || 1 of 1 back                 || 1000 asked, 900 paid || no
    closed     || 1     || graded 1, settled             || 1 of 1 back, 1 used → scrap || 1000 asked, 900 paid || no
    cancelled  || 1     || cancel                        || 0 of 1 back                 ||                      || no
"""
"""Every status of a return, how it is reached, what is shown of it, and whether it can be cancelled then."""


async def happen(house: House, name: str, what: str) -> None:
    """A step of a story: a person decides, time passes, or a message comes, such as `graded 1`."""
    kind, _, units = what.partition(" ")
    lines = [{"line": "1", "quantity": int(units)}] if units else None
    if kind in ("approve", "decline", "cancel"):
        assert (await house.http.post(f"/returns/{name}/{kind}", json={})).status_code == 200
    elif kind == "wait":
        await house.time.fast_forward(workflow(house, name))
    elif kind == "graded":
        await tell(
            house, name, kind, lines=[unit | {"condition": "used", "disposition": "scrap"} for unit in lines or ()]
        )
    else:
        await tell(house, name, kind, lines=lines, **({"amount": 900} if kind == "settled" else {}))


def line_and_refunds(document: dict[str, Any]) -> tuple[str, str]:
    """What a return shows of its line and of its refunds."""
    (line,) = document["lines"]
    lots = [f", {lot['quantity']} {lot['condition']} → {lot['disposition']}" for lot in line["lots"]]
    refunds = [
        f"{refund['amount']} asked" + (f", {refund['settled_amount']} paid" if refund["settled_at"] else "")
        for refund in document["refunds"]
    ]
    return f"{line['received']} of {line['quantity']} back" + "".join(lots), "; ".join(refunds)


async def test_every_status_of_a_return_is_reached_and_shown_over_http_and_it_is_cancelled_until_something_came_back(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await furnish(house, tmp_path, "approve_below = 2000")
    stories = [[cell.strip() for cell in row.split("||")] for row in STORIES.strip().splitlines()[1:]]
    assert {story[0] for story in stories} == set(ReturnStatus)
    name = await delivered(house, sum(int(story[1]) for story in stories))
    for status, units, happened, line, refunds, can_be_cancelled in stories:
        made = await asked(house, name, int(units))
        for what in filter(None, happened.split(", ")):
            await happen(house, made, what)
        document = await until(house, made, status, refunds=1 if refunds else 0)
        assert (status, *line_and_refunds(document)) == (status, line, refunds)
        answer = await house.http.post(f"/returns/{made}/cancel", json={"actor": "jo"})
        assert (status, answer.status_code) == (status, 200 if can_be_cancelled == "yes" else 409)
        if can_be_cancelled == "yes":
            assert answer.json() == {"return": made, "status": "cancelled"}
            assert await workflow(house, made).result() == "cancelled"


async def test_a_return_of_some_value_is_approved_or_declined_by_a_person(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await furnish(house, tmp_path, "approve_below = 2000")
    name = await delivered(house)
    cheap, declined = await asked(house, name, 1), await asked(house, await delivered(house), 2)
    dear = await asked(house, await delivered(house), 2)
    statuses = [(await shown(house, made))["status"] for made in (cheap, declined, dear)]
    assert statuses == ["authorized", "requested", "requested"]

    assert (await house.http.post(f"/returns/{dear}/approve", json={"actor": "jo"})).json()["status"] == "authorized"
    assert (await house.http.post(f"/returns/{declined}/decline", json={})).json()["status"] == "declined"
    assert (await house.http.post(f"/returns/{dear}/decline", json={})).status_code == 409

    assert await workflow(house, declined).result() == "declined"
    await come_back(house, dear, 2)
    assert await workflow(house, dear).result() == "closed"
    again = declined.replace("-r1", "")
    assert (await asked(house, again, 2)).endswith("-r2")


async def test_a_final_sale_another_reason_and_a_place_that_takes_nothing_in_are_refused(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    rules = """reasons = ["too_small"]
accepting = ["all"]
[[returns.rule]]
when = 'item.sku == "TONER-200"'
final_sale = true
[[returns.rule]]
when = 'order.channel == "outlet"'
receive_at = "spare"
"""
    await furnish(house, tmp_path, rules)
    await house.stock("reroutes", SERUM_30=3, TONER_200=1)
    name = await house.place(("SERUM-30", 2), ("TONER-200", 1))
    outlet = await house.place(("SERUM-30", 1), channel="outlet")
    for order in (name, outlet):
        await house.fulfill((await house.work(order))["fulfillment_order"])
        await house.until(order, "delivered")

    async def requested(order: str, line: str, reason: str = "too_small", **more: Any) -> str:
        lines = [{"line": line, "quantity": 1, "reason": reason}]
        answer = await house.ask(order, "returns", lines=lines, **more)
        answered = answer.json()
        return str(
            answered["detail"] if answer.status_code == 409 else (await shown(house, answered["return"]))["node"]
        )

    assert await requested(name, "2") == "line 2 was a final sale"
    assert await requested(name, "1", "I grew") == "line 1: the reason must be one of too_small"
    assert await requested(name, "1", node="mars") == "mars does not accept returns"
    assert await requested(name, "1") == "reroutes", "it is the nearest"
    assert await requested(name, "1", node="asks") == "asks", "the customer chose it"
    assert await requested(outlet, "1") == "spare", "the policy names it"


async def test_a_return_may_be_asked_of_a_closed_order_as_long_as_the_window_of_its_line_is_open(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await furnish(house, tmp_path, 'window = "3s"')
    name = await delivered(house)
    assert await house.workflow(name).result() == {"status": "completed"}
    late = await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])
    assert (late.status_code, late.json()["detail"]) == (409, "line 1: the return window is over")

    # The carrier reports after the order closed: it was delivered later than was assumed.
    await age(house, name, "-1 day")
    made = await asked(house, name, 1)
    await come_back(house, made, 1)

    assert await workflow(house, made).result() == "closed"


async def test_returns_that_wait_for_a_person_are_listed_the_oldest_first_and_each_channel_sees_its_own(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await furnish(house, tmp_path, 'approve_below = 2000\naccepting = ["all"]')
    names = [await asked(house, await delivered(house), 2) for _ in range(3)]
    cheap = await asked(house, await delivered(house), 1)
    outlet = await house.key("channel", "outlet")
    spare, reroutes = await house.key("node", "spare"), await house.key("node", "reroutes")

    async def listed(query: str = "", headers: dict[str, str] | None = None) -> list[str]:
        answer = await house.http.get(f"/returns?{query}", headers=headers)
        return [row["return"] for row in answer.json()["items"]]

    assert await listed() == [*names, cheap]
    assert await listed("status=requested") == names
    assert await listed("channel=web&node=reroutes&status=authorized") == [cheap]
    assert await listed("channel=outlet") == await listed("node=spare") == []
    assert [[row["return"] for row in page] for page in await house.pages("/returns", 3)] == [names, [cheap]]
    assert await listed("channel=web", headers=outlet) == await listed("node=reroutes", headers=spare) == []
    assert await listed(headers=reroutes) == [*names, cheap]
    (row,) = (await house.http.get("/returns?limit=1")).json()["items"]
    about = {"return": names[0], "channel": "web", "status": "requested", "resolution": "refund", "node": "reroutes"}
    assert {key: row[key] for key in about} == about


async def test_what_was_paid_for_a_claim_is_confirmed_and_another_amount_is_a_persons_case(small_house: House) -> None:
    house = small_house
    name = await delivered(house)
    claim = {"lines": [{"line": "1", "quantity": 1}], "kind": "damaged", "evidence": {"photo": "1.jpg"}}
    assert (await house.order(name))["lines"][0]["returnable"] == 2
    made = [(await house.ask(name, "claims", **claim)).json()["claim"] for _ in range(2)]
    assert (await house.order(name))["lines"][0]["returnable"] == 0
    paid = {"kind": "settled", "occurred_at": now()}

    async def settle(made: str, message_id: str, **more: Any) -> int:
        body = paid | {"message_id": message_id} | more
        return (await house.http.post(f"/claims/{made}/messages", json=body)).status_code

    assert await settle(made[0], "paid-1") == 202
    assert [await settle(made[0], "paid-1"), await settle(made[0], "paid-1", amount=7)] == [200, 409]
    assert await settle(made[0], "paid-2") == 202, "reported again in another message"
    assert (await house.order(name))["exceptions"] == []
    assert await settle(made[1], "paid-3", amount=700) == 202

    documents = [(await house.http.get(f"/claims/{one}")).json() for one in made]
    amounts = [[(one["amount"], one["settled_amount"]) for one in document["refunds"]] for document in documents]
    assert amounts == [[(1000, 1000)], [(1000, 700)]]
    head = {"claim": made[0], "order": name, "kind": "damaged", "resolution": "refund", "evidence": {"photo": "1.jpg"}}
    (units,) = documents[0]["lines"]
    assert documents[0] | head == documents[0]
    assert units == {"line": "1", "sku": "SERUM-30", "name": None, "quantity": 1}
    assert await events(house, "settled") == [{"claim": one, "resolution": "refund"} for one in made]
    (misfit,) = (await house.order(name))["exceptions"]
    assert misfit["detail"] == f"settled does not fit {made[1]}: 700 was paid where 1000 was requested"

    assert (await house.ask(name, "forget", even_if_open=True)).status_code == 200
    assert (await house.http.get(f"/claims/{made[0]}")).json() == documents[0] | {"evidence": None}


async def test_a_return_over_months_is_reminded_received_graded_paid_and_closed_and_after_the_window_only_a_claim_helps(
    small_house: House,
) -> None:
    house = small_house
    name = await delivered(house)
    day_0 = datetime.now(UTC)
    await house.settle(name)
    await house.skip(name, timedelta(days=29))
    made = await asked(house, name, 1)
    requested_at = await house.time.get_current_time(workflow(house, made))
    assert (requested_at - day_0).days == 29

    await house.time.fast_forward(workflow(house, made), timedelta(days=21))
    (reminder,) = await until_event(house, "return_reminder")
    assert reminder["return"] == made
    day_50 = (day_0 + timedelta(days=50)).isoformat()
    graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    await tell(house, made, "received", occurred_at=day_50)
    await tell(house, made, "graded", occurred_at=day_50, lines=[graded])
    (refund,) = await until_event(house, "refund_requested")
    assert (refund["return"], refund["refund"], refund["amount"]) == (made, f"{made}-m1", 1000)
    await tell(house, made, "settled", occurred_at=day_50, refund=refund["refund"])
    assert await workflow(house, made).result() == "closed"

    await house.skip_to(name, (await house.order(name))["closes_at"])
    await house.until(name, "completed")
    await age(house, name, "60 days")
    late = await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}])
    assert (late.status_code, late.json()["detail"]) == (409, "line 1: the return window is over")
    claimed = await house.ask(name, "claims", lines=[{"line": "1", "quantity": 1}], kind="damaged")
    assert claimed.json() == {"claim": f"{name}-c1", "refund": f"{name}-c1-m1", "replacement": None}
    assert [one["amount"] for one in await events(house, "refund_requested")] == [1000, 1000]
    assert await house.available("SERUM-30") == {"reroutes": 1}


async def test_an_order_with_the_longest_number_is_replaced_by_one_whose_number_is_not_longer(
    small_house: House,
) -> None:
    house = small_house
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), number="7" * 64)
    await house.fulfill((await house.work(name))["fulfillment_order"])
    claim = {"lines": [{"line": "1", "quantity": 1}], "kind": "damaged", "resolution": "replacement"}

    replacements = [(await house.ask(name, "claims", **claim)).json()["replacement"] for _ in range(2)]

    for number, replacement in enumerate(replacements, 1):
        assert len(replacement) == len(name)
        assert replacement.endswith(f"-c{number}-x1")
        assert (await house.until(replacement, "backordered"))["lines"][0]["returnable"] == 0
    house.orders += [name, *replacements]


async def test_a_report_tells_how_much_came_back_how_fast_and_what_is_sellable_again(small_house: House) -> None:
    house = small_house
    name = await delivered(house)
    made = await asked(house, name, 2)
    for disposition in ("restock", "scrap"):
        unit = {"line": "1", "quantity": 1, "condition": "used", "disposition": disposition}
        await tell(house, made, "graded", lines=[unit])
    await tell(house, made, "settled")

    time = "from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z"
    report = (await house.http.get(f"/reports/returns?{time}")).json()
    sheet = await house.http.get(f"/reports/returns?{time}&by=channel", headers={"Accept": "text/csv"})
    nothing = (await house.http.get("/reports/returns?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z")).json()

    figures = {"returns": 1, "units": 2, "came_back": 2, "shipped": 2, "rate": 1.0, "recovery": 0.5}
    assert report == {"by": "sku", "rows": [{"sku": "SERUM-30", "days_to_settled": 0.0} | figures]}
    header, row = sheet.text.splitlines()
    assert header == "channel,returns,units,came_back,shipped,rate,days_to_settled,recovery"
    assert row.startswith("web,1,2,2,2,1.0")
    assert nothing["rows"] == []


async def test_a_return_with_a_long_history_begins_a_new_one_and_goes_on_where_it_stood(small_house: House) -> None:
    house = small_house
    made = await asked(house, await delivered(house), 2)
    await tell(house, made, "received", lines=[{"line": "1", "quantity": 1}])
    handle = house.time.client.get_workflow_handle(f"return-{made}")

    await house.fill_its_history(handle)
    graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    await tell(house, made, "graded", lines=[graded])

    await until(house, made, "graded", refunds=1)
    await house.check_invariants()


async def test_nonsense_sent_to_a_return_changes_nothing(small_house: House) -> None:
    house = small_house
    name = await delivered(house)
    made = await asked(house, name, 1)

    nonsense: tuple[Sequence[Any], ...] = ([], [{}, {}], ["back"], [None], [[1]], [{"recorded": {}}], [b"\x00\xff"])
    for arguments in nonsense:
        await workflow(house, made).signal("return_message", args=arguments)
        await workflow(house, made).signal("no_such_signal", args=arguments)
    await workflow(house, made).cancel()
    await come_back(house, made, 1)

    assert await workflow(house, made).result() == "closed"
