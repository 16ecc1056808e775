"""The table of all kinds of channels, by the value of `kind` in channels.toml."""

from channels.amazon.kind import Amazon
from channels.channel import ChannelKind
from channels.json_mapping.kinds import JSON, WOOCOMMERCE
from channels.shopify.kind import Shopify
from channels.x12.kind import X12

KINDS: dict[str, ChannelKind] = {kind.kind: kind for kind in (Shopify(), Amazon(), JSON, WOOCOMMERCE, X12())}
