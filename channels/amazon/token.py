"""Gets tokens from Login with Amazon: by the refresh token that the seller's authorization gave, each good for an hour."""

from datetime import datetime
from urllib.parse import urlencode

from channels.channel import Conversation, Misfit, Request, Settings, Token
from channels.token import granted, with_token

HEADER = "x-amz-access-token"
PATH = "/auth/o2/token"
LOGIN = "https://api.amazon.com"
CREDENTIALS = ("client_id", "client_secret", "refresh_token")


def token(settings: Settings, at: datetime) -> Conversation[Token]:
    """A new token. Raises `Misfit` when Amazon gives none."""
    content = {"grant_type": "refresh_token"} | {name: settings.credentials[name] for name in CREDENTIALS}
    headers = {"content-type": "application/x-www-form-urlencoded;charset=UTF-8", "accept": "application/json"}
    login = settings.entry.get("login", LOGIN).rstrip("/")
    answer = yield Request("POST", PATH, headers, urlencode(content).encode(), api=login)
    if answer.status != 200:
        raise Misfit(
            f"Amazon gives no token (status {answer.status}): in Seller Central, Apps and Services, Develop Apps, look at the "
            "client id and the client secret under “LWA credentials”, and authorize the app again for a new refresh token"
        )
    return granted(answer, at)


def authorized(token: Token | None, request: Request) -> Request:
    """The request with the token."""
    return with_token(token, request, HEADER)
