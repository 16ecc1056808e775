"""Executes GraphQL against the simulated shop, with the rules that Shopify's schema does not show.

A document is read by the part of Shopify's schema that is played (`played.graphql`, see `make.py`); with the published schema
at hand it must be valid in that first. Then come the scopes of the app, the key of mutations that need one, and the cost.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    build_schema,
    execute_sync,
    get_named_type,
    parse,
    validate,
    value_from_ast_untyped,
)

from demo.peers.shopify.mutations import Mutations, user_error
from demo.peers.shopify.queries import Queries
from demo.peers.shopify.shop import Impossible, Shop
from demo.peers.shopify.state import Work
from demo.peers.shopify.views import Views
from demo.peers.shopify.work import Refused

Document = dict[str, Any]
HERE = Path(__file__).parent

NEEDS_KEY = ("inventoryActivate", "inventorySetQuantities", "refundCreate")
"""The played mutations that need `@idempotent(key:)`: in their texts in the published schema, from version 2026-04 on."""
NEEDS_KEY_SINCE = "2026-04"
ALL_ORDERS = "read_all_orders"
RECENT = timedelta(days=60)
"""How far back an app without `read_all_orders` sees."""
DOCUMENTS_MAX = 256
"""Documents that are kept as they were read and compared."""


@dataclass(slots=True)
class Bucket:
    """What an app may cost: it fills by so many points a second."""

    clock: Callable[[], datetime]
    points_max: float = 2000
    per_second: float = 100
    points: float = 2000
    at: datetime | None = None

    def take(self, cost: int) -> bool:
        """Whether so many points were there; then they are gone."""
        now = self.clock()
        passed = (now - self.at).total_seconds() if self.at else 0
        self.points, self.at = min(self.points_max, self.points + passed * self.per_second), now
        if cost > self.points:
            return False
        self.points -= cost
        return True

    def status(self) -> Document:
        """As `extensions.cost.throttleStatus` shows it."""
        return {
            "maximumAvailable": self.points_max,
            "currentlyAvailable": int(self.points),
            "restoreRate": self.per_second,
        }


@dataclass(slots=True)
class Graph:
    """The GraphQL interface of one shop."""

    shop: Shop
    published: Mapping[str, GraphQLSchema] = field(default_factory=dict)
    """By version, Shopify's schema; a version without one is executed without this check."""
    bucket: Bucket | None = None
    calls: list[str] = field(default_factory=list)
    """The root fields of every document that was executed, for tests that count."""
    _done: dict[str, tuple[str, Mapping[str, Any], bool]] = field(default_factory=dict)
    """By key: the mutation with its arguments, its payload, and whether it failed."""

    def execute(self, version: str, scopes: Sequence[str], text: str, variables: Mapping[str, Any] | None) -> Document:
        """The answer to a document."""
        bucket = self.bucket = self.bucket or Bucket(self.shop.clock)
        try:
            document = parsed(text)
        except GraphQLError as error:
            return {"errors": [error.formatted]}
        if faults := self._faults(version, scopes, text):
            return {"errors": faults}
        cost = cost_of(document, variables or {})
        spent = {"requestedQueryCost": cost, "actualQueryCost": None}
        if not bucket.take(cost):
            throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [throttled], "extensions": {"cost": spent | {"throttleStatus": bucket.status()}}}
        answer = self._run(version, scopes, document, variables or {})
        cost_shown = spent | {"actualQueryCost": cost, "throttleStatus": bucket.status()}
        return answer | {"extensions": {"cost": cost_shown}}

    def _run(
        self, version: str, scopes: Sequence[str], document: DocumentNode, variables: Mapping[str, Any]
    ) -> Document:
        views = Views(self.shop, lambda work: may(work, scopes, "read"))
        since = None if ALL_ORDERS in scopes else self.shop.now() - RECENT
        operation = operation_of(document)
        root: Any = Queries(self.shop, views, scopes, since)
        if operation.operation == OperationType.MUTATION:
            root = Mutations(self.shop, views, version, lambda work: may(work, scopes, "write"))
        self.calls += [node.name.value for node in fields_of(operation.selection_set, document)]
        result = execute_sync(played(), document, root, variable_values=dict(variables), field_resolver=self._resolve)
        return dict(result.formatted)

    def _resolve(self, source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        """A field: of a view by its name, of the root by the method of its name."""
        if isinstance(source, Mapping):
            if info.field_name not in source:
                raise GraphQLError(f"the simulated shop does not play {info.parent_type.name}.{info.field_name}")
            value = source[info.field_name]
            return value(**given) if callable(value) else value
        method = getattr(source, info.field_name)
        if isinstance(source, Queries):
            return method(**given)
        return self._mutate(method, info, given)

    def _mutate(
        self, method: Callable[..., Mapping[str, Any]], info: GraphQLResolveInfo[Any], given: Mapping[str, Any]
    ) -> Document:
        """A mutation happens once for each key; a repeat has the first answer."""
        payload = get_named_type(info.return_type)
        assert isinstance(payload, GraphQLObjectType)
        empty: Document = dict.fromkeys(payload.fields) | {"userErrors": []}
        key = key_of(info.field_nodes[0], info.variable_values.coerced)
        asked = json.dumps([info.field_name, given], sort_keys=True, default=str)
        if key is not None and key in self._done:
            before, answer, has_failed = self._done[key]
            if before != asked:
                return empty | {
                    "userErrors": [_about_the_key("KEY_PARAMETER_MISMATCH", "cannot be used with different arguments")]
                }
            if has_failed:
                return empty | {
                    "userErrors": [_about_the_key("PREVIOUS_ATTEMPT_FAILED", "failed before; use a new one")]
                }
            return {**empty, **answer}
        answer, has_failed = {}, False
        try:
            answer = method(**given)
        except (Refused, Impossible) as error:
            answer, has_failed = {"userErrors": [user_error(error)]}, True
        if key is not None:
            self._done[key] = (asked, answer, has_failed)
        return {**empty, **answer}

    def _faults(self, version: str, scopes: Sequence[str], text: str) -> list[Any]:
        document = parsed(text)
        if version in self.published and (errors := misfits(self.published[version], text)):
            return [error.formatted for error in errors]
        if errors := misfits(played(), text):
            return [
                error.formatted | {"message": f"the simulated shop does not play this: {error.message}"}
                for error in errors
            ]
        if missing := list(missing_scopes(document, scopes)):
            return missing
        return list(missing_keys(document)) if version >= NEEDS_KEY_SINCE else []


@lru_cache(maxsize=DOCUMENTS_MAX)
def parsed(text: str) -> DocumentNode:
    """A document. Raises `GraphQLError`."""
    return parse(text)


@lru_cache(maxsize=DOCUMENTS_MAX)
def misfits(schema: GraphQLSchema, text: str) -> Sequence[GraphQLError]:
    """Where a document does not fit a schema. A connection sends the same few documents, and to compare one takes longer than
    everything else that is done for it."""
    return tuple(validate(schema, parsed(text)))


@cache
def played() -> GraphQLSchema:
    """The part of Shopify's schema that is played."""
    return build_schema((HERE / "played.graphql").read_text(), assume_valid=True)


@cache
def scopes_needed() -> Mapping[str, Sequence[str]]:
    """By type or `Type.field`, the scopes of which one is enough, from Shopify's published schema."""
    needed: Mapping[str, Sequence[str]] = json.loads((HERE / "scopes.json").read_text())
    return needed


def may(work: Work, scopes: Sequence[str], verb: str) -> bool:
    """Whether scopes allow to read or write a fulfillment order: ours by the service's location, else the merchant's."""
    kind = "merchant_managed" if work.location.service is None else "assigned"
    return f"{verb}_{kind}_fulfillment_orders" in scopes or (verb == "read" and may(work, scopes, "write"))


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    """The operation of a document: Shopify takes one."""
    return next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))


