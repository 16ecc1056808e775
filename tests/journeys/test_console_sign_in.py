"""Who may see the console: an operator with a valid key, for a shift, from a page of ours, and nobody else."""

import re
from datetime import timedelta

import pytest

from console import session
from tests.conftest import OPERATOR_KEY
from tests.console_pages import browsing, console_of, hidden, send, sign_in, signed_in
from tests.house import House

PAGES = (
    "exceptions",
    "exceptions/act?act=resolve&exception=web-1-x1",
    "orders",
    "orders/web-1",
    "orders/web-1/cancel",
    "orders/web-1/why-not/slc",
    "nodes",
    "nodes/slc/pause",
    "stock",
    "stock/SERUM-30",
    "waiting",
    "waiting/release?held=web-1/fraud",
    "returns",
    "returns/web-1-r1",
    "claims/web-1-c1",
    "policy",
    "policy/1",
    "policy/edit",
    "policy/shadow",
    "policy/shadow/promote",
    "needs",
    "needs/take",
    "stock/SERUM-30/supply",
    "connections",
    "reports",
    "reports/orders.csv",
    "changes",
    "store",
    "store/web-1-f1",
)
POSTS = (
    "exceptions/act",
    "orders",
    "orders/web-1/cancel",
    "nodes/slc/pause",
    "waiting/release",
    "returns/web-1-r1/approve",
    "policy/1",
    "policy/edit",
    "policy/shadow/stop",
    "needs/take",
    "connections/web/retry",
    "store/web-1-f1/accept",
    "logout",
)


async def test_who_is_not_signed_in_sees_no_page_and_does_nothing(house: House) -> None:
    before = await house.facts()
    async with browsing(house) as http:
        for path in PAGES:
            answer = await http.get(f"/console/{path}")
            assert (answer.url.path, answer.url.params["next"]) == ("/console/login", f"/console/{path}")
        for path in POSTS:
            answer = await http.post(f"/console/{path}", data={"act": "resolve", "reason": "none"})
            assert (answer.url.path, answer.url.query) == ("/console/login", b""), path
    assert await house.facts() == before


async def test_an_operator_signs_in_with_a_cookie_that_is_not_the_key_and_no_script_reads(house: House) -> None:
    async with browsing(house, address="https://switchyard") as http:
        await sign_in(http)
        (first,) = (await http.get("/console")).history
        assert (first.status_code, first.headers["location"]) == (303, "/console/exceptions")
        answer = (await sign_in(http)).history[0]
        cookie = answer.headers["set-cookie"]
        assert OPERATOR_KEY not in cookie
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/console"} <= set(cookie.split("; "))
    async with browsing(house) as http:
        assert "Secure" not in (await sign_in(http)).history[0].headers["set-cookie"], (
            "plain HTTP would not send it back"
        )


async def test_a_key_that_is_not_valid_and_a_key_of_a_channel_do_not_sign_in(house: House) -> None:
    of_a_channel = (await house.key("channel", "web"))["Authorization"].removeprefix("Bearer ")
    wanted = {
        "no-such-key": (401, "This key is not valid."),
        "": (401, "This key is not valid."),
        of_a_channel: (403, "This key is of a channel: the console is for operators and nodes."),
    }
    for number, (key, (status, said)) in enumerate(wanted.items()):
        async with browsing(house, client=f"10.0.1.{number}") as http:
            answer = await sign_in(http, key)
            assert (answer.status_code, said in answer.text) == (status, True), answer.text
            assert "set-cookie" not in answer.headers
            assert (await http.get("/console/orders")).url.path == "/console/login"


async def test_after_signing_in_an_operator_is_where_they_wanted_to_be_and_never_on_another_site(house: House) -> None:
    asked = {
        "/console/orders?status=on_hold": "/console/orders?status=on_hold",
        "//evil.example/console/": "/console/exceptions",
        "https://evil.example/": "/console/exceptions",
        "/console/\\evil.example": "/console/exceptions",
        "/console/\r\nX-Evil: 1": "/console/exceptions",
        "/openapi.json": "/console/exceptions",
    }
    for number, (wanted, reached) in enumerate(asked.items()):
        async with browsing(house, client=f"10.0.2.{number}") as http:
            answer = await sign_in(http, next=wanted)
            assert answer.history[0].headers["location"] == reached


