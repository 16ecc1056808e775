"""Entries of carriers.toml with a rate card of one zone, as tests want them."""

from collections.abc import Sequence


def rate_card(name: str, prices: Sequence[tuple[int, int]], days: int, *, own: str = "", zone: str = "") -> str:
    """A carrier that brings `standard` parcels: `prices` are pairs of grams at most and minor units. `own` and `zone` are more
    lines of its entry and of its zone."""
    steps = [list(step) for step in prices]
    return (
        f'[[carrier]]\nname = "{name}"\nkind = "rate_card"\n{own}\n[[carrier.service]]\nname = "standard"\n'
        f"[[carrier.service.zone]]\n{zone}\nprices = {steps}\ndays = {days}\n"
    )
