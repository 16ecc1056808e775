"""A webhook is genuine when one of the app's secrets signed its very bytes, for the shop of the connection."""

import hashlib
import hmac
from base64 import b64encode
from dataclasses import replace

import pytest

from channels.channel import Settings
from channels.shopify import signature
from tests.channels.shopify_orders import settings

BODY = b'{"id": 820982911946154508, "note": "\xc3\xa9"}'
SIGNED = b64encode(hmac.new(b"hush", BODY, hashlib.sha256).digest()).decode()
BOTH = ("X-Shopify-", "shopify-")


def headers(prefix: str, shop: str = "acme.myshopify.com", sign: str = SIGNED) -> dict[str, str]:
    """The headers of a webhook, in one of Shopify's two spellings."""
    return {
        f"{prefix}Hmac-Sha256": sign,
        f"{prefix}Shop-Domain": shop,
        f"{prefix}Topic": "orders/create",
        f"{prefix}Event-Id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        f"{prefix}Webhook-Id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
    }


@pytest.mark.parametrize("prefix", BOTH)
def test_what_the_shop_signed_is_genuine_under_both_names_of_the_headers(prefix: str) -> None:
    assert signature.is_genuine(settings(), headers(prefix), BODY)
    lower = {name.lower(): value for name, value in headers(prefix).items()}
    assert signature.is_genuine(settings(), lower, BODY)


@pytest.mark.parametrize("prefix", BOTH)
def test_another_byte_another_shop_or_no_signature_is_a_forgery(prefix: str) -> None:
    assert not signature.is_genuine(settings(), headers(prefix), BODY + b" ")
    assert not signature.is_genuine(settings(), headers(prefix, shop="other.myshopify.com"), BODY)
    assert not signature.is_genuine(settings(), headers(prefix, shop=""), BODY)
    assert not signature.is_genuine(settings(), headers(prefix, sign=""), BODY)
    assert not signature.is_genuine(settings(), headers(prefix, sign="é"), BODY)
    assert not signature.is_genuine(settings(), {}, BODY)


def rotated(**secrets: str) -> Settings:
    """A connection whose secret is being rotated."""
    return replace(settings(), credentials={"client_id": "id"} | secrets)


def test_while_a_secret_is_rotated_both_are_taken_and_no_third_one() -> None:
    signed = headers("X-Shopify-")
    assert signature.is_genuine(rotated(client_secret="new", client_secret_before="hush"), signed, BODY)
    assert signature.is_genuine(rotated(client_secret="hush", client_secret_before="old"), signed, BODY)
    assert not signature.is_genuine(rotated(client_secret="new", client_secret_before="old"), signed, BODY)
    assert not signature.is_genuine(rotated(client_secret="new", client_secret_before=""), signed, BODY)


def test_a_connection_without_a_secret_takes_nothing() -> None:
    nothing = b64encode(hmac.new(b"", BODY, hashlib.sha256).digest()).decode()
    assert not signature.is_genuine(rotated(client_secret=""), headers("X-Shopify-", sign=nothing), BODY)
    assert not signature.is_genuine(rotated(), headers("X-Shopify-", sign=nothing), BODY)


@pytest.mark.parametrize("prefix", BOTH)
def test_all_deliveries_of_an_event_have_one_id(prefix: str) -> None:
    known = ("orders/create", "98880550-7158-44d4-b7cd-2c97c8a091b5")
    assert signature.event_id(headers(prefix), BODY) == known
    again = headers(prefix) | {f"{prefix}Webhook-Id": "another delivery"}
    assert signature.event_id(again, BODY) == known


def test_an_event_without_an_id_is_known_by_its_bytes_and_topic() -> None:
    def known(topic: str, body: bytes) -> str:
        return signature.event_id({"X-Shopify-Topic": topic}, body)[1]

    assert known("orders/create", BODY) == known("orders/create", BODY)
    assert known("orders/create", BODY) != known("orders/updated", BODY)
    assert known("orders/create", BODY) != known("orders/create", BODY + b" ")
