"""Every GraphQL document that is sent to Shopify. Each has one operation, and a name of its own.

A document costs 1,000 points at the most: Shopify refuses the others whatever they would really cost. Its connections are short
for that reason, and what does not fit in one is read on by its cursor.
"""

MONEY = "shopMoney { amount currencyCode }"
ADDRESS = """
    name firstName lastName company address1 address2 city provinceCode province zip countryCodeV2 phone latitude longitude
"""
PAGE = "pageInfo { hasNextPage endCursor }"
REFUND_LINE = f"quantity restockType subtotalSet {{ {MONEY} }} lineItem {{ id }} location {{ id }}"
ERRORS = "userErrors { field message }"

ORDERS = f"""
query Orders($query: String!, $after: String) {{
  orders(first: 25, after: $after, query: $query, sortKey: UPDATED_AT) {{ nodes {{ id updatedAt }} {PAGE} }}
}}
"""

ORDER = f"""
query Order($id: ID!, $after: String) {{
  order(id: $id) {{
    id name createdAt updatedAt cancelledAt closedAt test currencyCode displayFinancialStatus taxesIncluded sourceName
    taxLines {{ priceSet {{ {MONEY} }} }}
    totalDiscountsSet {{ {MONEY} }}
    poNumber email phone note tags discountCodes paymentGatewayNames
    customAttributes {{ key value }}
    shippingAddress {{ {ADDRESS} }}
    billingAddress {{ {ADDRESS} }}
    shippingLines(first: 5) {{
      nodes {{
        title originalPriceSet {{ {MONEY} }} discountedPriceSet {{ {MONEY} }}
        discountAllocations {{ allocatedAmountSet {{ {MONEY} }} }}
        taxLines {{ priceSet {{ {MONEY} }} }}
      }}
    }}
    lineItems(first: 30, after: $after) {{
      nodes {{
        id name sku quantity currentQuantity isGiftCard requiresShipping taxable variant {{ id }}
        originalUnitPriceSet {{ {MONEY} }} totalDiscountSet {{ {MONEY} }}
        customAttributes {{ key value }}
        discountAllocations {{ allocatedAmountSet {{ {MONEY} }} }}
        taxLines {{ priceSet {{ {MONEY} }} }}
      }}
      {PAGE}
    }}
  }}
}}
"""

ORDER_WORK = f"""
query OrderWork($id: ID!, $after: String) {{
  order(id: $id) {{
    id
    fulfillmentOrders(first: 10, after: $after) {{
      nodes {{
        id status requestStatus
        assignedLocation {{ countryCode location {{ id isFulfillmentService }} }}
        deliveryMethod {{ methodType }}
        fulfillmentHolds {{ reason reasonNotes }}
        supportedActions {{ action }}
        lineItems(first: 20) {{ nodes {{ id totalQuantity remainingQuantity lineItem {{ id }} }} {PAGE} }}
      }}
      {PAGE}
    }}
  }}
}}
"""

ORDER_OF_WORK = """
query OrderOfWork($id: ID!) {
  fulfillmentOrder(id: $id) { orderId }
}
"""

WORK_LINES = f"""
query WorkLines($id: ID!, $after: String) {{
  fulfillmentOrder(id: $id) {{
    lineItems(first: 200, after: $after) {{ nodes {{ id totalQuantity remainingQuantity lineItem {{ id }} }} {PAGE} }}
  }}
}}
"""

ORDER_FULFILLMENTS = f"""
query OrderFulfillments($id: ID!, $first: Int!, $lines: Int!) {{
  order(id: $id) {{
    id
    fulfillments(first: $first) {{
      id status displayStatus createdAt
      location {{ id isFulfillmentService }}
      trackingInfo(first: 5) {{ company number }}
      fulfillmentLineItems(first: $lines) {{ nodes {{ quantity lineItem {{ id }} }} {PAGE} }}
    }}
  }}
}}
"""

