"""Every failure that a transaction names is one problem document, from one table."""

import ast
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from api import problems
from api.problems import (
    INVALID,
    MEANINGS,
    NO_ANSWER,
    NOT_ALLOWED,
    NOT_AVAILABLE,
    NOT_FOUND,
    NOT_READY,
    OTHER_BODY,
    REFUSED,
    Kind,
)
from database.claim import UnknownClaim
from database.order import UnknownOrder
from database.outbox.inbox import UsedWithAnotherBody
from database.request import UsedForAnotherRequest
from database.returns import UnknownReturn
from network.geography import ImpossiblePlace
from network.validate_order import WrongField
from transactions.cart import BecameAnOrder, NotAvailable
from transactions.exception import UnknownException
from transactions.fulfillment import UnknownFulfillmentOrder
from transactions.key import UnknownKey, UsedForAnotherKey
from transactions.label import UnknownLabel
from transactions.manifest import UnknownManifest
from transactions.network import NoNetwork
from transactions.order import UsedForAnotherOrder
from transactions.pause import UnknownNode
from transactions.personal import StillOpen
from transactions.request import NotAllowed, RequestRefused
from transactions.stock import UnknownPlace
from transactions.stop_sale import UnknownItem
from transactions.webhook import NoWebhook
from transactions.what_if import NotToBeAsked
from workflows.client import NoAnswer, WorkflowGone

ROOT = Path(__file__).parents[2]
TRIED_AGAIN = {"KeyTaken", "OffersChanged", "Outdated", "SaidTwice", "StockTaken"}
"""Never leave the transactions that raise them, or are tried again by Temporal or by a job."""
TAKES_BACK = {"Refused", "_Undone"}
"""Roll back a step of a channel that its order cannot follow, and a preview."""
OF_A_COMMAND = {"NetworkRefused", "NoLabels", "NoShadow"}
"""A network directory that is not applied, cartons that cannot be labelled, and a shadow that does not run."""
OF_THE_CONSOLE = {"OtherVersion", "NotKept"}
"""What its pages of the policy and of saved filters answer."""

UNITS = {"cancelled": [], "pending": [], "refused": [{"line": "1", "quantity": 1, "reason": "it has shipped"}]}
OPEN = "web-1 has 2 units that neither shipped nor were cancelled"
REPEAT = "repeat the request with the same Idempotency-Key to get the outcome"

# fmt: off
DOCUMENTS: list[tuple[Exception, Kind, str, str | None, dict[str, Any]]] = [
    (UnknownOrder("web-1"),               NOT_FOUND, "there is no order web-1", None, {}),
    (UnknownFulfillmentOrder("web-1-f1"), NOT_FOUND, "there is no fulfillment order web-1-f1", None, {}),
    (UnknownReturn("web-1-r1"),           NOT_FOUND, "there is no return web-1-r1", None, {}),
    (UnknownClaim("web-1-c1"),            NOT_FOUND, "there is no claim web-1-c1", None, {}),
    (UnknownException("web-1-x1"),        NOT_FOUND, "there is no exception web-1-x1", None, {}),
    (UnknownNode("slc"),                  NOT_FOUND, "there is no node slc", None, {}),
    (UnknownItem("SOFA"),                 NOT_FOUND, "there is no item SOFA", None, {}),
    (UnknownKey("0123"),                  NOT_FOUND, "there is no key 0123", None, {}),
    (UnknownLabel("web-1-f1-l1"),         NOT_FOUND, "there is no label web-1-f1-l1", None, {}),
    (UnknownManifest("slc-van-m1"),       NOT_FOUND, "there is no manifest slc-van-m1", None, {}),
    (NoWebhook("web"),                    NOT_FOUND, "there is no webhook of channel web", None, {}),
    (NotAllowed("an operator paused slc"), NOT_ALLOWED, "an operator paused slc", None, {}),
    (RequestRefused("it has shipped"),    REFUSED, "it has shipped", None, {}),
    (RequestRefused("it has shipped", UNITS), REFUSED, "it has shipped", None, UNITS),
    (BecameAnOrder("it became order web-1"), REFUSED, "it became order web-1", None, {}),
    (NotToBeAsked("web-1 has not been sourced yet"), REFUSED, "web-1 has not been sourced yet", None, {}),
    (StillOpen("web-1", 2),               REFUSED,
     f"{OPEN}: cancel them first, or forget it with even_if_open", None, {}),
    (WorkflowGone("web-1"),               REFUSED, "order web-1 is closed", None, {}),
    (NotAvailable("2 are missing"),       NOT_AVAILABLE, "2 are missing", None, {"unfilled": []}),
    (UsedForAnotherOrder("web-1"),        OTHER_BODY, "order web-1 exists with another body", None, {}),
    (UsedForAnotherRequest("key"),        OTHER_BODY, "this Idempotency-Key was used for another request", None, {}),
    (UsedForAnotherKey("key"),            OTHER_BODY,
     "this Idempotency-Key was used for another key, or for one that was revoked", None, {}),
    (UsedWithAnotherBody("m-1"),          OTHER_BODY, "message m-1 was sent before with another body", None, {}),
    (WrongField("service", "{x} is not offered"), INVALID, "{x} is not offered", "service", {}),
    (UnknownPlace("lines.0.sku", "SOFA is no item"), INVALID, "SOFA is no item", "lines.0.sku", {}),
    (ImpossiblePlace("postal_code", "no such code"), INVALID, "postal_code: no such code", "ship_to.postal_code", {}),
    (NoAnswer("web-1"),                   NO_ANSWER, f"order web-1 has not answered yet; {REPEAT}", None, {}),
    (NoNetwork("no network"),             NOT_READY, "no network", None, {}),
]
# fmt: on


@pytest.mark.parametrize(
    ("raised", "kind", "detail", "field", "more"), DOCUMENTS, ids=[type(row[0]).__name__ for row in DOCUMENTS]
)
async def test_what_a_transaction_raises_is_answered_as_the_table_says(
    raised: Exception, kind: Kind, detail: str, field: str | None, more: dict[str, Any]
) -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def route() -> None:
        raise raised

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://switchyard") as http:
        answer = await http.get("/")
    document = answer.json()
    assert (answer.status_code, document["type"]) == (kind.status, kind.type)
    assert document["errors"] == ([{"field": field, "detail": detail}] if field else [])
    assert document["detail"].endswith(detail)
    assert {name: document[name] for name in more} == more


def test_every_meaning_is_tried() -> None:
    assert {type(row[0]) for row in DOCUMENTS} == set(MEANINGS)


def test_every_failure_that_a_transaction_names_has_a_meaning() -> None:
    named = {
        node.name
        for file in (ROOT / "transactions").glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).endswith(("Exception", "Error")) for base in node.bases)
    }
    assert named - TRIED_AGAIN - TAKES_BACK - OF_A_COMMAND - OF_THE_CONSOLE <= {raised.__name__ for raised in MEANINGS}
