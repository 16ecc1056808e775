"""The lives of returns: what comes back, what does not, and that a return outlives its order."""

from collections.abc import Sequence
from pathlib import Path
from shutil import copytree
from typing import Any

from temporalio.client import WorkflowHandle

from starter.prepare import apply_network
from tests.house import SMALL_MAP, House, now


async def delivered(house: House) -> str:
    """An order of two units that its customer has got."""
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    return name


async def asked(house: House, name: str, quantity: int) -> str:
    """A return of an order's first line; answers its name."""
    answer = await house.ask(name, "returns", lines=[{"line": "1", "quantity": quantity}], resolution="refund")
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["return"]
    return made


async def tell(house: House, name: str, kind: str, **more: Any) -> None:
    """Send a message about a return."""
    told = {"message_id": f"{name}-{kind}", "kind": kind, "occurred_at": now(), "node": "reroutes"} | more
    answer = await house.http.post(f"/returns/{name}/messages", json=told)
    assert answer.status_code == 202, answer.text


async def come_back(house: House, name: str, quantity: int) -> None:
    """Everything of a return comes back, is as new, and is refunded."""
    await tell(house, name, "received", lines=[{"line": "1", "quantity": quantity}])
    graded = {"line": "1", "quantity": quantity, "condition": "as_new", "disposition": "restock"}
    await tell(house, name, "graded", lines=[graded])
    await tell(house, name, "settled")


def workflow(house: House, name: str) -> WorkflowHandle[Any, Any]:
    """The workflow of a return."""
    return house.time.client.get_workflow_handle(f"return-{name}")


async def test_what_comes_back_in_order_is_on_the_shelf_again_and_the_case_is_closed(small_house: House) -> None:
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
