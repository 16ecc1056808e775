"""A key opens what it is for and nothing else; what belongs to somebody else is answered exactly as what does not exist."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from api import problems
from database.connection import keep_credentials, postpone_poll
from tests.conftest import OPERATOR_KEY
from tests.house import MASTER_KEYS, Document, House, keep_label, keep_manifest, now
from transactions.prepare import prepare

PUBLIC = {"GET /", "GET /healthz", "GET /readyz"}
NO, NONE = 403, 404
OK = 0
"""The key is let in, whatever the order makes of the request then."""

# fmt: off
ACCESS: dict[str, tuple[int | None, ...]] = {
    # `own` is the holder's, `other` somebody else's, `none` does not exist; None = the route names nothing of the kind
    #                                             operator      channel             node
    # route                                       own    none   own    other  none  own    other  none
    "POST /orders":                              (OK,    None,  OK,    NO,    None, NO,    NO,    None),
    "GET /orders":                               (OK,    None,  OK,    None,  None, NO,    None,  None),
    "GET /orders/{order}":                        (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "GET /orders/{order}/plan":                   (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "GET /orders/{order}/plan/why-not/{node}":    (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "GET /orders/{order}/timeline":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/search":                       (OK,    None,  NO,    None,  None, NO,    None,  None),
    "POST /orders/{order}/cancel":                (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/hold":                  (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/release":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/address":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/quantities":            (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/service":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/lines":                 (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/pickup":                (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/reroute":               (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "POST /orders/{order}/resolve":               (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "POST /orders/{order}/forget":                (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "POST /orders/{order}/returns":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "GET /exceptions":                           (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /exceptions/{exception}":                    (OK,    NONE,  NO,    None,  NO,   NO,    None,  NO),
    "POST /exceptions/{exception}/assign":            (OK,    NONE,  NO,    None,  NO,   NO,    None,  NO),
    "POST /exceptions/{exception}/resolve":           (OK,    NONE,  NO,    None,  NO,   NO,    None,  NO),
    "GET /nodes":                                (OK,    None,  NO,    None,  None, NO,    None,  None),
    "POST /nodes/{node}/pause":                  (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /nodes/{node}/resume":                 (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "GET /fulfillment-orders":                   (OK,    None,  NO,    None,  None, OK,    None,  None),
    "GET /fulfillment-orders/{fulfillment_order}":            (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "GET /fulfillment-orders/{fulfillment_order}/packing-slip": (OK,  NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "GET /nodes/{node}/pick-list":               (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /fulfillment-orders/{fulfillment_order}/messages":  (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /fulfillment-orders/{fulfillment_order}/labels": (OK, NONE, NO,  NO,    NO,   OK,    NONE,  NONE),
    "POST /returns/{return}/labels":             (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "GET /labels/{label}":                       (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /labels/{label}/void":                 (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /nodes/{node}/manifests":              (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "GET /nodes/{node}/manifests":               (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "GET /nodes/{node}/manifests/waiting":       (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "GET /manifests/{manifest}":                 (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /manifests/{manifest}/settle":         (OK,    NONE,  NO,    NO,    NO,   OK,    NONE,  NONE),
    "POST /stock/messages":                      (OK,    None,  NO,    NO,    None, OK,    NO,    None),
    "GET /stock":                                (OK,    None,  OK,    None,  None, OK,    None,  None),
    "GET /stock/{sku}":                          (OK,    NONE,  OK,    None,  NONE, OK,    None,  NONE),
    "GET /stock/{sku}/movements":                (OK,    NONE,  NO,    None,  NO,   OK,    None,  NONE),
    "GET /supply":                               (OK,    None,  NO,    None,  None, OK,    None,  None),
    "POST /transfers":                           (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /transfers":                            (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /transfers/{transfer}":                 (OK,    NONE,  NO,    None,  NO,   NO,    None,  NO),
    "POST /transfers/{transfer}/cancel":         (OK,    NONE,  NO,    None,  NO,   NO,    None,  NO),
    "GET /needs":                                (OK,    None,  NO,    None,  None, NO,    None,  None),
    "POST /needs/take":                          (OK,    None,  NO,    None,  None, NO,    None,  None),
    "POST /stock/{sku}/stop":                    (OK,    NONE,  NO,    NO,    NO,   OK,    NO,    NONE),
    "POST /stock/{sku}/resume":                  (OK,    NONE,  NO,    NO,    NO,   OK,    NO,    NONE),
    "POST /promises":                            (OK,    None,  OK,    NO,    None, NO,    NO,    None),
    "POST /reservations":                        (OK,    None,  OK,    NO,    None, NO,    NO,    None),
    "GET /reservations/{cart}":                  (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "DELETE /reservations/{cart}":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    # A parcel can come back to any node, so a node may know of any return.
    "GET /returns":                              (OK,    None,  OK,    None,  None, OK,    None,  None),
    "GET /returns/{return}":                       (OK,    NONE,  OK,    NONE,  NONE, OK,    OK,    NONE),
    "POST /returns/{return}/messages":             (OK,    NONE,  OK,    NONE,  NONE, OK,    OK,    NONE),
    "POST /returns/blind":                       (OK,    None,  NO,    None,  None, OK,    NO,    None),
    "POST /returns/{return}/approve":              (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "POST /returns/{return}/decline":              (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "POST /returns/{return}/cancel":               (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /returns/{return}/dispositions":         (OK,    NONE,  NO,    NO,    NO,   NO,    NO,    NO),
    "POST /orders/{order}/claims":                (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /orders/{order}/payments":              (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "GET /claims/{claim}":                        (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "POST /claims/{claim}/messages":              (OK,    NONE,  OK,    NONE,  NONE, NO,    NO,    NO),
    "GET /reports/returns":                      (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/orders":                       (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/shipments":                    (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/promises":                     (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/nodes":                        (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/backorders":                   (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/costs":                        (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/partners":                     (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/marketplace-health":           (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /reports/shadow":                       (OK,    None,  NO,    None,  None, NO,    None,  None),
    "PUT /channels/{channel}/webhook":           (OK,    None,  OK,    NONE,  NONE, NO,    None,  None),
    "GET /channels/{channel}/webhook":           (OK,    NONE,  OK,    NONE,  NONE, NO,    None,  None),
    "POST /channels/{channel}/webhook/retry":    (OK,    NONE,  OK,    NONE,  NONE, NO,    None,  None),
    "POST /connections/{connection}/retry":      (OK,    NONE,  NO,    NO,    NO,   NO,    None,  None),
    "DELETE /channels/{channel}/webhook":        (OK,    None,  OK,    NONE,  NONE, NO,    None,  None),
    "GET /events":                               (OK,    None,  OK,    None,  None, NO,    None,  None),
    "GET /metrics":                              (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /jobs":                                 (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /connections":                          (OK,    None,  NO,    None,  None, NO,    None,  None),
    "GET /keys":                                 (OK,    None,  NO,    None,  None, NO,    None,  None),
    "POST /keys":                                (OK,    None,  NO,    None,  None, NO,    None,  None),
    "DELETE /keys/{key}":                     (OK,    NONE,  NO,    None,  NO,   NO,    None,  NO),
}
# fmt: on

ROLES = {
    "POST /orders/search": "see",
    "POST /promises": "see",
    "POST /orders/{order}/forget": "admin",
    "PUT /channels/{channel}/webhook": "admin",
    "DELETE /channels/{channel}/webhook": "admin",
    "POST /keys": "admin",
    "DELETE /keys/{key}": "admin",
}
"""The role that an operator needs where it is not `see` to read and `act` for the rest."""

COLUMNS = [
    ("operator", "own"),
    ("operator", "none"),
    ("channel", "own"),
    ("channel", "other"),
    ("channel", "none"),
    ("node", "own"),
    ("node", "other"),
    ("node", "none"),
]

PAGE_COLUMNS = [("operator", "own"), ("channel", "own"), ("channel", "other"), ("node", "own"), ("node", "other")]
PAGE = Path(__file__).parents[2] / "docs/reference/http/who-may.md"

_numbers = count(1)


@dataclass
class Cast:
    """Two channels, two nodes, and what belongs to each of them."""

    headers: Mapping[str, dict[str, str]]
    orders: Mapping[str, str]
    """A channel's delivered order, with a return and a claim."""
    work: Mapping[str, str]
    """A node's fulfillment order."""
    exception: str = "stock-x0"
    """An open exception."""
    reservations: Mapping[str, str] = field(default_factory=dict)
    """A channel's reservation, which it has given back."""


