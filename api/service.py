"""What the routes work with: the database, Temporal, and the same transactions that activities use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from temporalio.client import Client

from api.door import Door
from api.figures import Figures
from api.request_metrics import RequestMetrics
from database.connect import Database
from database.notification import WORK, Announcer, Notifications
from jobs.carrier import CarrierCalls
from jobs.channel_level import ChannelLevelSender
from jobs.channel_notice import ChannelNoticeSender
from jobs.connection import Connections
from jobs.conversation import Conversations
from jobs.driver import Driver
from jobs.exchange import Exchanges
from jobs.label import CLOSES_WITHIN, Labels
from jobs.manifest import Manifests
from jobs.relay import Relay
from jobs.schedule import CHANNELS, LABELS, MANIFESTS, NOTICES, schedule
from jobs.tracking import Trackings
from jobs.webhook import WebhookSender
from runtime.breaker import Breaker
from runtime.outbound import Outbound
from runtime.temporal import Listeners
from transactions.cart import Carts
from transactions.key import KnownKeys
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
    keys: KnownKeys
    notifications: Notifications
    relay: Relay
    sender: WebhookSender
    driver: Driver
    outbound: Outbound
    """Sends webhooks to channels."""
    conversations: Conversations
    """Talks to connected channels."""
    connections: Connections
    """Asks connected channels for what has changed."""
    notices: ChannelNoticeSender
    """Notifies connected channels of what happened to their orders."""
    levels: ChannelLevelSender
    """Sends connected channels how many units they may sell."""
    door: Door
    """Knows the channels that send us webhooks."""
    calls: CarrierCalls
    """Calls carriers."""
    labels: Labels
    """Buys labels, and gives them back."""
    manifests: Manifests
    """Asks carriers for manifests."""
    figures: Figures
    """What `GET /metrics` shows of the database."""
    requests: RequestMetrics

    @property
    def database(self) -> Database:
        """Where the facts are read."""
        return self.transactions.database

    @property
    def networks(self) -> Networks:
        """The versions of the network."""
        return self.transactions.networks

    def exchanges_are_due(self) -> None:
        """Carry out soon what came from channels."""
        self.driver.run_soon(CHANNELS)

    def labels_are_due(self) -> None:
        """Ask carriers soon for the labels that are wanted."""
        self.driver.run_soon(LABELS)

    def manifests_are_due(self) -> None:
        """Ask carriers soon for the manifests that are wanted."""
        self.driver.run_soon(MANIFESTS)

    def notices_are_due(self, channel: str) -> None:
        """Notify a connected channel soon, also if it did not answer before."""
        self.notices.end_the_rest(channel)
        self.conversations.end_the_rest(channel)
        self.driver.run_soon(NOTICES)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the jobs and receive notifications while the block lasts, then close outgoing connections."""
        receiving = asyncio.create_task(self.notifications.receive())
        try:
            async with Announcer(self.database).running(), self.driver.running():
                yield
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
            closing = (self.sender, self.connections, self.notices, self.levels, self.labels)
            await asyncio.gather(*(one.close() for one in closing))
            await self.manifests.close(CLOSES_WITHIN)
            self.outbound.close()
            self.conversations.close()
            self.calls.close()


def assemble(
    database: Database, client: Client, *, allows_private_webhooks: bool = False, listen_url: str | None = None
) -> Service:
    """Make a service; the client may be lazy, so that orders and messages are accepted while Temporal is down.

    `listen_url` leads to PostgreSQL itself where the database is reached through a pooler.
    """
    notifications = Notifications(database, listen_url)
    relay = Relay(database, client)
    transactions = OrderTransactions(database, Networks(), relay.send_soon)
    outbound = Outbound(allows_private_addresses=allows_private_webhooks)
    sender = WebhookSender(database, outbound)
    conversations = Conversations(database, transactions.networks)
    exchanges = Exchanges(transactions, conversations)
    connections = Connections(transactions, conversations)
    notices = ChannelNoticeSender(transactions, conversations)
    levels = ChannelLevelSender(transactions, conversations)
    calls = CarrierCalls()
    labels, manifests = Labels(transactions, calls), Manifests(transactions, calls)
    lanes = schedule(
        transactions,
        relay,
        sender,
        exchanges,
        connections,
        notices,
        levels,
        labels,
        manifests,
        Trackings(transactions, calls),
    )
    driver = Driver(lanes, lambda: notifications.is_received)
    notifications.when_received(WORK, lambda _: driver.announce())
    notifications.when_missed(driver.announce)
    return Service(
        transactions=transactions,
        client=client,
        breaker=temporal.new_breaker(),
        listeners=Listeners(client, TASK_QUEUE),
        carts=Carts(database, transactions.networks),
        keys=KnownKeys(database, notifications),
        notifications=notifications,
        relay=relay,
        sender=sender,
        driver=driver,
        outbound=outbound,
        conversations=conversations,
        connections=connections,
        notices=notices,
        levels=levels,
        door=Door(conversations.settings),
        calls=calls,
        labels=labels,
        manifests=manifests,
        figures=Figures(database),
        requests=RequestMetrics(),
    )
