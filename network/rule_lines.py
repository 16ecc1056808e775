"""Hands the lines of an order to the rule engine, as messages: so it knows the type of each of their fields."""

from collections.abc import Iterable, Sequence

from cel_expr_python import cel
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from domain.network import RuleLine
from domain.sourcing.facts import item_facts
from network.rule_names import FIELDS, TEXT_BY_NAME, TEXTS


def messages(lines: Iterable[RuleLine], attributes: Sequence[str]) -> list[Message]:
    """The lines as the engine reads them, with those of their attributes that a rule names; an absent one is ""."""
    return [
        _LINE(
            item={name.removeprefix("item."): value for name, value in item_facts(line.item).items()},
            quantity=line.quantity,
            has_gift_message=line.has_gift_message,
            attributes={name: line.attributes.get(name, "") for name in attributes},
        )
        for line in lines
    ]


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="rules.proto", syntax="proto3")
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            described = message.field.add(name=field, number=number, label=_label(kind), type=_type(kind))
            if kind.is_message():
                described.type_name = f".{kind.name()}"
            if kind == TEXT_BY_NAME:
                entry = message.nested_type.add(name=f"{field.title()}Entry")  # the name that the format demands
                described.type_name = f".{name}.{entry.name}"
                entry.options.map_entry = True
                entry.field.add(name="key", number=1, label=_ONCE, type=_PROTO["STRING"])
                entry.field.add(name="value", number=2, label=_ONCE, type=_PROTO["STRING"])
    return file


def _label(kind: cel.Type) -> "FieldDescriptorProto.Label.ValueType":
    return FieldDescriptorProto.LABEL_REPEATED if kind in (TEXTS, TEXT_BY_NAME) else _ONCE


def _type(kind: cel.Type) -> "FieldDescriptorProto.Type.ValueType":
    if kind == TEXTS:
        return _PROTO["STRING"]
    return _PROTO.get(kind.name(), FieldDescriptorProto.TYPE_MESSAGE)


_ONCE = FieldDescriptorProto.LABEL_OPTIONAL
_PROTO = {
    "STRING": FieldDescriptorProto.TYPE_STRING,
    "INT": FieldDescriptorProto.TYPE_INT64,
    "BOOL": FieldDescriptorProto.TYPE_BOOL,
}

POOL = DescriptorPool()
"""What the engine knows of the messages."""
POOL.Add(_file())
_LINE = GetMessageClass(POOL.FindMessageTypeByName("Line"))
