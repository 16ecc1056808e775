"""The documents of reports: figures that are computed from the facts of a period when they are asked for.

The reports about orders, shipments, promises, nodes, backorders, costs and partners are about the orders that were placed in a
period. So the figures of one period are about the same orders in each, and a day's figures go on changing until its orders are
over. The report about returns is about those that were requested in a period.
"""

from database.documents.report.cost import CostsReport
from database.documents.report.group import Group, Period, read
from database.documents.report.node import NodesReport
from database.documents.report.order import OrdersReport
from database.documents.report.partner import PartnersReport
from database.documents.report.promise import PromisesReport
from database.documents.report.returns import By, ReturnsReport, returns
from database.documents.report.shipment import ShipmentsReport
from database.documents.report.waiting import BackordersReport

__all__ = [
    "BackordersReport",
    "By",
    "CostsReport",
    "Group",
    "NodesReport",
    "OrdersReport",
    "PartnersReport",
    "Period",
    "PromisesReport",
    "ReturnsReport",
    "ShipmentsReport",
    "read",
    "returns",
]