@pytest.fixture
async def cast(house: House) -> Cast:
    """Channel web is served by Salt Lake City, channel outlet by Newark; both orders were delivered and come back."""
    orders, work = {}, {}
    for channel, node, sku in (("web", "slc", "SERUM-30"), ("outlet", "nwk", "TONER-200")):
        await house.stock(node, **{sku.replace("-", "_"): 9})
        orders[channel] = await house.place((sku, 2), channel=channel)
        work[node] = (await house.work(orders[channel]))["fulfillment_order"]
        await house.fulfill(work[node])
        await house.until(orders[channel], "delivered")
        body = {"lines": [{"line": "1", "quantity": 1}]}
        for what, more in (("returns", {}), ("claims", {"kind": "damaged"})):
            answer = await house.http.post(f"/orders/{orders[channel]}/{what}", json=body | more)
            assert answer.status_code == 201, answer.text
    reservations = {}
    for channel, sku in (("web", "SERUM-30"), ("outlet", "TONER-200")):
        cart = {"channel": channel, "expires_in": "15m", "ship_to": {"country": "US", "postal_code": "80202"}}
        made = await house.http.post("/reservations", json=cart | {"lines": [{"sku": sku, "quantity": 1}]})
        reservations[channel] = made.json()["reservation"]
        assert (await house.http.delete(f"/reservations/{reservations[channel]}")).status_code == 200
    async with house.service.database.write() as connection:
        await keep_credentials(connection, "web", {"client_secret": "a secret"})
        await postpone_poll(connection, "web", timedelta(days=1))  # its row stays as it is
        for channel, node in (("web", "slc"), ("outlet", "nwk")):
            await keep_label(connection, orders[channel], work[node])
            await keep_manifest(connection, node, work[node])
    headers = {
        "operator": await house.key("operator", "second"),
        "channel": await house.key("channel", "web"),
        "node": await house.key("node", "slc"),
    }
    await house.tell(work["slc"], "picked", {"9": 1})
    (misfit,) = (await house.order(orders["web"]))["exceptions"]
    return Cast(headers, orders, work, misfit["exception"], reservations)


