"""What is learned of a supplier from how late its announced goods came."""

from datetime import timedelta

import pytest

from domain.lateness import Learned, learned


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ("", None),
        ("9 9 9 9", None),
        ("0 0 0 0 0", (0, 5)),
        ("3 0 0 0 9", (3, 5)),
        ("-5 -2 0 1 1", (1, 5)),
        ("0.4 0.4 0.4 0.4 0.4", (0, 5)),
        ("0.5 0.5 0.5 0.5 0.5", (1, 5)),
        ("1 2 3 4 5 6 7 8 9 10", (8, 10)),
        ("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 30 30 30 30", (0, 20)),
        ("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 7 30 30 30 30", (7, 20)),
        ("2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 90 90 90 90 90 90 90", (2, 20)),
    ],
)
def test_what_is_learned_is_what_eight_in_ten_did_not_exceed(late: str, expected: tuple[int, int] | None) -> None:
    found = learned([timedelta(days=float(one)) for one in late.split()])
    assert found == (expected and Learned(*expected))
