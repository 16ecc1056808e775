"""A buyer orders, is answered, gets its goods and its invoice by X12; mock-edi, an independent buyer, is the judge."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mockedi.testing import Mock
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.request import ForgetRequest
from formats.x12.write import written
from jobs.connection import Connections
from jobs.inventory import write_inventory
from tests.database.trade import ISA, Trade, a_997, change, file, new, the_sets
from transactions import personal

EIGHT = datetime(2026, 11, 30, 8, tzinfo=UTC)
NOTED = "E"
"""The verdict of mock-edi 0.9.0 about every 856 with a carton's MAN segment: its dictionary of the 856 lacks MAN."""
FORGETS_DELETED = "confirmed-unknown-line"
"""mock-edi 0.9.0 removes a line that it deletes by an 860, and then does not know the POC*DI which answers that."""
FIRST, SECOND = (
    {"sku": "WIDGET-001", "quantity": 24, "price": 12.5},
    {"sku": "WIDGET-002", "quantity": 12, "price": 8.25},
)


async def others(trade: Trade) -> list[tuple[object, ...]]:
    """The open exceptions, without the one about the errors that the judge notes: see `NOTED`."""
    return [(code, detail) for code, detail in await trade.exceptions() if "has taken 856" not in str(detail)]


@pytest_asyncio.fixture
async def trade(database: Database, tmp_path: Path) -> AsyncIterator[Trade]:
    """A shop that the judge buys from."""
    opened = await Trade.open(database, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def buyer() -> Iterator[Mock]:
    """The judge, which plays the retailer."""
    with Mock.start() as mock:
        yield mock


def order(buyer: Mock, trade: Trade, *lines: dict[str, Any], number: str) -> str:
    """The buyer orders; its file lies in our mailbox. Answers our order's id."""
    buyer.expect(
        "POST", "/_mock/purchase", {"partner": "NORTHWIND", "po_number": number, "lines": list(lines)}, status=201
    )
    buyer.advance(everything=True)
    hand_over(buyer, trade)
    return f"buyco-{number}"


def hand_over(buyer: Mock, trade: Trade) -> None:
    """What the buyer has written goes into our mailbox."""
    for row in buyer.mailbox(partner="NORTHWIND", leave=False):
        trade.send(row["payload"])


async def answer(buyer: Mock, trade: Trade) -> list[str]:
    """What lies there for the buyer reaches it, and its acknowledgments reach us; answers the codes of the sets."""
    found = trade.collect()
    for one in found:
        said = buyer.send(written(one).decode())
        assert said["accepted"], said
    buyer.advance(everything=True)
    hand_over(buyer, trade)
    await trade.look()
    return [one.code for interchange in found for group in interchange.groups for one in group.sets]


async def test_an_order_is_answered_shipped_and_invoiced_in_full_and_the_buyer_disagrees_with_nothing(
    trade: Trade, buyer: Mock
) -> None:
    await trade.stock(WIDGET_001=100, WIDGET_002=100)
    name = order(buyer, trade, FIRST, SECOND, number="4500017")
    await trade.look()
    assert await answer(buyer, trade) == ["997"]

    await trade.plan(name)
    await trade.look()
    assert await answer(buyer, trade) == ["855"]

    await trade.ship(name, {"c1": {"1": 20}, "c2": {"1": 4, "2": 12}})
    await trade.look()
    assert await answer(buyer, trade) == ["856", "810"]

    bought = buyer.order("4500017")
    assert [
        (line["ordered"], line["confirmed"], line["shipped"], line["billed"]) for line in bought["reconciliation"]
    ] == [
        ("24", "24", "24", "24"),
        ("12", "12", "12", "12"),
    ]
    assert buyer.expect("GET", "/_mock/disagreements") == []
    assert await others(trade) == []
    assert await trade.rows("SELECT code, verdict FROM x12_document ORDER BY control") == [
        ("997", None),
        ("855", "A"),
        ("856", NOTED),
        ("810", "A"),
    ]


async def test_what_is_short_is_confirmed_as_less_and_only_what_has_left_is_invoiced(trade: Trade, buyer: Mock) -> None:
    await trade.stock(WIDGET_001=10, WIDGET_002=100)
    name = order(buyer, trade, FIRST, SECOND, number="4500018")
    await trade.look()
    await trade.plan(name)
    await trade.look()
    await answer(buyer, trade)
    await trade.ship(name, {"c1": {"1": 10}})
    await trade.ship(name, {"c2": {"2": 12}})
    await trade.look()
    assert await answer(buyer, trade) == ["856", "810", "856", "810"]

    found = buyer.expect("GET", "/_mock/disagreements")
    assert {one["rule"] for one in found} == {"confirmed-less"}
    bought = buyer.order("4500018")
    assert [(line["shipped"], line["billed"]) for line in bought["reconciliation"]] == [("10", "10"), ("12", "12")]

    await trade.stock(WIDGET_001=14)
    await trade.shop.backorders.work_off(10)
    await trade.plan(name)
    await trade.ship(name, {"c3": {"1": 14}}, number=2)
    await trade.look()

    assert await answer(buyer, trade) == ["856", "810"], "the order was confirmed once"
    assert [(line["shipped"], line["billed"]) for line in buyer.order("4500018")["reconciliation"]] == [
        ("24", "24"),
        ("12", "12"),
    ]
    assert await others(trade) == []


async def test_a_short_pick_is_invoiced_for_what_left(trade: Trade, buyer: Mock) -> None:
    await trade.stock(WIDGET_001=24)
    name = order(buyer, trade, FIRST, number="4500019")
    await trade.look()
    await trade.plan(name)
    await trade.look()
    await answer(buyer, trade)
    await trade.ship(name, {"c1": {"1": 23}}, final=True)
    await trade.look()
    await answer(buyer, trade)

    bought = buyer.order("4500019")
    assert [(line["confirmed"], line["shipped"], line["billed"]) for line in bought["reconciliation"]] == [
        ("24", "23", "23")
    ]
    assert [one["rule"] for one in buyer.expect("GET", "/_mock/disagreements")] == []


async def placed(trade: Trade) -> list[tuple[object, ...]]:
    """The orders, each with the units of its lines."""
    return await trade.rows(
        "SELECT order_id, array_agg(ordered ORDER BY position) FROM order_line GROUP BY order_id ORDER BY order_id"
    )


async def test_one_bad_set_does_not_sink_the_others_of_its_file(trade: Trade) -> None:
    strange_item = new("D-2", "PO1*1*2*EA*9.95**VN*SOFA")
    no_unit = new("D-3", "PO1*1*2*XX*9.95**VN*WIDGET-001")
    trade.send(file(new("D-1"), strange_item, no_unit, "850|BEG*00*SA*D-4**20261130~", "830|BFR*05~", new("D-6")))

    await trade.look()

    assert await placed(trade) == [("buyco-d-1", [2]), ("buyco-d-2", [2]), ("buyco-d-6", [2])]
    assert trade.files("done") == ["f1.edi"] or len(trade.files("done")) == 1
    codes = [code for code, _ in await trade.exceptions()]
    assert sorted(map(str, codes)) == [*["channel_misfit"] * 3, "unmapped"]
    (answer_,) = the_sets(trade.collect())["997"]
    assert [one for one in answer_ if one.startswith("AK5")] == [
        "AK5*A",
        "AK5*A",
        "AK5*A",
        "AK5*R*5",
        "AK5*R*1",
        "AK5*A",
    ]


async def test_the_same_file_again_and_the_same_order_in_a_new_file_are_one_order(trade: Trade) -> None:
    trade.send(file(new("E-1")))
    await trade.look()
    trade.send(file(new("E-1")))
    trade.send(file(new("E-1"), control=43))

    await trade.look()

    assert await placed(trade) == [("buyco-e-1", [2])]
    assert len(trade.files("done")) == 3
    assert await trade.exceptions() == []


async def test_what_is_no_x12_or_of_a_stranger_fails_with_a_reason_beside_it_and_nothing_else_stops(
    trade: Trade,
) -> None:
    trade.send("dear partner", "letter.txt")
    trade.send(file(new("F-1")).replace("*ZZ*MOCKEDI ", "*ZZ*SOMEBODY"), "stranger.edi")
    trade.send(file(new("F-2"), control=43), "good.edi")

    await trade.look()

    assert trade.files("failed") == ["letter.txt", "letter.txt.why", "stranger.edi", "stranger.edi.why"]
    assert trade.files("done") == ["good.edi"]
    assert (trade.directory / "failed/stranger.edi.why").read_text() == (
        "ISA05/06 is ZZ:SOMEBODY, and buyco has ZZ:MOCKEDI there\n"
    )
    assert await placed(trade) == [("buyco-f-2", [2])]
    assert [code for code, _ in await trade.exceptions()] == ["channel_misfit", "channel_misfit"]


async def test_a_rejected_document_is_an_exception_of_its_order_until_the_buyer_accepts_it(trade: Trade) -> None:
    await trade.stock(WIDGET_001=2)
    trade.send(file(new("G-1")))
    await trade.look()
    await trade.plan("buyco-g-1")
    await trade.look()
    _, response = trade.collect()
    trade.send(a_997(response, "R"))
    await trade.look()
    assert await trade.rows("SELECT order_id, code, subject FROM exception WHERE resolved_at IS NULL") == [
        ("buyco-g-1", "channel_refused", "buyco 855 2")
    ]

    trade.send(a_997(response, "A", 901))
    await trade.look()

    assert await trade.exceptions() == []


@pytest.mark.parametrize("number", ["77", "798047761130308047730", "7" * 5_000, "SEVEN"])
async def test_a_997_for_what_was_never_sent_is_kept_and_named(trade: Trade, number: str) -> None:
    sets = f"ST*997*0001~AK1*SH*{number}~AK9*A*1*1*1~SE*4*0001~"
    group = f"GS*FA*MOCKEDI*NORTHWIND*20261130*0815*42*X*004010~{sets}GE*1*42~"
    trade.send(f"{ISA.format(control=42)}{group}IEA*1*000000042~")

    await trade.look()

    ((code, detail),) = await trade.exceptions()
    assert code == "channel_misfit"
    assert "it acknowledges group SH" in str(detail)
    assert "SEVEN" in str(detail) or number[:60] in str(detail)
    assert trade.collect() == []


async def test_goods_that_did_not_leave_after_all_are_agreed_with_the_buyer_by_a_person(trade: Trade) -> None:
    await trade.stock(WIDGET_001=2)
    trade.send(file(new("H-1")))
    await trade.look()
    await trade.plan("buyco-h-1")
    await trade.ship("buyco-h-1", {"c1": {"1": 2}})
    await trade.look()
    await trade.void("buyco-h-1", "c1")

    await trade.look()

    ((code, detail),) = await trade.exceptions()
    assert code == "channel_refused"
    assert "goods of a shipment notice (856) did not leave and an invoice (810) is for goods that did not" in str(
        detail
    )


async def test_a_carton_that_its_node_has_labelled_keeps_its_sscc(trade: Trade) -> None:
    await trade.stock(WIDGET_001=2)
    trade.send(file(new("I-1")))
    await trade.look()
    await trade.plan("buyco-i-1")
    await trade.ship("buyco-i-1", {"006141410012345675": {"1": 1}, "box": {"1": 1}})
    await trade.look()

    (notice,) = the_sets(trade.collect())["856"]
    labelled, ours = [one for one in notice if one.startswith("MAN*GM")]
    assert labelled == "MAN*GM*00006141410012345675"
    assert ours.startswith("MAN*GM*0000200000")


async def test_goods_without_a_package_are_in_a_carton_of_their_own_and_counted_once(trade: Trade) -> None:
    await trade.stock(WIDGET_001=2)
    trade.send(file(new("J-1")))
    await trade.look()
    await trade.plan("buyco-j-1")
    await trade.shop.tell("buyco-j-1", MessageKind.SHIPPED, {"1": 1})
    await trade.ship("buyco-j-1", {"c1": {"1": 1}})
    await trade.look()

    notices = the_sets(trade.collect())["856"]
    assert [[one for one in notice if one.startswith("SN1")] for notice in notices] == [
        ["SN1**1*EA**2*EA"],
        ["SN1**1*EA**2*EA"],
    ]


async def test_a_process_that_dies_between_two_steps_leaves_nothing_half(trade: Trade) -> None:
    await trade.stock(WIDGET_001=2)
    trade.send(file(new("K-1")))
    await trade.look()
    await trade.plan("buyco-k-1")
    await trade.ship("buyco-k-1", {"c1": {"1": 2}})
    await trade.look()
    before = {path.name: path.read_bytes() for path in (trade.directory / "out").glob("*")}

    async with trade.shop.database.write() as connection:
        await connection.execute(text("UPDATE x12_document SET due_at = clock_timestamp(), sent_at = NULL"))
        await connection.execute(text("UPDATE channel_notice SET due_at = clock_timestamp()"))
        await connection.execute(text("UPDATE exchange SET due_at = clock_timestamp()"))
    await trade.look()

    assert {path.name: path.read_bytes() for path in (trade.directory / "out").glob("*")} == before
    assert await placed(trade) == [("buyco-k-1", [2])]


LESS, MORE = "POC*1*QD*5**EA*9.95**VN*WIDGET-001", "POC*1*QI*9**EA*9.95**VN*WIDGET-001"
ANOTHER = "POC*2*AI*3**EA*8.25**VN*WIDGET-002"
SIX = "PO1*1*6*EA*9.95**VN*WIDGET-001"


async def units(trade: Trade) -> list[tuple[object, ...]]:
    """By line: what was ordered, and what of it was cancelled."""
    return await trade.rows("SELECT line, ordered, cancelled FROM order_line ORDER BY order_id, position")


@pytest.mark.parametrize("arrives", ["850 first", "860 first", "in one file", "in one file, 860 first"])
async def test_an_860_changes_the_order_in_whichever_sequence_it_comes(trade: Trade, arrives: str) -> None:
    ordered, changed = new("L-1", SIX), change("L-1", LESS, ANOTHER)
    files = [file(ordered), file(changed, control=43, function="PC")]
    match arrives:
        case "860 first":
            files.reverse()
        case "in one file":
            files = ["".join(files)]
        case "in one file, 860 first":
            files = ["".join(reversed(files))]
    for content in files:
        trade.send(content)
        await trade.look()
    await trade.time_passes()
    await trade.look()

    assert await units(trade) == [("1", 6, 1), ("2", 3, 0)] or await units(trade) == [("1", 5, 0), ("2", 3, 0)]
    assert await trade.exceptions() == []


async def test_two_860s_that_come_the_wrong_way_round_both_count_and_the_later_one_last(trade: Trade) -> None:
    trade.send(file(new("M-1", SIX)))
    await trade.look()
    trade.send(file(change("M-1", LESS), control=44, function="PC"))
    await trade.look()
    trade.send(file(change("M-1", MORE, ANOTHER), control=43, function="PC"))

    await trade.look()

    assert await units(trade) == [("1", 6, 1), ("2", 3, 0)]


async def test_an_850_that_comes_again_takes_no_change_back(trade: Trade) -> None:
    trade.send(file(new("N-1", SIX)))
    await trade.look()
    trade.send(file(change("N-1", LESS), control=43, function="PC"))
    await trade.look()
    trade.send(file(new("N-1", SIX), control=44))

    await trade.look()

    assert await units(trade) == [("1", 6, 1)]
    assert await trade.exceptions() == []


async def test_an_860_takes_the_whole_order_back(trade: Trade) -> None:
    trade.send(file(new("O-1", SIX)))
    await trade.look()
    trade.send(file(change("O-1", purpose="01"), control=43, function="PC"))

    await trade.look()

    assert await units(trade) == [("1", 6, 6)]


async def test_an_860_for_what_has_shipped_is_named_to_a_person_and_the_rest_is_followed(trade: Trade) -> None:
    await trade.stock(WIDGET_001=6, WIDGET_002=6)
    trade.send(file(new("P-1", SIX, "PO1*2*6*EA*8.25**VN*WIDGET-002")))
    await trade.look()
    await trade.plan("buyco-p-1")
    await trade.ship("buyco-p-1", {"c1": {"1": 6}})
    trade.send(file(change("P-1", LESS, "POC*2*DI*0"), control=43, function="PC"))

    await trade.look()

    ((code, detail),) = await trade.exceptions()
    assert code == "channel_misfit"
    assert "buyco has changed its order" in str(detail)
    assert (await units(trade))[0] == ("1", 6, 0)


async def test_units_that_an_860_adds_after_the_release_are_named_by_the_buyers_own_line(trade: Trade) -> None:
    await trade.stock(WIDGET_001=9)
    trade.send(file(new("P-2", SIX)))
    await trade.look()
    await trade.plan("buyco-p-2")
    await trade.look()
    trade.send(file(change("P-2", MORE), control=43, function="PC"))
    await trade.look()
    await trade.plan("buyco-p-2")
    assert await units(trade) == [("1", 6, 0), ("1-s1", 3, 0)]
    await trade.ship("buyco-p-2", {"c1": {"1": 6}})
    await trade.ship("buyco-p-2", {"c2": {"1-s1": 3}}, number=2)
    await trade.look()

    sets = the_sets(trade.collect())
    items = [[line for line in notice if line.startswith(("LIN", "SN1"))] for notice in sets["856"]]
    assert items == [["LIN*1*VN*WIDGET-001", "SN1**6*EA**9*EA"], ["LIN*1*VN*WIDGET-001", "SN1**3*EA**9*EA"]]
    owed = [line for one in sets["810"] for line in one if line.startswith("IT1")]
    assert owed == ["IT1*1*6*EA*9.95**VN*WIDGET-001", "IT1*1*3*EA*9.95**VN*WIDGET-001"]
    assert [line for one in sets["855"] for line in one if line.startswith("PO1")] == [SIX]


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        (("POC*7*DI*0",), "it changes line '7', which the order does not have"),
        (("POC*1*ZZ*0",), "POC02 'ZZ' of line 1 is no change that is understood"),
    ],
)
async def test_an_860_that_does_not_fit_waits_for_a_person_and_a_good_one_is_followed(
    trade: Trade, segments: tuple[str, ...], said: str
) -> None:
    trade.send(file(new("Q-1", SIX)))
    await trade.look()
    trade.send(file(change("Q-1", *segments), control=43, function="PC"))
    await trade.look()
    trade.send(file(change("Q-1", LESS), control=44, function="PC"))

    await trade.look()

    ((code, detail),) = await trade.exceptions()
    assert (code, str(detail).endswith(said)) == ("channel_misfit", True), detail
    assert await units(trade) == [("1", 6, 1)]


