"""Bad input gets a problem document that names the field; nothing is stored, and nothing is started.

The tables say what is put where. A row of a table is `(what is wrong, field, value)`: the value is put at the field's path in a
good body, and the answer must be 422 and name that very field.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import AsyncByteStream, Response
from temporalio.service import RPCError

from api import problems
from api.body import BODY_BYTES_MAX
from api.examples import EXAMPLES
from database.connection import keep_credentials, postpone_poll
from tests.house import Document, House, keep_label, keep_manifest, now

ABSENT = object()
A_MILLION_AND_ONE = 1_000_001
NUL, SURROGATE = "before\0after", "before\ud800after"
STATUS_OF = {kind.type: kind.status for kind in problems.KINDS}
JSON = {"Content-Type": "application/json"}
LINE = {"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 1000}

Rows = list[tuple[str, str, Any]]

# fmt: off
TIMES: Rows = [
    ("a time without a zone",          "",                     "2026-11-21T15:04:05"),
    ("a day without a time",           "",                     "2026-11-21"),
    ("a time in words",                "",                     "yesterday"),
    ("a day that is in no calendar",   "",                     "2026-02-30T00:00:00Z"),
    ("a time that is true",            "",                     True),
]

UNITS: Rows = [
    ("no units at all",                "",                     0),
    ("fewer than no units",            "",                     -1),
    ("more than a million units",      "",                     A_MILLION_AND_ONE),
    ("more units than a machine word", "",                     2**64),
    ("half a unit",                    "",                     0.5),
    ("a whole number with a point",    "",                     2.0),
    ("a number in quotes",             "",                     "2"),
    ("a quantity that is true",        "",                     True),
    ("no quantity",                    "",                     None),
    ("a quantity left out",            "",                     ABSENT),
]

ORDERS: Rows = [
    ("a field that does not exist",    "shipto",               {}),
    ("a field that does not exist",    "ship_to.zip",          "80202"),
    ("a field that does not exist",    "lines.0.qty",          1),
    ("no channel",                     "channel",              ABSENT),
    ("a channel in capitals",          "channel",              "WEB"),
    ("a channel of 17 letters",        "channel",              "w" * 17),
    ("a channel with a line break",    "channel",              "web\n"),
    ("no number",                      "number",               ABSENT),
    ("a number of 65 digits",          "number",               "1" * 65),
    ("a number with a slash",          "number",               "10/01"),
    ("a number that is a number",      "number",               1001),
    ("no time of placement",           "placed_at",            ABSENT),
    ("no currency",                    "currency",             ABSENT),
    ("a currency in small letters",    "currency",             "usd"),
    ("a service that is not offered",  "service",              "drone"),
    ("a service with a space",         "service",              "two day"),
    ("nowhere to ship to",             "ship_to",              ABSENT),
    ("a street that is no list",       "ship_to.street",       "Larimer Street 1"),
    ("six streets",                    "ship_to.street",       ["Larimer Street"] * 6),
    ("a name of 201 letters",          "ship_to.name",         "N" * 201),
    ("a NUL in a name",                "ship_to.name",         NUL),
    ("half a surrogate in a name",     "ship_to.name",         SURROGATE),
    ("an escape in a city",            "ship_to.city",         "Den\x1b[31mver"),
    ("no postal code",                 "ship_to.postal_code",  ABSENT),
    ("a postal code of no US place",   "ship_to.postal_code",  "8020"),
    ("a postal code of another land",  "ship_to.postal_code",  "SW1A 1AA"),
    ("a postal code of 17 digits",     "ship_to.postal_code",  "8" * 17),
    ("no country",                     "ship_to.country",      ABSENT),
    ("a country that does not exist",  "ship_to.country",      "XX"),
    ("a country in words",             "ship_to.country",      "United States"),
    ("a node that does not exist",     "pickup_node",          "mars"),
    ("a node that hands nothing out",  "pickup_node",          "nwk"),
    ("a node that nobody knows",       "from_node",            "mars"),
    ("a node in capitals",             "from_node",            "SLC"),
    ("priority 0",                     "priority",             0),
    ("priority 10",                    "priority",             10),
    ("a priority in quotes",           "priority",             "5"),
    ("a customer tier with a space",   "customer_tier",        "very gold"),
    ("half complete",                  "ship_complete",        "half"),
    ("no holds at all, in words",      "holds",                "none"),
    ("a hold without a name",          "holds",                [{}]),
    ("one hold twice",                 "holds",                [{"hold": "fraud"}, {"hold": "fraud"}]),
    ("a hold reason of 2001 letters",  "holds",                [{"hold": "fraud", "reason": "r" * 2001}]),
    ("more than 20 holds",             "holds",                [{"hold": f"hold-{n}"} for n in range(21)]),
    ("a negative shipping price",      "shipping_price",       -1),
    ("half a cent paid",               "paid",                 0.5),
    ("a currency that nobody has",     "currency",             "ZZZ"),
    ("an amount of gold",              "currency",             "XAU"),
    ("a coupon above the price",       "discount",             10**6),
    ("half a cent of tax",             "shipping_tax",         0.5),
    ("a tax that may be included",     "prices_include_tax",   "perhaps"),
    ("a tax in words",                 "lines.0.tax",          "8 %"),
    ("no lines",                       "lines",                ABSENT),
    ("a list without lines",           "lines",                []),
    ("one line that is no list",       "lines",                LINE),
    ("a line id twice",                "lines",                [LINE, LINE]),
    ("more than 2000 lines",           "lines",                [LINE | {"line": str(n)} for n in range(2001)]),
    ("a line id of 65 letters",        "lines.0.line",         "l" * 65),
    ("a line id that is a number",     "lines.0.line",         1),
    ("a NUL in a line id",             "lines.0.line",         NUL),
    ("an SKU that does not exist",     "lines.0.sku",          "SERUM-31"),
    ("an SKU with a blank behind it",  "lines.0.sku",          "SERUM-30 "),
    ("an SKU of 65 letters",           "lines.0.sku",          "s" * 65),
    ("an SKU on two lines",            "lines.0.sku",          "SERUM\n30"),
    ("a NUL in an SKU",                "lines.0.sku",          NUL),
    ("a NUL in a name",                "lines.0.name",         NUL),
    ("a NUL in a gift message",        "lines.0.gift_message", NUL),
    ("a NUL in an attribute",          "lines.0.attributes",   {"colour": NUL}),
    ("a NUL in an attribute's name",   "lines.0.attributes",   {NUL: "red"}),
    ("21 attributes",                  "attributes",           {str(n): "x" for n in range(21)}),
    ("an attribute that is a number",  "attributes",           {"weight": 5}),
    ("a reference of 65 letters",      "reference",            "r" * 65),
    ("a NUL in a reference",           "reference",            NUL),
    ("a purchase order of blanks",     "purchase_order",       "   "),
    ("251 tags",                       "tags",                 ["tag"] * 251),
    ("a NUL in a tag",                 "tags",                 [NUL]),
    ("a NUL in a note",                "note",                 NUL),
    ("a payer who is a text",          "bill_to",              "Ada Lovelace"),
    ("a payer in no country",          "bill_to",              {"country": "usa"}),
    ("a duty to arrive before it left", "promised",            {"ship_by": "2026-12-02T00:00:00Z",
                                                                "deliver_by": "2026-12-01T00:00:00Z"}),
    ("a duty without a time zone",     "promised",             {"ship_by": "2026-12-02T00:00:00"}),
    ("a price left out",               "lines.0.unit_price",   ABSENT),
    ("a negative price",               "lines.0.unit_price",   -1),
    ("a price above a trillion",       "lines.0.unit_price",   10**12 + 1),
    ("a negative discount",            "lines.0.discount",     -1),
    ("a discount above the price",     "lines.0.discount",     1001),
    ("a reservation nobody has made",  "reservation",          "cart-0"),
    ("a reservation with a space",     "reservation",          "cart 0"),
    ("a NUL in a reservation",         "reservation",          NUL),
]

PROMISES: Rows = [
    ("a number, which only orders have", "number",             "1001"),
    ("no channel",                     "channel",              ABSENT),
    ("a service that is not offered",  "service",              "drone"),
    ("a postal code of no US place",   "ship_to.postal_code",  "8020"),
    ("a country that does not exist",  "ship_to.country",      "XX"),
    ("no lines",                       "lines",                []),
    ("half a surrogate in a line id",  "lines.0.line",         SURROGATE),
    ("an SKU that does not exist",     "lines.0.sku",          "SERUM-31"),
]

RESERVATIONS: Rows = [
    ("no time to hold them",           "expires_in",           ABSENT),
    ("seconds as a number",            "expires_in",           900),
    ("a time span in words",           "expires_in",           "an hour"),
    ("a time span with a line break",  "expires_in",           "15m\n"),
    ("half a second",                  "expires_in",           "500ms"),
    ("more than a week",               "expires_in",           "8d"),
    ("more days than dates have",      "expires_in",           "999999999d"),
    ("more digits than a time span",   "expires_in",           "9" * 5000 + "s"),
    ("a NUL in a time span",           "expires_in",           NUL),
    ("a service that is null",         "service",              None),
    ("a node that hands nothing out",  "pickup_node",          "nwk"),
]

NODE_MESSAGES: Rows = [
    ("a field that does not exist",    "quantities",           []),
    ("no id",                          "message_id",           ABSENT),
    ("an id of 129 letters",           "message_id",           "m" * 129),
    ("an id with a space",             "message_id",           "message 1"),
    ("a NUL in the id",                "message_id",           NUL),
    ("no kind",                        "kind",                 ABSENT),
    ("a kind that does not exist",     "kind",                 "packed"),
    ("no time",                        "occurred_at",          ABSENT),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("a NUL in the reason",            "reason",               NUL),
    ("half a surrogate in the reason", "reason",               SURROGATE),
    ("final, in quotes",               "final",                "true"),
    ("final as a number",              "final",                1),
    ("a line without an id",           "lines.0.line",         ABSENT),
    ("a field of a line unknown",      "lines.0.sku",          "SERUM-30"),
    ("a package without an id",        "packages.0.package",   ABSENT),
    ("a tracking of 201 letters",      "packages.0.tracking",  "1" * 201),
    ("a NUL in a carrier",             "packages.0.carrier",   NUL),
    ("fewer than no units packed",     "packages.0.lines.0.quantity", -1),
]

STOCK_MESSAGES: Rows = [
    ("a field that does not exist",    "warehouse",            "slc"),
    ("no id",                          "message_id",           ABSENT),
    ("a node that does not exist",     "node",                 "mars"),
    ("a node with a space",            "node",                 "salt lake"),
    ("a kind that does not exist",     "kind",                 "found"),
    ("no lines",                       "lines",                []),
    ("a bundle, which no shelf holds", "lines.0.sku",          "SET-01"),
    ("a NUL in the reason",            "reason",               NUL),
    ("goods that come from a state",   "from_state",           "sellable"),
    ("goods that come into a state",   "to_state",             "damaged"),
    ("a state that does not exist",    "to_state",             "stolen"),
    ("a time for what has come",       "expected_at",          "2026-12-01T12:00:00Z"),
    ("a day without a time",           "expected_at",          "2026-12-01"),
    ("an announcement with a space",   "expected",             "po 1"),
    ("a transfer as an announcement",  "expected",             "transfer.t-1-f1"),
    ("a transfer that nobody made",    "transfer",             "t-0"),
    ("a transfer with a space",        "transfer",             "t 1"),
]

TRANSFERS: Rows = [
    ("a field that does not exist",    "channel",              "web"),
    ("no name",                        "transfer",             ABSENT),
    ("a name with a space",            "transfer",             "t 1"),
    ("a name of 65 letters",           "transfer",             "t" * 65),
    ("a source that does not exist",   "from",                 "mars"),
    ("no source",                      "from",                 ABSENT),
    ("a destination that is nowhere",  "to",                   "mars"),
    ("no destination",                 "to",                   ABSENT),
    ("to where it comes from",         "to",                   "slc"),
    ("a service that does not exist",  "service",              "balloon"),
    ("a day without a time",           "ship_after",           "2026-12-01"),
    ("no lines",                       "lines",                []),
    ("an item that does not exist",    "lines.0.sku",          "SERUM-31"),
    ("a bundle, which no shelf holds", "lines.0.sku",          "SET-01"),
    ("a line with a space",            "lines.0.line",         "1 2"),
]

NEEDS: Rows = [
    ("a field that does not exist",    "channel",              "web"),
    ("a node that does not exist",     "node",                 "mars"),
    ("a node in capitals",             "node",                 "SLC"),
    ("no items",                       "skus",                 []),
    ("an item that does not exist",    "skus.0",               "SERUM-31"),
    ("items of nothing",              "skus",                 ["", ""]),
    ("too many items",                 "skus",                 ["SERUM-30"] * 1001),
    ("no reason at all",               "reason",               7),
    ("an actor of no letters",         "actor",                "\x00"),
]

# what is wrong                        kind        quantities
STOCK_QUANTITIES = [
    ("a count below zero",             "counted",  [-1]),
    ("a count above a million",        "counted",  [A_MILLION_AND_ONE]),
    ("an adjustment by nothing",       "adjusted", [0]),
    ("an adjustment below a million",  "adjusted", [-A_MILLION_AND_ONE]),
    ("a snapshot below zero",          "snapshot", [-1]),
]

STOPS: Rows = [
    ("a field that does not exist",    "until",                "tomorrow"),
    ("a node that does not exist",     "node",                 "mars"),
    ("a node with a space",            "node",                 "salt lake"),
    ("nodes that are a list",          "node",                 ["slc"]),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("a NUL in the reason",            "reason",               NUL),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

CANCELS: Rows = [
    ("a field that does not exist",    "line",                 "1"),
    ("a list without lines",           "lines",                []),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("a NUL in the reason",            "reason",               NUL),
    ("an actor of 201 letters",        "actor",                "a" * 201),
    ("a line without an id",           "lines.0.line",         ABSENT),
]

HOLDS: Rows = [
    ("no name",                        "hold",                 ABSENT),
    ("a name in capitals",             "hold",                 "FRAUD"),
    ("a name of 33 letters",           "hold",                 "f" * 33),
    ("half a surrogate in the reason", "reason",               SURROGATE),
    ("a field that does not exist",    "until",                "tomorrow"),
]

FORGETS: Rows = [
    ("a wish that is no yes or no",    "even_if_open",         "yes"),
    ("a field that does not exist",    "order",                "web-1"),
    ("a NUL in the reason",            "reason",               NUL),
]

EXCEPTIONS: Rows = [
    ("a field that does not exist",    "code",                 "unfilled"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("a NUL in the reason",            "reason",               NUL),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

ADDRESS_CHANGES: Rows = [
    ("no address",                     "ship_to",              ABSENT),
    ("a field that does not exist",    "ship_to.zip",          "80202"),
    ("a country that does not exist",  "ship_to.country",      "XX"),
    ("a postal code too long",         "ship_to.postal_code",  "80202-73519-80202"),
    ("a NUL in the street",            "ship_to.street.0",     NUL),
    ("a field of an order",            "service",              "standard"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
]

QUANTITIES: Rows = [
    ("no lines",                       "lines",                ABSENT),
    ("a list without lines",           "lines",                []),
    ("a line twice",                   "lines",                [{"line": "1", "quantity": 1}] * 2),
    ("a line without an id",           "lines.0.line",         ABSENT),
    ("another item",                   "lines.0.sku",          "SERUM-30"),
    ("a field that does not exist",    "ship_complete",        "no"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("a NUL in the reason",            "reason",               NUL),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

SERVICES: Rows = [
    ("no service",                     "service",              ABSENT),
    ("a service that nobody offers",   "service",              "balloon"),
    ("a service in capitals",          "service",              "Two Day"),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

MORE_LINES: Rows = [
    ("a line without an id",           "lines.0.line",         ABSENT),
    ("an item that does not exist",    "lines.0.sku",          "SERUM-31"),
    ("no units",                       "lines.0.quantity",     0),
    ("a price below zero",             "lines.0.unit_price",   -1),
    ("a discount above the price",     "lines.0.discount",     10_000),
    ("a gift message of 2001 letters", "lines.0.gift_message", "g" * 2001),
    ("a swap of no units",             "swap.0.quantity",      0),
    ("a swap for what does not exist", "swap.0.sku",           "SERUM-31"),
    ("a swap with a price",            "swap.0.unit_price",    100),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
]

PICKUPS: Rows = [
    ("no place at all",                "pickup_node",          ABSENT),
    ("a node that does not exist",     "pickup_node",          "mars"),
    ("a node that hands nothing out",  "pickup_node",          "nwk"),
    ("a node with a space",            "pickup_node",          "salt lake"),
    ("a field that does not exist",    "to_node",              "chi"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

ASSIGNMENTS: Rows = [
    ("no owner",                       "owner",                ABSENT),
    ("an owner in capitals",           "owner",                "Ada"),
    ("an owner of 33 letters",         "owner",                "a" * 33),
    ("a field that does not exist",    "exception",            "web-1-x1"),
    ("a NUL in the reason",            "reason",               NUL),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

MANIFESTS: Rows = [
    ("no carrier",                     "carrier",              ABSENT),
    ("a carrier in capitals",          "carrier",              "USPS"),
    ("a field that does not exist",    "day",                  "2026-11-30"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

SETTLEMENTS: Rows = [
    ("no outcome",                     "outcome",              ABSENT),
    ("an outcome that is none",        "outcome",              "unknown"),
    ("a field that does not exist",    "number",               "92"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

REROUTES: Rows = [
    ("no fulfillment order",           "fulfillment_order",    ABSENT),
    ("work of broken letters",         "fulfillment_order",    "web 1 f1"),
    ("a node with a space",            "to_node",              "salt lake"),
    ("nodes that are a list",          "to_node",              ["slc"]),
    ("a field that does not exist",    "from_node",            "slc"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

LABELS: Rows = [
    ("a package with a blank",         "package",              "box 1"),
    ("a carrier in capitals",          "carrier",              "UPS"),
    ("a format that is no format",     "format",               "png"),
    ("a weight of nothing",            "weight_g",             0),
    ("a weight in kilograms",          "weight_g",             1.2),
    ("a weight as a text",             "weight_g",             "1200"),
    ("a side that is missing",         "sides.height_mm",      ABSENT),
    ("a side of nothing",              "sides.width_mm",       0),
    ("a field that does not exist",    "size",                 "large"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

PAUSES: Rows = [
    ("work that is thrown away",       "open_work",            "drop"),
    ("a field that does not exist",    "until",                "tomorrow"),
    ("a reason of 2001 letters",       "reason",               "r" * 2001),
    ("a NUL in the reason",            "reason",               NUL),
    ("an actor of 201 letters",        "actor",                "a" * 201),
]

RESOLVES: Rows = [
    *EXCEPTIONS,
    ("no exception",                   "exception",            ABSENT),
    ("an exception with a blank",      "exception",            "web-1 x1"),
    ("an exception of 129 letters",    "exception",            "x" * 129),
]

RETURNS: Rows = [
    ("no lines",                       "lines",                ABSENT),
    ("a list without lines",           "lines",                []),
    ("a resolution that is not known", "resolution",           "apology"),
    ("a NUL in the reason of a line",  "lines.0.reason",       NUL),
    ("a field that does not exist",    "refund",               100),
]

RETURN_MESSAGES: Rows = [
    ("a kind that does not exist",     "kind",                 "lost"),
    ("a node that does not exist",     "node",                 "mars"),
    ("nobody says where it happened",  "node",                 ABSENT),
    ("a condition that is not known",  "lines.0.condition",    "shiny"),
    ("a disposition not known",        "lines.0.disposition",  "keep"),
    ("graded without a condition",     "lines.0",              {"line": "1", "quantity": 1}),
    ("graded without units",           "lines",                ABSENT),
    ("goods are no refund",            "refund",               "web-1001-r1-m1"),
    ("goods are no money",             "amount",               100),
    ("a NUL in the reason",            "reason",               NUL),
]

DECISIONS = EXCEPTIONS

CLAIMS: Rows = [
    ("nothing is claimed",             "lines",                []),
    ("a kind that does not exist",     "kind",                 "stolen"),
    ("no kind",                        "kind",                 ABSENT),
    ("a resolution not known",         "resolution",           "apology"),
    ("evidence in words",              "evidence",             "trust me"),
]

CLAIM_MESSAGES: Rows = [
    ("a kind that does not exist",     "kind",                 "received"),
    ("no kind",                        "kind",                 ABSENT),
    ("money in words",                 "amount",               "all of it"),
    ("a NUL in the reason",            "reason",               NUL),
]

PAYMENTS: Rows = [
    ("a kind that does not exist",     "kind",                 "refunded"),
    ("no kind",                        "kind",                 ABSENT),
    ("no money",                       "amount",               0),
    ("less than no money",             "amount",               -1),
    ("no amount",                      "amount",               ABSENT),
    ("money in words",                 "amount",               "all of it"),
    ("a part of a cent",               "amount",               0.5),
    ("more than there is",             "amount",               10**12 + 1),
    ("no message id",                  "message_id",           ABSENT),
]

PARCELS: Rows = [
    ("a node that does not exist",     "node",                 "mars"),
    ("an empty parcel",                "lines",                []),
    ("a NUL in the reason",            "reason",               NUL),
]

DISPOSITIONS: Rows = [
    *DECISIONS,
    ("no lines",                       "lines",                []),
    ("where from is not said",         "lines.0.from",         ABSENT),
    ("a disposition not known",        "lines.0.to",           "keep"),
    ("a node that does not exist",     "lines.0.node",         "mars"),
]

WEBHOOKS: Rows = [
    ("nowhere to call",                "url",                  ABSENT),
    ("an address in words",            "url",                  "the shop"),
    ("a file",                         "url",                  "file:///etc/passwd"),
    ("an address without a host",      "url",                  "https:///switchyard"),
    ("an address with a password",     "url",                  "https://me:secret@shop.example"),
    ("an address with a line break",   "url",                  "https://shop.example/\n"),
    ("a port that does not exist",     "url",                  "https://shop.example:66000/"),
    ("a host that is no name",         "url",                  "https://shop..example/"),
    ("a host of 64 letters",           "url",                  "https://" + "w" * 64 + ".example/"),
    ("an address of 2049 letters",     "url",                  "https://shop.example/" + "w" * 2028),
    ("a secret of one's own fashion",  "secret",               "password"),
    ("a secret of 3 bytes",            "secret",               "whsec_AAAA"),
    ("a secret that is not base64",    "secret",               "whsec_A=A"),
    ("a secret of 65 bytes",           "secret",               "whsec_" + "A" * 87 + "="),
    ("a field that does not exist",    "events",               []),
]

KEYS: Rows = [
    ("a kind that does not exist",     "kind",                 "admin"),
    ("no name",                        "name",                 ABSENT),
    ("a name in capitals",             "name",                 "SLC"),
    ("a name of 33 letters",           "name",                 "s" * 33),
    ("a key of one's own choice",      "key",                  "secret"),
    ("a role of a node",               "role",                 "see"),
]

ADDRESSES = [
    # what is wrong                    method    address                                      the answer
    ("an address that does not exist", "GET",    "/order",                                    problems.NOT_FOUND),
    ("an order that does not exist",   "GET",    "/orders/web-0",                             problems.NOT_FOUND),
    ("an order that nobody can type",  "GET",    "/orders/%00",                               problems.NOT_FOUND),
    ("an order of broken text",        "GET",    "/orders/%ff",                               problems.NOT_FOUND),
    ("an order of 5000 letters",       "GET",    "/orders/" + "w" * 5000,                     problems.NOT_FOUND),
    ("an order that is an injection",  "GET",    "/orders/web-1'%20OR%201=1--",               problems.NOT_FOUND),
    ("plans of nothing",               "GET",    "/orders/%00/plan",                          problems.NOT_FOUND),
    ("why not, of nothing",            "GET",    "/orders/%00/plan/why-not/slc",              problems.NOT_FOUND),
    ("round 0",                        "GET",    "/orders/web-0/plan/why-not/slc?round=0",    problems.INVALID),
    ("a fulfillment order of nothing", "GET",    "/fulfillment-orders/%00",                   problems.NOT_FOUND),
    ("a slip of nothing",              "GET",    "/fulfillment-orders/%00/packing-slip",      problems.NOT_FOUND),
    ("a list of no node",              "GET",    "/nodes/mars/pick-list",                     problems.NOT_FOUND),
    ("a list of no boxes",             "GET",    "/nodes/slc/pick-list?limit=0",              problems.INVALID),
    ("a category of nothing",          "GET",    "/nodes/slc/pick-list?category=%00",         problems.INVALID),
    ("a transfer that nobody made",    "GET",    "/transfers/t-0",                            problems.NOT_FOUND),
    ("a transfer of nothing",          "GET",    "/transfers/%00",                            problems.NOT_FOUND),
    ("transfers of no status",         "GET",    "/transfers?status=lost",                    problems.INVALID),
    ("a page of no transfers",         "GET",    "/transfers?limit=0",                        problems.INVALID),
    ("transfers after nothing",        "GET",    "/transfers?after=%00",                      problems.INVALID),
    ("transfers from nothing",         "GET",    "/transfers?from=%00",                       problems.INVALID),
    ("needs of no item",               "GET",    "/needs?sku=%00",                            problems.INVALID),
    ("a page of no needs",             "GET",    "/needs?limit=0",                            problems.INVALID),
    ("needs of a misspelt filter",     "GET",    "/needs?nodes=slc",                          problems.INVALID),
    ("an item that does not exist",    "GET",    "/stock/SERUM-31",                           problems.NOT_FOUND),
    ("an item of nothing",             "GET",    "/stock/%00",                                problems.NOT_FOUND),
    ("a reservation nobody has made",  "GET",    "/reservations/cart-0",                      problems.NOT_FOUND),
    ("nothing to be given back",       "DELETE", "/reservations/cart-0",                      problems.NOT_FOUND),
    ("a reservation of nothing",       "GET",    "/reservations/%00",                         problems.NOT_FOUND),
    ("returns that are lost",          "GET",    "/returns?status=lost",                      problems.INVALID),
    ("a page of no returns",           "GET",    "/returns?limit=0",                          problems.INVALID),
    ("a page of returns after nothing", "GET",   "/returns?after=%00",                        problems.INVALID),
    ("a claim of nothing",             "GET",    "/claims/%00",                               problems.NOT_FOUND),
    ("a return of nothing",            "GET",    "/returns/%00",                              problems.NOT_FOUND),
    ("a key that does not exist",      "DELETE", "/keys/0123456789abcdef",                    problems.NOT_FOUND),
    ("a key of nothing",               "DELETE", "/keys/%00",                                 problems.NOT_FOUND),
    ("a status that does not exist",   "GET",    "/orders?status=lost",                       problems.INVALID),
    ("a code that does not exist",     "GET",    "/exceptions?code=lost",                      problems.INVALID),
    ("an exception that does not exist", "GET",  "/exceptions/web-0-x0",                       problems.NOT_FOUND),
    ("an exception of nothing",        "GET",    "/exceptions/%00",                            problems.NOT_FOUND),
    ("an age in words",                "GET",    "/exceptions?older_than=long",                problems.INVALID),
    ("an age of 5000 digits",          "GET",    "/exceptions?older_than=" + "9" * 5000 + "d", problems.INVALID),
    ("an age before all clocks",       "GET",    "/exceptions?older_than=9999999d",            problems.INVALID),
    ("an owner of nothing",            "GET",    "/exceptions?owner=%00",                      problems.INVALID),
    ("open, perhaps",                  "GET",    "/exceptions?open=perhaps",                   problems.INVALID),
    ("a node of nothing",              "GET",    "/exceptions?node=%00",                       problems.INVALID),
    ("attention, maybe",               "GET",    "/orders?needs_attention=maybe",             problems.INVALID),
    ("a page without orders",          "GET",    "/orders?limit=0",                           problems.INVALID),
    ("a page of 501 orders",           "GET",    "/orders?limit=501",                         problems.INVALID),
    ("a page after nothing",           "GET",    "/orders?after=%00",                         problems.INVALID),
    ("a node of nothing",              "GET",    "/orders?node=%00",                          problems.INVALID),
    ("a number that no order can have", "GET",   "/orders?number=10%2F01",                    problems.INVALID),
    ("a number of nothing",            "GET",    "/orders?number=",                           problems.INVALID),
    ("a reference of nothing",         "GET",    "/orders?reference=%00",                     problems.INVALID),
    ("an item of nothing",             "GET",    "/orders?sku=%00",                           problems.INVALID),
    ("placed on a day",                "GET",    "/orders?placed_after=2026-11-21",           problems.INVALID),
    ("placed before a time in words",  "GET",    "/orders?placed_before=yesterday",           problems.INVALID),
    ("changed at a number",            "GET",    "/orders?updated_since=1700000000",          problems.INVALID),
    ("exceptions of nothing",          "GET",    "/exceptions?order=%00",                     problems.INVALID),
    ("returns of nothing",             "GET",    "/returns?order=%00",                        problems.INVALID),
    ("returns changed lately",         "GET",    "/returns?updated_since=lately",             problems.INVALID),
    ("events of an order of nothing",  "GET",    "/events?order=%00",                         problems.INVALID),
    ("a request that is not known",    "GET",    "/fulfillment-orders?request=maybe",         problems.INVALID),
    ("a status of nothing",            "GET",    "/fulfillment-orders?status=%00",            problems.INVALID),
    ("a page of no stock",             "GET",    "/stock?limit=0",                            problems.INVALID),
    ("a page of stock after nothing",  "GET",    "/stock?after=%00",                          problems.INVALID),
    ("a page of stock after an item",  "GET",    "/stock?after=SERUM-30",                     problems.INVALID),
    ("fewer units than none",          "GET",    "/stock?below=0",                            problems.INVALID),
    ("movements after an item",        "GET",    "/stock/SERUM-30/movements?after=SERUM-30",  problems.INVALID),
    ("movements after all numbers",    "GET",    "/stock/SERUM-30/movements?after=" + "9" * 30, problems.INVALID),
    ("movements of an unknown item",   "GET",    "/stock/NOTHING/movements",                  problems.NOT_FOUND),
    ("the supply of no item",          "GET",    "/supply",                                  problems.INVALID),
    ("the supply of an unknown item",  "GET",    "/supply?sku=NOTHING",                      problems.NOT_FOUND),
    ("a page of no supply",            "GET",    "/supply?sku=SERUM-30&limit=0",             problems.INVALID),
    ("a timeline of nothing",          "GET",    "/orders/web-0/timeline",                    problems.NOT_FOUND),
    ("a timeline after an order",      "GET",    "/orders/web-0/timeline?after=web-1001",     problems.INVALID),
    ("a timeline after all numbers",   "GET",    "/orders/web-0/timeline?after=" + "9" * 19 + ".1.", problems.INVALID),
    ("a page of no keys",              "GET",    "/keys?limit=0",                             problems.INVALID),
    ("keys after nothing",             "GET",    "/keys?after=%00",                           problems.INVALID),
    ("a webhook of nobody",            "DELETE", "/channels/WEB/webhook",                     problems.NOT_FOUND),
    ("a webhook that does not exist",  "GET",    "/channels/outlet/webhook",                  problems.NOT_FOUND),
    ("a page of no events",            "GET",    "/events?limit=0",                           problems.INVALID),
    ("events after nothing",           "GET",    "/events?after=%00",                         problems.INVALID),
    ("events after an order",          "GET",    "/events?after=web-1001",                    problems.INVALID),
    ("events after all numbers",       "GET",    "/events?after=9999999999999999999-1",       problems.INVALID),
    ("events of nothing",              "GET",    "/events?channel=%00",                       problems.INVALID),
    ("an item that is not stopped",    "GET",    "/stock/SERUM-30/stop",                      problems.NO_METHOD),
]
# fmt: on


def nested(levels: int) -> bytes:
    """An object in an object in an object."""
    return b'{"lines":' * levels + b"1" + b"}" * levels


UNREADABLE_BODIES = {
    "half an object": b'{"channel": "web"',
    "single quotes": b"{'channel': 'web'}",
    "two objects": b"{} {}",
    "broken UTF-8": b'{"channel": "\xff"}',
    "a number of 5000 digits": b'{"priority": ' + b"9" * 5000 + b"}",
    "a hundred thousand levels": nested(100_000),
    "half a million brackets": b"[" * 500_000,
}

BODIES_OF_ANOTHER_SHAPE = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"an order"',
    "a number": b"7",
}


OTHER_CONTENT_TYPES: list[dict[str, str]] = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "application/xml"},
    {},
]

TOO_LARGE_BODIES = {
    # what                         the length announced      chunks of 100 kB sent
    "10 MB announced": ("10000000", 1),
    "a byte too many announced": (str(BODY_BYTES_MAX + 1), 1),
    "a length in words": ("ten", 1),
    "10 MB in chunks, unannounced": (None, 100),
    "2 MB, announced as 9 bytes": ("9", 20),
}


class Chunks(AsyncByteStream):
    """A body in chunks of 100 kB."""

    def __init__(self, chunks: int) -> None:
        """How many there are, whatever was announced."""
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """All chunks, as a client sends them that does not wait for an answer."""
        for _ in range(self._chunks):
            yield b" " * 100_000


def put(body: Document, field: str, value: Any) -> Document:
    """A copy of the body with the value at the field's path, or without the field."""
    changed = deepcopy(body)
    *path, last = field.split(".")
    place: Any = changed
    for step in path:
        place = place[int(step)] if step.isdigit() else place[step]
    key: Any = int(last) if last.isdigit() else last
    if value is ABSENT:
        del place[key]
    else:
        place[key] = value
    return changed


