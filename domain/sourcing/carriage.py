"""Decides which carrier takes a shipment from each node, and makes its price a sum that a search can add up.

Prices of carriers go in steps, and a search adds up costs per shipment and per gram. Where only one shipment is allowed, a
node's price is that of all units that it could give, which is what it would ship. Where several are, it is drawn as a straight
line: through what the lightest unit of the order would cost alone, and what all of them would. Either way the shipments of a
plan are priced again by what is really in them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from domain.network import Item, Network, Node
from domain.rate_card import Content, Destination, Offer, Route, Way, cheapest, unit_of
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

    def amount(self, content: Content) -> int:
        """What the carrier asks for a shipment of some of these units, in minor units."""
        amount = self.route.amount(content)
        if amount is None:
            raise AssertionError(f"{self.offer.carrier} took more than this")
        return amount


class Carriers:
    """The carriers of the service of one order. Nodes that could give the same units are priced once for each zone."""

    def __init__(self, order: OrderFacts, items: Sequence[Item | None], network: Network) -> None:
        """`items` are those of the wanted units, by position; None = it is in no network."""
        to = Destination(order.country, order.region, order.postal_code, None)
        mine = [] if order.pickup_node is not None else sorted(network.carriers.items())
        self._ways = [Way(one, order.service, to) for _, one in mine if order.service in one.services]
        self._units = [unit_of(item) if item else None for item in items] if self._ways else []
        known = [unit for unit in self._units if unit]
        self._lightest = min(known, key=lambda unit: unit.size.weight_g, default=None)
        self._least: dict[int, int | None] = {}
        self._priced: dict[object, Carriage | None] = {}

    def __bool__(self) -> bool:
        """Whether any carrier has the service."""
        return bool(self._ways)

    def of(self, node: Node, distance_km: float | None, limits: Sequence[int]) -> Carriage | None:
        """The carriage from a node that gives these units by wanted; None = no carrier takes it."""
        routes = [found for way in self._ways if (found := way.route(node.country, distance_km))]
        key = tuple(limits), *(id(one.zone) for one in routes)
        if key not in self._priced:
            self._priced[key] = self._cheapest(routes, limits)
        return self._priced[key]

    def _cheapest(self, routes: Sequence[Route], limits: Sequence[int]) -> Carriage | None:
        content = [(unit, units) for unit, units in zip(self._units, limits, strict=True) if unit and units]
        offers = [(offer, one) for one in routes if (offer := one.offer(content))]
        best = cheapest(offer for offer, _ in offers)
        if best is None:
            return None
        taken = next(one for offer, one in offers if offer is best)
        grams = sum(unit.size.weight_g * units for unit, units in content)
        return Carriage(best, taken, grams, self._alone(taken, best))

    def _alone(self, taken: Route, best: Offer) -> tuple[int, int]:
        """The grams of the lightest unit, and what it costs alone."""
        lightest = self._lightest
        if lightest is None:
            return 0, best.amount
        if id(taken.zone) not in self._least:
            self._least[id(taken.zone)] = taken.amount([(lightest, 1)])
        least = self._least[id(taken.zone)]
        return lightest.size.weight_g, best.amount if least is None else least
