"""The style and the script of the pages: two files, kept by the browser until the version changes."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).with_name("static")
KINDS = {"console.css": "text/css", "console.js": "text/javascript"}


def _route(name: str, kind: str) -> Route:
    content = (FOLDER / name).read_bytes()

    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "max-age=3600"})

    return Route(f"/console/static/{name}", answer)


ROUTES = [_route(name, kind) for name, kind in KINDS.items()]
