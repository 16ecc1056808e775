"""Which stock level a channel is sent, after what stood there before."""

import pytest

from domain.channel_level import TRIES_MAX, Kept, answered, next_level

SAME = TRIES_MAX


@pytest.mark.parametrize(
    ("what", "wanted", "kept", "sent"),
    [
        ("nothing was sent before", 9, None, 9),
        ("it stands there", 9, Kept(9, 9), None),
        ("it changed here", 7, Kept(9, 9), 7),
        ("the channel may have changed it", 9, Kept(9, 9, is_doubted=True), 9),
        ("the channel has no such item", 9, Kept(None, 9), None),
        ("somebody asks to have that sent again", 9, Kept(None, 9, is_settled=False), 9),
        ("units are missing, and nobody knows why yet", 12, Kept(9, 12, 1, 1, is_settled=False), None),
        ("units are missing, and too many stand there", 8, Kept(9, 8, 1, 1, is_settled=False), 7),
        ("more are missing than there are", 1, Kept(9, 1, 4, 1, is_settled=False), 0),
        ("all orders were read since", 12, Kept(9, 12, 1, 1), 12),
        ("what is wanted stood there once, and units may have been sold since", 2, Kept(2, 4, 1, 1), 2),
        ("it was sent too often", 12, Kept(9, 12, 1, SAME), None),
        ("it was sent too often, and changed since", 11, Kept(9, 12, 1, SAME), 11),
    ],
)
def test_the_level_that_is_sent(what: str, wanted: int, kept: Kept | None, sent: int | None) -> None:
    assert next_level(wanted, kept) == sent, what


@pytest.mark.parametrize(
    ("what", "wanted", "sent", "stands", "before", "after"),
    [
        ("taken", 9, 9, 9, None, Kept(9, 9)),
        ("its own sale was counted by both", 9, 9, 9, Kept(10, 10), Kept(9, 9)),
        ("it sold one", 12, 12, 9, Kept(10, 10), Kept(9, 12, 1, 1, is_settled=False)),
        ("it sold another one", 8, 7, 8, Kept(9, 8, 1, 1, is_settled=False), Kept(8, 8)),
        ("it sold two more", 9, 8, 7, Kept(9, 9, 1, 1, is_settled=False), Kept(7, 9, 3, 2, is_settled=False)),
        ("the lower level was taken", 9, 8, 8, Kept(9, 9, 1, 1, is_settled=False), Kept(8, 9, 1, 1, is_settled=False)),
        ("somebody put more there", 9, 9, 15, Kept(10, 10), Kept(15, 9, 0, 1, is_settled=False)),
        ("other units are missing than last time", 12, 12, 8, Kept(9, 12, 1, 1), Kept(8, 12, 1, 2, is_settled=False)),
    ],
)
def test_what_is_known_after_the_answer(
    what: str, wanted: int, sent: int, stands: int, before: Kept | None, after: Kept
) -> None:
    assert answered(wanted, sent, stands, before) == after, what
