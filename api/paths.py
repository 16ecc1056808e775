"""What stands in the paths of routes: each id with its name in the OpenAPI document, what it is, and an example.

An id that is made of an order's is found in any case: people copy it as the customer spells the number.
"""

import re
from typing import Annotated
from urllib.parse import unquote, unquote_to_bytes

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.identifiers import in_one_case

_Id = Annotated[str, AfterValidator(in_one_case)]

OrderId = Annotated[_Id, Path(alias="order", description="The order's id: channel and number", examples=["web-1001"])]
FulfillmentOrderId = Annotated[
    _Id, Path(alias="fulfillment_order", description="The fulfillment order's id", examples=["web-1001-f1"])
]
TransferId = Annotated[_Id, Path(alias="transfer", description="The transfer's name", examples=["t-1"])]
ReturnId = Annotated[_Id, Path(alias="return", description="The return's id", examples=["web-1001-r1"])]
LabelId = Annotated[_Id, Path(alias="label", description="The label's id", examples=["web-1001-f1-l1"])]
ManifestId = Annotated[_Id, Path(alias="manifest", description="The manifest's id", examples=["slc-usps-m1"])]
ClaimId = Annotated[_Id, Path(alias="claim", description="The claim's id", examples=["web-1001-c1"])]
ExceptionId = Annotated[_Id, Path(alias="exception", description="The exception's id", examples=["web-1001-x7"])]
CartId = Annotated[str, Path(alias="cart", description="The reservation's id", examples=["cart-1"])]
NodeName = Annotated[str, Path(alias="node", description="The node's id as in nodes.toml", examples=["slc"])]
ItemSku = Annotated[
    str,
    BeforeValidator(unquote),
    Path(alias="sku", description="The item's SKU as in items.csv; a slash in it as %2F", examples=["SERUM-30"]),
]
KeyId = Annotated[str, Path(alias="key", description="The key's id, not the key itself", examples=["0123456789abcdef"])]
CarrierName = Annotated[str, Path(alias="carrier", description="The carrier's name in carriers.toml", examples=["ups"])]
ChannelName = Annotated[str, Path(alias="channel", description="The channel's name", examples=["web"])]

ConnectionName = Annotated[
    str, Path(alias="connection", description="The connection's name: that of its channel", examples=["web"])
]


class WholeNames:
    """Lets routes match a path before the slashes in its names are decoded: `A%2Fstop` is a SKU, and not `stop` of A."""

    def __init__(self, app: ASGIApp) -> None:
        """Wraps an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its path as `matched` reads it."""
        if scope["type"] == "http" and b"%" in (scope.get("raw_path") or b""):
            scope["path"] = matched(scope["raw_path"])  # in place: who logs the request finds its route in this scope
        await self._app(scope, receive, send)


def matched(raw: bytes) -> str:
    """The path that routes match: all of it is decoded but `%2F` and `%25`, which the parameter that may have them decodes."""
    return unquote_to_bytes(re.sub(rb"%(2[Ff]|25)", rb"%25\1", raw)).decode(errors="replace")
