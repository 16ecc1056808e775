"""The queue of exceptions: their owner, since when they are open, what can be done, and what is escalated."""

from pathlib import Path
from shutil import copytree

from tests.house import SMALL_MAP, Document, House
from transactions import exception as exceptions
from transactions.prepare import apply_network

RULES = """
[exceptions]
owner.message_misfit = "integration"
owner.stock_short = "stores"
"""


async def ruled(house: House, directory: Path, rules: str) -> None:
    changed = copytree(SMALL_MAP, directory / "network")
    policy = changed / "policy.toml"
    policy.write_text(policy.read_text() + rules)
    assert await apply_network(house.database_url, changed) == []


async def misfit(house: House) -> Document:
    """An exception of an order whose node has named a line that does not exist."""
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.tell((await house.work(name))["fulfillment_order"], "picked", {"9": 1})
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    return await exception(house, document["exceptions"][0]["exception"])


async def exception(house: House, name: str) -> Document:
    answer = await house.http.get(f"/exceptions/{name}")
    assert answer.status_code == 200, answer.text
    found: Document = answer.json()
    return found


async def queue(house: House, **filters: str) -> list[str]:
    answer = await house.http.get("/exceptions", params=filters)
    assert answer.status_code == 200, answer.text
    return [row["exception"] for row in answer.json()["items"]]


async def test_every_exception_has_an_owner_and_each_owner_sees_their_own(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await ruled(house, tmp_path, RULES)
    known = await misfit(house)
    name = known["exception"]
    assert (known["owner"], known["escalated"], known["assigned_by"]) == ("integration", False, None)
    assert [action["action"] for action in known["actions"]] == ["tell", "resolve", "assign"]

    assert await queue(house, owner="integration") == [name]
    assert await queue(house, owner="operations") == []
    assert await queue(house, owner="integration", code="message_misfit", node="escalates", older_than="1ms") == [name]
    assert await queue(house, older_than="1h") == []


async def test_an_exception_is_assigned_to_another_owner_with_who_did_it_and_why(
    small_house: House, tmp_path: Path
) -> None:
    house = small_house
    await ruled(house, tmp_path, RULES)
    known = await misfit(house)
    name = known["exception"]
    body = {"owner": "night-shift", "reason": "we go home", "actor": "Ada"}

    key = {"Idempotency-Key": "given"}
    answers = [await house.http.post(f"/exceptions/{name}/assign", json=body, headers=key) for _ in range(2)]
    other = await house.http.post(f"/exceptions/{name}/assign", json=body | {"owner": "nobody"}, headers=key)

    assert [answer.status_code for answer in (*answers, other)] == [200, 200, 409]
    assert answers[0].json() == {"exception": name, "owner": "night-shift"}
    given = await exception(house, name)
    shown = [given[field] for field in ("owner", "assigned_by", "assigned_because", "since")]
    assert shown == ["night-shift", "Ada", "we go home", known["since"]]
    assert (await queue(house, owner="night-shift"), await queue(house, owner="integration")) == ([name], [])
    assert (await house.ask(known["order"], "resolve", exception=name)).status_code == 200
    late = await house.http.post(f"/exceptions/{name}/assign", json=body)
    assert (late.status_code, late.json()["detail"]) == (409, f"{name} was resolved before")
    assert (await house.http.post("/exceptions/web-0-x0/assign", json=body)).status_code == 404


async def test_an_exception_that_stays_open_is_escalated(small_house: House, tmp_path: Path) -> None:
    house = small_house
    await ruled(house, tmp_path, '\n[exceptions]\nescalate_after = "1ms"\n')
    known = await misfit(house)

    for _ in range(2):
        await exceptions.escalate(house.service.transactions)

    assert (await exception(house, known["exception"]))["escalated"]


async def test_nothing_is_escalated_where_the_policy_does_not_ask_for_it(small_house: House) -> None:
    house = small_house
    known = await misfit(house)

    await exceptions.escalate(house.service.transactions)

    assert not (await exception(house, known["exception"]))["escalated"]