def at(field: str, rows: Rows) -> Rows:
    """General rows, about one field."""
    return [(what, field, value) for what, _, value in rows]


def verdict(answer: Response) -> tuple[str, list[str]]:
    """The type of a problem and the fields that it names; a document that is not as promised fails here."""
    assert answer.headers["content-type"] == problems.MEDIA_TYPE, answer.text
    document = answer.json()
    assert set(document) >= {"type", "title", "status", "detail", "errors"}
    assert answer.status_code == document["status"] == STATUS_OF[document["type"]]
    return document["type"], [error["field"] for error in document["errors"]]


def method_of(path: str) -> str:
    """How an address is sent a body."""
    return "PUT" if path.endswith("/webhook") else "POST"


async def send(house: House, path: str, body: Document) -> Response:
    """Send a body as JSON, also one that no decent client could send."""
    return await house.http.request(method_of(path), path, content=json.dumps(body).encode(), headers=JSON)


@asynccontextmanager
async def nothing_happens(house: House) -> AsyncIterator[None]:
    """Inside the block no row is written, no order started, and no workflow hears anything."""
    started = [name for name in house.orders if await has_workflow(house, name)]
    before = await house.facts(), [await events(house, name) for name in started]
    yield
    after = await house.facts(), [await events(house, name) for name in started]
    assert {table for table, content in after[0].items() if content != before[0][table]} == set(), "a row was written"
    assert after == before
    assert [name for name in house.orders if await has_workflow(house, name)] == started


