#!/bin/sh
# karrio changes what it is given for a UPS label, without a message: a line of a street is cut at 35 letters, a recipient without a
# phone number gets "000-000-0000", and a parcel without dimensions gets three that are the text "None". The parcel would travel
# with an address that nobody wrote. Seen with karrio and karrio-ups 2026.1.32.
# The script prints the three places of the request that karrio would send; nothing is sent. It ends with 0 while they are so, and
# with 1 when that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check karrio==2026.1.32 karrio-ups==2026.1.32
cat > "$folder/finding.py" <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
import karrio.sdk  # noqa: F401
from karrio.core.models import Address, Parcel, ShipmentRequest
from karrio.mappers.ups.settings import Settings
from karrio.providers.ups.shipment.create import shipment_request

STREET = "Building Seven, 1437 Northeast Bannock Street"
PLACE = {"city": "Denver", "state_code": "CO", "postal_code": "80202", "country_code": "US", "person_name": "A. Sample"}
settings = Settings(client_id="a", client_secret="b", account_number="123456", test_mode=True, account_country_code="US")
label = ShipmentRequest(
    service="ups_ground",
    shipper=Address(address_line1="12 Dock Street", phone_number="+1 801 555 0100", **PLACE),
    recipient=Address(address_line1=STREET, **PLACE),
    parcels=[Parcel(weight=1.0, weight_unit="KG")],
)
shipment = shipment_request(label, settings).serialize()["ShipmentRequest"]["Shipment"]
recipient, package = shipment["ShipTo"], shipment["Package"][0]
street = recipient["Address"]["AddressLine"]
phone = recipient["Phone"]["Number"]
sides = [package["Dimensions"][side] for side in ("Length", "Width", "Height")]
print(f"street, {len(STREET)} letters: {STREET!r} became {street}")
print(f"phone of a recipient without one: {phone!r}")
print(f"dimensions of a parcel without any: {sides}")
sys.exit(0 if (street, phone, sides) == ([STREET[:35].rstrip()], "000-000-0000", ["None"] * 3) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
