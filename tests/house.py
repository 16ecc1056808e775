"""A whole Switchyard in one process for tests: real PostgreSQL, real Temporal, HTTP, and nodes that the test controls."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from httpx2 import AsyncClient, Response
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

import worker
from api.app import application
from api.service import Service, assemble
from database import label as labels
from database import manifest as manifests
from database.connect import Database, WriteConnection
from database.sealing import MasterKeys
from domain import identifiers
from domain.label import LabelState
from domain.manifest import ManifestState
from domain.order import BUCKETS
from starter.audit import findings_of
from tests.checked_transport import CheckedTransport
from workflows.visibility import NEXT_DEADLINE

Document = dict[str, Any]
MASTER_KEY = "bWFzdGVyIGtleSBvZiBhbGwgb3VyIHRlc3RzIDAwMDA="
MASTER_KEYS = MasterKeys.parse(MASTER_KEY)
ANSWERS_WITHIN_SECONDS = 60.0
"""A machine may be busy: what has not come by then does not come."""


def zone_where_it_is(hour: int) -> str:
    """A time zone in which it is past this hour, and not yet past the next one."""
    ahead = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"


def _in_the_morning(network: Path) -> Path:
    """The network as it would be a few hours before noon: whenever tests run, no midnight and no cutoff is near."""
    copy = Path(tempfile.mkdtemp(prefix="switchyard-test-"))
    atexit.register(shutil.rmtree, copy)
    shutil.copytree(network, copy, dirs_exist_ok=True)
    nodes = (copy / "nodes.toml").read_text()
    for zone, hour in (("America/Denver", 6), ("America/Chicago", 7)):
        nodes = nodes.replace(zone, zone_where_it_is(hour))
    (copy / "nodes.toml").write_text(nodes)
    return copy


SMALL_MAP = _in_the_morning(Path(__file__).parent / "workflows" / "network")
"""A network whose nodes are always open, and named after what the order does when they stay silent. It is six in the morning
there: between the cutoffs of two time zones a farther node keeps a promise that a nearer one breaks, and at midnight a full
node is not full any more."""
EVERYTHING = (
    "/orders",
    "/fulfillment-orders",
    "/returns",
    "/exceptions",
    "/events",
    "/stock",
    "/transfers",
    "/needs",
    "/nodes",
    "/connections",
    "/keys",
)
"""Every list."""
_numbers = count(1)


@dataclass
class House:
    """What a test works with; orders get numbers that no other test uses."""

    http: AsyncClient
    service: Service
    time: TimeSkipper
    database_url: str
    orders: list[str] = field(default_factory=list)

    def body(self, *lines: tuple[str, int], channel: str = "web", postal_code: str = "80202", **more: Any) -> Document:
        """An order as a channel hands it in, for `(sku, quantity)` lines numbered from 1."""
        number = f"t{next(_numbers)}"
        self.orders.append(identifiers.order_id(channel, number))
        return {
            "channel": channel,
            "number": number,
            "placed_at": now(),
            "currency": "USD",
            "ship_to": {"postal_code": postal_code, "country": "US"},
            "lines": [
                {"line": str(n), "sku": sku, "quantity": quantity, "unit_price": 1000}
                for n, (sku, quantity) in enumerate(lines, 1)
            ],
        } | more

    async def place(self, *lines: tuple[str, int], **more: Any) -> str:
        """Place an order over HTTP and answer its id; the channel must have been granted it."""
        answer = await self.http.post("/orders", json=self.body(*lines, **more))
        assert answer.status_code == 201, answer.text
        name: str = answer.json()["order"]
        if name not in self.orders:  # of a number that the test chose: `leave` ends its workflow as well
            self.orders.append(name)
        return name

    async def stock(self, node: str, **units: int) -> None:
        """Receive units at a node; a SKU's dashes are written as underscores."""
        lines = [{"sku": sku.replace("_", "-"), "quantity": quantity} for sku, quantity in units.items()]
        body = {"message_id": f"in-{next(_numbers)}", "node": node, "kind": "received", "occurred_at": now()}
        answer = await self.http.post("/stock/messages", json=body | {"lines": lines})
        assert answer.status_code == 202, answer.text

    async def order(self, name: str) -> Document:
        """The document of `GET /orders/{order}`."""
        answer = await self.http.get(f"/orders/{name}")
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        return document

    async def until(self, name: str, wanted: str | Callable[[Document], bool]) -> Document:
        """Poll an order until it has a status, or until something is true of it."""
        is_there = (lambda found: found["status"] == wanted) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not is_there(document := await self.order(name)):  # noqa: ASYNC110  (PostgreSQL rings no bell)
                await asyncio.sleep(0.03)
        return document

    async def work(self, name: str, number: int = 1) -> Document:
        """The order's `number`-th fulfillment order, as soon as it exists."""
        document = await self.until(name, lambda found: len(found["fulfillment_orders"]) >= number)
        work: Document = document["fulfillment_orders"][number - 1]
        return work

    async def tell(
        self, fulfillment_order: str, kind: str, lines: Mapping[str, int] | None = None, **more: Any
    ) -> Response:
        """Send a node's message; `lines` are quantities per line, absent = all that is due."""
        body: Document = {"message_id": f"m-{next(_numbers)}", "kind": kind, "occurred_at": now()} | more
        if lines is not None:
            body["lines"] = [{"line": line, "quantity": quantity} for line, quantity in lines.items()]
        answer = await self.http.post(f"/fulfillment-orders/{fulfillment_order}/messages", json=body)
        assert answer.status_code in (200, 202), answer.text
        return answer

    async def ask(self, name: str, what: str, **body: Any) -> Response:
        """Ask something of an order over HTTP: cancel, hold, release, returns."""
        return await self.http.post(f"/orders/{name}/{what}", json=body)

    async def fulfill(self, fulfillment_order: str) -> None:
        """A node that does everything right: accepted, picked, shipped, delivered."""
        for kind in ("accepted", "picked", "shipped", "delivered"):
            await self.tell(fulfillment_order, kind)

    def workflow(self, name: str) -> WorkflowHandle[Any, Any]:
        """The workflow of an order."""
        return self.time.client.get_workflow_handle(identifiers.order_workflow_id(name))

    async def fill_its_history(self, handle: WorkflowHandle[Any, Any]) -> None:
        """Send a workflow more than 4 MB of signals without a change, and wait until it has begun a new history.

        The server suggests that only in the task after the one that was too much. A signal that arrives while the workflow
        begins a new history delays it, so there are pauses between the later signals.
        """
        first = (await handle.describe()).run_id
        for _ in range(10):
            await handle.signal("changed", {"ballast": "x" * 500_000})
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while (await handle.describe()).run_id == first:
                await handle.signal("changed", {})
                await asyncio.sleep(0.3)

    async def skip(self, name: str, span: timedelta) -> None:
        """Let an order's own clock run ahead."""
        await self.time.fast_forward(self.workflow(name), span)

    async def clock(self, name: str) -> datetime:
        """What an order's own clock says."""
        return await self.time.get_current_time(self.workflow(name))

    async def skip_to(self, name: str, moment: str) -> None:
        """Let an order's own clock run to a moment as documents tell it, and a second beyond."""
        until = datetime.fromisoformat(moment) + timedelta(seconds=1)
        while (span := until - await self.clock(name)) > timedelta() and await self.is_running(name):
            await self.skip(name, span)

    async def wait_out(self, name: str, number: int = 1) -> None:
        """Let the deadline pass that the order's `number`-th fulfillment order has now."""
        await self.skip_to(name, (await self.work(name, number))["deadline"])

    async def settle(self, name: str) -> Document:
        """Wait until the workflow has taken in everything that it is woken for and has nothing left to do at once."""
        handle = self.workflow(name)
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while True:
                # Its history must not grow while it is read: what was seen is else from before its last deed, or amid it.
                events = (await handle.describe()).history_length
                document, seen = await self.order(name), await handle.query("view", result_type=dict[str, Any])
                after = await handle.describe()
                about = after.raw_description
                grows = after.history_length != events
                doing = [one for one in about.pending_activities if not _waits_for_another_try(one)]
                busy = grows or doing or about.HasField("pending_workflow_task")
                clock = await self.clock(name)
                deadlines = [work["deadline"] for work in document["fulfillment_orders"]]
                due = any(is_over(moment, clock) for moment in [*deadlines, document["closes_at"]])
                is_woken = await self._is_woken(name, seen.get("version"))
                if not is_woken and not busy and (document["closed"] or not due):
                    return document
                await asyncio.sleep(0.03)

    async def _is_woken(self, name: str, version: int | None) -> bool:
        """Whether the outbox has a state for the order's workflow that is newer than its copy, or it has no copy yet."""
        workflow_id = identifiers.order_workflow_id(name)
        async with self.service.database.read() as connection:
            newest = (await connection.execute(NEWEST, {"workflow_id": workflow_id})).scalar()
        return version is None or (newest or 0) > version

    async def is_running(self, name: str) -> bool:
        """Whether the order's workflow has not ended."""
        return (await self.workflow(name).describe()).status is WorkflowExecutionStatus.RUNNING

    async def asleep_for_ever(self, name: str, document: Document) -> str:
        """Why an order that has nothing to do at once could not wake by itself; empty when it can.

        It needs an open timer in Temporal, and something that is due: a deadline of its own, new stock that it looks for
        each day, or an open exception.
        """
        if not await self.is_running(name):
            return "" if document["closed"] else f"its workflow has ended: {document}"
        if not await self._timers(name):
            return f"no timer will wake it: {document}"
        moments = [work["deadline"] for work in document["fulfillment_orders"]] + [document["closes_at"]]
        if why := await self._looks_too_late(name, moments):
            return f"{why}: {document}"
        waits = any(line["backordered"] or line["reserved"] for line in document["lines"])
        is_due = any(moments) or waits or document["holds"] or document["exceptions"]
        return "" if is_due else f"nothing is due, and no exception is open: {document}"

    async def _looks_too_late(self, name: str, moments: list[str | None]) -> str:
        """Why an order does not look in time, by what it says itself; empty when it looks no later than the facts say."""
        due = min((datetime.fromisoformat(moment) for moment in moments if moment), default=None)
        looks_at = (await self.workflow(name).describe()).typed_search_attributes.get(NEXT_DEADLINE)
        is_late = due is not None and (looks_at is None or looks_at > due)
        return f"it looks at {looks_at}, but {due} is due" if is_late else ""

    async def _timers(self, name: str) -> set[int]:
        """The timers that are open, by the event that started them."""
        timers: set[int] = set()
        for event in (await self.workflow(name).fetch_history()).events:
            match event.event_type:
                case EventType.EVENT_TYPE_TIMER_STARTED:
                    timers.add(event.event_id)
                case EventType.EVENT_TYPE_TIMER_FIRED:
                    timers.discard(event.timer_fired_event_attributes.started_event_id)
                case EventType.EVENT_TYPE_TIMER_CANCELED:
                    timers.discard(event.timer_canceled_event_attributes.started_event_id)
        return timers

    async def available(self, sku: str) -> dict[str, int]:
        """What is available of an item, by node."""
        nodes = (await self.http.get(f"/stock/{sku}")).json()["nodes"]
        return {row["node"]: row["available"] for row in nodes}

    async def key(self, kind: str, name: str, **more: str) -> dict[str, str]:
        """The headers of somebody with a key of their own; it overrides the operator's, which every request has otherwise."""
        answer = await self.http.post("/keys", json={"kind": kind, "name": name} | more)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['key']}"}

    async def pages(self, path: str, limit: int, **query: str) -> list[list[Document]]:
        """Every page of a list, walked by `next`."""
        pages: list[list[Document]] = []
        after: dict[str, str] = {}
        while True:
            answer = await self.http.get(path, params=query | {"limit": str(limit)} | after)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json()["items"])
            if answer.json()["next"] is None:
                return pages
            after = {"after": answer.json()["next"]}

    async def facts(self) -> dict[str, str]:
        """Every fact that is stored: per table its number of rows and a fingerprint of what they say."""
        async with self.service.database.read() as connection:
            tables = (await connection.execute(TABLES)).scalars().all()
            rows = await connection.execute(text(" UNION ALL ".join(map(_fingerprint, tables))))
            return {row.name: row.fingerprint for row in rows}

    async def check_invariants(self) -> None:
        """What `python -m starter audit` checks."""
        violations = [row for finding in await findings_of(self.service.database) for row in finding.violations]
        assert not violations, violations

    async def read_everything(self) -> None:
        """Read every document of what the test has left; the transport checks each against its model."""
        for path in EVERYTHING:
            await self.http.get(path, params={"limit": "500"})
        for name in self.orders:
            for path in (f"/orders/{name}", f"/orders/{name}/timeline", f"/orders/{name}/plan"):
                await self.http.get(path)

    async def leave(self) -> None:
        """End the workflows that the test leaves open."""
        for name in self.orders:
            handle = self.workflow(name)
            try:
                if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                    await handle.terminate("the test is over")
            except RPCError:
                continue


