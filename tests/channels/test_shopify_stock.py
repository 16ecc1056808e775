"""Stock levels of a shop converge and end: compared, never above what is there, at most 250 in a request."""

from collections.abc import Mapping

from channels.channel import Later, Level, Refused
from channels.shopify.stock import stock
from tests.channels.shopify_orders import settings
from tests.channels.shopify_shop import Shop, run


def a_shop(**levels: int) -> Shop:
    """A shop with these levels at our location."""
    return Shop(levels=dict(levels), skus=tuple(levels))


def push(shop: Shop, *levels: Level, key: str = "k1") -> Mapping[str, int]:
    """Send levels."""
    answer = run(stock(settings(), key, levels), shop)
    assert isinstance(answer, Mapping), answer
    return answer


def test_a_level_is_set_and_an_equal_one_is_not() -> None:
    shop = a_shop(TEE=3, MUG=7)
    assert push(shop, Level("TEE", 10, 3), Level("MUG", 7, None)) == {"TEE": 10, "MUG": 7}
    assert [change.split()[:2] for change in shop.changes] == [["SetQuantities", "1"]]
    assert push(shop, Level("TEE", 10, 10), Level("MUG", 7, 7)) == {"TEE": 10, "MUG": 7}
    assert len(shop.changes) == 1


def test_an_item_that_our_location_does_not_stock_yet_is_activated_with_its_level() -> None:
    shop = Shop(skus=("TEE",))
    assert push(shop, Level("TEE", 10, None)) == {"TEE": 10}
    assert [change.split()[:2] for change in shop.changes] == [["Activate", "10"]]


def test_an_item_is_found_by_its_variant_too_and_an_unknown_one_is_left_out() -> None:
    shop = a_shop(TEE=3, MUG=7)
    assert push(shop, Level("variant:2", 1, None), Level("1", 2, None), Level("NONE", 5, None)) == {
        "variant:2": 1,
        "1": 2,
    }
    assert shop.levels == {"MUG": 1, "TEE": 2}


def test_a_thousand_levels_take_four_requests_to_set() -> None:
    names = [f"SKU {number:04}" for number in range(1000)]
    shop = Shop(levels=dict.fromkeys(names, 0), skus=tuple(names))
    assert set(push(shop, *(Level(name, 5, 0) for name in names)).values()) == {5}
    assert [change.split()[:2] for change in shop.changes] == [["SetQuantities", "250"]] * 4
    assert shop.requests == 20 + 4


def test_a_sale_between_reading_and_setting_is_read_again_and_not_overwritten() -> None:
    def sell_once(shop: Shop) -> None:
        if shop.levels["TEE"] == 10:
            shop.levels["TEE"] = 8

    shop = a_shop(TEE=10, MUG=1)
    shop.before_setting = sell_once
    assert push(shop, Level("TEE", 15, 10), Level("MUG", 4, 1)) == {"TEE": 8, "MUG": 4}
    assert shop.levels == {"TEE": 8, "MUG": 4}


def test_units_that_the_shop_sold_and_we_may_not_know_are_not_offered_again() -> None:
    shop = a_shop(TEE=9)
    assert push(shop, Level("TEE", 15, 10)) == {"TEE": 9}
    assert push(shop, Level("TEE", 3, 10), key="k2") == {"TEE": 9}


def test_what_stands_there_is_the_number_that_the_next_push_compares() -> None:
    shop = a_shop(TEE=9)
    stands = push(shop, Level("TEE", 14, 10))
    assert push(shop, Level("TEE", 13, stands["TEE"]), key="k2") == {"TEE": 13}


def test_a_shop_that_sells_all_the_time_is_answered_with_what_stands_there_and_it_ends() -> None:
    def sell(shop: Shop) -> None:
        shop.levels["TEE"] -= 1

    shop = a_shop(TEE=100)
    shop.before_setting = sell
    assert push(shop, Level("TEE", 150, 100)) == {"TEE": 99}
    assert shop.changes == []


def test_the_same_content_has_the_same_key_and_another_one_another() -> None:
    def key_of(available: int, key: str = "k1") -> str:
        shop = a_shop(TEE=3)
        push(shop, Level("TEE", available, 3), key=key)
        return shop.changes[0].split()[2]

    assert key_of(10) == key_of(10)
    assert len({key_of(10), key_of(11), key_of(10, "k2")}) == 3


def test_a_throttled_or_refusing_shop_is_said() -> None:
    shop = a_shop(TEE=3)
    shop.throttled = 1
    assert isinstance(run(stock(settings(), "k1", [Level("TEE", 10, 3)]), shop), Later)
    shop.refuses["SetQuantities"] = "The location is not active."
    answer = run(stock(settings(), "k1", [Level("TEE", 10, 3)]), shop)
    assert answer == Refused("id: The location is not active.")


def test_in_mode_each_a_level_is_that_of_its_location() -> None:
    shop = a_shop(TEE=3)
    each = settings({"connected_at": "2026-01-01T00:00:00+00:00"}, mode="each", locations={"78": "ber"})
    assert run(stock(each, "k1", [Level("TEE", 10, 3, "78")]), shop) == {"TEE": 10}
    assert shop.locations == {"gid://shopify/Location/78"}
