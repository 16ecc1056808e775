"""Draws a packing slip and a pick list as PDF."""

from itertools import groupby

from formats.packing import PackingSlip, Pick, PickList, SlipLine
from formats.paper import MARGIN_MM, Column, Paper

NO_BREAK = "\u00a0"
BOXES_MOST = 30
"""Barcodes of boxes that a list ends with; a longer list names the others."""


def packing_slip(slip: PackingSlip, fonts: tuple[str, ...] = ()) -> bytes:
    """The slip that goes into a parcel. Prices are printed only where the slip has them. `fonts` are tried before others."""
    name = slip.fulfillment_order
    paper = Paper(f"Packing slip {name}", f"{slip.sender}   {name}", slip.country, fonts)
    paper.text(slip.sender, size=20)
    paper.text("Packing slip", size=12)
    paper.space(3)
    paper.barcode(slip.fulfillment_order)
    paper.space(4)
    facts = [("Order", slip.called), ("Your order number", slip.purchase_order), ("Service", slip.service)]
    if slip.is_collected:
        facts.append(("Collected at", " ".join(slip.ship_from[:1])))
    shown = [f"{title}: {value}" for title, value in facts if value]
    paper.beside([("TO", slip.ship_to), ("FROM", slip.ship_from), ("ORDER", shown)])
    paper.space(6)
    with_prices = any(line.price for line in slip.lines)
    columns = [Column("Quantity", 20, is_number=True), Column("SKU", 40), Column("Item", 90 if with_prices else 120)]
    if with_prices:
        columns.append(Column("Price each", 30, is_number=True))
    paper.table(columns, [_slip_row(line, with_prices=with_prices) for line in slip.lines])
    for message in dict.fromkeys(line.gift_message for line in slip.lines if line.gift_message):
        paper.space(8)
        paper.text(message, size=14, x_mm=MARGIN_MM + 10)
    return paper.done()


def _slip_row(line: SlipLine, *, with_prices: bool) -> list[str]:
    described = "\n".join([line.name, *line.contents, *line.remarks, *filter(None, [line.barcode])])
    return [str(line.quantity), line.sku, described, *([line.price] if with_prices else [])]


def pick_list(picks: PickList, fonts: tuple[str, ...] = ()) -> bytes:
    """The list of what to fetch, by zone, and the boxes with their barcodes. `fonts` are tried before others."""
    heading = f"Pick list {picks.node} {picks.on:%Y-%m-%d}"
    paper = Paper(heading, heading, fonts=fonts)
    paper.text(heading, size=16)
    orders = len(picks.boxes)
    units = sum(pick.quantity for pick in picks.picks)
    paper.text(f"{orders} fulfillment order{'' if orders == 1 else 's'}, {len(picks.picks)} items, {units} units")
    if picks.is_cut:
        paper.text("More fulfillment orders are due than this list has")
    columns = [
        Column("Fetch", 15, is_number=True),
        Column("SKU", 40),
        Column("Item", 80),
        Column("Into box: units", 45),
    ]
    for zone, found in groupby(picks.picks, key=lambda pick: pick.zone):
        paper.space(5)
        paper.text(zone or "No category", size=12)
        paper.table(columns, [_pick_row(pick) for pick in found])
    paper.space(8)
    _boxes(paper, picks)
    return paper.done()


def _pick_row(pick: Pick) -> list[str]:
    described = "\n".join([pick.name, *filter(None, [pick.barcode]), *pick.marks])
    return [str(pick.quantity), pick.sku, described, _into(pick)]


def _into(pick: Pick) -> str:
    """Each box with its units, which stand in one row."""
    return ", ".join(f"{box}:{NO_BREAK}{units}" for box, units in pick.boxes)


def _boxes(paper: Paper, picks: PickList) -> None:
    for number, fulfillment_order in enumerate(picks.boxes, 1):
        if number > BOXES_MOST:
            paper.text(f"Box {number}: {fulfillment_order}")
            continue
        paper.need(26)
        paper.text(f"Box {number}", size=12)
        paper.barcode(fulfillment_order)
        paper.space(2)
