"""Looks whether orders of a shop can flow, makes what Switchyard needs there, and says what is missing to the shop's owner."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from channels.channel import Catalogue, Checked, Conversation, Finding, Settings
from channels.shopify import documents
from channels.shopify.call import Denied, NotNow, ask, change
from channels.shopify.given import id_of
from channels.shopify.location import is_one, locations
from channels.shopify.scopes import ALL_ORDERS, SCOPES, missing
from channels.shopify.version import DEFAULT, warning

SERVICE = "Switchyard"
"""The name of our fulfillment service, and so of its location."""

TOPICS = (
    "ORDERS_CREATE",
    "ORDERS_UPDATED",
    "ORDERS_CANCELLED",
    "ORDERS_EDITED",
    "REFUNDS_CREATE",
    "FULFILLMENTS_CREATE",
    "FULFILLMENT_ORDERS_FULFILLMENT_REQUEST_SUBMITTED",
    "FULFILLMENT_ORDERS_CANCELLATION_REQUEST_SUBMITTED",
    "FULFILLMENT_ORDERS_PLACED_ON_HOLD",
    "FULFILLMENT_ORDERS_HOLD_RELEASED",
    "FULFILLMENT_ORDERS_MOVED",
)
"""The webhooks that are subscribed to."""

NAMED_MOST = 20
"""How many items a finding names; it counts the others."""

IN_DASHBOARD = "In the Dev Dashboard (dev.shopify.com), open the app"


@dataclass(slots=True)
class _Check:
    settings: Settings
    catalogue: Catalogue
    kept: dict[str, Any]
    findings: list[Finding] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Orders cannot flow so."""
        self.findings.append(Finding(True, text))

    def hint(self, text: str) -> None:
        """Orders flow, and something is not as it could be."""
        self.findings.append(Finding(False, text))

    def warn(self, text: str) -> None:
        """Orders flow, and a person must see to something before they do not."""
        self.findings.append(Finding(False, text, needs_person=True))


def check(settings: Settings, catalogue: Catalogue, at: datetime) -> Conversation[Checked]:
    """What was found, and the settings to keep: our location and service, and since when the shop is connected."""
    begun = settings.kept.get("connected_at") or at.astimezone(UTC).isoformat()
    found = _Check(settings, catalogue, dict(settings.kept) | {"connected_at": begun})
    if said := warning(settings.entry.get("version", DEFAULT), at):
        found.warn(said)
    data = yield from ask(settings, documents.INSTALLATION)
    _scopes(found, [scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]])
    for step in (
        _location(found),
        _items(found),
        _persons(found),
        _webhooks(found),
    ):
        try:
            yield from step
        except Denied as denied:
            found.fault(f"Shopify refuses: {denied}")
    return Checked(found.findings, found.kept)


def is_set_up(settings: Settings) -> bool:
    """Whether a check has made what orders and levels need: credentials are stored before their first check has ended.

    Read without it, units that left before the connection look as if they were still to be shipped.
    """
    return bool(settings.kept.get("location" if is_one(settings.entry) else "connected_at"))


def need(settings: Settings) -> None:
    """Raise `NotNow` where nothing is set up yet."""
    if not is_set_up(settings):
        raise NotNow(f"nothing is set up in the shop yet: run `python -m starter connect {settings.name}`")


def _scopes(found: _Check, granted: Sequence[str]) -> None:
    for scope in missing(granted):
        found.fault(
            f"The app lacks the access scope {scope} ({SCOPES[scope]}). {IN_DASHBOARD}, make a new version with it under "
            "Access scopes, release it, and accept it in the shop's admin under Settings, Apps"
        )
    if ALL_ORDERS not in granted:
        found.hint(
            "Orders older than 60 days cannot be read: Shopify shows them only with the access scope read_all_orders. Most "
            f"shops do without. {IN_DASHBOARD} and request it under API access"
        )


def _location(found: _Check) -> Conversation[None]:
    if not is_one(found.settings.entry):
        yield from _locations(found)
        return
    services = (yield from ask(found.settings, documents.SERVICES))["shop"]["fulfillmentServices"]
    own = next((service for service in services if service["serviceName"] == SERVICE), None)
    if own is None:
        own = (yield from change(found.settings, documents.CREATE_SERVICE, name=SERVICE))["fulfillmentService"]
    found.kept |= {"service": own["handle"], "location": id_of((own["location"] or {}).get("id", ""))}
    if not own["location"]:
        found.fault(f"Shopify made no location for the service {SERVICE}: run `connect` again in a minute")
    elif not own["location"].get("isActive", True):
        found.fault(f"The location {SERVICE} is not active: in the shop's admin, Settings, Locations, activate it")


