"""A node that packs and wants labels, from a rate card and from a carrier that misbehaves."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from database.documents import label as documents
from domain.fulfillment import MessageKind
from domain.label import LabelRequest, VoidLabelRequest
from jobs.carrier import CarrierCalls
from jobs.label import Labels
from tests.database.shop import Shop
from tests.rate_cards import rate_card
from transactions import label as labels
from transactions.request import Asked

CARRIERS = rate_card("van", [(1000, 490), (30000, 1290)], 2) + '[[carrier]]\nname = "stub"\nkind = "stub"\n'
DEADLINE = timedelta(seconds=0.3)


class Desk:
    """A node that wants labels."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.jobs = Labels(shop.transactions, CarrierCalls(DEADLINE))

    async def work(self) -> str:
        """A fulfillment order of a lamp."""
        await self.shop.receive("denver", LAMP=5)
        return f"{await self.shop.released(('LAMP', 1))}-f1"

    async def ask(self, work: str, carrier: str | None = "stub", **body: Any) -> str:
        """Ask for the label of package 1; answers its id, without the carrier's answer."""
        request = LabelRequest(carrier=carrier, **body)
        return await labels.ask(self.shop.transactions, Asked(work, request, "node:denver"), node="denver")

    async def void(self, label: str) -> None:
        await labels.want_void(self.shop.transactions, Asked(label, VoidLabelRequest(), "operator"), node=None)

    async def cancelled(self, work: str) -> None:
        """The order is cancelled, and its node agrees."""
        order = work.removesuffix("-f1")
        await self.shop.cancel(order)
        await self.shop.tell(order, MessageKind.CANCEL_ACCEPTED)

    async def later(self, minutes: int) -> None:
        """Time passes, and what is due is done."""
        statement = (
            "UPDATE label SET due_at = due_at - make_interval(mins => :minutes),"
            " called_at = called_at - make_interval(mins => :minutes)"
        )
        async with self.shop.database.write() as connection:
            await connection.execute(text(statement), {"minutes": minutes})
        await self.jobs.carry_out()

    async def shown(self, label: str) -> dict[str, Any]:
        async with self.shop.database.read() as connection:
            found = await documents.show(connection, label)
        assert found is not None
        return found

    async def status(self, label: str) -> str:
        return str((await self.shown(label))["status"])

    async def exceptions(self) -> Sequence[str]:
        statement = "SELECT detail FROM exception WHERE code = 'carrier_failed' AND resolved_at IS NULL ORDER BY since"
        async with self.shop.database.read() as connection:
            return list((await connection.execute(text(statement))).scalars())