async def test_another_price_or_date_is_named_to_a_person_and_the_quantity_followed(trade: Trade) -> None:
    trade.send(file(new("R-1", SIX)))
    await trade.look()
    dearer = "POC*1*CA*5**EA*10.5**VN*WIDGET-001"
    trade.send(file(change("R-1", "DTM*001*20270115", dearer), control=43, function="PC"))

    await trade.look()

    assert await trade.exceptions() == [
        (
            "channel_misfit",
            "buyco changes DTM*001, the price of line 1: a placed order keeps them; agree with the channel",
        )
    ]
    assert await units(trade) == [("1", 6, 1)]


async def test_an_860_of_an_order_that_never_comes_is_named_to_a_person(trade: Trade) -> None:
    trade.send(file(change("S-1", LESS), function="PC"))
    await trade.look()
    assert await trade.exceptions() == []

    for _ in range(8):
        await trade.time_passes()
        await trade.look()

    ((code, detail),) = await trade.exceptions()
    assert (code, str(detail).endswith("the 850 of the order that it changes is not here")) == ("channel_misfit", True)


async def test_the_judges_own_change_is_followed(trade: Trade, buyer: Mock) -> None:
    order(buyer, trade, FIRST, SECOND, number="4500020")
    await trade.look()
    asked = {"lines": [{"line": "1", "action": "change", "quantity": 20}, {"line": "2", "action": "delete"}]}
    buyer.expect("POST", "/_mock/purchase/4500020/change", asked)
    buyer.advance(everything=True)
    hand_over(buyer, trade)

    await trade.look()

    assert await units(trade) == [("1", 24, 4), ("2", 12, 12)]
    assert await trade.exceptions() == []


