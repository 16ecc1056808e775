"""Answers of carriers as their published interfaces have them, written for these tests, and a server that gives them."""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ZPL = "^XA^FO30,30^A0N,40,40^FDTO ADA^FS^XZ"
LABEL = base64.b64encode(ZPL.encode()).decode()
NOW_MS = str(int(time.time() * 1000))

PDF = "%PDF-1.4 PS Form 5630"
FORM = base64.b64encode(PDF.encode()).decode()
SCAN_FORM = f"""--mzowiqXHz1W\r
Content-Disposition: form-data; name="SCANFormMetadata"\r
Content-Type: application/json\r
\r
{{"form": "5630", "manifestNumber": "92750903824321000000000111", "trackingNumbers": ["9205590164917312751089"]}}\r
--mzowiqXHz1W\r
Content-Disposition: form-data; name="SCANFormImage"; filename="SCANFormImage.pdf"\r
Content-Type: application/pdf\r
\r
{FORM}\r
--mzowiqXHz1W--\r
"""
"""How USPS answers about a SCAN form: in several parts."""

DHL_SHIP = f"""<?xml version="1.0"?><res:ShipmentResponse xmlns:res="http://www.dhl.com">
<AirwayBillNumber>JD014600</AirwayBillNumber>
<CurrencyCode>EUR</CurrencyCode><ShippingCharge>21.50</ShippingCharge>
<LabelImage><OutputFormat>ZPL2</OutputFormat><OutputImage>{LABEL}</OutputImage></LabelImage></res:ShipmentResponse>"""
DHL_TRACK = """<?xml version="1.0"?><req:TrackingResponse xmlns:req="http://www.dhl.com"><AWBInfo><AWBNumber>JD014600</AWBNumber>
<Status><ActionStatus>success</ActionStatus></Status><ShipmentInfo><EstDlvyDate>2026-11-29 23:59:00 GMT+00:00</EstDlvyDate>
<ShipmentEvent><Date>2026-11-27</Date><Time>18:30:00</Time>
<ServiceEvent><EventCode>PU</EventCode><Description>Picked up</Description>
</ServiceEvent>
<ServiceArea><ServiceAreaCode>LON</ServiceAreaCode><Description>LONDON-GB</Description></ServiceArea></ShipmentEvent>
<ShipmentEvent><Date>2026-11-28</Date><Time>10:15:00</Time>
<ServiceEvent><EventCode>OK</EventCode><Description>Delivered</Description>
</ServiceEvent>
<ServiceArea><ServiceAreaCode>PAR</ServiceAreaCode><Description>PARIS-FR</Description></ServiceArea></ShipmentEvent>
</ShipmentInfo></AWBInfo></req:TrackingResponse>"""