FULFILLMENT_LINES = f"""
query FulfillmentLines($id: ID!, $after: String) {{
  fulfillment(id: $id) {{
    fulfillmentLineItems(first: 200, after: $after) {{ nodes {{ quantity lineItem {{ id }} }} {PAGE} }}
  }}
}}
"""

ORDER_REFUNDS = f"""
query OrderRefunds($id: ID!) {{
  order(id: $id) {{
    id
    refunds(first: 25) {{
      id note createdAt totalRefundedSet {{ {MONEY} }}
      refundLineItems(first: 6) {{ nodes {{ {REFUND_LINE} }} {PAGE} }}
    }}
  }}
}}
"""

REFUND_LINES = f"""
query RefundLines($id: ID!, $after: String) {{
  refund(id: $id) {{
    refundLineItems(first: 150, after: $after) {{
      nodes {{ {REFUND_LINE} }} {PAGE}
    }}
  }}
}}
"""

ORDER_PAYMENTS = f"""
query OrderPayments($id: ID!) {{
  order(id: $id) {{
    id currencyCode presentmentCurrencyCode
    transactions(first: 100) {{ id kind status gateway amountSet {{ {MONEY} }} parentTransaction {{ id }} }}
  }}
}}
"""

CREATE_REFUND = f"""
mutation CreateRefund($refund: RefundInput!, $key: String!) {{
  refundCreate(input: $refund) @idempotent(key: $key) {{ refund {{ id createdAt }} {ERRORS} }}
}}
"""

SUBMIT_REQUEST = f"""
mutation SubmitRequest($id: ID!) {{
  fulfillmentOrderSubmitFulfillmentRequest(id: $id, notifyCustomer: false) {{
    submittedFulfillmentOrder {{ id }} {ERRORS}
  }}
}}
"""

ACCEPT_REQUEST = f"""
mutation AcceptRequest($id: ID!) {{
  fulfillmentOrderAcceptFulfillmentRequest(id: $id) {{ fulfillmentOrder {{ id }} {ERRORS} }}
}}
"""

REJECT_REQUEST = f"""
mutation RejectRequest($id: ID!, $reason: FulfillmentOrderRejectionReason!, $message: String!) {{
  fulfillmentOrderRejectFulfillmentRequest(id: $id, reason: $reason, message: $message) {{
    fulfillmentOrder {{ id }} {ERRORS}
  }}
}}
"""

ACCEPT_CANCELLATION = f"""
mutation AcceptCancellation($id: ID!) {{
  fulfillmentOrderAcceptCancellationRequest(id: $id) {{ fulfillmentOrder {{ id }} {ERRORS} }}
}}
"""

REJECT_CANCELLATION = f"""
mutation RejectCancellation($id: ID!, $message: String!) {{
  fulfillmentOrderRejectCancellationRequest(id: $id, message: $message) {{ fulfillmentOrder {{ id }} {ERRORS} }}
}}
"""

CLOSE_WORK = f"""
mutation CloseWork($id: ID!, $message: String!) {{
  fulfillmentOrderClose(id: $id, message: $message) {{ fulfillmentOrder {{ id }} {ERRORS} }}
}}
"""

MOVE_WORK = f"""
mutation MoveWork($id: ID!, $location: ID!, $lines: [FulfillmentOrderLineItemInput!]) {{
  fulfillmentOrderMove(id: $id, newLocationId: $location, fulfillmentOrderLineItems: $lines) {{
    movedFulfillmentOrder {{ id }} {ERRORS}
  }}
}}
"""

CREATE_FULFILLMENT = f"""
mutation CreateFulfillment($fulfillment: FulfillmentInput!) {{
  fulfillmentCreate(fulfillment: $fulfillment) {{ fulfillment {{ id }} {ERRORS} }}
}}
"""

CANCEL_FULFILLMENT = f"""
mutation CancelFulfillment($id: ID!) {{
  fulfillmentCancel(id: $id) {{ fulfillment {{ id }} {ERRORS} }}
}}
"""

