"""The documents of exceptions: the queue of open ones, and a single one with the actions that it suggests."""

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Any, Literal

from pydantic import AwareDatetime
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import TextClause, text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document, sometimes
from database.documents.filters import given
from database.sealing import COMMON
from domain.closing import CLOSING
from domain.network import ExceptionRules
from domain.order import PromiseState
from domain.reasons import WHAT_TO_DO, About, Action, ExceptionCode, actions, connection_of


class SuggestedAction(Document):
    """A request that makes sense for an exception now."""

    action: Action
    """The kind of action."""
    method: Literal["POST"]
    path: str
    """Where to send it."""
    body: dict[str, Any]
    """The known part of its body; a person fills in what is null. That of `tell` can be sent as it is: the message that is
    missing most often. A person changes it to what the node says."""


class PickupPlace(Document):
    """Another node where the customer can collect all units."""

    node: str
    name: str
    distance_km: float | None
    """As the crow flies from the order's address; null when that is military mail, to which no distance can be measured."""
    ready_by: AwareDatetime
    """When the units would be ready."""


class PickupAlternatives(Document):
    """What a customer can choose when the pickup cannot go on. Nothing of it is reserved."""

    pickup: list[PickupPlace]
    """The nearest five nodes that have all units, the nearest first; five of them by id where no distance can be measured."""
    delivery: PromiseState | None
    """The promise for a delivery instead; null when it cannot be delivered."""


class ClosingEvent(Document):
    """The event whose facts closed an exception."""

    cause: str
    """Its name: `message` with the node and the message's id, `request` with its number, or what the order did by itself."""
    actor: str
    """Who did it: the holder of a key, `workflow` or `clock`."""


class ExceptionCase(Document):
    """Something that needs a person: what happened, who handles it, and what can be done."""

    exception: str
    """Its id."""
    code: ExceptionCode
    order: str | None
    """The order's id; null when it belongs to no order."""
    fulfillment_order: str | None
    """The fulfillment order's id; null when it is about none."""
    node: str | None
    """The node that it is about; null when it is about none."""
    subject: str | None
    """The line, return or SKU that it is about; null where its detail names it."""
    detail: str
    """What happened, in a sentence."""
    since: AwareDatetime
    due_at: AwareDatetime
    """When a person should have looked at it: four hours later."""
    owner: str
    """Who handles it: the owner that it was assigned to, or the policy's owner for its code."""
    escalated: bool
    """Whether it was escalated, because it was not resolved within the policy's `escalate_after`."""
    resolved_at: AwareDatetime | None
    """When it was resolved; null while it is open."""
    assigned_by: str | None
    """Who assigned it to its owner; null when the policy did."""
    assigned_because: str | None
    """Why; null when no reason was given."""
    resolved_by: str | None
    """Who resolved it; null while it is open, when it closed by itself, or when its order was forgotten."""
    reason: str | None
    """Why it was resolved; null when no reason was given."""
    closed_by: str | None
    """The facts that close it without a person; null when only a person resolves it."""
    ended_by: ClosingEvent | None
    """The event that closed it; null while it is open, or when a person resolved it."""
    what_to_do: str
    """What a person can do, in a sentence or two."""
    actions: list[SuggestedAction]
    """The requests that make sense now; empty when it is resolved."""
    alternatives: PickupAlternatives | SkipJsonSchema[None] = sometimes()
    """Only in `GET /exceptions/{exception}`, of an open `pickup`."""


