"""Reads tokens that a channel grants, and puts them into requests."""

from dataclasses import replace
from datetime import datetime, timedelta

from channels.channel import Answer, Request, Token
from channels.given import Given, fitting, parsed


class _Granted(Given):
    access_token: str
    expires_in: int


def granted(answer: Answer, at: datetime) -> Token:
    """The token that an answer grants (RFC 6749, 5.1) to a request that was made `at`. Raises `Misfit`."""
    found = fitting(_Granted, parsed(answer.body))
    return Token(found.access_token, at + timedelta(seconds=found.expires_in))


def with_token(token: Token | None, request: Request, header: str) -> Request:
    """The request with the token in this header; as it is without a token."""
    if token is None:
        return request
    return replace(request, headers=dict(request.headers) | {header: token.secret})
