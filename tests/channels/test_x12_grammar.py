"""Every set that a buyer gets is valid by the grammars of Bots, which are not ours."""

from datetime import UTC, datetime

from channels.x12.answers import (
    Available,
    Credited,
    adjustment,
    inventory,
    invoice,
    response,
    shipment_notice,
    shipped_units,
)
from channels.x12.change_answer import own_change
from formats.x12.acknowledgment import SEGMENTS_IN_ERROR, acknowledge
from formats.x12.partner import ONLY_SET, Partner
from formats.x12.parts import Fault, Group, Party, Set
from formats.x12.write import written
from tests.bots_judge import faults
from tests.channels.test_x12_answers import BUYER, CARTONS, CUPS, MUGS, changed, continued
from tests.channels.test_x12_change_answer import change, order, wanted

AT = datetime(2026, 12, 1, 9, 5, tzinfo=UTC)
PARTNER = Partner("acme", Party("12", "5551234567"), Party("ZZ", "ACME"))
CAME = Group(
    *("PO", "ACME", "5551234567", "20261130", "0815", "7", "004010"),
    (Set("850", "0001", ()), Set("850", "0002", (), (Fault("4", "SE counts 9 segments"),)), Set("850", "0003", ())),
)
SETS = {
    "997": acknowledge(CAME, ONLY_SET, {2: SEGMENTS_IN_ERROR}),
    "855": response(BUYER, AT, ONLY_SET),
    "855 with units that wait or will not come": response(changed(12, 12), AT, ONLY_SET),
    "855 with another item": response(continued(CUPS, cancelled=4), AT, ONLY_SET),
    "856": shipment_notice(BUYER, "1042-7", CARTONS, AT, ONLY_SET),
    "810": invoice(BUYER, "1042-7", shipped_units(CARTONS), {}, AT, ONLY_SET),
    "810 with charges, a discount and tax": invoice(
        BUYER, "1042-7", shipped_units(CARTONS), {}, AT, ONLY_SET, charges=500, discount=100, tax=250
    ),
    "865": change("POC*2*QD*3**CA").document(
        order({"line": "2", "ordered": 48, "backordered": 12}), wanted(l2=36), (), AT
    ),
    "865 about a change of ours": own_change(BUYER, ["2"], AT),
    "856 that replaces another": shipment_notice(BUYER, "1042-7", CARTONS, AT, ONLY_SET, purpose="05"),
    "856 that takes another back": shipment_notice(BUYER, "1042-7", (), AT, ONLY_SET, purpose="01"),
    "810 that credits": invoice(
        BUYER, "1042-9", {"1": 4}, {}, AT, ONLY_SET, charges=500, discount=100, tax=250, credited=Credited("1042-7")
    ),
    "812": adjustment(BUYER, "1042-9", "1042-7", {"1": 4, "2": 12}, {"1": 19600, "2": 6000}, 500, AT, ONLY_SET),
    "846": inventory("202612010905", [Available(MUGS.ids, 12)], AT, ONLY_SET),
}


def test_every_set_that_a_buyer_gets_is_valid_by_grammars_that_are_not_ours() -> None:
    documents = {name: written(PARTNER.envelope(one, 42, AT)) for name, one in SETS.items()}
    damaged = documents["856"].replace(b"MAN*GM", b"MEN*GM")

    found = faults(documents | {"damaged": damaged})

    assert found.pop("damaged"), "the judge works"
    assert found == {name: [] for name in SETS}
