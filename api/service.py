"""What the routes work with: the database, Temporal, and the same transactions that activities use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from database.connect import Database
from jobs.driver import Driver
from jobs.relay import Relay
from jobs.schedule import schedule
from jobs.webhook import WebhookSender
from runtime.breaker import Breaker
from runtime.outbound import Outbound
from runtime.temporal import Listeners
from transactions.cart import Carts
from transactions.network import Networks
from transactions.transaction import OrderTransactions
from workflows import client as temporal
from workflows.queues import TASK_QUEUE


@dataclass(frozen=True, slots=True)
class Service:
    """The objects that every route uses, made once per process."""

    transactions: OrderTransactions
    client: Client
    breaker: Breaker
    """How long callers wait for workflows: not at all while none answers."""
    listeners: Listeners
    """The workers that ask for workflow tasks."""
    carts: Carts
    relay: Relay
    sender: WebhookSender
    driver: Driver
    outbound: Outbound
    """Sends webhooks to channels."""

    @property
    def database(self) -> Database:
        """Where the facts are read."""
        return self.transactions.database

    @property
    def networks(self) -> Networks:
        """The versions of the network."""
        return self.transactions.networks

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the jobs while the block lasts, then close outgoing connections."""
        try:
            async with self.driver.running():
                yield
        finally:
            await self.sender.close()
            self.outbound.close()


def assemble(database: Database, client: Client, *, allows_private_webhooks: bool = False) -> Service:
    """Make a service; the client may be lazy, so that orders and messages are accepted while Temporal is down."""
    relay = Relay(database, client)
    transactions = OrderTransactions(database, Networks(), relay.send_soon)
    outbound = Outbound(allows_private_addresses=allows_private_webhooks)
    sender = WebhookSender(database, outbound)
    return Service(
        transactions=transactions,
        client=client,
        breaker=temporal.new_breaker(),
        listeners=Listeners(client, TASK_QUEUE),
        carts=Carts(database, transactions.networks),
        relay=relay,
        sender=sender,
        driver=Driver(schedule(transactions, relay, sender)),
        outbound=outbound,
    )
