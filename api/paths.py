"""What stands in the paths of routes: each id with its name in the OpenAPI document, what it is, and an example."""

from typing import Annotated

from fastapi import Path

OrderId = Annotated[str, Path(alias="order", description="The order's id: channel and number", examples=["web-1001"])]
FulfillmentOrderId = Annotated[
    str, Path(alias="fulfillment_order", description="The fulfillment order's id", examples=["web-1001-f1"])
]
ReturnId = Annotated[str, Path(alias="return", description="The return's id", examples=["web-1001-r1"])]
ClaimId = Annotated[str, Path(alias="claim", description="The claim's id", examples=["web-1001-c1"])]
ExceptionId = Annotated[str, Path(alias="exception", description="The exception's id", examples=["web-1001-x7"])]
CartId = Annotated[str, Path(alias="cart", description="The reservation's id", examples=["cart-1"])]
NodeName = Annotated[str, Path(alias="node", description="The node's id as in nodes.toml", examples=["slc"])]
ItemSku = Annotated[str, Path(alias="sku", description="The item's SKU as in items.csv", examples=["SERUM-30"])]
KeyId = Annotated[str, Path(alias="key", description="The key's id, not the key itself", examples=["0123456789abcdef"])]
ChannelName = Annotated[str, Path(alias="channel", description="The channel's name", examples=["web"])]
