"""Calls channels that want to be called: every event of their orders as a signed POST, until they have taken it.

What is owed stands in PostgreSQL (`event.due_at`), so any process may go on with it at any moment. An event is delivered at
least once, and never before an earlier one of its order; what one channel does not take holds up no other.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx2
import structlog

from database.connect import Database
from database.outbox import webhook
from database.outbox.webhook import Owed
from formats.standard_webhooks import sign

EVERY = timedelta(seconds=1)
ANSWER_WITHIN = timedelta(seconds=10)
LEASE = timedelta(minutes=1)
"""When a process that dies during its calls is taken for dead: well after the last of them must have ended."""
AT_ONCE_MAX = 20
LOOK_UPS_MAX = 32
"""Names of hosts that are looked up at once."""
WAIT_MAX = timedelta(minutes=10)
KEEPS_TRYING = timedelta(days=7)

ROUTED = IPv6Network("2000::/3")
TRANSLATED = IPv6Network("64:ff9b::/96")
SPECIAL = IPv4Network("192.0.0.0/24")
"""Among them an address at which a cloud tells its machines their secrets; Python counts most of them as global."""

log = structlog.get_logger("courier")


class NotTaken(Exception):
    """A channel did not take an event; says why, without the address, which may hold a secret."""


def wait_after(tries: int) -> timedelta:
    """How long to wait after the `tries`-th try: a second, then twice as long each time, and ten minutes at most."""
    return min(timedelta(seconds=2 ** min(tries - 1, 30)), WAIT_MAX)


def is_public(address: str) -> bool:
    """Whether an address is somebody's on the internet, and nothing of the network that we are in ourselves.

    Of IPv6 only what is routed there is: other ranges, and 6to4, hold addresses of IPv4 that gateways translate to. Where
    there is only IPv6, the well-known prefix of such a gateway stands before every address of IPv4.
    """
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found in TRANSLATED:
        found = IPv4Address(found.packed[-4:])
    if isinstance(found, IPv6Address):
        return found.is_global and found in ROUTED and found.sixtofour is None
    return found.is_global and not found.is_multicast and found not in SPECIAL


class Courier:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(self, database: Database, *, allows_private_addresses: bool) -> None:
        """`allows_private_addresses` lets channels name addresses of our own network: for trying, not for strangers."""
        self.allows_private_addresses = allows_private_addresses
        self._database = database
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._looked_up: dict[tuple[str, int], asyncio.Future[list[str]]] = {}
        self._threads = ThreadPoolExecutor(LOOK_UPS_MAX, "courier")

    async def run(self) -> None:
        """Repeat until cancelled: each second, begin to serve every channel that an event is due for."""
        try:
            while True:
                await self._quietly(self._visit)
                await asyncio.sleep(EVERY.total_seconds())
        finally:
            for task in self._serving.values():
                task.cancel()
            await asyncio.gather(*self._serving.values(), return_exceptions=True)
            await self._client.aclose()
            self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _client(self) -> httpx2.AsyncClient:
        """Connections are not kept: they go to addresses, and another host may share one."""
        return httpx2.AsyncClient(
            timeout=ANSWER_WITHIN.total_seconds(),
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    async def _visit(self) -> None:
        async with self._database.at_once() as connection:
            due = await webhook.channels(connection)
        for channel in set(due) - self._serving.keys():
            task = asyncio.create_task(self._quietly(partial(self._serve, channel)))
            self._serving[channel] = task
            task.add_done_callback(partial(self._served, channel))

    def _served(self, channel: str, _: asyncio.Task[None]) -> None:
        self._serving.pop(channel)

    async def _serve(self, channel: str) -> None:
        """Deliver what a channel is owed until nothing is due, or it has not taken something."""
        takes = True
        while takes:
            async with self._database.at_once() as connection:
                owed = await webhook.claim(connection, channel, AT_ONCE_MAX, LEASE)
            failures = await asyncio.gather(*map(self._deliver, owed))
            # Not at once: each writes to the row of the webhook, and would hold a connection until it is its turn.
            for one, why in zip(owed, failures, strict=True):
                if why is not None:
                    await self._postpone(one, why)
            takes = bool(owed) and not any(failures)

    async def _deliver(self, owed: Owed) -> str | None:
        """Tell a channel of an event; answers why it was not taken, or None."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                await self._call(owed)
        except (NotTaken, OSError, ValueError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            return str(error) if isinstance(error, NotTaken) else type(error).__name__
        async with self._database.at_once() as connection:
            await webhook.delivered(connection, owed)
        return None

    async def _postpone(self, owed: Owed, why: str) -> None:
        async with self._database.at_once() as connection:
            goes_on = await webhook.postpone(connection, owed, why, wait_after(owed.tries), KEEPS_TRYING)
        what = "a channel did not take an event" if goes_on else "an event was given up; the feed still has it"
        log.warning(what, channel=owed.channel, event_id=owed.name, tries=owed.tries, reason=why)

    async def _call(self, owed: Owed) -> None:
        """Send an event. Raises `NotTaken`. The answer's body is not read, and redirections are not followed."""
        url = httpx2.URL(owed.url)
        request = self._client.build_request(
            "POST",
            url.copy_with(host=await self._address(url)),
            content=owed.document.encode(),
            headers=_headers(owed) | {"host": url.netloc.decode()},
            extensions={"sni_hostname": url.host},
        )
        answer = await self._client.send(request, stream=True)
        await answer.aclose()
        if not answer.is_success:
            raise NotTaken(f"status {answer.status_code}")

    async def _address(self, url: httpx2.URL) -> str:
        """Where a host is now. The call goes to this very address: asked again, the name might lead elsewhere.

        A name that nobody answers for keeps its thread for half a minute, however soon we stop waiting: it is asked for once at
        a time, in threads that nothing else needs.
        """
        place = url.host, url.port or (443 if url.scheme == "https" else 80)
        if place not in self._looked_up:
            self._looked_up[place] = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, *place)
            self._looked_up[place].add_done_callback(lambda _: self._looked_up.pop(place))
        addresses = await asyncio.shield(self._looked_up[place])
        if not self.allows_private_addresses and not all(map(is_public, addresses)):
            raise NotTaken("its address is not a public one")
        return min(addresses, key=lambda address: ip_address(address).version)

    async def _quietly(self, step: Callable[[], Awaitable[None]]) -> None:
        """What goes wrong in a round is tried again in the next one."""
        try:
            await step()
        except Exception as error:
            log.warning("the courier will try again", reason=f"{type(error).__name__}: {error}")


def _look_up(host: str, port: int) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _headers(owed: Owed) -> dict[str, str]:
    """Standard Webhooks: while a secret takes over from another, both sign."""
    timestamp = str(int(datetime.now(UTC).timestamp()))
    signatures = [sign(secret, owed.name, timestamp, owed.document.encode()) for secret in owed.secrets]
    return {
        "content-type": "application/json",
        "webhook-id": owed.name,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
