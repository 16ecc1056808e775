"""A buyer's 850 becomes an order, whatever its guide says about where things stand."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.channel import Misfit, Said, Units
from channels.x12.profile import Profile
from channels.x12.purchase_order import order_number, read
from domain.order import Address
from formats.x12.elements import version_of
from formats.x12.parts import Segment, Set

VERSION = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
SHIP_TO = "N1*ST*Corner Shop 12*92*0012\nN3*1 Main St\nN4*Denver*CO*80202*US"
ONE_LINE = "PO1*1*2*EA*9.95**VN*MUG-01"
HEAD = f"BEG*00*SA*4500017**20261130\n{SHIP_TO}"


class Catalogue:
    """Own SKUs, and aliases as aliases.csv names them."""

    aliases: Mapping[tuple[str, str], Units] = {
        ("gtin", "00036000291452"): Units("MUG-01"),
        ("gtin", "036000291452"): Units("MUG-01"),
        ("buyer_part", "065322-117"): Units("POT-02"),
        ("buyer_part", "CASE-12"): Units("MUG-01", 12),
    }

    def nodes(self) -> Collection[str]:
        """None."""
        return ()

    def item(self, kind: str, external: str) -> Units | None:
        """What it is here."""
        own = Units(external) if kind == "sku" and external in ("MUG-01", "POT-02", "SET-01") else None
        return self.aliases.get((kind, external), own)


def sent(text: str, profile: Profile | None = None) -> list[Said]:
    """What an 850 with these segments says."""
    lines = [line.strip().split("*") for line in text.strip().splitlines()]
    segments = tuple(Segment.of(name, *elements) for name, *elements in lines)
    return read(Set("850", "0001", segments), "buyco", profile or Profile(), Catalogue(), VERSION)


def document(text: str, profile: Profile | None = None) -> dict[str, Any]:
    """The order that an 850 with these segments places, as JSON."""
    (said,) = sent(text, profile)
    assert said.order is not None
    return said.order.model_dump(mode="json", exclude_unset=True)


def test_an_order_of_two_lines_is_read_whole() -> None:
    (said,) = sent(
        """
        BEG*00*SA*4500017**20261130
        CUR*BY*USD
        REF*DP*038
        DTM*010*20261203
        DTM*001*20261215
        N1*ST*Corner Shop 12*92*0012
        N2*Receiving
        N3*1 Main St*Dock 4
        N4*Denver*CO*80202*US
        PER*RE*Sam*TE*3035550100*EM*dock@example.com
        N1*BT*Buyco Inc*92*0001
        N4*Omaha*NE*68102
        PO1*1*24*EA*49.00**VP*SET-01
        PID*F****Dinner set
        PO1*2*12*EA*12.50**UP*036000291452*IN*X-9
        CTT*2
        """
    )
    assert (said.external, said.version, said.why_not, said.unmapped) == ("4500017", VERSION, None, ())
    order = said.order
    assert order is not None
    assert (order.order, order.reference, order.purchase_order) == ("buyco-4500017", "4500017", "4500017")
    assert (order.currency, order.prices_include_tax, order.placed_at) == ("USD", False, VERSION)
    assert order.promised is not None
    assert order.promised.ship_by == datetime(2026, 12, 3, 23, 59, 59, tzinfo=UTC)
    assert order.not_after == datetime(2026, 12, 15, 23, 59, 59, tzinfo=UTC)
    assert order.ship_to == Address(
        company="Corner Shop 12",
        name="Receiving",
        street=("1 Main St", "Dock 4"),
        city="Denver",
        region="CO",
        postal_code="80202",
        country="US",
        phone="3035550100",
        email="dock@example.com",
    )
    assert order.bill_to is not None
    assert (order.bill_to.company, order.bill_to.city) == ("Buyco Inc", "Omaha")
    assert order.attributes == {
        "po_type": "SA",
        "store": "0012",
        "ref_DP": "038",
        "bill_to": "0001",
        "contact_RE": "Sam TE 3035550100 EM dock@example.com",
    }
    assert [(line.line, line.sku, line.quantity, line.goods, line.name) for line in order.lines] == [
        ("1", "SET-01", 24, 24 * 4900, "Dinner set"),
        ("2", "MUG-01", 12, 12 * 1250, None),
    ]
    assert order.lines[1].attributes == {"unit": "EA", "pack": "1", "id_UP": "036000291452", "id_IN": "X-9"}


LINES = {
    "our own SKU": ("PO1*1*2*EA*9.95**VN*MUG-01", ("1", "MUG-01", 2, 1990)),
    "a GTIN of 12 digits": ("PO1*1*2*EA*9.95**UP*036000291452", ("1", "MUG-01", 2, 1990)),
    "our SKU counts before the buyer's number": ("PO1*1*2*EA*9.95**IN*065322-117*VN*MUG-01", ("1", "MUG-01", 2, 1990)),
    "the buyer's number, where ours is missing": ("PO1*1*2*EA*9.95**CB*065322-117*PR*RO", ("1", "POT-02", 2, 1990)),
    "a second id, where nobody knows the first": ("PO1*1*2*EA*9.95**VN*WHO*CB*065322-117", ("1", "POT-02", 2, 1990)),
    "cases of twelve by PO4": ("PO1*1*2*CA*60.00**VN*MUG-01\nPO4*12", ("1", "MUG-01", 24, 12000)),
    "cases by the alias, whatever PO4 says": ("PO1*1*2*CA*60.00**BP*CASE-12\nPO4*6", ("1", "MUG-01", 24, 12000)),
    "a case whose price does not divide": ("PO1*1*1*CA*10.00**VN*MUG-01\nPO4*3", ("1", "MUG-01", 3, 1000)),
    "a line without a number": ("PO1**2*EA*9.95**VN*MUG-01", ("1", "MUG-01", 2, 1990)),
    "decimals of a whole quantity": ("PO1*7*2.00*EA*9.95**VN*MUG-01", ("7", "MUG-01", 2, 1990)),
    "a price without a leading zero": ("PO1*1*3*EA*.5**VN*MUG-01", ("1", "MUG-01", 3, 150)),
    "a price of four decimals": ("PO1*1*1000*EA*0.0125**VN*MUG-01", ("1", "MUG-01", 1000, 1250)),
    "no price": ("PO1*1*3*EA***VN*MUG-01", ("1", "MUG-01", 3, 0)),
    "an allowance of the line": ("PO1*1*2*EA*9.95**VN*MUG-01\nSAC*A*C310***190", ("1", "MUG-01", 2, 1800)),
    "an allowance that is written with its decimals": (
        "PO1*1*2*EA*9.95**VN*MUG-01\nSAC*A*C310***1.90",
        ("1", "MUG-01", 2, 1800),
    ),
    "an allowance with a minus is an allowance": (
        "PO1*1*2*EA*9.95**VN*MUG-01\nSAC*A*C310***-190",
        ("1", "MUG-01", 2, 1800),
    ),
    "an allowance of so many percent": ("PO1*1*2*EA*10.00**VN*MUG-01\nSAC*A*C310****3*15", ("1", "MUG-01", 2, 1700)),
    "an allowance for each": ("PO1*1*2*EA*10.00**VN*MUG-01\nSAC*A*C310******.25*EA", ("1", "MUG-01", 2, 1950)),
    "no allowance: it only names one": ("PO1*1*2*EA*9.95**VN*MUG-01\nSAC*N*C310***190", ("1", "MUG-01", 2, 1990)),
    "a price for a hundred": ("PO1*1*250*EA*12.50*HP*VN*MUG-01", ("1", "MUG-01", 250, 3125)),
    "a price for a thousand": ("PO1*1*250*EA*12.50*TP*VN*MUG-01", ("1", "MUG-01", 250, 312)),
    "dozens for a price of a dozen": ("PO1*1*2*DZ*24.00*PD*VN*MUG-01", ("1", "MUG-01", 24, 4800)),
    "no charge, whatever the price is": ("PO1*1*2*EA*9.95*NC*VN*MUG-01", ("1", "MUG-01", 2, 0)),
    "the price stands in CTP, behind the one of the shelf": (
        "PO1*1*2*EA***VN*MUG-01\nCTP**RES*19.99\nCTP**UCP*9.95",
        ("1", "MUG-01", 2, 1990),
    ),
    "cases of four packs of six": ("PO1*1*2*CA*60.00**VN*MUG-01\nPO4*4*1*EA***********6", ("1", "MUG-01", 48, 12000)),
    "an inner pack by PO4": ("PO1*1*2*IP*60.00**VN*MUG-01\nPO4*6", ("1", "MUG-01", 12, 12000)),
    "qualifiers in small letters": ("PO1*1*2*ea*9.95**vn*MUG-01", ("1", "MUG-01", 2, 1990)),
    "a blank for a line number": ("PO1* *2*EA*9.95**VN*MUG-01", ("1", "MUG-01", 2, 1990)),
    "a charge of the line": ("PO1*1*2*EA*9.95**VN*MUG-01\nSAC*C*D240***100", ("1", "MUG-01", 2, 2090)),
}


@pytest.mark.parametrize(("segments", "line"), LINES.values(), ids=LINES.keys())
def test_a_line_is_read_by_its_qualifiers_and_units(segments: str, line: tuple[str, str, int, int]) -> None:
    (said,) = sent(f"{HEAD}\n{segments}")
    assert said.order is not None
    assert [(one.line, one.sku, one.quantity, one.goods) for one in said.order.lines] == [line]


def test_a_dozen_is_what_the_partners_file_says() -> None:
    assert document(f"{HEAD}\nPO1*1*2*DZ*24.00**VN*MUG-01", Profile(units={"DZ": 12}))["lines"][0]["quantity"] == 24


def test_the_yen_has_no_decimals() -> None:
    order = document(f"BEG*00*SA*1**20261130\nCUR*BY*JPY\n{SHIP_TO}\nSAC*A*C310***50000\nPO1*1*3*EA*995**VN*MUG-01")
    assert (order["lines"][0]["unit_price"], order["discount"]) == (995, 500)


def test_an_order_of_many_stores_is_one_order_for_each_of_them() -> None:
    stores = {
        f"{number:04}": Address(country="US", postal_code="80202", company=f"Shop {number}") for number in range(40)
    }
    pairs = "*".join(f"{store}*{index % 3}" for index, store in enumerate(stores))
    found = sent(f"BEG*00*SA*77**20261130\nPO1*1*39*EA*1.00**VN*MUG-01\nSDQ*EA*92*{pairs}", Profile(stores=stores))
    assert len(found) == 40
    assert [said.external for said in found if said.order is None] == [f"77/{number:04}" for number in range(0, 40, 3)]
    orders = {said.external: said.order for said in found if said.order is not None}
    assert (orders["77/0002"].number, orders["77/0002"].lines[0].quantity) == ("77-0002", 2)
    assert orders["77/0005"].ship_to.company == "Shop 5"


PLACES = {
    "a place that is shipped to and billed": (
        "N1*BS*Big Buy*92*77\nN3*1 Main\nN4*Denver*CO*80202",
        ("77", "US", "80202", "CO"),
    ),
    "a province of Canada without a country": ("N1*ST*Shop*92*9\nN4*Toronto*ON*M5V 2T6", ("9", "CA", "M5V 2T6", "ON")),
    "a country of three letters": ("N1*ST*Shop*92*9\nN4*Berlin**10115*DEU", ("9", "DE", "10115", None)),
    "marks in a postal code": ("N1*ST*Shop*92*9\nN4*Utrecht**1012.AB*NL", ("9", "NL", "1012 AB", None)),
}


@pytest.mark.parametrize(("segments", "place"), PLACES.values(), ids=PLACES.keys())
def test_where_it_goes_is_read_however_it_is_written(segments: str, place: tuple[str, ...]) -> None:
    order = document(f"BEG*00*SA*1**20261130\n{segments}\n{ONE_LINE}")
    to = order["ship_to"]
    assert (order["attributes"]["store"], to["country"], to["postal_code"], to["region"]) == place


def test_a_place_that_only_the_lines_name_is_that_of_the_order() -> None:
    order = document(f"BEG*00*SA*1**20261130\n{ONE_LINE}\n{SHIP_TO}\nPO1*2*1*EA*5**VN*POT-02\n{SHIP_TO}")
    assert (order["ship_to"]["company"], len(order["lines"])) == ("Corner Shop 12", 2)


def test_what_has_no_field_of_its_own_is_kept_by_where_it_stands() -> None:
    order = document(
        f"""BEG*00*SA*1**20261130*C-77
        FOB*PP*OR*Dock
        ITD*01*3*2**30**31
        REF*IA*V1
        REF*IA*V2
        PER*BD*Jane*TE*3035550100
        TD5**2*UPSN*M*GROUND
        PKG*F*68***PALLETIZE
        N9*L1*T1*TERMS
        MSG*Deliver to the rear
        DTM*118*20261212
        DTM*064*20261202
        DTM*002****RD8*20261220-20261225
        N1*SF*Ours*91*W1
        N4*Reno*NV*89501
        ZZZ*what*is*this
        {SHIP_TO}
        {ONE_LINE}
        PID*F*08***Mug
        PO4*6
        REF*ZZ*99
        DTM*002*20261224
        MSG*Blue, please
        SLN*1**I*2*EA"""
    )
    assert order["attributes"] == {
        "contract": "C-77",
        "party_SF": "W1, Ours, Reno NV 89501",
        "fob": "PP OR Dock",
        "itd": "01 3 2 30 31",
        "ref_IA": "V1\nV2",
        "contact_BD": "Jane TE 3035550100",
        "td5": "2 UPSN M GROUND",
        "packaging_F": "68 PALLETIZE",
        "ref_L1": "T1 TERMS",
        "date_118": "20261212",
        "date_064": "20261202",
        "zzz": "what is this",
        "po_type": "SA",
        "store": "0012",
    }
    assert (order["note"], order["promised"]["deliver_by"]) == ("Deliver to the rear", "2026-12-25T23:59:59Z")
    assert order["lines"][0]["attributes"] == {
        "note": "Blue, please",
        "po4": "6",
        "ref_ZZ": "99",
        "date_002": "20261224",
        "sln": "1 I 2 EA",
        "unit": "EA",
        "pack": "1",
        "id_VN": "MUG-01",
    }


def test_taxes_and_charges_of_the_order_and_its_lines_are_what_the_buyer_pays() -> None:
    (said,) = sent(f"{HEAD}\nSAC*C*D240***500\nSAC*A*C310****3*10\nTXI*ST*1.23\n{ONE_LINE}\nTXI*ST*.80")
    order = said.order
    assert order is not None
    assert (order.value, order.shipping_price, order.discount) == (1990, 500 - 199, 0)
    assert (order.shipping_tax, order.lines[0].tax) == (123, 80)


def test_stores_share_what_is_said_of_the_whole_line_and_the_whole_order() -> None:
    stores = {f"000{number}": Address(country="US", postal_code="80202") for number in (1, 2, 3)}
    found = sent(
        """BEG*00*SA*77**20261130
        SAC*A*C310***1000
        TXI*ST*2.00
        PO1*1*7*EA*10.00**VN*MUG-01
        SAC*C*D240***100
        SDQ*EA*92*0001*3*0002*3*0003*1""",
        Profile(stores=stores),
    )
    orders = [said.order for said in found if said.order]
    assert [order.lines[0].goods for order in orders] == [3043, 3043, 1014]
    assert sum(order.discount for order in orders) == 1000
    assert sum(order.shipping_tax for order in orders) == 200


def test_the_unit_of_sdq_counts_for_what_the_stores_get() -> None:
    stores = {name: Address(country="US", postal_code="80202") for name in ("0001", "0002")}
    line = "PO1*1*2*CA*120.00**VN*MUG-01\nPO4*12"
    found = sent(f"BEG*00*SA*77**20261130\n{line}\nSDQ*EA*92*0001*20*0002*4", Profile(stores=stores))
    assert [(said.order.lines[0].quantity, said.order.lines[0].goods) for said in found if said.order] == [
        (20, 20000),
        (4, 4000),
    ]


def test_a_year_of_two_digits_may_be_of_the_last_century() -> None:
    assert document(f"BEG*00*SA*1**961130\n{SHIP_TO}\n{ONE_LINE}")["placed_at"] == "1996-11-30T12:00:00Z"
    assert document(f"BEG*00*SA*1**261129\n{SHIP_TO}\n{ONE_LINE}")["placed_at"] == "2026-11-29T12:00:00Z"


def test_a_control_character_in_a_text_does_not_reach_the_order() -> None:
    order = document(f"{HEAD}\n{ONE_LINE}\nPID*F****Mug\x00 b\x07lue\nREF*ZZ*a\x00b")
    assert (order["lines"][0]["name"], order["lines"][0]["attributes"]["ref_ZZ"]) == ("Mug b lue", "a b")


def test_an_item_that_nobody_knows_is_named_as_the_buyer_names_it() -> None:
    (said,) = sent(f"{HEAD}\n{ONE_LINE}\nPO1*2*1*EA*5**VN*WHO-9\nPID*F****Mystery")
    assert [(one.line, one.external, one.name) for one in said.unmapped] == [("2", "WHO-9", "Mystery")]
    assert said.order is not None
    assert said.order.lines[1].sku == "WHO-9"


@pytest.mark.parametrize(
    ("begin", "why_not"), [("BEG*01*SA*4500017**20261130", "cancelled"), ("BEG*05*SA*4500017**20261130", None)]
)
def test_an_order_can_be_taken_back_or_replaced(begin: str, why_not: str | None) -> None:
    (said,) = sent(f"{begin}\n{SHIP_TO}\n{ONE_LINE}")
    assert (said.external, said.why_not, said.order is None) == ("4500017", why_not, why_not is not None)


NUMBERS = [
    ("4500017", None, "4500017"),
    ("4500017", "0012", "4500017-0012"),
    ("4500/A-12", None, "4500-A-12-00d3b4b0"),
    ("4500-A-12", None, "4500-A-12"),
]


@pytest.mark.parametrize(("purchase_order", "store", "number"), NUMBERS)
def test_two_purchase_orders_never_get_one_number(purchase_order: str, store: str | None, number: str) -> None:
    found = order_number(purchase_order, store)
    assert found[:9] == number[:9]
    assert len({order_number(one, where) for one, where, _ in NUMBERS}) == len(NUMBERS)
    assert len(order_number("x/" * 80, None)) <= 64


def test_of_two_interchanges_of_one_minute_the_later_one_has_the_higher_control_number() -> None:
    assert (
        version_of("261130", "0815", "000000041")
        < version_of("261130", "0815", "000000042")
        < version_of("261130", "0816", "1")
    )


MISFITS = {
    "BEG03, the number of the purchase order, is empty": f"BEG*00*SA***20261130\n{SHIP_TO}\n{ONE_LINE}",
    "segment BEG is missing": f"{SHIP_TO}\n{ONE_LINE}",
    "BEG01 '04' is no purpose that is understood": f"BEG*04*SA*1**20261130\n{SHIP_TO}\n{ONE_LINE}",
    "BEG05: '2026113' is no date": f"BEG*00*SA*1**2026113\n{SHIP_TO}\n{ONE_LINE}",
    "DTM*010: '20261399' is no date": f"{HEAD}\nDTM*010*20261399\n{ONE_LINE}",
    "PO102 of line 1: 'two' is no number": f"{HEAD}\nPO1*1*two*EA*9.95**VN*MUG-01",
    "PO104 of line 1: 'NaN' is no number": f"{HEAD}\nPO1*1*2*EA*NaN**VN*MUG-01",
    "line 1 orders 2.5: only whole quantities are possible": f"{HEAD}\nPO1*1*2.5*EA*9.95**VN*MUG-01",
    "line 1 orders in CA: nothing says how many units that is": f"{HEAD}\nPO1*1*2*CA*9.95**VN*MUG-01",
    "store 0012 has no address here: add it to [stores]": f"BEG*00*SA*1**20261130\nN1*ST*Corner Shop*92*0012\n{ONE_LINE}",
    "the ship-to (N1*ST) has no address here": f"BEG*00*SA*1**20261130\n{ONE_LINE}",
    "PO104 of line 1 is below 0": f"{HEAD}\nPO1*1*2*EA*-9.95**VN*MUG-01",
    "PO104 of line 1: '1E99999' is no number": f"{HEAD}\nPO1*1*2*EA*1E99999**VN*MUG-01",
    "the allowances of line 1 (SAC) are more than it costs": f"{HEAD}\n{ONE_LINE}\nSAC*A*C310***9999",
    "line 2 goes to a place of its own (N1*ST)": (
        f"{HEAD}\n{ONE_LINE}\nPO1*2*1*EA*5**VN*MUG-01\nN1*ST*Other*92*0013\nN4*Reno*NV*89501"
    ),
    "lines: line id '1' is used twice": f"{HEAD}\n{ONE_LINE}\n{ONE_LINE}",
    "not_after: must be later than not_before": f"{HEAD}\nDTM*037*20261210\nDTM*001*20261201\n{ONE_LINE}",
    "currency: must be the ISO 4217 code": f"BEG*00*SA*1**20261130\nCUR*BY*XYZ\n{SHIP_TO}\n{ONE_LINE}",
}


@pytest.mark.parametrize(("reason", "text"), MISFITS.items(), ids=MISFITS.keys())
def test_what_cannot_be_understood_is_named_with_its_place(reason: str, text: str) -> None:
    with pytest.raises(Misfit) as error:
        sent(text)
    assert reason in str(error.value)


def test_a_reason_never_repeats_a_name_or_a_street() -> None:
    with pytest.raises(Misfit) as error:
        sent(f"BEG*00*SA*1**20261130\nN1*ST*Jane Doe\nN3*9 Secret Lane\nN4*Nowhere*CO*80202*ZZZ\n{ONE_LINE}")
    assert not {"Jane", "Secret"} & set(str(error.value).split())


def test_a_service_is_found_by_the_routing() -> None:
    profile = Profile(services={"UPSG": "standard", "NEXT DAY": "next_day"})
    assert document(f"{HEAD}\nTD5*****NEXT DAY\n{ONE_LINE}", profile)["service"] == "next_day"
    assert document(f"{HEAD}\n{ONE_LINE}", replace(profile, service="two_day"))["service"] == "two_day"
