"""Reads PDFs back as people and scanners do: the texts of the pages, and the barcodes that are printed on them."""

import re
import warnings
from io import BytesIO

import numpy
import zxingcpp

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it was renamed, and comes with karrio under its old name
    from PyPDF2 import PageObject, PdfReader
    from PyPDF2.errors import PdfReadWarning

DOTS_PER_POINT = 4
"""As a printer with 288 dots per inch prints it."""
_MOVE = re.compile(r"1 0 0 1 ([\d.]+) ([\d.]+) cm")

OF_PAGES = re.compile(r"of \d+")
"""How many pages there are: a form of the PDF, whose place only the page knows."""


def pages(pdf: bytes) -> list[str]:
    """The text of each page; what is drawn by a font of PDF viewers is not read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PdfReadWarning)  # it does not know their encodings
        return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def lowest(pdf: bytes) -> float:
    """Points from the foot of the page to the lowest text of any page; below 0 it is not printed."""
    heights: list[float] = []

    def seen(text: str, _: list[float], place: list[float], __: object, ___: float) -> None:
        if text.strip() and not OF_PAGES.fullmatch(text.strip()):
            heights.append(place[5])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PdfReadWarning)
        for page in PdfReader(BytesIO(pdf)).pages:
            page.extract_text(visitor_text=seen)
    return min(heights)


def barcodes(pdf: bytes) -> list[str]:
    """What a scanner reads on the pages, from top to bottom: only the filled rectangles of the page are printed."""
    found = []
    for page in PdfReader(BytesIO(pdf)).pages:
        width, height = (round(float(side) * DOTS_PER_POINT) for side in page.mediabox[2:])
        image = numpy.full((height, width), 255, dtype=numpy.uint8)
        for x, y, wide, high in _rectangles(_content_of(page)):
            top, left = height - (y + high) * DOTS_PER_POINT, x * DOTS_PER_POINT
            image[
                round(top) : round(top + high * DOTS_PER_POINT), round(left) : round(left + wide * DOTS_PER_POINT)
            ] = 0
        read = zxingcpp.read_barcodes(image)
        found += [one.text for one in sorted(read, key=lambda one: one.position.top_left.y)]
    return found


def _content_of(page: PageObject) -> str:
    content = page.get_contents()
    assert content is not None, "a page without anything"
    data: bytes = content.get_data()
    return data.decode("latin-1")


def _rectangles(content: str) -> list[tuple[float, float, float, float]]:
    """The filled rectangles of a page, from its corner. A barcode is moved to its place by a matrix of its own."""
    x, y, moved, found = 0.0, 0.0, [(0.0, 0.0)], []
    for line in content.splitlines():
        for part in re.findall(r"\bq\b|\bQ\b|1 0 0 1 [\d.]+ [\d.]+ cm|n [\d.]+ [\d.]+ [\d.]+ [\d.]+ re f\*?", line):
            if part == "q":
                moved.append((x, y))
            elif part == "Q":
                x, y = moved.pop()
            elif move := _MOVE.match(part):
                x, y = x + float(move[1]), y + float(move[2])
            elif rectangle := re.match(r"n ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re", part):
                left, low, wide, high = map(float, rectangle.groups())
                found.append((x + left, y + low, wide, high))
    return found
