"""Calls other systems over HTTP: the one client for all that calls out, with the guards that each call needs.

A name is looked up once, its addresses are judged, and the call goes to the very address that was judged. A call has one
deadline from the look-up to the last byte of the answer. Redirects are not followed, proxies are not used, and what is said
of a failure never holds the address, which may hold a secret.
"""

import asyncio
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx2

LOOK_UPS_MAX = 32
"""Names of hosts that are looked up at once."""

ROUTED = IPv6Network("2000::/3")
TRANSLATED = IPv6Network("64:ff9b::/96")
SPECIAL = IPv4Network("192.0.0.0/24")
"""Among them an address at which a cloud gives its machines their secrets; Python counts most of them as global."""


class CallFailed(Exception):
    """A call was not made, or not answered well; its text is the reason, without the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered; `body` is empty unless the call asked for it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Their names are lower-case."""

    @property
    def is_success(self) -> bool:
        """Whether the other side took the call: a redirect is none."""
        return 200 <= self.status <= 299


class Outbound:
    """A client. One per process and purpose: who may be called is decided for all its calls. Nothing is open between calls."""

    def __init__(self, *, allows_private_addresses: bool) -> None:
        """`allows_private_addresses` lets calls go into our own network: only where we name the addresses ourselves."""
        self.allows_private_addresses = allows_private_addresses
        self._looked_up: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        self._threads = ThreadPoolExecutor(LOOK_UPS_MAX, "look-up")

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, within: timedelta, answer_max: int = 0
    ) -> Answer:
        """Send a request. Raises `CallFailed` when there is no answer `within` that time, or none that may be read.

        At most `answer_max` bytes of the answer are read, and a longer one is a failure; with 0 it is not read, however
        long it is.
        """
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await self._send(method, httpx2.URL(url), headers, body, answer_max)
        except CallFailed:
            raise
        except (
            Exception
        ) as error:  # a port of 99999 comes as an `ExceptionGroup`, other wrong addresses raise other types
            raise CallFailed(type(error).__name__) from None

    def close(self) -> None:
        """Forget the look-ups that have not begun; nothing can be called afterwards."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _client(self) -> httpx2.AsyncClient:
        """Connections are not kept: they go to addresses, and another host may share one.

        The environment names the authorities that are trusted, as it does for other programs, but no proxies: they would look
        up the name again.
        """
        return httpx2.AsyncClient(
            verify=httpx2.create_ssl_context(),
            timeout=None,
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def _send(
        self, method: str, url: httpx2.URL, headers: Mapping[str, str], body: bytes, answer_max: int
    ) -> Answer:
        request = self._client.build_request(
            method,
            url.copy_with(host=await self._address(url)),
            content=body,
            headers={**headers, "host": url.netloc.decode(), "accept-encoding": "identity"},
            extensions={"sni_hostname": url.host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            read = await _read(answer, answer_max) if answer_max else b""
            return Answer(answer.status_code, read, dict(answer.headers))
        finally:
            await answer.aclose()

    async def _address(self, url: httpx2.URL) -> str:
        """The address of a host now. The call goes to this very address: a second look-up might return another.

        A name that nobody answers for keeps its thread for half a minute, however soon we stop waiting: it is asked for once at
        a time, in threads that nothing else needs.
        """
        place = url.host, url.port or (443 if url.scheme == "https" else 80)
        if place not in self._looked_up:
            self._looked_up[place] = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, *place)
            self._looked_up[place].add_done_callback(lambda _: self._looked_up.pop(place))
        addresses = await asyncio.shield(self._looked_up[place])
        if not self.allows_private_addresses and not all(map(is_public, addresses)):
            raise CallFailed("its address is not a public one")
        return min(addresses, key=lambda address: ip_address(address).version)


def is_public(address: str) -> bool:
    """Whether an address is public on the internet, and not in our own network.

    Of IPv6 only what is routed there is: other ranges, and 6to4, hold addresses of IPv4 that gateways translate to. Where
    there is only IPv6, the well-known prefix of such a gateway stands before every address of IPv4.
    """
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found in TRANSLATED:
        found = IPv4Address(found.packed[-4:])
    if isinstance(found, IPv6Address):
        return found.is_global and found in ROUTED and found.sixtofour is None
    return found.is_global and not found.is_multicast and found not in SPECIAL


async def _read(answer: httpx2.Response, answer_max: int) -> bytes:
    """The body as it came. A packed body is refused: unpacked it could have any size."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise CallFailed("its answer is packed")
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > answer_max:
            raise CallFailed("its answer is too long")
    return bytes(body)


def _look_up(host: str, port: int) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
