"""The life of an order from its acceptance to the end of its return window, on real Temporal in skipped time."""

from datetime import timedelta

from tests.house import House

EVENTS_OF_A_STANDARD_ORDER_MAX = 60


async def test_an_order_that_everybody_fulfills_completes_when_its_return_window_is_over(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    work = await house.work(name)

    await house.fulfill(work["fulfillment_order"])
    await house.until(name, "delivered")
    await house.skip(name, timedelta(days=31))

    document = await house.until(name, "completed")
    assert document["lines"][0]["shipped"] == 2
    assert document["lines"][0]["delivered"] == 2
    assert (await house.available("SERUM-30"))["slc"] == 3
    history = await house.workflow(name).fetch_history()
    print(len(history.events), [e.event_type for e in history.events])
    assert len(history.events) <= EVENTS_OF_A_STANDARD_ORDER_MAX
