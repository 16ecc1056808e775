"""A simulated retailer that orders by X12: it leaves purchase orders in a directory, and reads and acknowledges the answers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

from formats.x12.acknowledgment import acknowledge, acknowledged
from formats.x12.elements import divided
from formats.x12.partner import ONLY_SET, Partner
from formats.x12.parts import Interchange, Party, Segment, Set
from formats.x12.read import read
from formats.x12.write import written

RETAILER, SELLER = Party("ZZ", "LAKESIDE"), Party("ZZ", "SWITCHYARD")
ACCEPTED = ("IA", "IQ")
"""The codes of an 855 for units that will come."""


@dataclass(slots=True)
class Purchase:
    """A purchase order, and what its seller has said of it, in the units in which it was ordered."""

    number: str
    ordered: Counter[str] = field(default_factory=Counter)
    confirmed: Counter[str] = field(default_factory=Counter)
    shipped: Counter[str] = field(default_factory=Counter)
    invoiced: Counter[str] = field(default_factory=Counter)
    """Each by the line of the order."""
    amount: Decimal = Decimal(0)
    """Of all invoices."""
    cartons: list[str] = field(default_factory=list)
    """Their SSCCs."""
    is_acknowledged: bool = False
    """Whether the seller has taken the order as a document (997)."""


class Retailer:
    """The retailer, with the directory through which it exchanges files with its seller."""

    def __init__(self, mailbox: Path) -> None:
        """`mailbox` has the folders `in`, which the seller reads, and `out`, where the seller writes."""
        self._mailbox = mailbox
        self._agreed = Partner(SELLER.id, us=RETAILER, them=SELLER)
        self._controls = count(2)
        self.purchases: dict[str, Purchase] = {}
        for folder in ("in", "out"):
            (mailbox / folder).mkdir(parents=True, exist_ok=True)

    def order(self, content: bytes) -> Purchase:
        """Send a file with one purchase order (850)."""
        [interchange] = read(content)
        one = interchange.groups[0].sets[0]
        header, lines = divided(one.segments, "PO1")
        purchase = Purchase(_named(header, "BEG", 3))
        for line in lines:
            purchase.ordered[line[0][1]] += int(line[0][2])
        self.purchases[purchase.number] = purchase
        self._send(content, f"order-{purchase.number}")
        return purchase

    def look(self) -> None:
        """Read all that has come, and acknowledge it."""
        for file in sorted((self._mailbox / "out").glob("*")):
            for interchange in read(file.read_bytes()):
                self._take(interchange)
            file.unlink()

    def _take(self, interchange: Interchange) -> None:
        for group in interchange.groups:
            for one in group.sets:
                _READING[one.code](self, one)
            if group.function != "FA":
                control = next(self._controls)
                made = self._agreed.envelope(acknowledge(group, ONLY_SET), control, datetime.now(UTC))
                self._send(written(made), f"997-{control}")

    def _send(self, content: bytes, name: str) -> None:
        """A file gets its name when it is whole."""
        part = self._mailbox / f"in/{name}.part"
        part.write_bytes(content)
        part.rename(self._mailbox / f"in/{name}.edi")

    def _acknowledged(self, one: Set) -> None:
        taken = any(found.function == "PO" and found.is_accepting for found in acknowledged(one))
        for purchase in self.purchases.values():
            purchase.is_acknowledged |= taken

    def _confirmed(self, one: Set) -> None:
        header, lines = divided(one.segments, "PO1")
        purchase = self.purchases[_named(header, "BAK", 3)]
        for line in lines:
            units = (int(ack[2]) for ack in line if ack.name == "ACK" and ack[1] in ACCEPTED)
            purchase.confirmed[line[0][1]] += sum(units)

    def _shipped(self, one: Set) -> None:
        purchase, line = self.purchases[_named(one.segments, "PRF", 1)], ""
        for segment in one.segments:
            match segment.name:
                case "MAN" if segment[1] == "GM":
                    purchase.cartons.append(segment[2])
                case "LIN":
                    line = segment[1]
                case "SN1":
                    purchase.shipped[line] += int(segment[2])

    def _invoiced(self, one: Set) -> None:
        purchase = self.purchases[_named(one.segments, "BIG", 4)]
        for segment in one.segments:
            if segment.name == "IT1":
                purchase.invoiced[segment[1]] += int(segment[2])
        purchase.amount += Decimal(_named(one.segments, "TDS", 1)).scaleb(-2)


def _named(segments: Sequence[Segment], name: str, position: int) -> str:
    """An element of the first segment of a name."""
    return next(segment[position] for segment in segments if segment.name == name)


_READING = {
    "997": Retailer._acknowledged,
    "855": Retailer._confirmed,
    "856": Retailer._shipped,
    "810": Retailer._invoiced,
}
"""What each set that comes is read by."""
