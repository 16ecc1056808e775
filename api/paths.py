"""What stands in the paths of routes: each id with its name in the OpenAPI document, what it is, and an example.

An id that is made of an order's is found in any case: people copy it as the customer spells the number.
"""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator

from domain.identifiers import in_one_case

_Id = Annotated[str, AfterValidator(in_one_case)]

OrderId = Annotated[_Id, Path(alias="order", description="The order's id: channel and number", examples=["web-1001"])]
FulfillmentOrderId = Annotated[
    _Id, Path(alias="fulfillment_order", description="The fulfillment order's id", examples=["web-1001-f1"])
]
ReturnId = Annotated[_Id, Path(alias="return", description="The return's id", examples=["web-1001-r1"])]
ClaimId = Annotated[_Id, Path(alias="claim", description="The claim's id", examples=["web-1001-c1"])]
ExceptionId = Annotated[_Id, Path(alias="exception", description="The exception's id", examples=["web-1001-x7"])]
CartId = Annotated[str, Path(alias="cart", description="The reservation's id", examples=["cart-1"])]
NodeName = Annotated[str, Path(alias="node", description="The node's id as in nodes.toml", examples=["slc"])]
ItemSku = Annotated[str, Path(alias="sku", description="The item's SKU as in items.csv", examples=["SERUM-30"])]
KeyId = Annotated[str, Path(alias="key", description="The key's id, not the key itself", examples=["0123456789abcdef"])]
ChannelName = Annotated[str, Path(alias="channel", description="The channel's name", examples=["web"])]
