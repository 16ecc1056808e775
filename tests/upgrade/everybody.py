"""Nodes, channels and operators after an upgrade: each reads what is shown and does the work that is left."""

import asyncio
from contextlib import suppress
from typing import Any

from httpx2 import AsyncClient
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from domain import identifiers
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, now

AT_A_NODE = ("released", "in_progress", "ready_for_pickup")
ENDS_WITHIN_SECONDS = 240.0
RETURN_IS_OVER = ("closed", "declined", "expired", "cancelled")


async def shown_at(http: AsyncClient, path: str) -> Document:
    """What is shown there."""
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def orders_of(http: AsyncClient) -> list[Document]:
    """Every order as `GET /orders/{order}` shows it."""
    items = (await shown_at(http, "/orders?limit=500"))["items"]
    return [await shown_at(http, f"/orders/{row['order']}") for row in items]


class Everybody:
    """The nodes, channels and operators of a house."""

    def __init__(self, house: House) -> None:
        """`house` has a worker and a relay."""
        self._house = house
        self._workflows: set[str] = set()
        self._posted: set[tuple[str, str]] = set()
        """Where something was posted, and a name for it; it is posted once."""
        self._hands = asyncio.Semaphore(8)
        """The orders that are handled at a time: more would only wait for each other."""

    async def see_every_workflow_started(self) -> None:
        """Return when every open order and every open return has a running workflow, which only the relay starts."""
        names = [identifiers.order_workflow_id(order["order"]) for order in await self._open_orders()]
        names += [identifiers.return_workflow_id(made["return"]) for made in await self.open_returns()]
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            for name in names:
                while await self._status(name) is not WorkflowExecutionStatus.RUNNING:  # noqa: ASYNC110 - Temporal rings no bell
                    await asyncio.sleep(0.05)

    async def see_all_through(self) -> None:
        """Do the work round after round, until every order and every return is over or `ENDS_WITHIN_SECONDS` have passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ENDS_WITHIN_SECONDS):
                while (still_open := await self._open_orders()) or await self.open_returns():
                    await asyncio.gather(*(self._look_after(order) for order in still_open))
                    await asyncio.gather(*(self._bring_back(made["return"]) for made in await self.open_returns()))
                    await asyncio.sleep(0.1)  # the workflows need the processor, too

    async def open_returns(self) -> list[Document]:
        """Every return that is not over."""
        items: list[Document] = (await shown_at(self._house.http, "/returns?limit=500"))["items"]
        return [made for made in items if made["status"] not in RETURN_IS_OVER]

    async def statuses(self) -> set[WorkflowExecutionStatus | None]:
        """How the workflows of all who were seen ended."""
        return {await self._status(name) for name in self._workflows}

    async def _open_orders(self) -> list[Document]:
        found = [order for order in await orders_of(self._house.http) if not order["closed"]]
        self._workflows |= {identifiers.order_workflow_id(order["order"]) for order in found}
        return found

    async def _look_after(self, order: Document) -> None:
        """Operators, buyers and nodes do their work on an order; without work, time passes."""
        async with self._hands:
            name, posted = order["order"], len(self._posted)
            for hold in order["holds"]:
                await self._post_once(f"/orders/{name}/release", hold["hold"], hold=hold["hold"])
            await self._buy(order, "backordered")
            for exception in order["exceptions"]:
                await self._buy(order, "open")
                await self._post_once(
                    f"/orders/{name}/resolve", exception["exception"], exception=exception["exception"]
                )
            for work in order["fulfillment_orders"]:
                await self._work_on(work)
            if len(self._posted) == posted:
                await self._let_time_pass(order)

    async def _buy(self, order: Document, bucket: str) -> None:
        missing = [{"sku": line["sku"], "quantity": line[bucket]} for line in order["lines"] if line[bucket]]
        if missing:
            await self._send_message(
                "/stock/messages", f"{order['order']}-{bucket}", "received", node="main", lines=missing
            )

    async def _work_on(self, work: Document) -> None:
        name, path = work["fulfillment_order"], f"/fulfillment-orders/{work['fulfillment_order']}/messages"
        if work["request"] in ("cancel_requested", "timed_out"):
            await self._send_message(path, f"{name}-{work['request']}", "cancel_accepted")
        elif work["status"] in AT_A_NODE:
            await self._send_message(path, f"{name}-left", "collected" if work["node"] == "shop" else "shipped")
        elif work["status"] == "shipped":
            await self._send_message(path, f"{name}-arrived", "delivered")

    async def _let_time_pass(self, order: Document) -> None:
        """Until the order may be released, and until it may close when nothing of it is on its way back."""
        is_away = any(made["status"] not in RETURN_IS_OVER for made in order["returns"])
        if any(line["reserved"] for line in order["lines"]):
            await self._house.skip_to(order["order"], order["release_at"])
        elif order["closes_at"] and not is_away:
            await self._house.skip_to(order["order"], order["closes_at"])

    async def _bring_back(self, name: str) -> None:
        made = await shown_at(self._house.http, f"/returns/{name}")
        self._workflows.add(identifiers.return_workflow_id(name))
        units = [{"line": line["line"], "quantity": line["quantity"]} for line in made["lines"]]
        path = f"/returns/{name}/messages"
        match made["status"]:
            case "requested":
                await self._post_once(f"/returns/{name}/approve", "approved")
            case "authorized" | "in_transit":
                await self._send_message(path, f"{name}-back", "received", node="main", lines=units)
            case "received":
                graded = [unit | {"condition": "as_new", "disposition": "restock"} for unit in units]
                await self._send_message(path, f"{name}-seen", "graded", node="main", lines=graded)
            case "graded" | "disposed" if made["refunds"]:
                await self._send_message(path, f"{name}-paid", "settled")

    async def _send_message(self, path: str, message_id: str, kind: str, **more: Any) -> None:
        await self._post_once(path, message_id, message_id=message_id, kind=kind, occurred_at=now(), **more)

    async def _post_once(self, path: str, what: str, **body: Any) -> None:
        if (path, what) not in self._posted:
            self._posted.add((path, what))
            answer = await self._house.http.post(path, json=body)
            assert answer.is_success, f"{path}: {answer.text}"

    async def _status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        handle: WorkflowHandle[Any, Any] = self._house.time.client.get_workflow_handle(workflow_id)
        try:
            return (await handle.describe()).status
        except RPCError:
            return None
