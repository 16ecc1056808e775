"""How often each request waits for PostgreSQL: every round trip is time for the caller, and some of it under locks."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest
from httpx2 import AsyncBaseTransport, Request, Response

from database import personal
from database.connect import Database
from tests.house import House
from tests.journeys.test_api_document import live, route_of
from tests.sql_statements import round_trips_of_this_task, watched
from transactions import key

# fmt: off
ROUND_TRIPS: dict[str, int] = {
    "DELETE /channels/{channel}/webhook":                     4,
    "DELETE /keys/{key}":                                     3,
    "DELETE /reservations/{cart}":                            6,
    "GET /":                                                  0,
    "GET /channels/{channel}/webhook":                        3,
    "GET /connections":                                       4,
    "GET /events":                                            3,
    "GET /exceptions":                                        4,
    "GET /exceptions/{exception}":                            4,
    "GET /fulfillment-orders":                                4,
    "GET /fulfillment-orders/{fulfillment_order}":            4,
    "GET /healthz":                                           0,
    "GET /jobs":                                              0,
    "GET /keys":                                              3,
    "GET /metrics":                                           1,
    "GET /nodes":                                             5,
    "GET /orders":                                            3,
    "GET /orders/{order}":                                    4,
    "GET /orders/{order}/plan":                               6,
    "GET /orders/{order}/plan/why-not/{node}":                4,
    "GET /orders/{order}/timeline":                           7,
    "GET /readyz":                                            0,
    "GET /reports/backorders":                                3,
    "GET /reports/costs":                                     3,
    "GET /reports/marketplace-health":                        3,
    "GET /reports/shadow":                                    3,
    "GET /reports/nodes":                                     3,
    "GET /reports/orders":                                    3,
    "GET /reports/partners":                                  3,
    "GET /reports/promises":                                  3,
    "GET /reports/returns":                                   3,
    "GET /reports/shipments":                                 3,
    "GET /reservations/{cart}":                               3,
    "GET /returns":                                           3,
    "GET /returns/{return}":                                  8,
    "GET /stock":                                             5,
    "GET /stock/{sku}":                                       6,
    "GET /stock/{sku}/movements":                             4,
    "GET /supply":                                            6,
    "GET /needs":                                             3,
    "GET /manifests/{manifest}":                             5,
    "GET /nodes/{node}/manifests":                           4,
    "GET /nodes/{node}/manifests/waiting":                   4,
    "GET /transfers":                                         3,
    "GET /transfers/{transfer}":                              3,
    "POST /channels/{channel}/webhook/retry":                 8,
    "POST /connections/{connection}/retry":                   13,
    "POST /exceptions/{exception}/assign":                    9,
    "POST /fulfillment-orders/{fulfillment_order}/messages":  7,
    "POST /keys":                                             4,
    "POST /nodes/{node}/pause":                               8,
    "POST /nodes/{node}/resume":                              10,
    "POST /orders":                                           9,
    "POST /orders/search":                                    3,
    "POST /orders/{order}/address":                           11,
    "POST /orders/{order}/cancel":                            9,
    "POST /orders/{order}/forget":                            43,
    "POST /orders/{order}/hold":                              9,
    "POST /orders/{order}/lines":                             12,
    "POST /orders/{order}/payments":                          13,
    "POST /orders/{order}/pickup":                            12,
    "POST /orders/{order}/quantities":                        9,
    "POST /orders/{order}/release":                           9,
    "POST /orders/{order}/reroute":                           9,
    "POST /orders/{order}/resolve":                           9,
    "POST /orders/{order}/returns":                           12,
    "POST /orders/{order}/service":                           21,
    "POST /promises":                                         4,
    "POST /reservations":                                     6,
    "POST /returns/blind":                                    8,
    "POST /returns/{return}/messages":                        27,
    "POST /stock/messages":                                   11,
    "POST /stock/{sku}/resume":                               12,
    "POST /stock/{sku}/stop":                                 15,
    "POST /needs/take":                                       8,
    "POST /transfers":                                        9,
    "POST /transfers/{transfer}/cancel":                      9,
    "PUT /channels/{channel}/webhook":                        5,
}
# fmt: on
"""By route, the most round trips of a request that succeeds, begin and end of its transactions included. The key of a caller is
read once; what a process reads once (the network, the common key) was read before."""


class Counting(AsyncBaseTransport):
    """Counts the round trips of each request that it passes on, by method, path and status."""

    def __init__(self, transport: AsyncBaseTransport) -> None:
        self._transport = transport
        self.found: list[tuple[str, str, int, list[str]]] = []

    async def handle_async_request(self, request: Request) -> Response:
        """Pass a request on."""
        with round_trips_of_this_task() as trips:
            answer = await self._transport.handle_async_request(request)
            self.found.append((request.method, request.url.path, answer.status_code, list(trips.sent)))
        return answer


@pytest.fixture
def watching(database: Database) -> Iterator[None]:
    """Counts what every connection of the house sends: it is asked for before the house, which opens them."""
    with watched(database):
        yield


async def test_every_request_waits_for_postgresql_exactly_so_often(
    watching: None, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key, "KEPT_FOR", timedelta(hours=1))  # however slow the machine is, a key is read once
    async with house.service.database.read() as connection:
        await personal.common_key(connection)  # what is read once, a job may read first, or a request
        await house.service.networks.active(connection)
    async with asyncio.timeout(10):
        while not house.service.notifications.is_received:  # noqa: ASYNC110  (no key is kept before; nothing says when)
            await asyncio.sleep(0.01)
    await house.http.get("/keys")
    document = (await house.http.get("/openapi.json")).json()
    house.http._transport = counting = Counting(house.http._transport)
    await live(house)
    most: defaultdict[str, list[str]] = defaultdict(list)
    for method, path, status, sent in counting.found:
        route = route_of(document, method, path)
        if status < 300 and len(sent) >= len(most[route]):
            most[route] = sent
    shown = "".join(f'    "{route}": {len(sent)},\n' for route, sent in sorted(most.items()))
    assert {route: len(sent) for route, sent in most.items()} == ROUND_TRIPS, f"\n{shown}\n{differences(most)}"


def differences(most: dict[str, list[str]]) -> str:
    """What was sent by the requests whose numbers differ."""
    return "\n".join(
        f"{route}:\n" + "\n".join(f"    {statement[:110]}" for statement in sent)
        for route, sent in most.items()
        if ROUND_TRIPS.get(route) != len(sent)
    )
