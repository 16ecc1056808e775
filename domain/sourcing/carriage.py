"""Decides which carrier takes a shipment from each node, and makes its price a sum that a search can add up.

Prices of carriers go in steps, and a search adds up costs per shipment and per gram. Where only one shipment is allowed, a
node's price is that of all units that it could give, which is what it would ship. Where several are, it is drawn as a straight
line: through what the lightest unit of the order would cost alone, and what all of them would. Either way the shipments of a
plan are priced again by what is really in them.
"""

from collections.abc import Sequence
from operator import mul
from typing import NamedTuple

from domain.network import Item, Network, Node
from domain.rate_card import Destination, Offer, Packed, RateCards, Route, Way, packed, unit_of
from domain.sourcing.facts import OrderFacts

NO_CARRIER = "no carrier takes it to this place"


class Line(NamedTuple):
    """Costs in minor units that a search adds up."""

    per_shipment: float
    per_gram: float


class Carriage(NamedTuple):
    """What the carrier of a node's shipment asks, and when it delivers."""

    offer: Offer
    """For all units that the node could give."""
    route: Route
    grams: int
    """What these weigh."""
    lightest: tuple[int, int]
    """The grams of the order's lightest unit, and what it would cost alone."""

    def line(self, *, one_shipment: bool) -> Line:
        """What a search adds up."""
        grams, least = self.lightest
        if one_shipment or self.grams <= grams or least > self.offer.amount:
            return Line(self.offer.amount, 0.0)
        slope = (self.offer.amount - least) / (self.grams - grams)
        return Line(self.offer.amount - slope * self.grams, slope)

    def amount(self, shipment: Packed) -> int:
        """What the carrier asks for a shipment of some of these units, in minor units."""
        amount = self.route.amount(shipment)
        if amount is None:
            raise AssertionError(f"{self.offer.carrier} took more than this")
        return amount


class Carriers:
    """The carriers of the service of one order. Nodes that could give the same units are priced once for each zone."""

    def __init__(self, order: OrderFacts, items: Sequence[Item | None], network: Network) -> None:
        """`items` are those of the wanted units, by position; None = it is in no network."""
        to = Destination(order.country, order.region, order.postal_code, None)
        mine = [] if order.pickup_node is not None else sorted(network.carriers.items())
        cards = _cards_of(network)
        self._ways = [Way(one, order.service, to, cards) for _, one in mine if order.service in one.services]
        self._units = [unit_of(item) if item else None for item in items] if self._ways else []
        known = [unit for unit in self._units if unit]
        self._lightest = min(known, key=lambda unit: unit.size.weight_g, default=None)
        self._weights = [unit.size.weight_g if unit else 0 for unit in self._units]
        self._volumes = [unit.size.volume_mm3 if unit else 0 for unit in self._units]
        self._has_volume = any(self._volumes)
        self._sizes = [unit.size for unit in known]
        self._shares = len(known) == len(items) and not any(unit.ships_alone for unit in known)
        """Whether all that is wanted shares parcels."""
        self._takes_all: dict[Route, bool] = {}
        self._least: dict[Route, int | None] = {}
        self._priced: dict[object, Carriage | None] = {}

    def __bool__(self) -> bool:
        """Whether any carrier has the service."""
        return bool(self._ways)

    def of(self, node: Node, distance_km: float | None, limits: Sequence[int]) -> Carriage | None:
        """The carriage from a node that gives these units by wanted; None = no carrier takes it."""
        routes = [found for way in self._ways if (found := way.route(node.country, distance_km))]
        key = tuple(limits), *routes
        if key not in self._priced:
            self._priced[key] = self._cheapest(routes, limits)
        return self._priced[key]

    def _cheapest(self, routes: Sequence[Route], limits: Sequence[int]) -> Carriage | None:
        """The carriage that costs least; of equal ones the faster, then the first by name."""
        grams = sum(map(mul, self._weights, limits))
        asked = [
            (amount, one.zone.days, one.carrier.name, one)
            for amount, one in zip(self._amounts(routes, grams, limits), routes, strict=True)
            if amount is not None
        ]
        if not asked:
            return None
        amount, _, _, taken = min(asked)
        return Carriage(taken.offer(amount), taken, grams, self._alone(taken, amount))

    def _amounts(self, routes: Sequence[Route], grams: int, limits: Sequence[int]) -> list[int | None]:
        """What each carrier asks. Where all units that are wanted share ordinary parcels, the sums are enough."""
        if self._shares and all(map(self._is_ordinary, routes)):
            volume = sum(map(mul, self._volumes, limits)) if self._has_volume else 0
            return [one.steps.of_shared(grams, volume) for one in routes]
        shipment = packed([(unit, units) for unit, units in zip(self._units, limits, strict=True) if unit and units])
        return [one.amount(shipment) for one in routes]

    def _is_ordinary(self, route: Route) -> bool:
        if route not in self._takes_all:
            self._takes_all[route] = route.steps.takes(self._sizes)
        return self._takes_all[route]

    def _alone(self, taken: Route, amount: int) -> tuple[int, int]:
        """The grams of the lightest unit, and what it costs alone; `amount` is what counts where it is not taken alone."""
        lightest = self._lightest
        if lightest is None:
            return 0, amount
        if taken not in self._least:
            self._least[taken] = taken.amount(packed([(lightest, 1)]))
        least = self._least[taken]
        return lightest.size.weight_g, amount if least is None else least


def _cards_of(network: Network) -> RateCards:
    """The rate cards of a network version, with what was computed for earlier orders."""
    cards = network.learnt.get(RateCards)
    if not isinstance(cards, RateCards):
        cards = network.learnt[RateCards] = RateCards()
    return cards