async def test_a_buyer_gets_what_can_be_sold_once_in_each_span_of_time(database: Database, tmp_path: Path) -> None:
    trade = await Trade.open(database, tmp_path, 'test = true\ndocuments = ["846"]\nstock_every = "1h"')
    await trade.stock(WIDGET_001=7)
    await trade.look()
    found = await trade.conversations.settings("buyco")
    assert found is not None
    for minutes in (0, 59, 60):
        await write_inventory(trade.shop.transactions, found[0], EIGHT + timedelta(minutes=minutes))
    await trade.look()

    first, second = the_sets(trade.collect())["846"]
    assert first[0] == "BIA*00*SI*202611300800*20261130*0800"
    assert first[first.index("LIN*5*VN*WIDGET-001") + 1] == "QTY*33*7*EA"
    assert second[0] == "BIA*00*SI*202611300900*20261130*0900"
    await trade.close()


async def test_an_order_that_is_divided_among_forty_stores_is_forty_orders_each_in_single_units(
    database: Database, tmp_path: Path
) -> None:
    """Row 11 of the acceptance checks: SDQ over 40 stores, cases of 12."""
    names = [f"{number:04d}" for number in range(1, 41)]
    stores = "".join(f'[stores.{name}]\npostal_code = "80202"\ncountry = "US"\n' for name in names)
    trade = await Trade.open(database, tmp_path, f"test = true\n{stores}")
    pairs = [f"{name}*{number}" for number, name in enumerate(names, 1)]
    divided = [f"SDQ*CA*92*{'*'.join(pairs[at : at + 10])}" for at in range(0, 40, 10)]
    line = ("PO1*1*820*CA*60**VN*WIDGET-001", "PO4*12*1*EA", *divided)
    trade.send(file(f"850|BEG*00*SA*T-1**20261130~{''.join(f'{one}~' for one in line)}"))

    await trade.look()

    assert await placed(trade) == [(f"buyco-t-1-{name}", [12 * number]) for number, name in enumerate(names, 1)]
    assert await trade.exceptions() == []
    await trade.close()


