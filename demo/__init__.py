"""Plays the story of `examples/` on a service of its own, checks every result, and stops the service."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from demo.chapter import Chapter, Played
from demo.edi_scenario import EdiScenario, row_of_retailer
from demo.edi_story import EDI_STORY
from demo.peers.retailer import Retailer
from demo.sandbox_nodes import AnsweredOtherwise, Document
from demo.scenario import Players, Scenario, UnexpectedResult, read, shipped_by_node, words_of
from demo.screen import Screen, ShownStep
from demo.service import EXAMPLES, audit, fresh_service, mailbox, settings
from demo.shop_scenario import ShopScenario, row_of_shop
from demo.shop_story import SHOP_STORY
from demo.story import STORY
from runtime.where import Stack

__all__ = ["demo"]

DIRECTORY = Path(".demo")
INTERRUPTED = 130
ANSWER_SECONDS_MAX = 30.0
TROUBLE = (UnexpectedResult, AnsweredOtherwise, httpx2.HTTPError)
"""What a chapter can fail with; anything else is a defect of the demo itself."""


@dataclass(frozen=True, slots=True)
class ChapterResult:
    """The order of a chapter as it is at the end, and how long that took."""

    title: str
    order: Document
    seconds: float


def demo(*, keep: bool, directory: Path = DIRECTORY) -> int:
    """Run the demo in a directory of its own and return the exit code: 0 when every result was as expected, else 1.

    With `keep` the service runs on afterwards until Ctrl-C. Raises `EmbeddedFailure` when it does not start.
    """
    return asyncio.run(_until_interrupted(_demo(keep, directory)))


async def _until_interrupted(playing: Coroutine[Any, Any, int]) -> int:
    """Ctrl-C and SIGTERM end the demo in an orderly way. They are no defect."""
    task = asyncio.create_task(playing)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED


async def _demo(keep: bool, directory: Path) -> int:
    screen = Screen()
    async with contextlib.AsyncExitStack() as closing:
        with screen:
            starting = screen.step("Start PostgreSQL, Temporal, a worker and the HTTP interface")
            stack = await closing.enter_async_context(fresh_service(directory, starting.say))
            closing.callback(screen.lasting, "Stopping everything …")
            starting.tell(f"To look at the orders: Temporal UI {stack.ui}, console {stack.http}/console")
            starting.done()
            results = await _tell_story(stack, screen, Retailer(mailbox(directory)))
            await _audit(stack, directory, screen)
        screen.table(COLUMNS, [_row(result) for result in results])
        at_the_shop = [row_of_shop(result.order["shop"]) for result in results if "shop" in result.order]
        screen.table(SHOP_COLUMNS, at_the_shop)
        at_the_retailer = [
            row_of_retailer(result.order["retailer"]) for result in results if "retailer" in result.order
        ]
        screen.table(RETAILER_COLUMNS, at_the_retailer)
        screen.lasting(*(f"NOT AS EXPECTED: {failure}" for failure in screen.failures))
        if keep:
            await _keep(stack, screen)
    if screen.failures:
        return 1
    screen.lasting("Everything came out as expected, and nothing is left running.")
    return 0


async def _tell_story(stack: Stack, screen: Screen, retailer: Retailer) -> Sequence[ChapterResult]:
    """Make keys and stock, place the orders one after another, and play all chapters at the same time."""
    shop_url = stack.shop or ""
    async with (
        httpx2.AsyncClient(base_url=stack.http, timeout=ANSWER_SECONDS_MAX) as client,
        httpx2.AsyncClient(base_url=shop_url, timeout=ANSWER_SECONDS_MAX) as shop,
    ):
        players = Players(client, stack.operator_key)
        opening = screen.step("Make keys for channels and nodes, connect a carrier, count stock")
        try:
            await _open(players, stack)
        except TROUBLE as trouble:
            opening.failed(_words(trouble))
            return []
        opening.done()
        placing = asyncio.Lock()

        def scenario(chapter: Chapter[Scenario], shown: ShownStep) -> Scenario:
            return Scenario(players, shown, read(EXAMPLES / f"orders/{chapter.file}.json"))

        def shop_scenario(chapter: Chapter[ShopScenario], shown: ShownStep) -> ShopScenario:
            return ShopScenario(players, shown, read(EXAMPLES / f"shop/{chapter.file}.json"), shop)

        def edi_scenario(chapter: Chapter[EdiScenario], shown: ShownStep) -> EdiScenario:
            return EdiScenario(players, shown, (EXAMPLES / f"edi/{chapter.file}.edi").read_bytes(), retailer)

        results = await asyncio.gather(
            *(_play(chapter, scenario, screen, placing) for chapter in STORY),
            *(_play(chapter, shop_scenario, screen, placing) for chapter in SHOP_STORY),
            *(_play(chapter, edi_scenario, screen, placing) for chapter in EDI_STORY),
        )
        return [result for result in results if result]


async def _open(players: Players, stack: Stack) -> None:
    await players.make_keys()
    await players.connect_carrier(stack.database)
    for node in ("nwk", "slc", "chi", "lax"):
        await players[node].post("/stock/messages", read(EXAMPLES / f"stock/{node}.json"))


async def _play(
    chapter: Chapter[Played],
    make: Callable[[Chapter[Played], ShownStep], Played],
    screen: Screen,
    placing: asyncio.Lock,
) -> ChapterResult | None:
    """One chapter from its order to its end; None when a result was not as expected. The lock keeps their sequence."""
    await placing.acquire()
    shown = screen.step(chapter.title)
    scenario = make(chapter, shown)
    try:
        try:
            await scenario.place()
        finally:
            placing.release()
        await chapter.play(scenario)
        order = await scenario.end(chapter.ends, chapter.ships)
    except TROUBLE as trouble:
        shown.failed(_words(trouble))
        return None
    shown.done(f"{scenario.order} {chapter.ends}")
    return ChapterResult(chapter.title, order, shown.seconds)


async def _audit(stack: Stack, directory: Path, screen: Screen) -> None:
    auditing = screen.step("Audit: every invariant recomputed from the facts")
    code, lines = await audit(stack, directory)
    if code:
        auditing.failed("\n".join(lines))
    else:
        auditing.done(f"{len(lines)} invariants hold")


def _words(trouble: Exception) -> str:
    """The text of an exception; a lost connection has none, so its type is shown."""
    return str(trouble) or repr(trouble)


COLUMNS = ("Order", "What happened", "Units by node", "Shipments", "Ended", "Seconds")
RETAILER_COLUMNS = ("At the retailer", "Ordered (850)", "Confirmed (855)", "Announced (856)", "Invoiced (810)")
SHOP_COLUMNS = ("At the shop", "Ordered now", "Fulfilled there", "It is")


def _row(result: ChapterResult) -> tuple[str, ...]:
    order = result.order
    shipments = sum(any(line["shipped"] for line in work["lines"]) for work in order["fulfillment_orders"])
    shipped = words_of(shipped_by_node(order))
    return order["order"], result.title, shipped, str(shipments), order["status"], f"{result.seconds:.1f}"


async def _keep(stack: Stack, screen: Screen) -> None:
    environment = " ".join(f"{name}='{value}'" for name, value in settings(stack).items())
    screen.lasting(
        f"Temporal UI   {stack.ui}",
        f"Console       {stack.http}/console  (sign in with the operator key)",
        f"HTTP          {stack.http}  (OpenAPI at /openapi.json)",
        f"Operator key  {stack.operator_key}",
        f"Commands      {environment} .venv/bin/python -m starter audit",
        "Everything runs on until Ctrl-C.",
    )
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
