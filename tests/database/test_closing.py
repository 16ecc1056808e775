"""An exception ends with its cause: for every code, what opens it and every fact that closes it, on real PostgreSQL."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from database.connect import Database
from database.exception import open_all
from domain.claim import ClaimRequest
from domain.closing import CLOSING
from domain.fulfillment import MessageKind
from domain.parcel import Parcel, ParcelUnits
from domain.reasons import ExceptionCode
from domain.returns import ReturnMessage
from domain.units import Opened
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from transactions import claim, exception, parcel, pickup, returns
from transactions.request import Asked, RequestInput
from transactions.returns import ReturnStep

_numbers = count(1)
Step = Callable[["Case"], Awaitable[object]]

ESCALATES = {'on_silence = "reroute"': 'on_silence = "escalate"'}
ASKS = {'on_silence = "reroute"': 'on_silence = "ask_cancel"'}
NO_BACKORDERS = {'unfilled = "backorder"': 'unfilled = "exception"'}
STORES = {
    'ship_within = "1d"': 'ship_within = "1d"\npickup = true',
    "[orders]": '[orders]\ncollect_within = "7d"\nuncollected = "ship"',
}
WATCHED = {"[orders]": '[orders]\nat_risk_before = "99d"'}


@dataclass(slots=True)
class Case:
    """A shop with one order, and what is remembered between two steps."""

    shop: Shop
    order: str = ""
    return_: str = ""

    async def open_exceptions(self) -> dict[str, str]:
        """The code of every open exception, by its id."""
        async with self.shop.database.read() as connection:
            return {row.exception_id: row.code for row in await connection.execute(text(OPEN))}


OPEN = "SELECT exception_id, code FROM exception WHERE resolved_at IS NULL"
CLOSED = "SELECT closed_cause, closed_actor, resolved_by FROM exception WHERE exception_id = :exception"


def stock(node: str = NEAREST, chairs: int = 2) -> Step:
    return lambda case: case.shop.receive(node, CHAIR=chairs)


def counted(chairs: int, node: str = NEAREST) -> Step:
    return lambda case: case.shop.count(node, CHAIR=chairs)


def released(chairs: int = 2) -> Step:
    async def step(case: Case) -> None:
        case.order = await case.shop.released(("CHAIR", chairs))

    return step


def sold(chairs: int = 2, **more: Any) -> Step:
    async def step(case: Case) -> None:
        case.order = await case.shop.place(("CHAIR", chairs), **more)
        await case.shop.source(case.order)

    return step


def sourced_again(case: Case) -> Awaitable[object]:
    return case.shop.source(case.order)


def release(case: Case) -> Awaitable[object]:
    return case.shop.release(case.order)


def silent(number: int = 1) -> Step:
    return lambda case: case.shop.wait_in_vain(case.order, number)


def tell(kind: MessageKind, units: int | None = None, number: int = 1, **more: Any) -> Step:
    lines = None if units is None else {"1": units}
    return lambda case: case.shop.tell(case.order, kind, lines, number=number, **more)


def rerouted(case: Case) -> Awaitable[object]:
    return case.shop.reroute(case.order)


def cancelled(case: Case) -> Awaitable[object]:
    return case.shop.cancel(case.order)


def asked(case: Case, kind: str, **facts: Any) -> RequestInput:
    key = f"{kind}-{next(_numbers)}"
    return RequestInput(order=case.order, request=None, kind=kind, facts=facts, key=key, at=datetime.now(UTC))


def chosen(node: str) -> Step:
    """The customer collects elsewhere."""
    return lambda case: pickup.change_pickup(case.shop.transactions, asked(case, "pickup", pickup_node=node))


async def one_resolved(case: Case) -> None:
    """A person resolves the oldest open exception."""
    async with case.shop.database.read() as connection:
        statement = "SELECT exception_id FROM exception WHERE resolved_at IS NULL ORDER BY since, exception_id LIMIT 1"
        name = (await connection.execute(text(statement))).scalar_one()
    await exception.resolve(case.shop.transactions, asked(case, "resolve", exception=name))


async def sent_back(case: Case) -> None:
    """The customer's return, whose parcel is sent and does not come in time."""
    transactions = case.shop.transactions
    lines = [{"line": "1", "quantity": 1}]
    done = await returns.request_return(transactions, asked(case, "return", lines=lines, resolution="refund"))
    case.return_ = str(done.answer["return"])
    await return_reported("in_transit")(case)
    state = await returns.look_at_return(
        transactions, ReturnStep(order=case.order, return_=case.return_, at=datetime.now(UTC))
    )
    await returns.expire_return(transactions, ReturnStep(order=case.order, return_=case.return_, at=state.expires_at))