def _locations(found: _Check) -> Conversation[None]:
    """Compare the locations of the shop with those of channels.toml."""
    known, after = dict[str, str](), None
    while True:
        page = (yield from ask(found.settings, documents.LOCATIONS, after=after))["locations"]
        known |= {id_of(one["id"]): one["name"] for one in page["nodes"] if not one["isFulfillmentService"]}
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    mapped = locations(found.settings)
    for location, name in known.items():
        if location not in mapped.values():
            found.hint(
                f'The location "{name}" is no node: write "{location}" = "NODE" under `locations` in channels.toml. Until then '
                "it keeps its own stock levels, and orders are not collected there"
            )
    for node, location in mapped.items():
        if location not in known:
            found.fault(
                f"The shop has no location {location}, which channels.toml names for node {node}: in the shop's admin, "
                "Settings, Locations, it is not there or not active, or an app has made it"
            )
    if missing := sorted(set(found.catalogue.nodes()) - mapped.keys()):
        found.warn(
            f"{_some(missing)} may ship orders of the shop and {'is' if len(missing) == 1 else 'are'} no location of it: what "
            'leaves there cannot be reported. Write "LOCATION" = "NODE" under `locations` in channels.toml; a location is made '
            "in the shop's admin under Settings, Locations. Or let the strategies of the channel not use the node"
        )


def _items(found: _Check) -> Conversation[None]:
    unmapped, skus, after = list[str](), Counter[str](), None
    while True:
        page = (yield from ask(found.settings, documents.VARIANTS, after=after))["productVariants"]
        for variant in page["nodes"]:
            if not variant["inventoryItem"]["requiresShipping"]:
                continue
            sku, number = (variant["sku"] or "").strip(), id_of(variant["id"])
            skus[sku] += 1
            if not (found.catalogue.item("variant", number) or (sku and found.catalogue.item("sku", sku))):
                unmapped.append(f"SKU {sku}" if sku else f"variant {number} (it has no SKU)")
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    if unmapped:
        found.hint(
            f"{_some(unmapped)} of the shop {'is' if len(unmapped) == 1 else 'are'} no item here, and orders with it will "
            "wait on the hold `unmapped`: add it to items.csv, or map it in aliases.csv (kind sku or variant)"
        )
    if twice := [f"SKU {sku}" for sku, number in skus.items() if sku and number > 1]:
        found.hint(f"{_some(twice)} belongs to several variants: only the first one gets stock levels")


def _some(names: Sequence[str]) -> str:
    """The first ones, and how many more there are."""
    more = len(names) - NAMED_MOST
    return ", ".join(names[:NAMED_MOST]) + (f" and {more} more" if more > 0 else "")


def _persons(found: _Check) -> Conversation[None]:
    """Whether Shopify shows names and streets; it shows only null otherwise, and no error."""
    orders = (yield from ask(found.settings, documents.LAST_ORDERS))["orders"]["nodes"]
    addresses = [order["shippingAddress"] for order in orders if order["shippingAddress"]]
    if addresses and not any(address["name"] or address["address1"] for address in addresses):
        found.fault(
            "Names and streets come empty, so nothing can be shipped. Shopify gives them to an app of the shop's own only on "
            "the plan Shopify and above (not Basic): in the shop's admin, Settings, Plan. The app must also ask for them: "
            f"{IN_DASHBOARD}, API access, Protected customer data"
        )


def _webhooks(found: _Check) -> Conversation[None]:
    base = str(found.settings.entry.get("webhooks", "")).rstrip("/")
    if not base:
        found.hint(
            "Orders are read once a minute. They come within seconds when Shopify can reach Switchyard: write its public "
            'address in channels.toml (webhooks = "https://…") and run `connect` again'
        )
        return
    uri = f"{base}/channels/{found.settings.name}/webhooks"
    known = yield from _subscribed(found.settings, uri)
    for topic in TOPICS:
        if topic not in known:
            yield from change(found.settings, documents.SUBSCRIBE, topic=topic, uri=uri)
    before = found.kept.get("subscribed", {})
    if lost := [topic for topic in before.get(uri, ()) if topic in TOPICS and topic not in known]:
        found.warn(
            f"Shopify had deleted the subscriptions to {_some(lost)}, and they were made again. It deletes one when its calls "
            f"have failed eight times: look whether {base} can be reached from outside. {IN_DASHBOARD}, Logs, to see the "
            "calls. Until then orders are read by the poll"
        )
    found.kept["subscribed"] = {uri: list(TOPICS)}


def _subscribed(settings: Settings, uri: str) -> Conversation[set[str]]:
    """The topics whose webhooks come to an address."""
    after, known = None, set[str]()
    while True:
        page = (yield from ask(settings, documents.SUBSCRIPTIONS, after=after))["webhookSubscriptions"]
        known |= {one["topic"] for one in page["nodes"] if one["uri"] == uri}
        if not page["pageInfo"]["hasNextPage"]:
            return known
        after = page["pageInfo"]["endCursor"]
