"""Pins units for carts: plans as for an order, then claims. Carts that come at the same time share one transaction.

A hot SKU is one row of stock, and one transaction per customer would queue at its lock. So carts that come while a
transaction runs wait for it and form the next one together; a single cart is pinned at once.
"""

import asyncio
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError

from database import cart, personal
from database.cart import Cart, CartStatus, KnownCart
from database.connect import Database
from database.documents.promise import promise
from database.request import UsedForAnotherRequest
from database.stock import Claim
from domain.cart import ReservationRequest
from domain.network import Network
from domain.sourcing import Plan
from domain.sourcing.supply import Entitlement
from network.validate_order import check
from transactions.network import Networks
from transactions.promise import decide_for
from transactions.supply import Decision
from transactions.transaction import OrderTransactions

TRIES_MAX = 20
"""How often a plan is made again because others took its stock meanwhile."""

BATCH_MAX = 256
"""Carts in one transaction. It locks its rows until all of them are served, so more would wait longer."""

SWEPT_MAX = 500
"""Rows of lapsed carts to free in one transaction."""


class NotAvailable(Exception):
    """Not every unit can be pinned now, so none is."""

    def __init__(self, detail: str, plan: Plan | None = None) -> None:
        """`plan` is the plan with the unfilled units; None when others took the stock at every try."""
        super().__init__(detail)
        self.unfilled = plan.document()["unfilled"] if plan else []


class KeyTaken(Exception):
    """Another request with this idempotency key was stored first; its result can be read now."""


class BecameAnOrder(Exception):
    """The cart has become an order; cancel the order to free its units."""


@dataclass(eq=False, slots=True)
class _PendingCart:
    """A cart that waits for its units."""

    cart: Cart
    claim: Claim
    answer: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def resolve(self, granted: bool) -> None:
        if not self.answer.done():  # the caller may have been cancelled
            self.answer.set_result(granted)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Carts:
    """Makes reservations for carts. One per process and event loop, so that carts at the same time share a transaction."""

    def __init__(self, database: Database, networks: Networks) -> None:
        """`networks` holds the network versions that this process has loaded."""
        self._database = database
        self._networks = networks
        self._pending: list[_PendingCart] = []
        self._pinning: asyncio.Task[None] | None = None

    async def reserve(self, body: ReservationRequest, *, actor: str, idempotency_key: str | None = None) -> Cart:
        """Pin all units of a cart at the nodes that an order would get them from, or none. A repeated request with the same key
        gets the same cart.

        `actor` is the holder of the key that was used. Raises `NotAvailable`, `UsedForAnotherRequest`,
        `network.validate_order.WrongField` and `NoNetwork`.
        """
        cart_id = f"cart-{secrets.token_hex(12)}"
        for _ in range(TRIES_MAX):
            now = datetime.now(UTC)
            async with self._database.read() as connection:
                version, known = await cart.before(connection, actor, idempotency_key)
                body_digest = await personal.fingerprint(connection, body)
                if known is not None:
                    return _same(known, body_digest)
                _, network = await self._networks.version(connection, version)
                check(body, network)
                decided = await decide_for(connection, network, body, body.service, now)
            if decided.plan.unfilled:
                raise NotAvailable(_missing(decided.plan), decided.plan)
            made = _cart(cart_id, body, body_digest, promise(decided.plan), actor, idempotency_key, now)
            if await self._pins(made, decided, network, actor):
                return made
        raise NotAvailable("others took the units every time that they were about to be pinned; ask again")

    async def _pins(self, made: Cart, decided: Decision, network: Network, actor: str) -> bool:
        """False when the plan must be made again, or when the cart of another request with this key must be read."""
        claim = decided.claim(
            network,
            made.channel,
            Entitlement(),
            cause=f"cart {made.cart_id}",
            at=made.reserved_at,
            order=None,
            actor=actor,
        )
        try:
            return await self.pin(made, claim)
        except KeyTaken:
            return False

    async def pin(self, made: Cart, claim: Claim) -> bool:
        """Store a cart and pin all units of its claim, or none; false when any of them is no longer available.

        The claim belongs to no order and takes no offer. Raises `KeyTaken`, and the errors of PostgreSQL: when a statement
        fails because of one cart, each cart is tried again alone; when the connection is lost, all carts of the transaction
        fail. If the caller is cancelled after the claim, the units lapse with the cart.
        """
        pending = _PendingCart(made, claim)
        self._pending.append(pending)
        if self._pinning is None or self._pinning.done():
            # A separate task begins after all callers that can run now have joined, and outlives a cancelled caller.
            self._pinning = asyncio.create_task(self._pin_pending())
        return await pending.answer

    async def _pin_pending(self) -> None:
        while self._pending:
            batch = [pending for pending in self._pending[:BATCH_MAX] if not pending.answer.done()]
            del self._pending[:BATCH_MAX]
            self._pending[:0] = await self._settle(batch)
            # A caller that is answered now and comes back at once joins the carts that wait already, not a later batch.
            await asyncio.sleep(0)

    async def _settle(self, batch: Sequence[_PendingCart]) -> list[_PendingCart]:
        """Serve these carts in one transaction; return the carts that must be tried again in the next one."""
        try:
            async with self._database.at_once() as connection:
                granted = await cart.pin(connection, [(pending.cart, pending.claim) for pending in batch])
        except Exception as error:
            return await self._settle_failed(batch, error)
        again = ask_again([pending.claim for pending in batch], granted)
        for position, pending in enumerate(batch):
            if position not in again:
                pending.resolve(position in granted)
        return [batch[position] for position in again]

    async def _settle_failed(self, batch: Sequence[_PendingCart], error: Exception) -> list[_PendingCart]:
        if len(batch) > 1 and _is_of_a_statement(error):
            return [left for pending in batch for left in await self._settle([pending])]
        for pending in batch:
            pending.fail(KeyTaken(pending.cart.idempotency_key) if _says_that_a_key_is_taken(error) else error)
        return []


