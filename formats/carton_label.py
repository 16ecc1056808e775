"""Lays out the labels of a carton: the logistic label with its SSCC as a barcode, and the list of what is packed in it.

The layout follows the GS1 Logistic Label Guideline: free text above, the barcode at the bottom, its bars at least 32 mm high
with a narrowest bar of half a millimetre, and quiet zones of ten such bars.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from formats import zpl
from formats.sscc import APPLICATION_IDENTIFIER, DIGITS, check_digit

BAR_HEIGHT = 260
"""Dots: 32.5 mm."""
ROWS_OF_A_LIST = 24
"""Rows that one label of a packing list has room for."""
_MARGIN, _COLUMN = 30, 420


@dataclass(frozen=True, slots=True)
class Packed:
    """Units of an item in a carton."""

    line: str
    """The line of the order."""
    sku: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CartonLabel:
    """What a carton's labels show."""

    sscc: str
    """18 digits."""
    ship_from: Sequence[str]
    """The lines of an address."""
    ship_to: Sequence[str]
    purchase_order: str
    carton: int
    """Which one of the shipment's cartons this is, from 1."""
    cartons: int
    carrier: str = ""
    tracking: str = ""
    store: str = ""
    """The buyer's code of the store that it is for; empty where it has none."""
    contents: Sequence[Packed] = ()


def carton_label(carton: CartonLabel) -> str:
    """The label of a carton, in ZPL. Raises `ValueError` for digits that are no SSCC."""
    _check(carton.sscc)
    bars = zpl.width_of_gs1_128(DIGITS + len(APPLICATION_IDENTIFIER))
    return zpl.label(
        [
            *_address(_MARGIN, "FROM", carton.ship_from),
            *_address(_COLUMN, "TO", carton.ship_to),
            zpl.line(330),
            *_facts(carton),
            zpl.line(780),
            zpl.text(_MARGIN, 800, 30, "SSCC"),
            zpl.text(_MARGIN, 835, 44, readable(carton.sscc)),
            zpl.gs1_128((zpl.WIDTH - bars) // 2, 900, BAR_HEIGHT, APPLICATION_IDENTIFIER, carton.sscc),
        ]
    )


def packing_list(carton: CartonLabel) -> str:
    """What is in a carton, in ZPL: as many labels as its rows need, each with the carton's number."""
    rows = carton.contents
    pages = [rows[first : first + ROWS_OF_A_LIST] for first in range(0, max(1, len(rows)), ROWS_OF_A_LIST)]
    return "".join(
        zpl.label(
            [
                zpl.text(_MARGIN, 30, 40, f"PACKING LIST {_of(page, len(pages))}".strip()),
                zpl.text(_MARGIN, 80, 32, f"PO {carton.purchase_order}", width=zpl.WIDTH - 2 * _MARGIN),
                zpl.text(_MARGIN, 120, 32, f"CARTON {carton.carton} OF {carton.cartons} SSCC {readable(carton.sscc)}"),
                zpl.line(165),
                *(field for row, packed in enumerate(shown) for field in _row(185 + 42 * row, packed)),
            ]
        )
        for page, shown in enumerate(pages, 1)
    )


def readable(sscc: str) -> str:
    """An SSCC as people read it: with its application identifier, in groups of six digits."""
    return f"(00) {sscc[:6]} {sscc[6:12]} {sscc[12:]}"


def _check(sscc: str) -> None:
    if len(sscc) != DIGITS or not sscc.isascii() or not sscc.isdigit() or check_digit(sscc[:-1]) != sscc[-1]:
        raise ValueError(f"{sscc!r} is no SSCC: 18 digits, the last of which is their check digit")


def _address(x: int, title: str, lines: Sequence[str]) -> Iterator[str]:
    yield zpl.text(x, 25, 24, title)
    width = zpl.WIDTH // 2 - _MARGIN - 10
    for row, content in enumerate([content for content in lines if content.strip()][:7]):
        yield zpl.text(x, 60 + 38 * row, 32, content, width=width)


def _facts(carton: CartonLabel) -> Iterator[str]:
    known = (
        ("PO", carton.purchase_order),
        ("STORE", carton.store),
        ("CARRIER", " ".join(filter(None, (carton.carrier.upper(), carton.tracking)))),
        ("ITEM", _content(carton.contents)),
        ("CARTON", f"{carton.carton} OF {carton.cartons}"),
    )
    for row, (title, content) in enumerate([fact for fact in known if fact[1]]):
        yield zpl.text(_MARGIN, 360 + 80 * row, 24, title)
        yield zpl.text(_MARGIN + 150, 350 + 80 * row, 50, content, width=zpl.WIDTH - 150 - 2 * _MARGIN)


def _content(contents: Sequence[Packed]) -> str:
    match [*contents]:
        case []:
            return ""
        case [one]:
            return f"{one.sku} QTY {one.quantity}"
        case several:
            return f"MIXED, {len(several)} LINES, QTY {sum(packed.quantity for packed in several)}"


def _row(y: int, packed: Packed) -> Iterator[str]:
    yield zpl.text(_MARGIN, y, 28, packed.line, width=90)
    yield zpl.text(130, y, 28, packed.sku, width=250)
    yield zpl.text(390, y, 28, packed.name, width=290)
    yield zpl.text(700, y, 28, str(packed.quantity), width=100)


def _of(page: int, pages: int) -> str:
    return f"{page} OF {pages}" if pages > 1 else ""
