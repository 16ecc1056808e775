"""Gets tokens for a shop: by the client credentials of an app of the shop's own, each good for a day."""

import json
from datetime import datetime

from channels.channel import Conversation, Misfit, Request, Settings, Token
from channels.token import granted, with_token

HEADER = "x-shopify-access-token"


def token(settings: Settings, at: datetime) -> Conversation[Token]:
    """A new token. Raises `Misfit` when Shopify gives none."""
    content = {name: settings.credentials[name] for name in ("client_id", "client_secret")}
    body = json.dumps(content | {"grant_type": "client_credentials"}).encode()
    headers = {"content-type": "application/json", "accept": "application/json"}
    answer = yield Request("POST", "/admin/oauth/access_token", headers, body)
    if answer.status != 200:
        raise Misfit(
            f"Shopify gives no token (status {answer.status}): check the client id and the secret in the Dev Dashboard, "
            "under the app's Settings, and that the app is installed in this shop"
        )
    return granted(answer, at)


def authorized(token: Token | None, request: Request) -> Request:
    """The request with the token."""
    return with_token(token, request, HEADER)
