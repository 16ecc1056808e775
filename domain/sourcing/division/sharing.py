"""Decides who of those that are alike gets what from where, exactly."""

from collections.abc import Iterator, Sequence

from domain.network import ShipComplete
from domain.sourcing.division.demand import Steps

Rooms = tuple[int, ...]
"""Units that may still be taken, by place; a place is a node of the division at hand."""


class Sharing:
    """One search for who of those that are alike gets what from where."""

    def __init__(
        self,
        quantities: list[int],
        limits: list[list[int]],
        worths: list[int],
        wishes: Sequence[Sequence[int]],
        complete: ShipComplete,
        steps: Steps,
    ) -> None:
        """`limits` is by demand and place; `worths` by place: what a unit from there counts, always more than 0."""
        self._quantities, self._limits, self._worths, self._wishes = quantities, limits, worths, wishes
        self._complete, self._steps = complete, steps
        self._best_first = sorted(range(len(worths)), key=worths.__getitem__, reverse=True)
        self._wanted = [sum(quantities[one] for wish in wishes[start:] for one in wish) for start in range(len(wishes))]
        """By wish: units of it and of all later ones."""
        self._wanted.append(0)
        self._known: dict[tuple[int, Rooms], tuple[int, tuple[tuple[int, int, int], ...]] | None] = {}

    def whole(self, rooms: Rooms) -> list[list[int]] | None:
        """Units by demand and place where each demand comes from one place; None when all must be filled and cannot be."""
        found = self._whole_from(0, rooms)
        if found is None:
            return None
        rows = [[0] * len(rooms) for _ in self._quantities]
        for one, place, units in found[1]:
            rows[one][place] = units
        return rows

    def _whole_from(self, start: int, rooms: Rooms) -> tuple[int, tuple[tuple[int, int, int], ...]] | None:
        """What the wishes from this one on are worth at most, and (demand, place, units) of each that is served."""
        if start == len(self._wishes):
            return 0, ()
        key = start, rooms
        if key in self._known:
            return self._known[key]
        self._steps.take()
        best: tuple[int, tuple[tuple[int, int, int], ...]] | None = None
        for worth, left, taken in self._ways(self._wishes[start], rooms):
            if best is not None and worth + self._worth_at_most(self._wanted[start + 1], left) <= best[0]:
                continue
            later = self._whole_from(start + 1, left)
            if later is not None and (best is None or worth + later[0] > best[0]):
                best = worth + later[0], taken + later[1]
        self._known[key] = best
        return best

    def _worth_at_most(self, wanted: int, rooms: Rooms) -> int:
        """What so many units are worth at most, as if they could be divided at will."""
        worth = 0
        for place in self._best_first:
            if not wanted:
                break
            units = min(wanted, rooms[place])
            worth += units * self._worths[place]
            wanted -= units
        return worth

    def _ways(self, wish: Sequence[int], rooms: Rooms) -> list[tuple[int, Rooms, tuple[tuple[int, int, int], ...]]]:
        """What a wish can get: what it is worth, what it leaves, and (demand, place, units); the best first.

        Where units count one by one, a demand takes all that it can wherever it comes from: a unit that it left would be
        worth as much to another, not more. For the same reason it then takes nothing only where there is nothing.
        """
        ways = sorted(self._served(wish, rooms), key=lambda way: -way[0])
        if self._complete is ShipComplete.LINE or (self._complete is ShipComplete.NO and not ways):
            ways.append((0, rooms, ()))
        return ways

    def _served(
        self, wish: Sequence[int], rooms: Rooms
    ) -> Iterator[tuple[int, Rooms, tuple[tuple[int, int, int], ...]]]:
        if not wish:
            yield 0, rooms, ()
            return
        one, quantity = wish[0], self._quantities[wish[0]]
        for place, (room, limit) in enumerate(zip(rooms, self._limits[one], strict=True)):
            units = min(room, limit, quantity)
            if units == quantity or (units and self._complete is ShipComplete.NO):
                left = (*rooms[:place], room - units, *rooms[place + 1 :])
                for worth, rest, taken in self._served(wish[1:], left):
                    yield worth + units * self._worths[place], rest, ((one, place, units), *taken)

    def split(self, rooms: Rooms) -> list[list[int]] | None:
        """The same where a demand may come from several places."""
        if self._complete is not ShipComplete.LINE:
            return self._flow(
                [one for wish in self._wishes for one in wish], rooms, self._complete is ShipComplete.ORDER
            )
        best = 0, [[0] * len(rooms) for _ in self._quantities]
        return self._lines(0, [], rooms, best)[1]

    def _lines(
        self, start: int, kept: list[int], rooms: Rooms, best: tuple[int, list[list[int]]]
    ) -> tuple[int, list[list[int]]]:
        """The best of what was found and of what the kept demands get with some of the wishes from this one on."""
        self._steps.take()
        if start == len(self._wishes):
            rows = self._flow(kept, rooms, True)
            worth = sum(n * w for row in rows for n, w in zip(row, self._worths, strict=True)) if rows else 0
            return (worth, rows) if rows and worth > best[0] else best
        more = [*kept, *self._wishes[start]]
        if self._flow(more, rooms, True) is not None:
            best = self._lines(start + 1, more, rooms, best)
        wanted = sum(self._quantities[one] for one in kept) + self._wanted[start + 1]
        if self._worth_at_most(wanted, rooms) > best[0]:
            best = self._lines(start + 1, kept, rooms, best)
        return best

    def _flow(self, demands: Sequence[int], rooms: Rooms, must_fill: bool) -> list[list[int]] | None:
        """The best way to divide these demands at will; None when they must be filled and cannot be.

        The places are filled in turn, the best first, each as far as those filled before can stay so: what can be served
        from where is a matroid, so this is best.
        """
        rows = [[0] * len(rooms) for _ in self._quantities]
        missing = [0] * len(self._quantities)
        for one in demands:
            missing[one] = self._quantities[one]
        for place in self._best_first:
            room = rooms[place]
            while room:
                taken = self._push(place, room, demands, rows, missing, {place})
                if not taken:
                    break
                room -= taken
        return None if must_fill and any(missing) else rows

    def _push(
        self, place: int, room: int, demands: Sequence[int], rows: list[list[int]], missing: list[int], met: set[int]
    ) -> int:
        """Take up to so many units more from a place, moving what was taken from others; answer how many it were."""
        for one in demands:
            more = min(room, self._limits[one][place] - rows[one][place])
            if more > 0 and missing[one]:
                more = min(more, missing[one])
                rows[one][place] += more
                missing[one] -= more
                return more
        for one in demands:
            more = min(room, self._limits[one][place] - rows[one][place])
            if more <= 0:
                continue
            for other, units in enumerate(rows[one]):
                if units and other not in met:
                    met.add(other)
                    moved = self._push(other, min(more, units), demands, rows, missing, met)
                    if moved:
                        rows[one][other] -= moved
                        rows[one][place] += moved
                        return moved
        return 0
