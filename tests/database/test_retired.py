"""An item or a node is dropped while orders, returns and claims still name it: nobody waits in vain, and no fact is lost."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlalchemy import text

from channels.kinds import KINDS
from database import network as statements
from database.connect import Database
from domain.fulfillment import MessageKind
from domain.pause import OpenWork, PauseRequest
from domain.stop_sale import StopRequest
from domain.transfer import TransferRequest
from network.load import FILES, NetworkDocuments
from network.validate_order import WrongField
from tests.conftest import OPERATOR_KEY
from tests.database.shop import FARTHEST, MAP, NEAREST, NEXT, NODE, Shop
from tests.database.test_returns import Desk
from tests.house import MASTER_KEYS
from tests.peers.plain_shop import PLAIN_SHOP
from transactions import pause, shortage, stop_sale
from transactions import transfer as transfers
from transactions.prepare import apply_network, prepare
from transactions.request import Asked
from transactions.retired import tell_who_goes_to_a_retired_node

ITEMS = MAP.items
WITHOUT_CHAIRS = "".join(row for row in ITEMS.splitlines(keepends=True) if "CHAIR" not in row)
OTHER_SET = ITEMS.replace("LAMP*1 CHAIR*2", "LAMP*1 CHAIR*1")


class Owner(Desk):
    """A shop, its desk for returns, and the files of its network."""

    def __init__(self, shop: Shop, database_url: str, directory: Path) -> None:
        super().__init__(shop)
        self.database_url = database_url
        self.directory = directory

    async def apply(self, *, is_preview: bool = False, **files: str) -> tuple[list[str], list[str]]:
        """Apply the small map with other files; answers what was said, and why it was refused."""
        said: list[str] = []
        documents = asdict(replace(MAP, **files))
        for name, file in FILES.items():
            (self.directory / file).write_text(documents[name])
        refused = await apply_network(self.database_url, self.directory, is_preview=is_preview, say=said.append)
        await tell_who_goes_to_a_retired_node(self.shop.transactions)
        await self.shop.backorders.judge_under_new_rules(1000)
        return said, [line.rpartition(":1: ")[2] for line in refused]

    async def opened(self, code: str) -> list[str]:
        """The details of all exceptions of a code."""
        async with self.shop.database.read() as connection:
            statement = text("SELECT detail FROM exception WHERE code = :code ORDER BY since, exception_id")
            return list((await connection.execute(statement, {"code": code})).scalars())


@pytest.fixture
async def owner(database: Database, database_url: str, tmp_path: Path) -> Owner:
    """Twelve chairs and five lamps at the nearest node."""
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=12, LAMP=5)
    return Owner(shop, database_url, tmp_path)


def nodes_without(node: str) -> str:
    return "".join(NODE.format(name=name, latitude=39.7 + 3 * n) for n, name in enumerate((NEAREST, NEXT, FARTHEST)) if name != node)  # fmt: skip  # noqa: E501


async def test_no_transfer_moves_a_retired_item_or_names_a_retired_node(owner: Owner) -> None:
    await owner.apply(items=WITHOUT_CHAIRS, nodes=nodes_without(FARTHEST))
    refused = {}
    for field, named in (
        ("lines.0.sku", {"lines": [{"sku": "CHAIR", "quantity": 1}]}),
        ("from", {"from": FARTHEST}),
        ("to", {"to": FARTHEST}),
    ):
        body = {"transfer": "t", "from": NEAREST, "to": NEXT, "lines": [{"sku": "LAMP", "quantity": 1}]} | named
        with pytest.raises(WrongField, match="is retired") as error:
            await transfers.take(owner.shop.transactions, TransferRequest.model_validate(body))
        refused[field] = error.value.field
    assert refused == {field: field for field in refused}


async def test_nothing_new_is_ordered_of_a_retired_item_and_it_is_counted_as_ever(owner: Owner) -> None:
    assert await owner.apply(items=WITHOUT_CHAIRS) == (["items: 2 retired"], [])

    with pytest.raises(WrongField, match="CHAIR is retired"):
        await owner.shop.place(("CHAIR", 1))
    await owner.shop.count(NEAREST, CHAIR=10)
    await owner.shop.receive(NEAREST, CHAIR=1)

    assert await owner.shop.counters("CHAIR", NEAREST) == (11, 0, 0)


async def test_an_item_is_dropped_only_when_its_units_are_delivered(owner: Owner) -> None:
    order = await owner.shop.sold(("DESK-SET", 1))
    pinned = await owner.apply(items=WITHOUT_CHAIRS)
    await owner.shop.release(order)
    released = await owner.apply(items=WITHOUT_CHAIRS)
    await owner.shop.tell(order, MessageKind.SHIPPED)
    shipped = await owner.apply(items=WITHOUT_CHAIRS)
    await owner.shop.tell(order, MessageKind.DELIVERED)
    delivered = await owner.apply(items=WITHOUT_CHAIRS)

    why = "has units that are reserved, allocated or not yet delivered; it can only be dropped when they are delivered"
    assert [refused for _, refused in (pinned, released, shipped)] == [[f"CHAIR {why}", f"DESK-SET {why}"]] * 3
    assert delivered == (["items: 2 retired", "  retired CHAIR: 1 open order", "  retired DESK-SET: 1 open order"], [])


async def test_a_node_is_dropped_only_when_its_work_is_delivered_and_tells_of_it_afterwards(owner: Owner) -> None:
    order = await owner.shop.released(("CHAIR", 1))
    await owner.shop.tell(order, MessageKind.SHIPPED)
    under_way = await owner.apply(nodes=nodes_without(NEAREST))
    await owner.shop.tell(order, MessageKind.DELIVERED)
    delivered = await owner.apply(nodes=nodes_without(NEAREST))
    await owner.shop.tell(order, MessageKind.DELIVERED, {"1": 1})
    await owner.shop.count(NEAREST, CHAIR=7)

    assert under_way[1] == [f"node {NEAREST} has work that is not done; it can only be dropped when that is delivered"]
    assert delivered == (["nodes: 1 retired", f"  retired {NEAREST}: 1 open order"], [])
    assert await owner.shop.counters("CHAIR", NEAREST) == (7, 0, 0)
    assert await owner.shop.units(await owner.shop.sold(("CHAIR", 1))) == {"backordered": 1}, (
        "no goods of a closed node"
    )
    await owner.shop.check()


async def test_a_closed_node_can_be_paused_and_a_retired_item_recalled(owner: Owner) -> None:
    await owner.apply(items=WITHOUT_CHAIRS, nodes=nodes_without(NEAREST))

    await pause.pause(owner.shop.transactions, Asked(NEAREST, PauseRequest(open_work=OpenWork.KEEP), "operator"))
    stopped = await stop_sale.stop(owner.shop.transactions, Asked("CHAIR", StopRequest(), "operator"))

    assert stopped.touches.available == 0


async def test_a_preview_says_the_same_and_changes_nothing(owner: Owner) -> None:
    previewed = await owner.apply(items=WITHOUT_CHAIRS, is_preview=True)
    await owner.shop.place(("CHAIR", 1))

    assert previewed == (["items: 2 retired"], [])


async def test_what_is_added_changed_and_brought_back_is_said(owner: Owner) -> None:
    await owner.apply(items=WITHOUT_CHAIRS, nodes=nodes_without(NEXT))
    policy = MAP.policy.replace('id = "nearest"', 'id = "near"').replace('window = "30d"', 'window = "14d"')

    said, _ = await owner.apply(
        items=OTHER_SET.replace("Vase,700", "Vase,800") + "STOOL,Stool,3000,0,\n",
        policy=policy.replace("[transit]\n", "[transit]\nfast = [[20000, 1]]\n"),
    )

    assert said == [
        "items: 1 added, 2 brought back, 1 changed",
        "nodes: 1 brought back",
        "services: 1 added",
        "strategies: 1 added, 1 retired",
        "changed: [returns]",
    ]


async def test_what_becomes_of_connected_channels_is_said_with_the_orders_that_are_open_there(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "plain_shop", PLAIN_SHOP)
    shop = '[[channel]]\nname = "web"\nkind = "plain_shop"\napi = "https://acme.example.com"\nshop = "acme"\n'
    await owner.shop.sold(("CHAIR", 20))

    connected = await owner.apply(channels=shop, aliases="channel,kind,external,sku,units\nweb,sku,C,CHAIR,\n")
    moved = await owner.apply(channels=shop.replace("acme.example", "acme2.example"))
    gone = await owner.apply()

    assert connected == (["channels: 1 added", "changed: aliases.csv"], [])
    assert moved == (
        ["channels: 1 changed", "  changed web: 1 open order, 8 waiting units", "changed: aliases.csv"],
        [],
    )
    assert gone == (["channels: 1 retired", "  retired web: 1 open order, 8 waiting units"], [])


async def test_units_that_wait_for_a_retired_item_go_to_a_person(owner: Owner) -> None:
    await owner.shop.count(NEAREST, CHAIR=0, LAMP=0)
    waits = await owner.shop.sold(("CHAIR", 20))
    of_a_set = await owner.shop.sold(("DESK-SET", 9))
    lamps = await owner.shop.sold(("LAMP", 9))
    said, _ = await owner.apply(items=WITHOUT_CHAIRS)

    assert said[1:] == [
        "  retired CHAIR: 2 open orders, 29 waiting units",
        "  retired DESK-SET: 1 open order, 9 waiting units",
    ]
    assert await owner.opened("unfilled") == [
        f"no node may ever ship {units} of line 1: {sku} is retired (billings, casper, denver)"
        for sku, units in (("CHAIR", 20), ("DESK-SET", 9))
    ]
    assert [await owner.shop.units(order) for order in (waits, of_a_set)] == [{"open": 20}, {"open": 9}]
    assert await owner.shop.units(lamps) == {"backordered": 9}
    await owner.shop.check()


async def test_units_that_are_sourced_after_their_item_was_retired_go_to_a_person_at_once(owner: Owner) -> None:
    order = await owner.shop.place(("CHAIR", 1))
    await owner.apply(items=WITHOUT_CHAIRS)
    await owner.shop.source(order)

    assert await owner.shop.units(order) == {"open": 1}
    assert len(await owner.opened("unfilled")) == 1


async def test_an_order_that_waits_gets_the_components_that_were_sold(owner: Owner) -> None:
    order = await owner.shop.sold(("DESK-SET", 7))
    assert await owner.apply(items=OTHER_SET) == (
        ["items: 1 changed", "  changed DESK-SET: 1 open order, 2 waiting units"],
        [],
    )
    await owner.shop.receive(NEAREST, CHAIR=2, LAMP=2)
    await owner.shop.backorders.work_off(10)

    assert await owner.shop.counters("CHAIR", NEAREST) == (14, 14, 0)
    await owner.shop.release(order)
    await owner.shop.tell(order, MessageKind.SHIPPED)
    assert await owner.shop.counters("CHAIR", NEAREST) == (0, 0, 0)
    await owner.shop.check()


async def test_what_lies_there_of_a_plain_item_that_became_a_bundle_is_counted_and_not_sold(owner: Owner) -> None:
    waits = await owner.shop.sold(("VASE", 2))
    await owner.apply(items=ITEMS.replace("VASE,Vase,700,2,", "VASE,Vases,700,0,LAMP*2"))
    await owner.shop.receive(NEAREST, VASE=2)
    await owner.shop.backorders.work_off(10)
    later = await owner.shop.sold(("VASE", 1))

    assert await owner.shop.counters("VASE", NEAREST) == (2, 0, 0)
    assert await owner.shop.counters("LAMP", NEAREST) == (5, 2, 0)
    assert [await owner.shop.units(order) for order in (waits, later)] == [{"open": 2}, {"reserved": 1}]
    assert len(await owner.opened("unfilled")) == 1
    await owner.shop.check()


async def test_a_bundle_that_comes_back_is_put_into_stock_as_what_was_in_the_box(owner: Owner) -> None:
    order = await owner.delivered(("DESK-SET", 2))
    name = await owner.asked(order, 2)
    await owner.apply(items=OTHER_SET)
    await owner.grade(name, 2)

    assert await owner.shop.counters("CHAIR", NEAREST) == (12, 0, 0)
    await owner.shop.check()


async def test_a_count_that_finds_too_few_takes_pins_off_by_what_they_were_sold_as(owner: Owner) -> None:
    order = await owner.shop.sold(("DESK-SET", 5))
    await owner.apply(items=ITEMS.replace("LAMP*1 CHAIR*2", "LAMP*1"))
    await owner.shop.count(NEAREST, CHAIR=9)
    touched = (await stop_sale.stop(owner.shop.transactions, Asked("CHAIR", StopRequest(), "operator"))).touches
    await shortage.settle(owner.shop.transactions)

    assert [(pin.order, pin.quantity) for pin in touched.reserved] == [(order, 10)]
    assert await owner.shop.units(order) == {"reserved": 4, "open": 1}
    await owner.shop.check()


async def test_a_line_is_returned_on_the_terms_that_it_was_ordered_on(owner: Owner) -> None:
    order = await owner.delivered(("CHAIR", 1))
    await owner.apply(policy=MAP.policy.replace('window = "30d"', 'window = "30d"\nfee = 90\nrefund_on = "receipt"'))
    await owner.asked(order)

    assert await owner.shop.number("SELECT unit_fee FROM return_line") == 0
    assert await owner.shop.number("SELECT count(*) FROM return_line WHERE refund_on = 'grading'") == 1


async def test_one_exception_is_opened_for_a_return_that_goes_to_a_closed_node_and_it_is_received_there(
    owner: Owner,
) -> None:
    order = await owner.delivered(("CHAIR", 2))
    name = await owner.asked(order, 2)
    for version in ("14d", "15d"):
        await owner.apply(nodes=nodes_without(NEAREST), policy=MAP.policy.replace('"30d"', f'"{version}"'))
    opened = await owner.mismatches()
    await owner.grade(name, 2)

    assert opened == [
        f"{name} goes to {NEAREST}, which is closed: a person must meet the parcel, or tell the customer where to send it"
    ]
    assert await owner.mismatches() == opened
    assert await owner.shop.counters("CHAIR", NEAREST) == (12, 0, 0)


async def test_an_exchange_for_what_is_retired_is_paid_back_and_opens_an_exception(owner: Owner) -> None:
    order = await owner.delivered(("LAMP", 2))
    name = await owner.asked(order, resolution="exchange", exchange_for="CHAIR")
    await owner.apply(items=WITHOUT_CHAIRS)
    refused = (await owner.ask(order, resolution="exchange", exchange_for="CHAIR")).refused
    await owner.grade(name, 1)
    await owner.pay(name)

    assert refused is not None
    assert refused.reason == "line 1: CHAIR is retired: it cannot be sent any more"
    assert await owner.mismatches() == [f"CHAIR is retired, and cannot be sent for {name}: it is paid back instead"]
    assert await owner.shop.number("SELECT amount FROM refund WHERE kind = 'refund' AND settled_at IS NULL") == 100


async def test_a_retired_item_is_claimed_for_money_and_not_sent_again(owner: Owner) -> None:
    order = await owner.delivered(("CHAIR", 1))
    await owner.apply(items=WITHOUT_CHAIRS)

    refused = await owner.claim(order, 1, "replacement")
    paid = await owner.claim(order, 1)

    assert refused == {"refused": "CHAIR is retired: it cannot be sent again, but its price can be paid back"}
    assert paid["refund"]


async def test_a_parcel_of_a_retired_item_at_a_closed_node_becomes_a_return(owner: Owner) -> None:
    order = await owner.delivered(("CHAIR", 1))
    await owner.apply(items=WITHOUT_CHAIRS, nodes=nodes_without(NEAREST))

    assert (await owner.parcel(order, ("CHAIR", 1))).return_ == f"{order}-r1"


async def test_no_more_is_ordered_of_a_line_whose_item_is_retired(owner: Owner) -> None:
    await owner.shop.count(NEAREST, CHAIR=0)
    order = await owner.shop.sold(("CHAIR", 20))
    await owner.apply(items=WITHOUT_CHAIRS)

    refused = (await owner.shop.change(order, {"1": 21})).refused
    fewer = await owner.shop.change(order, {"1": 19})

    assert refused is not None
    assert refused.reason == "line 1: CHAIR is retired, no more of it can be ordered"
    assert fewer.refused is None


async def test_the_first_preparation_after_an_upgrade_gathers_what_was_dropped_before(
    database: Database, database_url: str
) -> None:
    await applied_by_an_earlier_release(
        database, MAP, replace(MAP, items=OTHER_SET), replace(MAP, items=WITHOUT_CHAIRS)
    )
    await prepare(database_url, None, OPERATOR_KEY, master_keys=MASTER_KEYS)
    shop = await Shop.open(database, replace(MAP, items=WITHOUT_CHAIRS))
    async with database.read() as connection:
        _, network = await shop.transactions.networks.active(connection)

    assert network.components("DESK-SET") == (("LAMP", 1), ("CHAIR", 1)), "as it was last"
    await shop.receive(NEAREST, CHAIR=1)


async def applied_by_an_earlier_release(database: Database, *versions: NetworkDocuments) -> None:
    """Versions without a word about what was retired."""
    for documents in versions:
        files = {name: value for name, value in asdict(documents).items() if name in FILES}
        async with database.write() as connection:
            await statements.lock_active_version(connection)
            await statements.activate(connection, files, documents.digest)
