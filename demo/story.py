"""The story: ten orders, each with what its nodes do and what is told to come of it. The orders are in `examples/`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from demo.players import EXAMPLES
from demo.sandbox_nodes import Document, Step
from demo.scenario import Tale, read


@dataclass(frozen=True, slots=True)
class Chapter:
    """One order: its file, what happens to it, and how it ends."""

    file: str
    title: str
    play: Callable[[Tale], Awaitable[None]]
    ships: Mapping[str, int] = field(default_factory=dict)
    """Units that leave each node."""
    ends: str = "completed"


OFFERS = {"slc": (596, 738), "chi": (1478, 1091), "nwk": (2604, 1542)}
"""What a box to Denver means for each node that holds the set: kilometres, and cents."""


async def nearest(tale: Tale) -> None:
    """Newark, Chicago and Salt Lake City hold the set; Salt Lake City wins on distance and cost."""
    (plan,) = await tale.plans()
    found = offers(plan)
    tale.check(found == OFFERS, f"kilometres and cents are {OFFERS}", found)
    tale.check(chosen(plan) == ["slc"], "Salt Lake City wins", chosen(plan))
    tale.tell("; ".join(f"{node} {km:,} km ${cents / 100:.2f}" for node, (km, cents) in found.items()) + ": slc wins")
    await tale.fulfill("slc")


async def one_box(tale: Tale) -> None:
    """Salt Lake City holds one set of the two; while one box is possible nothing is split, so Chicago ships both."""
    (plan,) = await tale.plans()
    tale.check(excluded(plan)["slc"] == "1 of 2 units", "Salt Lake City holds only a part", excluded(plan))
    tale.check(chosen(plan) == ["chi"], "Chicago ships complete", chosen(plan))
    tale.tell("slc holds 1 of 2: chi ships both in one box")
    await tale.fulfill("chi")


async def short_pick(tale: Tale) -> None:
    """The shelf in Salt Lake City holds two jars of the three; the third is sourced from Chicago."""
    await tale.say("slc", Step("accepted"))
    await tale.say("slc", Step("picked", {"1": 2}, final=True, reason="one jar is broken"))
    await tale.work_at("chi", attempt=2)
    tale.tell("slc found 2 of 3: the third is sourced from chi")
    await asyncio.gather(tale.fulfill("slc"), tale.fulfill("chi", attempt=2))


async def silent_node(tale: Tale) -> None:
    """The Los Angeles store says nothing in its two hours; Salt Lake City ships, and what Los Angeles may have is in doubt."""
    await tale.work_at("lax")
    tale.note("lax says nothing")
    await tale.work_at("slc", attempt=2)
    silent = await tale.work_at("lax")
    tale.check(silent["request"] == "timed_out", "lax is given up", silent["request"])
    in_doubt = await tale.stock("lax", "SUNSCREEN-50")
    tale.check(in_doubt["allocated"] == 2, "its two units stay in doubt", in_doubt)
    tale.tell("lax was silent too long: slc gets the work, and what lax may have is offered to nobody")
    await tale.fulfill("slc", attempt=2)
    await tale.say("lax", Step("cancel_accepted", reason="we never saw it"))
    certain = await tale.stock("lax", "SUNSCREEN-50")
    tale.check(certain["allocated"] == 0, "the late answer ends the doubt", certain)
    tale.tell("lax answers late that it never began: its 2 units may be sold again")


async def split(tale: Tale) -> None:
    """Only Newark has candles, and it has no sunscreen: two boxes, each from the best node for it."""
    (plan,) = await tale.plans()
    tale.check(plan["tier"] == 2, "no node holds all, so the second tier decides", plan["tier"])
    tale.check(chosen(plan) == ["nwk", "slc"], "Newark and Salt Lake City ship", chosen(plan))
    tale.tell("no node holds candle and sunscreen: nwk and slc ship a box each")
    await asyncio.gather(tale.fulfill("nwk"), tale.fulfill("slc"))


async def wholesale(tale: Tale) -> None:
    """The Chicago store is a kilometre away and holds enough; wholesale ships from warehouses, complete, so Newark ships."""
    (plan,) = await tale.plans()
    tale.check(excluded(plan)["chi"] == "not in warehouses", "a store ships no wholesale", excluded(plan))
    tale.check(excluded(plan)["slc"] == "1 of 48 units", "Salt Lake City holds only a part", excluded(plan))
    tale.tell("chi, a kilometre away, is a store and may not; slc holds 1 of 48: nwk ships complete")
    await tale.fulfill("nwk")


async def marketplace(tale: Tale) -> None:
    """A marketplace wants its parcels within two days; Newark is next door."""
    (plan,) = await tale.plans()
    tale.check(plan["strategy"] == "marketplace", "the marketplace has rules of its own", plan["strategy"])
    tale.tell(f"the rules of the marketplace want {chosen(plan)[0]}: there in {plan['shipments'][0]['days']} day(s)")
    await tale.fulfill("nwk")


async def returned(tale: Tale) -> None:
    """Two serums are delivered, one comes back as new, is restocked and refunded."""
    await tale.fulfill("lax")
    await tale.until("it is delivered", lambda order: bool(order["status"] == "delivered"))
    wanted = {"lines": [{"line": "1", "quantity": 1, "reason": "ordered twice"}], "resolution": "refund"}
    name = (await tale.channel.post(f"/orders/{tale.order}/returns", wanted))["return"]
    graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    await _about_return(tale, name, "received", {"node": "lax", "lines": [{"line": "1", "quantity": 1}]})
    await _about_return(tale, name, "graded", {"node": "lax", "lines": [graded]})
    await _about_return(tale, name, "settled", {})
    await tale.until("the return is closed", lambda found: bool(found["status"] == "closed"), f"/returns/{name}")
    shelf = await tale.stock("lax", "SERUM-30")
    tale.check(shelf["on_hand"] == 12 - 2 + 1, "what came back is on the shelf again", shelf)
    tale.tell("one serum came back as new: restocked at lax, refunded, closed")


async def backorder(tale: Tale) -> None:
    """Nobody has the perfume: the order waits. A delivery reaches the perfumer in Atlanta, who ships it himself."""
    await tale.until("it waits for stock", lambda order: bool(order["status"] == "backordered"))
    tale.tell("nobody has it: the order waits; atl gets a delivery")
    await tale.company["atl"].post("/stock/messages", read(EXAMPLES / "stock/atl-delivery.json"))
    await tale.fulfill("atl")


async def cancelled(tale: Tale) -> None:
    """The customer thinks better of it before the store has accepted: all is undone at once."""
    await tale.work_at("lax")
    answer = await tale.channel.post(f"/orders/{tale.order}/cancel", {"reason": "ordered by mistake", "actor": "shop"})
    tale.check(sum(part["quantity"] for part in answer["cancelled"]) == 1, "it is cancelled at once", answer)
    shelf = await tale.stock("lax", "MOISTURIZER-50")
    tale.check(shelf["reserved"] == shelf["allocated"] == 0, "the stock is free again", shelf)
    tale.tell("cancelled before lax had accepted: nothing is held any more")


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
"""In the order in which the orders are placed: the second finds what the first has left."""


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


async def _about_return(tale: Tale, name: str, kind: str, more: Document) -> None:
    """The node, or for the money the channel, says one thing about a return."""
    teller = tale.company[more["node"]] if "node" in more else tale.channel
    told = {"message_id": f"{name}-{kind}", "kind": kind, "occurred_at": "2026-11-21T18:00:00Z"}
    await teller.post(f"/returns/{name}/messages", told | more)
    tale.note(f"{name} {kind}")
