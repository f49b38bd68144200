"""`ventral ui`: MLflow's own pages on this home's records."""

import errno
import ipaddress
import re
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from space.documents.outside import printable
from space.errors import InputError
from ventral.output import note, show

if TYPE_CHECKING:
    from search.host.home import Home
    from search.mirror.server import Server
    from search.store import Campaign


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(ui)


def ui(
    campaign: Annotated[
        str | None, typer.Argument(help="open at this campaign; by default at the newest")
    ] = None,
    host: Annotated[
        str, typer.Option(help="address to listen on; 0.0.0.0 lets other machines in")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port; 0 takes a free one")] = 5000,
    allowed_hosts: Annotated[
        str,
        typer.Option(
            help="further names by which it may be called, with commas between them; its "
            "addresses and this machine's own names always may"
        ),
    ] = "",
    browser: Annotated[bool, typer.Option(help="open a browser there")] = True,
) -> None:
    """Browse the trials in MLflow, until Ctrl-C (or SIGTERM)."""
    from search.host.home import Home, is_server
    from search.host.ports import ANYWHERE, http_address, is_loopback, outside_host
    from search.mirror.experiments import view_url
    from search.mirror.mirroring import catch_up

    names = _read_names(allowed_hosts)
    home = Home.at()
    if not home.path.is_dir() and home.tracking_is_local:
        raise InputError("ventral ui", f"{home.path} does not exist", "run `ventral submit` first")
    record = _find(home, campaign)
    tracking = _find_tracking(home, record)
    if is_server(tracking):
        note(f"MLflow runs at {tracking}")
        shown = record and record.experiment
        show(printable(view_url(tracking, shown) if shown else tracking))
        return
    # A shell makes what it puts into the background ignore Ctrl-C. SIGTERM means the same.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    catch_up(home, note)
    record = _find(home, campaign)  # a database that was made anew gives its experiments new ids
    outside = host
    if not is_loopback(host):
        note("warning: everybody who reaches this machine may read all records and change notes")
        outside = outside_host() if host in ANYWHERE else host
        names.add(outside.lower())
    server = _start(home, host, port, names)
    try:
        _serve(server, http_address(outside, server.port), home, record, browser=browser)
    except KeyboardInterrupt:
        note()
    finally:
        server.end()


def _serve(
    server: "Server", base: str, home: "Home", record: "Campaign | None", *, browser: bool
) -> None:
    """Say where the pages are, and wait until the server ends."""
    note("starting MLflow ...")
    server.wait()
    address = _address(base, home, record)
    show(printable(address), flush=True)
    note(f"all campaigns: {base}/")
    note("Ctrl-C ends it")
    if browser and sys.stderr.isatty():
        import webbrowser

        webbrowser.open(address)
    server.process.wait()


def _read_names(text: str) -> set[str]:
    """Names of `--allowed-hosts`. Raises InputError for what is neither a name nor an address."""
    names = {name.strip().lower() for name in text.split(",") if name.strip()}
    for name in names:
        if re.fullmatch(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", name):
            continue
        try:
            ipaddress.ip_address(name)
        except ValueError:
            raise InputError(
                "--allowed-hosts",
                f"{name!r} is not the name of a machine",
                "write names without port, say lab.example.org or *.example.org",
            ) from None
    return names


def _start(home: "Home", host: str, port: int, names: set[str]) -> "Server":
    """The server, started. Raises InputError if it cannot listen there."""
    from search.host.ports import names_of_machine
    from search.mirror.server import Server

    log = home.path / "ui.log"
    log.unlink(missing_ok=True)  # what an earlier one printed
    known = {*names_of_machine(), host.lower(), *names}
    try:
        return Server(
            home.tracking_uri,
            home.artifacts,
            log,
            port,
            host,
            home=home,
            allowed_hosts=sorted(known),
        )
    except OSError as error:
        if error.filename is not None:
            raise
        if error.errno == errno.EADDRINUSE:
            free = (
                f"write another, say {port + 1}, or 0" if port < 65535 else "write another, or 0"
            )
            raise InputError("--port", f"{port} is taken", free) from None
        if error.errno == errno.EACCES:
            cure = "write one from 1024 on"
            raise InputError("--port", f"{port} is not for everybody", cure) from None
        cure = "write an address of this machine, or 0.0.0.0 for all of them"
        raise InputError("--host", f"{host}: {error.strerror}", cure) from None


def _find(home: "Home", campaign: str | None) -> "Campaign | None":
    """The campaign to open at: the one that is named, else the newest that MLflow has runs of."""
    from search.mirror.landing import has_runs_in, is_missing
    from search.store import Store

    if campaign is None and is_missing(home.store_url):
        return None
    store: Store = Store.open(home.store_url, create=False)
    try:
        if campaign is not None:
            return store.campaigns.get(campaign)
        known = store.campaigns.all()
        return next((one for one in known if has_runs_in(one, home.tracking_uri)), None)
    finally:
        store.close()


def _find_tracking(home: "Home", record: "Campaign | None") -> str:
    """The MLflow that has the campaign's runs, or will have them; without user and password.

    Raises InputError if they are in a database that this home does not show.
    """
    from search.host.home import TRACKING_VARIABLE, is_server, same_tracking

    if record is None or record.experiment is None or record.tracking is None:
        return home.tracking_label
    if same_tracking(record.tracking, home.tracking_uri):
        return home.tracking_label
    if not is_server(record.tracking):
        raise InputError(
            f"campaign {record.id}",
            f"its runs are in {record.tracking}, and this shows {home.tracking_label}",
            f"set {TRACKING_VARIABLE} to the database that has them",
        )
    return record.tracking


def _address(base: str, home: "Home", record: "Campaign | None") -> str:
    """The page of a campaign's runs; that of all campaigns if MLflow has none of them yet."""
    from search.mirror.experiments import runs_path
    from search.mirror.landing import RUNS, has_runs_in

    if record is None or record.experiment is None or not has_runs_in(record, home.tracking_uri):
        return f"{base}/"
    return f"{base}/{RUNS}{runs_path(record.experiment)}"
