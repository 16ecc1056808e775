"""How the pages write moments that stand in a sentence."""

import pytest

from console.render import render

CASES = {
    "ships by 2026-12-04T04:59:59+00:00, then": "2026-12-04 04:59 UTC</time>, then",
    "ships by 2026-12-04T06:59:59.25+02:00": "2026-12-04 04:59 UTC</time>",
    "<b> 2026-12-04T04:59:59Z": "&lt;b&gt; <time",
    "by 2026-19-39T29:99:99Z": "by 2026-19-39T29:99:99Z",
    "by 2026-12-04": "by 2026-12-04",
}


@pytest.mark.parametrize("text", CASES)
def test_a_moment_in_a_sentence_is_written_as_people_read_it_and_the_rest_stays_text(text: str) -> None:
    item = {"at": None, "what": "order.promised", "detail": text, "actor": None, "about": None, "reason": None}
    assert CASES[text] in render("timeline.html", {"timeline": [item], "order": "web-1"})
