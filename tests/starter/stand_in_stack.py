"""Runs `up` with small stand-ins for `prepare`, the worker and the HTTP process, to try the supervisor by itself.

python stand_in_stack.py up DATA PREPARE_EXIT_CODE
"""

import asyncio
import os
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ME = (sys.executable, str(Path(__file__).resolve()))


def up(data: str, prepare_exit_code: str) -> int:
    """The real `up`, on free ports."""
    from embedded.up import Options, Programs, up

    def programs(_: Options, http_port: int) -> Programs:
        prepare = (*ME, "prepare", prepare_exit_code)
        return Programs(prepare, (*ME, "worker"), (*ME, "serve", str(http_port)), None)

    return up(Options(Path("network/example"), Path(data), 0, 0, 0, simulate_nodes=False), programs)


def prepare(exit_code: str) -> int:
    """Find two mistakes, unless the exit code is 0."""
    if exit_code != "0":
        sys.stderr.write("nodes.toml:3: no such country\npolicy.toml:7: no such node\n")
    return int(exit_code)


def worker() -> int:
    """A worker that asks for tasks that nobody gives."""
    from temporalio import activity
    from temporalio.client import Client
    from temporalio.envconfig import ClientConfig
    from temporalio.worker import Worker

    @activity.defn
    async def do_nothing() -> None:
        """Do nothing."""

    async def work() -> None:
        client = await Client.connect(**ClientConfig.load_client_connect_config())
        await Worker(client, task_queue="switchyard", activities=[do_nothing]).run()

    asyncio.run(work())
    return 0


class Ready(BaseHTTPRequestHandler):
    """Answers every question with 200."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()


def serve(port: str) -> int:
    """Answer HTTP until a signal."""
    HTTPServer(("127.0.0.1", int(port)), Ready).serve_forever()
    return 0


if __name__ == "__main__":
    parts: dict[str, Callable[..., int]] = {"up": up, "prepare": prepare, "worker": worker, "serve": serve}
    code = parts[sys.argv[1]](*sys.argv[2:])
    sys.stdout.flush()
    os._exit(code)
