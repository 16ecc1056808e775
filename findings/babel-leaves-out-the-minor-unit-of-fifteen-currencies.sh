#!/bin/sh
# ISO 4217 gives the Hungarian forint, the Colombian peso and the Lebanese pound two decimals and the Iraqi dinar three, and shops
# and payment services send amounts with them. Babel 2.19.0 gives these and eleven more currencies none (`get_currency_precision`;
# its figures are CLDR's, which say what people pay in cash), and `format_currency` rounds the rest away without a word: a refund
# of 1,234.56 COP is shown as 1,235. An amount in minor units that is made with that precision is wrong a hundred times, or a
# thousand. One would expect the decimals of ISO 4217, which the other 150 currencies have.
# The script compares both. It ends with 0 while fifteen differ, and with 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check babel==2.19.0 iso4217==1.16.20260101
cat > "$folder/finding.py" <<'PYTHON'
import sys
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from iso4217 import Currency

known = [currency for currency in Currency if currency.exponent is not None]
differ = [currency for currency in known if get_currency_precision(currency.code) != currency.exponent]
for currency in differ:
    shown = format_currency(Decimal("1234.56"), currency.code, locale="en_US")
    print(f"{currency.code}: ISO 4217 {currency.exponent}, Babel {get_currency_precision(currency.code)}: 1234.56 is {shown!r}")
print(f"{len(differ)} of {len(known)} differ")
are_less = all(get_currency_precision(currency.code) == 0 for currency in differ)
sys.exit(0 if len(differ) == 15 and are_less else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
