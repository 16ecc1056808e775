"""Gives the orders that wait for stock their turns."""

from transactions.backorder import Backorders

TURNS_MAX = 500
"""Orders that get their turn in one run."""


JUDGED_MAX = 100
"""Orders that are looked at in one run under new rules: the turns of others must not wait long for it."""


async def offer_under_new_rules(backorders: Backorders) -> None:
    """Offer everything to the orders that wait, once another version of the network is active."""
    await backorders.offer_under_new_rules()


async def judge_under_new_rules(backorders: Backorders) -> None:
    """Decide again what may become of units that wait, once the rules have changed."""
    await backorders.judge_under_new_rules(JUDGED_MAX)


async def give_turns(backorders: Backorders) -> None:
    """Pin what has become available for the orders that wait, in their sequence."""
    await backorders.work_off(TURNS_MAX)
