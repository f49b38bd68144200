"""What `ventral ui` serves: the campaigns at `/`, what each of them found below `/reports/`, and
MLflow's own page below `/mlflow/`.

An ASGI application around MLflow's. It decides three things before MLflow sees a request:

- who may ask: the host that the browser believes to talk to is this machine (DNS rebinding), and
  a page that asks by script is one of ours (no other page in the browser, on whatever port);
- what may be changed: notes and tags. The store is the truth about trials, so no user makes or
  removes runs, experiments or files here, or starts MLflow's assistant, gateway and jobs;
- how MLflow's page opens: as model training, with our columns, in a browser that was never there.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from search.host.home import Home
from search.mirror import landing
from search.mirror.experiments import table_state
from search.store import Store
from space.errors import VentralError

BELOW = "/mlflow"

_API = re.compile(r"/(?:ajax-)?api/\d+\.\d+/mlflow/(?P<call>.+)")

SEARCHES = frozenset(
    f"{kind}/search"
    for kind in ("experiments", "runs", "logged-models", "traces", "datasets", "issues")
) | {
    "experiments/search-datasets",
    "registered-models/get-latest-versions",
    "traces/batchGetInfos",
    "traces/metrics",
    "traces/calculate-filter-correlation",
}
"""Calls that only read, though they are POST requests."""

EDITS = frozenset(
    {
        "runs/set-tag",
        "runs/delete-tag",
        "experiments/set-experiment-tag",
        "experiments/delete-experiment-tag",
    }
)
"""Calls that change what people may change here: notes, tags, and saved views, which are tags."""

_CLOSED = re.compile(r"/(assistant|gateway|gateway-proxy|jobs|mcp-servers|webhooks)(/|$)")
"""Parts of MLflow that run programs or call other servers, reading requests included."""


class Pages:
    """The application. `hosts` are the names, without port, by which it may be called.

    A name that begins with `*.` stands for all names that end so. Addresses always may: a page
    of another site is never at an address of this machine.
    """

    def __init__(
        self, mlflow: ASGIApp, tracking: str, *, store_url: str, home: str, hosts: Collection[str]
    ) -> None:
        self._mlflow, self._tracking, self._home = mlflow, tracking, home
        self._store_url, self._hosts = store_url, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._mlflow(scope, receive, send)
            return
        if below := scope["path"].startswith(f"{BELOW}/"):
            scope = _at(scope, scope["path"].removeprefix(BELOW))
        method, path = scope["method"], scope["path"]
        refusal = self._refuse(method, path, Headers(scope=scope))
        if refusal is not None:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)
        elif path == "/" and method in ("GET", "HEAD"):
            answer = await (self._front(scope, receive) if below else self._campaigns())
            await answer(scope, receive, send)
        elif path.startswith("/reports/") and method in ("GET", "HEAD") and not below:
            answer = await run_in_threadpool(self._report, path.removeprefix("/reports/"))
            await answer(scope, receive, send)
        elif path == BELOW:
            await RedirectResponse(f"{BELOW}/")(scope, receive, send)
        else:
            # Judged above; MLflow's own list of origins knows this machine's loopback alone.
            await self._mlflow(_without(scope, b"origin"), receive, send)

    def _refuse(self, method: str, path: str, headers: Headers) -> str | None:
        """Why a request is not answered; None if it is."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not matches_host(host, self._hosts):
            return (
                "This server is not known by that name: start it with "
                "`ventral ui --allowed-hosts NAME`."
            )
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "Only this server's own pages may ask here."
        if _CLOSED.search(path):
            return "`ventral ui` has no such service."
        if method not in ("GET", "HEAD") and not is_allowed(method, path):
            return "`ventral ui` changes notes and tags alone."
        return None

    async def _campaigns(self) -> Response:
        headers = {"Content-Security-Policy": landing.POLICY, "Cache-Control": "no-store"}
        text, status = await run_in_threadpool(self._read)
        return HTMLResponse(text, status, headers)

    def _read(self) -> tuple[str, int]:
        """The page of campaigns, and its HTTP status."""
        try:
            if landing.is_missing(self._store_url):
                return landing.page([], self._home), 200
            store: Store = Store.open(self._store_url, create=False)
            try:
                home = Home(path=Path(self._home))
                lines = landing.read_lines(store, self._tracking, home)
                return landing.page(lines, self._home), 200
            finally:
                store.close()
        except VentralError as error:
            return landing.failure(str(error)), 500

    def _report(self, campaign_id: str) -> Response:
        """The report of a campaign, as a page that can reach nothing of this server's."""
        file = landing.find_report(Home(path=Path(self._home)), campaign_id)
        if file is None:
            return PlainTextResponse(
                "There is no such report: `ventral report CAMPAIGN` writes one.", 404
            )
        return HTMLResponse(file.read_bytes(), headers=_ALONE)

    async def _front(self, scope: Scope, receive: Receive) -> Response:
        """MLflow's page, in which our script runs before its own ones."""
        start, body = await _collect(self._mlflow, _without(scope, *_CONDITIONS), receive)
        headers = MutableHeaders(raw=start["headers"])
        for name in ("content-length", "etag", "last-modified", "accept-ranges", "date"):
            del headers[name]
        headers["cache-control"] = "no-cache"
        script = f"<style>{STYLE}</style><script>{SCRIPT}</script>".encode()
        # Where there is no head, the script is one in the body, and still runs first.
        at = re.search(rb"<head[^>]*>|$", body)
        assert at is not None
        body = body[: at.end()] + script + body[at.end() :]
        return Response(body, start["status"], dict(headers))


