"""Random documents of each set are read by us and by another reader as they were meant; damaged ones have a named outcome.

The other reader is that of mock-edi. The long version has 10,000 of each, in slices with seeds of their own.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest
from mockedi import x12 as other_reader
from mockedi.envelope import Seg

from channels.channel import Amends, Message, Settings
from channels.channel import Misfit as BuyersMisfit
from channels.x12.kind import X12
from channels.x12.profile import Profile
from formats.x12.acknowledgment import acknowledge, acknowledge_interchange
from formats.x12.partner import Partner, acknowledgment_alone, alone
from formats.x12.parts import Delimiters, Group, Interchange, Party, Segment, Set
from formats.x12.read import NotX12, read
from formats.x12.write import clean, written
from nodes.x12 import shipping_advice, stock_reports
from nodes.x12.items import Misfit
from nodes.x12.profile import DEFAULT
from nodes.x12.sets import interchange_of, received
from tests.channels.test_x12_purchase_order import Catalogue
from tests.formats.random_documents import AT, IN, OUT
from tests.nodes.test_x12_stock_reports import Network
from tests.nodes.warehouse_sets import document, line

US, THEM = Party("12", "5551234567"), Party("ZZ", "ACME")
PARTNER, THEIRS = Partner("acme", US, THEM), Partner("us", THEM, US)
FEW, SLICE, SLICES = 300, 1_000, 10
OF_US = [Delimiters(), Delimiters("|", ">", "~"), Delimiters("*", ":", "'"), Delimiters("^", "<", "!")]
EACH = [
    pytest.param(code, slice_, FEW if slice_ == 0 else SLICE, marks=[pytest.mark.long] if slice_ else [])
    for code in {**OUT, **IN}
    for slice_ in range(SLICES + 1)
]


def made(chance: Random, code: str) -> Interchange:
    """A random document in its envelope."""
    one = {**OUT, **IN}[code](chance) if code != "846" or chance.random() < 0.5 else IN[code](chance)
    sender = PARTNER if code in OUT else THEIRS
    whole = sender.envelope(one, chance.randint(1, 999_999_999), AT)
    delimiters = chance.choice(OF_US)
    return replace(whole, delimiters=delimiters)


def as_written(one: Segment, delimiters: Delimiters) -> list[str]:
    """What of a segment X12 can hold: letters without accents, and no delimiters."""
    cleaned = Segment.of(one.name, *(clean(element, delimiters) for element in one.elements))
    return [cleaned.name, *cleaned.elements]


def meant(whole: Interchange) -> list[list[str]]:
    """Every segment of the sets as it should be read."""
    sets = [one for group in whole.groups for one in group.sets]
    segments = [segment for one in sets for segment in one.segments] + list(whole.acknowledgments)
    return [as_written(segment, whole.delimiters) for segment in segments]


def by_us(content: bytes) -> list[list[str]]:
    """What our reader finds."""
    (whole,) = read(content)
    assert whole.faults == ()
    assert all(group.faults == () and one.faults == () for group in whole.groups for one in group.sets)
    sets = [one for group in whole.groups for one in group.sets]
    segments = [segment for one in sets for segment in one.segments] + list(whole.acknowledgments)
    return [[one.name, *one.elements] for one in segments]


def by_another(content: bytes) -> list[list[str]]:
    """What the other reader finds."""
    whole = other_reader.parse(content.decode())
    assert (whole.sender, whole.receiver) in ((US.id, THEM.id), (THEM.id, US.id))
    segments = [one for group in whole.groups for message in group.messages for one in message.body]
    return [_of_other(one, whole.delimiters.component) for one in (*segments, *whole.preamble)]


def _of_other(one: Seg, component: str) -> list[str]:
    elements = [component.join(value) if isinstance(value, list) else str(value) for value in one.elements]
    found = Segment.of(one.tag, *elements)
    return [found.name, *found.elements]


@pytest.mark.parametrize(("code", "slice_", "documents"), EACH)
def test_what_is_written_is_read_the_same_by_us_and_by_another_reader(code: str, slice_: int, documents: int) -> None:
    for number in range(documents):
        seed = f"{code} {slice_} {number}"
        whole = made(Random(seed), code)
        content = written(whole)
        assert by_us(content) == meant(whole), seed
        assert by_another(content) == meant(whole), seed


BUYER = Settings("acme", {"profile": Profile(documents=frozenset({"855", "856", "810", "865"}))}, {})
ORDERED = Set(
    "850",
    "0001",
    (
        Segment("BEG", ("00", "SA", "4500017", "", "20261130")),
        Segment("N1", ("ST", "Shop", "92", "0042")),
        Segment("N4", ("Denver", "CO", "80202", "US")),
        Segment("PO1", ("1", "6", "EA", "9.95", "", "VN", "MUG-01")),
    ),
)


def outcomes(content: bytes) -> list[str]:
    """What becomes of a file of a partner, as `transactions.x12_document` and those who carry sets out decide it; everything
    that is sent back about it can be written."""
    try:
        interchanges = read(content)
    except NotX12:
        return ["no X12"]
    found: list[str] = []
    for whole in interchanges:
        fault = PARTNER.stranger(whole)
        verdict = acknowledge_interchange(whole, fault.code if fault else None)
        read(written(PARTNER.envelope(verdict, 1, AT)))
        found.append(f"TA1 {verdict.segments[0][4]} {verdict.segments[0][5]}")
        for segment in () if fault else whole.acknowledgments:
            found.append(_settled(acknowledgment_alone(whole, segment)))
        for group in () if fault else whole.groups:
            read(written(PARTNER.envelope(acknowledge(group, "0001"), 1, AT)))
            found += [_carried_out(whole, group, one) for one in group.sets]
    return found


def _settled(body: bytes) -> str:
    """What becomes of a TA1."""
    with suppress(BuyersMisfit):
        X12().read(BUYER, Catalogue(), Message("TA1", body))
        return "carried out"
    return "misfit"


def _carried_out(whole: Interchange, group: Group, one: Set) -> str:
    body = alone(whole, group, one)
    found = "carried out"
    with suppress(BuyersMisfit):
        for said in X12().read(BUYER, Catalogue(), Message(one.code, body)):
            if isinstance(said, Amends):
                ordered = Message("850", written(THEIRS.envelope(ORDERED, 1, AT)))
                said.together([ordered, Message(one.code, body)] if said.is_change else [Message(one.code, body)])
        return found
    with suppress(Misfit):
        taken = received(interchange_of(body), "x12-1", DEFAULT)
        if one.code == "945":
            asked = document(line("1", "MUG-01", 6), line("2", "POT-02", 2, cancel_requested=1), request="accepted")
            shipping_advice.number(taken)
            shipping_advice.read(taken, asked, DEFAULT)
        elif one.code in ("944", "947", "846"):
            stock_reports.read(taken, "slc", Network(), DEFAULT)
        else:
            return "misfit"
        return found
    return "misfit"


def damaged(chance: Random, content: bytes) -> bytes:
    """The same bytes with some others, some lost, some doubled, or cut off."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        if not found:
            break
        at, length = chance.randrange(len(found)), chance.randint(0, 9)
        match chance.randrange(4):
            case 0:
                found[at : at + length] = chance.randbytes(chance.randint(0, 3))
            case 1:
                found[at:at] = found[at : at + 40]
            case 2:
                del found[at : at + length]
            case 3 if chance.random() < 0.3:
                del found[at:]
    return bytes(found)


@pytest.mark.parametrize(("code", "slice_", "documents"), EACH)
def test_a_damaged_document_has_a_named_outcome_and_stops_nothing(code: str, slice_: int, documents: int) -> None:
    seen = Counter[str]()
    for number in range(documents):
        chance = Random(f"damaged {code} {slice_} {number}")
        whole = made(chance, code)
        theirs = replace(whole, sender=THEM, receiver=US)
        seen.update(outcomes(damaged(chance, written(theirs))) or ["an interchange without a set"])
    assert seen["no X12"] + seen["TA1 R 006"] + seen["TA1 R 008"] > 0, "some are damaged beyond reading"
    assert seen["misfit"] + seen["carried out"] > 0, "some can be read"
