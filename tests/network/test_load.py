"""The check of a network directory: each kind of mistake is found, with its line and what would be right."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.network import Cost, OnSilence, Rank, ShipComplete, TransitBand, Unfilled, distance_km
from domain.reasons import ExceptionCode
from network.items_csv import read_items
from network.load import NetworkDocuments, NetworkMistakes, check, load, read
from network.mistakes import Mistakes
from nodes.pull import Pull
from nodes.webhook import Webhook

NODES = """\
[[node]]
id = "slc"
kind = "3pl"
country = "US"
postal_code = "84101"
time_zone = "America/Denver"
cutoff = "14:00"
working_days = ["mon", "tue"]
holidays = "US"
hours = "08:00-18:00"
accept_within = "4h"
on_silence = "reroute"
[[node]]
id = "chi"
kind = "store"
country = "US"
latitude = 41.9
longitude = -87.6
time_zone = "America/Chicago"
"""
POLICY = """\
version = "v1"
[sets]
warehouses = 'node.kind in ["dc", "3pl"]'
stores = 'node.kind == "store"'
[[strategy]]
id = "wholesale"
when = 'order.channel == "wholesale"'
ship_complete = "order"
rank = ["priority", "distance"]
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 1
[[strategy]]
id = "direct"
when = 'true'
cancel_after = "60d"
[[strategy.tier]]
from = ["warehouses", "stores"]
require = 'node.distance_km <= 3000.0'
[[strategy.cost]]
per = "shipment"
amount = '500.0 + 0.4 * node.distance_km'
[[exclude]]
when = 'item.category == "skincare"'
reason = "no skincare"
[orders]
max_attempts = 3
[returns]
window = "30d"
[transit]
standard = [[250, 1], [20000, 6]]
"""
ITEMS = """\
sku,name,weight_g,safety_stock,components,category,tags
SERUM,Serum,95,2,,skincare,
TONER,Toner,240,,,skincare,glass fragile
SET,Set,,,SERUM*1 TONER*2,,
"""
MEASURED = """\
sku,name,weight_g,safety_stock,components,barcode,length_mm,width_mm,height_mm,hazmat,ships_alone
SERUM,Serum,95,2,,4006381333931,40,40,120,,no
ACETONE,Acetone,900,,,A-17 b,90,90,200,yes,FALSE
DESK,Desk,30000,,,,,,,0,True
SET,Set,,,SERUM*1 ACETONE*2,,,,,,
"""
AHEAD = """\
sku,name,weight_g,safety_stock,components,release_date,sell_ahead_max
SERUM,Serum,95,2,,2026-12-24,40
TONER,Toner,240,,,2026-11-30,0
SET,Set,,,SERUM*1,,
GIFT,Gift,,,SERUM*1 TONER*1,2027-01-15,
"""
OTHER_ITEMS = {"measured": MEASURED, "ahead": AHEAD}
RIGHT = NetworkDocuments(NODES, POLICY, ITEMS)

# file || what stands there || what stands there instead || line || part of what is said
MISTAKES = """
nodes  || id = "slc"             || id = "slc                            ||  2 || the text is not closed: " is missing at its end
nodes  || id = "slc"             || id = "SLC 1"                         ||  2 || id must be 1 to 32 of a-z, 0-9 and '-', not 'SLC 1'
nodes  || id = "slc"             || name = "Salt Lake City"              ||  1 || id is missing
nodes  || id = "chi"             || id = "slc"                           || 14 || node id 'slc' is there twice
nodes  || kind = "3pl"           || kind = "3PL"                         ||  3 || kind must be one of dc, store, 3pl, vendor, not "3PL"
nodes  || kind = "3pl"           || kind = "stores"                      ||  3 || did you mean 'store'?
nodes  || country = "US"\\npostal || country = "USA"\\npostal             ||  4 || country must be an ISO 3166-1 code such as US or DE, not 'USA'
nodes  || "84101"                || "8410"                               ||  5 || postal_code: impossible in US; there it is such as 95014 or 22162-1010
nodes  || "84101"                || 84101                                ||  5 || postal_code must be a text in quotes
nodes  || postal_code = "84101"  ||                                      ||  1 || the position is missing: give postal_code, or latitude and longitude
nodes  || longitude = -87.6      ||                                      || 17 || latitude needs longitude beside it
nodes  || longitude = -87.6      || longitude = -187.6                   || 18 || longitude must be a number from -180 to 180, not -187.6
nodes  || "America/Denver"       || "America/Denvr"                      ||  6 || unknown time zone 'America/Denvr'; did you mean 'America/Denver'?
nodes  || time_zone = "America/D || time_zon = "America/D                ||  6 || unknown key 'time_zon'; did you mean 'time_zone'?
nodes  || time_zone = "America/D || time_zon = "America/D                ||  1 || time_zone is missing
nodes  || "14:00"                || "2pm"                                ||  7 || cutoff must be a time of day in quotes such as "14:00", not "2pm"
nodes  || "14:00"                || 14:00:00                             ||  7 || cutoff must be a time of day in quotes
nodes  || "mon", "tue"           || "mon", "tues"                        ||  8 || unknown working_days "tues"; did you mean 'tue'?
nodes  || "mon", "tue"           || "mon", "mon"                         ||  8 || working_days names "mon" twice
nodes  || ["mon", "tue"]         || []                                   ||  8 || working_days must be a list that is not empty
nodes  || holidays = "US"        || holidays = "Utah"                    ||  9 || no holiday calendar 'Utah'; write a country such as US
nodes  || holidays = "US"        || holidays = "US-XX"                   ||  9 || no holiday calendar 'US-XX'; parts of US: AK, AL
nodes  || on_silence = "reroute" || closed = ["24 Dec"]                  || 12 || closed must be a list of days such as [2026-12-24], not "24 Dec"
nodes  || on_silence = "reroute" || closed = [2026-12-24T10:00:00]       || 12 || closed must be a list of days such as [2026-12-24]
nodes  || on_silence = "reroute" || open = []                            || 12 || open must be a list that is not empty
nodes  || on_silence = "reroute" || open = [\\n2026-12-24,\\n"2026-12-24"] || 14 || open names 2026-12-24 twice
nodes  || on_silence = "reroute" || closed = [2026-12-24]\\nopen = [2026-12-23,\\n2026-12-24] || 14 || 2026-12-24 is in closed and in open; leave it out of one
nodes  || 08:00-18:00            || 18:00-08:00                          || 10 || hours must open before they close, not '18:00-08:00'
nodes  || 08:00-18:00            || 8-18                                 || 10 || hours must be like "08:00-18:00", not '8-18'
nodes  || "4h"                   || "4 hours"                            || 11 || accept_within must be a time span such as 500ms, 30s, 15m, 4h or 2d, not "4 hours"
nodes  || "4h"                   || 4                                    || 11 || accept_within must be a time span such as
nodes  || "4h"                   || "0s"                                 || 11 || accept_within must be more than 0, not "0s"
nodes  || "4h"                   || "999999999d"                         || 11 || accept_within must be at most 36525d
nodes  || "reroute"              || "rerout"                             || 12 || on_silence must be one of reroute, ask_cancel, escalate, not "rerout"; did you mean
nodes  || on_silence = "reroute" || dispatch = "webhook"                 || 12 || dispatch webhook needs url = "…"
nodes  || on_silence = "reroute" || dispatch = "webhook"                 || 12 || dispatch webhook needs secret = "…"
nodes  || on_silence = "reroute" || dispatch = "edi940"                  ||  1 || us is missing
nodes  || on_silence = "reroute" || dispatch = "edi940"                  ||  1 || drop or sftp is missing
nodes  || on_silence = "reroute" || dispatch = "fax"                     || 12 || dispatch must be one of pull, webhook, edi940, not "fax"
nodes  || on_silence = "reroute" || url = "https://slc.example"          || 12 || url is used only with dispatch = "webhook"
nodes  || on_silence = "reroute" || capacity_per_day = 0                 || 12 || capacity_per_day must be a whole number of at least 1, not 0
nodes  || on_silence = "reroute" || handling_days = 1.5                  || 12 || handling_days must be a whole number of at least 0, not 1.5
nodes  || on_silence = "reroute" || priority = true                      || 12 || priority must be a whole number of at least 0, not true
nodes  || on_silence = "reroute" || pickup = "yes"                       || 12 || pickup must be true or false, not "yes"
nodes  || on_silence = "reroute" || tags = "cold"                        || 12 || tags must be a list that is not empty, not "cold"
nodes  || on_silence = "reroute" || tags = ["gift wrap"]                 || 12 || a tag must be one word in quotes, of at most 64 characters, not 'gift wrap'
nodes  || on_silence = "reroute" || tags = ["cold", "cold"]              || 12 || tags name 'cold' twice
nodes  || on_silence = "reroute" || region = ["west"]                    || 12 || region must be a text in quotes
nodes  || [[node]]\\nid = "slc"   || [node]\\nid = "slc"                   || 13 || this key is there twice in its table
policy || version = "v1"         || version = 2026-11-21                 ||  1 || version must be a text in quotes, such as "…", not 2026-11-21
policy || version = "v1"         ||                                      ||  1 || version is missing
policy || node.kind in ["dc",    || node.kind in ["warehouse",           ||  3 || warehouses: node.kind is never 'warehouse'; it is one of dc, store, 3pl, vendor
policy || node.kind == "store"   || node.knd == "store"                  ||  4 || stores: unknown name 'node.knd'; did you mean node.kind?
policy || node.kind == "store"   || node.distance_km < 9.0               ||  4 || stores: node.distance_km cannot be used here: a set may use only node.id
policy || node.kind == "store"   || node.id == "chicago"                 ||  4 || stores: node.id is never 'chicago'; did you mean 'chi'?
policy || node.kind == "store"   || node.country == "USA"                ||  4 || stores: node.country is never 'USA'; did you mean
policy || node.kind == "store"   || 1 / (node.priority - 10) == 1        ||  4 || stores fails for node 'slc': divide by zero
policy || id = "wholesale"       || id = "direct"                        || 14 || strategy id 'direct' is there twice
policy || id = "wholesale"       ||                                      ||  5 || id is missing
policy || order.channel ==       || order.chanel ==                      ||  7 || when: unknown name 'order.chanel'; did you mean order.channel?
policy || order.channel ==       || order.value ==                       ||  7 || when: == does not work on an int and a string
policy || order.channel ==       || order.channel =                      ||  7 || when: syntax error: '=' does not compare; write '=='
policy || order.channel ==       || node.kind ==                         ||  7 || when: node.kind cannot be used here: a strategy's when may use only order.*
policy || 'order.channel == "wholesale"' || 'order.channel'              ||  7 || when: this is a string; it must be a condition, true or false
policy || 'order.channel == "wholesale"' || 'true'                       || 15 || this strategy is never reached: 'wholesale' before it matches everything
policy || when = 'true'          || when = 'order.units > 0'             || 15 || the last strategy must match everything: when = 'true'
policy || when = 'true'          || when = true                          || 15 || when must be a rule in quotes, such as 'true', not true
policy || when = 'true'          ||                                      || 13 || when is missing
policy || "order"                || "orders"                             ||  8 || ship_complete must be one of order, line, no, not "orders"; did you mean 'order'?
policy || "priority", "distance" || "priority", "distnce"                ||  9 || unknown rank "distnce"; did you mean 'distance'?
policy || "priority", "distance" || "priority", "priority"               ||  9 || rank names "priority" twice
policy || from = ["warehouses"]  || from = ["warehouse"]                 || 11 || unknown from "warehouse"; did you mean 'warehouses'?
policy || from = ["warehouses"]  ||                                      || 10 || from is missing
policy || ["dc", "3pl"]'         || ["vendor"]'                          || 11 || this tier reaches no node: no node is in warehouses
policy || max_shipments = 1      || max_shipments = 0                    || 12 || max_shipments must be a whole number of at least 1, not 0
policy || max_shipments = 1      || max_shipment = 1                     || 12 || unknown key 'max_shipment'; did you mean 'max_shipments'?
policy || max_shipments = 1      || split_line = "yes"                   || 12 || split_line must be true or false, not "yes"
policy || "60d"                  || "two months"                         || 16 || cancel_after must be a time span
policy || <= 3000.0              || <= 3000                              || 19 || require: <= mixes an int and a double: node.distance_km is a double, write 3000.0 instead of 3000
policy || per = "shipment"       || per = "parcel"                       || 21 || per must be one of shipment, unit, kg, carrier, not "parcel"
policy || per = "shipment"       ||                                      || 20 || per is missing
policy || '500.0 + 0.4           || '500 + 0.4                           || 22 || amount: + mixes an int and a double
policy || '500.0 + 0.4 * node.distance_km' || 'order.channel'            || 22 || amount: this is a string; it must be an amount, an int or a double
policy || '500.0 + 0.4 * node.distance_km' || 500                        || 22 || amount must be a rule in quotes, such as '500', not 500
policy || '500.0 + 0.4 * node.distance_km' || '-5'                       || 22 || amount must be at least 0, not -5
policy || item.category          || item.colour                          || 24 || when: unknown name 'item.colour'
policy || reason = "no skincare" ||                                      || 23 || reason is missing
policy || max_attempts = 3       || max_attempts = 0                     || 27 || max_attempts must be a whole number of at least 1, not 0
policy || max_attempts = 3       || grace = 10                           || 27 || grace must be a time span
policy || max_attempts = 3       || reject_cooldown = 1                  || 27 || reject_cooldown must be a time span
policy || max_attempts = 3       || reject_cooldwon = "1d"               || 27 || unknown key 'reject_cooldwon'; did you mean 'reject_cooldown'?
policy || max_attempts = 3       || collect_within = "0d"                || 27 || collect_within must be more than 0, not "0d"
policy || max_attempts = 3       || uncollected = "ship"                 || 27 || uncollected needs collect_within: without it, units wait for the customer without a limit
policy || max_attempts = 3       || collect_within = "7d"\\nuncollected = "burn" || 28 || uncollected must be one of cancel, ship, not "burn"
policy || max_attempts = 3       || at_risk_before = "soon"              || 27 || at_risk_before must be a time span
policy || max_attempts = 3       || [exceptions]\\nescalate_after = 8    || 28 || escalate_after must be a time span
policy || max_attempts = 3       || [exceptions]\\nowner.pickups = "ada" || 28 || pickups is not a code of an exception; did you mean 'pickup'?
policy || max_attempts = 3       || [exceptions]\\nowner.pickup = "Ada"  || 28 || the owner of pickup must be 1 to 32 of a-z
policy || max_attempts = 3       || [exceptions.owner]\\npickup = 1      || 28 || pickup must be a text in quotes
policy || max_attempts = 3       || [exceptions]\\nowners = 1            || 28 || unknown key 'owners'; did you mean 'owner'?
policy || [transit]              || [delivery.standrd]\\n[transit]       || 30 || [transit] has no service 'standrd'; did you mean 'standard'?
policy || [transit]              || [delivery.standard]\\nworking_days = ["man"]\\n[transit] || 31 || unknown working_days "man"
policy || [transit]              || [delivery.standard]\\nholidays = "US-XX"\\n[transit] || 31 || no holiday calendar 'US-XX'; parts of US: AK
policy || [transit]              || [delivery.standard]\\nholidays = "destinaton"\\n[transit] || 31 || or "destination", the calendar of where the parcel goes
policy || [transit]              || [delivery.standard]\\nholiday = "US"\\n[transit] || 31 || unknown key 'holiday'; did you mean 'holidays'?
policy || [transit]              || [delivery]\\nstandard = "mon-fri"\\n[transit] || 31 || standard must be a table [standard], not "mon-fri"
policy || [250, 1]               || [25000, 1]                           || 31 || standard: distances must ascend; this one is not above the one before
policy || [250, 1]               || [250, "1"]                           || 31 || standard must be a list of [km, days] such as [250, 1]
policy || [250, 1]               || 250                                  || 31 || standard must be a list of [km, days] such as [250, 1], not 250
policy || [returns]              || [return]                             || 28 || unknown key 'return'; did you mean 'returns'?
items  || weight_g               || weight                               ||  1 || unknown column 'weight'; did you mean 'weight_g'?
items  || weight_g               || weight                               ||  1 || missing column weight_g
items  || sku,name,weight_g,safety_stock,components,category,tags || sku;name;weight_g;safety_stock;components;category;tags || 1 || columns are separated by ';'; write , between them, in every row
items  || sku,name,weight_g,safety_stock,components,category,tags || sku\\tname\\tweight_g\\tsafety_stock\\tcomponents\\tcategory\\ttags || 1 || columns are separated by tabs; write , between them, in every row
items  || TONER,Toner,           || TONER,"The "Toner"",                 ||  3 || behind the quotes that close a text must stand a comma; inside a text write "" for "
items  || category,tags          || category,category                    ||  1 || column 'category' is there twice
items  || TONER,Toner            || SERUM,Toner                          ||  3 || sku 'SERUM' is there twice; the first is on line 2
items  || TONER,Toner            || ,Toner                               ||  3 || sku must be 1 to 64 characters, without control characters and without a blank at an end, not ''
items  || 240                    || 0.24                                 ||  3 || weight_g must be a whole number from 0 to 1000000000, not '0.24'
items  || 95,2                   || 95,-2                                ||  2 || safety_stock must be a whole number from 0 to 1000000000, not '-2'
items  || Toner,240              || Toner, 200 ml,240                    ||  3 || 8 columns instead of 7; put a text with a comma in quotes
items  || SERUM*1 TONER*2        || SERUM*1 TONR*2                       ||  4 || components name unknown SKU 'TONR'; did you mean 'TONER'?
items  || SERUM*1 TONER*2        || SERUM*1 SET*2                        ||  4 || components of 'SET' name the bundle itself
items  || 2,,skincare            || 2,SET*1,skincare                     ||  2 || components name 'SET', which is a bundle too; name its components instead
items  || SERUM*1 TONER*2        || SERUM TONER*2                        ||  4 || components must be like SKU*2 "A SKU"*1, not 'SERUM'
items  || SERUM*1 TONER*2        || SERUM*0                              ||  4 || components must be like SKU*2 "A SKU"*1, not 'SERUM*0'
items  || SERUM*1 TONER*2        || TONER @1*2                           ||  4 || components must be like SKU*2 "A SKU"*1, not 'TONER'
items  || SERUM*1 TONER*2        || TONER@1*2                            ||  4 || components must be like SKU*2 "A SKU"*1, not 'TONER@1*2'; a SKU with blanks, *, @ or " stands in double quotes, with "" for "
items  || SERUM*1 TONER*2        || SERUM*1*2                            ||  4 || components must be like SKU*2 "A SKU"*1, not 'SERUM*1*2'; a SKU with blanks, *, @ or " stands in double quotes, with "" for "
ahead  || 2026-12-24             || 24.12.2026                           ||  2 || release_date must be a day such as 2026-01-31, not '24.12.2026'
ahead  || 2026-12-24             || 2026-02-30                           ||  2 || release_date must be a day such as 2026-01-31, not '2026-02-30'
ahead  || 2026-12-24             || 9999-12-31                           ||  2 || release_date must be between the years 1970 and 2200, not '9999-12-31'
ahead  || 2026-12-24             || 0001-01-01                           ||  2 || release_date must be between the years 1970 and 2200, not '0001-01-01'
ahead  || 2026-12-24,40          || 2026-12-24,-1                        ||  2 || sell_ahead_max must be a whole number from 0 to 1000000000, not '-1'
ahead  || SERUM*1,,              || SERUM*1,,7                           ||  4 || sell_ahead_max of a bundle: give it to its components, whose units are what waits
items  || SERUM*1 TONER*2        || SERUM*1 SERUM*2                      ||  4 || components name 'SERUM' twice; add the quantities
measured || 4006381333931        || 4.00638E+12                          ||  2 || barcode 4.00638E+12 was shortened by a spreadsheet; format the column as text and enter all digits
measured || A-17 b               || 11111111111111111111111111111111111111111111111111111111111111111 ||  3 || barcode must be 1 to 64 printed characters, not
measured || 40,40,120            || 40,40,                               ||  2 || length_mm and width_mm without height_mm: give all three or none
measured || 40,40,120            || ,,120                                ||  2 || height_mm without length_mm and width_mm: give all three or none
measured || 40,40,120            || 40,0,120                             ||  2 || width_mm must be a whole number from 1 to 1000000000, not '0'
measured || 40,40,120            || 40,4.5,120                           ||  2 || width_mm must be a whole number from 1 to 1000000000, not '4.5'
measured || yes,FALSE            || flammable,FALSE                      ||  3 || hazmat must be yes or no, not 'flammable'
measured || ships_alone          || ships_allone                         ||  1 || unknown column 'ships_allone'; did you mean 'ships_alone'?
"""  # noqa: E501  (an aligned table)
ROWS = [
    tuple(cell.strip().replace("\\n", "\n").replace("\\t", "\t") for cell in row.split("||"))
    for row in MISTAKES.strip().splitlines()
]


def test_what_is_right_has_no_mistakes() -> None:
    assert load(RIGHT).version == "v1"


@pytest.mark.parametrize(("file", "right", "wrong", "line", "said"), ROWS)
def test_each_kind_of_mistake_is_found_on_its_line(file: str, right: str, wrong: str, line: str, said: str) -> None:
    right_one = replace(RIGHT, items=OTHER_ITEMS[file]) if file in OTHER_ITEMS else RIGHT
    name = {"nodes": "nodes.toml", "policy": "policy.toml"}.get(file, "items.csv")
    file = name.partition(".")[0]
    text = getattr(right_one, file)
    assert right in text
    found = mistakes(replace(right_one, **{file: text.replace(right, wrong, 1)}))
    assert [reported for reported in found if reported.startswith(f"{name}:{line}: ") and said in reported], "\n".join(
        found
    )


def mistakes(documents: NetworkDocuments) -> list[str]:
    """What is said of wrong documents."""
    with pytest.raises(NetworkMistakes) as refused:
        load(documents)
    return [str(mistake) for mistake in refused.value.mistakes]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("nodes", "", "nodes.toml:1: there is no [[node]]; at least one is needed"),
        (
            "policy",
            'version = "v1"',
            "policy.toml:1: there is no [[strategy]]; at least one is needed, with when = 'true'",
        ),
        ("policy", POLICY.replace("[[strategy.tier]]", "[[tier]]"), "policy.toml:5: there is no [[strategy.tier]]"),
        ("policy", "strategy = 1\n" + POLICY[:14], "strategy must be a list of tables [[strategy]], not 1"),
        (
            "policy",
            "orders = 1\n" + POLICY.replace("[orders]\nmax_attempts = 3\n", ""),
            "orders must be a table [orders]",
        ),
        ("items", "", "items.csv:1: missing columns sku, name, weight_g, safety_stock, components"),
        ("items", ITEMS + 'A,"open', "items.csv:5: the quotes that open in this row are not closed"),
    ],
)
def test_a_document_without_its_main_thing_is_refused(file: str, text: str, said: str) -> None:
    assert [reported for reported in mistakes(replace(RIGHT, **{file: text})) if said in reported]


def test_all_mistakes_of_all_files_are_found_in_one_pass_and_none_twice() -> None:
    documents = NetworkDocuments(
        NODES.replace('"14:00"', '"2pm"').replace('"4h"', "4"),
        POLICY.replace("order.channel", "order.chanel").replace("max_shipments = 1", "max_shipments = 0"),
        ITEMS.replace("240", "x").replace("TONER*2", "SOAP*2"),
    )
    assert [reported.partition(": ")[0] for reported in mistakes(documents)] == [
        "nodes.toml:7",
        "nodes.toml:11",
        "policy.toml:7",
        "policy.toml:12",
        "items.csv:3",
        "items.csv:4",
    ]


def test_a_mistake_in_a_rule_of_several_lines_is_on_its_own_line() -> None:
    rule = "when = '''\norder.units > 1\n&& order.chanel == \"x\"\n'''"
    found = mistakes(replace(RIGHT, policy=POLICY.replace("when = 'order.channel == \"wholesale\"'", rule)))
    assert found == ["policy.toml:9: when: unknown name 'order.chanel'; did you mean order.channel?"]


def test_a_node_that_could_not_be_read_makes_no_tier_look_empty() -> None:
    found = mistakes(replace(RIGHT, nodes=NODES.replace('kind = "3pl"', 'kind = "3PL"')))
    assert len(found) == 1


def test_the_loaded_network_holds_what_the_files_say_and_the_documented_defaults() -> None:
    network = load(RIGHT)
    slc, chi = network.nodes["slc"], network.nodes["chi"]
    assert (slc.cutoff, slc.hours, slc.accept_within) == (time(14), (time(8), time(18)), timedelta(hours=4))
    assert (slc.working_days, slc.on_silence) == (frozenset({0, 1}), OnSilence.REROUTE)
    assert distance_km(slc.latitude, slc.longitude, 40.76, -111.9) < 5
    assert date(2026, 11, 26) in slc.holidays
    assert datetime(2026, 11, 24, tzinfo=UTC).date() not in slc.holidays
    assert (chi.name, chi.cutoff, chi.working_days, chi.hours) == ("chi", time(17), frozenset(range(5)), None)
    assert (chi.accept_within, chi.ship_within) == (timedelta(days=1), timedelta(days=2))
    assert (chi.on_silence, chi.dispatch, chi.priority) == (OnSilence.ESCALATE, Pull.dispatch, 10)
    assert (chi.capacity_per_day, chi.handling_days, chi.safety_stock, chi.pickup) == (None, 0, 0, False)


def test_the_loaded_policy_holds_what_the_file_says_and_the_documented_defaults() -> None:
    policy = load(RIGHT).policy
    wholesale, direct = policy.strategies
    assert (wholesale.ship_complete, wholesale.rank) == (ShipComplete.ORDER, (Rank.PRIORITY, Rank.DISTANCE))
    assert (direct.ship_complete, direct.unfilled) == (ShipComplete.NO, Unfilled.BACKORDER)
    assert (direct.cancel_after, wholesale.cancel_after) == (timedelta(days=60), None)
    assert direct.rank == (Rank.COST, Rank.SHIPMENTS, Rank.DISTANCE)
    assert [sorted(tier.nodes) for tier in wholesale.tiers + direct.tiers] == [["slc"], ["chi", "slc"]]
    assert isinstance(direct.costs[0], Cost)
    assert (policy.orders.max_attempts, policy.orders.grace) == (3, timedelta(0))
    assert policy.orders.assume_delivered == timedelta(days=5)
    assert policy.orders.reject_cooldown == timedelta(0)
    assert (policy.orders.collect_within, policy.orders.at_risk_before, policy.exceptions.escalate_after) == (None,) * 3
    assert {policy.exceptions.owner(code) for code in ExceptionCode} == {"operations"}
    assert policy.transit == {"standard": (TransitBand(250, 1), TransitBand(20000, 6))}


def test_a_component_with_blanks_or_signs_stands_in_quotes() -> None:
    names = ("A B", "x*2", "a@b", 'ROHR 5"', "杯 子", '"', "plain/1")
    rows = "".join(f'"{name.replace(chr(34), chr(34) * 2)}",,1,,\n' for name in names)
    quoted = (f'"{name.replace(chr(34), chr(34) * 2)}"*2' for name in names[:-1])
    components = " ".join([*quoted, "plain/1*3"]).replace('"', '""')
    mistakes = Mistakes("items.csv")

    items = read_items(f'sku,name,weight_g,safety_stock,components\n{rows}SET,,,,"{components}"\n', mistakes)

    assert mistakes.found() == []
    assert items["SET"].components == (*((name, 2) for name in names[:-1]), ("plain/1", 3))


def test_a_bundle_weighs_what_its_components_weigh() -> None:
    items = load(RIGHT).items
    assert items["SET"].components == (("SERUM", 1), ("TONER", 2))
    assert items["SET"].weight_g == 95 + 2 * 240
    assert items["TONER"].tags == ("glass", "fragile")


def test_an_item_may_tell_its_barcode_its_measures_and_what_is_special_about_it() -> None:
    items = load(replace(RIGHT, items=MEASURED, policy=POLICY.replace("skincare", ""))).items
    serum, acetone, desk, bundle = (items[sku] for sku in ("SERUM", "ACETONE", "DESK", "SET"))
    assert (serum.barcode, serum.length_mm, serum.width_mm, serum.height_mm) == ("4006381333931", 40, 40, 120)
    assert (acetone.barcode, desk.barcode, desk.length_mm) == ("A-17 b", "", None)
    assert [item.hazmat for item in (serum, acetone, desk)] == [False, True, False]
    assert [item.ships_alone for item in (serum, acetone, desk)] == [False, False, True]
    assert bundle.hazmat, "one of its components is"


def test_an_item_may_have_a_release_date_and_a_limit_of_what_is_sold_ahead() -> None:
    read = load(replace(RIGHT, items=AHEAD, policy=POLICY.replace("skincare", "")))
    found = {sku: (item.release_date, item.sell_ahead_max) for sku, item in read.items.items()}
    assert found == {
        "SERUM": (date(2026, 12, 24), 40),
        "TONER": (date(2026, 11, 30), 0),
        "SET": (date(2026, 12, 24), None),
        "GIFT": (date(2027, 1, 15), None),
    }
    assert read.release_at(["SERUM", "TONER"]) == datetime(2026, 12, 24, 7, tzinfo=UTC), (
        "when the day has begun in Denver too"
    )
    assert read.release_at([]) is read.release_at(["nobody knows it"]) is None


def test_a_node_may_have_words_and_a_region_of_the_business() -> None:
    nodes = load(
        replace(RIGHT, nodes=NODES.replace('cutoff = "14:00"', 'tags = ["cold", "gift"]\nregion = "West"'))
    ).nodes
    assert [(node.tags, node.region) for node in nodes.values()] == [(("cold", "gift"), "West"), ((), "")]


def test_a_webhook_node_has_an_address_and_a_secret() -> None:
    webhook = 'dispatch = "webhook"\nurl = "https://slc.example/orders"\nsecret = "s"'
    node = load(replace(RIGHT, nodes=NODES.replace('on_silence = "reroute"', webhook))).nodes["slc"]
    assert node.dispatch == Webhook.dispatch
    assert node.settings == {"url": "https://slc.example/orders", "secret": "s"}


@pytest.mark.parametrize("url", ["slc.example", "https://", "https:///orders", "https://slc.example/the orders"])
def test_an_address_that_cannot_be_called_is_a_mistake(url: str) -> None:
    webhook = f'dispatch = "webhook"\nurl = "{url}"\nsecret = "s"'
    said = mistakes(replace(RIGHT, nodes=NODES.replace('on_silence = "reroute"', webhook)))
    assert said == [f"nodes.toml:13: url must begin with https:// or http://, not {url!r}"]


def test_equal_documents_have_equal_digests_and_others_have_others() -> None:
    assert RIGHT.digest == NetworkDocuments(NODES, POLICY, ITEMS).digest
    assert RIGHT.digest != replace(RIGHT, items=ITEMS + "\n").digest
    assert NetworkDocuments("a", "", "").digest != NetworkDocuments("", "a", "").digest


def test_a_directory_is_checked_with_the_paths_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "nodes.toml").write_text(NODES.replace('"4h"', "4"))
    (tmp_path / "policy.toml").write_bytes(b"version = 1\n\xff")
    assert [str(mistake) for mistake in check(tmp_path)] == [
        f"{tmp_path / 'policy.toml'}:2: this is not UTF-8 text; save the file as UTF-8",
        f"{tmp_path / 'items.csv'}: items.csv is missing",
    ]
    absent = tmp_path / "absent"
    assert [str(one) for one in check(absent)] == [
        f"{absent}: there is no such directory; a network directory holds nodes.toml and others"
    ]
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "items.csv").write_text(ITEMS)
    assert [str(mistake).partition(": ")[0] for mistake in check(tmp_path)] == [f"{tmp_path / 'nodes.toml'}:11"]
    (tmp_path / "nodes.toml").write_text(NODES)
    assert check(tmp_path) == []
    assert read(tmp_path) == RIGHT


@given(st.sampled_from(["nodes", "policy", "items"]), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_is_loaded_or_refused_with_mistakes_and_nothing_else_happens(
    file: str, data: st.DataObject
) -> None:
    text = getattr(RIGHT, file)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    between = data.draw(st.text(st.sampled_from("ab01 .,=*'\"[]{}#\\\n"), max_size=4))
    documents = replace(RIGHT, **{file: text[:start] + between + text[end:]})
    with suppress(NetworkMistakes):
        load(documents)
