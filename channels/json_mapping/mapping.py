"""Reads a mapping file: which expression makes which field of the order document, and which request an event becomes.

A mapping is TOML; its expressions are CEL. Every mistake is reported with the path of the value that it is about, so that who
reads the file can name the line.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

from channels.json_mapping.functions import FUNCTIONS
from domain.event import EventKind
from domain.order import Address, BillTo, Duty, NewLine, NewOrder
from formats.cel import Engine, Expression, Uncompilable

Path = tuple[str | int, ...]

ALGORITHMS = ("sha256", "sha512", "sha1")
ENCODINGS = ("base64", "hex")
CREDENTIALS = ("api_user", "api_key", "webhook_secret")
ITEM_KINDS = ("sku", "variant", "gtin", "buyer_part")
"""The ways to name an item, in the order in which they are tried."""

ABOUT = ("external", "version", "why_not", "skip", "requests")
PARTS: Mapping[str, Any] = {"ship_to": Address, "bill_to": BillTo, "promised": Duty}
ORDER_FIELDS = frozenset({*NewOrder.model_fields, *ABOUT, "lines", "holds"} - {"channel", "reservation"})
LINE_FIELDS = frozenset({*NewLine.model_fields, *ITEM_KINDS, "over", "where"})
REQUEST_KEYS = ("method", "path", "body", "when")

ENGINE = Engine(
    ("body", "line", "event", "order", "external", "since", "page", "level", "found", "answer", "hold"), FUNCTIONS
)


class Fault(NamedTuple):
    """A mistake: the path of the value, the line within its text, counted from 0, and what is wrong."""

    path: Path
    line: int
    text: str


class UnreadableMapping(ValueError):
    """A mapping with mistakes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, fault.path))}: {fault.text}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Signature:
    """How a webhook is signed: an HMAC over its raw bytes in a header."""

    header: str
    algorithm: str = "sha256"
    encoding: str = "base64"
    prefix: str = ""
    """What stands before it, such as `sha256=`."""
    secret: str = "webhook_secret"
    """The name of the credential."""
    ping: str = ""
    """What an unsigned body may be that says nothing, as a regular expression; `""` = there is none."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """What authorizes our requests, by the names of credentials."""

    kind: str
    """`basic`, `bearer` or `header`."""
    user: str = "api_user"
    key: str = "api_key"
    header: str = "authorization"


@dataclass(frozen=True, slots=True)
class Call:
    """A request, or the requests of a list that is read page by page."""

    method: str
    path: Expression
    body: Expression | None = None
    when: Expression | None = None
    """Whether there is anything to send; None = always."""
    extra: Mapping[str, Expression] = field(default_factory=dict)
    """`orders`, `is_last`, `known`, `known_path` and `find`: what is read of answers."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A mapping that can be used."""

    signature: Signature
    authorization: Authorization | None
    about: Mapping[str, Expression]
    order: Mapping[tuple[str, ...], Expression]
    """By the path of a field of the order document."""
    over: Expression
    where: Expression | None
    line: Mapping[str, Expression]
    poll: Call | None
    read: Call | None
    stock: Call | None
    notify: Mapping[str, Sequence[Call]]
    """By the kind of the event, what is sent one after the other."""


@lru_cache(maxsize=64)
def compiled(text: str) -> Rules:
    """The mapping of a file's text. Raises `UnreadableMapping`, and what `tomllib` raises."""
    reader = _Reader(tomllib.loads(text))
    mapping = reader.mapping()
    if reader.faults:
        raise UnreadableMapping(reader.faults)
    return mapping


def faults_of(document: Mapping[str, Any]) -> list[Fault]:
    """All mistakes of a mapping that was read as TOML."""
    reader = _Reader(document)
    reader.mapping()
    return reader.faults


