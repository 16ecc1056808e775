"""What is said of a text that is not TOML: what its author wrote, and what would be right."""

import pytest

from network.mistakes import Mistakes
from network.toml_tables import read_toml

# the text || line || what is said, whole
FAULTS = r"""
when = "order.channel == "x""       || 1 || a text in "…" ends at the next "; use '…' around a rule that has "…" in it
when = 'order.channel == 'x''       || 1 || a text in '…' ends at the next '; write texts inside a rule as "…"
id = "slc                           || 1 || the text is not closed: " is missing at its end
a = 1\nid = “slc”                   || 2 || write straight quotes instead of “
id = slc                            || 1 || a text needs quotes: id = "slc"
hours = 08:00-18:00                 || 1 || a text needs quotes: hours = "08:00-18:00"
postal_code = 01234                 || 1 || a text needs quotes: postal_code = "01234"
id: "slc"                           || 1 || write = between a key and its value
pickup = True                       || 1 || True must be written true
pickup = no                         || 1 || no must be written false
latitude = 41,9                     || 1 || write 41.9 with a point instead of 41,9
from = [stores]                     || 1 || the texts of a list need quotes: ["…", "…"]
from = "stores", "dcs"              || 1 || several texts are a list in brackets: ["…", "…"]
from = ["stores"\nid = "a"          || 2 || a list is not closed: ] or , is missing in this line or before it
id = "a"\nid = "b"                  || 2 || this key is there twice in its table
[[node]\nid = "b"                   || 1 || ]] is missing at the end of the name of a table
[node]\n[node]                      || 2 || [node] is there twice, or once as [node] and once as [[node]]; write each [[node]] in two brackets
id = "a",                           || 1 || after the text stands ','; one line has one key
id =                                || 1 || here a value must stand: a text in quotes, a number, true, false, or a list in […]
"""  # noqa: E501  (an aligned table)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [tuple(cell.strip().replace("\\n", "\n") for cell in row.split("||")) for row in FAULTS.strip().splitlines()],
)
def test_what_is_not_toml_is_explained_with_its_line(text: str, line: str, said: str) -> None:
    mistakes = Mistakes("nodes.toml")
    assert read_toml(text, mistakes) is None
    assert [str(mistake) for mistake in mistakes.found()] == [f"nodes.toml:{line}: {said}"]
