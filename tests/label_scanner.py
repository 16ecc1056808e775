"""Prints labels as a label printer does, and reads them as people and scanners do."""

import re

import numpy
import zplkit
import zxingcpp


def scanned(label: str) -> list[zxingcpp.Barcode]:
    """The barcodes that a scanner finds on the printed labels."""
    found: list[zxingcpp.Barcode] = []
    for scene in zplkit.render(label).labels:
        image = scene.rasterize()
        found += zxingcpp.read_barcodes(
            numpy.frombuffer(image.pixels, dtype=numpy.uint8).reshape(image.height, image.width)
        )
    return found


def texts(label: str) -> list[str]:
    """The texts that a printer gets, as it reads them."""
    fields = re.findall(r"\^FH_\^FD(.*?)\^FS", label)
    return [
        re.sub("(?:_[0-9A-F]{2})+", lambda run: bytes.fromhex(run[0].replace("_", "")).decode(), field)
        for field in fields
    ]
