"""What waits, what comes back and the policy, on the pages of the console: each act by what stands on its page."""

import asyncio
import html
import json
import re
import tomllib
from dataclasses import replace
from typing import Any

from httpx2 import AsyncClient, Response

from tests.console_pages import hidden, read, send, signed_in
from tests.house import ANSWERS_WITHIN_SECONDS, House
from tests.journeys.test_channel_webhooks import Shop, shop
from tests.journeys.test_console import SCRIPT
from transactions.network_version import apply, documents_of
from transactions.prepare import apply_network

__all__ = ["shop"]


async def touch(http: AsyncClient, page: Response, act: str, **filled: str) -> Response:
    """Fill in the form of an act on a page, and send it."""
    path = f"{page.url.path}/{act}" if act else page.url.path
    data: dict[str, Any] = hidden(page, path) | filled
    return await http.post(path, data=data)


async def test_orders_on_hold_are_released_at_once_and_backorders_stand_in_their_sequence(house: House) -> None:
    await house.stock("slc", SERUM_30=4)
    held = [await house.place(("SERUM-30", 1), holds=[{"hold": "fraud", "reason": SCRIPT}]) for _ in range(3)]
    later, sooner = [await house.place(("TONER-200", 2), priority=priority) for priority in (5, 1)]
    async with signed_in(house) as http:
        page = await http.get("/console/waiting")
        said = read(page)
        assert ("3 fraud" in said, "<script>alert" in page.text) == (True, False)
        assert said.index(sooner) < said.index(later), "who is served first comes first"
        assert "2 units of TONER-200" in said
        asked = {"held": [f"{name}/fraud" for name in held]}
        page = await http.get("/console/waiting/release", params=asked)
        assert all(name in read(page) for name in held)
        await house.ask(held[0], "release", hold="fraud")
        done = read(await send(http, page, reason="the bank says yes"))
        assert f"Done: 2. {held[1]}: fraud is released" in done
        assert f"Not done: 1. {held[0]}: it has no hold fraud any more; nothing was done" in done
        assert "No order is on hold." in read(await http.get("/console/waiting"))
        nothing = await http.get("/console/waiting/release")
        assert (nothing.status_code, "choose an order first" in nothing.text) == (422, True)
    for name in held:
        assert (await house.order(name))["holds"] == []


async def returned(house: House, quantity: int) -> str:
    """A return of an order that was delivered, with what somebody wrote about it."""
    await house.stock("slc", SERUM_30=quantity)
    name = await house.place(("SERUM-30", quantity), reference=SCRIPT)
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    body = {"lines": [{"line": "1", "quantity": quantity, "reason": "too small"}], "node": "slc"}
    answer = await house.http.post(f"/orders/{name}/returns", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["return"])


