"""Random instances of fulfilment after published parameters: 99 cities, 10 centres, 20 items.

The parameters are those of Jasin and Sinha (Operations Research 2015), with which Ma (2023) and Amil, Makhdoumi and Wei
(Management Science 2025) compare, too: a package costs $8.759, a unit in it $0.423 and $0.000541 a mile; a centre holds an item
with probability 0.75; there are five sorts of orders of each size from one to five items, asked for in each city in proportion
to its people. The stock of an item is what the cities that are nearest to its centres are expected to ask for.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Stock = NDArray[np.int64]
"""Units by centre and item."""

ITEMS, SIZE_MAX, SORTS_OF_A_SIZE, HELD = 20, 5, 5, 0.75
PACKAGE, UNIT, UNIT_MILE = 8.759, 0.423, 0.000541
EARTH_MILES = 3958.8

CENTRES = """
Tracy|37.7|-121.4
Moreno Valley|33.9|-117.2
Phoenix|33.4|-112.2
Whitestown|40.0|-86.4
Hazleton|41.3|-75.5
West Columbia|33.9|-81.1
Nashville|36.1|-86.4
Fort Worth|33.0|-97.3
Schertz|29.6|-98.3
Chester|37.4|-77.3
"""
"""Where large warehouses are: name, latitude, longitude."""

CITIES = """
New York, NY|40.7|-73.9|18680; Los Angeles, CA|34.1|-118.4|12531; Chicago, IL|41.8|-87.7|8587
Miami, FL|25.8|-80.2|6076; Dallas, TX|32.8|-96.8|5911; Houston, TX|29.8|-95.4|5724
Philadelphia, PA|40.0|-75.1|5540; Atlanta, GA|33.8|-84.4|5151; Washington, DC|38.9|-77.0|5067
Boston, MA|42.3|-71.1|4466; Phoenix, AZ|33.6|-112.1|4188; Detroit, MI|42.4|-83.1|3731
San Francisco, CA|37.8|-122.4|3558; Seattle, WA|47.6|-122.3|3531; San Diego, CA|32.8|-117.1|3178
Minneapolis, MN|45.0|-93.3|2886; Tampa, FL|28.0|-82.4|2772; Brooklyn, NY|40.7|-73.9|2736
Denver, CO|39.8|-104.9|2709; Queens, NY|40.7|-73.8|2405; Baltimore, MD|39.3|-76.6|2270
Las Vegas, NV|36.2|-115.3|2165; St. Louis, MO|38.6|-90.2|2144; Riverside, CA|33.9|-117.4|2112
Portland, OR|45.5|-122.7|2073; San Antonio, TX|29.5|-98.5|2036; Sacramento, CA|38.6|-121.5|1882
San Juan, PR|18.4|-66.1|1855; San Jose, CA|37.3|-121.8|1797; Orlando, FL|28.5|-81.3|1792
Cleveland, OH|41.5|-81.7|1742; Pittsburgh, PA|40.4|-80.0|1719; Manhattan, NY|40.8|-74.0|1694
Austin, TX|30.3|-97.8|1686; Cincinnati, OH|39.1|-84.5|1685; Indianapolis, IN|39.8|-86.1|1637
Kansas City, MO|39.1|-94.6|1602; Columbus, OH|40.0|-83.0|1548; Charlotte, NC|35.2|-80.8|1526
Virginia Beach, VA|36.7|-76.0|1476; Bronx, NY|40.9|-73.9|1473; Milwaukee, WI|43.1|-88.0|1390
Providence, RI|41.8|-71.4|1204; Jacksonville, FL|30.3|-81.7|1165; Salt Lake City, UT|40.8|-111.9|1136
Nashville, TN|36.2|-86.8|1082; Raleigh, NC|35.8|-78.6|1074; Memphis, TN|35.1|-90.0|1072
Richmond, VA|37.5|-77.5|1025; Louisville, KY|38.2|-85.6|1005; New Orleans, LA|30.1|-89.9|958
Bridgeport, CT|41.2|-73.2|949; Oklahoma City, OK|35.5|-97.5|947; Buffalo, NY|42.9|-78.8|927
Hartford, CT|41.8|-72.7|918; Fort Worth, TX|32.8|-97.3|892; Tucson, AZ|32.2|-110.9|883
McAllen, TX|26.2|-98.2|805; El Paso, TX|31.8|-106.4|798; Omaha, NE|41.3|-96.1|791
Albuquerque, NM|35.1|-106.6|763; Birmingham, AL|33.5|-86.8|754; Sarasota, FL|27.3|-82.5|727
Dayton, OH|39.8|-84.2|724; Rochester, NY|43.2|-77.6|720; Fresno, CA|36.8|-119.8|702
Tulsa, OK|36.1|-95.9|698; Allentown, PA|40.6|-75.5|689; Concord, CA|38.0|-122.0|667
Cape Coral, FL|26.6|-82.0|649; Charleston, SC|32.8|-80.0|645; Colorado Springs, CO|38.9|-104.8|621
Springfield, MA|42.1|-72.5|616; Grand Rapids, MI|43.0|-85.7|615; Ogden, UT|41.2|-112.0|615
Columbia, SC|34.0|-80.9|610; Baton Rouge, LA|30.4|-91.1|605; Knoxville, TN|36.0|-83.9|604
Mission Viejo, CA|33.6|-117.7|601; Albany, NY|42.7|-73.8|591; Akron, OH|41.1|-81.5|570
New Haven, CT|41.3|-72.9|567; Provo, UT|40.2|-111.6|564; Bakersfield, CA|35.4|-119.0|557
Murrieta, CA|33.6|-117.2|524; Des Moines, IA|41.6|-93.6|519; Worcester, MA|42.3|-71.8|516
Mesa, AZ|33.4|-111.7|509; Toledo, OH|41.7|-83.6|499; Palm Bay, FL|28.0|-80.7|497
Staten Island, NY|40.6|-74.1|496; Wichita, KS|37.7|-97.3|485; Harrisburg, PA|40.3|-76.9|472
Long Beach, CA|33.8|-118.2|462; Little Rock, AR|34.7|-92.4|447; Madison, WI|43.1|-89.4|445
Greenville, SC|34.8|-82.4|441; Reno, NV|39.5|-119.8|441; Port St. Lucie, FL|27.3|-80.4|435
"""
"""The largest urban areas of the United States: name, latitude, longitude, thousands of people."""


class Asked(NamedTuple):
    """An order: its sort and its city, by number."""

    sort: int
    city: int


@dataclass(frozen=True)
class Instance:
    """What is there at the beginning, and the orders that come."""

    sorts: tuple[tuple[int, ...], ...]
    """The items of each sort of orders."""
    stock: Stock
    seen: tuple[Asked, ...]
    """The orders of a time before, from which methods learn: as many, of the same distribution."""
    orders: tuple[Asked, ...]
    """The orders to ship."""


def _places(table: str) -> Numbers:
    return np.array(
        [[float(one) for one in place.split("|")[1:]] for place in table.strip().replace("; ", "\n").split("\n")]
    )


def _miles(places: Numbers, others: Numbers) -> Numbers:
    """Great-circle miles from each place to each other one."""
    here, there = np.radians(places[:, None, :2]), np.radians(others[None, :, :2])
    half = np.sin((here - there) / 2) ** 2
    chord = half[..., 0] + np.cos(here[..., 0]) * np.cos(there[..., 0]) * half[..., 1]
    miles: Numbers = 2 * EARTH_MILES * np.arcsin(np.sqrt(chord))
    return miles


_cities = _places(CITIES)
PEOPLE: Numbers = _cities[:, 2] / _cities[:, 2].sum()
"""The share of each city."""
UNIT_COSTS: Numbers = UNIT + UNIT_MILE * _miles(_cities, _places(CENTRES))
"""Dollars for a unit by city and centre."""
CENTRE_COUNT = UNIT_COSTS.shape[1]


def instance(seed: int, orders: int, plenty: float) -> Instance:
    """A random instance; `plenty` multiplies the stock that is expected to be needed."""
    chance = np.random.default_rng(seed)
    held = chance.random((CENTRE_COUNT, ITEMS)) < HELD
    for item in np.flatnonzero(~held.any(axis=0)):
        held[chance.integers(CENTRE_COUNT), item] = True
    sorts, shares = _sorts(chance)
    stock = _stock(sorts, shares, held, orders * plenty)
    joint = np.outer(shares, PEOPLE).ravel()

    def drawn() -> tuple[Asked, ...]:
        numbers = chance.choice(len(joint), orders, p=joint)
        return tuple(Asked(*divmod(int(number), len(PEOPLE))) for number in numbers)

    return Instance(sorts, stock, drawn(), drawn())


def _sorts(chance: np.random.Generator) -> tuple[tuple[tuple[int, ...], ...], Numbers]:
    """The sorts of orders, and the share of each."""
    sizes = chance.integers(1, 1000, SIZE_MAX).astype(np.float64)
    sorts: list[tuple[int, ...]] = []
    shares: list[float] = []
    for size in range(1, SIZE_MAX + 1):
        possible = list(combinations(range(ITEMS), size))
        sorts += [possible[number] for number in chance.choice(len(possible), SORTS_OF_A_SIZE, replace=False)]
        weights = chance.random(SORTS_OF_A_SIZE)
        shares += list(weights / weights.sum() * sizes[size - 1] / sizes.sum())
    return tuple(sorts), np.array(shares)


def _stock(sorts: tuple[tuple[int, ...], ...], shares: Numbers, held: NDArray[np.bool_], orders: float) -> Stock:
    """What the cities nearest to each centre that holds an item are expected to ask for, rounded up."""
    stock = np.zeros(held.shape, dtype=np.int64)
    for item in range(ITEMS):
        nearest = np.where(held[:, item], UNIT_COSTS, np.inf).argmin(axis=1)
        share = sum(share for sort, share in zip(sorts, shares, strict=True) if item in sort)
        for centre in np.flatnonzero(held[:, item]):
            stock[centre, item] = np.ceil(orders * share * PEOPLE[nearest == centre].sum())
    return stock
