"""Lays out a plain parcel label as PDF on 4 × 6 inches. It needs reportlab, which the extra `documents` brings."""

from collections.abc import Sequence
from io import BytesIO

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.units import inch
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from formats.paper import runs

WIDTH, HEIGHT = 4 * inch, 6 * inch
_MARGIN = 0.2 * inch
_ROOM = WIDTH - 2 * _MARGIN
_SMALLEST = 5


def pdf_label(title: str, ship_from: Sequence[str], ship_to: Sequence[str], facts: str, reference: str) -> bytes:
    """A label with two addresses, each with its country last, and a reference as Code 128. A letter is drawn in the first font
    that has it (`formats.paper`); one that no font has is a box."""
    made = BytesIO()
    page = Canvas(made, pagesize=(WIDTH, HEIGHT), invariant=True)
    _write(page, 5.65, 14, [title])
    _write(page, 5.35, 9, ship_from[:7], ship_from[-1])
    page.line(0, 4.1 * inch, WIDTH, 4.1 * inch)
    _write(page, 3.8, 14, ship_to[:8], ship_to[-1])
    _write(page, 1.75, 10, [facts])
    bars = Code128(reference, barHeight=0.8 * inch, barWidth=min(1.1, 250 / (11 * (len(reference) + 3))))
    bars.drawOn(page, _MARGIN, 0.75 * inch)
    _write(page, 0.45, 11, [reference])
    page.showPage()
    page.save()
    return made.getvalue()


def _write(page: Canvas, inches: float, size: int, lines: Sequence[str], country: str = "") -> None:
    for row, line in enumerate(lines):
        parts = [(font, run) for font, run, _ in runs(line, country)]
        fitting = next((one for one in range(size, _SMALLEST, -1) if _width(parts, one) <= _ROOM), _SMALLEST)
        x = _MARGIN
        for font, run in parts:
            page.setFont(font, fitting)
            page.drawString(x, inches * inch - row * size * 1.2, run)
            x += stringWidth(run, font, fitting)


def _width(parts: Sequence[tuple[str, str]], size: int) -> float:
    return float(sum(stringWidth(run, font, size) for font, run in parts))
