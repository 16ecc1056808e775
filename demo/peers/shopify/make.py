"""Makes `played.graphql` and `scopes.json` from a file of Shopify's published schema: `python -m demo.peers.shopify.make FILE`.

The file is `dist/data/admin_2026-10.json.gz` of the npm package `@shopify/dev-mcp`, version 1.16.0, licence ISC. Only the types
and fields that the simulated shop plays are taken, so that a document that asks for others fails and says so.
"""

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Type = Mapping[str, Any]

PLAYED: Mapping[str, str] = {
    "QueryRoot": """appInstallation assignedFulfillmentOrders currentAppInstallation fulfillment fulfillmentOrder
        fulfillmentOrders inventoryItem inventoryItems location locations node nodes order orders productVariant productVariants
        refund shop webhookSubscriptions""",
    "Mutation": """fulfillmentCancel fulfillmentCreate fulfillmentEventCreate fulfillmentOrderAcceptCancellationRequest
        fulfillmentOrderAcceptFulfillmentRequest fulfillmentOrderCancel fulfillmentOrderClose fulfillmentOrderHold
        fulfillmentOrderLineItemsPreparedForPickup fulfillmentOrderMove fulfillmentOrderRejectCancellationRequest
        fulfillmentOrderRejectFulfillmentRequest fulfillmentOrderReleaseHold fulfillmentOrderSplit
        fulfillmentOrderSubmitCancellationRequest fulfillmentOrderSubmitFulfillmentRequest fulfillmentServiceCreate
        fulfillmentTrackingInfoUpdate inventoryActivate inventorySetQuantities orderCancel refundCreate
        webhookSubscriptionCreate webhookSubscriptionDelete""",
    "AccessScope": "handle",
    "App": "id title",
    "AppInstallation": "accessScopes app id",
    "Attribute": "key value",
    "Customer": "displayName email firstName id lastName phone",
    "DeliveryMethod": "id methodType",
    "DiscountAllocation": "allocatedAmountSet",
    "Fulfillment": """createdAt deliveredAt displayStatus events fulfillmentLineItems fulfillmentOrders id
        legacyResourceId location name order originAddress status totalQuantity trackingInfo updatedAt""",
    "FulfillmentEvent": "happenedAt id message status",
    "FulfillmentHold": "displayReason handle heldByRequestingApp id reason reasonNotes",
    "FulfillmentLineItem": "id lineItem quantity",
    "FulfillmentOrder": """assignedLocation createdAt deliveryMethod destination fulfillAt fulfillBy fulfillmentHolds
        fulfillments id lineItems locationsForMove merchantRequests order orderId orderName orderProcessedAt requestStatus
        status supportedActions updatedAt""",
    "FulfillmentOrderAssignedLocation": "address1 city countryCode location name province zip",
    "FulfillmentOrderDestination": "address1 address2 city company countryCode email firstName id lastName phone province zip",
    "FulfillmentOrderLineItem": """id inventoryItemId lineItem productTitle remainingQuantity requiresShipping sku
        totalQuantity variant variantTitle""",
    "FulfillmentOrderLocationForMove": "location message movable",
    "FulfillmentOrderMerchantRequest": "id kind message requestOptions sentAt",
    "FulfillmentOrderSplitResult": "fulfillmentOrder remainingFulfillmentOrder replacementFulfillmentOrder",
    "FulfillmentOrderSupportedAction": "action externalUrl",
    "FulfillmentOriginAddress": "address1 address2 city countryCode provinceCode zip",
    "FulfillmentService": "callbackUrl handle id inventoryManagement location serviceName trackingSupport type",
    "FulfillmentTrackingInfo": "company number url",
    "InventoryAdjustmentGroup": "changes createdAt id reason referenceDocumentUri",
    "InventoryChange": "delta item location name quantityAfterChange",
    "InventoryItem": "id inventoryLevel inventoryLevels legacyResourceId requiresShipping sku tracked variant",
    "InventoryLevel": "id isActive item location quantities updatedAt",
    "InventoryQuantity": "id name quantity updatedAt",
    "LineItem": """currentQuantity customAttributes discountAllocations discountedTotalSet discountedUnitPriceSet
        fulfillableQuantity id isGiftCard name nonFulfillableQuantity originalUnitPriceSet product quantity
        refundableQuantity requiresShipping sku taxLines taxable title totalDiscountSet unfulfilledQuantity variant variantTitle
        vendor""",
    "Location": """activatable address fulfillmentService fulfillsOnlineOrders id isActive isFulfillmentService
        legacyResourceId name""",
    "LocationAddress": "address1 address2 city country countryCode province provinceCode zip",
    "MailingAddress": """address1 address2 city company country countryCodeV2 firstName id lastName latitude longitude name
        phone province provinceCode zip""",
    "MoneyBag": "presentmentMoney shopMoney",
    "MoneyV2": "amount currencyCode",
    "Order": """billingAddress cancelReason cancelledAt closed closedAt confirmed createdAt currencyCode
        currentShippingPriceSet currentSubtotalPriceSet currentTotalDiscountsSet currentTotalPriceSet currentTotalTaxSet
        customAttributes customer discountCodes displayFinancialStatus displayFulfillmentStatus edited email
        fulfillmentOrders fulfillments id legacyResourceId lineItems name note number paymentGatewayNames phone poNumber
        presentmentCurrencyCode processedAt refunds requiresShipping returns shippingAddress shippingLine shippingLines
        sourceName tags taxLines taxesIncluded test totalDiscountsSet totalPriceSet totalReceivedSet totalRefundedSet
        totalShippingPriceSet totalTaxSet transactions updatedAt""",
    "OrderTransaction": "amountSet createdAt gateway id kind parentTransaction status",
    "PageInfo": "endCursor hasNextPage hasPreviousPage startCursor",
    "Product": "id legacyResourceId status title",
    "ProductVariant": "barcode displayName id inventoryItem inventoryQuantity legacyResourceId product sku title",
    "Refund": "createdAt id legacyResourceId note refundLineItems totalRefundedSet updatedAt",
    "RefundLineItem": "id lineItem location priceSet quantity restockType restocked subtotalSet totalTaxSet",
    "Return": "id name returnLineItems status totalQuantity",
    "ReturnLineItem": "id quantity",
    "ShippingLine": """code currentDiscountedPriceSet deliveryCategory discountAllocations discountedPriceSet id
        originalPriceSet source taxLines title""",
    "Shop": "currencyCode fulfillmentServices ianaTimezone id myshopifyDomain name plan primaryDomain taxesIncluded",
    "ShopPlan": "partnerDevelopment publicDisplayName shopifyPlus",
    "TaxLine": "priceSet rate ratePercentage title",
    "Domain": "host id url",
    "WebhookSubscription": "createdAt format id includeFields topic uri updatedAt",
}
"""By type, the fields that are played. Interfaces, connections, edges, payloads, inputs, enums and scalars follow from them."""