def return_reported(kind: str, **more: Any) -> Step:
    async def step(case: Case) -> None:
        body = {"message_id": f"back-{next(_numbers)}", "kind": kind, "occurred_at": datetime.now(UTC), "node": NEAREST}
        message = ReturnMessage.model_validate(body | more)
        await returns.record(case.shop.transactions, case.return_, message, sender=NEAREST, actor="node")

    return step


def parcel_back(units: int) -> Step:
    """A parcel with these chairs comes back without a return."""

    async def step(case: Case) -> None:
        came = Parcel(
            message_id=f"parcel-{next(_numbers)}",
            occurred_at=datetime.now(UTC),
            node=NEAREST,
            order=case.order,
            lines=(ParcelUnits(sku="CHAIR", quantity=units),),
        )
        await parcel.take(case.shop.transactions, came, actor="node")

    return step


def claimed(kind: str, resolution: str = "refund") -> Step:
    body = {"lines": [{"line": "1", "quantity": 2}], "kind": kind, "resolution": resolution}
    return lambda case: claim.take(
        case.shop.transactions, Asked(case.order, ClaimRequest.model_validate(body), "operator")
    )


def off_hold(case: Case) -> Awaitable[object]:
    return case.shop.take_off(case.order)


def watched(case: Case) -> Awaitable[object]:
    return exception.tell_what_waits_too_long(case.shop.transactions, 10)


PLACES = [chosen(NEXT)]
SILENT = [stock(), released(), silent()]
UNANSWERED = [stock(), released(), tell(MessageKind.ACCEPTED), silent(), silent()]
REROUTED = [stock(), stock(NEXT), released(), silent(), sourced_again, release]
DOUBLE = [*REROUTED, tell(MessageKind.SHIPPED, 2, 2), tell(MessageKind.SHIPPED)]
SHIPPED = [stock(), released(), tell(MessageKind.SHIPPED)]
FAILED = [*SHIPPED, tell(MessageKind.DELIVERY_FAILED)]
UNCOLLECTED = [stock(), sold(pickup_node=NEAREST), release, tell(MessageKind.READY_FOR_PICKUP), silent(), silent()]
FELL_SHORT = [stock(), released(), counted(1)]

Changed = dict[str, str]
CASES: dict[ExceptionCode, tuple[Changed, list[Step], dict[str, list[Step]]]] = {
    ExceptionCode.UNFILLED: (
        NO_BACKORDERS,
        [sold()],
        {"cancelled": [cancelled], "another of its exceptions is resolved": [one_resolved]},
    ),
    ExceptionCode.NODE_SILENT: (
        ESCALATES,
        SILENT,
        {
            "accepted late": [tell(MessageKind.ACCEPTED)],
            "rejected": [tell(MessageKind.REJECTED)],
            "shipped": [tell(MessageKind.SHIPPED)],
            "delivered": [tell(MessageKind.DELIVERED)],
            "cancelled": [cancelled],
            "rerouted": [rerouted],
        },
    ),
    ExceptionCode.CANCEL_UNANSWERED: (
        ESCALATES,
        UNANSWERED,
        {
            "cancelled": [tell(MessageKind.CANCEL_ACCEPTED)],
            "refused": [tell(MessageKind.CANCEL_REJECTED)],
            "shipped": [tell(MessageKind.SHIPPED)],
            "given up": [rerouted],
        },
    ),
    ExceptionCode.DOUBLE_SHIP: (
        {},
        DOUBLE,
        {"came back": [tell(MessageKind.DELIVERED), parcel_back(2)]},
    ),
    ExceptionCode.SURPLUS: (
        {},
        [stock(chairs=3), released(), tell(MessageKind.SHIPPED, 3)],
        {"came back": [parcel_back(1)]},
    ),
    ExceptionCode.STOCK_SHORT: (
        {},
        FELL_SHORT,
        {
            "counted": [counted(50)],
            "received": [stock(chairs=1)],
            "fewer promised": [cancelled],
        },
    ),
    ExceptionCode.PICKUP: (
        STORES,
        UNCOLLECTED,
        {
            "collected": [tell(MessageKind.COLLECTED)],
            "cancelled": [cancelled, tell(MessageKind.CANCEL_ACCEPTED)],
            "rerouted": [rerouted],
        },
    ),
    ExceptionCode.DELIVERY_FAILED: (
        {},
        FAILED,
        {
            "delivered": [tell(MessageKind.DELIVERED)],
            "came back": [parcel_back(2)],
            "claimed as lost": [claimed("lost")],
            "claimed as lost, replaced": [claimed("lost", "replacement")],
            "claimed as missing": [claimed("missing")],
        },
    ),
    ExceptionCode.AT_RISK: (
        WATCHED,
        [stock(), released(), silent()],
        {
            "shipped": [tell(MessageKind.SHIPPED)],
            "rejected": [tell(MessageKind.REJECTED)],
            "cancelled": [cancelled],
            "rerouted": [rerouted],
        },
    ),
    ExceptionCode.RETURN_MISFIT: (
        {},
        [*SHIPPED, tell(MessageKind.DELIVERED), sent_back],
        {"the parcel comes after all": [return_reported("received")]},
    ),
}
ELSEWHERE = {
    ExceptionCode.STUCK,
    ExceptionCode.NODE_UNREACHABLE,
    ExceptionCode.STOCK_MISFIT,
    ExceptionCode.REFUND_SHORT,
    ExceptionCode.PAYMENT_MISFIT,
    ExceptionCode.UNMAPPED,
    ExceptionCode.CHANNEL_MISFIT,
    ExceptionCode.CHANNEL_REFUSED,
    ExceptionCode.ACKNOWLEDGMENT_MISSING,
    ExceptionCode.CARRIER_FAILED,
    ExceptionCode.CONNECTION_FAULT,
    ExceptionCode.MARKETPLACE_AT_RISK,
    ExceptionCode.TRANSFER_SHORT,
}
"""Codes that are opened and closed where their facts are recorded, and tested there."""
BY_A_PERSON = {ExceptionCode.MESSAGE_MISFIT, ExceptionCode.REPLACEMENT_LOST}


