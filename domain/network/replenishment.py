"""What a rule of replenishment is: when the stock of one SKU at one node is filled again, up to what, and from where."""

from dataclasses import dataclass

SALES_DAYS = 28
"""How many days of sales are looked at unless the rule says otherwise: whole weeks, which have each weekday equally often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplenishmentRule:
    """When a stock level is filled again. It may give units, days of sales, or both; then the larger number of units counts."""

    min_units: int = 0
    """Below so many units there is a need; replenishment of other nodes never takes them either."""
    max_units: int = 0
    """Up to so many units it is filled."""
    min_days: int = 0
    """The same, as days of the node's own sales."""
    max_days: int = 0
    sales_days: int = SALES_DAYS
    """How many days back sales are counted."""
    sources: tuple[str, ...] = ()
    """The nodes that it is filled from, the first one preferred; empty = as the policy plans it."""
    service: str = "standard"
    """How fast the goods travel: a service of the policy."""
    automatic: bool = False
    """Whether its needs are taken without a person."""

    def least(self, sold: int) -> int:
        """Below how many units there is a need, when so many units were sold in `sales_days`."""
        return max(self.min_units, self._cover(self.min_days, sold))

    def target(self, sold: int) -> int:
        """Up to how many units it is filled, when so many units were sold in `sales_days`."""
        return max(self.max_units, self._cover(self.max_days, sold))

    def _cover(self, days: int, sold: int) -> int:
        """The units that are sold in so many days, rounded up."""
        return -(-sold * days // self.sales_days)