async def routes(house: House) -> dict[str, Document]:
    """Every route of the OpenAPI document."""
    paths = (await house.http.get("/openapi.json")).json()["paths"]
    return {f"{m.upper()} {path}": spec for path, methods in paths.items() for m, spec in methods.items()}


async def ask(house: House, cast: Cast, route: str, kind: str, whose: str) -> Response:
    """Ask a route about what is one's own, another's, or nobody's."""
    method, _, path = route.partition(" ")
    what = named(path, cast, whose)
    if path.startswith("/nodes") and (kind, whose) == ("operator", "own"):
        what = "chi"  # what an operator pauses is not its node's any more
    address = re.sub(r"{\w+}", await key_id(house, whose) if path.startswith("/keys/") else what, path, count=1)
    address = address.replace("{node}", "chi")
    address += "?sku=SERUM-30" if path == "/supply" else ""
    body = sent(path, cast, kind, whose) if method in ("POST", "PUT") else None
    return await house.http.request(method, address, json=body, headers=cast.headers[kind])


def named(path: str, cast: Cast, whose: str) -> str:
    """The name that stands in the address."""
    channel, node = ("outlet", "nwk") if whose == "other" else ("web", "slc")
    if path.startswith("/transfers"):
        return "none" if whose == "none" else "t-1"
    if path.startswith("/stock/"):
        return "SERUM-31" if whose == "none" else "SERUM-30"
    if path.startswith(("/channels/", "/connections/")):
        return "nobody" if whose == "none" else channel
    if path.startswith("/fulfillment-orders"):
        return "web-0-f1" if whose == "none" else cast.work[node]
    if path.startswith("/labels"):
        return "web-0-f1-l1" if whose == "none" else f"{cast.work[node]}-l1"
    if path.startswith("/manifests"):
        return f"{node}-van-m0" if whose == "none" else f"{node}-van-m1"
    if path.startswith("/reservations"):
        return "cart-0" if whose == "none" else cast.reservations[channel]
    if path.startswith("/nodes"):
        return "mars" if whose == "none" else node
    if path.startswith("/exceptions"):
        return "stock-x0" if whose == "none" else cast.exception
    name = "web-0" if whose == "none" else cast.orders[channel]
    belongs = {"/returns": "-r1", "/claims": "-c1"}
    return name + next((suffix for start, suffix in belongs.items() if path.startswith(start)), "")


