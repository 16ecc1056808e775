"""The supply of an item on its page of the console: what is there, announced and on its way, by date."""

from tests.console_pages import read, signed_in
from tests.house import House
from tests.journeys.test_announced_goods import in_days, tell
from tests.journeys.test_transfers import make, selling

__all__ = ["selling"]


async def test_the_page_shows_units_on_hand_and_what_comes_by_date_and_what_of_it_is_promised(selling: House) -> None:
    house = selling
    await tell(house, "expected", 30, message_id="po-9", expected_at=in_days(10), supplier="acme")
    await tell(house, "expected", 5, message_id="po-late", expected_at=in_days(-2))
    name = await house.place(("SERUM-30", 2))
    await house.until(name, lambda order: order["promise"] is not None)
    await house.stock("slc", SERUM_30=4, TONER_200=3)
    moved = await make(house, "S1", 3, to="chi", lines=[{"sku": "TONER-200", "quantity": 3}])
    await house.tell((await house.work(moved))["fulfillment_order"], "shipped")
    async with signed_in(house) as http:
        stock = await http.get("/console/stock/SERUM-30")
        assert "/console/stock/SERUM-30/supply" in stock.text
        said = read(await http.get("/console/stock/SERUM-30/supply"))
        for words in ("on hand 4 units slc", "announced po-late slc", "late: no date is promised for it 0 of 5 5 0 5"):
            assert words in said, said
        assert said.index("on hand") < said.index("po-late") < said.index("announced po-9 from acme")
        assert "Nothing is there or announced." in read(
            await http.get("/console/stock/SERUM-30/supply", params={"node": "nwk"})
        )
        page = await http.get("/console/stock/TONER-200/supply", params={"node": "chi"})
        assert f"in transit {moved} chi" in read(page)
        assert f"/console/orders/{moved}" in page.text
        assert (await http.get("/console/stock/NO-SUCH/supply")).status_code == 404
