"""Sums up what a node charges, in numbers that a search can add."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.sourcing.carriage import Carriage

GRAMS_PER_KG = 1000

COST_SCALE = 1000
"""Costs are compared in thousandths of a minor unit, so that half a cent per unit is not rounded away."""


class Charges(NamedTuple):
    """The costs of a node, in thousandths of a minor unit."""

    per_shipment: int = 0
    per_unit: int = 0
    per_gram: float = 0.0
    carriage: Carriage | None = None
    """What its carrier asks beside these; None = that is not counted."""

    def in_all(self, *, one_shipment: bool) -> tuple[int, float]:
        """What a search adds up per shipment and per gram."""
        if self.carriage is None:
            return self.per_shipment, self.per_gram
        line = self.carriage.line(one_shipment=one_shipment)
        shipment = self.per_shipment + round(line.per_shipment * COST_SCALE)
        return max(0, shipment), self.per_gram + line.per_gram * COST_SCALE

    def less(self, minor_units: int) -> "Charges":
        """The same, with so much less for a shipment; what its carrier asks can be taken off, too, and nothing beyond that."""
        asked = 0 if self.carriage is None else self.carriage.offer.amount * COST_SCALE
        return self._replace(per_shipment=max(-asked, self.per_shipment - minor_units * COST_SCALE))


def summed(sums: Sequence[float], carriage: Carriage | None) -> Charges:
    """The charges of a node: amounts in minor units per shipment, unit and kilogram, and what its carrier asks."""
    shipment, unit, kg = sums
    return Charges(round(shipment * COST_SCALE), round(unit * COST_SCALE), kg * COST_SCALE / GRAMS_PER_KG, carriage)
