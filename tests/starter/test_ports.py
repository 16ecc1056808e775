"""Ports are free when they are chosen and leave those of others alone; a taken one is reported with the option to change."""

import socket
from pathlib import Path

import pytest

from embedded.ports import FREE_PORTS, LOOPBACK, claimed_port, free_port
from runtime.failure import EmbeddedFailure


def test_a_taken_port_is_refused_with_the_option_that_chooses_another() -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedFailure, match=f"port {port} is taken; choose another with --http-port"):
            claimed_port(port, "--http-port")


def test_port_0_picks_one_that_the_kernel_gives_to_nobody_else() -> None:
    first_of_the_kernel = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [claimed_port(0, "--http-port") for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(port in FREE_PORTS for port in ports)
    assert first_of_the_kernel >= FREE_PORTS.stop or free_port() in FREE_PORTS