async def test_guesses_of_one_address_are_slowed_down_and_nobody_else_waits(house: House) -> None:
    console = console_of(house)
    async with browsing(house, client="10.0.3.1", console=console) as http:
        for _ in range(2):
            assert (await sign_in(http, "guess")).status_code == 401
        slowed = await sign_in(http, "guess")
        assert (slowed.status_code, "too many tries" in slowed.text) == (429, True)
    async with browsing(house, client="10.0.3.2", console=console) as http:
        assert (await sign_in(http)).url.path == "/console/exceptions"


ONLY_ACTS = (
    "exceptions/act?act=resolve&exception=stock-x0",
    "orders/web-0/cancel",
    "nodes/slc/pause",
    "waiting/release",
    "orders/web-0/return",
)
ONLY_ADMIN = ("policy/edit",)


async def test_a_key_sees_no_act_that_its_role_does_not_allow_and_is_refused_it_when_it_is_sent(house: House) -> None:
    name = await house.place(("SERUM-30", 1))
    await house.ask(name, "hold", hold="fraud")
    console = console_of(house)
    for role, says in (("see", "may only see"), ("act", "may act")):
        key = (await house.key("operator", role, role=role))["Authorization"].removeprefix("Bearer ")
        async with browsing(house, client=f"10.0.6.{len(role)}", console=console) as http:
            assert says in (await sign_in(http, key)).text
            for page in ("exceptions", f"orders/{name}", "nodes", "waiting", "policy"):
                shown = (await http.get(f"/console/{page}")).text
                acts = re.findall(
                    r'href="[^"]*/(?:hold|cancel|pause|release|edit)\b|<button(?! class="plain">Sign out)', shown
                )
                assert bool(acts) == (role == "act" and page not in ("exceptions", "policy")), (role, page, acts)
            before = await house.facts()
            token = hidden(await http.get("/console/orders"), "/console/logout")
            for path in ONLY_ADMIN + (ONLY_ACTS if role == "see" else ()):
                needed = "admin" if path in ONLY_ADMIN else "act"
                for answer in (await http.get(f"/console/{path}"), await http.post(f"/console/{path}", data=token)):
                    refusal = f"this key has the role {role}; the role {needed} is needed for this"
                    assert (answer.status_code, refusal in answer.text) == (403, True), (role, path, answer.text)
            assert await house.facts() == before


async def test_a_revoked_key_ends_its_session_at_the_next_page(house: House) -> None:
    made = (await house.http.post("/keys", json={"kind": "operator", "name": "rosa"})).json()
    async with browsing(house) as http:
        page = await sign_in(http, made["key"])
        assert "rosa" in page.text
        assert (await house.http.delete(f"/keys/{made['id']}")).status_code == 204
        assert (await http.get("/console/exceptions")).url.path == "/console/login"


