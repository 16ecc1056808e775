"""The story: ten orders, each with what its nodes do and the expected result. The orders are in `examples/orders/`."""

import asyncio

from demo.chapter import Chapter
from demo.sandbox_nodes import Document, Step
from demo.scenario import Scenario, read
from demo.service import EXAMPLES
from domain.tracking import ScanKind

OFFERS = {"slc": (596, 738), "chi": (1479, 1091), "nwk": (2604, 1542)}
"""Distance and cost of a box to Denver from each node that holds the set: kilometres, and cents."""


async def nearest(scenario: Scenario) -> None:
    """Newark, Chicago and Salt Lake City hold the set; Salt Lake City wins on distance and cost."""
    (plan,) = await scenario.plans()
    found = offers(plan)
    scenario.check(found == OFFERS, f"kilometres and cents are {OFFERS}", found)
    scenario.check(chosen(plan) == ["slc"], "Salt Lake City wins", chosen(plan))
    scenario.tell(
        "; ".join(f"{node} {km:,} km ${cents / 100:.2f}" for node, (km, cents) in found.items()) + ": slc wins"
    )
    await scenario.fulfill("slc")


async def one_box(scenario: Scenario) -> None:
    """Salt Lake City holds one set of the two; while one box is possible nothing is split, so Chicago ships both. Its carrier
    says where the box is, and that it was delivered: Chicago says nothing of that."""
    (plan,) = await scenario.plans()
    scenario.check(excluded(plan)["slc"] == "1 of 2 units", "Salt Lake City holds only a part", excluded(plan))
    scenario.check(chosen(plan) == ["chi"], "Chicago ships complete", chosen(plan))
    scenario.tell("slc holds 1 of 2: chi ships both in one box")
    label = await scenario.ship_with_label("chi")
    label = await scenario.scan(label, ScanKind.IN_TRANSIT)
    scenario.check(label["first_scan_at"] is not None, "the carrier has the box", label["first_scan_at"])
    label = await scenario.scan(label, ScanKind.DELIVERED)
    scenario.check(label["scan"] == "delivered", "the carrier has delivered it", label["scan"])
    scenario.tell(f"a label of {label['carrier']} for ${label['amount'] / 100:.2f}; its scans say that it is delivered")


async def short_pick(scenario: Scenario) -> None:
    """Salt Lake City finds two jars of the three; the third is sourced from Chicago."""
    await scenario.say("slc", Step("accepted"))
    await scenario.say("slc", Step("picked", {"1": 2}, final=True, reason="one jar is broken"))
    await scenario.work_at("chi", attempt=2)
    scenario.tell("slc found 2 of 3: the third is sourced from chi")
    await asyncio.gather(scenario.fulfill("slc"), scenario.fulfill("chi", attempt=2))


async def silent_node(scenario: Scenario) -> None:
    """The Los Angeles store is silent for its two hours; Salt Lake City ships, and the units of Los Angeles are in doubt."""
    await scenario.work_at("lax")
    scenario.note("lax sends no message")
    await scenario.work_at("slc", attempt=2)
    silent = await scenario.work_at("lax")
    scenario.check(silent["request"] == "timed_out", "lax is given up", silent["request"])
    in_doubt = await scenario.stock("lax", "SUNSCREEN-50")
    scenario.check(in_doubt["allocated"] == 2, "its two units stay in doubt", in_doubt)
    scenario.tell("lax was silent too long: slc gets the work, and what lax may have is offered to nobody")
    await scenario.fulfill("slc", attempt=2)
    await scenario.say("lax", Step("cancel_accepted", reason="we never saw it"))
    certain = await scenario.stock("lax", "SUNSCREEN-50")
    scenario.check(certain["allocated"] == 0, "the late answer ends the doubt", certain)
    scenario.tell("lax answers late that it never began: its 2 units may be sold again")


async def split(scenario: Scenario) -> None:
    """Only Newark has candles, and it has no sunscreen: two boxes, each from the best node for it."""
    (plan,) = await scenario.plans()
    scenario.check(plan["tier"] == 2, "no node holds all, so the second tier decides", plan["tier"])
    scenario.check(chosen(plan) == ["nwk", "slc"], "Newark and Salt Lake City ship", chosen(plan))
    scenario.tell("no node holds candle and sunscreen: nwk and slc ship a box each")
    await asyncio.gather(scenario.fulfill("nwk"), scenario.fulfill("slc"))


async def wholesale(scenario: Scenario) -> None:
    """The Chicago store is a kilometre away and holds enough; wholesale ships from warehouses, complete, so Newark ships."""
    (plan,) = await scenario.plans()
    scenario.check(excluded(plan)["chi"] == "not in warehouses", "a store ships no wholesale", excluded(plan))
    scenario.check(excluded(plan)["slc"] == "1 of 48 units", "Salt Lake City holds only a part", excluded(plan))
    scenario.tell("chi, a kilometre away, is a store and may not; slc holds 1 of 48: nwk ships complete")
    await scenario.fulfill("nwk")