async def has_workflow(house: House, name: str) -> bool:
    """Whether an order was started."""
    try:
        await house.workflow(name).describe()
    except RPCError:
        return False
    return True


async def events(house: House, name: str) -> int:
    """How much has happened in an order's workflow."""
    return (await house.workflow(name).describe()).history_length


async def check_rows(house: House, path: str, good: Document, rows: Rows) -> None:
    """Every row of a table is refused with the name of its field, and the good body that it was made from is none of them."""
    wrong = []
    async with nothing_happens(house):
        for what, field, value in rows:
            answer = await send(house, path, put(good, field, value))
            if answer.status_code != 422:
                wrong.append(f"{what} ({field}): {answer.status_code} {answer.text}")
                continue
            kind, fields = verdict(answer)
            if kind != problems.INVALID.type or not any(f == field or f.startswith(f"{field}.") for f in fields):
                wrong.append(f"{what} ({field}): {kind} names {fields}")
            if isinstance(value, str) and len(value) > 4 and value in answer.json()["detail"] and path != "/keys":
                wrong += [] if value in HARMLESS else [f"{what} ({field}): the answer repeats the value"]
    assert wrong == []


HARMLESS = {"balloon", "drone", "SERUM-31", "SET-01", "mars"}
"""Values that an answer may repeat, because they are words of the network and nobody's personal data."""


