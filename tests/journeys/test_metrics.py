"""What Prometheus reads of a service with orders: the figures are those of the documents, and the page names all of them."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from api.figures import Figures
from database.connect import Database
from tests.house import House
from tests.journeys.test_console import silent
from tests.sql_statements import statements_of
from tests.test_monitoring import alerts, documented

ALERT_AFTER = timedelta(minutes=10)

Shown = dict[str, dict[tuple[str, ...], float]]
"""By metric, its values by those of its labels, which are in the order of their names."""


async def figures_of(house: House) -> Shown:
    """What `GET /metrics` shows, read by the parser of Prometheus' own library."""
    answer = await house.http.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: Shown = {}
    for family in text_string_to_metric_families(answer.text):
        found.setdefault(named(family.name, family.type), {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def named(name: str, kind: str) -> str:
    """A family's name as queries use it."""
    return f"{name}_total" if kind == "counter" else name


async def test_prometheus_reads_the_same_figures_that_people_see(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    sent = await house.place(("SERUM-30", 2))
    waiting = await house.place(("TONER-200", 3), ("SERUM-30", 1), channel="outlet", ship_complete="order")
    delivered = await house.place(("SERUM-30", 1))
    await house.fulfill((await house.work(delivered))["fulfillment_order"])
    await house.until(delivered, "delivered")
    await house.work(sent)
    cancelled = await house.place(("TONER-200", 1))
    assert (await house.ask(cancelled, "cancel", lines=None, reason="no", actor="ann")).status_code == 200
    await house.until(cancelled, lambda order: order["closed"])
    await house.http.post("/nodes/nwk/pause", json={"reason": "flood", "actor": "ann"})
    await house.http.get("/no/such/page")
    await house.http.request("INVENTED", "/orders")
    for name in (sent, waiting, delivered):
        await house.settle(name)

    found = await figures_of(house)
    shown = Counter([(await house.order(name))["status"] for name in (sent, waiting, delivered)])
    assert found["switchyard_orders_open"] == {(status,): number for status, number in shown.items()}
    assert shown == {"in_fulfillment": 1, "backordered": 1, "delivered": 1}
    assert found["switchyard_orders_received_last_hour"] == {("web",): 3, ("outlet",): 1}
    assert found["switchyard_waiting_units"] == {("stock",): 4}
    assert found["switchyard_waiting_orders"] == {("stock",): 1}
    assert found["switchyard_fulfillment_orders_waiting"] == {("slc", "acceptance"): 1}
    assert found["switchyard_fulfillment_orders_overdue"] == {("slc", "acceptance"): 0}
    assert found["switchyard_exceptions_open"] == {}
    assert found["switchyard_node_paused_seconds"].keys() == {("nwk",)}
    assert found["switchyard_temporal_up"] == found["switchyard_workers_up"] == {(): 1}
    assert found["switchyard_queue_rows"][("unstarted_orders",)] == 0
    assert found["switchyard_http_requests_total"]["POST", "/orders", "201"] == 4
    assert found["switchyard_http_requests_total"]["GET", "none", "404"] == 1
    assert found["switchyard_http_requests_total"]["other", "/orders", "405"] == 1
    assert found["switchyard_http_request_seconds_count"]["POST", "/orders"] == 4
    assert found["switchyard_job_runs_total"].keys() == {(job,) for job in await jobs_of(house)}
    assert set(families(found)) == {name for name in documented() if name.startswith("switchyard_")}


async def test_every_job_that_runs_seldom_is_left_out_of_the_alert_about_jobs_that_do_not_run(house: House) -> None:
    lanes = house.service.driver.lanes.values()
    seldom = {job.name for lane in lanes if (lane.at_least_every or lane.every) > ALERT_AFTER / 2 for job in lane.jobs}
    (rule,) = [rule for rule in alerts() if rule["alert"] == "SwitchyardJobStopped"]
    found = re.search(r'name!~"([^"]+)"}\) > (\d+)$', str(rule["expr"]))
    assert found is not None
    assert timedelta(seconds=int(found[2])) == ALERT_AFTER
    names = {job.name for lane in lanes for job in lane.jobs}
    assert {name for name in names if re.fullmatch(found[1], name)} == seldom


async def jobs_of(house: House) -> list[str]:
    return [job["job"] for job in (await house.http.get("/jobs")).json()["items"]]


def families(found: Shown) -> Iterator[str]:
    """The names that the page has: of a histogram the family only."""
    yield from {re.sub(r"(?<=_request_seconds)_(bucket|sum|count)$", "", name) for name in found}


async def test_an_order_that_a_person_has_taken_over_is_counted_though_nothing_is_due(house: House) -> None:
    name, _ = await silent(house)
    async with house.service.database.write() as connection:
        await connection.exec_driver_sql("UPDATE exception SET since = now() - interval '2 hours', due_at = now()")
    assert [work["deadline"] for work in (await house.order(name))["fulfillment_orders"]] == [None]

    found = await figures_of(house)

    assert found["switchyard_orders_open"][("in_fulfillment",)] == 1
    assert found["switchyard_exceptions_open"] == found["switchyard_exceptions_overdue"] == {("node_silent",): 1}
    assert found["switchyard_exceptions_oldest_seconds"][("node_silent",)] >= 3600


async def test_however_often_it_is_asked_reading_takes_a_twentieth_of_the_time(database: Database) -> None:
    says = iter((1.0, 3.0, 3.0 + 2 * 19 - 0.1, 3.0 + 2 * 19, 50.0))
    figures = Figures(database, clock=lambda: next(says))
    with statements_of(database) as sent:
        await figures.read()  # it takes two seconds
        await figures.read()
        assert len(sent) == 1
        await figures.read()
    assert len(sent) == 2
