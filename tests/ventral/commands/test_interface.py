"""`ventral ui`: MLflow's pages on a campaign in a real browser; how it starts and ends."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from search.host.home import Home
from search.mirror import mirroring
from search.mirror.tracking import Mirror
from search.store import Store
from space.errors import InputError
from tests.support import campaigns, postgres
from tests.support.browser import browser, why_not
from tests.support.waiting import GUARD
from tests.ventral.conftest import COMMAND, Shell
from ventral.commands import interface

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
COLUMNS = (
    "top1",
    "ventral.cell",
    "ventral.recurrent",
    "ventral.status",
    "parameters",
    "macs",
    "epochs",
)
STRANGE = ("Judges", "Prompts", "Playground", "Latency", "Ask Assistant", "MLflow Assistant")
"""What MLflow shows of language models."""

in_browser = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@contextmanager
def ui(
    shell: Shell, *words: str, **environment: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running `ventral ui` with the address that it prints; ended by Ctrl-C."""
    with (shell.folder / "ui.err").open("w") as errors:
        server = subprocess.Popen(
            [COMMAND, "ui", "--no-browser", *words],
            cwd=shell.folder,
            env=shell.environment() | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert server.stdout is not None
    try:
        address = server.stdout.readline().strip()
        assert address, (shell.folder / "ui.err").read_text()
        yield address, server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
        assert server.wait(GUARD) in (0, -signal.SIGKILL)


@dataclass(frozen=True)
class Shown:
    """A campaign in a home's store and MLflow; nothing was trained."""

    shell: Shell
    id: str


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """One trial of every end: the best is number 1, `cell-1`, with 80 %."""
    shell = Shell(tmp_path_factory.mktemp("shown"))
    home = Home.at(shell.home, {})
    home.ensure()
    store = Store.open(home.store_url)
    filled = campaigns.fill(store)
    assert Mirror(store, home, filled.id).start().close(60).unsent == 0
    store.campaigns.set_state(filled.id, "finished")
    store.close()
    return Shown(shell, filled.id)


@pytest.fixture(scope="module")
def address(campaign: Shown) -> Iterator[str]:
    """Where `ventral ui` says that the campaign's runs are."""
    with ui(campaign.shell, campaign.id, "--port", "0") as (address, _):
        yield address


def base(address: str) -> str:
    return address.partition("/mlflow/")[0]


@pytest.fixture(scope="module")
def runs(address: str) -> list[str]:
    """The campaign's runs, best first."""
    experiment = re.findall(r"experiments/(\d+)", address)[0]
    asked = {"experiment_ids": [experiment], "order_by": ["metrics.top1 DESC"]}
    request = urllib.request.Request(
        f"{base(address)}/mlflow/ajax-api/2.0/mlflow/runs/search",
        json.dumps(asked).encode(),
        {"Content-Type": "application/json"},
    )
    with DIRECT.open(request, timeout=60) as answer:
        return [run["info"]["run_id"] for run in json.load(answer)["runs"]]


def assert_model_training(text: str) -> None:
    assert "Model training" in text
    assert [word for word in STRANGE if word in text] == []


ASSISTANT = (
    "return [...document.querySelectorAll('[data-assistant-ui]')].every(e => !e.offsetParent)"
)


@in_browser
def test_from_the_campaigns_to_the_table_of_one_and_to_a_run(
    campaign: Shown, address: str, tmp_path: Path
) -> None:
    with browser(tmp_path) as window:
        window.open(f"{base(address)}/")
        first = window.until(campaign.id)
        assert "80.00%" in first
        assert "finished" in first
        window.follow("motifs")
        table = window.until(*COLUMNS, "cell-1 #1 80.0%")
        assert_model_training(table)
        assert "shared view" not in table
        scores = [float(score) for score in re.findall(r"^0\.\d+$", table, re.MULTILINE)]
        assert scores == [0.8, 0.6, 0.2]  # best first
        window.follow("#1 80.0%")
        assert_model_training(window.until("Model metrics", "0000000000000001"))
        assert window.run(ASSISTANT)
        # MLflow's own first page is ours.
        window.run("location.hash = '#/'")
        window.until(campaign.id, "Campaigns")


@pytest.mark.slow
@in_browser
def test_a_browser_that_was_never_there_opens_any_page_as_model_training(
    campaign: Shown, address: str, runs: list[str], tmp_path: Path
) -> None:
    experiment = re.findall(r"experiments/(\d+)", address)[0]
    with browser(tmp_path / "list") as window:
        # The address is of MLflow's own form: notes and old links have it.
        window.open(f"{base(address)}/#/experiments")
        assert_model_training(window.until(campaign.id))
        window.follow(campaign.id)
        assert_model_training(window.until(*COLUMNS))
        several = quote(json.dumps([experiment, "0"]))
        window.open(f"{base(address)}/mlflow/#/compare-experiments/s?experiments={several}")
        assert_model_training(window.until("Runs from 2 Experiments", *COLUMNS))
        both, of = quote(json.dumps(runs[:2])), quote(json.dumps([experiment]))
        window.open(f"{base(address)}/mlflow/#/compare-runs?runs={both}&experiments={of}")
        assert_model_training(window.until("Comparing 2 Runs"))
        assert window.run(ASSISTANT)
    with browser(tmp_path / "run") as window:
        window.open(f"{base(address)}/mlflow/#/experiments/{experiment}/runs/{runs[0]}")
        assert_model_training(window.until("Model metrics"))
        assert window.run(ASSISTANT)


def test_a_port_in_use_is_named(campaign: Shown, address: str) -> None:
    port = re.findall(r":(\d+)/", address)[0]
    ended = campaign.shell.fork("ui", "--port", port, "--no-browser")
    assert ended.code == 2
    assert port in ended.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--host", "203.0.113.7"), "--host: 203.0.113.7"),
        (("--host", "no such host"), "--host: no such host"),
        (("--allowed-hosts", "lab,*"), "--allowed-hosts: '*'"),
        (("--allowed-hosts", "lab:5000"), "--allowed-hosts: 'lab:5000'"),
        (("no-such-campaign",), "no-such-campaign"),
    ],
)
def test_what_it_cannot_do_is_said_at_once(
    campaign: Shown, words: tuple[str, ...], named: str
) -> None:
    ended = campaign.shell.fork("ui", "--port", "0", "--no-browser", *words)
    assert ended.code == 2
    assert named in ended.err
    assert "starting" not in ended.err
    assert "Traceback" not in ended.err