ANSWERS: Mapping[str, Mapping[str, object]] = {
    "ups": {
        "/oauth/token": {"access_token": "t", "issued_at": NOW_MS, "expires_in": "14399"},
        "/ship": {
            "ShipmentResponse": {
                "Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}},
                "ShipmentResults": {
                    "ShipmentIdentificationNumber": "1Z999AA10123456784",
                    "ShipmentCharges": {"TotalCharges": {"CurrencyCode": "USD", "MonetaryValue": "12.34"}},
                    "PackageResults": [
                        {
                            "TrackingNumber": "1Z999AA10123456784",
                            "ShippingLabel": {"ImageFormat": {"Code": "ZPL"}, "GraphicImage": LABEL},
                        }
                    ],
                },
            }
        },
        "/void/": {"VoidShipmentResponse": {"Response": {"ResponseStatus": {"Code": "1", "Description": "Success"}}}},
        "/track/": {
            "trackResponse": {
                "shipment": [
                    {
                        "package": [
                            {
                                "trackingNumber": "1Z999AA10123456784",
                                "deliveryDate": [],
                                "activity": [
                                    {
                                        "date": "20261128",
                                        "time": "101500",
                                        "status": {"type": "D", "code": "FS", "description": "DELIVERED"},
                                    },
                                    {
                                        "date": "20261128",
                                        "time": "071500",
                                        "status": {"type": "I", "code": "OT", "description": "Out For Delivery"},
                                    },
                                    {
                                        "date": "20261127",
                                        "time": "183000",
                                        "status": {"type": "I", "code": "OR", "description": "Origin Scan"},
                                    },
                                ],
                            }
                        ]
                    }
                ]
            }
        },
    },
    "fedex": {
        "/oauth/token": {"access_token": "t", "token_type": "bearer", "expires_in": 3599},
        "/cancel": {"output": {"cancelledShipment": True, "successMessage": "Success"}},
        "/ship/v1/shipments": {
            "output": {
                "transactionShipments": [
                    {
                        "masterTrackingNumber": "794953535000",
                        "serviceType": "FEDEX_GROUND",
                        "pieceResponses": [
                            {
                                "trackingNumber": "794953535000",
                                "packageDocuments": [
                                    {"contentType": "LABEL", "docType": "ZPLII", "encodedLabel": LABEL}
                                ],
                            }
                        ],
                    }
                ]
            }
        },
        "/track/": {
            "output": {
                "completeTrackResults": [
                    {
                        "trackingNumber": "794953535000",
                        "trackResults": [
                            {
                                "latestStatusDetail": {"code": "DL"},
                                "scanEvents": [
                                    {
                                        "date": "2026-11-28T10:15:00-07:00",
                                        "eventType": "DL",
                                        "eventDescription": "Delivered",
                                    },
                                    {
                                        "date": "2026-11-27T18:30:00-07:00",
                                        "eventType": "PU",
                                        "eventDescription": "Picked up",
                                    },
                                ],
                            }
                        ],
                    }
                ]
            }
        },
    },
    "usps": {
        "/oauth2/": {"access_token": "t", "expires_in": 28799},
        "/payment-authorization": {"paymentAuthorizationToken": "p"},
        "/labels/v3/label": {
            "labelMetadata": {"trackingNumber": "9205590164917312751089", "postage": 6.25, "SKU": "DPXX0XXXXC05010"},
            "labelImage": LABEL,
        },
        "/scan-form": SCAN_FORM,
        "/tracking/": {
            "trackingNumber": "9205590164917312751089",
            "status": "Delivered",
            "statusCategory": "Delivered",
            "trackingEvents": [
                {"eventType": "Delivered", "eventTimestamp": "2026-11-28T10:15:00", "eventCode": "01"},
                {"eventType": "Accepted", "eventTimestamp": "2026-11-27T18:30:00", "eventCode": "03"},
            ],
        },
    },
    "dhl_express": {"ShipmentRequest": DHL_SHIP, "KnownTrackingRequest": DHL_TRACK},
}


@dataclass
class CarrierServer:
    """A carrier's interface on this machine; `instead` is what it answers in place of everything but tokens."""

    answers: Mapping[str, object]
    instead: tuple[int, bytes] | None = None
    silent_seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and the bytes of an answer."""
        self.asked.append(f"{method} {path}")
        is_token = "oauth" in path or "payment-authorization" in path
        if self.instead and not is_token:
            time.sleep(self.silent_seconds)
            return self.instead
        asked = path if path != "/XMLShippingServlet" else body.decode()
        found = next((made for part, made in self.answers.items() if part in asked), None)
        if found is None:
            return 404, b"{}"
        return 200, found.encode() if isinstance(found, str) else json.dumps(found).encode()


class _Server(ThreadingHTTPServer):
    """Who does not wait for an answer any more is no error here."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextmanager
def served(server: CarrierServer) -> Iterator[CarrierServer]:
    """The carrier answers while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, content = server.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _any

        def log_message(self, format: str, *args: object) -> None:
            pass

    made = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{made.server_port}"
    try:
        yield server
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