async def unreachable(case: Case) -> None:
    """The node's interface has not taken the call; what notices that is tested with the calls."""
    opened = Opened(ExceptionCode.NODE_UNREACHABLE, "refused", f"{case.order}-f1", NEAREST)
    async with case.shop.database.write() as connection:
        await open_all(connection, [opened], order=case.order, cause="calls", at=datetime.now(UTC))


MORE: dict[ExceptionCode, tuple[Changed, list[Step], dict[str, list[Step]]]] = {
    ExceptionCode.NODE_SILENT: (
        {},
        [*REROUTED, tell(MessageKind.DELIVERED, 2, 2), silent()],
        {"a month in doubt, then given back": [tell(MessageKind.CANCEL_ACCEPTED)]},
    ),
    ExceptionCode.DOUBLE_SHIP: (
        {},
        [*REROUTED, tell(MessageKind.ACCEPTED, number=2), tell(MessageKind.SHIPPED)],
        {"the other node could not send them": [tell(MessageKind.REJECTED, number=2)]},
    ),
    ExceptionCode.PICKUP: (
        STORES,
        [stock(), stock(NEXT), sold(pickup_node=NEAREST), release, tell(MessageKind.REJECTED)],
        {"another place is chosen": PLACES, "cancelled": [cancelled]},
    ),
    ExceptionCode.NODE_UNREACHABLE: (
        {},
        [stock(), released(), unreachable],
        {"rerouted": [rerouted], "shipped": [tell(MessageKind.SHIPPED)], "cancelled": [cancelled]},
    ),
    ExceptionCode.AT_RISK: (
        WATCHED,
        [stock(), sold(holds=("fraud",)), watched],
        {"released": [off_hold, release], "cancelled": [cancelled]},
    ),
}
"""The other ways in which some of them are opened."""

ENDINGS = [
    pytest.param(code, changed, opening, closing, id=f"{code}: {name}")
    for code, (changed, opening, endings) in [*CASES.items(), *MORE.items()]
    for name, closing in endings.items()
]


def test_every_code_has_the_fact_that_closes_it_or_says_that_only_a_person_does() -> None:
    assert CLOSING.keys() == set(ExceptionCode)
    assert {code for code, closing in CLOSING.items() if closing.closed_by is None} == BY_A_PERSON
    assert CASES.keys() == set(ExceptionCode) - BY_A_PERSON - ELSEWHERE


async def open_shop(database: Database, changed: Changed) -> Case:
    documents = MAP
    for old, new in changed.items():
        documents = replace(
            documents, nodes=documents.nodes.replace(old, new), policy=documents.policy.replace(old, new)
        )
    return Case(await Shop.open(database, documents))


async def play(case: Case, steps: list[Step]) -> None:
    for step in steps:
        await step(case)


@pytest.mark.parametrize(("code", "changed", "opening", "closing"), ENDINGS)
async def test_an_exception_ends_with_its_cause(
    database: Database, code: ExceptionCode, changed: Changed, opening: list[Step], closing: list[Step]
) -> None:
    case = await open_shop(database, changed)
    await play(case, opening)
    ((name, known),) = (await case.open_exceptions()).items()
    assert known == code

    await play(case, closing)

    assert name not in await case.open_exceptions()
    if not {one_resolved, *PLACES} & set(closing):
        assert await closed_by_a_fact(database, name)
    await case.shop.check()


async def closed_by_a_fact(database: Database, name: str) -> bool:
    """Whether an exception says which event closed it, and that no person did."""
    async with database.read() as connection:
        found = (await connection.execute(text(CLOSED), {"exception": name})).one()
    return bool(found.closed_cause and found.closed_actor and found.resolved_by is None)
