"""The CSV file of orders: what a spreadsheet shows of it, and what it must not run."""

from console.order_export import written


def test_an_order_is_a_row_and_what_an_outsider_wrote_is_never_a_formula() -> None:
    order = {
        "order": "web-1001",
        "channel": "web",
        "number": "1001",
        "reference": '=HYPERLINK("https://evil.example","#1")',
        "status": "in_fulfillment",
        "needs_attention": True,
        "placed_at": "2026-11-21T15:04:05Z",
        "service": "standard",
        "value": 4900,
        "currency": "USD",
        "tags": ["-1", "gift, wrapped"],
        "promise": {"ship_by": "2026-11-23T17:00:00Z", "deliver_by": None},
    }
    row, *others = written([order]).splitlines()
    assert row == (
        'web-1001,web,1001,"\'=HYPERLINK(""https://evil.example"",""#1"")",in_fulfillment,yes,2026-11-21T15:04:05Z,'
        'standard,49.00,USD,2026-11-23T17:00:00Z,,"\'-1 gift, wrapped"'
    )
    assert others == []
