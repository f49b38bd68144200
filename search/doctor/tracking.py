"""MLflow: a server that answers and takes our account, or a database of this MLflow's schema."""

from __future__ import annotations

import configparser
import http.client
import json
import sqlite3
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit
from urllib.request import Request

from search.doctor.protocol import Fault, Place, Verdict
from search.doctor.running import first_line
from search.host.home import Home, is_server, sqlite_file
from search.host.web import Answer, make_opener, send_request
from search.mirror.database import revision as read_revision
from search.mirror.database import revisions
from search.store.looking import read_mlflow_revision
from space.documents.outside import redact
from space.errors import InputError

ANSWER_BYTES = 1_000_000
REQUEST_SECONDS = 15.0

Kind = Literal["none", "database", "server", "other"]


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """The MLflow of a home.

    Of a database: `revision` is its schema, `newest` that of the MLflow here, which knows it or
    not (`known`). Of a server: the `status` of a request with our account, its `release`. `error`
    is why there was no answer.
    """

    address: str
    kind: Kind
    error: str | None = None
    revision: str | None = None
    newest: str = ""
    known: bool = True
    status: int | None = None
    release: str | None = None
    ours: str = ""
    account: bool = False


class TrackingCheck:
    """MLflow."""

    name = "mlflow"
    about = "MLflow's server (it answers, and takes the account here) or its database's schema"
    drives, trains, seconds = True, False, 60.0

    away = Fault(
        status="fail",
        problem="MLflow at {address} does not answer: {error}",
        cure="start its server, or correct MLFLOW_TRACKING_URI; campaigns go on without it, and "
        "send their runs once it is back",
    )
    account = Fault(
        status="fail",
        problem="MLflow at {address} refuses {whose} ({status})",
        cure="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to an account there that "
        "may write",
    )
    stranger = Fault(
        status="fail",
        problem="what answers at {address} is not MLflow ({status})",
        cure="write the address of MLflow's server into MLFLOW_TRACKING_URI, without a path",
    )
    other = Fault(
        status="warning",
        problem="MLflow at {address} is of version {release}, and here is {ours}",
        cure="install one version of MLflow on both sides",
    )
    broken = Fault(
        status="fail",
        problem="MLflow's database {address} cannot be used: {error}",
        cure="a file in the home may be moved away: all that the store knows is sent again; "
        "another is restored from a copy",
    )
    due = Fault(
        status="fail",
        problem="MLflow's database {address} has schema {revision}; a migration to {newest} is "
        "due",
        cure="stop all that write to it, keep a copy, and run `mlflow db upgrade`; one in the "
        "home is brought up to date by the next campaign",
    )
    newer = Fault(
        status="fail",
        problem="MLflow's database {address} has schema {revision}, which a newer MLflow wrote",
        cure="pip install --upgrade mlflow",
    )
    unknown = Fault(
        status="warning",
        problem="{address} is neither a server nor a database: it was not looked at",
        cure="write the address of a server or a database into MLFLOW_TRACKING_URI, or unset it",
    )
    faults = (away, account, stranger, other, broken, due, newer, unknown)

    def gather(self, place: Place) -> Tracking:
        """The facts, as far as they can be had."""
        home = place.home
        address, ours = home.tracking_label, version("mlflow")
        scheme = home.tracking_uri.partition("://")[0].partition("+")[0]
        if is_server(home.tracking_uri) and scheme != "databricks":
            return ask_server(home, place.environ, ours)
        if scheme in ("sqlite", "postgresql"):
            return look_at_database(home, ours)
        return Tracking(address=address, kind="other", ours=ours)

    def judge(self, facts: Tracking) -> Iterator[Verdict]:
        """What is wrong with them."""
        address = facts.address
        if facts.kind == "other":
            yield self.unknown.fill(address=address)
        elif facts.kind == "server":
            yield from self._judge_server(facts)
        elif facts.error is not None:
            yield self.broken.fill(address=address, error=facts.error)
        elif facts.revision is not None and not facts.known:
            yield self.newer.fill(address=address, revision=facts.revision)
        elif facts.revision is not None and facts.revision != facts.newest:
            yield self.due.fill(address=address, revision=facts.revision, newest=facts.newest)

    def _judge_server(self, facts: Tracking) -> Iterator[Verdict]:
        address = facts.address
        if facts.error is not None:
            yield self.away.fill(address=address, error=facts.error)
        elif facts.status in (401, 403):
            whose = "the account here" if facts.account else "who has no account"
            yield self.account.fill(address=address, whose=whose, status=facts.status)
        elif facts.status != 200:
            yield self.stranger.fill(address=address, status=facts.status)
        elif facts.release and facts.release.split(".")[0] != facts.ours.split(".")[0]:
            yield self.other.fill(address=address, release=facts.release, ours=facts.ours)

    def describe(self, facts: Tracking) -> str:
        """The facts in a line, where nothing is wrong."""
        if facts.kind == "none" or (facts.kind == "database" and facts.revision is None):
            return "no database yet: the first campaign makes it"
        if facts.kind == "database":
            return f"{facts.address}, schema {facts.revision}"
        account = ", takes the account here" if facts.account else ""
        return f"{facts.address} answers{account}; MLflow {facts.release or 'of unknown version'}"