async def find(transactions: OrderTransactions, cart_id: str, channel: str | None) -> KnownCart | None:
    """A channel's cart as it is now; None when the channel has no such cart. None as channel = any channel."""
    async with transactions.database.read() as connection:
        return await cart.find(connection, cart_id, channel)


async def give_back(
    transactions: OrderTransactions, cart_id: str, channel: str | None, *, actor: str
) -> KnownCart | None:
    """Free the units of a cart; a repeated call changes nothing. None when the channel has no such cart.

    Raises `BecameAnOrder`.
    """
    async with transactions.begin() as transaction:
        await cart.give_back(transaction.connection, cart_id, channel, actor=actor, at=datetime.now(UTC))
        known = await cart.find(transaction.connection, cart_id, channel)
    if known is not None and known.status is CartStatus.ORDERED:
        raise BecameAnOrder(f"it became order {known.order}")
    return known


async def lapses_in(transactions: OrderTransactions) -> timedelta | None:
    """In what time the next cart lapses; 0 or less when one has lapsed, None when no cart may lapse."""
    async with transactions.database.read_once() as connection:
        return await cart.lapses_in(connection)


async def sweep(transactions: OrderTransactions) -> int:
    """Free the units of lapsed carts; return how many rows of carts. Several sweeps share the work.

    A claim also frees the lapsed units that it needs. This only cleans up, and offers the units to waiting orders.
    """
    swept = 0
    while True:
        async with transactions.begin() as transaction:
            freed = await cart.free_lapsed(transaction.connection, at=datetime.now(UTC), limit=SWEPT_MAX)
        swept += freed
        if freed < SWEPT_MAX:
            return swept


def ask_again(claims: Sequence[Claim], granted: Collection[int]) -> list[int]:
    """The positions of refused claims to try again, the smallest claim first: those that may have been refused only because an
    earlier claim counted against them and was refused itself. `claims` are in the sequence in which they were served.

    A refusal is final when no earlier claim was refused at the same stock levels, and for every claim that asks for no less
    than such a claim. The first refusal is always final: so every batch decides at least one claim, and retries end.
    """
    contested: set[str | tuple[str, str]] = set()
    refused = [position for position in range(len(claims)) if position not in granted]
    held: list[Claim] = []
    doubtful: list[int] = []
    for position in refused:
        if contested.isdisjoint(_judged_by(claims[position])):
            held.append(claims[position])
        else:
            doubtful.append(position)
        contested |= _wanted_at(claims[position])
    again = [n for n in doubtful if not any(_asks_no_less(claims[n], other) for other in held)]
    return sorted(again, key=lambda n: sum(movement.reserved for movement in claims[n].movements))


def _judged_by(claim: Claim) -> set[str | tuple[str, str]]:
    """The stock levels where earlier demand counts against a claim; for SKUs with units kept back, all their stock levels."""
    return {(movement.node, movement.sku) for movement in claim.movements} | set(claim.kept_back)


def _wanted_at(claim: Claim) -> set[str | tuple[str, str]]:
    places = {(movement.node, movement.sku) for movement in claim.movements}
    return places | {sku for _, sku in places}


def _asks_no_less(claim: Claim, other: Claim) -> bool:
    units = {(movement.node, movement.sku): movement.reserved for movement in claim.movements}
    return all(
        movement.reserved <= units.get((movement.node, movement.sku), 0) for movement in other.movements
    ) and all(kept <= claim.kept_back.get(sku, 0) for sku, kept in other.kept_back.items())


def _is_of_a_statement(error: Exception) -> bool:
    """Whether PostgreSQL refused a statement and the connection still works."""
    return isinstance(error, DBAPIError) and not error.connection_invalidated and not isinstance(error, InterfaceError)


def _says_that_a_key_is_taken(error: Exception) -> bool:
    return isinstance(error, IntegrityError) and "uq_cart_asker" in str(error.orig)


def _same(known: KnownCart, body_digest: str) -> Cart:
    if known.cart.body_digest != body_digest:
        raise UsedForAnotherRequest(known.cart.cart_id)
    return known.cart


def _missing(plan: Plan) -> str:
    """Say how many units of which line are not available."""
    missing = [f"{part.quantity} of line {part.line} ({part.sku})" for part in plan.unfilled]
    return f"not available now: {', '.join(missing)}"


def _cart(
    cart_id: str,
    body: ReservationRequest,
    body_digest: str,
    promise: dict[str, Any],
    asker: str,
    idempotency_key: str | None,
    now: datetime,
) -> Cart:
    return Cart(
        cart_id=cart_id,
        channel=body.channel,
        asker=asker,
        idempotency_key=idempotency_key,
        body_digest=body_digest,
        promise=promise,
        reserved_at=now,
        expires_at=now + body.lives_for,
    )
