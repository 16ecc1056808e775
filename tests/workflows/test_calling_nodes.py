"""Nodes that do not poll: each is called about its work, each cancel request, and work that timed out."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from activities.dispatch import CALLS_TO_A_HOST_MAX
from database.connect import CONNECTIONS_MAX
from embedded.ports import free_port
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, Document, House, units
from tests.listener import Listener, listening
from transactions.contact import UNREACHABLE_AFTER
from transactions.prepare import apply_network

SECRETS = ("whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", "whsec_REVGREVGREVGREVGREVGREVGREVGREVG")


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other as fast as the order's clock is turned, while a node rests by the real clock."""
    monkeypatch.setattr("activities.dispatch.REST", timedelta())


@pytest.fixture
async def node(house: House, tmp_path: Path) -> AsyncIterator[Listener]:
    """The interface of `reroutes` and `escalates`."""
    async with listening(made := Listener(free_port())):
        assert await apply_network(house.database_url, network_of(tmp_path / "network", made, SECRETS[0])) == []
        yield made


def network_of(directory: Path, node: Listener, secret: str) -> Path:
    """The small map, two of whose nodes are called; `escalates` is at risk soon."""
    copied = copytree(SMALL_MAP, directory, dirs_exist_ok=True)
    nodes = (copied / "nodes.toml").read_text()
    for name in ("reroutes", "escalates"):
        called = f'id = "{name}"\ndispatch = "webhook"\nurl = "{node.url}"\nsecret = "{secret}"'
        nodes = nodes.replace(f'id = "{name}"', called)
    head, escalates, rest = nodes.partition('id = "escalates"')
    (copied / "nodes.toml").write_text(head + escalates + rest.replace('"4h"', '"1m"', 1))
    return copied


def codes(document: Document) -> list[str]:
    """The codes of an order's open exceptions."""
    return [known["code"] for known in document["exceptions"]]


def calls_of(node: Listener) -> list[tuple[str, int]]:
    """What each call was about, and how many units the node was asked to cancel."""
    documents = [call.document for call in node.calls]
    return [
        (document["request"], sum(line["cancel_requested"] for line in document["lines"])) for document in documents
    ]


async def called(node: Listener, times: int) -> list[tuple[str, int]]:
    """The calls to the node, once there are this many about as many subjects."""
    await node.until(lambda: len(node.calls) >= times)
    assert all(call.is_signed_with(SECRETS[0]) for call in node.calls)
    assert len({call.headers["webhook-id"] for call in node.calls}) == len(node.calls)
    return calls_of(node)


async def accepted(house: House, node: Listener, where: str = "reroutes") -> tuple[str, str]:
    """An order of three units that its node was called with, and has accepted."""
    await house.stock(where, SERUM_30=3)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    await called(node, 1)
    await house.tell(work, "accepted")
    await house.settle(name)
    return name, work


async def test_a_node_is_called_with_its_work_and_with_every_cancel_request(house: House, node: Listener) -> None:
    name, work = await accepted(house, node)
    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
    await called(node, 2)
    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
    await called(node, 3)
    await house.tell(work, "cancel_accepted")
    await house.until(name, lambda found: units(found) == {"allocated": 1, "cancelled": 2})
    await house.ask(name, "cancel")

    cancel_requests = [("cancel_requested", n) for n in (1, 2, 1)]
    assert await called(node, 4) == [("unsent", 0), *cancel_requests]


async def test_a_node_whose_work_timed_out_is_called_about_it(house: House, node: Listener) -> None:
    name, work = await accepted(house, node)
    await house.wait_out(name)
    await called(node, 2)
    await house.settle(name)
    await house.wait_out(name)

    assert await called(node, 3) == [("unsent", 0), ("cancel_requested", 3), ("timed_out", 0)]
    assert [line["in_doubt"] for line in node.calls[-1].document["lines"]] == [3]
    await house.tell(work, "cancel_accepted")
    assert await house.available("SERUM-30") == {"reroutes": 3}


