"""What the routes work with: the facts, Temporal, and the same transactions that activities use."""

from dataclasses import dataclass

from temporalio.client import Client

from database.connect import Database
from jobs.courier import Courier
from jobs.relay import Relay
from jobs.stockroom import Stockroom
from transactions.cart import Carts
from transactions.network import Networks
from transactions.pause import Pauses
from transactions.transaction import OrderTransactions


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of every route, made once per process."""

    database: Database
    networks: Networks
    transactions: OrderTransactions
    client: Client
    relay: Relay
    pauses: Pauses
    carts: Carts
    stockroom: Stockroom
    courier: Courier


def assemble(database: Database, client: Client, *, allows_private_webhooks: bool = False) -> Service:
    """Wire a service; the client may be lazy, so that orders and messages are taken while Temporal is down."""
    networks = Networks()
    transactions = OrderTransactions(database, networks)
    relay = Relay(database, client)
    carts = Carts(database, networks)
    return Service(
        database=database,
        networks=networks,
        transactions=transactions,
        client=client,
        relay=relay,
        pauses=Pauses(transactions),
        carts=carts,
        stockroom=Stockroom(transactions, carts, relay.send_soon),
        courier=Courier(database, allows_private_addresses=allows_private_webhooks),
    )
