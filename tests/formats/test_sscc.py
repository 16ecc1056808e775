"""The number of a carton can be checked by each person who scans it."""

import pytest

from formats.sscc import INTERNAL_PREFIX, check_digit, gtin_14, own_code, sscc, with_identifier


@pytest.mark.parametrize(
    ("prefix", "serial", "extension", "code"),
    [
        ("0614141", 123456789, 1, "106141411234567897"),
        ("0614141", 1234567, 0, "006141410012345675"),
        ("4012345678", 1, 3, "340123456780000018"),
    ],
)
def test_a_carton_gets_a_number_with_its_check_digit(prefix: str, serial: int, extension: int, code: str) -> None:
    assert sscc(prefix, serial, extension) == code
    assert with_identifier(code) == f"00{code}"


@pytest.mark.parametrize(
    ("body", "digit"), [("03600029145", "2"), ("400638133393", "1"), ("9638507", "4"), ("00000000000000000", "0")]
)
def test_check_digits_of_gs1_numbers(body: str, digit: str) -> None:
    assert check_digit(body) == digit


@pytest.mark.parametrize(
    ("prefix", "serial"), [("061414", 1), ("0614141", 10**9), ("06141412345", 1), ("ABCDEFG", 1), ("0614141", -1)]
)
def test_a_number_that_has_no_room_is_an_error_and_never_cut(prefix: str, serial: int) -> None:
    with pytest.raises(ValueError, match="makes no SSCC"):
        sscc(prefix, serial)


def test_without_a_prefix_of_ones_own_the_one_for_internal_use_works() -> None:
    code = sscc(INTERNAL_PREFIX, 42)
    assert (len(code), code[-1]) == (18, check_digit(code[:-1]))


def test_gtins_are_compared_with_14_digits() -> None:
    assert gtin_14("036000291452") == gtin_14("0036000291452") == gtin_14("00036000291452")
    with pytest.raises(ValueError, match="is no GTIN"):
        gtin_14("12345")


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("006141410012345675", "006141410012345675"),
        ("00006141410012345675", "006141410012345675"),
        ("(00)006141410012345675", "006141410012345675"),
        ("006141410012345676", None),
        ("1", None),
        ("1Z999AA10123456784", None),
        ("", None),
    ],
)
def test_a_node_that_labels_its_cartons_itself_keeps_its_numbers(package: str, code: str | None) -> None:
    assert own_code(package) == code
