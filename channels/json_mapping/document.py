"""Makes what a message says of a JSON document and a mapping."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from channels.attributes import attributes, pairs_of
from channels.channel import Catalogue, Misfit, Said, Settings, Unmapped
from channels.json_mapping.mapping import ITEM_KINDS, Rules
from domain.account import Cost
from domain.order import NewLine, NewOrder
from formats.cel import Expression, NotComputed

SKU_MAX = 64
EXTERNAL_MAX = 255
NUL = b"\\u0000"
"""cel-expr-python 0.1.3 cuts a text off there: the order 12 would become the order 1."""
ATTRIBUTES = "attributes"


def said(settings: Settings, catalogue: Catalogue, rules: Rules, body: bytes) -> Sequence[Said]:
    """What a message says: nothing, or one order. Raises `Misfit`, whose text repeats nothing of the document."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Misfit("this is not JSON") from None
    if NUL in body:
        raise Misfit("a text in this document holds the character NUL")
    names = {"body": document}
    if "skip" in rules.about and _value("skip", rules.about["skip"], names):
        return []
    external, version = _external(rules, names), _instant("version", rules.about["version"], names)
    why_not = _text("why_not", rules, names) if "why_not" in rules.about else ""
    if why_not:
        return [Said(external, version, None, why_not)]
    lines, unmapped = _lines(catalogue, rules, names)
    if not lines:
        return [Said(external, version, None, "nothing of it is to be shipped")]
    order, requests = _order(settings, rules, names, lines), _requests(rules, names)
    return [Said(external, version, order, None, tuple(unmapped), requests=requests)]


def _requests(rules: Rules, names: Mapping[str, Any]) -> tuple[str, ...]:
    found = _value("requests", rules.about["requests"], names) if "requests" in rules.about else []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Misfit("order.requests is no list of texts in this document")
    return tuple(filter(None, found))


def _order(settings: Settings, rules: Rules, names: Mapping[str, Any], lines: Sequence[NewLine]) -> NewOrder:
    given: dict[str, Any] = {"channel": settings.name, "lines": lines}
    for path, expression in rules.order.items():
        value = _value(f"order.{'.'.join(path)}", expression, names)
        if value is None:
            continue
        part = given
        for key in path[:-1]:
            part = part.setdefault(key, {})
        part[path[-1]] = _fitting(path, value)
    given |= _service(settings, given.pop("service", None))
    try:
        return NewOrder.model_validate(given)
    except ValidationError as error:
        raise Misfit(_plainly("order", error)) from None


def _fitting(path: tuple[str, ...], value: Any) -> Any:
    """A value as the order document has it: attributes may also be a list of names with their values."""
    if path == (ATTRIBUTES,):
        try:
            return attributes(pairs_of(value))
        except (AttributeError, TypeError):
            raise Misfit(f"{'.'.join(path)} is neither an object nor a list of names with their values") from None
    return value.isoformat() if isinstance(value, datetime) else value


def _service(settings: Settings, title: Any) -> Mapping[str, str]:
    """Our service for a shipping title of the channel; a title that channels.toml does not have ships as usual."""
    if title is None:
        return {}
    if not isinstance(title, str):
        raise Misfit("order.service is not a text in this document")
    services: Mapping[str, str] = settings.entry.get("services", {})
    service = services.get(title, title if title in services.values() else None)
    return {"service": service} if service else {}


def _lines(
    catalogue: Catalogue, rules: Rules, names: Mapping[str, Any]
) -> tuple[Sequence[NewLine], Sequence[Unmapped]]:
    lines: list[NewLine] = []
    unmapped: list[Unmapped] = []
    for number, each in enumerate(_listed(rules, names), start=1):
        seen = {**names, "line": each}
        if rules.where is not None and not _value("lines.where", rules.where, seen):
            continue
        given = {name: _value(f"lines.{name}", one, seen) for name, one in rules.line.items()}
        line, unknown = _line(catalogue, given, number)
        lines.append(line)
        unmapped += [unknown] if unknown else []
    return lines, unmapped


def _line(catalogue: Catalogue, given: Mapping[str, Any], number: int) -> tuple[NewLine, Unmapped | None]:
    """A line with our SKU, or with what the channel calls the item where nobody knows it."""
    ways = [(kind, str(given[kind])) for kind in ITEM_KINDS if given.get(kind)]
    found = next((units for kind, external in ways if (units := catalogue.item(kind, external))), None)
    fields = {
        name: _fitting((name,), value) for name, value in given.items() if value is not None and name not in ITEM_KINDS
    }
    try:
        if found is not None:
            return _in_units(NewLine.model_validate({**fields, "sku": found.sku}), found.units), None
        kind, external = ways[0] if ways else ("line", str(given["line"]))
        called = external if kind == "sku" else f"{kind}:{external}"
        line = NewLine.model_validate({**fields, "sku": called[:SKU_MAX].strip()})
    except ValidationError as error:
        raise Misfit(_plainly(f"line {number}", error)) from None
    return line, Unmapped(line.line, called, line.name)


def _in_units(line: NewLine, units: int) -> NewLine:
    """A line in units of ours, where one of the channel's is several of them."""
    if units == 1:
        return line
    cost = Cost(line.goods, line.tax)
    ours = NewLine.that_costs(cost, line.line, line.sku, line.quantity * units)
    return ours.model_copy(update={"name": line.name, "gift_message": line.gift_message, "attributes": line.attributes})


def _listed(rules: Rules, names: Mapping[str, Any]) -> Sequence[Any]:
    listed = _value("lines.over", rules.over, names)
    if not isinstance(listed, list):
        raise Misfit("lines.over is not a list in this document")
    return listed


def _external(rules: Rules, names: Mapping[str, Any]) -> str:
    external = _text("external", rules, names)
    if not 0 < len(external) <= EXTERNAL_MAX or not external.isprintable():
        raise Misfit(f"order.external is not 1 to {EXTERNAL_MAX} printed characters in this document")
    return external


def _text(name: str, rules: Rules, names: Mapping[str, Any]) -> str:
    value = _value(name, rules.about[name], names)
    if not isinstance(value, str):
        raise Misfit(f"order.{name} is not a text in this document")
    return value


def _instant(name: str, expression: Expression, names: Mapping[str, Any]) -> datetime:
    value = _value(name, expression, names)
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Misfit(f"order.{name} is no moment in this document") from None
    if at.tzinfo is None:
        raise Misfit(f"order.{name} has no time zone: add 'Z' where it is UTC")
    return at.astimezone(UTC)


def _value(name: str, expression: Expression, names: Mapping[str, Any]) -> Any:
    try:
        return expression.value(names)
    except NotComputed as error:
        why = _without_values(str(error), expression.source)
        raise Misfit(f"{name} cannot be computed from this document: {why}") from None


def _without_values(text: str, source: str) -> str:
    """The engine's complaint where it names a field that the expression names; any other may repeat a value."""
    missing = text.removeprefix('NOT_FOUND: Key not found in map : "').removesuffix('"')
    if missing != text and re.search(rf"(?<!\w){re.escape(missing)}(?!\w)", source):
        return f'Key not found in map : "{missing}"'
    return "its parts do not fit"


def _plainly(where: str, error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{where}{f', {place}' if place else ''}: {first['msg'].removeprefix('Value error, ')}"
