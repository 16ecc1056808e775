"""Sets how many units a shop may sell at a location; what stood there is compared, so no sale in between is overwritten."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from channels.channel import Conversation, Later, Level, Misfit, Refused, Settings
from channels.shopify.call import Denied, NotNow, ask, change, gid
from channels.shopify.check import need
from channels.shopify.documents import ACTIVATE, SET_QUANTITIES, VARIANTS_BY_ID, VARIANTS_BY_SKU

SKUS_AT_ONCE = 50
SET_AT_ONCE = 250
"""Quantities that one mutation may hold."""

ROUNDS_MOST = 3
"""How often a batch is read again when the shop sold something in between: items that sold nothing are set all the same."""

STALE = "CHANGE_FROM_QUANTITY_STALE"
BY_ID = "variant:"


@dataclass(frozen=True, slots=True)
class _Stands:
    """An item of the shop, and what can be sold of it at the location; None = it is not stocked there."""

    item: str
    available: int | None


def stock(settings: Settings, key: str, levels: Sequence[Level]) -> Conversation[Mapping[str, int] | Later | Refused]:
    """Send new levels of one location; answers what stands there now. Items that the shop does not have are left out."""
    try:
        need(settings)
        location = levels[0].place or settings.kept["location"]
        return (yield from _stock(settings, key, levels, gid("Location", location)))
    except NotNow as busy:
        return Later(str(busy), busy.wait)
    except Misfit as denied:
        return Refused(str(denied))


def _stock(settings: Settings, key: str, levels: Sequence[Level], location: str) -> Conversation[Mapping[str, int]]:
    stands = dict[str, _Stands]()
    for some in _parts(levels, SKUS_AT_ONCE):
        stands |= yield from _read(settings, some, location)
    known = [level for level in levels if level.external in stands]
    now = {level.external: at for level in known if (at := stands[level.external].available) is not None}
    for level in (level for level in known if level.external not in now):
        item = stands[level.external].item
        about = {"item": item, "location": location, "available": level.available}
        yield from change(settings, ACTIVATE, **about, key=_key(key, about))
        now[level.external] = level.available
    for some in _parts([level for level in known if _target(level, now) != now[level.external]], SET_AT_ONCE):
        now |= yield from _set(settings, key, some, stands, now, location)
    return now


def _target(level: Level, now: Mapping[str, int]) -> int:
    """The level to set: none, where another number stands there than we know.

    Less = the shop sold units, and nobody knows yet whether our number counts them. More = somebody else set it. Either is
    answered, and the next push takes it into account.
    """
    stands = now[level.external]
    return level.available if level.before in (None, stands) else stands


def _set(
    settings: Settings,
    key: str,
    levels: Sequence[Level],
    stands: Mapping[str, _Stands],
    now: Mapping[str, int],
    location: str,
) -> Conversation[dict[str, int]]:
    """Set a batch; Shopify takes all of it or nothing."""
    now = dict(now)
    for _ in range(ROUNDS_MOST):
        targets = {level.external: _target(level, now) for level in levels}
        quantities = [
            {
                "inventoryItemId": stands[external].item,
                "locationId": location,
                "quantity": target,
                "changeFromQuantity": now[external],
            }
            for external, target in targets.items()
            if target != now[external]
        ]
        if not quantities:
            break
        given = {"name": "available", "reason": "correction", "quantities": quantities}
        try:
            yield from change(settings, SET_QUANTITIES, input=given, key=_key(key, given))
        except Denied as denied:
            if STALE not in denied.codes:
                raise
        else:
            return now | targets
        for some in _parts(levels, SKUS_AT_ONCE):
            read = yield from _read(settings, some, location)
            now |= {external: one.available for external, one in read.items() if one.available is not None}
    return {level.external: now[level.external] for level in levels}


def _parts(levels: Sequence[Level], most: int) -> list[Sequence[Level]]:
    return [levels[begin : begin + most] for begin in range(0, len(levels), most)]


def _key(key: str, content: Mapping[str, Any]) -> str:
    """A key that belongs to this very content: Shopify refuses a key that comes again with another."""
    return sha256(f"{key}\n{json.dumps(content, sort_keys=True)}".encode()).hexdigest()[:32]


def _read(settings: Settings, levels: Iterable[Level], location: str) -> Conversation[dict[str, _Stands]]:
    """What stands there of these items, by what the shop calls them: a SKU, or the id of a variant."""
    externals = [level.external for level in levels]
    skus = [external for external in externals if not external.startswith(BY_ID)]
    found = (yield from _by_sku(settings, skus, location)) if skus else {}
    by_id = {
        gid("ProductVariant", external.removeprefix(BY_ID)): external
        for external in externals
        if external not in found and external.removeprefix(BY_ID).isdecimal()
    }
    if by_id:
        data = yield from ask(settings, VARIANTS_BY_ID, ids=list(by_id), location=location)
        found |= {by_id[one["id"]]: _stands(one) for one in data["nodes"] if one}
    return found


def _by_sku(settings: Settings, skus: Sequence[str], location: str) -> Conversation[dict[str, _Stands]]:
    """Items by SKU; of several with the same one the first."""
    query, after, found = (
        " OR ".join(f"sku:{json.dumps(sku, ensure_ascii=False)}" for sku in skus),
        None,
        dict[str, _Stands](),
    )
    while True:
        data = yield from ask(settings, VARIANTS_BY_SKU, query=query, location=location, after=after)
        for one in data["productVariants"]["nodes"]:
            found.setdefault(one["sku"], _stands(one))
        page = data["productVariants"]["pageInfo"]
        if not page["hasNextPage"]:
            return {sku: one for sku, one in found.items() if sku in skus}
        after = page["endCursor"]


def _stands(variant: Mapping[str, Any]) -> _Stands:
    level = variant["inventoryItem"]["inventoryLevel"]
    available = None
    if level:
        available = next((one["quantity"] for one in level["quantities"] if one["name"] == "available"), 0)
    return _Stands(variant["inventoryItem"]["id"], available)
