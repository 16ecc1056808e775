"""The table of all kinds of carriers, by the value of `kind` in carriers.toml."""

from carriers.by_karrio.kind import Karrio
from carriers.carrier import CarrierKind
from carriers.rate_card import RateCard

KINDS: dict[str, CarrierKind] = {kind.kind: kind for kind in (RateCard(), Karrio())}
