"""Says what would be understood of a file of a trading partner, before anything of it counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from channels.channel import Acknowledged, Amends, Message, Misfit, Said, Settings
from channels.kinds import KINDS
from domain.network import Connection, Network, Node
from formats.x12.acknowledgment import NEVER_ACKNOWLEDGED, acknowledged
from formats.x12.partner import Partner, alone
from formats.x12.parts import Group, Interchange, Set
from formats.x12.read import NotX12, read
from network.catalogue import ChannelCatalogue
from network.warehouse_items import WarehouseItems
from nodes.x12 import shipping_advice, stock_reports
from nodes.x12.items import Misfit as WarehouseMisfit
from nodes.x12.sets import TAKES
from nodes.x12.sets import received as opened


@dataclass(frozen=True, slots=True)
class Understood:
    """What is understood of one set, or why nothing is."""

    what: str
    """The partner, the set and its control number."""
    lines: Sequence[str]
    is_fault: bool = False

    def __str__(self) -> str:
        return "\n".join([f"{self.what}:", *(f"  {line}" for line in self.lines)])


def understood(network: Network, content: bytes) -> list[Understood]:
    """What each set of a file would become under this network."""
    try:
        interchanges = read(content)
    except NotX12 as error:
        return [Understood("the file", [f"it is no X12: {error}"], is_fault=True)]
    return [found for interchange in interchanges for found in _of_interchange(network, interchange)]


def _of_interchange(network: Network, interchange: Interchange) -> Iterator[Understood]:
    what = f"interchange {interchange.control}"
    known = next((one for one in _partners(network) if one[1].them == interchange.sender), None)
    if known is None:
        sender = f"{interchange.sender.qualifier}:{interchange.sender.id}"
        yield Understood(what, [f"its sender {sender} is no partner of channels.toml or nodes.toml"], is_fault=True)
        return
    if stranger := known[1].stranger(interchange):
        yield Understood(what, [stranger.text], is_fault=True)
    if not any(group.sets for group in interchange.groups) and not interchange.acknowledgments:
        yield Understood(what, ["it holds no set that could be read"], is_fault=True)
    for group in interchange.groups:
        for one in group.sets:
            what = f"{known[1].name} {one.code} {one.control}"
            faults = [f"noted: {fault.text}" for fault in one.faults]
            if isinstance(known[0], Node):
                yield _of_warehouse(network, known[0], interchange, one, what, faults)
            else:
                yield _of_set(network, known[0], interchange, group, one, what, faults)


def _partners(network: Network) -> Iterator[tuple[Connection | Node, Partner]]:
    for connection in network.connections.values():
        if "agreed" in connection.entry:
            yield connection, connection.entry["agreed"]
    for node in network.nodes.values():
        if "agreed" in node.settings:
            yield node, node.settings["agreed"]


def _of_warehouse(
    network: Network, node: Node, interchange: Interchange, one: Set, what: str, faults: Sequence[str]
) -> Understood:
    """What a set of a warehouse says. Which lines of its order a 945 ships is known only beside that order."""
    if one.code in NEVER_ACKNOWLEDGED:
        said = [f"acknowledges group {found.function} {found.control}: {found.verdict}" for found in acknowledged(one)]
        return Understood(what, [*faults, *said])
    alone = replace(interchange, groups=tuple(replace(group, sets=(one,)) for group in interchange.groups[:1]))
    profile, items = node.settings["profile"], WarehouseItems(network)
    try:
        received = opened(alone, "sample", profile)
        if one.code == "945":
            return Understood(what, [*faults, *shipping_advice.summary(received, items, profile)])
        messages = stock_reports.read(received, node.id, items, profile) if one.code in TAKES else []
    except WarehouseMisfit as misfit:
        return Understood(what, [*faults, str(misfit)], is_fault=True)
    if not messages:
        return Understood(what, [*faults, f"a set {one.code} is none that a warehouse sends here"], is_fault=True)
    wrong = [row.detail for message in messages for row in message.wrong.values()]
    unknown = [sku for message in messages for sku in message.units if not network.knows_item(sku)]
    lines = [message.model_dump_json(exclude_defaults=True, exclude={"message_id"}) for message in messages]
    missing = [f"nobody knows the item {sku}" for sku in unknown]
    return Understood(what, [*faults, *lines, *wrong, *missing], is_fault=bool(wrong or unknown))


def _of_set(
    network: Network,
    connection: Connection,
    interchange: Interchange,
    group: Group,
    one: Set,
    what: str,
    faults: Sequence[str],
) -> Understood:
    settings = Settings(connection.name, connection.entry, {})
    message = Message(one.code, alone(interchange, group, one))
    try:
        read_ = KINDS[connection.kind].read(settings, ChannelCatalogue(network, connection.name), message)
        found = [
            item.together([message]) if isinstance(item, Amends) and not item.is_change else item for item in read_
        ]
    except Misfit as error:
        return Understood(what, [*faults, str(error)], is_fault=True)
    unmapped = any(isinstance(item, Said) and item.unmapped for item in found)
    return Understood(what, [*faults, *(line for item in found for line in _shown(item))], is_fault=unmapped)


def _shown(item: object) -> Iterator[str]:
    match item:
        case Amends(external):
            yield f"changes order {external}; it is read together with the 850 of the order"
        case Acknowledged(function, control, verdict):
            yield f"acknowledges group {function} {control}: {verdict}"
        case Said(order=None):
            yield f"order {item.external}: nothing of it is wanted: {item.why_not}"
        case Said(order=order) if order is not None:
            yield f"order {order.order}: {order.model_dump_json(exclude_defaults=True)}"
            for line in item.unmapped:
                yield f"line {line.line}: nobody knows the item {line.external}; name it in aliases.csv"
