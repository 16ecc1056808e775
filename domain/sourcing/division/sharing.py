"""Divides stock among demands that are alike, exactly."""

from collections.abc import Iterator, Sequence

from domain.network import ShipComplete
from domain.sourcing.division.demand import Steps

Rooms = tuple[int, ...]
"""Units that may still be taken, by place; a place is a node of the division at hand."""


class Sharing:
    """One search for the best division among demands that are alike.

    A batch is a list of demands of which all or none must be filled.
    """

    def __init__(
        self,
        quantities: list[int],
        limits: list[list[int]],
        worths: list[int],
        batches: Sequence[Sequence[int]],
        complete: ShipComplete,
        steps: Steps,
    ) -> None:
        """`limits` is by demand and place; `worths` by place: the value of a unit from there, always more than 0."""
        self._quantities, self._limits, self._worths, self._batches = quantities, limits, worths, batches
        self._complete, self._steps = complete, steps
        self._best_first = sorted(range(len(worths)), key=worths.__getitem__, reverse=True)
        self._wanted = [
            sum(quantities[one] for batch in batches[start:] for one in batch) for start in range(len(batches))
        ]
        """By batch: units of it and of all later ones."""
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
        """The most that this and later batches are worth, and (demand, place, units) of each demand that is served."""
        if start == len(self._batches):
            return 0, ()
        key = start, rooms
        if key in self._known:
            return self._known[key]
        self._steps.take()
        best: tuple[int, tuple[tuple[int, int, int], ...]] | None = None
        for worth, left, taken in self._ways(self._batches[start], rooms):
            if best is not None and worth + self._worth_at_most(self._wanted[start + 1], left) <= best[0]:
                continue
            later = self._whole_from(start + 1, left)
            if later is not None and (best is None or worth + later[0] > best[0]):
                best = worth + later[0], taken + later[1]
        self._known[key] = best
        return best

    def _worth_at_most(self, wanted: int, rooms: Rooms) -> int:
        """The most that these units are worth, as if they could be divided without limits."""
        worth = 0
        for place in self._best_first:
            if not wanted:
                break
            units = min(wanted, rooms[place])
            worth += units * self._worths[place]
            wanted -= units
        return worth

    def _ways(self, batch: Sequence[int], rooms: Rooms) -> list[tuple[int, Rooms, tuple[tuple[int, int, int], ...]]]:
        """The ways to serve a batch: value, rooms left, and (demand, place, units); the best first.

        Where units count one by one, a demand takes all that it can from its place: a unit that it left would be worth the
        same to another demand, not more. For the same reason it takes none only where there is none.
        """
        ways = sorted(self._served(batch, rooms), key=lambda way: -way[0])
        if self._complete is ShipComplete.LINE or (self._complete is ShipComplete.NO and not ways):
            ways.append((0, rooms, ()))
        return ways

    def _served(
        self, batch: Sequence[int], rooms: Rooms
    ) -> Iterator[tuple[int, Rooms, tuple[tuple[int, int, int], ...]]]:
        if not batch:
            yield 0, rooms, ()
            return
        one, quantity = batch[0], self._quantities[batch[0]]
        for place, (room, limit) in enumerate(zip(rooms, self._limits[one], strict=True)):
            units = min(room, limit, quantity)
            if units == quantity or (units and self._complete is ShipComplete.NO):
                left = (*rooms[:place], room - units, *rooms[place + 1 :])
                for worth, rest, taken in self._served(batch[1:], left):
                    yield worth + units * self._worths[place], rest, ((one, place, units), *taken)

    def split(self, rooms: Rooms) -> list[list[int]] | None:
        """Units by demand and place where a demand may come from several places; None as for `whole`."""
        if self._complete is not ShipComplete.LINE:
            return self._flow(
                [one for batch in self._batches for one in batch], rooms, self._complete is ShipComplete.ORDER
            )
        best = 0, [[0] * len(rooms) for _ in self._quantities]
        return self._lines(0, [], rooms, best)[1]

    def _lines(
        self, start: int, kept: list[int], rooms: Rooms, best: tuple[int, list[list[int]]]
    ) -> tuple[int, list[list[int]]]:
        """The better of what was found and of what the kept demands get with some of this and later batches."""
        self._steps.take()
        if start == len(self._batches):
            rows = self._flow(kept, rooms, True)
            worth = sum(n * w for row in rows for n, w in zip(row, self._worths, strict=True)) if rows else 0
            return (worth, rows) if rows and worth > best[0] else best
        more = [*kept, *self._batches[start]]
        if self._flow(more, rooms, True) is not None:
            best = self._lines(start + 1, more, rooms, best)
        wanted = sum(self._quantities[one] for one in kept) + self._wanted[start + 1]
        if self._worth_at_most(wanted, rooms) > best[0]:
            best = self._lines(start + 1, kept, rooms, best)
        return best

    def _flow(self, demands: Sequence[int], rooms: Rooms, must_fill: bool) -> list[list[int]] | None:
        """The best division of these demands where each may be split; None when they must be filled and cannot be.

        The places are filled in turn, the best first, each as far as the ones before stay filled: the sets of units that
        can be served are a matroid, so this is best.
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
        """Take up to `room` more units from a place, moving units taken elsewhere; answers how many were taken."""
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
