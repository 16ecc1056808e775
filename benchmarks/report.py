"""Prints the results of a run: the ratio first, then the time and cost of each kind of life."""

from collections.abc import Callable, Iterator
from statistics import mean, median, quantiles

from rich.console import Console
from rich.table import Table

from benchmarks.bench import Block, Results

PROCESSES = ("worker", "skeleton worker", "driver", "HTTP", "Temporal", "PostgreSQL")
Meter = Callable[[Block], float]


def show(results: Results, console: Console) -> None:
    """Print everything."""
    console.print(f"\n[bold]{_headline(results)}[/bold]")
    console.print(_beside(results), style="dim")
    console.print(_table(results))
    console.print(_events(results))
    console.print(results.machine, style="dim")
    if results.violations:
        console.print(f"[red]{results.violations} invariants are violated[/red]")


def _headline(results: Results) -> str:
    ratios = [pair.ratio for pair in results.pairs]
    return f"orders : skeletons = {_spread(ratios)}, the median of {len(ratios)} alternating pairs"


def _beside(results: Results) -> str:
    """The other ratios: processor time, which a busy machine disturbs less, and the way over HTTP."""
    thrift = [_cpu(pair.skeletons) / _cpu(pair.orders) for pair in results.pairs]
    http = [pair.http.per_second / pair.skeletons.per_second for pair in results.pairs if pair.http]
    return f"in processor time {_spread(thrift)}; over HTTP {_spread(http)} ({len(http)} blocks)"


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def _table(results: Results) -> Table:
    kinds = [
        [pair.skeletons for pair in results.pairs],
        [pair.orders for pair in results.pairs],
        [pair.http for pair in results.pairs if pair.http],
    ]
    table = Table("per life, median of the blocks", *(blocks[0].name for blocks in kinds))
    for _ in kinds:
        table.columns[-1].justify = "right"
    for name, meter, digits in _rows():
        table.add_row(name, *(f"{median(map(meter, blocks)):,.{digits}f}" for blocks in kinds))
    return table


def _rows() -> Iterator[tuple[str, Meter, int]]:
    yield "lives per second", lambda block: block.per_second, 1
    yield "placed in, median ms", lambda block: median(block.placed_in) * 1000, 0
    yield "placed in, 95th percentile ms", lambda block: quantiles(block.placed_in, n=20)[-1] * 1000, 0
    yield "events", lambda block: mean(cost.events for cost in block.temporal), 1
    yield "state transitions", lambda block: mean(cost.transitions for cost in block.temporal), 1
    yield "history bytes", lambda block: mean(cost.bytes for cost in block.temporal), 0
    yield "SQL statements", _work("statements"), 1
    yield "transactions", _work("transactions"), 1
    yield "flushes of the log", _work("flushes"), 1
    yield "processor ms, all", lambda block: _cpu(block) * 1000, 1
    for process in PROCESSES:
        yield f"  {process}", _cpu_of(process), 1


def _work(what: str) -> Meter:
    return lambda block: block.database[what] / block.lives


def _cpu_of(process: str) -> Meter:
    return lambda block: block.cpu[process] / block.lives * 1000


def _cpu(block: Block) -> float:
    """Processor seconds of one life, in all processes."""
    return sum(block.cpu.values()) / block.lives


def _events(results: Results) -> str:
    events, whole = results.events, results.events.total()
    lives = [
        cost.events for pair in results.pairs for block in (pair.orders, pair.skeletons) for cost in block.temporal
    ]
    exact = sum(events == whole for events in lives) / len(lives)
    tasks = events["WORKFLOW_TASK_COMPLETED"]
    kinds = ", ".join(f"{count} {name.lower()}" for name, count in sorted(events.items()))
    return (
        f"A life alone has {whole} events, among them {tasks} completed workflow tasks; so had {exact:.0%} of the lives under "
        f"load, and in the others two messages shared a task. By type, of orders and skeletons alike: {kinds}."
    )