def fields_of(selection: SelectionSetNode | None, document: DocumentNode) -> Iterator[FieldNode]:
    """The fields of a selection, those of its fragments included."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode):
            yield node
        else:
            name = getattr(node, "name", None)
            inner = fragments[name.value].selection_set if name else getattr(node, "selection_set", None)
            yield from fields_of(inner, document)


def missing_scopes(document: DocumentNode, scopes: Sequence[str]) -> Iterator[Document]:
    """What the app may not read or do."""
    operation = operation_of(document)
    root = played().get_root_type(operation.operation)
    assert root is not None
    granted = {*scopes, *(scope.replace("write_", "read_") for scope in scopes)}
    for name in dict.fromkeys(_met(root, operation.selection_set, document)):
        needed = scopes_needed().get(name)
        if needed and not granted & set(needed):
            access = ", ".join(f"`{scope}`" for scope in needed)
            yield {
                "message": f"Access denied for {name.rpartition('.')[2]} field. Required access: {access} access scope.",
                "extensions": {"code": "ACCESS_DENIED", "requiredAccess": f"{access} access scope."},
            }


def missing_keys(document: DocumentNode) -> Iterator[Document]:
    """The mutations that need a key and have none."""
    for node in fields_of(operation_of(document).selection_set, document):
        if node.name.value in NEEDS_KEY and not any(one.name.value == "idempotent" for one in node.directives or ()):
            text = f"The @idempotent directive is required for {node.name.value}."
            yield {"message": text, "extensions": {"code": "BAD_REQUEST"}}


def key_of(node: FieldNode, variables: Mapping[str, Any]) -> str | None:
    """The key of a mutation."""
    for directive in node.directives or ():
        if directive.name.value == "idempotent":
            return str(_argument(directive, "key", variables))
    return None


def cost_of(document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """What a document is counted as: ten for a mutation, one for an object, two and its size for a page of a list.

    Shopify does not publish its formula for pages within pages; here they are counted once, so real costs are higher.
    """
    operation = operation_of(document)
    base = 10 if operation.operation == OperationType.MUTATION else 0
    return base + _cost(operation.selection_set, document, variables)


_PARTS_OF_PAGES = ("edges", "node", "nodes", "pageInfo")


def _cost(selection: SelectionSetNode | None, document: DocumentNode, variables: Mapping[str, Any]) -> int:
    cost = 0
    for node in fields_of(selection, document):
        if node.selection_set:
            size = _argument(node, "first", variables) or _argument(node, "last", variables)
            itself = 2 + int(size) if size else 0 if node.name.value in _PARTS_OF_PAGES else 1
            cost += itself + _cost(node.selection_set, document, variables)
    return cost


def _met(parent: Any, selection: SelectionSetNode | None, document: DocumentNode) -> Iterator[str]:
    for node in fields_of(selection, document):
        yield f"{parent.name}.{node.name.value}"
        if (found := getattr(parent, "fields", {}).get(node.name.value)) is not None:
            child = get_named_type(found.type)
            yield child.name
            yield from _met(child, node.selection_set, document)


def _argument(node: FieldNode | DirectiveNode, name: str, variables: Mapping[str, Any]) -> Any:
    for argument in node.arguments or ():
        if argument.name.value == name:
            return value_from_ast_untyped(argument.value, dict(variables))
    return None


def _about_the_key(code: str, text: str) -> Document:
    return {"field": None, "message": f"This idempotency key {text}.", "code": f"IDEMPOTENCY_{code}"}
