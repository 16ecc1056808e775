#!/bin/sh
# zipcodes 3.0.0 places Majuro (Marshall Islands, ZIP 96960) at longitude -171.16. The town lies near +171.2, west of the date
# line: the sign is lost, and the place is some 1,900 km from the right one. Ebeye, the other ZIP code of the state, is at
# (0, 0). The script prints both rows. It ends with 0 while the package behaves so, and with 1 when it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check zipcodes==3.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import zipcodes

for place in zipcodes.filter_by(state="MH"):
    print(place["zip_code"], place["city"], place["lat"], place["long"])
(majuro,) = zipcodes.matching("96960")
raise SystemExit(float(majuro["long"]) > 0)
PYTHON