def look_at_database(home: Home, ours: str) -> Tracking:
    """The database that runs are written into directly."""
    file, address = sqlite_file(home.tracking_uri), home.tracking_label
    if file is not None and not (file.exists() and file.stat().st_size):
        return Tracking(address=address, kind="none", ours=ours)
    newest, known = revisions()
    try:
        if file is not None:
            revision = read_revision(file)
        else:
            revision = read_mlflow_revision(home.tracking_uri)
    except (sqlite3.Error, InputError) as error:
        text = getattr(error, "problem", None) or first_line(error)
        return Tracking(address=address, kind="database", error=redact(text), ours=ours)
    if file is not None and revision is None:
        problem = "it holds no tables of MLflow"
        return Tracking(address=address, kind="database", error=problem, ours=ours)
    return Tracking(
        address=address,
        kind="database",
        revision=revision,
        newest=newest,
        known=revision in known,
        ours=ours,
    )


def ask_server(home: Home, environ: Mapping[str, str], ours: str) -> Tracking:
    """What the server says to a request with the account of this environment, and its version."""
    address = home.tracking_label
    base = address.rstrip("/")  # an account in the address is sent as any other
    headers = make_headers(environ) or read_account(home.tracking_uri)
    try:
        search = json.dumps({"max_results": 1}).encode()
        answer = _ask(f"{base}/api/2.0/mlflow/experiments/search", headers, search)
        status = 404 if answer.status == 200 and not _is_answer(answer.body) else answer.status
        release = None
        if status == 200:
            number = _ask(f"{base}/version", headers)
            text = number.body.decode(errors="replace").strip()[:40]
            release = text if number.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        text = redact(str(getattr(reason, "strerror", None) or reason))
        return Tracking(address=address, kind="server", error=text, ours=ours)
    return Tracking(
        address=address,
        kind="server",
        status=status,
        release=release,
        ours=ours,
        account="Authorization" in headers,
    )


def make_headers(environ: Mapping[str, str], home: Path | None = None) -> dict[str, str]:
    """The headers of our account, taken from where MLflow's client takes it."""
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    name = environ.get("MLFLOW_TRACKING_USERNAME")
    word = environ.get("MLFLOW_TRACKING_PASSWORD")
    if name is None or word is None:
        stored = configparser.ConfigParser(interpolation=None)
        try:
            stored.read((home or Path.home()) / ".mlflow" / "credentials")
        except (configparser.Error, UnicodeDecodeError):
            return {}
        name = name or stored.get("mlflow", "mlflow_tracking_username", fallback=None)
        word = word or stored.get("mlflow", "mlflow_tracking_password", fallback=None)
    if name is None or word is None:
        return {}
    return _make_basic(name, word)


def read_account(address: str) -> dict[str, str]:
    """The header of the account that an address holds; none without one."""
    parts = urlsplit(address)
    if parts.username is None or parts.password is None:
        return {}
    return _make_basic(unquote(parts.username), unquote(parts.password))


def _make_basic(name: str, word: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{name}:{word}'.encode()).decode()}"}


def _ask(address: str, headers: Mapping[str, str], data: bytes | None = None) -> Answer:
    """The answer to a request. Raises OSError or HTTPException without one."""
    kinds = {} if data is None else {"Content-Type": "application/json"}
    return _send(Request(address, data=data, headers=dict(headers) | kinds))


def _send(request: Request) -> Answer:
    return send_request(make_opener(), request, REQUEST_SECONDS, ANSWER_BYTES)


def _is_answer(body: bytes) -> bool:
    """Whether a body is MLflow's answer to a search: an object, empty where nothing is found."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and set(answer) <= {"experiments", "next_page_token"}


def read_clock(address: str) -> tuple[float, float, float] | None:
    """The clock of a web server by its header (whole seconds), and the times here just before and
    after; None if it does not answer or says no time.
    """
    before = time.time()
    try:
        stamp = _send(Request(address, method="HEAD")).headers.get("Date") or ""
    except (OSError, http.client.HTTPException, ValueError):
        return None
    try:
        return parsedate_to_datetime(stamp).timestamp(), before, time.time()
    except (TypeError, ValueError):
        return None