def test_without_a_home_there_is_nothing_to_show(shell: Shell) -> None:
    ended = shell.fork("ui", "--no-browser")
    assert ended.code == 2
    assert "ventral submit" in ended.err


@pytest.mark.parametrize("port", ["1", "no-port"])
def test_a_database_that_is_away_is_said_without_its_password(shell: Shell, port: str) -> None:
    (shell.folder / ".ventral").mkdir()
    database = f"postgresql+psycopg://me:s3cret@127.0.0.1:{port}/mlflow"
    done = subprocess.run(
        [COMMAND, "ui", "--port", "0", "--no-browser"],
        cwd=shell.folder,
        env=shell.environment() | {"MLFLOW_TRACKING_URI": database},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1
    assert "did not start" in done.stderr
    assert "refused" in done.stderr or port in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stdout + done.stderr + (shell.home / "ui.log").read_text()


def test_an_mlflow_elsewhere_is_named_without_its_password(shell: Shell) -> None:
    environment = shell.environment() | {"MLFLOW_TRACKING_URI": "http://me:s3cret@lab:5000"}
    done = subprocess.run(
        [COMMAND, "ui"], cwd=shell.folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.strip() == "http://lab:5000"
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("here", "there", "shown"),
    [
        ("", "http://lab:5000", "http://lab:5000/#/experiments/7/"),
        ("http://me:s3cret@lab:5000", "http://lab:5000", "http://lab:5000/#/experiments/7/"),
        ("http://lab:5000", "https://other", "https://other/#/experiments/7/"),
        ("http://lab:5000", "sqlite:////old/runs.db", "its runs are in sqlite:////old/runs.db"),
        ("", "sqlite:////old/runs.db", "its runs are in sqlite:////old/runs.db"),
    ],
)
def test_a_campaign_is_opened_where_its_runs_are(
    here: str,
    there: str,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wherever MLflow is now; without a server of this home's own, which has none of them."""
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", here)
    monkeypatch.delenv("VENTRAL_STORE", raising=False)
    store = Store.open(Home.at().store_url)
    filled = campaigns.fill(store)
    store.campaigns.set_experiment(filled.id, there, "7", anew=True)
    monkeypatch.setattr(interface, "_start", lambda *_: pytest.fail("a server was started"))
    if there.startswith("http"):
        interface.ui(filled.id, browser=False)
        printed = capsys.readouterr().out
        assert printed.startswith(shown)
    else:
        with pytest.raises(InputError, match=shown) as caught:
            interface.ui(filled.id, browser=False)
        printed = str(caught.value)
        assert "MLFLOW_TRACKING_URI" in printed
    assert "s3cret" not in printed


def test_it_opens_at_the_experiment_of_a_database_that_was_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path))
    for name in ("VENTRAL_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    home = Home.at()
    store = Store.open(home.store_url)
    filled = campaigns.fill(store)
    store.campaigns.set_experiment(filled.id, home.tracking_label, "1", anew=True)

    def make_anew(home: Home, _say: object) -> None:
        store.campaigns.set_experiment(filled.id, home.tracking_label, "77", anew=True)

    server = SimpleNamespace(
        port=5000,
        wait=lambda: None,
        end=lambda: None,
        process=SimpleNamespace(wait=lambda: None),
    )
    monkeypatch.setattr(mirroring, "catch_up", make_anew)
    monkeypatch.setattr(interface, "_start", lambda *_: server)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    for campaign in (filled.id, None):
        store.campaigns.set_experiment(filled.id, home.tracking_label, "1", anew=True)
        interface.ui(campaign, browser=False)
        assert "/experiments/77/" in capsys.readouterr().out
    store.close()


def test_others_are_let_in_by_name_and_told_so(campaign: Shown) -> None:
    words = ("--host", "0.0.0.0", "--port", "0", "--allowed-hosts", "*.example.org")
    with ui(campaign.shell, *words) as (address, _):
        assert "0.0.0.0" not in address
        said = (campaign.shell.folder / "ui.err").read_text()
        assert "everybody who reaches this machine" in said
        port = re.findall(r":(\d+)/", address)[0]
        asked = {}
        for name in (socket.gethostname(), "lab.example.org", "evil.com"):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": name})
            try:
                asked[name] = DIRECT.open(request, timeout=60).status
            except urllib.error.HTTPError as error:
                asked[name] = error.code
        assert list(asked.values()) == [200, 200, 403]


def members(group: int) -> dict[int, str]:
    """The processes of a session of its own, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == group:
                found[int(folder.name)] = (folder / "cmdline").read_text()
        except (OSError, ValueError):
            continue
    return found


def children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(child) for child in listed.split()]


@pytest.mark.skipif(postgres.why_not() is not None, reason=str(postgres.why_not()))
def test_a_password_of_the_database_is_found_nowhere(shell: Shell) -> None:
    """And all processes end when theirs is killed."""
    with postgres.server() as server:
        look_for_password(shell, server)


def look_for_password(shell: Shell, postgresql: postgres.Server) -> None:
    (shell.folder / ".ventral").mkdir()
    secret = "s3cret-of-mine"
    database = postgresql.database().replace("postgresql://ventral@", f"//ventral:{secret}@")
    environment = {"MLFLOW_TRACKING_URI": f"postgresql+psycopg:{database}"}
    with ui(shell, "--port", "0", **environment) as (address, server):
        assert address.endswith("/")
        (child,) = children(server.pid)
        shown = [*members(child).values(), Path(f"/proc/{server.pid}/cmdline").read_text()]
        assert len(shown) == 2
        assert not any(secret in line for line in shown)
        with DIRECT.open(f"{base(address)}mlflow/", timeout=60) as answer:
            assert answer.status == 200
        server.kill()
        server.wait(60)
        door = re.findall(r":(\d+)/", address)[0]
        for _ in range(600):
            if not members(child):
                break
            time.sleep(0.1)
        assert not members(child), "a process outlives its parent"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", int(door)), timeout=30)
    written = [path for path in shell.folder.rglob("*") if path.is_file()]
    assert shell.home / "ui.log" in written
    assert [path for path in written if secret.encode() in path.read_bytes()] == []
