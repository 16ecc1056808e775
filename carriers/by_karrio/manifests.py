"""Manifests of karrio's carriers: of UPS, FedEx, USPS and DHL Express, only USPS has them (its SCAN forms).

Read off the proxies of karrio 2026.1.32 (`karrio/mappers/*/proxy.py`): `create_manifest` is in that of USPS alone; pickups are
in all four.

Three things that nobody would guess. USPS answers in several parts, as it does for labels; karrio reads its labels so, and a
manifest as JSON only, so that a manifest would be made and never known (`mappers/usps/proxy.py: create_manifest`). Without a
day karrio writes that of the process's clock and zone (`providers/usps/manifest.py`). And a label keeps the day on which it was
bought, so a parcel that stayed overnight would not be taken without `overwriteMailingDate`.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from carriers.by_karrio import addresses
from carriers.by_karrio.library import read_content
from carriers.carrier import MadeManifest, WantedManifest

CONNECTORS = frozenset({"usps"})
ZIP_DIGITS = 5


def ask(gateway: Any, wanted: WantedManifest) -> tuple[Any, Sequence[Any]]:
    """What the carrier answers to a request for a manifest: a result and messages. It raises what karrio and the line raise."""
    lib, models, utils = (import_module(f"karrio.{name}") for name in ("lib", "core.models", "providers.usps.utils"))
    sender = addresses.written("usps", wanted.ship_from, "")
    sender["postal_code"] = (sender["postal_code"] or "")[:ZIP_DIGITS]  # it is also the post office's, which has five
    request = {
        "shipment_identifiers": list(wanted.trackings),
        "address": sender,
        "reference": wanted.reference,
        "options": {"shipment_date": wanted.day.isoformat(), "usps_overwrite_mailing_date": True},
    }
    payload = lib.to_object(models.ManifestRequest, lib.to_dict(request))
    answer = gateway.proxy.create_manifest(gateway.mapper.create_manifest_request(payload))
    found: tuple[Any, Sequence[Any]] = gateway.mapper.parse_manifest_response(
        lib.Deserializable(answer.value, utils.parse_response)
    )
    return found


def made(result: Any) -> MadeManifest:
    """A manifest as karrio answers it."""
    meta = result.meta or {}
    listed = meta.get("trackingNumbers")
    return MadeManifest(
        content=read_content(getattr(result.doc, "manifest", None)),
        theirs=str(meta.get("manifestNumber") or ""),
        trackings=tuple(map(str, listed)) if listed else None,
    )