UPDATE_TRACKING = f"""
mutation UpdateTracking($id: ID!, $tracking: FulfillmentTrackingInput!, $notify: Boolean!) {{
  fulfillmentTrackingInfoUpdate(fulfillmentId: $id, trackingInfoInput: $tracking, notifyCustomer: $notify) {{
    fulfillment {{ id }} {ERRORS}
  }}
}}
"""

CREATE_EVENT = f"""
mutation CreateEvent($event: FulfillmentEventInput!) {{
  fulfillmentEventCreate(fulfillmentEvent: $event) {{ fulfillmentEvent {{ id }} {ERRORS} }}
}}
"""

READY_FOR_PICKUP = f"""
mutation ReadyForPickup($work: [PreparedFulfillmentOrderLineItemsInput!]!) {{
  fulfillmentOrderLineItemsPreparedForPickup(input: {{lineItemsByFulfillmentOrder: $work}}) {{ {ERRORS} }}
}}
"""

VARIANTS_BY_SKU = f"""
query VariantsBySku($query: String!, $location: ID!, $after: String) {{
  productVariants(first: 100, query: $query, after: $after) {{
    nodes {{
      id sku
      inventoryItem {{
        id inventoryLevel(locationId: $location) {{ id quantities(names: ["available"]) {{ name quantity }} }}
      }}
    }}
    {PAGE}
  }}
}}
"""

VARIANTS_BY_ID = """
query VariantsById($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on ProductVariant {
      id sku
      inventoryItem {
        id inventoryLevel(locationId: $location) { id quantities(names: ["available"]) { name quantity } }
      }
    }
  }
}
"""

SET_QUANTITIES = """
mutation SetQuantities($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) { userErrors { field message code } }
}
"""

ACTIVATE = f"""
mutation Activate($item: ID!, $location: ID!, $available: Int!, $key: String!) {{
  inventoryActivate(inventoryItemId: $item, locationId: $location, available: $available) @idempotent(key: $key) {{
    inventoryLevel {{ id }} {ERRORS}
  }}
}}
"""

INSTALLATION = """
query Installation {
  currentAppInstallation { accessScopes { handle } }
}
"""

SERVICES = """
query Services {
  shop { fulfillmentServices { id handle serviceName location { id isActive } } }
}
"""

LOCATIONS = f"""
query Locations($after: String) {{
  locations(first: 100, after: $after) {{ nodes {{ id name isFulfillmentService }} {PAGE} }}
}}
"""

LAST_ORDERS = """
query LastOrders {
  orders(first: 5, reverse: true, sortKey: CREATED_AT) {
    nodes { id email shippingAddress { name address1 } }
  }
}
"""

VARIANTS = f"""
query Variants($after: String) {{
  productVariants(first: 200, after: $after) {{
    nodes {{ id sku inventoryItem {{ id requiresShipping }} }} {PAGE}
  }}
}}
"""

SUBSCRIPTIONS = f"""
query Subscriptions($after: String) {{
  webhookSubscriptions(first: 100, after: $after) {{ nodes {{ id topic uri }} {PAGE} }}
}}
"""

SUBSCRIBE = f"""
mutation Subscribe($topic: WebhookSubscriptionTopic!, $uri: String!) {{
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: {{uri: $uri, format: JSON}}) {{
    webhookSubscription {{ id }} {ERRORS}
  }}
}}
"""

CREATE_SERVICE = f"""
mutation CreateService($name: String!) {{
  fulfillmentServiceCreate(name: $name, inventoryManagement: false, trackingSupport: false) {{
    fulfillmentService {{ id handle location {{ id }} }} {ERRORS}
  }}
}}
"""

DOCUMENTS: dict[str, str] = {
    name: text
    for name, text in globals().items()
    if name.isupper() and text.lstrip().startswith(("query ", "mutation "))
}
"""All of them by name."""