async def test_a_node_that_could_not_be_called_before_its_work_was_at_risk_is_called_on(
    house: House, node: Listener, tmp_path: Path
) -> None:
    policy = tmp_path / "network" / "policy.toml"
    policy.write_text(policy.read_text().replace("[orders]", '[orders]\nat_risk_before = "90d"'))
    assert await apply_network(house.database_url, policy.parent) == []
    node.status = lambda _: 503
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await node.until(lambda: bool(node.calls))

    await house.skip(name, timedelta(minutes=1))

    await house.until(name, lambda found: "at_risk" in codes(found))
    node.status = lambda _: 204
    await house.skip(name, timedelta(minutes=1))
    await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "sent")


async def test_a_node_is_called_with_its_work_until_it_has_taken_it(house: House, node: Listener) -> None:
    answers = iter((503, 302))
    node.status = lambda _: next(answers, 204)
    await house.stock("escalates", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    document = await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])
    work = document["fulfillment_orders"][0]["fulfillment_order"]
    assert calls_of(node) == [("unsent", 0)] * 3
    assert {call.headers["webhook-id"] for call in node.calls} == {f"{work}-unsent"}
    assert all(call.is_signed_with(SECRETS[0]) for call in node.calls)
    shown = (await house.http.get(f"/fulfillment-orders/{work}")).json()
    before = {"request": "unsent", "updated_at": node.calls[-1].document["updated_at"]}
    assert node.calls[-1].document == shown | before, "the call has what polling would show"


async def test_a_node_that_takes_a_call_and_never_ends_its_answer_has_taken_it(house: House, node: Listener) -> None:
    node.says_more_for_ever = True
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])
    assert calls_of(node) == [("unsent", 0)]


async def test_a_node_that_does_not_answer_in_time_is_called_again(
    house: House, node: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.dispatch.ANSWER_WITHIN", timedelta(milliseconds=100))
    node.gate.clear()
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await node.until(lambda: node.asked >= 2)
    node.gate.set()
    await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])


async def test_a_cancel_request_does_not_wait_for_a_call_that_the_node_does_not_accept(
    house: House, node: Listener
) -> None:
    node.status = lambda call: 503 if call.document["request"] == "unsent" else 204
    await house.stock("escalates", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    await node.until(lambda: len(node.calls) > 0)
    await house.ask(name, "cancel")
    await node.until(lambda: calls_of(node)[-1:] == [("cancel_requested", 2)])
    await house.settle(name)
    before = len(node.calls)
    await house.wait_out(name)
    document = await house.settle(name)
    assert [exception["code"] for exception in document["exceptions"]] == ["cancel_unanswered"]
    assert len(node.calls) == before, "a node is not called about cancelled work"


async def test_a_cancel_request_does_not_wait_for_the_exception_of_an_earlier_one(house: House, node: Listener) -> None:
    name, _ = await accepted(house, node, "escalates")
    for units_asked in (1, 2):
        await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
        assert (await called(node, 1 + units_asked))[-1] == ("cancel_requested", units_asked)
        await house.settle(name)
        await house.wait_out(name)
        document = await house.settle(name)
        assert [exception["code"] for exception in document["exceptions"]] == ["cancel_unanswered"]


async def test_a_node_that_a_person_has_talked_to_is_called_again(house: House, node: Listener) -> None:
    node.status = lambda _: 503
    await house.stock("escalates", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    await house.wait_out(name)
    found = await house.until(name, lambda found: "node_silent" in codes(found))
    (silence,) = (known for known in found["exceptions"] if known["code"] == "node_silent")
    node.status = lambda _: 204
    assert (await house.ask(name, "resolve", exception=silence["exception"])).status_code == 200
    await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])


async def test_a_node_that_polls_from_now_on_is_called_no_more(house: House, node: Listener) -> None:
    node.status = lambda _: 503
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await node.until(lambda: len(node.calls) > 0)
    assert await apply_network(house.database_url, SMALL_MAP) == []
    document = await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])
    assert document["fulfillment_orders"][0]["dispatch"] == "webhook", "that is how it was released"


async def test_a_node_whose_secret_is_changed_is_called_with_the_new_one_from_then_on(
    house: House, node: Listener, tmp_path: Path
) -> None:
    await house.stock("escalates", SERUM_30=2)
    await house.until(await house.place(("SERUM-30", 1)), "in_fulfillment")
    await node.until(lambda: len(node.calls) == 1)
    assert await apply_network(house.database_url, network_of(tmp_path / "network", node, SECRETS[1])) == []
    await house.until(await house.place(("SERUM-30", 1)), "in_fulfillment")
    await node.until(lambda: len(node.calls) == 2)
    signed = [[call.is_signed_with(secret) for secret in SECRETS] for call in node.calls]
    assert signed == [[True, False], [False, True]]