_ALONE = {
    "Content-Security-Policy": "sandbox allow-scripts allow-downloads allow-modals",
    "Cache-Control": "no-cache",
}
"""Headers of a report: whatever is written in it has an origin of its own, and no network."""

_CONDITIONS = (b"if-none-match", b"if-modified-since", b"range", b"accept-encoding")
"""Headers for which MLflow would not send the whole page as it is."""


def matches_host(host: str, names: Collection[str]) -> bool:
    """Whether a Host header is one of `names` or an address, with or without a port."""
    name = re.sub(r":\d*$", "", host).lower().rstrip(".")
    with suppress(ValueError):
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        return True
    if name in names:
        return True
    return any(known.startswith("*.") and name.endswith(known[1:]) for known in names)


def is_allowed(method: str, path: str) -> bool:
    """Whether a request that does more than read may be passed on to MLflow."""
    if path == "/graphql":
        return True  # MLflow has queries alone there
    match = _API.fullmatch(path)
    return method == "POST" and match is not None and match["call"] in SEARCHES | EDITS


def _at(scope: Scope, path: str) -> Scope:
    raw = scope.get("raw_path", b"").removeprefix(BELOW.encode())
    return {**scope, "path": path, "raw_path": raw}


def _without(scope: Scope, *names: bytes) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name not in names]
    return {**scope, "headers": headers}


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """The start of an application's answer, and its whole body."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(_as_get(scope), receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


def _as_get(scope: Scope) -> dict[str, Any]:
    return {**scope, "method": "GET"}


STYLE = "[data-assistant-ui] { display: none !important; }"
"""MLflow's assistant, which is not served, has a button on every page."""

_STATE = json.dumps(json.dumps(table_state()))

SCRIPT = f"""(() => {{
{landing.REMEMBER}
// Which columns an experiment opens with is kept in the browser, for each experiment: the first
// time that a person opens one, by any link, they are ours. MLflow's own first page, of
// which most is about language models, is the page of campaigns here.
const arrive = (address) => {{
  try {{
    const [path, query] = new URL(address, location.href).hash.slice(1).split("?");
    if (path === "" || path === "/") location.replace("../");
    const [, kind, id] = /^\\/(experiments|compare-experiments)\\/([^/]+)/.exec(path) || [];
    if (!kind) return;
    const ids = kind === "experiments"
      ? [decodeURIComponent(id)] : JSON.parse(new URLSearchParams(query).get("experiments"));
    const scope = JSON.stringify(ids.sort());
    const key = "MLflowLocalStorage-1.1-ExperimentPage-" + scope + "-ReactComponentState";
    if (localStorage.getItem(key) === null) localStorage.setItem(key, {_STATE});
  }} catch (refused) {{ /* a browser without storage, or an address that is none */ }}
}};
for (const name of ["pushState", "replaceState"]) {{
  const plain = history[name];
  history[name] = function (state, title, address) {{
    if (address !== undefined && address !== null) arrive(address);
    return plain.apply(this, arguments);
  }};
}}
addEventListener("popstate", () => arrive(location.href));
addEventListener("hashchange", () => arrive(location.href));
arrive(location.href);
}})();"""
"""What runs in MLflow's page before its own scripts."""
