"""An order as Amazon has it (Orders API 2026-01-01): the parts that are read. Everything may be absent that a role decides on,
and every code is a text, since Amazon adds to its lists."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

from channels.given import Given, Listed, Text

Quantity = Annotated[int, Field(ge=0)]


class Money(Given):
    """An amount in major units."""

    amount: Annotated[Decimal, Field(allow_inf_nan=False)]
    currencyCode: str


Parts = Annotated[dict[str, Any], BeforeValidator(lambda given: given or {})]
"""Something that is kept as it came, part by part."""


class Address(Given):
    """Where an order goes. Without the role for it, names and streets are absent, or all of it is."""

    name: Text = ""
    companyName: Text = ""
    addressLine1: Text = ""
    addressLine2: Text = ""
    addressLine3: Text = ""
    city: Text = ""
    districtOrCounty: Text = ""
    municipality: Text = ""
    stateOrRegion: Text = ""
    postalCode: Text = ""
    countryCode: Text = ""
    phone: Text = ""
    addressType: Text = ""
    extendedFields: Parts = Field(default={})
    """In Brazil: the street's name, the number, what is beside it, and the neighborhood, each by itself."""


class DeliveryPreference(Given):
    """What the customer says of how it is delivered."""

    dropOffLocation: Text = ""
    addressInstruction: Text = ""
    deliveryTime: Parts = Field(default={})
    """When the destination is open, by days of the week and on single days."""
    deliveryCapabilities: Annotated[Sequence[str], Listed] = ()


class Recipient(Given):
    """Who gets it."""

    deliveryAddress: Address | None = None
    deliveryPreference: DeliveryPreference | None = None


class Buyer(Given):
    """Who bought it; the mail address is an alias that Amazon forwards."""

    buyerName: Text = ""
    buyerEmail: Text = ""
    buyerCompanyName: Text = ""
    buyerPurchaseOrderNumber: Text = ""


class Window(Given):
    """A period."""

    earliestDateTime: AwareDatetime | None = None
    latestDateTime: AwareDatetime | None = None


class Fulfillment(Given):
    """How far the order is, and until when Amazon wants to see it shipped and delivered."""

    fulfillmentStatus: str
    fulfilledBy: Text = ""
    fulfillmentServiceLevel: Text = ""
    shipByWindow: Window = Window()
    deliverByWindow: Window = Window()


class DetailedBreakdown(Given):
    """A part of a tax or discount."""

    subtype: Text = ""
    value: Money | None = None


class Breakdown(Given):
    """What is paid for one thing of an item, such as ITEM, SHIPPING, TAX, DISCOUNT."""

    type: str
    subtotal: Money
    detailedBreakdowns: Annotated[Sequence[DetailedBreakdown], Listed] = ()


class Proceeds(Given):
    """What is paid for an item, all units together."""

    breakdowns: Annotated[Sequence[Breakdown], Listed] = ()


class Price(Given):
    """The price of an item."""

    unitPrice: Money | None = None
    """Of one unit. The `ItemPrice` of v0 was that of the whole line."""
    priceDesignation: Text = ""


class Customization(Given):
    """Where the customer's own text or picture for an item is."""

    customizedUrl: Text = ""


class Condition(Given):
    """Whether it is new, and if not, in what state."""

    conditionType: Text = ""
    conditionSubtype: Text = ""
    conditionNote: Text = ""


class Product(Given):
    """What is sold."""

    asin: Text = ""
    title: Text = ""
    sellerSku: Text = ""
    condition: Condition = Condition()
    price: Price = Price()
    customization: Customization = Customization()


class Gift(Given):
    """How an item is wrapped, and for whom."""

    giftMessage: Text = ""
    giftWrapLevel: Text = ""


class SerialNumbers(Given):
    """Whether the serial number of each unit must be reported when it ships."""

    requirementType: Text = ""


class Packing(Given):
    """How an item is packed."""

    giftOption: Gift = Gift()
    serialNumberRequirement: SerialNumbers = SerialNumbers()


class Substitution(Given):
    """Whether another item may be sent instead, and which."""

    substitutionType: Text = ""
    substitutionOptions: Annotated[Sequence[Parts], Listed] = ()


class Picking(Given):
    """How an item is picked."""

    substitutionPreference: Substitution = Substitution()


