#!/bin/sh
# karrio sends a request to a carrier a second time when the first one failed, if the package sentry_sdk is installed, without a
# retry having been asked for (`max_retries` is 0): `_urlopen_with_span` catches every exception and opens the address again. A
# request for a label that timed out is then bought twice. Without sentry_sdk the request is sent once. In both cases the address is
# opened with `timeout=None`, which also overrides `socket.setdefaulttimeout`. Seen with karrio 2026.1.32 and sentry-sdk 2.20.0.
# The script counts the requests at a server of its own that answers 503. It ends with 0 while there are two, and with 1 when that
# has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check karrio==2026.1.32 sentry-sdk==2.20.0
cat > "$folder/finding.py" <<'PYTHON'
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import karrio.lib as lib

asked = []


class Busy(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(self.path)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(503)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Busy)
threading.Thread(target=server.serve_forever, daemon=True).start()
lib.request(url=f"http://127.0.0.1:{server.server_port}/ship", method="POST", data="{}", headers={})
print(f"asked once, without retries: {len(asked)} requests arrived")
sys.exit(0 if len(asked) == 2 else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py"
