"""Draws pages as PDF: texts, tables and barcodes, from top to bottom. It needs reportlab, the extra `documents`.

A text is drawn in the first font that has its characters: those that it is given, DejaVu Sans where the machine
has it, Vera, which comes with reportlab, and for Chinese, Japanese and Korean the fonts that PDF viewers have. What no font
has is drawn as a box, and the page says so. Hebrew and Arabic run from right to left; that Arabic letters are not joined is on
the page.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from io import BytesIO
from itertools import groupby
from pathlib import Path
from unicodedata import bidirectional

from reportlab import rl_config
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

WIDTH_MM, HEIGHT_MM = A4[0] / mm, A4[1] / mm
MARGIN_MM = 15.0
FONTS_OF_THE_MACHINE = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
BELOW_TEXT_MM = 2.0
"""Room above a barcode: the letters above it reach below their line."""
BESIDE_MOST_MM = 120.0
"""Blocks that would be higher stand below each other."""
ROWS_MOST = 50
"""Of a table's row on one page: it has room for a few more, beside its titles."""
PAGES = "pages"
"""The number of pages, which every page shows and only the last one knows."""
MISSING = "□"
NO_FONT = "Some characters of this page cannot be printed here: name a TrueType font that has them in SWITCHYARD_FONTS."
NOT_JOINED = "Arabic letters of this page are not joined."
HAN_OF = {
    "JP": "HeiseiMin-W3",
    "KR": "HYSMyeongJo-Medium",
    "TW": "MSung-Light",
    "HK": "MSung-Light",
    "MO": "MSung-Light",
}
"""By country of the text, the font for Chinese characters, which each draws in its own way; elsewhere as in China."""
HAN = "STSong-Light"


@dataclass(frozen=True, slots=True)
class Font:
    """A font by its name in the PDF, and whether it has a character."""

    name: str
    has: Callable[[str], bool]


@cache
def _fonts(named: tuple[str, ...]) -> tuple[Font, ...]:
    """The TrueType fonts, the first to be tried first."""
    there = [path for path in FONTS_OF_THE_MACHINE if Path(path).is_file()]
    paths = [*named, *there[:1], str(Path(rl_config.__file__).parent / "fonts" / "Vera.ttf")]
    return tuple(font for path in paths if (font := _true_type(path)))


def _true_type(path: str) -> Font | None:
    name = f"font {path}"
    try:
        read = TTFont(name, path)
    except (TTFError, OSError):
        return None  # what it would have drawn is drawn as boxes, and the page says so
    pdfmetrics.registerFont(read)
    glyphs = read.face.charToGlyph
    return Font(name, lambda character: ord(character) in glyphs)


@cache
def _of_viewers(name: str) -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name


def _asian(character: str, country: str) -> str | None:
    """The font of PDF viewers for a character of Chinese, Japanese or Korean; None = it is none of them."""
    code = ord(character)
    if 0x3040 <= code <= 0x30FF or 0xFF65 <= code <= 0xFF9F:
        return _of_viewers(HAN_OF["JP"])
    if 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF:
        return _of_viewers(HAN_OF["KR"])
    if 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFF64:
        return _of_viewers(HAN_OF.get(country, HAN))
    return None


@lru_cache(10_000)
def _drawn(character: str, country: str, named: tuple[str, ...]) -> tuple[str, str, bool]:
    """The font of a character, what is drawn for it, and whether no font has it."""
    there = _fonts(named)
    for font in there:
        if font.has(character):
            return font.name, character, False
    if asian := _asian(character, country):
        return asian, character, False
    if not character.isprintable():
        return there[0].name, " ", False
    return there[0].name, MISSING if there[0].has(MISSING) else "?", True


def runs(content: str, country: str = "", fonts: tuple[str, ...] = ()) -> list[tuple[str, str, bool]]:
    """The parts of a text that one font draws: the font, what is drawn, and whether characters of it are in no font."""
    drawn = [_drawn(character, country, fonts) for character in _as_read(content)]
    return [
        (font, "".join(shown for _, shown, _ in part), any(is_missing for *_, is_missing in part))
        for font, group in groupby(drawn, key=lambda found: found[0])
        if (part := list(group))
    ]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    width_mm: float
    is_number: bool = False