@pytest.fixture
async def busy(house: House) -> Mapping[str, str]:
    """An order that its node works on, and one that was delivered and comes back or is claimed."""
    await house.stock("slc", SERUM_30=9)
    underway, delivered = await house.place(("SERUM-30", 2)), await house.place(("SERUM-30", 2))
    work = (await house.work(underway))["fulfillment_order"]
    await house.tell(work, "accepted")
    await house.fulfill((await house.work(delivered))["fulfillment_order"])
    await house.until(delivered, "delivered")
    lines = [{"line": "1", "quantity": 1}]
    answer = await house.http.post(f"/orders/{delivered}/returns", json={"lines": lines})
    assert answer.status_code == 201, answer.text
    claimed = await house.http.post(f"/orders/{delivered}/claims", json={"lines": lines, "kind": "damaged"})
    assert claimed.status_code == 201, claimed.text
    async with house.service.database.write() as connection:
        await keep_credentials(connection, "web", {"client_secret": "a secret"})
        await postpone_poll(connection, "web", timedelta(days=1))  # its row stays as it is
        await keep_label(connection, underway, work)
        manifest = await keep_manifest(connection, "slc", work)
    for name in (underway, delivered):
        await house.settle(name)
    await house.tell(work, "picked", {"9": 1})
    (misfit,) = (await house.settle(underway))["exceptions"]
    moved = {"transfer": "moved", "from": "slc", "to": "nwk", "lines": [{"sku": "SERUM-30", "quantity": 1}]}
    house.orders.append((await house.http.post("/transfers", json=moved)).json()["order"])
    await house.work(house.orders[-1])
    await house.settle(house.orders[-1])
    return {
        "transfer": "moved",
        "order": underway,
        "fulfillment_order": work,
        "delivered": delivered,
        "return": answer.json()["return"],
        "claim": claimed.json()["claim"],
        "exception": misfit["exception"],
        "label": f"{work}-l1",
        "manifest": manifest,
    }


