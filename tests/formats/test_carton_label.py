"""What a buyer scans from a printed carton is what its shipment notice says: label, 856 and packing list agree."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import biip
import pytest
import zplkit
from biip.gtin import Gtin
from biip.sscc import Sscc
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.x12.answers import Buyer, Carton, OrderedLine, shipment_notice
from formats import zpl
from formats.carton_label import ROWS_OF_A_LIST, CartonLabel, Packed, carton_label, packing_list
from formats.sscc import INTERNAL_PREFIX, check_digit, gtin_14, sscc
from tests.label_scanner import scanned, texts

SERUM = Packed("1", "SERUM-30", "Vitamin C Serum 30 ml", 12)
LABEL = CartonLabel(
    sscc="006141410012345675",
    ship_from=("Salt Lake City 3PL", "1 Warehouse Road", "Salt Lake City UT 84101", "US"),
    ship_to=("ACME Stores 0042", "123 Main Street", "Denver CO 80202", "US"),
    purchase_order="4500/A-12",
    carton=2,
    cartons=14,
    carrier="ups",
    tracking="1Z999AA10123456784",
    store="0042",
    contents=(SERUM,),
)


def mans(cartons: Sequence[Carton]) -> list[str]:
    """What the shipment notice says that is printed on each carton."""
    line = OrderedLine("1", "EA", 1, [("VN", "SERUM-30")], 24, 0, 0, 2400)
    buyer = Buyer("4500/A-12", datetime(2026, 11, 30, tzinfo=UTC), "USD", "0042", [line])
    notice = shipment_notice(buyer, "S1", cartons, datetime(2026, 11, 30, tzinfo=UTC), "0001")
    return [segment[2] for segment in notice.segments if segment.name == "MAN" and segment[1] == "GM"]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 999_999_999), st.integers(0, 9))
def test_the_scanned_carton_is_the_one_of_the_shipment_notice(serial: int, extension: int) -> None:
    code = sscc("0614141", serial, extension)
    (man,) = mans([Carton(code, "ups", "1Z", {"1": 12})])
    (barcode,) = scanned(carton_label(replace(LABEL, sscc=code)))
    assert barcode.bytes == man.encode() == f"00{code}".encode()
    read = biip.parse(f"{barcode.symbology_identifier}{barcode.bytes.decode()}")
    assert read.sscc is not None
    assert read.sscc.value == code
    assert read.gs1_message is not None
    assert [element.ai.ai for element in read.gs1_message.element_strings] == ["00"]


def test_a_label_whose_brackets_are_in_the_bars_reads_the_same_as_text_and_only_its_bytes_tell() -> None:
    """zxing-cpp 3.1.1: `text` and `content_type` of a wrong label are those of a right one; compare `bytes`."""
    right = carton_label(LABEL)
    wrong = right.replace("^BY4", "^BY3").replace(">;>800", ">:>8(00)>5")
    (of_right,), (of_wrong,) = scanned(right), scanned(wrong)
    assert (of_right.text, of_right.content_type) == (of_wrong.text, of_wrong.content_type)
    assert of_right.bytes == b"00006141410012345675"
    assert of_wrong.bytes == b"(00)006141410012345675"


@given(st.integers(0, 999_999_999))
def test_another_program_agrees_with_our_check_digits(serial: int) -> None:
    for prefix in ("0614141", INTERNAL_PREFIX):
        code = sscc(prefix, serial)
        assert Sscc.parse(code).check_digit == int(code[-1])
    digits = str(serial).zfill(12)
    code = digits + check_digit(digits)
    assert Gtin.parse(code).as_gtin_14() == gtin_14(code)


def test_a_label_names_the_sender_the_receiver_the_order_and_which_carton_it_is() -> None:
    shown = texts(carton_label(LABEL))
    assert [text for text in shown if text in LABEL.ship_from] == [
        "Salt Lake City 3PL",
        "1 Warehouse Road",
        "Salt Lake City UT 84101",
        "US",
        "US",
    ]
    assert {*LABEL.ship_to} < {*shown}
    facts = dict(pairwise(shown))
    assert facts["PO"] == "4500/A-12"
    assert facts["STORE"] == "0042"
    assert facts["CARRIER"] == "UPS 1Z999AA10123456784"
    assert facts["ITEM"] == "SERUM-30 QTY 12"
    assert facts["CARTON"] == "2 OF 14"
    assert facts["SSCC"] == "(00) 006141 410012 345675"


def test_what_is_not_known_is_left_out_and_mixed_contents_are_summed() -> None:
    bare = replace(LABEL, carrier="", tracking="", store="", contents=())
    assert not {"STORE", "CARRIER", "ITEM"} & {*texts(carton_label(bare))}
    mixed = replace(LABEL, contents=(SERUM, Packed("2", "TONER-200", "Toner", 3)))
    assert "MIXED, 2 LINES, QTY 15" in texts(carton_label(mixed))


HOSTILE = "^XZ^XA^FO0,0^FDmine^FS ~JR \\& _5E >;>8 {} Größe 東京 \U0001f600 a\nb\tc"


def test_no_text_can_break_out_of_its_field() -> None:
    """The printer gets the text as it was typed, in UTF-8, and no command more than for an empty one."""
    label = carton_label(replace(LABEL, purchase_order=HOSTILE, ship_to=(HOSTILE,), carrier=HOSTILE))
    plain = carton_label(replace(LABEL, purchase_order="x", ship_to=("x",), carrier="x"))
    assert re.findall(r"[\^~][A-Z]", label) == re.findall(r"[\^~][A-Z]", plain)
    assert label.isascii()
    assert "Größe 東京 \U0001f600 a b c" in texts(zpl.text(0, 0, 20, HOSTILE[-24:], width=800))[0]


@given(st.text(max_size=200))
def test_any_text_is_one_field_that_has_room(content: str) -> None:
    field = zpl.text(30, 30, 40, content, width=400)
    assert field.count("^FD") == field.count("^FS") == 1
    assert "\n" not in field
    (height,) = [int(found) for found in re.findall(r"\^A0N,(\d+),", field)]
    assert 20 <= height <= 40
    assert len(texts(field)[0]) * height * 0.6 <= 400


@pytest.mark.parametrize(
    "code", ["", "0061414100123456", "006141410012345676", "(00)06141410012345", "００６１４１４１００１２３４５６７５"]
)
def test_digits_that_are_no_sscc_are_never_printed(code: str) -> None:
    with pytest.raises(ValueError, match="is no SSCC"):
        carton_label(replace(LABEL, sscc=code))


@pytest.mark.parametrize("digits", ["1", "12a4", "１２", "1 2"])
def test_only_pairs_of_digits_become_bars(digits: str) -> None:
    with pytest.raises(ValueError, match="is no even number of digits"):
        zpl.gs1_128(0, 0, 10, "00", digits)


def test_the_bars_have_their_quiet_zones_within_the_label() -> None:
    bars, quiet = zpl.width_of_gs1_128(20), 10 * 4
    assert bars == 624
    assert bars + 2 * quiet <= zpl.WIDTH


def test_a_packing_list_names_every_line_of_the_carton_on_as_many_labels_as_it_needs() -> None:
    contents = tuple(Packed(str(n), f"SKU-{n}", f"Item {n}", n) for n in range(1, 2 * ROWS_OF_A_LIST + 2))
    label = packing_list(replace(LABEL, contents=contents))
    assert label.count("^XA") == label.count("^XZ") == len(zplkit.render(label).labels) == 3
    shown = texts(label)
    assert [text for text in shown if text.startswith("SKU-")] == [packed.sku for packed in contents]
    assert [shown[shown.index(f"Item {n}") + 1] for n in (1, 24, 49)] == ["1", "24", "49"]
    assert shown.count("CARTON 2 OF 14 SSCC (00) 006141 410012 345675") == 3
    assert "PACKING LIST 3 OF 3" in shown


def test_the_packing_list_of_an_empty_carton_is_one_label() -> None:
    assert packing_list(replace(LABEL, contents=())).count("^XA") == 1


def test_a_label_is_rendered_without_a_complaint_about_it() -> None:
    """The one warning is about the fonts of the program that renders."""
    warnings: list[Any] = zplkit.render(carton_label(LABEL) + packing_list(LABEL)).warnings
    assert all("Resident fonts" in warning for warning in warnings)
