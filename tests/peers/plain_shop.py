"""A small kind of shop for tests: orders are JSON, tokens end, pages have numbers, and answers say how much may be asked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from channels.channel import (
    Allowance,
    Answer,
    Catalogue,
    Checked,
    Conversation,
    Done,
    Finding,
    Key,
    Later,
    Level,
    Message,
    Misfit,
    NoAnswer,
    Notice,
    Outcome,
    Page,
    ReadAgain,
    Refused,
    Request,
    Said,
    Settings,
    Token,
    Unmapped,
)
from domain.order import NewOrder


def _mistake_of_mode(mode: str) -> str | None:
    return None if mode in ("one", "each") else f'mode must be "one" or "each", not {mode!r}'


class PlainShop:
    """The kind. Its server is `tests/peers/plain_shop_server.py`."""

    kind = "plain_shop"
    uses_mailbox: bool = False
    poll_least: timedelta = timedelta(seconds=1)
    shown_after: timedelta = timedelta(0)
    cancel_codes: Sequence[str] = ()
    credentials: Sequence[str] = ("client_id", "client_secret")
    optional_credentials: Sequence[str] = ("client_secret_before",)
    keys: Sequence[Key] = (Key("shop"), Key("mode", "one", _mistake_of_mode), Key("locations", {}, names_nodes=True))

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the caller knows the secret."""
        return headers.get("x-secret") == settings.credentials["client_secret"]

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The topic and the id of a webhook."""
        return headers["x-topic"], headers["x-event"]

    def read(self, settings: Settings, catalogue: Catalogue, message: Message) -> Sequence[Said | ReadAgain]:
        """An order of the shop: its number, when it changed, and its lines as [id, variant, quantity]."""
        try:
            found: dict[str, Any] = json.loads(message.body)
            return [self._said(settings, catalogue, found)]
        except (ValueError, KeyError, TypeError) as error:
            raise Misfit(f"this is no order of a plain shop: {type(error).__name__}") from error

    def _said(self, settings: Settings, catalogue: Catalogue, found: Mapping[str, Any]) -> Said:
        lines: list[dict[str, Any]] = []
        unmapped: list[Unmapped] = []
        for line, variant, quantity in found["lines"]:
            units = catalogue.item("variant", variant)
            if units is None:
                unmapped.append(Unmapped(line, f"variant:{variant}"))
            sku, count = (units.sku, units.units) if units else (f"variant:{variant}", 1)
            lines.append({"line": line, "sku": sku, "quantity": quantity * count, "unit_price": 1000})
        order = {
            "channel": settings.name,
            "number": found["number"],
            "placed_at": found["changed_at"],
            "currency": "USD",
            "ship_to": {"country": "US", "postal_code": "80202", "name": found.get("name")},
            "lines": lines,
        }
        wanted = NewOrder.model_validate(order) if lines else None
        changed_at = datetime.fromisoformat(found["changed_at"])
        return Said(found["id"], changed_at, wanted, None if lines else "cancelled", tuple(unmapped))

    def token(self, settings: Settings, at: datetime) -> Conversation[Token] | None:
        """Ask for a token with the credentials."""
        return self._token(settings, at)

    def _token(self, settings: Settings, at: datetime) -> Conversation[Token]:
        answer = yield _json("POST", "/token", {name: settings.credentials[name] for name in self.credentials})
        if answer.status != 200:
            raise Misfit(f"the shop gives no token: status {answer.status}")
        found = json.loads(answer.body)
        return Token(found["token"], at + timedelta(seconds=found["seconds"]))

    def authorized(self, settings: Settings, token: Token | None, request: Request) -> Request:
        """The request with the token."""
        assert token is not None
        return replace(request, headers={**request.headers, "x-token": token.secret})

    def allowance(self, answer: Answer) -> Allowance | None:
        """Ten points, one more each second."""
        if "x-left" not in answer.headers:
            return None
        return Allowance(float(answer.headers["x-left"]), 10, 1, "x-exceeded" in answer.headers)

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """The orders that changed since the last one that was read, two on a page."""
        answer = yield Request("GET", f"/orders?after={cursor.get('after', 0)}")
        found = json.loads(answer.body)
        messages = [Message("orders", json.dumps(order).encode()) for order in found["orders"]]
        return Page(messages, {"after": found["after"]}, found["is_last"])

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """One order."""
        answer = yield Request("GET", f"/orders/{external}")
        return None if answer.status == 404 else Message("orders", answer.body)

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """It hears of what left."""
        return kind == "shipped"

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Say that something left, unless the shop knows it."""
        path = f"/orders/{notice.external}/notices/{notice.event}"
        known = yield Request("GET", path)
        if known.status == 200:
            return Done()
        try:
            answer = yield _json("PUT", path, {"kind": notice.kind})
        except NoAnswer:
            known = yield Request("GET", path)
            return Done() if known.status == 200 else Later("no answer")
        return Done() if answer.status == 200 else Refused(answer.body.decode())

    def places(self, settings: Settings) -> Mapping[str, str]:
        """None: it has one level for each item."""
        return {}

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """Set levels."""
        answer = yield _json("POST", "/levels", {level.external: level.available for level in levels})
        found: dict[str, int] = json.loads(answer.body)
        return found

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """Look which of the shop's items nobody knows here, and whether orders may be read."""
        answer: Answer = yield Request("GET", "/shop")
        found = json.loads(answer.body)
        findings = [
            Finding(False, f"item {variant} is not mapped: add it to aliases.csv")
            for variant in found["variants"]
            if catalogue.item("variant", variant) is None
        ]
        if not found["may_read"]:
            findings.append(Finding(True, "orders may not be read: open Settings > Apps > Permissions, tick “Orders”"))
        return Checked(findings, {"hub": found["hub"]})


def _json(method: str, path: str, body: Mapping[str, Any]) -> Request:
    return Request(method, path, {"content-type": "application/json"}, json.dumps(body).encode())


PLAIN_SHOP = PlainShop()