async def refunds(house: House, name: str) -> list[dict[str, Any]]:
    """What the channel was asked to pay for a return, as soon as it was asked."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not (found := (await house.http.get(f"/returns/{name}")).json()["refunds"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return list(found)


async def test_a_return_is_received_graded_and_paid_from_its_page(house: House) -> None:
    name = await returned(house, 2)
    async with signed_in(house) as http:
        listed = await http.get("/console/returns")
        assert (name in read(listed), "<script>alert" in listed.text) == (True, False)
        page = await http.get(f"/console/returns/{name}")
        stale = page
        for wrong, said in (({"received.1": "0"}, "say how many"), ({"received.1": "x"}, "must be a whole number")):
            refused = await touch(http, page, "receive", **{"node": "slc"} | wrong)
            assert (refused.status_code, said in read(refused)) == (422, True), read(refused)
        page = await touch(http, page, "receive", **{"node": "slc", "received.1": "2"})
        assert "Done: Enter what has arrived" in read(page)
        before = await house.facts()
        old = await touch(http, stale, "receive", **{"node": "slc", "received.1": "2"})
        assert (old.status_code, "has changed since you saw it, and nothing was done" in read(old)) == (409, True)
        assert await house.facts() == before
        grade = {"node": "slc", "line": "1", "quantity": "2", "condition": "as_new", "disposition": "restock"}
        page = await touch(http, page, "grade", **grade)
        assert "2 as new, restock at slc" in read(page)
        (refund,) = await refunds(house, name)
        page = await touch(http, await http.get(f"/console/returns/{name}"), "paid", refund=refund["refund"])
        assert ("not paid yet" in read(page), "paid now" in read(page)) == (False, True)
    assert await house.available("SERUM-30") == {"slc": 2}


async def test_a_return_is_cancelled_and_a_claim_shows_what_was_paid(house: House) -> None:
    name = await returned(house, 1)
    order = name.rpartition("-")[0]
    claim = {"lines": [{"line": "1", "quantity": 1}], "kind": "damaged", "evidence": {"note": SCRIPT}}
    async with signed_in(house) as http:
        page = await http.get(f"/console/returns/{name}")
        assert "cancelled" in read(await touch(http, page, "cancel", reason="keeps it"))
        burn = await http.post(f"/console/returns/{name}/burn", data=hidden(page, f"/console/returns/{name}/cancel"))
        assert (burn.status_code, "there is no such page" in burn.text) == (404, True)
        made = (await house.http.post(f"/orders/{order}/claims", json=claim)).json()["claim"]
        assert made in read(await http.get("/console/returns", params={"status": "cancelled"}))
        shown = await http.get(f"/console/claims/{made}")
        assert ("damaged" in read(shown), "not paid yet" in read(shown), "<script>alert" in shown.text) == (
            True,
            True,
            False,
        )
        for path, status in (("returns/web-0-r1", 404), ("claims/web-0-c1", 404), ("returns?status=lost", 422)):
            assert (await http.get(f"/console/{path}")).status_code == status, path


async def test_the_policy_is_changed_checked_applied_and_rolled_back(house: House) -> None:
    async with signed_in(house) as http:
        page = await http.get("/console/policy/edit")
        (shown,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
        policy = html.unescape(shown)
        broken = await touch(http, page, "", policy=policy.replace("[[strategy]]", "[[strategie]]"), do="apply")
        assert (broken.status_code, "policy.toml:" in read(broken)) == (409, True)
        changed = re.sub(r'^version = ".*"$', 'version = "of the test"', policy, flags=re.MULTILINE)
        page = await touch(http, broken, "", policy=changed, do="check")
        assert '+version = "of the test"' in read(page)
        first = await http.get("/console/policy")
        page = await touch(http, page, "", policy=changed, do="apply")
        assert ("is active" in read(page), "of the test" in read(page), "operator:operator" in read(page)) == (
            True,
        ) * 3

        number = read(first).partition("version ")[2].partition(",")[0].partition(" ")[0]
        back = await http.get(f"/console/policy/{number}")
        assert '-version = "of the test"' in read(back)
        done = await touch(http, back, "")
        assert "is active" in read(done)
        again = await touch(http, back, "")
        assert (again.status_code, "Another version was applied since you looked" in read(again)) == (409, True)
        for wrong in ("0", "999", "x"):
            assert (await http.get(f"/console/policy/{wrong}")).status_code == 404
    async with house.service.database.read() as connection:
        version, network = await house.service.networks.active(connection)
    assert (version, network.version) == (int(number) + 2, tomllib.loads(policy)["version"])


CASE = """[[case]]
name = "A serum comes in one parcel"
at = 2026-11-23T09:00:00-07:00
[case.order]
channel = "web"
ship_to = { country = "US", postal_code = "80202" }
lines = { SERUM-30 = 2 }
[case.stock]
slc = { SERUM-30 = 9 }
[case.plan]
shipments = 1
"""


async def test_a_policy_that_breaks_a_case_is_applied_when_its_name_is_ticked(house: House) -> None:
    service, name = house.service, "A serum comes in one parcel"
    async with signed_in(house) as http:
        page = await http.get("/console/policy/edit")
        (shown,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", page.text, re.DOTALL)
        policy = html.unescape(shown)
        seen = int(hidden(page, "/console/policy/edit")["seen"][0])
        async with service.database.read() as connection:
            documents = await documents_of(connection, seen)
        with_a_case = replace(documents, cases=json.dumps({"own": CASE}))
        await apply(service.database, with_a_case, seen=seen, actor="operator:operator")

        page = await http.get("/console/policy/edit")
        changed = re.sub(r'^version = ".*"$', 'version = "breaks"', policy, flags=re.MULTILINE)
        changed += """[[exclude]]\nwhen = 'item.sku == "SERUM-30"'\nreason = "not before spring"\n"""
        page = await touch(http, page, "", policy=changed, do="check")
        assert f"cases/own.toml:11: case '{name}' is broken" in read(page)
        assert 'value="apply"' not in page.text
        refused = await touch(http, page, "", policy=changed, do="apply")
        assert (refused.status_code, f"case '{name}' is broken" in read(refused)) == (409, True)
        page = await touch(http, page, "", policy=changed, do="check", accept=name)
        assert 'value="apply"' in page.text
        done = await touch(http, page, "", policy=changed, do="apply", accept=name)
        assert ("is active" in read(done), "breaks" in read(done)) == (True, True)
        back = await touch(http, await http.get(f"/console/policy/{seen}"), "")
        assert "is active" in read(back)


async def test_what_a_channel_sent_and_did_not_fit_is_tried_again_from_the_page_of_connections(shop: Shop) -> None:
    await shop.send(shop.document(service="teleport"))
    await shop.is_misfit()
    policy = shop.directory / "policy.toml"
    policy.write_text(policy.read_text().replace("[transit]", "[transit]\nteleport = [[20000, 1]]"))
    assert await apply_network(shop.house.database_url, shop.directory) == []
    async with signed_in(shop.house) as http:
        page = await http.get("/console/connections")
        form = hidden(page, "/console/connections/plain/retry")
        done = await http.post("/console/connections/plain/retry", data=form)
        assert "1 of plain is tried again now." in read(done)
        await shop.has_come()
        unknown = await http.post("/console/connections/nobody/retry", data=form)
        assert (unknown.status_code, "there is no connection nobody" in read(unknown)) == (404, True)
        assert "Try again what failed" not in read(await http.get("/console/connections")), "nothing has failed"
