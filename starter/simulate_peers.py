"""`python -m starter simulate-peers`: a simulated Shopify on this machine, connected as the channel `shop`."""

import asyncio
import secrets
import signal
import socket
import time

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from demo.peers.shopify.service import App, Peer, application
from demo.simulated_shop import CHANNEL, add_to_network, stocked_shop
from embedded.ports import LOOPBACK
from runtime import logs
from runtime.where import database_url, master_keys
from starter.connect import connect


def command(*, http: str, port: int = 8090) -> int:
    """Play a shop on Shopify, with the items of the active network, and connect it as the channel `shop`.

    It keeps everything in memory. Its entry in channels.toml is added to the active network, or replaced.

    Parameters
    ----------
    http
        The address of the HTTP interface, for webhooks.
    port
        The port to listen on, on this machine only.
    """
    # uvicorn obeys these signals, then raises them again for the handlers that were there before.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return asyncio.run(_play(http, port))


async def _play(http: str, port: int) -> int:
    """Answer until a signal; the exit code is 1 when the shop could not be connected."""
    logs.configure()
    domain = f"{LOOPBACK}:{port}"
    network = await add_to_network(database_url(), master_keys(), f"http://{domain}", http)
    secret = secrets.token_urlsafe()
    # Orders and events of an earlier run had other ids, unless a hundred were made in each second since.
    shop = stocked_shop(network, domain, secret, ids_from=int(time.time()) * 100)
    peer = Peer(shop, App(client_secret=secret))
    app, ready = application(peer), asyncio.Event()
    _answer_when_ready(app, ready)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    with socket.create_server((LOOPBACK, port)) as listening:  # so connecting need not wait for the server
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        code = await connect(CHANNEL, lambda: {"client_id": peer.app.client_id, "client_secret": secret})
        if code == 0:
            ready.set()
        else:
            server.should_exit = True
        await serving
    return code


def _answer_when_ready(app: FastAPI, ready: asyncio.Event) -> None:
    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        return JSONResponse({"connected": ready.is_set()}, 200 if ready.is_set() else 503)
