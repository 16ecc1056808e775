"""Reads what a trial is made of: networks, past orders, stock; and says every mistake in them with file and line."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from domain.mistake import Mistake, describe
from domain.network import Network
from domain.order import NewOrder
from network.csv_rows import Row, read_rows
from network.load import check, load, read
from network.mistakes import Mistakes
from network.toml_tables import did_you_mean
from network.validate_order import WrongField
from network.validate_order import check as check_known
from transactions.stock import wrong_sku

NETWORKS_MAX = 2


class InputsRefused(Exception):
    """Nothing is simulated; `lines` say every mistake."""

    def __init__(self, *lines: str) -> None:
        """One line per mistake."""
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that a trial is made of, checked."""

    networks: tuple[Network, ...]
    orders: tuple[NewOrder, ...]
    """By the moment at which they were placed, then by id."""
    stock: Mapping[tuple[str, str], int] | None
    """On hand by (node, SKU); None = everything is everywhere."""

    @property
    def currency(self) -> str | None:
        """The currency of all costs: the policies', or where one has none, that of every order; None = there are several."""
        of_policies = {network.policy.currency for network in self.networks}
        found = {order.currency for order in self.orders} if None in of_policies else of_policies
        return found.pop() if len(found) == 1 else None


def inputs(networks: Sequence[Path], orders: Sequence[Path], stock: Path | None) -> Inputs:
    """Read and check everything. Raises `Refused`."""
    _check_counts(networks, orders)
    loaded = _networks(networks)
    named = dict(zip(map(str, networks), loaded, strict=True))
    known_stock = None if stock is None else _stock(stock, loaded)
    return Inputs(tuple(loaded), tuple(_orders(orders, named)), known_stock)


def _check_counts(networks: Sequence[Path], orders: Sequence[Path]) -> None:
    if not 1 <= len(networks) <= NETWORKS_MAX:
        raise InputsRefused("name one network directory, or two to compare: --network A --network B")
    if not orders:
        raise InputsRefused("name a file of orders: JSON Lines, each line the body of a POST /orders")
    for paths in (networks, orders):
        for position, path in enumerate(paths):
            if path.resolve() in [earlier.resolve() for earlier in paths[:position]]:
                raise InputsRefused(f"{path} is named twice")


def _networks(directories: Sequence[Path]) -> list[Network]:
    mistakes = [str(mistake) for directory in directories for mistake in check(directory)]
    if mistakes:
        raise InputsRefused(*mistakes)
    return [load(read(directory)) for directory in directories]


def network_in(directory: Path) -> Network:
    """The network of a directory. Raises `InputsRefused`."""
    (found,) = _networks([directory])
    return found


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputsRefused(f"{file}: cannot be read: {error.strerror}") from error
    try:
        return content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputsRefused(f"{file}:{content.count(10, 0, error.start) + 1}: this is not UTF-8 text") from error


def _orders(files: Sequence[Path], networks: Mapping[str, Network]) -> list[NewOrder]:
    reader = _Orders(networks)
    for file in files:
        texts = list(_texts(_text(file)))
        if not texts:
            reader.mistakes.append(f"{file}: there are no orders in it")
        for line, text in texts:
            reader.read(f"{file}:{line}", text)
    if reader.mistakes:
        raise InputsRefused(*reader.mistakes)
    return sorted(reader.orders, key=lambda order: (order.placed_at, order.order))


def _texts(content: str) -> Iterator[tuple[int, str]]:
    """Each order's text with the line that it begins on; a file is one JSON object, or one a line."""
    try:
        json.loads(content)
        yield 1, content
    except json.JSONDecodeError:
        yield from ((number, line) for number, line in enumerate(content.split("\n"), 1) if line.strip())


class _Orders:
    """Collects orders, and the first thing that is wrong with each."""

    def __init__(self, networks: Mapping[str, Network]) -> None:
        """`networks` by the directory that they were read from."""
        self.orders: list[NewOrder] = []
        self.mistakes: list[str] = []
        self._networks = networks
        self._first: dict[str, str] = {}

    def read(self, where: str, text: str) -> None:
        """Take an order, or note what is wrong with it."""
        try:
            order = NewOrder.model_validate_json(text)
        except ValidationError as error:
            self.mistakes.append(f"{where}: {describe(error, NewOrder)}")
            return
        first = self._first.setdefault(order.order, where)
        if first != where:
            self.mistakes.append(f"{where}: order {order.order} is at {first} already")
        self._check(where, order)
        self.orders.append(order)

    def _check(self, where: str, order: NewOrder) -> None:
        for directory, network in self._networks.items():
            try:
                check_known(order, network)
            except WrongField as error:
                self.mistakes.append(f"{where}: {Mistake(error.field, str(error))} (under {directory})")


def _stock(file: Path, networks: Sequence[Network]) -> dict[tuple[str, str], int]:
    """On hand by (node, SKU). A row is for whichever network knows its node and its item; one that none knows is a mistake."""
    mistakes = Mistakes(str(file))
    rows = read_rows(_text(file), ("node", "sku", "on_hand"), (), mistakes)
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        place = row.cells["node"].strip(), row.cells["sku"].strip()
        if place in found:
            row.wrong(f"{place[1]} at {place[0]} is there twice")
        _check_place(row, *place, networks)
        found[place] = row.whole("on_hand")
    if not found and not mistakes.found():
        mistakes.add(1, "there are no rows under the header; a row is a node, a SKU and the units on hand")
    if wrong := mistakes.found():
        raise InputsRefused(*map(str, wrong))
    return found


def _check_place(row: Row, node: str, sku: str, networks: Sequence[Network]) -> None:
    nodes = [known for network in networks for known in network.nodes]
    if node not in nodes:
        row.wrong(f"{node!r} is not a node of {_any(networks)}{did_you_mean(node, nodes)}")
    wrong = [wrong_sku(sku, network) for network in networks]
    if all(wrong):
        row.wrong(str(wrong[0]))


def _any(networks: Sequence[Network]) -> str:
    return "the network" if len(networks) == 1 else "either network"
