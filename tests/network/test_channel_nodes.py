"""Which nodes may ship orders of a channel, by the strategies that its orders can reach."""

import pytest

from network.channel_nodes import nodes_of_channel
from network.load import NetworkDocuments, load

NODE = '[[node]]\nid = "{name}"\nkind = "{kind}"\ncountry = "US"\npostal_code = "84101"\ntime_zone = "America/Denver"\n'
NODES = "".join(
    NODE.format(name=name, kind=kind)
    for name, kind in (("dc", "dc"), ("store", "store"), ("maker", "vendor"), ("help", "3pl"))
)
SETS = "[sets]\n" + "\n".join(f"{kind} = 'node.kind == \"{kind}\"'" for kind in ("dc", "store", "vendor", "3pl"))
ITEMS = "sku,name,weight_g,safety_stock,components\nLAMP,Lamp,900,0,\n"

# the strategies in turn, each with the kinds of its nodes; then what each channel's orders may be shipped from
STRATEGIES = """
true: dc store                                                                               || web: dc store
order.channel == "b2b": dc | true: store                                                     || b2b: dc | web: store
order.channel in ["b2b", "edi"]: dc | true: store                                            || edi: dc | web: store
order.channel != "web": dc | true: store                                                     || web: store | b2b: dc
order.channel.startsWith("b2b"): dc | true: store                                            || b2bus: dc | web: store
order.country == "US": dc | true: store                                                      || web: dc store
order.channel == "b2b" && order.units > 5: dc | true: store                                  || b2b: dc store | web: store
order.channel == "b2b" || order.units > 5: dc | true: store                                  || b2b: dc | web: dc store
order.channel == "b2b": dc | order.country == "US": store | true: vendor                     || b2b: dc | web: store vendor
order.channel == "b2b" && order.units > 5: dc | order.channel == "b2b": 3pl | true: store    || b2b: dc 3pl | web: store
order.channel == "b2b" && order.units > 5: dc | order.channel == "b2b" && order.units <= 5: 3pl | true: store || b2b: dc 3pl | web: store
"""  # noqa: E501  (an aligned table)


@pytest.mark.parametrize("row", STRATEGIES.strip().splitlines())
def test_a_channel_is_served_by_the_nodes_of_the_strategies_that_its_orders_can_reach(row: str) -> None:
    strategies, _, shown = row.rpartition("||")
    text = f'version = "1"\n{SETS}\n'
    for number, (when, _, kinds) in enumerate(one.rpartition(":") for one in strategies.split(" | ")):
        sets = ", ".join(f'"{kind}"' for kind in kinds.split())
        text += f"[[strategy]]\nid = \"s{number}\"\nwhen = '{when.strip()}'\n[[strategy.tier]]\nfrom = [{sets}]\n"
    network = load(NetworkDocuments(NODES, text, ITEMS))
    names = {"dc": "dc", "store": "store", "vendor": "maker", "3pl": "help"}
    for channel, _, kinds in (one.strip().partition(": ") for one in shown.split("|")):
        assert nodes_of_channel(network, channel) == {names[kind] for kind in kinds.split()}, channel
