"""The story's wholesale order by EDI, which ends invoiced. The retailer is a simulated one; its file is in `examples/edi/`."""

from demo.chapter import Chapter
from demo.edi_scenario import EdiScenario


async def ordered_by_edi(scenario: EdiScenario) -> None:
    """A retailer orders four cases of twelve by an 850: Newark ships all 48, and the 855, 856 and 810 say so."""
    order = await scenario.until("it is routed", lambda order: bool(order["fulfillment_orders"]))
    units = order["lines"][0]["ordered"]
    scenario.check(units == 48, "four cases are 48 units", units)
    await scenario.seen("it is confirmed", lambda purchase: bool(purchase.confirmed))
    scenario.tell("an 850 of 4 cases is 48 units: nwk ships complete, and the 855 confirms 4 cases")
    await scenario.fulfill("nwk")
    purchase = await scenario.seen("it is invoiced", lambda purchase: bool(purchase.amount))
    scenario.tell(f"the 856 names carton {purchase.cartons[0]}, and the 810 is for ${purchase.amount:,.2f}")


EDI_STORY = (Chapter("wholesale-edi", "EDI: ordered by 850, invoiced by 810", ordered_by_edi, {"nwk": 48}),)