NEWEST = text("SELECT max(CAST(facts #>> '{recorded,version}' AS bigint)) FROM wake WHERE workflow_id = :workflow_id")
TABLES = text(
    """
    SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
    WHERE table_schema IN ('public', 'personal') AND table_type = 'BASE TABLE'
      AND table_name NOT IN ('wake', 'to_peg', 'node_contact') ORDER BY 1
    """
)
"""Without the outbox, whose rows are no facts but letters, and gone when Temporal took them; without the marks of what a job is
to look at, which it takes away at any moment; and without when a node was last heard, which a job writes down once a minute."""


def _fingerprint(table: str) -> str:
    """A row with a table's number of rows and their content; when the sweep looks in is no fact of an order."""
    content = "to_jsonb(t) - 'looked_after_at' - 'sweep_at'"
    digest = f"md5(coalesce(string_agg(({content})::text, '' ORDER BY ({content})::text), ''))"
    return f"SELECT '{table}' AS name, count(*) || ' rows, ' || {digest} AS fingerprint FROM {table} t"


@asynccontextmanager
async def furnished(time: TimeSkipper, database: Database, database_url: str, key: str) -> AsyncIterator[House]:
    """A house over a Temporal server and a prepared database; `key` is the operator's."""
    app = application(service := assemble(database, time.client))
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        worker.build(time.client, database),
        service.running(),
        AsyncClient(transport=CheckedTransport(app=app), base_url="http://switchyard", headers=headers) as http,
    ):
        yield House(http, service, time, database_url)


