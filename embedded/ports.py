"""Decides which loopback ports the stack listens on."""

import contextlib
import random
import socket
import time

from runtime.failure import EmbeddedFailure

LOOPBACK = "127.0.0.1"

# Below the range from which the kernel hands out ports by itself: while a child of ours is started again, nobody is given
# its port, and the Temporal server's own random ports are never ours.
FREE_PORTS = range(20_000, 32_768)

# A stack that was killed a moment ago may still be giving its ports back.
TAKEN_SECONDS_MAX = 3.0
POLL_SECONDS = 0.05

_handed_out: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on at this moment, and that this process has not been given before."""
    for port in random.sample(FREE_PORTS, len(FREE_PORTS)):
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port
    raise EmbeddedFailure(f"every port from {FREE_PORTS.start} to {FREE_PORTS.stop - 1} is taken")


def claimed_port(port: int, option: str) -> int:
    """`port` if it is free, a free one for 0; raises `EmbeddedFailure` naming the `option` that chooses another."""
    if port == 0:
        return free_port()
    deadline = time.monotonic() + TAKEN_SECONDS_MAX
    while not _is_free(port):
        if time.monotonic() > deadline:
            raise EmbeddedFailure(f"port {port} is taken; choose another with {option} (0 picks a free one)")
        time.sleep(POLL_SECONDS)
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        return True
    return False