STORES = "".join(f'[stores.{name}]\npostal_code = "80202"\ncountry = "US"\n' for name in ("0042", "0043"))
DIVIDED = ("PO1*1*9*EA*9.95**VN*WIDGET-001", "SDQ*EA*92*0042*4*0043*5")


@pytest.mark.parametrize("arrives", ["850 first", "860 first"])
async def test_an_860_of_one_store_changes_that_stores_order_and_a_later_850_takes_nothing_back(
    database: Database, tmp_path: Path, arrives: str
) -> None:
    trade = await Trade.open(database, tmp_path, f"test = true\n{STORES}")
    ordered = file(new("V-1", *DIVIDED))
    by_party = file(change("V-1", "N1*ST*Corner Shop*92*0042", "POC*1*QD*1**EA"), control=43, function="PC")
    by_sdq = file(change("V-1", "POC*1*QD*2**EA", "SDQ*EA*92*0043*2"), control=44, function="PC")
    files = [ordered, by_party, by_sdq]
    for content in files if arrives == "850 first" else reversed(files):
        trade.send(content)
        await trade.look()
    for _ in range(2):
        await trade.time_passes()
        await trade.look()
    trade.send(file(new("V-1", *DIVIDED), control=45))
    await trade.look()

    wanted = await trade.rows("SELECT order_id, ordered - cancelled FROM order_line ORDER BY order_id")
    assert wanted == [("buyco-v-1-0042", 1), ("buyco-v-1-0043", 2)]
    assert await trade.exceptions() == []
    await trade.close()


