"""The story of `tests/domain/test_confluence.py` with a real workflow, which acts on every message by itself."""

import random
from itertools import permutations

from tests.house import Document, House, units

STORY = (
    ("accepted", None, False),
    ("picked", 2, True),
    ("shipped", 1, False),
    ("shipped", 1, True),
    ("delivered", 1, False),
    ("delivered", 1, False),
)
"""The node's messages about three units: kind, quantity, final."""
ORDERS = 4


async def test_whichever_message_comes_first_the_order_ends_with_two_units_from_its_node_and_one_from_another(
    small_house: House,
) -> None:
    """Messages come faster than the workflow acts, and slower: what is short is sourced again at once, or not yet."""
    house, dice = small_house, random.Random(11)
    await house.stock("spare", SERUM_30=3 * ORDERS)
    for sequence in dice.sample(list(permutations(range(len(STORY)))), ORDERS):
        await house.stock("asks", SERUM_30=3)
        name = await house.place(("SERUM-30", 3))
        first = await house.work(name)
        assert first["node"] == "asks"
        twice = dice.choice(sequence)
        for index in (*sequence, twice):
            kind, quantity, final = STORY[index]
            lines = None if quantity is None else {"1": quantity}
            more = {"final": final, "message_id": f"{name}-{index}", "occurred_at": first["released_at"]}
            answer = await house.tell(first["fulfillment_order"], kind, lines, **more)
            if dice.random() < 0.5:
                await house.settle(name)
        assert answer.status_code == 200, "it is known already"
        check_the_end(await house.settle(name), f"{sequence}, {twice} twice")


def check_the_end(document: Document, past: str) -> None:
    """Two units left their node and arrived; the third waits at another one, which has no work beyond it."""
    first, *others = document["fulfillment_orders"]
    (line,) = first["lines"]
    assert (line["picked"], line["shipped"], line["delivered"], line["short"]) == (2, 2, 2, 1), past
    assert units(document) == {"shipped": 2, "allocated": 1}, past
    assert document["exceptions"] == [], past
    assert {work["node"] for work in others} == {"spare"}, past
    assert [work["status"] for work in others].count("released") == 1, past
