"""What the routes work with: the facts, Temporal, and the same transactions that activities use."""

from dataclasses import dataclass

from temporalio.client import Client

from activities.cart import Carts
from activities.claim import Claims
from activities.exception import ExceptionActivities
from activities.fulfillment import FulfillmentActivities
from activities.networks import Networks
from activities.parcel import Parcels
from activities.pause import Pauses
from activities.returns import ReturnActivities
from activities.stock import StockTransactions
from activities.stop import StopTransactions
from activities.transaction import OrderTransactions
from database.connect import Database
from starter.courier import Courier
from starter.intake import Intake
from starter.relay import Relay
from starter.stockroom import Stockroom


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of every route, made once per process."""

    database: Database
    networks: Networks
    client: Client
    relay: Relay
    intake: Intake
    fulfillment: FulfillmentActivities
    exceptions: ExceptionActivities
    returns: ReturnActivities
    parcels: Parcels
    claims: Claims
    stock: StockTransactions
    stops: StopTransactions
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
    returned = ReturnActivities(transactions)
    return Service(
        database=database,
        networks=networks,
        client=client,
        relay=relay,
        intake=Intake(database, networks),
        fulfillment=FulfillmentActivities(transactions),
        exceptions=ExceptionActivities(transactions),
        returns=returned,
        parcels=Parcels(transactions, returned),
        claims=Claims(transactions),
        stock=StockTransactions(database, networks),
        stops=StopTransactions(database, networks),
        pauses=Pauses(transactions),
        carts=carts,
        stockroom=Stockroom(transactions, carts, relay.send_soon),
        courier=Courier(database, allows_private_addresses=allows_private_webhooks),
    )
