"""Lays out a plain parcel label as PDF on 4 × 6 inches. It needs reportlab, which the extra `documents` brings."""

from collections.abc import Sequence
from io import BytesIO

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import inch
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = 4 * inch, 6 * inch
_MARGIN = 0.2 * inch
_FONT = "Helvetica"


def pdf_label(title: str, ship_from: Sequence[str], ship_to: Sequence[str], facts: str, reference: str) -> bytes:
    """A label with two addresses, and a reference as Code 128. Letters that the font lacks are shown as a question mark."""
    made = BytesIO()
    page = Canvas(made, pagesize=(WIDTH, HEIGHT), invariant=True)
    _write(page, 5.65, 14, [title])
    _write(page, 5.35, 9, ship_from[:7])
    page.line(0, 4.1 * inch, WIDTH, 4.1 * inch)
    _write(page, 3.8, 14, ship_to[:8])
    _write(page, 1.75, 10, [facts])
    bars = Code128(reference, barHeight=0.8 * inch, barWidth=min(1.1, 250 / (11 * (len(reference) + 3))))
    bars.drawOn(page, _MARGIN, 0.75 * inch)
    _write(page, 0.45, 11, [reference])
    page.showPage()
    page.save()
    return made.getvalue()


def _write(page: Canvas, inches: float, size: int, lines: Sequence[str]) -> None:
    for row, line in enumerate(lines):
        shown = line.encode("cp1252", "replace").decode("cp1252")
        fitting = size
        while fitting > 5 and page.stringWidth(shown, _FONT, fitting) > WIDTH - 2 * _MARGIN:
            fitting -= 1
        page.setFont(_FONT, fitting)
        page.drawString(_MARGIN, inches * inch - row * size * 1.2, shown)