async def key_id(house: House, whose: str) -> str:
    """A key that exists, to be taken away; or none."""
    made = await house.http.post("/keys", json={"kind": "node", "name": "chi"})
    return "0123456789abcdef" if whose == "none" else str(made.json()["id"])


def sent(path: str, cast: Cast, kind: str, whose: str) -> Document:
    """A good body for the route, in the name of its sender or of somebody else."""
    channel, node = ("outlet", "nwk") if whose == "other" else ("web", "slc")
    fact: Document = {"message_id": f"fact-{next(_numbers)}", "occurred_at": now()}
    goods = {"lines": [{"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 1000}]}
    place = {"ship_to": {"country": "US", "postal_code": "80202"}}
    order = {"channel": channel, "placed_at": now(), "currency": "USD"} | goods | place
    lines = {"lines": [{"line": "1", "quantity": 1}]}
    body = {"kind": "received", "node": "slc"} if kind == "node" else {"kind": "settled"}
    bodies: dict[str, Document] = {
        "/orders": order | {"number": f"k{next(_numbers)}"},
        "/promises": order,
        "/reservations": order | {"expires_in": "15m"},
        "/orders/search": {"email": "ada@example.org"},
        "/orders/{order}/cancel": {},
        "/orders/{order}/hold": {"hold": "fraud"},
        "/orders/{order}/release": {"hold": "fraud"},
        "/orders/{order}/address": place,
        "/orders/{order}/quantities": lines,
        "/orders/{order}/service": {"service": "two_day"},
        "/orders/{order}/lines": {"swap": [{"line": "1", "sku": "TONER-200", "quantity": 1}]},
        "/nodes/{node}/pause": {"open_work": "keep"},
        "/nodes/{node}/resume": {},
        "/orders/{order}/reroute": {"fulfillment_order": "web-0-f1"},
        "/orders/{order}/resolve": {"exception": "web-0-x0"},
        "/orders/{order}/pickup": {"pickup_node": None},
        "/exceptions/{exception}/resolve": {},
        "/orders/{order}/forget": {},
        "/exceptions/{exception}/assign": {"owner": "night-shift"},
        "/orders/{order}/returns": lines,
        "/orders/{order}/claims": lines | {"kind": "lost"},
        "/orders/{order}/payments": fact | {"kind": "authorized", "amount": 100},
        "/fulfillment-orders/{fulfillment_order}/messages": fact | {"kind": "accepted"},
        "/fulfillment-orders/{fulfillment_order}/labels": {"package": "7"},
        "/returns/{return}/labels": {},
        "/labels/{label}/void": {},
        "/nodes/{node}/manifests": {"carrier": "van"},
        "/manifests/{manifest}/settle": {"outcome": "made"},
        "/stock/messages": fact | {"node": node, "kind": "received", "lines": [{"sku": "SERUM-30", "quantity": 1}]},
        "/transfers": {"transfer": "t-1", "from": "slc", "to": "nwk", "lines": [{"sku": "SERUM-30", "quantity": 1}]},
        "/transfers/{transfer}/cancel": {},
        "/needs/take": {},
        "/stock/{sku}/stop": {"node": node},
        "/stock/{sku}/resume": {"node": node},
        "/returns/{return}/messages": fact | body,
        "/claims/{claim}/messages": fact | {"kind": "settled"},
        "/returns/blind": fact | {"node": node, "lines": [{"sku": "SERUM-30", "quantity": 1}]},
        "/returns/{return}/approve": {},
        "/returns/{return}/decline": {},
        "/returns/{return}/cancel": {},
        "/returns/{return}/dispositions": {"lines": [{"line": "1", "quantity": 1, "from": "scrap", "to": "restock"}]},
        "/channels/{channel}/webhook": {"url": "https://shop.example/switchyard"},
        "/channels/{channel}/webhook/retry": {},
        "/connections/{connection}/retry": {},
        "/keys": {"kind": "node", "name": "chi"},
    }
    return bodies[path]


def role(route: str) -> str:
    """The role that an operator needs for a route."""
    return ROLES.get(route, "see" if route.startswith("GET") else "act")


def page_table() -> str:
    """The rows of the page that says who may what: the statuses of `ACCESS` as a person reads them."""
    shown = {OK: "yes", NO: "403", NONE: "404", None: "–"}
    columns = [COLUMNS.index(column) for column in PAGE_COLUMNS]
    rows = [f"| `{route}` | 200 | yes | yes | – | yes | – |" for route in sorted(PUBLIC)]
    for route, row in ACCESS.items():
        answers = [role(route), *(shown[row[n]] for n in columns[1:])]
        rows.append(f"| `{route}` | 401 | {' | '.join(answers)} |")
    return "\n".join(rows)


def test_the_page_says_of_every_route_who_may_call_it() -> None:
    assert page_table() in PAGE.read_text(), f"paste below the heading of the table:\n\n{page_table()}\n"


async def test_every_route_has_a_row_that_says_whom_it_is_open_to(house: House) -> None:
    assert set(await routes(house)) == set(ACCESS) | PUBLIC


async def test_each_kind_of_key_reaches_its_own_and_nothing_else(house: House, cast: Cast) -> None:
    found: dict[str, tuple[int | None, ...]] = {}
    for route, row in ACCESS.items():
        answers: list[int | None] = []
        for (kind, whose), wanted in zip(COLUMNS, row, strict=True):
            if wanted is None:
                answers.append(None)
                continue
            status = (await ask(house, cast, route, kind, whose)).status_code
            assert status < 500, (route, kind, whose)
            answers.append(status if status in (401, 403, 404) else OK)
        found[route] = tuple(answers)
    house.orders += [row["order"] for page in await house.pages("/orders", 100) for row in page]
    assert found == ACCESS


async def test_an_operators_key_may_do_what_its_role_allows_and_is_refused_the_rest_with_a_reason(house: House) -> None:
    empty = Cast({}, {"web": "web-0"}, {"slc": "web-0-f1"}, reservations={"web": "cart-0"})
    keys = {one: await house.key("operator", one, role=one) for one in ("see", "act")}
    before = await house.facts()
    for route in ACCESS:
        method, _, path = route.partition(" ")
        body = sent(path, empty, "operator", "own") if method in ("POST", "PUT") else None
        address = re.sub(r"{\w+}", named(path, empty, "none"), path)
        for has, headers in keys.items():
            if has == role(route) == "act" and "{" not in path:
                continue  # it would do it: everything else that is asked for here does not exist
            answer = await house.http.request(method, address, json=body, headers=headers)
            refusal = f"this key has the role {has}; the role {role(route)} is needed for this"
            is_refused = ["see", "act", "admin"].index(has) < ["see", "act", "admin"].index(role(route))
            assert (answer.status_code == 403) == is_refused, (route, has, answer.text)
            assert not is_refused or answer.json()["detail"] == refusal, route
    assert await house.facts() == before


async def test_a_role_is_of_an_operators_key_only_and_is_listed(house: House) -> None:
    for one, wanted in (("see", "see"), (None, "admin")):
        body = {"kind": "operator", "name": "rosa"} | ({"role": one} if one else {})
        made = (await house.http.post("/keys", json=body, headers={"Idempotency-Key": "rosa"})).json()
        if one:
            first = made
        else:
            assert made["type"] == problems.OTHER_BODY.type, "another role is another body"
            made = (await house.http.post("/keys", json=body)).json()
        rows = (await house.http.get("/keys")).json()["items"]
        assert [row["role"] for row in rows if row["id"] == made["id"]] == [wanted]
    again = {"kind": "operator", "name": "rosa", "role": "see"}
    assert (await house.http.post("/keys", json=again, headers={"Idempotency-Key": "rosa"})).json() == first
    await house.key("node", "slc")
    assert [row["role"] for row in (await house.http.get("/keys")).json()["items"] if row["kind"] == "node"] == [None]


async def test_what_belongs_to_another_is_answered_exactly_as_what_does_not_exist(house: House, cast: Cast) -> None:
    pairs = [
        (route, kind)
        for route, row in ACCESS.items()
        for kind in ("channel", "node")
        if row[COLUMNS.index((kind, "other"))] == NONE
    ]
    assert pairs, "nothing belongs to another"
    for route, kind in pairs:
        other, unknown = [await ask(house, cast, route, kind, whose) for whose in ("other", "none")]
        path = route.partition(" ")[2]
        said = unknown.text.replace(named(path, cast, "none"), named(path, cast, "other"))
        assert other.text == said, (route, kind)
        varying = {"content-length", "x-request-id"}
        assert {k: v for k, v in other.headers.items() if k not in varying} == {
            k: v for k, v in unknown.headers.items() if k not in varying
        }


async def test_a_refusal_of_a_fact_for_another_leaves_no_trace(house: House, cast: Cast) -> None:
    await ask(house, cast, "GET /orders", "channel", "own")
    before = await house.facts()
    for route, row in ACCESS.items():
        if not route.startswith("POST") or route == "POST /keys":
            continue
        for (kind, whose), wanted in zip(COLUMNS, row, strict=True):
            if wanted in (NO, NONE):
                method, _, path = route.partition(" ")
                what = named(path, cast, whose)
                address = re.sub(r"{\w+}", what, path)
                body = sent(path, cast, kind, whose)
                await house.http.request(method, address, json=body, headers=cast.headers[kind])
    assert await house.facts() == before


@pytest.mark.parametrize("shown", ["no key", "a wrong key", "a revoked key", "a password", "half a header"])
async def test_without_a_valid_key_every_route_but_health_is_closed(house: House, shown: str) -> None:
    made = (await house.http.post("/keys", json={"kind": "operator", "name": "gone"})).json()
    assert (await house.http.delete(f"/keys/{made['id']}")).status_code == 204
    headers = {
        "no key": "",
        "a wrong key": "Bearer not-a-key",
        "a revoked key": f"Bearer {made['key']}",
        "a password": "Basic b3BlcmF0b3I6c2VjcmV0",
        "half a header": "Bearer",
    }
    empty = Cast({"stranger": {"Authorization": headers[shown]}}, {"web": "web-0"}, {"slc": "web-0-f1"})
    before = await house.facts()
    for route in ACCESS:
        method, _, path = route.partition(" ")
        body = sent(path, empty, "operator", "own") if method in ("POST", "PUT") else None
        address = re.sub(r"{\w+}", "web-0", path)
        answer = await house.http.request(method, address, json=body, headers=empty.headers["stranger"])
        assert (answer.status_code, answer.json()["type"]) == (401, problems.NO_KEY.type), route
        assert answer.headers["www-authenticate"] == "Bearer"
    for route in PUBLIC:
        answer = await house.http.get(route.partition(" ")[2], headers=empty.headers["stranger"])
        assert answer.status_code == 200, route
    assert await house.facts() == before


async def test_lists_hold_only_what_is_the_holders_own(house: House, cast: Cast) -> None:
    async def listed(kind: str, path: str) -> list[Document]:
        answer = await house.http.get(path, headers=cast.headers[kind])
        assert answer.status_code == 200, answer.text
        items: list[Document] = answer.json()["items"]
        return items

    assert {row["order"] for row in await listed("channel", "/orders?channel=outlet")} == {cast.orders["web"]}
    assert {row["order"] for row in await listed("operator", "/orders")} == set(cast.orders.values())
    assert {row["fulfillment_order"] for row in await listed("node", "/fulfillment-orders")} == {cast.work["slc"]}
    assert {row["node"] for row in await listed("node", "/stock?node=nwk")} == {"slc"}
    assert {row["node"] for row in await listed("operator", "/stock")} == {"slc", "nwk"}


@pytest.mark.parametrize(("kind", "path"), [("channel", "/orders"), ("node", "/fulfillment-orders")])
async def test_a_page_after_somebody_elses_object_does_not_tell_that_it_exists(
    house: House, cast: Cast, kind: str, path: str
) -> None:
    await house.work(await house.place(("SERUM-30", 1)))  # newer than the other's, as the first order is older
    names = {"channel": (cast.orders["outlet"], "outlet-0"), "node": (cast.work["nwk"], "outlet-0-f1")}[kind]
    other, unknown = [
        (await house.http.get(path, params={"after": name}, headers=cast.headers[kind])).json() for name in names
    ]
    assert other == unknown


async def test_a_channel_sees_stock_as_a_total_and_a_node_sees_its_own(house: House, cast: Cast) -> None:
    await house.stock("nwk", SERUM_30=5)
    seen: dict[str, Any] = {
        kind: (await house.http.get("/stock/SERUM-30", headers=headers)).json()
        for kind, headers in cast.headers.items()
    }
    totals = {"available": 7 + 5, "backordered": 0, "incoming": 0, "stopped": False}
    assert seen["channel"] == {"sku": "SERUM-30"} | totals
    assert [row["node"] for row in seen["node"]["nodes"]] == ["slc"]
    assert seen["node"]["available"] == 7
    assert [row["node"] for row in seen["operator"]["nodes"]] == ["nwk", "slc"]


async def test_a_key_is_shown_once_and_only_its_hash_is_stored(house: House) -> None:
    made = (await house.http.post("/keys", json={"kind": "node", "name": "slc"})).json()
    assert set(made) == {"id", "key"}
    async with house.service.database.read() as connection:
        rows = (await connection.exec_driver_sql("SELECT to_jsonb(k)::text FROM key k")).scalars().all()
    assert any(made["id"] in row for row in rows)
    assert not any(made["key"] in row for row in rows)


async def test_a_key_made_twice_with_one_idempotency_key_is_one_key(house: House) -> None:
    async def make(idempotency_key: str | None, name: str = "slc") -> Response:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return await house.http.post("/keys", json={"kind": "node", "name": name}, headers=headers)

    first, again = await make("first"), await make("first")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (await make("second")).json() != first.json()
    assert (await make(None)).json() != (await make(None)).json()

    other = await make("first", name="nwk")
    assert (other.status_code, other.json()["type"]) == (409, problems.OTHER_BODY.type)

    secret = {"Authorization": f"Bearer {first.json()['key']}"}
    assert (await house.http.get("/fulfillment-orders", headers=secret)).status_code == 200
    for _ in range(2):
        assert (await house.http.delete(f"/keys/{first.json()['id']}")).status_code == 204
    assert (await house.http.get("/fulfillment-orders", headers=secret)).status_code == 401
    assert (await make("first")).status_code == 409


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [("node", "slc", "/fulfillment-orders"), ("channel", "web", "/orders"), ("operator", "ops", "/exceptions")],
)
async def test_two_keys_of_one_holder_are_valid_at_once_and_each_is_revoked_by_itself(
    house: House, kind: str, name: str, path: str
) -> None:
    async def status(key: str) -> int:
        return (await house.http.get(path, headers={"Authorization": f"Bearer {key}"})).status_code

    old, new = [(await house.http.post("/keys", json={"kind": kind, "name": name})).json() for _ in range(2)]
    assert [await status(made["key"]) for made in (old, new)] == [200, 200]
    assert (await house.http.delete(f"/keys/{old['id']}")).status_code == 204
    assert [await status(made["key"]) for made in (old, new)] == [401, 200]

    answer = await house.http.get("/keys")
    listed = {row["id"]: row for row in answer.json()["items"]}
    assert {field: listed[old["id"]][field] for field in ("kind", "name")} == {"kind": kind, "name": name}
    assert listed[old["id"]]["revoked_at"] is not None
    assert listed[new["id"]]["revoked_at"] is None
    async with house.service.database.read() as connection:
        hashes = (await connection.exec_driver_sql("SELECT hash FROM key")).scalars().all()
    assert not any(secret in answer.text for secret in (*hashes, old["key"], new["key"]))
    assert [len(page) for page in await house.pages("/keys", 2)] == [2, 1]


async def test_setting_another_first_key_in_the_environment_replaces_it(house: House) -> None:
    first, second = ({"Authorization": f"Bearer {key}"} for key in (OPERATOR_KEY, "a second first key"))
    await prepare(house.database_url, None, "a second first key", master_keys=MASTER_KEYS)
    assert [(await house.http.get("/keys", headers=shown)).status_code for shown in (first, second)] == [200, 200]

    made = (await house.http.get("/keys", headers=second)).json()["items"]
    (oldest,) = [key["id"] for key in made if key["made_at"] == min(key["made_at"] for key in made)]
    assert (await house.http.delete(f"/keys/{oldest}", headers=second)).status_code == 204
    await prepare(house.database_url, None, OPERATOR_KEY, master_keys=MASTER_KEYS)

    assert [(await house.http.get("/keys", headers=shown)).status_code for shown in (first, second)] == [401, 200]


async def test_what_was_said_with_the_old_key_is_known_when_it_is_said_again_with_the_new_one(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    old, new = [await house.key("channel", "web") for _ in range(2)]
    name = await house.place(("SERUM-30", 3))
    one = {"lines": [{"line": "1", "quantity": 1}]}
    cart = {"channel": "web", "expires_in": "15m", "ship_to": {"country": "US", "postal_code": "80202"}}
    for path, body in (
        (f"/orders/{name}/cancel", one),
        ("/reservations", cart | {"lines": [{"sku": "SERUM-30", "quantity": 2}]}),
    ):
        first, again = [
            await house.http.post(path, json=body, headers=headers | {"Idempotency-Key": path[:20]})
            for headers in (old, new)
        ]
        assert first.is_success, first.text
        assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (await house.settle(name))["lines"][0]["cancelled"] == 1
    assert await house.available("SERUM-30") == {"slc": 9 - 2 - 2}


async def test_a_message_of_a_node_is_known_under_its_new_key(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    work = (await house.work(await house.place(("SERUM-30", 3))))["fulfillment_order"]
    old, new = [await house.key("node", "slc") for _ in range(2)]
    picked = {"message_id": "slc-1", "kind": "picked", "occurred_at": now(), "lines": [{"line": "1", "quantity": 1}]}
    path = f"/fulfillment-orders/{work}/messages"
    assert [(await house.http.post(path, json=picked, headers=key)).status_code for key in (old, new)] == [202, 200]
    assert (await house.http.get(f"/fulfillment-orders/{work}", headers=new)).json()["lines"][0]["picked"] == 1
    paused = [
        (await house.http.post("/nodes/slc/pause", json={}, headers=key | {"Idempotency-Key": "snow"})).json()
        for key in (old, new)
    ]
    assert paused[0] == paused[1]