def good_bodies(house: House, busy: Mapping[str, str]) -> dict[str, Document]:
    """A body for every address that takes one, good but for what a table puts into it."""
    # long: one body an address, in the sequence of the tables that they are paired with
    lines = [{"line": "1", "quantity": 1}]
    order = house.body(("SERUM-30", 1), holds=[])
    order["ship_to"] |= {"name": "Ada Lovelace", "street": ["Larimer Street 1"], "city": "Denver"}
    fact = {"message_id": "fact-1", "occurred_at": now(), "reason": "as it was"}
    parcel = {"package": "1", "carrier": "ups", "tracking": "1Z999", "lines": lines}
    graded = [{"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}]
    number = {"number": order["number"]}
    return {
        "/orders": order,
        "/promises": {name: value for name, value in order.items() if name not in number},
        "/reservations": {name: value for name, value in order.items() if name not in number} | {"expires_in": "15m"},
        f"/fulfillment-orders/{busy['fulfillment_order']}/messages": fact
        | {"kind": "picked", "lines": lines, "packages": [parcel], "final": False},
        f"/fulfillment-orders/{busy['fulfillment_order']}/labels": dict(EXAMPLES["buy_label"]),
        f"/returns/{busy['return']}/labels": dict(EXAMPLES["buy_return_label"]),
        f"/labels/{busy['label']}/void": {"reason": "it did not leave", "actor": "Ada"},
        "/nodes/slc/manifests": dict(EXAMPLES["make_manifest"]),
        f"/manifests/{busy['manifest']}/settle": dict(EXAMPLES["settle_manifest"]),
        "/stock/messages": fact | {"node": "slc", "kind": "received", "lines": [{"sku": "SERUM-30", "quantity": 1}]},
        "/transfers": {"transfer": "t-1", "from": "slc", "to": "nwk", "lines": [{"sku": "SERUM-30", "quantity": 1}]},
        f"/transfers/{busy['transfer']}/cancel": {"lines": lines, "reason": "fewer will do", "actor": "Ada"},
        "/needs/take": {"node": "slc", "skus": ["SERUM-30"], "reason": "before the weekend", "actor": "Ada"},
        "/stock/SERUM-30/stop": {"node": "slc", "reason": "recalled", "actor": "Ada"},
        "/stock/SERUM-30/resume": {"node": "slc", "reason": "all is well", "actor": "Ada"},
        f"/orders/{busy['order']}/cancel": {"lines": lines, "reason": "changed their mind", "actor": "Ada"},
        f"/orders/{busy['order']}/hold": {"hold": "fraud", "reason": "odd address", "actor": "Ada"},
        f"/orders/{busy['order']}/release": {"hold": "fraud", "reason": "all is well", "actor": "Ada"},
        f"/orders/{busy['order']}/address": {"ship_to": order["ship_to"], "reason": "moved", "actor": "Ada"},
        f"/orders/{busy['order']}/quantities": {"lines": lines, "reason": "one will do", "actor": "Ada"},
        f"/orders/{busy['order']}/service": {"service": "two_day", "reason": "in a hurry", "actor": "Ada"},
        f"/orders/{busy['order']}/lines": {
            "lines": [order["lines"][0] | {"line": "2"}],
            "swap": [{"line": "1", "sku": "TONER-200", "quantity": 1}],
            "reason": "one more",
            "actor": "Ada",
        },
        f"/orders/{busy['order']}/pickup": {"pickup_node": "chi", "reason": "nearer", "actor": "Ada"},
        f"/orders/{busy['order']}/reroute": {
            "fulfillment_order": busy["fulfillment_order"],
            "to_node": None,
            "reason": "snow",
            "actor": "Ada",
        },
        f"/orders/{busy['order']}/resolve": {"exception": busy["exception"], "reason": "called them", "actor": "Ada"},
        f"/orders/{busy['order']}/forget": {"even_if_open": False, "reason": "they asked", "actor": "Ada"},
        "/nodes/slc/pause": {"open_work": "keep", "reason": "snow", "actor": "Ada"},
        "/nodes/slc/resume": {"reason": "thaw", "actor": "Ada"},
        f"/exceptions/{busy['exception']}/resolve": {"reason": "called them", "actor": "Ada"},
        f"/exceptions/{busy['exception']}/assign": {"owner": "night-shift", "reason": "late", "actor": "Ada"},
        f"/orders/{busy['delivered']}/returns": {"lines": lines, "resolution": "refund"},
        f"/returns/{busy['return']}/messages": fact | {"kind": "graded", "node": "slc", "lines": graded},
        f"/orders/{busy['delivered']}/claims": {"lines": lines, "kind": "lost", "evidence": {"scan": "none"}},
        f"/orders/{busy['order']}/payments": {
            "message_id": "m-9",
            "kind": "authorized",
            "amount": 100,
            "occurred_at": fact["occurred_at"],
        },
        f"/claims/{busy['claim']}/messages": fact | {"kind": "settled", "amount": 100},
        "/returns/blind": fact | {"node": "slc", "order": "web-0", "lines": [{"sku": "SERUM-30", "quantity": 1}]},
        f"/returns/{busy['return']}/approve": {"reason": "a good customer", "actor": "Ada"},
        f"/returns/{busy['return']}/decline": {"reason": "worn for years", "actor": "Ada"},
        f"/returns/{busy['return']}/cancel": {"reason": "kept it", "actor": "Ada"},
        f"/returns/{busy['return']}/dispositions": {
            "lines": [{"line": "1", "quantity": 1, "from": "quarantine", "to": "restock", "node": "slc"}],
            "reason": "cleaned",
            "actor": "Ada",
        },
        "/channels/web/webhook": {"url": "https://shop.example/switchyard", "secret": "whsec_" + "A" * 32},
        "/channels/web/webhook/retry": {"reason": "we are back", "actor": "Ada"},
        "/connections/web/retry": {"reason": "it fits now", "actor": "Ada"},
        "/keys": {"kind": "node", "name": "slc"},
    }


async def test_a_bad_order_is_refused_with_the_name_of_its_field_and_leaves_no_trace(
    house: House, busy: Mapping[str, str]
) -> None:
    rows = ORDERS + at("placed_at", TIMES) + at("not_before", TIMES) + at("lines.0.quantity", UNITS)
    await check_rows(house, "/orders", good_bodies(house, busy)["/orders"], rows)


async def test_a_window_that_closes_before_it_opens_is_refused(house: House) -> None:
    window = {"not_before": "2026-12-02T00:00:00Z", "not_after": "2026-12-01T00:00:00Z"}
    async with nothing_happens(house):
        answer = await send(house, "/orders", house.body(("SERUM-30", 1), **window))
    assert verdict(answer) == (problems.INVALID.type, ["not_after"])


async def test_bad_facts_and_requests_are_refused_with_the_name_of_their_field_and_leave_no_trace(
    house: House, busy: Mapping[str, str]
) -> None:
    lines = at("lines.0.quantity", UNITS)
    tables = {
        "/orders": [],
        "/promises": PROMISES + lines,
        "/reservations": PROMISES + RESERVATIONS + lines,
        "/fulfillment-orders/{}/messages": NODE_MESSAGES + lines + at("occurred_at", TIMES),
        "/fulfillment-orders/{}/labels": LABELS,
        "/returns/{}/labels": LABELS,
        "/labels/{}/void": DECISIONS,
        "/nodes/slc/manifests": MANIFESTS,
        "/manifests/{}/settle": SETTLEMENTS,
        "/stock/messages": STOCK_MESSAGES + lines + at("occurred_at", TIMES),
        "/transfers": TRANSFERS + lines + at("ship_after", TIMES),
        "/transfers/{}/cancel": CANCELS + lines,
        "/needs/take": NEEDS,
        "/stock/{}/stop": STOPS,
        "/stock/{}/resume": STOPS,
        "/orders/{}/cancel": CANCELS + lines,
        "/orders/{}/hold": HOLDS,
        "/orders/{}/release": HOLDS,
        "/orders/{}/address": ADDRESS_CHANGES,
        "/orders/{}/quantities": QUANTITIES + lines,
        "/orders/{}/service": SERVICES,
        "/orders/{}/lines": MORE_LINES,
        "/orders/{}/pickup": PICKUPS,
        "/orders/{}/reroute": REROUTES,
        "/orders/{}/resolve": RESOLVES,
        "/orders/{}/forget": FORGETS,
        "/nodes/slc/pause": PAUSES,
        "/nodes/slc/resume": PAUSES[1:],
        "/exceptions/{}/resolve": EXCEPTIONS,
        "/exceptions/{}/assign": ASSIGNMENTS,
        "/orders/{}/returns": RETURNS + lines,
        "/returns/{}/messages": RETURN_MESSAGES + lines + at("occurred_at", TIMES),
        "/orders/{}/claims": CLAIMS + lines,
        "/orders/{}/payments": PAYMENTS + at("occurred_at", TIMES),
        "/claims/{}/messages": CLAIM_MESSAGES + at("occurred_at", TIMES),
        "/returns/blind": PARCELS + lines + at("occurred_at", TIMES),
        "/returns/{}/approve": DECISIONS,
        "/returns/{}/decline": DECISIONS,
        "/returns/{}/cancel": DECISIONS,
        "/returns/{}/dispositions": DISPOSITIONS + lines,
        "/channels/{}/webhook": WEBHOOKS,
        "/channels/{}/webhook/retry": DECISIONS,
        "/connections/{}/retry": DECISIONS,
        "/keys": KEYS,
    }
    bodies = good_bodies(house, busy)
    assert len(tables) == len(bodies), "an address that takes a body needs a table"
    for (_, rows), (path, good) in zip(tables.items(), bodies.items(), strict=True):
        await check_rows(house, path, good, rows)


async def test_a_quantity_that_does_not_fit_the_kind_of_stock_message_is_refused(house: House) -> None:
    async with nothing_happens(house):
        for what, kind, quantities in STOCK_QUANTITIES:
            lines = [{"sku": "SERUM-30", "quantity": quantity} for quantity in quantities]
            body = {"message_id": "count-1", "node": "slc", "kind": kind, "occurred_at": now(), "lines": lines}
            refused, fields = verdict(await send(house, "/stock/messages", body))
            assert (refused, fields[0][:5]) == (problems.INVALID.type, "lines"), what


async def test_what_is_not_json_is_unreadable_wherever_it_is_sent(house: House, busy: Mapping[str, str]) -> None:
    async with nothing_happens(house):
        answers = {
            (path, what): verdict(await house.http.request(method_of(path), path, content=body, headers=JSON))[0]
            for path in good_bodies(house, busy)
            for what, body in UNREADABLE_BODIES.items()
        }
    assert answers == dict.fromkeys(answers, problems.UNREADABLE.type)


async def test_json_that_is_no_object_is_refused_wherever_it_is_sent(house: House, busy: Mapping[str, str]) -> None:
    async with nothing_happens(house):
        answers = {
            (path, what): verdict(await house.http.request(method_of(path), path, content=body, headers=JSON))
            for path in good_bodies(house, busy)
            for what, body in BODIES_OF_ANOTHER_SHAPE.items()
        }
    assert answers == dict.fromkeys(answers, (problems.INVALID.type, ["body"]))


async def test_a_good_body_under_another_content_type_is_refused_with_the_right_one(
    house: House, busy: Mapping[str, str]
) -> None:
    async with nothing_happens(house):
        for path, body in good_bodies(house, busy).items():
            for headers in OTHER_CONTENT_TYPES:
                answer = await house.http.request(
                    method_of(path), path, content=json.dumps(body).encode(), headers=headers
                )
                assert verdict(answer) == (problems.INVALID.type, ["body"]), (path, headers)
                assert "application/json" in answer.json()["detail"]


async def test_a_body_that_is_too_large_is_refused_announced_or_not(house: House, busy: Mapping[str, str]) -> None:
    async with nothing_happens(house):
        for path in good_bodies(house, busy):
            for what, (announced, chunks) in TOO_LARGE_BODIES.items():
                headers = JSON | ({"Content-Length": announced} if announced else {})
                answer = await house.http.request(method_of(path), path, content=Chunks(chunks), headers=headers)
                assert verdict(answer) == (problems.TOO_LARGE.type, []), (path, what)


async def test_the_answer_to_a_hundred_thousand_mistakes_is_short(house: House) -> None:
    body = house.body(("SERUM-30", 1)) | {f"mistake{n}": 1 for n in range(50_000)}
    async with nothing_happens(house):
        answer = await send(house, "/orders", body)
    kind, fields = verdict(answer)
    assert kind == problems.INVALID.type
    assert "mistake0" in fields
    assert len(answer.content) < 10_000


async def test_an_address_that_names_nothing_or_asks_for_nonsense_is_answered_with_a_problem(house: House) -> None:
    async with nothing_happens(house):
        answers = {
            (what, address): verdict(await house.http.request(method, address))[0]
            for what, method, address, _ in ADDRESSES
        }
    assert answers == {(what, address): kind.type for what, _, address, kind in ADDRESSES}


async def test_a_message_or_a_request_for_what_does_not_exist_is_not_found(
    house: House, busy: Mapping[str, str]
) -> None:
    unknown = dict.fromkeys(busy.values(), "web-0")
    async with nothing_happens(house):
        for path, body in good_bodies(house, busy).items():
            elsewhere = "/".join(unknown.get(part, part) for part in path.split("/"))
            nowhere = "/".join("%00" if part in unknown else part for part in path.split("/"))
            for address in {elsewhere, nowhere} - {path}:
                assert verdict(await send(house, address, body)) == (problems.NOT_FOUND.type, []), address


async def test_a_method_that_an_address_does_not_have_is_refused_with_those_that_it_has(house: House) -> None:
    paths = (await house.http.get("/openapi.json")).json()["paths"]
    async with nothing_happens(house):
        for path, methods in paths.items():
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - {name.upper() for name in methods}:
                if (method, path) in (("GET", "/stock/messages"), ("GET", "/returns/blind"), ("GET", "/orders/search")):
                    continue  # the item named "messages", the return named "blind", the order named "search"
                answer = await house.http.request(method, path.replace("{", "").replace("}", ""))
                assert verdict(answer) == (problems.NO_METHOD.type, []), (method, path)
                assert answer.headers["allow"], (method, path)


IMPOSSIBLE_MOMENTS = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T00:00:00Z",
    1_700_000_000,
    "1700000000",
]


async def test_a_time_that_is_no_day_of_any_business_is_refused(house: House, busy: Mapping[str, str]) -> None:
    bodies = good_bodies(house, busy)
    for path, field in [
        ("/orders", "placed_at"),
        ("/orders", "not_before"),
        ("/promises", "not_before"),
        (f"/fulfillment-orders/{busy['fulfillment_order']}/messages", "occurred_at"),
        ("/stock/messages", "occurred_at"),
        (f"/returns/{busy['return']}/messages", "occurred_at"),
    ]:
        await check_rows(house, path, bodies[path], [("an impossible moment", field, m) for m in IMPOSSIBLE_MOMENTS])


async def test_an_order_worth_more_than_all_money_is_refused(house: House) -> None:
    lines = [LINE | {"line": str(n), "quantity": 1_000_000, "unit_price": 10**12} for n in range(20)]
    async with nothing_happens(house):
        assert verdict(await send(house, "/orders", house.body() | {"lines": lines}))[0] == problems.INVALID.type


async def test_a_node_that_tells_absurd_sums_gets_its_misfits_taken_and_never_a_failure(
    house: House, busy: Mapping[str, str]
) -> None:
    absurd = {"kind": "picked", "occurred_at": now(), "lines": [{"line": "1", "quantity": 1_000_000}] * 2000}
    for message_id in ("absurd-1", "absurd-2"):
        body = absurd | {"message_id": message_id}
        answer = await house.http.post(f"/fulfillment-orders/{busy['fulfillment_order']}/messages", json=body)
        assert answer.status_code == 202, answer.text
    codes = [known["code"] for known in (await house.order(busy["order"]))["exceptions"]]
    assert codes == ["message_misfit"] * 3, "one of them was there before"
