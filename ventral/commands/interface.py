"""`ventral ui`: MLflow's own pages on this home's records."""

import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ventral.output import note

if TYPE_CHECKING:
    from search.home import Home


def register(app: typer.Typer) -> None:
    app.command()(ui)


def ui(
    campaign: Annotated[
        str | None, typer.Argument(help="open at this campaign; by default at the newest")
    ] = None,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port; 0 takes a free one")] = 5000,
    browser: Annotated[bool, typer.Option(help="open a browser there")] = True,
) -> None:
    """Browse the trials in MLflow, until Ctrl-C (or SIGTERM)."""
    from search.home import Home
    from search.mirror.mirroring import catch_up
    from search.mirror.server import Server
    from search.ports import free_port, taken
    from space.errors import InputError

    home = Home.at()
    if not home.tracking_is_local:
        note(f"MLflow runs at {home.tracking_shown}")
        print(_address(home, campaign, home.tracking_shown))
        return
    if not home.path.is_dir():
        raise InputError("ventral ui", f"{home.path} does not exist", "run `ventral submit` first")
    port = port or free_port(host)
    if taken(host, port):
        raise InputError("--port", f"{port} is taken", f"write another, say {port + 1}, or 0")
    # A shell makes what it puts into the background ignore Ctrl-C. SIGTERM means the same.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    catch_up(home, note)
    log = home.path / "ui.log"
    log.unlink(missing_ok=True)  # what an earlier one printed
    server = Server(home.tracking_uri, home.artifacts, log, port, host)
    try:
        note("starting MLflow (about 10 seconds) ...")
        server.wait()
        address = _address(home, campaign, server.address)
        print(address, flush=True)
        note("Ctrl-C ends it")
        if browser and sys.stderr.isatty():
            import webbrowser

            webbrowser.open(address)
        server.process.wait()
    except KeyboardInterrupt:
        note()
    finally:
        server.end()


def _address(home: "Home", campaign: str | None, base: str) -> str:
    """The page of a campaign's runs; MLflow's front page if there is no campaign yet."""
    from search.home import sqlite_file
    from search.mirror.runs import view_url
    from search.store import Store

    file = sqlite_file(home.store_url)
    if file is not None and not file.exists() and campaign is None:
        return base
    store: Store = Store.open(home.store_url, create=False)
    if campaign is not None:
        record = store.campaign(campaign)
    else:
        mirrored = [known for known in store.campaigns() if known.experiment]
        if not mirrored:
            return base
        record = mirrored[0]
    return view_url(base, record.experiment) if record.experiment else base