async def test_a_session_ends_when_its_operator_signs_out_and_after_twelve_hours(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signed_in(house) as http:
        page = await http.get("/console/orders")
        await http.post("/console/logout", data=hidden(page, "/console/logout"))
        assert (await http.get("/console/orders")).url.path == "/console/login"
    assert session.LASTS.total_seconds() == 12 * 3600
    monkeypatch.setattr(session, "LASTS", timedelta(seconds=-1))
    async with browsing(house, client="10.0.4.1") as http:
        cookie = (await sign_in(http)).history[0].headers["set-cookie"].partition(";")[0]
        answer = await http.get("/console/orders", headers={"Cookie": cookie})
        assert answer.url.path == "/console/login"


async def test_a_cookie_that_somebody_has_made_or_changed_is_no_session(house: House) -> None:
    async with browsing(house) as http:
        cookie = (await sign_in(http)).history[0].headers["set-cookie"].partition(";")[0]
        http.cookies.clear()
        assert (await http.get("/console/orders", headers={"Cookie": cookie})).url.path == "/console/orders"
        other = "0" if cookie[-1] != "0" else "1"
        for wrong in (
            cookie[:-1] + other,
            cookie.replace(".", ".1", 1),
            "switchyard_session=x",
            "switchyard_session=a.b.c.d",
            "switchyard_session=é",
        ):
            answer = await http.get("/console/orders", headers=[(b"Cookie", wrong.encode())])
            assert answer.url.path == "/console/login", wrong


OF_ANOTHER_SITE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "another site": ({"Sec-Fetch-Site": "cross-site"}, {}),
    "a neighbour": ({"Sec-Fetch-Site": "same-site"}, {}),
    "another origin": ({"Origin": "https://evil.example"}, {}),
    "no origin": ({"Origin": "null"}, {}),
    "no token": ({}, {"form_token": ""}),
    "a wrong token": ({}, {"form_token": "0" * 64}),
}
"""The headers that its browser sends, and what is other in its form."""


async def test_a_form_of_another_site_does_nothing(house: House) -> None:
    async with signed_in(house) as http:
        page = await http.get("/console/nodes/slc/pause")
        before = await house.facts()
        for case, (headers, changed) in OF_ANOTHER_SITE.items():
            data = hidden(page, page.url.path) | {"open_work": "keep"} | changed
            answer = await http.post(page.url.path, data=data, headers=headers)
            assert (answer.status_code, "Nothing was done" in answer.text) == (403, True), case
        assert await house.facts() == before
        ours = {"Sec-Fetch-Site": "same-origin", "Origin": "http://switchyard"}
        answer = await http.post(page.url.path, data=hidden(page, page.url.path), headers=ours)
        assert (answer.url.path, "by operator:operator" in answer.text) == ("/console/nodes", True)


async def test_the_form_of_another_operators_session_does_nothing(house: House) -> None:
    async with signed_in(house) as one, browsing(house, client="10.0.5.1") as other:
        await sign_in(other)
        page = await one.get("/console/nodes/slc/pause")
        answer = await send(other, page)
        assert (answer.status_code, "of another session" in answer.text) == (403, True)


async def test_a_link_that_is_followed_from_another_site_leads_to_its_page_for_who_is_signed_in(house: House) -> None:
    async with browsing(house) as http:
        answer = await http.get("/console/orders", headers={"Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, answer.url.path) == (200, "/console/orders")
        assert '<meta http-equiv="refresh" content="0">' in answer.text, "the browser asks again, and sends its cookie"
        assert (
            await http.get("/console/orders", headers={"Sec-Fetch-Site": "same-origin"})
        ).url.path == "/console/login"


async def test_every_page_loads_from_here_only_and_is_kept_and_framed_by_nobody(house: House) -> None:
    async with signed_in(house) as http:
        for path in ("login", "exceptions", "nodes", "no-such-page", "static/console.js"):
            answer = await http.get(f"/console/{path}")
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            kept = "max-age=3600" if path.startswith("static") else "no-store"
            assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == (kept, "nosniff")
            assert "style=" not in answer.text


UNREADABLE = {
    "not UTF-8": (b"form_token=%ff", "application/x-www-form-urlencoded", 400),
    "JSON": (b"{}", "application/json", 400),
    "a NUL": (b"exception=%00", "application/x-www-form-urlencoded", 400),
    "too large": (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
    "too many fields": (b"&".join([b"a=1"] * 1_001), "application/x-www-form-urlencoded", 400),
}


async def test_a_form_that_cannot_be_read_is_refused(house: House) -> None:
    async with signed_in(house) as http:
        for case, (content, kind, status) in UNREADABLE.items():
            answer = await http.post("/console/nodes/slc/pause", content=content, headers={"Content-Type": kind})
            assert answer.status_code == status, case