async def queue(
    connection: ReadConnection,
    *,
    rules: ExceptionRules,
    code: ExceptionCode | None,
    owner: str | None,
    node: str | None,
    order: str | None,
    older_than: timedelta | None,
    is_open: bool,
    after: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Open exceptions, or resolved ones, the oldest first, after the one with the id `after`."""
    asked = given(
        {
            f"e.resolved_at IS {'' if is_open else 'NOT '}NULL": is_open,
            "e.code = :code": code,
            f"{_OWNER} = :owner": owner,
            "e.node = :node": node,
            "e.order_id = :order": order,
            "e.since < clock_timestamp() - CAST(:older_than AS interval)": older_than,
            f"(e.since, e.exception_id) > (({_AFTER}), :after)": after,
        }
    )
    rows = await connection.execute(
        _shown_of(f"{asked} ORDER BY e.since, e.exception_id LIMIT {limit:d}"),
        {
            "owners": _owners(rules),
            "code": code,
            "owner": owner,
            "node": node,
            "order": order,
            "older_than": older_than,
            "after": after,
            "limit": limit,
        },
    )
    return [_shown(connection, row) for row in rows]


async def show(connection: ReadConnection, exception: str, rules: ExceptionRules) -> dict[str, Any] | None:
    """One exception, open or not, as the queue shows it; None when there is none."""
    statement = _shown_of("e.exception_id = :exception")
    found = (await connection.execute(statement, {"exception": exception, "owners": _owners(rules)})).one_or_none()
    return None if found is None else _shown(connection, found)


async def named(connection: ReadConnection, names: Collection[str], rules: ExceptionRules) -> list[dict[str, Any]]:
    """The exceptions with these ids, open or not, as the queue shows them; one that does not exist is left out."""
    statement = _shown_of("e.exception_id = ANY(CAST(:names AS text[]))")
    rows = await connection.execute(statement, {"names": list(names), "owners": _owners(rules)})
    return [_shown(connection, row) for row in rows]


async def counts(connection: ReadConnection, rules: ExceptionRules) -> dict[str, dict[str, int]]:
    """How many exceptions are open by `code`, by `node`, by `owner` and by `age`, the most frequent first.

    What is about no node is counted under "", and an age is the number of `AGES` that have passed.
    """
    found: dict[str, dict[str, int]] = {kind: {} for kind in ("code", "node", "owner", "age")}
    rows = await connection.execute(COUNTS, {"owners": _owners(rules), "ages": list(AGES.values())})
    for row in rows:
        found[row.kind][row.name] = row.number
    return found


AGES = {"1h": timedelta(hours=1), "4h": timedelta(hours=4), "1d": timedelta(days=1), "7d": timedelta(days=7)}
"""The ages by which open exceptions are counted, as a filter writes them."""


def _owners(rules: ExceptionRules) -> str:
    return json.dumps({code: rules.owner(code) for code in ExceptionCode})


def _shown(connection: ReadConnection, row: Any) -> dict[str, Any]:
    """An exception with what a person can do about it: as a text and, while it is open, as requests."""
    shown: dict[str, Any] = json.loads(row.shown)
    assigned = personal.remark(personal.open_key(connection, row.assigned_owner, row.assigned_key), row.assigned)
    resolved = personal.remark(personal.open_key(connection, row.resolved_owner, row.resolved_key), row.resolved)
    code = ExceptionCode(shown["code"])
    named = connection_of(code, shown["exception"], shown["order"], shown["subject"])
    about = About(code, shown["order"], shown["fulfillment_order"], shown["node"], shown.pop("can_reroute"), named)
    cause, actor = shown.pop("closed_cause"), shown.pop("closed_actor")
    return shown | {
        "closed_by": CLOSING[code].closed_by,
        "ended_by": {"cause": cause, "actor": actor} if cause else None,
        "assigned_by": assigned["actor"],
        "assigned_because": assigned["reason"],
        "resolved_by": resolved["actor"],
        "reason": resolved["reason"],
        "what_to_do": WHAT_TO_DO[code],
        "actions": actions(about) if shown["resolved_at"] is None else [],
    }


_OWNER = "coalesce(e.owner, CAST(:owners AS jsonb)->>e.code)"

COUNTS = text(
    f"""
    SELECT CASE grouping(x.code, x.node, x.owner, x.age) WHEN 7 THEN 'code' WHEN 11 THEN 'node' WHEN 13 THEN 'owner'
                ELSE 'age' END AS kind,
           coalesce(x.code, x.node, x.owner, x.age::text) AS name, count(*) AS number
    FROM (SELECT e.code, coalesce(e.node, '') AS node, {_OWNER} AS owner,
                 (SELECT count(*) FROM unnest(CAST(:ages AS interval[])) a WHERE e.since < clock_timestamp() - a) AS age
          FROM exception e WHERE e.resolved_at IS NULL) x
    GROUP BY GROUPING SETS ((x.code), (x.node), (x.owner), (x.age))
    ORDER BY 1, 3 DESC, 2
    """
)


def _shown_of(asked: str) -> TextClause:
    """The exceptions that are asked for, the oldest first. They are chosen before anything else is read of them: of all open
    ones, PostgreSQL would read every fulfillment order to know which of them can be rerouted."""
    chosen = f"(SELECT e.* FROM exception e WHERE {asked}) e"
    return text(f"{_SHOWN} FROM {chosen} {_REMARKS} ORDER BY e.since, e.exception_id")


_SHOWN = f"""
    SELECT jsonb_build_object(
               'exception', e.exception_id, 'code', e.code, 'order', e.order_id,
               'fulfillment_order', e.fulfillment_order_id, 'node', e.node, 'subject', e.subject,
               'detail', e.detail, 'since', e.since,
               'due_at', e.due_at, 'owner', {_OWNER}, 'escalated', e.escalated_at IS NOT NULL,
               'resolved_at', e.resolved_at, 'closed_cause', e.closed_cause, 'closed_actor', e.closed_actor,
               'can_reroute', EXISTS (
                   SELECT FROM fulfillment_order f JOIN fulfillment_order_line l USING (fulfillment_order_id)
                   WHERE f.fulfillment_order_id = e.fulfillment_order_id
                     AND (NOT f.pickup OR f.uncollected_at IS NOT NULL) AND l.quantity > l.shipped + l.short))::text AS shown,
           r.sealed AS resolved, rk.owner AS resolved_owner, rk.wrapped AS resolved_key,
           a.sealed AS assigned, ak.owner AS assigned_owner, ak.wrapped AS assigned_key
"""

_REMARKS = f"""
    LEFT JOIN personal.remark r ON r.remark_id = e.resolved_by
    LEFT JOIN personal.key rk ON rk.owner = coalesce(r.order_id, '{COMMON}')
    LEFT JOIN personal.remark a ON a.remark_id = e.assigned_by
    LEFT JOIN personal.key ak ON ak.owner = coalesce(a.order_id, '{COMMON}')
"""

_AFTER = "SELECT a.since FROM exception a WHERE a.exception_id = :after"