@dataclass(slots=True)
class Paper:
    """Pages that are drawn from top to bottom."""

    title: str
    """Of the document, for who lists files."""
    foot: str
    """What stands at the foot of every page, before its number and how many there are."""
    country: str = ""
    """The country of its texts: `HAN_OF`."""
    fonts: tuple[str, ...] = ()
    """Paths of TrueType fonts that are tried before others."""
    _buffer: BytesIO = field(default_factory=BytesIO)
    _canvas: Canvas = field(init=False)
    _y: float = field(init=False)
    """Millimetres from the foot of the page."""
    _page: int = 1
    _notes: dict[str, None] = field(default_factory=dict)
    """What the page says about its own letters, each once."""

    def __post_init__(self) -> None:
        self._canvas = Canvas(self._buffer, pagesize=A4, invariant=True)
        self._canvas.setTitle(self.title)
        self._y = HEIGHT_MM - MARGIN_MM

    def text(self, content: str, *, size: float = 10, x_mm: float = MARGIN_MM, width_mm: float | None = None) -> None:
        """A text, in as many rows as it needs."""
        rows = self._rows(content, size, width_mm or WIDTH_MM - x_mm - MARGIN_MM)
        for row in rows:
            self.need(_height(size))
            self._y -= _height(size)
            self._draw(row, x_mm, size)

    def beside(self, blocks: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Blocks of lines beside each other, each under its title; below each other where one is too high for that."""
        width = (WIDTH_MM - 2 * MARGIN_MM) / max(1, len(blocks))
        rows = [
            [row for line in lines if line.strip() for row in self._rows(line, 11, width - 5)] for _, lines in blocks
        ]
        height = max(map(len, rows), default=0) * _height(11) + _height(8)
        if height > BESIDE_MOST_MM:
            self._below(blocks)
            return
        self.need(height)
        top, lowest = self._y, self._y
        for number, (title, _) in enumerate(blocks):
            self._y = top
            for size, content in [(8.0, title), *((11.0, row) for row in rows[number])]:
                self.text(content, size=size, x_mm=MARGIN_MM + number * width, width_mm=width)
            lowest = min(lowest, self._y)
        self._y = lowest

    def _below(self, blocks: Sequence[tuple[str, Sequence[str]]]) -> None:
        for title, lines in blocks:
            self.need(20)
            self.text(title, size=8)
            for line in lines:
                if line.strip():
                    self.text(line, size=11)
            self.space(3)

    def barcode(self, content: str, *, x_mm: float = MARGIN_MM, height_mm: float = 12) -> None:
        """A Code 128 that scanners read, with its text below."""
        self.need(height_mm + 8)
        self._y -= height_mm + BELOW_TEXT_MM
        bars = Code128(content, barWidth=0.33 * mm, barHeight=height_mm * mm, quiet=0)
        if bars.width > (WIDTH_MM - x_mm - MARGIN_MM) * mm:
            bars = Code128(content, barWidth=0.2 * mm, barHeight=height_mm * mm, quiet=0)
        bars.drawOn(self._canvas, x_mm * mm, self._y * mm)
        self.text(content, size=8, x_mm=x_mm)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """A table; its titles stand on each page. Only a row that is higher than a page is divided between pages."""
        self._heading(columns)
        for row in rows:
            cells = [self._rows(cell, 10, column.width_mm - 2) for cell, column in zip(row, columns, strict=True)]
            for part in _parts(cells):
                if self.need(max(map(len, part)) * _height(10) + 2):
                    self._heading(columns)
                self._row(columns, part, 10)
            self._line()

    def _heading(self, columns: Sequence[Column]) -> None:
        self.need(25)
        self._row(columns, [[column.title] for column in columns], 8)
        self._line()

    def _row(self, columns: Sequence[Column], cells: Sequence[Sequence[str]], size: float) -> None:
        x, top = MARGIN_MM, self._y
        for column, rows in zip(columns, cells, strict=True):
            self._y = top
            for row in rows:
                self._y -= _height(size)
                indent = column.width_mm - 4 - self._width(row, size) if column.is_number else 0
                self._draw(row, x + indent, size)
            x += column.width_mm
        self._y = top - max(map(len, cells)) * _height(size)

    def _line(self) -> None:
        self._y -= 1.5
        self._canvas.setLineWidth(0.4)
        self._canvas.line(MARGIN_MM * mm, self._y * mm, (WIDTH_MM - MARGIN_MM) * mm, self._y * mm)
        self._y -= 0.5

    def space(self, height_mm: float) -> None:
        """Leave room."""
        self._y -= height_mm

    def need(self, height_mm: float) -> bool:
        """Begin a page where the rest of this one is not so high; whether that was so."""
        if self._y - height_mm >= MARGIN_MM + 8:
            return False
        self._end_page()
        self._page, self._y = self._page + 1, HEIGHT_MM - MARGIN_MM
        return True

    def done(self) -> bytes:
        """The PDF."""
        self._end_page()
        self._canvas.beginForm(PAGES)
        self._draw(f" of {self._page}", 0, 8, 0)
        self._canvas.endForm()
        self._canvas.save()
        return self._buffer.getvalue()

    def _end_page(self) -> None:
        self._y = MARGIN_MM
        foot = f"{self.foot}   page {self._page}"
        self._draw(foot, MARGIN_MM, 8)
        self._canvas.saveState()
        self._canvas.translate((MARGIN_MM + self._width(foot, 8)) * mm, self._y * mm)
        self._canvas.doForm(PAGES)
        self._canvas.restoreState()
        for note in list(self._notes):
            self._y -= 4
            self._draw(note, MARGIN_MM, 8)
        self._notes.clear()
        self._canvas.showPage()

    def _draw(self, content: str, x_mm: float, size: float, y_mm: float | None = None) -> None:
        """A text in one row, where the page has come to or at a height."""
        x, y = x_mm * mm, (self._y if y_mm is None else y_mm) * mm
        for font, run in self._runs(content):
            self._canvas.setFont(font, size)
            self._canvas.drawString(x, y, run)
            x += pdfmetrics.stringWidth(run, font, size)

    def _runs(self, content: str) -> Iterator[tuple[str, str]]:
        """The font of each part of a text."""
        if any(bidirectional(character) == "AL" for character in content):
            self._notes[NOT_JOINED] = None
        for font, run, is_missing in runs(content, self.country, self.fonts):
            if is_missing:
                self._notes[NO_FONT] = None
            yield font, run

    def _width(self, content: str, size: float) -> float:
        return float(sum(pdfmetrics.stringWidth(run, font, size) for font, run in self._runs(content)) / mm)

    def _rows(self, content: str, size: float, width_mm: float) -> list[str]:
        """A text in rows that are not wider; a word that is too wide is divided."""
        rows = list[str]()
        for written in content.split("\n"):
            row = ""
            for word in written.split(" "):
                for part in self._divided(word, size, width_mm):
                    longer = f"{row} {part}" if row else part
                    if row and self._width(longer, size) > width_mm:
                        rows.append(row)
                        longer = part
                    row = longer
            rows.append(row)
        return rows

    def _divided(self, word: str, size: float, width_mm: float) -> Iterator[str]:
        while len(word) > 1 and self._width(word, size) > width_mm:
            fitting = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or self._width(word[:n], size) <= width_mm)
            yield word[:fitting]
            word = word[fitting:]
        yield word


_FROM_RIGHT = re.compile(
    r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff](?:[\W\d_]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff])*"
)
"""Letters that are read from right to left, with the blanks, signs and numbers between them."""
_FROM_LEFT = re.compile(r"\d+(?:[.,:/-]\d+)*")


def _as_read(row: str) -> str:
    """A row of text in the sequence in which its characters stand on paper from the left: Hebrew and Arabic are turned, the
    numbers in them are not."""
    if row.isascii():
        return row
    return _FROM_RIGHT.sub(lambda part: _FROM_LEFT.sub(lambda number: number[0][::-1], part[0])[::-1], row)


def _parts(cells: Sequence[Sequence[str]]) -> Iterator[Sequence[Sequence[str]]]:
    """The cells of a row in parts that a page has room for."""
    for first in range(0, max(map(len, cells)), ROWS_MOST):
        yield [rows[first : first + ROWS_MOST] for rows in cells]


def _height(size: float) -> float:
    """Of a row of text, in millimetres."""
    return float(size * 1.25 / mm)
