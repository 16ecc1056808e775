"""What stays of a plan when its order is forgotten: who ships what, when and why, and not how far away the customer lives.

Distances from known nodes locate a person, and so do costs that follow from distances (docs/decisions/0070).
"""

import json
import re
from collections import Counter
from typing import Any

DIGITS_KEPT = 2
"""Digits that a shipment's cost keeps: the accounts stay right within some per cent."""
_WAY = re.compile(r" over \d+ km")
_HIDDEN = " over this distance"


def without_the_way(document: dict[str, Any]) -> dict[str, Any]:
    """A plan's document as it stays: no distances, of costs only rounded ones of what ships, and reasons without distances.

    Doing it twice is doing it once.
    """
    made: dict[str, Any] = json.loads(_WAY.sub(_HIDDEN, json.dumps(document | {"nodes_beside": {}})))
    made["shipments"] = [one | {"distance_km": None} for one in made["shipments"]]
    return with_rounded_costs(made) | {
        "nodes": [one | {"distance_km": None, "cost": None} for one in made["nodes"]],
        "nodes_beside": _together(document.get("nodes_beside", {})),
        "runners_up": [one | {"distance_km": None, "cost": None} for one in made["runners_up"]],
        "forgotten": True,
    }


def with_rounded_costs(document: dict[str, Any]) -> dict[str, Any]:
    """A plan's document, or the promise that a cart got, with the costs of its shipments rounded to `DIGITS_KEPT` digits."""
    shipments = [one | {"cost": _rounded(one["cost"])} for one in document["shipments"]]
    return document | {"shipments": shipments, "cost": sum(one["cost"] for one in shipments)}


def _together(counts: dict[str, int]) -> dict[str, int]:
    """Nodes by reason, the reasons without distances."""
    made: Counter[str] = Counter()
    for reason, count in counts.items():
        made[_WAY.sub(_HIDDEN, reason)] += count
    return dict(made)


def _rounded(cost: int) -> int:
    return round(cost, min(0, DIGITS_KEPT - len(str(cost))))