async def test_a_node_that_takes_no_call_for_minutes_is_an_exception_until_it_takes_one(
    house: House, node: Listener
) -> None:
    node.status = lambda _: 503
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await node.until(lambda: bool(node.calls))
    assert codes(await house.settle(name)) == []

    await house.skip(name, UNREACHABLE_AFTER)
    found = await house.until(name, lambda found: bool(found["exceptions"]))
    (exception,) = found["exceptions"]
    work = found["fulfillment_orders"][0]["fulfillment_order"]
    assert exception["code"] == "node_unreachable"
    assert exception["detail"] == f"reroutes does not take our call about {work}: status 503"
    tries = len(node.calls)
    await house.skip(name, timedelta(minutes=10))
    await node.until(lambda: len(node.calls) > tries)
    assert codes(await house.settle(name)) == ["node_unreachable"], "one exception, however often it is tried"

    node.status = lambda _: 204
    await house.skip(name, timedelta(minutes=6))
    assert codes(await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "sent")) == []


@pytest.mark.parametrize("ends", ["accepted", "rejected", "cancelled"])
async def test_the_exception_ends_when_nothing_is_left_that_the_node_must_be_called_about(
    house: House, node: Listener, ends: str
) -> None:
    node.status = lambda _: 503
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work = (await house.work(name))["fulfillment_order"]
    await node.until(lambda: bool(node.calls))
    await house.skip(name, UNREACHABLE_AFTER)
    await house.until(name, lambda found: codes(found) == ["node_unreachable"])

    if ends == "cancelled":
        await house.ask(name, "cancel")
        assert codes(await house.settle(name)) == ["node_unreachable"], "it does not know yet that it should stop"
        await house.tell(work, "cancel_accepted")
    else:
        await house.tell(work, ends)

    await house.until(name, lambda found: "node_unreachable" not in codes(found))


async def test_the_list_of_nodes_shows_the_last_call_and_since_when_none_was_taken(
    house: House, node: Listener
) -> None:
    assert await shown(house, "reroutes") == {"last_call": None, "last_heard": None}
    node.status = lambda _: 503
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await node.until(lambda: len(node.calls) > 1)

    failing = await shown_until(house, lambda call: call is not None and call["failing_since"] < call["at"])
    assert (failing["taken"], failing["answer"]) == (False, "status 503")

    node.status = lambda _: 204
    await house.skip(name, timedelta(minutes=1))
    taken = await shown_until(house, lambda call: call["taken"])
    assert (taken["answer"], taken["failing_since"]) == ("status 204", None)


async def shown_until(house: House, is_so: Callable[[Any], bool]) -> Document:
    """The last call to `reroutes`, as soon as something is true of it."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not is_so(call := (await shown(house, "reroutes"))["last_call"]):  # noqa: ASYNC110
            await asyncio.sleep(0.03)
    found: Document = call
    return found


async def shown(house: House, node: str) -> Document:
    """Our contact with a node, as `GET /nodes` shows it."""
    (found,) = (row for row in (await house.http.get("/nodes")).json()["items"] if row["node"] == node)
    return {name: found[name] for name in ("last_call", "last_heard")}


async def test_a_node_that_says_nothing_holds_up_no_other_order(
    house: House, node: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.dispatch.ANSWER_WITHIN", timedelta(hours=1))
    node.gate.clear()
    await house.stock("reroutes", SERUM_30=CONNECTIONS_MAX)
    await house.stock("spare", TONER_200=1)
    silent = [await house.place(("SERUM-30", 1)) for _ in range(CONNECTIONS_MAX)]
    for name in silent:
        await house.work(name)
    await node.until(lambda: node.asked >= CALLS_TO_A_HOST_MAX)

    name = await house.place(("TONER-200", 1))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")

    assert node.asked == CALLS_TO_A_HOST_MAX, "a host gets so many calls at once"
