"""An operator asks for the figures of some days: over HTTP as JSON and CSV, and on a page of the console."""

from datetime import UTC, datetime, timedelta

import pytest

from api.report import sheet
from console.plot import bars
from tests.console_pages import read, signed_in
from tests.house import Document, House
from tests.sql_statements import statements_of

REPORTS = ("orders", "shipments", "promises", "nodes", "backorders", "costs")


@pytest.fixture
async def worked(house: House) -> House:
    """One order was delivered, one waits for its node, one for stock."""
    await house.stock("slc", SERUM_30=9)
    delivered = await house.place(("SERUM-30", 2))
    await house.fulfill((await house.work(delivered))["fulfillment_order"])
    await house.until(delivered, "delivered")
    await house.work(await house.place(("SERUM-30", 1)))
    await house.until(await house.place(("TONER-200", 3), channel="outlet"), "backordered")
    return house


def this_week() -> dict[str, str]:
    """A period with every order of a test."""
    now = datetime.now(UTC)
    return {"from": (now - timedelta(days=3)).isoformat(), "to": (now + timedelta(days=3)).isoformat()}


async def test_an_operator_reads_what_became_of_the_orders_of_some_days(worked: House) -> None:
    async def report(name: str, **query: str) -> Document:
        answer = await worked.http.get(f"/reports/{name}", params=this_week() | query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    orders = await report("orders", by="channel")
    assert orders["rows"] == [
        {"channel": "outlet", "orders": 1, "units": 3, "shipped": 0, "cancelled": 0, "backordered": 3, "complete": 0}
        | {"fill_rate": 0.0, "units_per_order": 3.0},
        {"channel": "web", "orders": 2, "units": 3, "shipped": 2, "cancelled": 0, "backordered": 0, "complete": 1}
        | {"fill_rate": 0.6667, "units_per_order": 1.5},
    ]
    assert [row["node"] for row in (await report("shipments", by="node"))["rows"]] == ["slc"]
    assert (await report("promises"))["total"]["ship_by_rate"] == 1.0
    (node,) = (await report("nodes"))["rows"]
    assert (node["node"], node["fulfillment_orders"], node["accepted"], node["in_time"]) == ("slc", 2, 1, 1)
    assert [(row["sku"], row["units"]) for row in (await report("backorders"))["rows"]] == [("TONER-200", 3)]
    costs = (await report("costs"))["total"]
    assert (costs["orders"], costs["difference"], costs["cost"] > 0) == (1, 0, True)

    sheet = await worked.http.get(
        "/reports/backorders", params=this_week() | {"by": "channel"}, headers={"Accept": "text/csv"}
    )
    header, row = sheet.text.splitlines()
    assert header.startswith("channel,orders,units,age_days,oldest_days,up_to_1_day")
    assert row.startswith("outlet,1,3,")


WRONG = {
    "from=2026-03-01T00:00:00Z&to=2026-02-01T00:00:00Z": "to",
    "from=2024-03-01T00:00:00Z&to=2026-02-01T00:00:00Z": "to",
    "from=2026-03-01T00:00:00Z": "to",
    "from=yesterday&to=2026-02-01T00:00:00Z": "from",
    "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&by=nose": "by",
    "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&by=node": "by",
    "from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&chanel=web": "chanel",
}


async def test_a_period_or_a_group_that_a_report_does_not_have_is_refused_by_its_name(house: House) -> None:
    for query, field in WRONG.items():
        answer = await house.http.get(f"/reports/orders?{query}")
        assert answer.status_code == 422, query
        assert [error["field"].rpartition(".")[2] for error in answer.json()["errors"]] == [field], answer.text


WRONG_DAYS = (
    "from=soon",
    "by=nose",
    "from=2026-03-02&to=2026-03-01",
    "from=2020-01-01&to=2026-01-01",
    "from=9999-12-31&to=9999-12-31",
    "from=0001-01-01",
    "to=0001-01-01",
)


async def test_the_page_of_reports_has_every_figure_and_each_table_as_a_file(worked: House) -> None:
    async with signed_in(worked) as http:
        with statements_of(worked.service.database) as sent:
            page = await http.get("/console/reports?by=channel")
        assert page.status_code == 200, page.text
        assert (
            len([statement for statement, _ in sent if "WITH part AS" in statement or "WITH unit AS" in statement]) == 8
        )
        said = read(page)
        for words in (
            "3 orders",
            "33.3 % units shipped of those ordered",
            "100.0 % left as promised",
            "TONER-200",
            "slc",
        ):
            assert words in said, (words, said)
        assert page.text.count("<svg") == 4
        for name in REPORTS:
            sheet = await http.get(f"/console/reports/{name}.csv?by=channel")
            assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
            assert len(sheet.text.splitlines()) >= 2, name
        for query in WRONG_DAYS:
            answer = await http.get(f"/console/reports?{query}")
            assert answer.status_code == 422, query
        assert (await http.get("/console/reports/nothing.csv")).status_code == 404


def test_a_plot_says_each_value_in_words_and_shows_what_comes_from_outside_as_text() -> None:
    drawn = str(bars("Orders", [("<script>", 3.0), ("web", None), ("shop", 1200.0)]))
    assert "<script>" not in drawn
    assert "<title>&lt;script&gt;: 3</title>" in drawn
    assert drawn.count("<rect") == 2
    assert "2,000" in drawn
    assert "<title>web: 50.0 %</title>" in str(bars("Kept", [("web", 0.5)], is_share=True))
    assert "<rect" not in str(bars("Nothing", []))


def test_an_item_whose_name_is_a_formula_is_shown_as_text_in_the_file_of_a_report() -> None:
    assert sheet(("sku", "units"), [{"sku": "=1+1", "units": -3}]).body == b"sku,units\r\n'=1+1,-3\r\n"