async def test_an_860_of_a_divided_order_that_names_no_store_or_several_is_named_to_a_person(
    database: Database, tmp_path: Path
) -> None:
    trade = await Trade.open(database, tmp_path, f"test = true\n{STORES}")
    trade.send(file(new("W-1", *DIVIDED)))
    await trade.look()
    trade.send(file(change("W-1", "POC*1*QD*1**EA"), control=43, function="PC"))
    trade.send(file(change("W-1", "POC*1*QD*2**EA", "SDQ*EA*92*0042*1*0043*1"), control=44, function="PC"))
    await trade.look()

    said = [str(detail) for _, detail in await trade.exceptions()]
    assert len(said) == 2
    assert any("names no store: ask the buyer for a change that names it" in one for one in said)
    assert any("it changes the orders of 2 stores at once: ask the buyer for one of each" in one for one in said)
    assert await placed(trade) == [("buyco-w-1-0042", [4]), ("buyco-w-1-0043", [5])]
    await trade.close()


async def test_a_mailbox_that_cannot_be_used_for_two_hours_is_an_exception_until_it_can(
    trade: Trade, tmp_path: Path
) -> None:
    after = Connections(trade.shop.transactions, trade.conversations)
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere")
    tmp_path.rename(elsewhere)  # noqa: ASYNC240
    failing = "UPDATE connection SET poll_due_at = NULL, poll_failing_since = clock_timestamp() - interval '%s'"
    for hours, opened in ((1, 0), (2, 1), (3, 1)):
        await trade.change(failing % f"{hours} hours 1 minute")
        await after.poll("buyco")
        assert len(await trade.exceptions()) == opened
    [(code, detail)] = await trade.exceptions()
    assert code == "connection_fault"
    assert str(detail).startswith("the mailbox of buyco cannot be used since ")
    assert "make it, or mount it" in str(detail)

    elsewhere.rename(tmp_path)
    await trade.change("UPDATE connection SET poll_due_at = NULL")
    await after.poll("buyco")
    await after.close()
    assert await trade.exceptions() == []


