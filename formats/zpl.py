"""Spells labels in ZPL II, the language of label printers: texts that cannot break out of their field, and GS1-128 barcodes.

A place is given in dots from the upper left corner; at 203 dots per inch, 8 dots are a millimetre.
"""

import re
from collections.abc import Iterable

WIDTH, HEIGHT = 812, 1218
"""Dots of a label of 4 × 6 inches at 203 dots per inch."""

_NOT_PLAIN = re.compile(r"[^ -}]|[\^_\\]")
"""What is written as bytes: `^` and `~` begin commands, `_` is the sign of a byte, a backslash is special to some printers."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WIDTH_OF_HEIGHT = 0.6
"""How wide a letter of the scalable font is at most on average, for its height."""


def label(fields: Iterable[str]) -> str:
    """A label of these fields: texts in UTF-8, on 4 × 6 inches."""
    return "\n".join([f"^XA^CI28^PW{WIDTH}^LL{HEIGHT}^LH0,0", *fields, "^XZ\n"])


def text(x: int, y: int, height: int, content: str, *, width: int = WIDTH) -> str:
    """A line of text that is `width` dots wide at most: smaller letters where it is longer, and cut where it still is."""
    plain = _CONTROLS.sub(" ", content).strip()
    least = max(16, height // 2)
    fitting = max(least, min(height, int(width / (_WIDTH_OF_HEIGHT * max(1, len(plain))))))
    room = int(width / (_WIDTH_OF_HEIGHT * fitting))
    shown = plain if len(plain) <= room else f"{plain[: room - 3]}..."
    return f"^FO{x},{y}^A0N,{fitting},{fitting}^FH_^FD{_escaped(shown)}^FS"


def gs1_128(x: int, y: int, height: int, identifier: str, digits: str, *, module: int = 4) -> str:
    """A GS1-128 barcode of an application identifier and an even number of digits; `module` is the narrowest bar, in dots.

    It begins with start C and FNC1 (GS1 General Specifications, section 5.4): brackets are for people and are not in it.
    """
    data = identifier + digits
    if not data.isascii() or not data.isdigit() or len(data) % 2:
        raise ValueError(f"{data!r} is no even number of digits")
    return f"^FO{x},{y}^BY{module}^BCN,{height},N,N,N,N^FD>;>8{data}^FS"


def code_128(x: int, y: int, height: int, content: str, *, width: int = WIDTH - 120) -> str:
    """A Code 128 barcode (subset B) of letters, digits and hyphens, its bars as wide as `width` dots allow for.

    Raises ValueError for other signs: some of them are commands.
    """
    if not content or not content.isascii() or not content.replace("-", "").isalnum():
        raise ValueError(f"{content!r} has other signs than letters, digits and hyphens")
    module = max(1, min(4, width // (11 * (len(content) + 2) + 13)))
    return f"^FO{x},{y}^BY{module}^BCN,{height},N,N,N,N^FD>:{content}^FS"


def width_of_gs1_128(digits: int, module: int = 4) -> int:
    """The dots that the bars of `digits` digits take, without the quiet zones: each pair is 11 modules, and so are start, FNC1
    and check character; stop is 13."""
    return (11 * (3 + digits // 2) + 13) * module


def line(y: int) -> str:
    """A line across the label."""
    return f"^FO0,{y}^GB{WIDTH},3,3^FS"


def _escaped(content: str) -> str:
    """A text as the data of a field after `^FH_`: what is not plain is written as the bytes of its UTF-8."""
    return _NOT_PLAIN.sub(lambda sign: "".join(f"_{byte:02X}" for byte in sign[0].encode()), content)
