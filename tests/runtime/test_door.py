"""What a process knows of the channels that send webhooks is read once a second, also of names that nobody has."""

from api.door import KNOWN_SECONDS, NAMES_MAX, Door
from channels.channel import ChannelKind, Settings


class Connections:
    """Knows one connection, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """Nobody is connected."""
        self.asked.append(channel)
        return None


async def test_a_stranger_who_repeats_a_name_costs_one_reading_a_second() -> None:
    connections, now = Connections(), [0.0]
    door = Door(connections.settings, clock=lambda: now[0])
    for _ in range(50):
        assert await door.settings("nobody") is None
    now[0] = KNOWN_SECONDS
    assert await door.settings("nobody") is None
    assert connections.asked == ["nobody"] * 2


async def test_names_that_nobody_has_do_not_fill_the_memory() -> None:
    door = Door(Connections().settings, clock=lambda: 0.0)
    for number in range(3 * NAMES_MAX):
        await door.settings(f"n{number}")
    assert len(door._known) <= NAMES_MAX