async def marketplace(scenario: Scenario) -> None:
    """A marketplace requires delivery within two days; Newark is near."""
    (plan,) = await scenario.plans()
    scenario.check(plan["strategy"] == "marketplace", "the marketplace has rules of its own", plan["strategy"])
    scenario.tell(
        f"the rules of the marketplace choose {chosen(plan)[0]}: there in {plan['shipments'][0]['days']} day(s)"
    )
    await scenario.fulfill("nwk")


async def returned(scenario: Scenario) -> None:
    """Two serums are delivered, one comes back as new, is restocked and refunded."""
    await scenario.fulfill("lax")
    await scenario.until("it is delivered", lambda order: bool(order["status"] == "delivered"))
    wanted = {"lines": [{"line": "1", "quantity": 1, "reason": "ordered twice"}], "resolution": "refund"}
    name = (await scenario.channel.post(f"/orders/{scenario.order}/returns", wanted))["return"]
    graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    await _about_return(scenario, name, "received", {"node": "lax", "lines": [{"line": "1", "quantity": 1}]})
    await _about_return(scenario, name, "graded", {"node": "lax", "lines": [graded]})
    await _about_return(scenario, name, "settled", {})
    await scenario.until("the return is closed", lambda found: bool(found["status"] == "closed"), f"/returns/{name}")
    level = await scenario.stock("lax", "SERUM-30")
    scenario.check(level["on_hand"] == 12 - 2 + 1, "the returned unit is on hand again", level)
    scenario.tell("one serum came back as new: restocked at lax, refunded, closed")


async def backorder(scenario: Scenario) -> None:
    """No node has the perfume: the order waits. A delivery reaches the perfumer in Atlanta, who ships it."""
    await scenario.until("it waits for stock", lambda order: bool(order["status"] == "backordered"))
    scenario.tell("no node has it: the order waits; atl gets a delivery")
    await scenario.players["atl"].post("/stock/messages", read(EXAMPLES / "stock/atl-delivery.json"))
    await scenario.fulfill("atl")


async def cancelled(scenario: Scenario) -> None:
    """The customer cancels before the store has accepted: all is undone at once."""
    await scenario.work_at("lax")
    answer = await scenario.channel.post(
        f"/orders/{scenario.order}/cancel", {"reason": "ordered by mistake", "actor": "shop"}
    )
    scenario.check(sum(part["quantity"] for part in answer["cancelled"]) == 1, "it is cancelled at once", answer)
    level = await scenario.stock("lax", "MOISTURIZER-50")
    scenario.check(level["reserved"] == level["allocated"] == 0, "the stock is free again", level)
    scenario.tell("cancelled before lax had accepted: nothing is held any more")


STORY = (
    Chapter("nearest", "Denver, one set: the nearest and cheapest node wins", nearest, {"slc": 1}),
    Chapter("one-box", "Denver again, two sets: one box while one box is possible", one_box, {"chi": 2}),
    Chapter("short-pick", "Short pick: the missing jar is sourced elsewhere", short_pick, {"slc": 2, "chi": 1}),
    Chapter("silent-node", "Silent node: given up behind the fence", silent_node, {"slc": 2}),
    Chapter("split", "Split: no single node holds all", split, {"nwk": 1, "slc": 2}),
    Chapter("wholesale", "Wholesale: a warehouse, complete", wholesale, {"nwk": 48}),
    Chapter("marketplace", "Marketplace: there within two days", marketplace, {"nwk": 1}),
    Chapter("return", "Return: graded, restocked, refunded", returned, {"lax": 2}),
    Chapter("backorder", "Backorder: waits until stock comes", backorder, {"atl": 2}),
    Chapter("cancel", "Cancelled before a node accepted", cancelled, ends="cancelled"),
)
"""In the order in which the orders are placed: the second gets the stock that the first has left."""


def offers(plan: Document) -> dict[str, tuple[int, int]]:
    """The nodes that could ship, the nearest first: whole kilometres, and minor units."""
    able = [node for node in plan["nodes"] if node["excluded"] is None]
    return {node["node"]: (round(node["distance_km"]), node["cost"]) for node in able}


def excluded(plan: Document) -> dict[str, str]:
    """The nodes that could not ship, each with the reason."""
    return {node["node"]: node["excluded"] for node in plan["nodes"] if node["excluded"] is not None}


def chosen(plan: Document) -> list[str]:
    """The nodes that ship."""
    return sorted(shipment["node"] for shipment in plan["shipments"])


async def _about_return(scenario: Scenario, name: str, kind: str, more: Document) -> None:
    """The node, or for the money the channel, sends one message about a return."""
    sender = scenario.players[more["node"]] if "node" in more else scenario.channel
    content = {"message_id": f"{name}-{kind}", "kind": kind, "occurred_at": "2026-11-21T18:00:00Z"}
    await sender.post(f"/returns/{name}/messages", content | more)
    scenario.note(f"{name} {kind}")
