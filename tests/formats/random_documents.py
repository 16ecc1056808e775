"""Makes random documents of each set that we exchange, as a chance gives them: with what people type, and X12 cannot hold."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from channels.x12.answers import (
    Available,
    Buyer,
    Carton,
    Credited,
    OrderedLine,
    adjustment,
    inventory,
    invoice,
    response,
    shipment_notice,
)
from channels.x12.change_answer import own_change
from domain.fulfillment import RequestStatus
from formats.x12.acknowledgment import acknowledge, acknowledge_interchange
from formats.x12.parts import Fault, Group, Interchange, Party, Segment, Set
from nodes.x12.profile import DEFAULT
from nodes.x12.shipping_order import shipping_order
from nodes.x12.stock_announcement import Announced, announcement
from tests.nodes.warehouse_sets import document, line, part

AT = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
LETTERS = "ABCdefxyz 0123456789-/.,#&()äßÉłŁ漢ü>*~^|:\n\t\u00a0"
WORDS = ("MUG-01", "POT-02", "SET-01", "065322-117", "036000291452", "Größe M / rot", "1 Main St", "", "A*B~C")
Make = Callable[[Random], Set]


def text(chance: Random, most: int = 12) -> str:
    """What somebody has typed."""
    return (
        chance.choice(WORDS) if chance.random() < 0.5 else "".join(chance.choices(LETTERS, k=chance.randint(1, most)))
    )


def _name(chance: Random) -> str:
    return "".join(chance.choices("ABC012-", k=chance.randint(1, 8))) + "X"


def _ids(chance: Random) -> tuple[tuple[str, str], ...]:
    return tuple((chance.choice(("VN", "UP", "IN", "EN")), _name(chance)) for _ in range(chance.randint(1, 3)))


def _buyer(chance: Random) -> Buyer:
    lines = []
    for number in range(1, chance.randint(2, 6)):
        ordered, pack = chance.randint(1, 500), chance.choice((1, 1, 6, 12))
        waiting = chance.randint(0, ordered)
        cancelled = chance.randint(0, ordered - waiting)
        goods = chance.randint(0, 10**7)
        unit = chance.choice(("EA", "CA"))
        lines.append(OrderedLine(str(number), unit, pack, _ids(chance), ordered, waiting, cancelled, goods))
    at = AT - timedelta(days=chance.randint(0, 400))
    return Buyer(text(chance) + "1", at, chance.choice(("USD", "JPY", "KWD")), chance.choice(("", "0042")), lines)


def _cartons(chance: Random, buyer: Buyer) -> list[Carton]:
    return [
        Carton(
            f"{chance.randrange(10**17):018d}",
            chance.choice(("", "ups", text(chance))),
            text(chance),
            {line.line: chance.randint(1, line.ordered) for line in buyer.lines if chance.random() < 0.7},
            chance.choice((0, 12_500)),
        )
        for _ in range(chance.randint(1, 5))
    ]


def _855(chance: Random) -> Set:
    return response(_buyer(chance), AT, "0001")


def _856(chance: Random) -> Set:
    buyer = _buyer(chance)
    purpose = chance.choice(("00", "01", "05"))
    return shipment_notice(buyer, _name(chance), _cartons(chance, buyer), AT, "0001", purpose=purpose)


def _810(chance: Random) -> Set:
    buyer = _buyer(chance)
    shipped = {line.line: chance.randint(1, line.ordered) for line in buyer.lines}
    more = {name: chance.choice((0, chance.randint(1, 10**5))) for name in ("charges", "discount", "tax")}
    credited = chance.choice((None, Credited(""), Credited("9-1")))
    return invoice(buyer, _name(chance), shipped, {}, AT, "0001", credited=credited, **more)


def _812(chance: Random) -> Set:
    buyer = _buyer(chance)
    units = {line.line: chance.randint(1, line.ordered) for line in buyer.lines}
    amounts = {name: chance.randint(0, 10**6) for name in units}
    return adjustment(
        buyer, _name(chance), chance.choice(("", "9-1")), units, amounts, chance.choice((0, 99)), AT, "0001"
    )


def _865(chance: Random) -> Set:
    buyer = _buyer(chance)
    return own_change(buyer, [line.line for line in buyer.lines], AT)


def _846(chance: Random) -> Set:
    items = [Available(_ids(chance), chance.randint(0, 10**6)) for _ in range(chance.randint(0, 20))]
    return inventory(_name(chance), items, AT, "0001")


def _940(chance: Random) -> Set:
    lines = []
    for number in range(1, chance.randint(2, 6)):
        units, parts = chance.randint(1, 99), [part(_name(chance), 2)] if chance.random() < 0.2 else []
        gift = text(chance, 60) if chance.random() < 0.3 else None
        back = chance.choice((0, 0, chance.randint(0, units)))
        found = line(str(number), text(chance) + "S", units, components=parts, gift_message=gift)
        lines.append(found | {"name": text(chance, 60), "cancel_requested": back})
    to: dict[str, Any] = {"name": text(chance, 50), "company": text(chance, 80), "street": [text(chance, 90)] * 2}
    to |= {"city": text(chance), "region": "CO", "postal_code": "80202", "country": "US", "phone": text(chance)}
    return shipping_order(document(*lines, request=chance.choice(list(RequestStatus)), ship_to=to), DEFAULT, "0001")


def _943(chance: Random) -> Set:
    goods = [
        Announced(text(chance) + "S", chance.randint(1, 10**6), text(chance, 80), chance.choice((None, "036000291452")))
        for _ in range(chance.randint(1, 9))
    ]
    return announcement(_name(chance), goods, AT, "slc", DEFAULT, "0001")


def _997(chance: Random) -> Set:
    faults = (Fault("4", ""), Fault("3", ""), Fault("2", ""))
    sets = tuple(
        Set("850", f"{number:04d}", (), tuple(chance.sample(faults, chance.randint(0, 2))))
        for number in range(1, chance.randint(2, 9))
    )
    group = Group("PO", "ACME", "US", "20261130", "0815", str(chance.randint(1, 10**9 - 1)), "004010", sets)
    rejected = {number: chance.choice("1257") for number in range(len(sets)) if chance.random() < 0.3}
    return acknowledge(group, "0001", rejected)


def _ta1(chance: Random) -> Set:
    parties = Party("ZZ", "ACME"), Party("ZZ", "US")
    control = str(chance.randint(1, 10**9 - 1))
    came = Interchange(*parties, "261130", "0815", "00401", control, False, ())
    return acknowledge_interchange(came, chance.choice((None, "006")), chance.choice(((), ("025",))))


def _segments(*templates: str) -> Make:
    """A set of a partner: its first segment as it is, and some of the others, with `?` a number and `@` a text."""

    def make(chance: Random) -> Set:
        code, *first = templates[0].split("|")
        chosen = [*first, *chance.choices(templates[1:], k=chance.randint(1, 12))]
        return Set(code, "0001", tuple(_filled(chance, one) for one in chosen))

    return make


def _filled(chance: Random, template: str) -> Segment:
    name, *elements = template.split("*")
    made = {"?": lambda: str(chance.choice((0, 1, 2, 12, 500, -3, "1.5", ""))), "@": lambda: text(chance)}
    return Segment.of(name, *(made[one]() if one in made else one for one in elements))


OUT: Mapping[str, Make] = {
    "855": _855,
    "856": _856,
    "810": _810,
    "812": _812,
    "865": _865,
    "846": _846,
    "940": _940,
    "943": _943,
    "997": _997,
    "TA1": _ta1,
}
"""The documents that we send."""

IN: Mapping[str, Make] = {
    "850": _segments(
        "850|BEG*00*SA*4500017**20261130|N1*ST*Shop*92*0042|N4*Denver*CO*80202*US|PO1*1*2*EA*9.95**VN*MUG-01",
        *("PO1*?*?*EA*9.95**VN*MUG-01", "PO1*@*?*CA*?**UP*@*IN*065322-117", "PO4*?", "SDQ*EA*92*0042*?*@*?"),
        *("DTM*010*20261203", "DTM*001*@", "CUR*BY*@", "SAC*C*D240***?", "N1*BT*@*92*@", "N3*@*@", "N4*@*@*@*@"),
        *("REF*DP*@", "TD5****@", "MSG*@", "PER*RE*@*TE*@", "CTT*?", "BEG*@*@*@"),
    ),
    "860": _segments(
        "860|BCH*04*SA*4500017**1*20261130",
        *("POC*1*QD*?**EA*9.95**VN*MUG-01", "POC*@*AI*?**EA*?**VN*MUG-01", "POC*1*DI*?", "POC*1*@*?", "N1*ST*@*92*@"),
        *("SDQ*EA*92*@*?", "DTM*001*@", "TD5****@", "N4*@*@*@*@", "BCH*@*SA*@"),
    ),
    "945": _segments(
        "945|W06*F*web-1001-f1*20261130",
        *("LX*?", "W12*CC*?*?**EA**VN*MUG-01", "W12*CP*?*?**@**VN*@", "MAN*GM*@", "MAN*CP*@", "N9*CN*@", "N9*LI*@"),
        *("W27*M*@", "W03*?", "W06*@*@*@"),
    ),
    "944": _segments(
        "944|W17*F*20261130*R1*PO-77|W07*6*EA**VN*MUG-01",
        *("W07*?*EA**VN*MUG-01", "W07*?*@**UP*@", "W13*?*EA*01", "W13*?*@*@", "W14*?", "N1*WH*@", "W17*@*@*@*@"),
    ),
    "947": _segments(
        "947|W15*20261130*A1|W19*AU*-2*EA**VN*MUG-01",
        *("W19*05*?*EA**VN*MUG-01", "W19*@*?*@**VN*@", "N1*WH*@", "W15*@*@"),
    ),
    "846": _segments(
        "846|BIA*00*SI*1*20261130*0815|LIN*1*VN*MUG-01",
        *("LIN*?*VN*MUG-01", "LIN*?*UP*@", "QTY*17*?*EA", "QTY*33*?*@", "QTY*@*?*EA", "CTT*?", "BIA*@*@*@*@*@"),
    ),
}
"""The documents that partners send, right and wrong."""
