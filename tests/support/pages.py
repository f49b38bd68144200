"""Pages of `ventral ui` asked without a server, and what stands in the HTML that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from search.mirror.pages import Pages


@dataclass(frozen=True)
class Answer:
    """What came back: `passed` is the request that MLflow got, if it got one."""

    status: int
    headers: Mapping[str, str]
    body: str
    passed: dict[str, Any] | None


class MLflow:
    """In the place of MLflow: keeps the request, and answers with a page."""

    def __init__(self) -> None:
        self.request: dict[str, Any] | None = None

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer as an application of ASGI does."""
        self.request = dict(scope)
        headers = [(b"etag", b"1"), (b"content-length", b"49")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        body = b"<!doctype html><html><head><script>1</script></head>"
        await send({"type": "http.response.body", "body": body})


def ask(
    method: str = "GET",
    path: str = "/mlflow/",
    host: str = "localhost:5000",
    names: tuple[str, ...] = ("localhost", "lab", "*.example.org"),
    store: str = "sqlite:////nowhere/store.db",
    home: str = "/the/home",
    **headers: str,
) -> Answer:
    """One request to pages around a stub."""
    mlflow, said = MLflow(), list[MutableMapping[str, Any]]()
    pages = Pages(mlflow, "sqlite:///m.db", store_url=store, home=home, hosts=names)
    given = {"host": host} | {key.replace("_", "-"): value for key, value in headers.items()}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(key.encode(), value.encode()) for key, value in given.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    asyncio.run(pages(scope, receive, send))
    return Answer(
        said[0]["status"],
        {key.decode(): value.decode() for key, value in said[0]["headers"]},
        b"".join(message.get("body", b"") for message in said[1:]).decode(),
        mlflow.request,
    )


class Tags(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each element."""
        self.elements.append((tag, dict(attrs)))