async def keep_label(connection: WriteConnection, order: str, work: str) -> None:
    """A label that was bought for a node's fulfillment order."""
    asked = {"service": "standard", "format": "zpl", "weight_g": 100, "sides": None, "is_return": False}
    name = await labels.add(connection, labels.NewLabel(order, work, "1", "van", asked, "operator"))
    stored = await labels.find(connection, name)
    assert stored is not None
    await labels.change(connection, stored, labels.Change(LabelState.BOUGHT, tracking="T1", content=b"^XA^XZ"))


async def keep_manifest(connection: WriteConnection, node: str, work: str) -> str:
    """A manifest that was made of the parcel with a node's label; answers its id."""
    await connection.execute(text("UPDATE label SET bought_at = now() WHERE about = :work"), {"work": work})
    today = datetime.now(UTC).date()
    name = await manifests.add(connection, manifests.NewManifest(node, "van", today, "operator"))
    assert name is not None
    await manifests.change(connection, name, manifests.Change(ManifestState.MADE, content=b"%PDF-"))
    return name


def units(document: Document, line: str = "1") -> dict[str, int]:
    """The buckets of a line that hold something."""
    shown = next(row for row in document["lines"] if row["line"] == line)
    return {bucket: shown[bucket] for bucket in BUCKETS if shown[bucket]}


def _waits_for_another_try(activity: PendingActivityInfo) -> bool:
    """A call that its node did not take: nothing is done until it is made again, or what it is for is over."""
    is_call = activity.activity_type.name == "call_node"
    return is_call and activity.attempt > 1 and activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def is_over(deadline: str | None, clock: datetime) -> bool:
    """Whether there was a deadline and it has passed."""
    return deadline is not None and datetime.fromisoformat(deadline) <= clock


def now() -> str:
    """This moment as messages carry it."""
    return datetime.now(UTC).isoformat()