Constraints = Annotated[dict[str, Text], BeforeValidator(lambda given: given or {})]
"""What must be done when an item is handed over, by name, such as `signatureConfirmation`: `MANDATORY`."""


class International(Given):
    """What customs need."""

    iossNumber: Text = ""


class Shipping(Given):
    """How an item is shipped."""

    scheduledDeliveryWindow: Window = Window()
    shippingConstraints: Constraints = Field(default={})
    internationalShipping: International = International()


class ItemFulfillment(Given):
    """How far an item is."""

    quantityFulfilled: Quantity = 0
    quantityUnfulfilled: Quantity | None = None
    picking: Picking = Picking()
    packing: Packing = Packing()
    shipping: Shipping = Shipping()


class CancellationRequest(Given):
    """A request, by the customer as a rule, to cancel an item: the order stays as it is until the seller agrees."""

    requester: Text = ""
    cancelReason: Text = ""


class Cancellation(Given):
    """What is said of cancelling an item."""

    cancellationRequest: CancellationRequest | None = None


class PromotionPart(Given):
    """One offer that was applied to an item."""

    promotionId: Text = ""


class Promotion(Given):
    """The offers that were applied to an item."""

    breakdowns: Annotated[Sequence[PromotionPart], Listed] = ()


class Associated(Given):
    """Another order that this one, or an item of it, belongs to, such as the one that it replaces."""

    orderId: Text = ""
    associationType: Text = ""


class Item(Given):
    """A line of the order."""

    orderItemId: str
    quantityOrdered: Quantity
    """It falls when units are cancelled."""
    programs: Annotated[Sequence[str], Listed] = ()
    product: Product
    proceeds: Proceeds = Proceeds()
    promotion: Promotion = Promotion()
    associatedOrderItems: Annotated[Sequence[Associated], Listed] = ()
    measurement: Parts = Field(default={})
    """Of goods that are sold by weight or length: the unit and how much."""
    cancellation: Cancellation = Cancellation()
    fulfillment: ItemFulfillment = ItemFulfillment()


class PackageItem(Given):
    """Units in a package."""

    orderItemId: str
    quantity: Quantity


class Package(Given):
    """A package that was confirmed."""

    packageReferenceId: str
    createdTime: AwareDatetime | None = None
    shipTime: AwareDatetime | None = None
    carrier: Text = ""
    trackingNumber: Text = ""
    packageItems: Annotated[Sequence[PackageItem], Listed] = ()


class Alias(Given):
    """Another name of the order."""

    aliasId: str
    aliasType: str


class SalesChannel(Given):
    """Where it was sold."""

    channelName: Text = ""
    marketplaceId: Text = ""
    marketplaceName: Text = ""


class TaxRegistration(Given):
    """A number under which the buyer, or somebody else, is registered for a tax."""

    entityType: Text = ""
    legalName: Text = ""
    taxRegistrationType: Text = ""
    taxRegistrationNumber: Text = ""


class Tax(Given):
    """What an invoice needs."""

    taxRegistrations: Annotated[Sequence[TaxRegistration], Listed] = ()
    taxInvoicing: Parts = Field(default={})


class PaymentExecution(Given):
    """One way by which it is paid."""

    paymentMethod: Text = ""


class Payment(Given):
    """How it is paid."""

    paymentExecutions: Annotated[Sequence[PaymentExecution], Listed] = ()


class AmazonOrder(Given):
    """An order."""

    orderId: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    createdTime: AwareDatetime
    lastUpdatedTime: AwareDatetime
    orderAliases: Annotated[Sequence[Alias], Listed] = ()
    programs: Annotated[Sequence[str], Listed] = ()
    associatedOrders: Annotated[Sequence[Associated], Listed] = ()
    payment: Payment = Payment()
    tax: Tax = Tax()
    salesChannel: SalesChannel = SalesChannel()
    buyer: Buyer | None = None
    recipient: Recipient | None = None
    fulfillment: Fulfillment
    orderItems: Sequence[Item]
    packages: Sequence[Package] | None = None
    """None = Amazon does not show them."""

    @property
    def status(self) -> str:
        """How far it is, in Amazon's word."""
        return self.fulfillment.fulfillmentStatus