async def test_a_forgotten_order_leaves_no_document_and_a_change_that_comes_later_brings_none_back(
    trade: Trade,
) -> None:
    await trade.stock(WIDGET_001=6)
    trade.send(file(new("U-1", SIX)))
    await trade.look()
    await trade.plan("buyco-u-1")
    await trade.look()
    request = ForgetRequest(even_if_open=True)
    await personal.forget(trade.shop.database, "buyco-u-1", request, actor="operator:privacy")
    trade.send(file(change("U-1", LESS, "N1*ST*Corner Shop*92*0042"), control=43, function="PC"))

    await trade.look()

    assert await trade.rows("SELECT topic, state FROM exchange WHERE body IS NOT NULL") == []
    assert await trade.rows("SELECT code FROM x12_document WHERE body IS NOT NULL AND order_id IS NOT NULL") == []
    assert await trade.exceptions() == []


async def test_no_table_holds_the_address_of_a_document_in_clear(trade: Trade) -> None:
    await trade.stock(WIDGET_001=6)
    trade.send(file(new("V-1", SIX)))
    await trade.look()
    await trade.plan("buyco-v-1")
    await trade.ship("buyco-v-1", {"c1": {"1": 6}})
    await trade.look()

    tables = await trade.rows(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'personal')"
    )
    for (name,) in tables:
        clear = await trade.rows(f"SELECT count(*) FROM {name} t WHERE t::text ~* 'Corner Shop|1 Main St'")
        assert clear == [(0,)], name


