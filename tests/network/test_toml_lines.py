"""The locator of TOML values: every key, element and table of a file has the line on which a person finds it."""

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from network.toml_lines import lines_of

TEXT = '''# a comment with = and [brackets]
top = "a # b"
[sets]
warehouses = 'node.kind == "dc"'   # = "x"
"quoted key" = 1

[[strategy]]
id = "one"
rank = [
  "cost",  # "distance",
  "days",
]
[[strategy.tier]]
from = ["a", "b"]
[[strategy.tier]]
require = """
node.priority > 1
  && true"""
inline = { a = 1, b.c = [1, 2] }
[[strategy]]
dotted.key.name = 2026-11-21
[strategy.below]
empty = []
'''


def test_every_value_has_its_line() -> None:
    lines = lines_of(TEXT)
    assert {
        ("top",): 2,
        ("sets",): 3,
        ("sets", "warehouses"): 4,
        ("sets", "quoted key"): 5,
        ("strategy", 0): 7,
        ("strategy", 0, "id"): 8,
        ("strategy", 0, "rank"): 9,
        ("strategy", 0, "rank", 0): 10,
        ("strategy", 0, "rank", 1): 11,
        ("strategy", 0, "tier", 0): 13,
        ("strategy", 0, "tier", 0, "from", 1): 14,
        ("strategy", 0, "tier", 1, "require"): 17,
        ("strategy", 0, "tier", 1, "inline", "b", "c", 1): 19,
        ("strategy", 1): 20,
        ("strategy", 1, "dotted", "key", "name"): 21,
        ("strategy", 1, "below", "empty"): 23,
    }.items() <= lines.items()


texts = st.text(st.sampled_from("ab\\#=[]{}'\",.\n "), max_size=12)
leaves = st.one_of(texts, st.integers(), st.booleans())
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


def written(value: object) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[" + ",\n".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)} = {written(inner)}" for key, inner in value.items()) + "}"
    return str(value)


@given(st.dictionaries(texts, trees, max_size=4))
@settings(max_examples=60, deadline=None)
def test_no_value_confuses_the_locator(values: dict[str, object]) -> None:
    flat = {key: value for key, value in values.items() if "\n" not in written(value)}
    text = "\n".join(f"{written(key)} = {written(value)}" for key, value in flat.items())
    assert tomllib.loads(text) == flat
    lines = lines_of(text)
    assert {path[0]: line for path, line in lines.items() if len(path) == 1} == {
        key: number for number, key in enumerate(flat, start=1)
    }
