#!/bin/sh
# A buyer that deletes a line by an 860 (POC02 DI) is answered by an 865 that names the line, with ACK ID: so the standard has it.
# mock-edi 0.9.0, playing the buyer, removes the line from its order when it writes the 860, and calls the answer a disagreement
# `confirmed-unknown-line`. One would expect the line to be known, with 0 ordered.
# The script prints the disagreements. It ends with 0 while that is so, and with 1 when it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mock-edi==0.9.0
cat > "$folder/finding.py" <<'PYTHON'
import sys

from mockedi.testing import Mock

ISA = "ISA*00*          *00*          *ZZ*NORTHWIND      *ZZ*MOCKEDI        *261130*0815*U*00401*{0:09d}*0*T*>~"
LINES = [{"sku": "A", "quantity": 2, "price": 1}, {"sku": "B", "quantity": 2, "price": 1}]
ANSWER = (
    "BCA*00*AD*77***20261130****20261130~"
    "POC*1*CA*1**EA*1**VP*A~ACK*IA*1*EA*068*20261201~POC*2*DI*0**EA*1**VP*B~ACK*ID*0*EA~CTT*2~"
)
with Mock.start() as buyer:
    buyer.expect("POST", "/_mock/purchase", {"partner": "NORTHWIND", "po_number": "77", "lines": LINES}, status=201)
    changes = [{"line": "1", "action": "change", "quantity": 1}, {"line": "2", "action": "delete"}]
    buyer.expect("POST", "/_mock/purchase/77/change", {"lines": changes})
    buyer.advance(everything=True)
    count = ANSWER.count("~") + 2
    group = f"GS*CA*NORTHWIND*MOCKEDI*20261130*0815*1*X*004010~ST*865*0001~{ANSWER}SE*{count}*0001~GE*1*1~"
    print(buyer.send(f"{ISA.format(1)}{group}IEA*1*000000001~")["accepted"])
    found = [(one["rule"], one["line"]) for one in buyer.expect("GET", "/_mock/disagreements")]
print(found)
sys.exit(0 if found == [("confirmed-unknown-line", "2")] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
