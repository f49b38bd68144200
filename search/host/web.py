"""Requests to servers that our account goes along with: what answers is read up to a bound, and no
redirection is followed, which would take the account to another host.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener


class _Stay(HTTPRedirectHandler):
    """Follows no redirection: it is an answer as any other."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered, whatever its status is."""

    status: int
    headers: Message
    body: bytes


def make_opener() -> OpenerDirector:
    """What opens requests, through the proxies that the environment names now."""
    return build_opener(_Stay)


def send_request(opener: OpenerDirector, request: Request, seconds: float, most: int) -> Answer:
    """The answer to a request, its body cut after `most` bytes.

    Raises OSError or http.client.HTTPException if there is none within `seconds`.
    """
    try:
        answer = opener.open(request, timeout=seconds)
    except HTTPError as error:
        answer = error
    with answer:
        return Answer(status=answer.status, headers=answer.headers, body=answer.read(most))
