"""Nodes, channels and operators after an upgrade: each looks at what is shown and does what is still to be done."""

import asyncio
from typing import Any

from httpx2 import AsyncClient
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from domain import identifiers
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, now

AT_A_NODE = ("released", "in_progress", "ready_for_pickup")
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
    """All who have a part in the orders of a house."""

    def __init__(self, house: House) -> None:
        """`house` has a worker and a relay."""
        self._house = house
        self._workflows: set[str] = set()
        self._said: set[tuple[str, str]] = set()
        """Fulfillment orders or returns, and what was said of them that is said once."""

    async def see_every_workflow_started(self) -> None:
        """Return when every open order and every open return has a workflow that runs; nobody but the relay starts it."""
        names = [identifiers.order_workflow_id(order["order"]) for order in await self._open_orders()]
        names += [identifiers.return_workflow_id(made["return"]) for made in await self.open_returns()]
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            for name in names:
                while await self._status(name) is not WorkflowExecutionStatus.RUNNING:
                    await asyncio.sleep(0.05)

    async def do_what_is_still_to_be_done(self) -> None:
        """One round: operators first, then nodes and channels; then time passes for orders that wait for nothing else."""
        still_open = await self._open_orders()
        await asyncio.gather(*(self._look_after(order["order"]) for order in still_open))
        await asyncio.gather(*(self._bring_back(made["return"]) for made in await self.open_returns()))

    async def open_returns(self) -> list[Document]:
        """Every return that is not over."""
        items: list[Document] = (await shown_at(self._house.http, "/returns?limit=500"))["items"]
        return [made for made in items if made["status"] not in RETURN_IS_OVER]

    async def statuses(self) -> set[WorkflowExecutionStatus | None]:
        """How the workflows of all who were seen ended."""
        return {await self._status(name) for name in self._workflows}

    async def _open_orders(self) -> list[Document]:
        found = [order for order in await orders_of(self._house.http) if not order["closed"]]
        self._house.orders += [order["order"] for order in found if order["order"] not in self._house.orders]
        self._workflows |= {identifiers.order_workflow_id(order["order"]) for order in found}
        return found

    async def _look_after(self, name: str) -> None:
        document = await self._at_rest(name)
        for hold in document["holds"]:
            await self._ask(name, "release", hold=hold["hold"])
        for exception in document["exceptions"]:
            await self._resolve(name, exception["exception"])
        await self._buy(document, "backordered")
        for work in document["fulfillment_orders"]:
            await self._work_on(work, is_collected=work["node"] == "shop")
        await self._let_time_pass(name, await self._at_rest(name))

    async def _at_rest(self, name: str) -> Document:
        """The order when its workflow has nothing to do; news of its returns are kept from it, so with one there is no waiting."""
        document = await self._house.order(name)
        return document if document["returns"] else await self._house.settle(name)

    async def _resolve(self, name: str, exception: str) -> None:
        """What nobody has is bought first; else it is only missed again."""
        await self._buy(await self._house.order(name), "open")
        await self._ask(name, "resolve", exception=exception)

    async def _buy(self, document: Document, bucket: str) -> None:
        missing = [{"sku": line["sku"], "quantity": line[bucket]} for line in document["lines"] if line[bucket]]
        if missing:
            name = f"bought-for-{document['order']}-{document['version']}"
            body = {"message_id": name, "node": "main", "kind": "received", "occurred_at": now(), "lines": missing}
            await self._send("/stock/messages", body)

    async def _work_on(self, work: Document, *, is_collected: bool) -> None:
        name = work["fulfillment_order"]
        if work["request"] == "cancel_requested":
            await self._house.tell(name, "cancel_accepted")
        elif work["request"] == "timed_out":
            await self._say_once(name, "cancel_accepted")
        elif work["status"] in AT_A_NODE:
            await self._say_once(name, "collected" if is_collected else "shipped")
        elif work["status"] == "shipped":
            await self._say_once(name, "delivered")

    async def _say_once(self, name: str, kind: str) -> None:
        if (name, kind) not in self._said:
            self._said.add((name, kind))
            await self._house.tell(name, kind)

    async def _let_time_pass(self, name: str, document: Document) -> None:
        """Until the order may be released, and until it may close when nothing of it is on its way back."""
        is_away = any(made["status"] not in RETURN_IS_OVER for made in document["returns"])
        if any(line["reserved"] for line in document["lines"]) and not document["holds"]:
            await self._house.skip_to(name, document["release_at"])
        elif document["closes_at"] and not document["closed"] and not is_away:
            await self._house.skip_to(name, document["closes_at"])

    async def _bring_back(self, name: str) -> None:
        document = await shown_at(self._house.http, f"/returns/{name}")
        self._workflows.add(identifiers.return_workflow_id(name))
        units = [{"line": line["line"], "quantity": line["quantity"]} for line in document["lines"]]
        match document["status"]:
            case "requested":
                await self._send(f"/returns/{name}/approve", {})
            case "authorized" | "in_transit":
                await self._tell_return(name, "received", node="main", lines=units)
            case "received":
                graded = [unit | {"condition": "as_new", "disposition": "restock"} for unit in units]
                await self._tell_return(name, "graded", node="main", lines=graded)
            case "graded" | "disposed" if document["refunds"]:
                await self._tell_return(name, "settled")

    async def _tell_return(self, name: str, kind: str, **more: Any) -> None:
        if (name, kind) not in self._said:
            self._said.add((name, kind))
            body = {"message_id": f"after-{name}-{kind}", "kind": kind, "occurred_at": now()}
            await self._send(f"/returns/{name}/messages", body | more)

    async def _ask(self, name: str, what: str, **body: Any) -> None:
        await self._send(f"/orders/{name}/{what}", body)

    async def _send(self, path: str, body: Document) -> None:
        answer = await self._house.http.post(path, json=body)
        assert answer.is_success, f"{path}: {answer.text}"

    async def _status(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        handle: WorkflowHandle[Any, Any] = self._house.time.client.get_workflow_handle(workflow_id)
        try:
            return (await handle.describe()).status
        except RPCError:
            return None