CHANGES_ANSWERED = 'test = true\ndocuments = ["855", "856", "810", "865"]'


@pytest_asyncio.fixture
async def answering(database: Database, tmp_path: Path) -> AsyncIterator[Trade]:
    """A shop whose buyer wants each change of an order answered."""
    opened = await Trade.open(database, tmp_path, CHANGES_ANSWERED)
    yield opened
    await opened.close()


async def test_the_judge_reads_what_we_answer_to_its_change_and_says_the_same(answering: Trade, buyer: Mock) -> None:
    await answering.stock(WIDGET_001=100, WIDGET_002=100)
    name = order(buyer, answering, FIRST, SECOND, number="4500030")
    await answering.look()
    await answering.plan(name)
    await answering.look()
    assert await answer(buyer, answering) == ["997", "855"]
    asked = {"lines": [{"line": "1", "action": "change", "quantity": 20}, {"line": "2", "action": "delete"}]}
    buyer.expect("POST", "/_mock/purchase/4500030/change", asked)
    buyer.advance(everything=True)
    hand_over(buyer, answering)
    await answering.look()

    assert await answer(buyer, answering) == ["997", "865"]

    assert [(line["ordered"], line["confirmed"]) for line in buyer.order("4500030")["reconciliation"]] == [("20", "20")]
    found = buyer.expect("GET", "/_mock/disagreements")
    assert [(one["rule"], one["line"]) for one in found] == [(FORGETS_DELETED, "2")]
    assert await answering.exceptions() == []


async def answered(trade: Trade) -> list[list[str]]:
    """The 865s that lie there for the buyer, without address and totals; the day when they were written is TODAY."""
    found = the_sets(trade.collect()).get("865", [])
    return [[_undated(line) for line in one if line[:3] in ("BCA", "POC", "ACK")] for one in found]


