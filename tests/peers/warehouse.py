"""Plays a warehouse that speaks X12: takes 940s and 943s, answers each by 997, and tells by 945, 944, 947 and 846 what it did.

It knows of us only what stands in the files. Its control numbers rise, and it never sends two sets under one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from formats.x12.parts import GROUP_OF_SET, Group, Interchange, Party, Segment, Set
from formats.x12.read import read
from formats.x12.write import written

US, WAREHOUSE = Party("ZZ", "SWITCHYARD"), Party("12", "8015550100")


@dataclass(slots=True)
class Asked:
    """An order as the warehouse has it: of each line its item and how many are wanted."""

    number: str
    purpose: str
    lines: dict[str, tuple[str, int]]
    """By N9*LI and item, the item and the units; two lines of one number are components of a bundle."""


@dataclass(slots=True)
class Warehouse:
    """One warehouse. What it makes of an order is decided by who plays it."""

    orders: dict[str, Asked] = field(default_factory=dict)
    taken: list[Set] = field(default_factory=list)
    """Every set that it was sent, once for each control number."""
    seen: set[str] = field(default_factory=set)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def take(self, content: bytes, verdict: str = "A") -> list[bytes]:
        """Take a file; answers the 997s for it, none for a file of 997s. A file that it has seen is answered again."""
        (interchange,) = read(content)
        answers: list[bytes] = []
        for group in interchange.groups:
            for one in group.sets:
                if interchange.control not in self.seen and verdict in "AE":
                    self._note(one)
            self.seen.add(interchange.control)
            if group.function != "FA":
                answers.append(self.send("997", *_acknowledgment(group, verdict)))
        return answers

    def _note(self, one: Set) -> None:
        self.taken.append(one)
        if one.code != "940":
            return
        w05 = one.segments[0]
        lines: dict[str, tuple[str, int]] = {}
        item, units = "", 0
        for segment in one.segments:
            if segment.name == "W01":
                item, units = segment[5], int(segment[1])
            elif segment.name == "N9" and segment[1] == "LI":
                lines[f"{segment[2]} {item}"] = (item, units)
        known = self.orders.get(w05[2])
        lines = lines if w05[1] != "F" or known is None else known.lines
        self.orders[w05[2]] = Asked(w05[2], w05[1], lines)

    def send(self, code: str, *segments: str) -> bytes:
        """A file of one set."""
        control = str(next(self._numbers))
        split = [segment.split("*") for segment in segments]
        one = Set(code, "0001", tuple(Segment.of(name, *elements) for name, *elements in split))
        now = datetime.now(UTC)
        day, clock = f"{now:%Y%m%d}", f"{now:%H%M}"
        group = Group(GROUP_OF_SET[code], WAREHOUSE.id, US.id, day, clock, control, "004010", (one,))
        return written(Interchange(WAREHOUSE, US, day[2:], clock, "00401", control, False, (group,)))

    def ship(
        self, number: str, shipped: Mapping[str, int] | None = None, cartons: Sequence[str] = (), code: str = "F"
    ) -> bytes:
        """A 945: all of an order, or the named units of each item; by cartons, the units are in the first."""
        asked = self.orders[number]
        left = dict(asked.lines.values()) if shipped is None else dict(shipped)
        details: list[str] = []
        for position, (item, wanted) in enumerate(asked.lines.values(), 1):
            units = left.pop(item, 0)
            marks = [f"MAN*GM*{cartons[position - 1]}"] if position <= len(cartons) else []
            details += [
                f"LX*{position}",
                *marks,
                f"W12*{'CC' if units == wanted else 'CP'}*{wanted}*{units}**EA**VN*{item}",
            ]
        for item, units in left.items():
            details += ["LX*99", f"W12*CE*0*{units}**EA**VN*{item}"]
        head = [f"W06*{code}*{number.upper()}*{datetime.now(UTC):%Y%m%d}", "N1*SF*Warehouse", "W27*M*UPSN*UPS GROUND"]
        return self.send("945", *head, *details, f"W03*{sum((shipped or {}).values())}")

    def receive(self, goods: Mapping[str, int], number: str = "", damaged: Mapping[str, int] = {}) -> bytes:
        """A 944 for goods that came; `number` is that of the 943 that announced them."""
        details: list[str] = []
        for item, units in goods.items():
            details.append(f"W07*{units}*EA**VN*{item}")
            if item in damaged:
                details.append(f"W13*{damaged[item]}*EA*01")
        head = [f"W17*F*{datetime.now(UTC):%Y%m%d}*R1*{number}", "N1*WH*Warehouse"]
        return self.send("944", *head, *details, f"W14*{sum(goods.values())}")

    def adjust(self, reason: str, units: int, item: str) -> bytes:
        """A 947 of one item."""
        head = [f"W15*{datetime.now(UTC):%Y%m%d}*A1", "N1*WH*Warehouse"]
        return self.send("947", *head, f"W19*{reason}*{units}*EA**VN*{item}")

    def count_stock(self, **units: int) -> bytes:
        """An 846; a SKU's dashes are written as underscores."""
        now = datetime.now(UTC)
        details = [
            segment
            for position, (item, quantity) in enumerate(units.items(), 1)
            for segment in (f"LIN*{position}*VN*{item.replace('_', '-')}", f"QTY*17*{quantity}*EA")
        ]
        return self.send("846", f"BIA*00*SI*1*{now:%Y%m%d}*{now:%H%M%S}", *details, f"CTT*{len(units)}")


def _acknowledgment(group: Group, verdict: str) -> list[str]:
    faults = "" if verdict in "AE" else "*5"
    sets = [segment for one in group.sets for segment in (f"AK2*{one.code}*{one.control}", f"AK5*{verdict}{faults}")]
    taken = len(group.sets) if verdict in "AE" else 0
    return [
        f"AK1*{group.function}*{group.control}",
        *sets,
        f"AK9*{verdict}*{len(group.sets)}*{len(group.sets)}*{taken}",
    ]
