"""What a packer sees on paper: read back from the PDF, and its barcodes by a scanner."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from formats import paper
from formats.packing import PackingSlip, Pick, PickList, SlipLine
from formats.packing_pdf import packing_slip, pick_list
from tests.pdf_reader import barcodes, lowest, pages

SERUM = SlipLine(
    "SERUM-30", "Serum – Größe 30 ml", 2, "4006381333931", price="29.00 USD", remarks=("engraving: Łucja",)
)
SET = SlipLine("SET-01", "Set", 1, price="59.00 USD", contents=("2 × SERUM-30 Serum", "1 × TONER-200 Toner"))
SLIP = PackingSlip(
    sender="Northwind Beauty",
    fulfillment_order="web-1005-f1",
    called="#1005",
    purchase_order="4500/A-12",
    service="standard",
    is_collected=False,
    ship_from=["Salt Lake City 3PL", "84101 US"],
    ship_to=["Łucja Müller", "1 Main St", "Denver CO 80202", "US"],
    country="US",
    lines=[SERUM, SET],
)


def test_a_slip_shows_what_is_in_the_parcel_for_whom_and_in_whose_name() -> None:
    made = packing_slip(SLIP)
    [text] = pages(made)
    for shown in ("Northwind Beauty", "Łucja Müller", "Denver CO 80202", "#1005", "4500/A-12", "Serum – Größe 30 ml"):
        assert shown in text
    for shown in ("2 × SERUM-30 Serum", "engraving: Łucja", "4006381333931", "29.00 USD", "Salt Lake City 3PL"):
        assert shown in text
    assert barcodes(made) == ["web-1005-f1"]
    assert made == packing_slip(SLIP), "the same slip is the same file"


def test_a_gift_has_its_message_and_no_price() -> None:
    gift = [replace(SERUM, price="", gift_message="Happy birthday!\nAda"), replace(SET, price="")]
    [text] = pages(packing_slip(replace(SLIP, lines=gift)))
    assert "Happy birthday!" in text
    assert "Ada" in text
    assert "Price" not in text
    assert "USD" not in text


def test_a_long_order_goes_on_over_pages_that_each_say_whose_they_are() -> None:
    made = pages(packing_slip(replace(SLIP, lines=[replace(SERUM, sku=f"SKU-{number}") for number in range(60)])))
    assert len(made) > 1
    assert all("web-1005-f1" in text and "Quantity" in text for text in made)
    shown = [word for text in made for word in text.split() if word.startswith("SKU-")]
    assert shown == [f"SKU-{number}" for number in range(60)]


def test_every_page_says_which_of_how_many_it_is() -> None:
    made = pages(packing_slip(replace(SLIP, lines=[SERUM] * 60)))
    for number, text in enumerate([*made, *pages(packing_slip(SLIP))], 1):
        place = (number, len(made)) if number <= len(made) else (1, 1)
        assert "page {} of {}".format(*place) in " ".join(text.split())


def test_what_is_longer_than_a_page_goes_on_on_the_next_and_nothing_is_lost() -> None:
    engraved = " ".join(f"w{number}" for number in range(3000))
    slip = packing_slip(replace(SLIP, lines=[replace(SERUM, remarks=(engraved,)), SET]))
    made = pages(slip)
    assert (len(made) > 2, lowest(slip) >= 0) == (True, True)
    assert [word for text in made for word in text.split() if word.startswith("w") and word[1:].isdigit()] == (
        engraved.split()
    )
    assert "SET-01" in made[-1]

    street = [" ".join(f"s{number}" for number in range(first, first + 40)) for first in range(0, 400, 40)]
    slip = packing_slip(replace(SLIP, ship_to=street))
    made = pages(slip)
    assert lowest(slip) >= 0
    shown = [word for text in made for word in text.split() if word.startswith("s") and word[1:].isdigit()]
    assert shown == " ".join(street).split()


def test_an_item_that_goes_into_very_many_boxes_names_each_of_them() -> None:
    boxes = [(number, 2) for number in range(1, 501)]
    picks = [Pick("SERUM-30", "Serum", "", "skin", (), boxes)]
    list_ = pick_list(PickList("slc", date(2026, 11, 30), ["web-1-f1"], picks))
    assert lowest(list_) >= 0
    made = " ".join(pages(list_))
    assert all(f"{number}: 2" in made for number, _ in boxes), "each stands in one row with its units"


def test_a_name_without_blanks_stays_on_the_page() -> None:
    [text] = pages(packing_slip(replace(SLIP, lines=[replace(SERUM, sku="W" * 64)])))
    assert "W" * 64 not in text, "it is in several rows"
    assert text.count("W") == 64


@pytest.mark.parametrize(
    ("country", "font"), [("JP", "HeiseiMin-W3"), ("CN", "STSong-Light"), ("TW", "MSung-Light"), ("US", "STSong-Light")]
)
def test_chinese_characters_are_drawn_in_the_way_of_the_country_that_the_parcel_goes_to(
    country: str, font: str
) -> None:
    made = packing_slip(replace(SLIP, ship_to=["山田太郎"], country=country))
    assert f"/{font}".encode() in made
    assert paper.NO_FONT not in pages(made)[0]


def test_what_no_font_has_is_said_on_the_page_and_a_font_that_has_it_draws_it(monkeypatch: pytest.MonkeyPatch) -> None:
    thai = replace(SLIP, ship_to=["สมชาย"])
    assert paper.NO_FONT in pages(packing_slip(thai))[0]
    assert paper.NO_FONT in pages(packing_slip(thai, ("/nowhere/font.ttf",)))[0]

    greek = replace(SLIP, ship_to=["Ελένη"])
    monkeypatch.setattr(paper, "FONTS_OF_THE_MACHINE", ())
    paper._fonts.cache_clear()
    paper._drawn.cache_clear()
    assert paper.NO_FONT in pages(packing_slip(greek))[0]
    barcode = pytest.importorskip("barcode", reason="its font has Greek letters")
    font = str(Path(barcode.__file__).parent / "fonts" / "DejaVuSansMono.ttf")
    [text] = pages(packing_slip(greek, (font,)))
    assert "Ελένη" in text
    assert paper.NO_FONT not in text


FROM_RIGHT = {
    "דוד כהן": "ןהכ דוד",
    "רחוב הרצל 12, חיפה": "הפיח ,12 לצרה בוחר",
    "Rosa (רוזה) 7": "Rosa (הזור) 7",
    "محمد": "دمحم",
}
"""A text, and its letters on paper from the left."""


@pytest.mark.parametrize("text", FROM_RIGHT)
def test_hebrew_and_arabic_stand_from_right_to_left_and_their_numbers_from_left_to_right(text: str) -> None:
    [page] = pages(packing_slip(replace(SLIP, ship_to=[text])))
    assert paper._as_read(text) == FROM_RIGHT[text]
    assert (paper.NOT_JOINED in page) == (text == "محمد")


def test_a_pick_list_says_how_many_go_into_which_box_and_has_a_barcode_for_each() -> None:
    picks = [
        Pick("PERFUME-50", "Perfume", "", "perfume", ("dangerous goods",), [(2, 1)]),
        Pick("SERUM-30", "Serum", "4006381333931", "skin", (), [(1, 2), (2, 3)]),
    ]
    made = pick_list(PickList("Salt Lake City", date(2026, 11, 30), ["web-1-f1", "web-2-f1"], picks, is_cut=True))
    [text] = pages(made)
    for shown in (
        "Pick list Salt Lake City 2026-11-30",
        "2 fulfillment orders, 2 items, 6 units",
        "1: 2, 2: 3",
    ):
        assert shown in text
    for shown in ("dangerous goods", "4006381333931", "Box 2", "More fulfillment orders are due than this list has"):
        assert shown in text
    assert text.index("perfume") < text.index("PERFUME-50") < text.index("skin") < text.index("SERUM-30")
    assert barcodes(made) == ["web-1-f1", "web-2-f1"]
