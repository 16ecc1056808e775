#!/bin/sh
# A GS1-128 label holds its application identifier without brackets; brackets are for people. A label whose bars hold the
# brackets is wrong: a warehouse's scanner reads other characters. zxing-cpp 3.1.1 answers for both labels the same `text`
# and the content type GS1. Only `bytes` differ. One would expect the text of the bars, or another content type.
# The script prints what is read of a right and of a wrong label. It ends with 0 while that is so, and with 1 when it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check zxing-cpp==3.1.1 zplkit==0.3.2 numpy==2.4.6
cat > "$folder/finding.py" <<'PYTHON'
import sys

import numpy
import zplkit
import zxingcpp

SSCC = "006141410012345675"
# In ZPL, >; begins with subset C (pairs of digits), >: with subset B, >8 is FNC1, and >5 goes on in subset C.
LABELS = {"right": f">;>800{SSCC}", "wrong": f">:>8(00)>5{SSCC}"}


def read(data):
    label = f"^XA^PW812^LL400^FO94,50^BY3^BCN,260,N,N,N,N^FD{data}^FS^XZ"
    image = zplkit.render(label).labels[0].rasterize()
    pixels = numpy.frombuffer(image.pixels, dtype=numpy.uint8).reshape(image.height, image.width)
    (barcode,) = zxingcpp.read_barcodes(pixels)
    return barcode


found = {name: read(data) for name, data in LABELS.items()}
for name, barcode in found.items():
    print(f"{name}: text {barcode.text!r}, {barcode.content_type}, bytes {barcode.bytes!r}")
right, wrong = found["right"], found["wrong"]
looks_the_same = (right.text, right.content_type) == (wrong.text, wrong.content_type)
sys.exit(0 if looks_the_same and right.bytes != wrong.bytes else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