WHOLE = ("Payload", "Error", "Edge", "Connection")
"""Types with these ends are taken with every field whose type is played."""


def main(source: Path, here: Path = Path(__file__).parent) -> None:
    """Write both files to a folder, from a file of the package."""
    published = json.loads(gzip.decompress(source.read_bytes()))
    types = {one["name"]: one for one in published["data"]["__schema"]["types"]}
    text = "\n".join(_schema(types))
    (here / "played.graphql").write_text(
        f"# Made by make.py from {source.name} of @shopify/dev-mcp 1.16.0; ISC, Shopify Inc.\n{text}"
    )
    scopes = dict(sorted(_scopes(published["offline_scopes"]["items"])))
    (here / "scopes.json").write_text(json.dumps(scopes, indent=1) + "\n")


def _scopes(items: list[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """By type or `Type.field`, the scopes of which any one is enough."""
    for item in items:
        name, field = item["typeName"], item.get("fieldName")
        if item["offlineScopes"] and name in PLAYED and (not field or field in PLAYED[name].split()):
            yield f"{name}.{field}" if field else name, item["offlineScopes"]


def _schema(types: Mapping[str, Type]) -> Iterator[str]:
    yield "schema { query: QueryRoot mutation: Mutation }\n"
    yield "directive @idempotent(key: String!) on FIELD\n"
    done: set[str] = {"String", "Int", "Float", "Boolean", "ID"}
    waiting = [*PLAYED, "Node"]
    while waiting:
        name = waiting.pop(0)
        if name not in done:
            done.add(name)
            yield _written(types[name], types)
            waiting += _named_by(types[name], types)


def _fields(one: Type, types: Mapping[str, Type]) -> list[Mapping[str, Any]]:
    fields = one["fields"] or []
    if one["name"] in PLAYED:
        return [field for field in fields if field["name"] in PLAYED[one["name"]].split()]
    if one["name"].endswith(WHOLE):
        return [field for field in fields if _is_played(types[_name(field["type"])]) and not field["isDeprecated"]]
    return [
        field for field in fields if one["name"] == "Node" or types[_name(field["type"])]["kind"] in ("SCALAR", "ENUM")
    ]


def _is_played(one: Type) -> bool:
    return one["kind"] != "OBJECT" or one["name"] in PLAYED or one["name"].endswith(WHOLE)


def _named_by(one: Type, types: Mapping[str, Type]) -> Iterator[str]:
    for field in _fields(one, types):
        yield _name(field["type"])
        yield from (_name(argument["type"]) for argument in field["args"])
    yield from (_name(field["type"]) for field in one["inputFields"] or [])


def _written(one: Type, types: Mapping[str, Type]) -> str:
    name = one["name"]
    match one["kind"]:
        case "SCALAR":
            return f"scalar {name}\n"
        case "ENUM":
            return f"enum {name} {{\n  " + "\n  ".join(value["name"] for value in one["enumValues"]) + "\n}\n"
        case "INPUT_OBJECT":
            return f"input {name} {{\n  " + "\n  ".join(map(_argument, one["inputFields"])) + "\n}\n"
    is_node = one["kind"] == "OBJECT" and any(each["name"] == "Node" for each in one["interfaces"] or [])
    head = "interface" if one["kind"] == "INTERFACE" else "type"
    fields = "\n  ".join(
        f"{field['name']}{_arguments(field['args'])}: {_type(field['type'])}" for field in _fields(one, types)
    )
    return f"{head} {name}{' implements Node' if is_node else ''} {{\n  {fields}\n}}\n"


def _arguments(arguments: list[Mapping[str, Any]]) -> str:
    return f"({', '.join(map(_argument, arguments))})" if arguments else ""


def _argument(argument: Mapping[str, Any]) -> str:
    default = argument["defaultValue"]
    return f"{argument['name']}: {_type(argument['type'])}" + (f" = {default}" if default is not None else "")


def _type(reference: Mapping[str, Any]) -> str:
    match reference["kind"]:
        case "NON_NULL":
            return f"{_type(reference['ofType'])}!"
        case "LIST":
            return f"[{_type(reference['ofType'])}]"
    return str(reference["name"])


def _name(reference: Mapping[str, Any]) -> str:
    return _name(reference["ofType"]) if reference["ofType"] else str(reference["name"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
