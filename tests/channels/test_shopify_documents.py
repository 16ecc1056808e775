"""Every document that we send is one that Shopify's own schema takes, in every version that we speak, and we ask for no more
access than that needs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import (
    DirectiveNode,
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
    visit,
)
from graphql.language import InlineFragmentNode, IntValueNode, SelectionSetNode

from channels.shopify import version
from channels.shopify.documents import DOCUMENTS
from channels.shopify.scopes import SCOPES, missing
from tests import shopify_schema

COST_MAX = 1000
"""Points that a single document may cost."""

MUTATION_COST = 10
LENGTHS = {"fulfillments": 20, "fulfillmentLineItems": 15, "nodes": 100}
"""How long lists are whose length is a variable."""

LIST_LENGTH = 3
"""How many entries a plain list is taken to have: a line has so many discounts and taxes."""

IDEMPOTENT = ("inventorySetQuantities", "inventoryActivate", "inventoryAdjustQuantities", "refundCreate")
"""Mutations that Shopify refuses without `@idempotent` since 2026-04. The schema does not say so; their descriptions do."""


@pytest.mark.parametrize("spoken", version.VERSIONS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_shopifys_schema_takes_the_document(name: str, spoken: str) -> None:
    errors = validate(shopify_schema.published(spoken), parse(DOCUMENTS[name]))
    assert [error.message for error in errors] == []


def test_the_schemas_of_the_test_are_those_of_the_versions_that_we_speak() -> None:
    assert shopify_schema.VERSIONS == version.VERSIONS
    assert len(DOCUMENTS) > 25


def test_a_document_that_the_schema_does_not_know_is_found() -> None:
    wrong = DOCUMENTS["ORDER"].replace("currentQuantity", "currentQuantities")
    [error] = validate(shopify_schema.published("2026-10"), parse(wrong))
    assert "Did you mean 'currentQuantity'" in error.message


def test_no_document_uses_what_shopify_is_going_to_remove() -> None:
    for name, text in DOCUMENTS.items():
        assert [field for field in fields(text, "2026-10") if field[1].deprecation_reason] == [], name


def fields(text: str, spoken: str) -> list[tuple[str, Any, str]]:
    """Each field of a document: the type that has it, its definition, and the type of its value."""
    info, found = TypeInfo(shopify_schema.published(spoken)), list[tuple[str, Any, str]]()

    class Fields(Visitor):
        """Notes each field."""

        def enter_field(self, *_: Any) -> None:
            """Note it."""
            parent, made, field = info.get_parent_type(), info.get_type(), info.get_field_def()
            assert parent is not None
            assert made is not None
            found.append((parent.name, field, get_named_type(made).name))

    visit(parse(text), TypeInfoVisitor(info, Fields()))
    return found


def needed(spoken: str) -> set[tuple[str, ...]]:
    """The scopes of all documents; of each group one is enough."""
    items = shopify_schema.document(spoken)["offline_scopes"]["items"]
    known = {(item["typeName"], item.get("fieldName")): tuple(item["offlineScopes"]) for item in items}
    groups = set[tuple[str, ...]]()
    for text in DOCUMENTS.values():
        info = TypeInfo(shopify_schema.published(spoken))

        class Scopes(Visitor):
            """Notes the scopes of each field and of its type."""

            def enter_field(self, node: FieldNode, *_: Any, info: TypeInfo = info) -> None:
                """Note them."""
                parent, made = info.get_parent_type(), info.get_type()
                assert parent is not None
                assert made is not None
                for place in ((parent.name, node.name.value), (get_named_type(made).name, None)):
                    groups.update({known[place]} if known.get(place) else ())

        visit(parse(text), TypeInfoVisitor(info, Scopes()))
    return groups


def ticked(groups: Iterable[tuple[str, ...]]) -> set[str]:
    """The fewest scopes that satisfy all groups: those without an alternative, a scope to read being part of one to write."""
    single = {group[0] for group in groups if len(group) == 1}
    least = {
        scope for scope in single if scope.replace("read_", "write_", 1) not in single or scope.startswith("write_")
    }
    for group in groups:
        assert any(scope in least or scope.replace("read_", "write_", 1) in least for scope in group), group
    return least


NOT_SAID = {("write_orders",)}
"""What `refundCreate` needs: Shopify's file (@shopify/dev-mcp 1.16.0) names no scope for it in any version, and one for every
other mutation that changes an order."""


@pytest.mark.parametrize("spoken", version.VERSIONS)
def test_the_scopes_to_tick_are_those_that_the_documents_need_and_no_more(spoken: str) -> None:
    items = shopify_schema.document(spoken)["offline_scopes"]["items"]
    named = {item["fieldName"] for item in items if item["typeName"] == "Mutation" and item["offlineScopes"]}
    assert "refundCreate" not in named
    assert "orderCancel" in named
    assert ticked(needed(spoken) | NOT_SAID) == set(SCOPES)


def test_a_scope_that_the_app_lacks_is_named() -> None:
    assert missing(SCOPES) == []
    assert missing([*SCOPES, "read_orders"]) == []
    assert missing([scope for scope in SCOPES if scope != "read_products"]) == ["read_products"]
    assert missing(["write_products", *(scope for scope in SCOPES if scope != "read_products")]) == []
    assert missing(["read_orders", *(scope for scope in SCOPES if scope != "write_orders")]) == ["write_orders"]


def points(kind: Any, selections: SelectionSetNode | None) -> int:
    """What is selected of a type costs at the most, by the formula of shopify.dev, "API usage rate limits": an object is a
    point, a leaf nothing, and a connection two with each of its entries."""
    total = 0
    for node in selections.selections if selections else ():
        if isinstance(node, InlineFragmentNode) and node.type_condition:
            total += points(
                shopify_schema.published("2026-10").type_map[node.type_condition.name.value], node.selection_set
            )
        elif isinstance(node, FieldNode):
            total += of_field(node, kind.fields[node.name.value].type)
    return total


def of_field(field: FieldNode, made: Any) -> int:
    """What a field costs."""
    kind, name = get_named_type(made), field.name.value
    if is_leaf_type(kind) or name == "pageInfo":
        return 0
    inside = points(kind, field.selection_set)
    if kind.name.endswith("Connection"):
        return 2 + length(field) * inside
    if name != "nodes" and "[" in str(made):
        return length(field) * (1 + inside)
    return 1 + inside


def length(field: FieldNode) -> int:
    """How long a list or connection is: as it is written, or as `reading` asks for it at the most."""
    first = next((argument.value for argument in field.arguments or () if argument.name.value == "first"), None)
    if isinstance(first, IntValueNode):
        return int(first.value)
    return LENGTHS.get(field.name.value, LIST_LENGTH)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_shopify_refuses_no_document_for_its_cost(name: str) -> None:
    [operation] = parse(DOCUMENTS[name]).definitions
    assert isinstance(operation, OperationDefinitionNode)
    is_change = operation.operation is OperationType.MUTATION
    root = shopify_schema.published("2026-10").type_map["Mutation" if is_change else "QueryRoot"]
    assert points(root, operation.selection_set) + (MUTATION_COST if is_change else 0) <= COST_MAX


def test_what_shopify_wants_to_be_idempotent_is_so_with_the_key_of_the_request() -> None:
    for name, text in DOCUMENTS.items():
        [operation] = parse(text).definitions
        assert isinstance(operation, OperationDefinitionNode)
        for field in operation.selection_set.selections:
            assert isinstance(field, FieldNode), name
            if field.name.value in IDEMPOTENT:
                [directive] = field.directives or ()
                assert isinstance(directive, DirectiveNode)
                assert directive.name.value == "idempotent"


def test_a_version_without_three_months_to_live_is_warned_of() -> None:
    def said(spoken: str, month: int, day: int) -> str | None:
        return version.warning(spoken, datetime(2027, month, day, tzinfo=UTC))

    assert version.warning(version.DEFAULT, datetime(2026, 11, 30, tzinfo=UTC)) is None
    assert said("2026-10", 7, 2) is None
    assert said("2026-10", 7, 3) == "Shopify serves version 2026-10 until 2027-10-01; update Switchyard"
    assert (
        said("2026-01", 1, 1)
        == "Shopify serves version 2026-01 until 2027-01-01; write version = '2026-10' in channels.toml"
    )
    assert "is not spoken here" in (said("2025-10", 1, 1) or "")