def _undated(line: str) -> str:
    elements, at = line.split("*"), {"BCA": 10, "ACK": 5}.get(line[:3], 99)
    return "*".join([*elements[:at], "TODAY", *elements[at + 1 :]] if len(elements) > at else elements)


async def test_an_860_is_answered_once_with_what_its_lines_are_now(answering: Trade) -> None:
    await answering.stock(WIDGET_001=6)
    answering.send(file(new("AA-1", SIX, "PO1*2*4*EA*8.25**VN*WIDGET-002")))
    await answering.look()
    await answering.plan("buyco-aa-1")
    await answering.look()
    answering.collect()
    changed = file(change("AA-1", LESS, "POC*2*DI*0"), control=43, function="PC")
    answering.send(changed)
    await answering.look()
    answering.send(changed)
    await answering.look()

    assert await answered(answering) == [
        [
            "BCA*00*AD*AA-1**1*20261130****TODAY",
            "POC*1*QD*5**EA*9.95**VN*WIDGET-001",
            "ACK*IA*5*EA*068*TODAY",
            "POC*2*DI*0**EA*8.25**VN*WIDGET-002",
            "ACK*ID*0*EA",
        ]
    ]


async def test_what_an_860_asks_for_too_late_is_answered_with_what_is_coming(answering: Trade) -> None:
    await answering.stock(WIDGET_001=6)
    answering.send(file(new("AB-1", SIX, "PO1*2*4*EA*8.25**VN*WIDGET-002")))
    await answering.look()
    await answering.plan("buyco-ab-1")
    await answering.ship("buyco-ab-1", {"c1": {"1": 6}})
    await answering.look()
    answering.collect()
    answering.send(file(change("AB-1", LESS), control=43, function="PC"))
    answering.send(file(change("AB-1", "POC*2*CA*3**EA*10**VN*WIDGET-002"), control=44, function="PC"))
    await answering.look()

    assert await answered(answering) == [
        ["BCA*00*RD*AB-1**1*20261130****TODAY", "POC*1*QD*6**EA*9.95**VN*WIDGET-001", "ACK*IQ*6*EA*068*TODAY"],
        ["BCA*00*AC*AB-1**1*20261130****TODAY", "POC*2*CA*3**EA*8.25**VN*WIDGET-002", "ACK*IB*3*EA"],
    ]


async def test_an_order_that_is_taken_back_as_a_whole_is_answered_line_by_line(answering: Trade) -> None:
    answering.send(file(new("AC-1", SIX)))
    await answering.look()
    answering.send(file(change("AC-1", purpose="01"), control=43, function="PC"))
    await answering.look()

    assert await answered(answering) == [
        ["BCA*00*AD*AC-1**1*20261130****TODAY", "POC*1*DI*0**EA*9.95**VN*WIDGET-001", "ACK*ID*0*EA"]
    ]


async def test_units_that_we_cancel_after_the_855_are_named_once_to_the_buyer(answering: Trade) -> None:
    await answering.stock(WIDGET_001=6)
    answering.send(file(new("AD-1", SIX)))
    await answering.look()
    await answering.shop.source("buyco-ad-1")
    await answering.look()
    assert list(the_sets(answering.collect())) == ["997", "855"]
    await answering.shop.cancel("buyco-ad-1", {"1": 2})
    await answering.look()
    assert await answered(answering) == [
        ["BCA*04*AC*AD-1***20261130****TODAY", "POC*1*QD*4**EA*9.95**VN*WIDGET-001", "ACK*IQ*4*EA*068*TODAY"]
    ]
    answering.send(file(change("AD-1", "POC*1*QD*3**EA*9.95**VN*WIDGET-001"), control=43, function="PC"))
    await answering.look()
    assert [one[0][:9] for one in await answered(answering)] == ["BCA*00*AD"], (
        "its own change is answered, and not named"
    )
    await answering.shop.cancel("buyco-ad-1", {"1": 3})
    await answering.look()
    assert await answered(answering) == [
        ["BCA*04*AC*AD-1***20261130****TODAY", "POC*1*DI*0**EA*9.95**VN*WIDGET-001", "ACK*IR*0*EA"]
    ]
    assert await answering.exceptions() == []
