"""When two mail addresses, phone numbers or names are the same."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from domain.customer import SearchRequest, Trait, same_email, same_name, same_phone, traits
from domain.order import Address

# fmt: off
SAME = [
    (same_email, "Ada@Example.org",        " ada@example.ORG "),
    (same_email, "ada@example.org",        "ada@ example.org"),
    (same_email, "ADA@EXAMPLE.ORG", "ada@example.org"),
    (same_phone, "+1 303 555 0100",        "(303) 555-0100"),
    (same_phone, "+1 (303) 555-0100",      "1-303-555-0100"),
    (same_phone, "303.555.0100 ext. 7",    "303 555 0100"),
    (same_phone, "+49 (0)30 123456",       "030/123456"),
    (same_phone, "0049 30 123456",         "030 12 34 56"),
    (same_phone, "+44 20 7946 0958",       "020 7946 0958"),
    (same_phone, "+39 06 698 82",          "06 69882"),
    (same_phone, "+86 138 0013 8000",      "13800138000"),
    (same_phone, "+852 2345 6789",         "23456789"),
    (same_phone, "+7 495 123-45-67",       "495 1234567"),
    (same_phone, "٣٠٣ ٥٥٥ ٠١٠٠",           "303 555 0100"),
    (same_name,  "Rosa Delgado",           "DELGADO, Rosa"),
    (same_name,  "José Núñez",             "jose  nunez"),
    (same_name,  "Anne-Marie O’Brien",     "anne marie OBRIEN"),
    (same_name,  "Søren Ærø",              "soren aero"),
    (same_name,  "Strauß",                 "STRAUSS"),
    (same_name,  "山田 太郎",               "山田　太郎"),
    (same_name,  "Ada (2nd floor)",        "ada 2nd floor"),
]
DIFFERENT = [
    (same_email, "ada@example.org",        "ada+shop@example.org"),
    (same_phone, "+1 303 555 0100",        "+1 203 555 0100"),
    (same_phone, "030 123456",             "030 123457"),
    (same_name,  "Rosa Delgado",           "Rosa"),
    (same_name,  "Rosa Delgado",           "Rosa M. Delgado"),
    (same_name,  "Rosa Rosa",              "Rosa"),
]
# fmt: on


@pytest.mark.parametrize(("same", "one", "other"), SAME)
def test_spellings_of_one_person_are_the_same(same: Callable[[str], str], one: str, other: str) -> None:
    assert same(one) == same(other) != ""


@pytest.mark.parametrize(("same", "one", "other"), DIFFERENT)
def test_texts_of_two_people_are_not(same: Callable[[str], str], one: str, other: str) -> None:
    assert same(one) != same(other)


def test_an_order_is_found_by_what_its_address_has() -> None:
    address = Address(postal_code="80202", country="US", name="Ada L.", email="A@b.c", phone="n/a")
    assert dict(traits(address)) == {Trait.EMAIL: "a@b.c", Trait.NAME: "ada l"}
    assert not dict(traits(Address(postal_code="80202", country="US")))


# fmt: off
REFUSED: list[tuple[dict[str, str], str]] = [
    ({},                                    "email: send exactly one of email, phone and name"),
    ({"email": "a@b.c", "name": "Ada"},     "email: send exactly one of email, phone and name"),
    ({"email": "  "},                       "email: must be a mail address"),
    ({"phone": "unknown"},                  "phone: must have digits"),
    ({"name": "- . -"},                     "name: must have letters or digits"),
]
# fmt: on


@pytest.mark.parametrize(("asked", "why"), REFUSED)
def test_a_search_for_nothing_or_for_two_things_is_refused(asked: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        SearchRequest.model_validate(asked)
