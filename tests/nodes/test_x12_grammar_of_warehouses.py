"""Every set that a warehouse gets, and every one that the played warehouse sends, is valid by the grammars of Bots."""

from formats.x12.parts import Group, Interchange, Party, Set
from formats.x12.write import written
from nodes.x12.profile import DEFAULT
from nodes.x12.shipping_order import shipping_order
from nodes.x12.stock_announcement import Announced, announcement
from tests.bots_judge import faults
from tests.nodes.warehouse_sets import AT, document, line, part
from tests.peers.warehouse import Warehouse

NEW = document(
    line("1", "MUG-01", 2, barcode="036000291452", gift_message="With love"),
    line("2", "SET-01", 1, components=[part("POT-02", 2), part("PAN-03", 1)]),
)


def enveloped(function: str, one: Set) -> bytes:
    """An interchange of ours with a set."""
    us, them = Party("ZZ", "SWITCHYARD"), Party("ZZ", "WAREHOUSE")
    group = Group(function, us.id, them.id, "20261130", "1805", "7", "004010", (one,))
    return written(Interchange(us, them, "261130", "1805", "00401", "7", False, (group,)))


def asked_to_cancel(units: int) -> Set:
    """The 940 about two units of which some are to be cancelled."""
    asked = document(line("1", "MUG-01", 2, cancel_requested=units), request="cancel_requested")
    return shipping_order(asked, DEFAULT, "1")


def test_every_set_between_us_and_a_warehouse_is_valid_by_grammars_that_are_not_ours() -> None:
    goods = [Announced("MUG-01", 24, "Mug", "036000291452")]
    ours = {
        "940 N": enveloped("OW", shipping_order(NEW, DEFAULT, "1")),
        "940 R": enveloped("OW", asked_to_cancel(1)),
        "940 F": enveloped("OW", asked_to_cancel(2)),
        "943": enveloped("AR", announcement("PO-77", goods, AT, "slc", DEFAULT, "1")),
    }
    played = Warehouse()
    theirs = {
        "997": played.take(ours["940 N"])[0],
        "945": played.ship("web-1001-f1", cartons=["00006141410012345675"]),
        "944": played.receive({"MUG-01": 5}, "PO-77", {"MUG-01": 1}),
        "947": played.adjust("AU", -2, "MUG-01"),
        "846": played.count_stock(MUG_01=7),
    }
    damaged = ours["943"].replace(b"W27*M~\n", b"")

    found = faults(ours | theirs | {"damaged": damaged})

    assert found.pop("damaged"), "the judge works: a 943 needs its W27"
    assert found == {name: [] for name in ours | theirs}
