"""`ventral ui`: MLflow's own pages on this home's records."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Annotated
from urllib.error import URLError

import typer

from ventral.output import note

if TYPE_CHECKING:
    from search.home import Home

STARTS = 90.0  # seconds that MLflow may take to answer


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
    from space.errors import InputError

    home = Home.at()
    if not home.tracking_is_local:
        note(f"MLflow runs at {home.tracking_uri}")
        print(_address(home, campaign, home.tracking_uri))
        return
    if not home.path.is_dir():
        raise InputError("ventral ui", f"{home.path} does not exist", "run `ventral submit` first")
    port = port or _free_port(host)
    if _taken(host, port):
        raise InputError("--port", f"{port} is taken", f"write another, say {port + 1}, or 0")
    # A shell makes what it puts into the background ignore Ctrl-C. SIGTERM means the same.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    server = _serve(home, host, port)
    try:
        base = f"http://{host}:{port}"
        _wait(server, base)
        address = _address(home, campaign, base)
        print(address, flush=True)
        note("Ctrl-C ends it")
        if browser and sys.stderr.isatty():
            import webbrowser

            webbrowser.open(address)
        server.wait()
    except KeyboardInterrupt:
        note()
    finally:
        _end(server)


def _serve(home: "Home", host: str, port: int) -> "subprocess.Popen[bytes]":
    """MLflow's server, in a process group of its own so that all of it can be ended."""
    command = [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", home.tracking_uri),
        *("--artifacts-destination", str(home.artifacts)),
        *("--host", host, "--port", str(port), "--workers", "1"),
    ]
    quiet = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # two processes in place of ten
        "PYTHONWARNINGS": "ignore",
    }
    log = (home.path / "ui.log").open("wb")
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=os.environ | quiet,
    )


def _wait(server: "subprocess.Popen[bytes]", base: str) -> None:
    """Until the server answers. Raises VentralError if it ends or takes too long."""
    from space.errors import VentralError

    note("starting MLflow (about 10 seconds) ...")
    until = time.monotonic() + STARTS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise VentralError("MLflow ended at once; see ui.log in the home")
        try:
            with urllib.request.urlopen(f"{base}/health", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise VentralError(f"MLflow did not answer within {STARTS:.0f} s; see ui.log in the home")


def _address(home: "Home", campaign: str | None, base: str) -> str:
    """The page of a campaign's runs; MLflow's front page if there is no campaign yet."""
    from pathlib import Path

    from search.mirror.runs import view_url
    from search.store import Store

    exists = not home.store_url.startswith("sqlite:///") or Path(home.store_url[10:]).exists()
    if not exists and campaign is None:
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


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _end(server: "subprocess.Popen[bytes]") -> None:
    """End the server with all of its processes."""
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, way)
        except ProcessLookupError:
            return
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            continue