class _Reader:
    """Reads one mapping, and never stops at a mistake."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.faults: list[Fault] = []

    def mapping(self) -> Rules:
        known = ("webhook", "authorization", "order", "lines", "poll", "read", "stock", "notify")
        self._unknown((), self.document, known)
        about, order = self._order()
        over, where, line = self._lines()
        notify = self._table(("notify",))
        self._unknown(("notify",), notify, sorted(map(str, EventKind)))
        calls = {kind: self._calls(("notify", kind)) for kind in notify}
        return Rules(
            self._signature(), self._authorization(), about, order, over, where, line,
            self._call(("poll",), ("orders", "is_last")), self._call(("read",), ()),
            self._call(("stock",), ("find",)), calls,
        )  # fmt: skip

    def _signature(self) -> Signature:
        given = self._table(("webhook",))
        self._unknown(("webhook",), given, Signature.__slots__)
        texts = {name: self._text(("webhook", name)) for name in given if name in Signature.__slots__}
        signature = Signature(**{"header": "", **texts})
        for name, allowed in (("algorithm", ALGORITHMS), ("encoding", ENCODINGS)):
            if getattr(signature, name) not in allowed:
                self._wrong(("webhook", name), f"{name} must be one of {', '.join(allowed)}")
        if given and not signature.header:
            self._wrong(("webhook",), "header is missing: the header that has the signature")
        try:
            re.compile(signature.ping)
        except re.error as error:
            self._wrong(("webhook", "ping"), f"this is no regular expression: {error}")
        return signature

    def _authorization(self) -> Authorization | None:
        if "authorization" not in self.document:
            return None
        given = self._table(("authorization",))
        self._unknown(("authorization",), given, Authorization.__slots__)
        texts = {name: self._text(("authorization", name)) for name in given if name in Authorization.__slots__}
        if texts.get("kind") not in ("basic", "bearer", "header"):
            self._wrong(("authorization", "kind"), "kind must be one of basic, bearer, header")
        return Authorization(**{"kind": "", **texts})

    def _order(self) -> tuple[Mapping[str, Expression], Mapping[tuple[str, ...], Expression]]:
        given = self._table(("order",))
        self._unknown(("order",), given, sorted(ORDER_FIELDS))
        for name in ("external", "version", "number", "placed_at", "currency"):
            if name not in given:
                self._wrong(("order",), f"{name} is missing")
        about = {name: self._expression(("order", name)) for name in ABOUT if name in given}
        fields = dict(self._fields(given))
        return about, fields

    def _fields(self, given: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Expression]]:
        for name, value in given.items():
            if name in PARTS and isinstance(value, Mapping):
                self._unknown(("order", name), value, sorted(PARTS[name].model_fields))
                yield from (((name, part), self._expression(("order", name, part))) for part in value)
            elif name in ORDER_FIELDS and name not in (*ABOUT, "lines"):
                yield (name,), self._expression(("order", name))

    def _lines(self) -> tuple[Expression, Expression | None, Mapping[str, Expression]]:
        given = self._table(("lines",))
        self._unknown(("lines",), given, sorted(LINE_FIELDS))
        for name in ("over", "line", "quantity", "unit_price"):
            if name not in given:
                self._wrong(("lines",), f"{name} is missing")
        if not any(kind in given for kind in ITEM_KINDS):
            self._wrong(("lines",), f"the item is missing: one of {', '.join(ITEM_KINDS)}")
        found = {name: self._expression(("lines", name)) for name in given if name in LINE_FIELDS}
        nothing = ENGINE.compiled("[]")
        return found.pop("over", nothing), found.pop("where", None), found

    def _call(self, path: Path, extra: Sequence[str]) -> Call | None:
        given = self._table(path)
        if not given:
            return None
        self._unknown(path, given, (*REQUEST_KEYS, *extra))
        method = given.get("method", "GET")
        if method not in ("GET", "POST", "PUT", "PATCH"):
            self._wrong((*path, "method"), "method must be one of GET, POST, PUT, PATCH")
        if "path" not in given:
            self._wrong(path, "path is missing")
        found = {name: self._expression((*path, name)) for name in given if name in {"path", "body", "when", *extra}}
        at = found.pop("path", ENGINE.compiled('""'))
        return Call(str(method), at, found.pop("body", None), found.pop("when", None), found)

    def _calls(self, path: Path) -> Sequence[Call]:
        listed = self.document["notify"][path[-1]]
        if not isinstance(listed, list):
            self._wrong(path, f"write [[notify.{path[-1]}]] with two brackets: an event may need several requests")
            return ()
        calls = (self._call((*path, number), ("known", "known_path")) for number in range(len(listed)))
        return [call for call in calls if call]

    def _table(self, path: Path) -> Mapping[str, Any]:
        value: Any = self.document
        for key in path:
            if isinstance(value, list) and isinstance(key, int):
                value = value[key]
            else:
                value = value.get(key, {}) if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            self._wrong(path, f"{path[-1]} must be a table")
            return {}
        return value

    def _text(self, path: Path) -> str:
        value = self._table(path[:-1])[str(path[-1])]
        if not isinstance(value, str):
            self._wrong(path, f"{path[-1]} must be a text in quotes")
            return ""
        return value

    def _expression(self, path: Path) -> Expression:
        try:
            return ENGINE.compiled(self._text(path))
        except Uncompilable as error:
            self.faults.append(Fault(path, error.line, f"{path[-1]}: {error}"))
            return ENGINE.compiled("null")

    def _unknown(self, path: Path, given: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in given:
            if key not in known:
                close = get_close_matches(key, list(known), 1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                self._wrong((*path, key), f"unknown key {key!r}{hint}")

    def _wrong(self, path: Path, text: str) -> None:
        self.faults.append(Fault(path, 0, text))
