"""The kind of channels that a mapping file describes: any shop whose webhooks and requests are JSON."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from channels import thresholds
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
    Notice,
    Outcome,
    Page,
    ReadAgain,
    Refused,
    Request,
    Said,
    Settings,
    Token,
)
from channels.json_mapping.document import said
from channels.json_mapping.mapping import Call, Rules, Signature, compiled
from formats.cel import Expression, NotComputed

OVERLAP = timedelta(minutes=15)
"""A poll reads so much again: a document that was written late is not missed."""
SAID_MAX = 500
"""How many characters of a refusal are kept."""


class JsonKind:
    """The kind `json`, whose mapping is the file `mappings/NAME.toml` that its entry names, and kinds that bring their own."""

    optional_credentials: Sequence[str] = ()

    def __init__(self, kind: str, credentials: Sequence[str], own: str | None = None) -> None:
        """`own` is the text of the mapping that the kind brings; None = the entry's key `mapping` has it."""
        self.kind = kind
        self.uses_mailbox: bool = False
        self.poll_least: timedelta = timedelta(seconds=1)
        self.shown_after: timedelta = timedelta(0)
        self.cancel_codes: Sequence[str] = ()
        self.credentials: Sequence[str] = credentials
        self.keys: Sequence[Key] = (thresholds.key(),) if own else (Key("mapping"), thresholds.key())
        self._own = own

    def is_genuine(self, settings: Settings, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the signature is right, or the body is the ping that this kind of shop sends without one."""
        signature = self._rules(settings).signature
        given = headers.get(signature.header.lower(), "")
        if not given:
            return bool(signature.ping) and re.fullmatch(signature.ping.encode(), body) is not None
        return hmac.compare_digest(
            given.encode(), signed(signature, settings.credentials[signature.secret], body).encode()
        )

    def event_id(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The same bytes are the same message."""
        return "", hashlib.sha256(body).hexdigest()

    def read(self, settings: Settings, catalogue: Catalogue, message: Message) -> Sequence[Said | ReadAgain]:
        """What a message says: nothing for a ping."""
        rules = self._rules(settings)
        if rules.signature.ping and re.fullmatch(rules.signature.ping.encode(), message.body):
            return []
        return said(settings, catalogue, rules, message.body)

    def token(self, settings: Settings, at: datetime) -> Conversation[Token] | None:
        """The credentials authorize by themselves."""
        return None

    def authorized(self, settings: Settings, token: Token | None, request: Request) -> Request:
        """The request with the credentials, as the mapping says."""
        how = self._rules(settings).authorization
        if how is None:
            return request
        key = settings.credentials[how.key]
        match how.kind:
            case "basic":
                pair = f"{settings.credentials[how.user]}:{key}".encode()
                header = {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
            case "bearer":
                header = {"authorization": f"Bearer {key}"}
            case _:
                header = {how.header: key}
        return replace(request, headers={**request.headers, **header})

    def allowance(self, answer: Answer) -> Allowance | None:
        """Nothing: such shops say with Retry-After when they have had enough."""
        return None

    def poll(self, settings: Settings, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        """The orders that changed since the last poll; the first poll begins now, since older ones were shipped elsewhere."""
        return self._poll(self._rules(settings).poll, cursor, at)

    def read_again(self, settings: Settings, external: str) -> Conversation[Message | None]:
        """One order."""
        return self._read_again(self._rules(settings).read, external)

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """Which events are of interest, the mapping says when one is sent."""
        return True

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Send what the mapping makes of an event; where it says how to see that the shop knows it, look first."""
        return self._notify(self._rules(settings).notify.get(notice.kind, ()), notice)

    def places(self, settings: Settings) -> Mapping[str, str]:
        """None: a level is that of the whole shop."""
        return {}

    def stock(
        self, settings: Settings, key: str, levels: Sequence[Level]
    ) -> Conversation[Mapping[str, int] | Later | Refused]:
        """Set one level after the other."""
        return self._stock(self._rules(settings).stock, levels)

    def check(self, settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
        """Look whether orders may be read, by one page of a poll."""
        return self._check(self._rules(settings).poll, at)

    def _rules(self, settings: Settings) -> Rules:
        return compiled(self._own or settings.entry["mapping"])

    def _poll(self, call: Call | None, cursor: Mapping[str, Any], at: datetime) -> Conversation[Page]:
        begun = cursor.get("begun", at.astimezone(UTC).isoformat(timespec="seconds"))
        since, page = cursor.get("since", begun), cursor.get("page", 1)
        if call is None:
            return Page([], {}, True)
        answer = yield request_of(call, {"since": since, "page": page})
        found = read_json(answer)
        orders = value_of(call.extra["orders"], {"answer": found}) if "orders" in call.extra else found
        is_last = not orders or bool(
            "is_last" in call.extra and value_of(call.extra["is_last"], {"answer": found, "page": page})
        )
        next_since = (datetime.fromisoformat(begun) - OVERLAP).isoformat(timespec="seconds")
        following = {"since": next_since} if is_last else {"since": since, "begun": begun, "page": page + 1}
        return Page([Message("", json.dumps(order).encode()) for order in orders], following, is_last)

    def _read_again(self, call: Call | None, external: str) -> Conversation[Message | None]:
        if call is None:
            raise Misfit("the mapping has no [read], so an order cannot be read again")
        answer = yield request_of(call, {"external": external})
        return None if answer.status == 404 else Message("", json.dumps(read_json(answer)).encode())

    def _notify(self, calls: Sequence[Call], notice: Notice) -> Conversation[Outcome]:
        event = {**notice.data, "id": notice.event, "kind": notice.kind}
        names = {"event": event, "order": notice.order, "external": notice.external}
        for call in calls:
            if call.when is not None and not value_of(call.when, names):
                continue
            if "known_path" in call.extra:
                seen = yield Request("GET", str(value_of(call.extra["known_path"], names)))
                if not isinstance(failed := outcome(seen), Done):
                    return failed
                if value_of(call.extra["known"], {**names, "answer": json.loads(seen.body)}):
                    continue
            answer = yield request_of(call, names)
            if not isinstance(failed := outcome(answer), Done):
                return failed
        return Done()

    def _stock(self, call: Call | None, levels: Sequence[Level]) -> Conversation[Mapping[str, int] | Later | Refused]:
        stands: dict[str, int] = {}
        unknown: list[str] = []
        for level in levels if call else ():
            assert call is not None
            names: dict[str, Any] = {"level": {"external": level.external, "available": level.available}}
            if "find" in call.extra:
                answer = yield Request("GET", str(value_of(call.extra["find"], names)))
                if not isinstance(failed := outcome(answer), Done):
                    return failed
                names["found"] = json.loads(answer.body)
                if not names["found"]:
                    unknown.append(level.external)
                    continue
            answer = yield request_of(call, names)
            if not isinstance(failed := outcome(answer), Done):
                return failed
            stands[level.external] = level.available
        if unknown:
            return Refused(f"the shop has no item {', '.join(unknown)}")
        return stands

    def _check(self, call: Call | None, at: datetime) -> Conversation[Checked]:
        if call is None:
            return Checked([Finding(False, "the mapping has no [poll]: a webhook that is lost stays lost")])
        since = at.astimezone(UTC).isoformat(timespec="seconds")
        answer = yield request_of(call, {"since": since, "page": 1})
        if answer.status == 200:
            return Checked([])
        return Checked([Finding(True, f"orders cannot be read: the shop answers {answer.status}; look at the API key")])


def signed(signature: Signature, secret: str, body: bytes) -> str:
    """The signature of a body as its header has it."""
    digest = hmac.new(secret.encode(), body, signature.algorithm).digest()
    written = base64.b64encode(digest).decode() if signature.encoding == "base64" else digest.hex()
    return f"{signature.prefix}{written}"


def request_of(call: Call, names: Mapping[str, Any]) -> Request:
    """A request, with its body as JSON whose keys are sorted: CEL's maps have no sequence."""
    path = str(value_of(call.path, names))
    if call.body is None:
        return Request(call.method, path)
    body = json.dumps(value_of(call.body, names), sort_keys=True, default=str).encode()
    return Request(call.method, path, {"content-type": "application/json"}, body)


def value_of(expression: Expression, names: Mapping[str, Any]) -> Any:
    """A value for a request. Raises `Misfit` where there is none."""
    try:
        return expression.value(names)
    except NotComputed:
        raise Misfit(f"the mapping's expression {expression.source!r} cannot be computed") from None


def read_json(answer: Answer) -> Any:
    """The document of an answer. Raises `Misfit` for another."""
    if answer.status != 200:
        raise Misfit(f"the shop answers {answer.status}")
    try:
        return json.loads(answer.body)
    except ValueError:
        raise Misfit("the shop's answer is not JSON") from None


def outcome(answer: Answer) -> Outcome:
    """What an answer means: 2xx done; 408, 425, 429 and 5xx later; anything else is refused with the shop's own text."""
    if 200 <= answer.status < 300:
        return Done()
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return Later(f"the shop answers {answer.status}", _wait(answer.headers.get("retry-after", "")))
    return Refused(f"{answer.status}: {answer.body.decode(errors='replace')[:SAID_MAX]}")


def _wait(retry_after: str) -> timedelta | None:
    if retry_after.isascii() and retry_after.isdigit():
        return timedelta(seconds=int(retry_after[:9]))
    try:
        return max(timedelta(), parsedate_to_datetime(retry_after) - datetime.now(UTC)) if retry_after else None
    except (TypeError, ValueError):
        return None
