"""Plays one order of the story that a retailer places by X12: a file in a directory, and the answers beside it."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from demo.peers.retailer import RETAILER, SELLER, Purchase, Retailer
from demo.sandbox_nodes import Document
from demo.scenario import EXPECTED_WITHIN_SECONDS, POLL_SECONDS, Players, Scenario
from demo.screen import ShownStep

CHANNEL = "wholesale"
ENTRY = """
[[channel]]
name = "{channel}"
kind = "x12"
us = {{ qualifier = "{us.qualifier}", id = "{us.id}" }}
partner = {{ qualifier = "{them.qualifier}", id = "{them.id}" }}
drop = "{drop}"
gs1_prefix = "0850000"
poll = "1s"
"""


def add_retailer(network: Path, mailbox: Path) -> None:
    """Name the retailer in the channels.toml of a network directory; its files lie in `mailbox`."""
    mailbox.mkdir(parents=True, exist_ok=True)
    entry = ENTRY.format(channel=CHANNEL, us=SELLER, them=RETAILER, drop=mailbox.absolute())
    with (network / "channels.toml").open("a") as channels:
        channels.write(entry)


class EdiScenario(Scenario):
    """One purchase order of the retailer: what is expected of Switchyard, and of the documents that the retailer gets."""

    def __init__(self, players: Players, shown: ShownStep, content: bytes, retailer: Retailer) -> None:
        """`content` is the file with the order (850)."""
        super().__init__(players, shown, {"channel": CHANNEL})
        self._content = content
        self._retailer = retailer
        self._purchase = Purchase("")

    async def place(self) -> None:
        """The retailer leaves its file; wait until it has become an order."""
        self._purchase = self._retailer.order(self._content)
        self.order = f"{CHANNEL}-{self._purchase.number}".lower()
        await self.arrived()
        self.note("came as an 850")

    async def seen(self, expected: str, holds: Callable[[Purchase], bool]) -> Purchase:
        """Wait until the retailer sees its order as expected. Raises `UnexpectedResult` when that takes too long."""
        deadline = time.monotonic() + EXPECTED_WITHIN_SECONDS
        while not holds(self._purchase):
            self.check(time.monotonic() < deadline, expected, self._purchase)
            await asyncio.sleep(POLL_SECONDS)
            self._retailer.look()
        return self._purchase

    async def end(self, status: str, shipped: Mapping[str, int]) -> Document:
        """As any order ends; then wait until the retailer has the invoice of all that it has ordered. Its view of the order is
        added to the document as `retailer`."""
        document = await super().end(status, shipped)
        purchase = await self.seen("it is invoiced for what it ordered", lambda one: one.invoiced == one.ordered)
        views = purchase.confirmed, purchase.shipped
        self.check(all(view == purchase.ordered for view in views), "all was confirmed and announced", purchase)
        self.check(purchase.is_acknowledged, "the 850 was acknowledged", purchase)
        return document | {"retailer": purchase}


def row_of_retailer(purchase: Purchase) -> tuple[str, ...]:
    """An order as the retailer sees it: its number, and the cases that were ordered, confirmed, shipped and invoiced."""
    views = (purchase.ordered, purchase.confirmed, purchase.shipped, purchase.invoiced)
    ordered, confirmed, announced, invoiced = (f"{cases.total()} cases" for cases in views)
    announced += f" in {', '.join(purchase.cartons)}"
    return purchase.number, ordered, confirmed, announced, f"{invoiced}, ${purchase.amount:,.2f}"
