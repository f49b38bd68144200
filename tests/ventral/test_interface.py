"""MLflow's own pages on a campaign, in a real browser."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ventral.conftest import COMMAND, Campaign, Shell
from tests.waiting import GUARD

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=2000,1000",
    "--virtual-time-budget=30000",
    "--dump-dom",
)


@pytest.fixture(scope="module")
def address(campaign: Campaign) -> Iterator[str]:
    """Where `ventral ui` says that the campaign's runs are."""
    server = subprocess.Popen(
        [COMMAND, "ui", campaign.id, "--port", "0", "--no-browser"],
        cwd=campaign.shell.folder,
        env=campaign.shell.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(GUARD) == 0


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
def test_the_runs_table_opens_with_score_size_and_cell(
    campaign: Campaign, address: str, tmp_path: Path
) -> None:
    assert CHROMIUM is not None
    page = subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path}", address],
        capture_output=True,
        text=True,
        timeout=GUARD,
    ).stdout
    for column in ("top1", "ventral.cell", "ventral.status", "parameters", "macs"):
        assert column in page, column
    shown = [float(score) for score in re.findall(r">(0\.\d{2,})<", page)]
    best = campaign.shell("top", campaign.id, "-n", "1", "-o", "json").json[0]
    assert any(abs(score - best["top1"]) < 1e-6 for score in shown)
    assert best["cell"].split(" +")[0][:20] in page


def test_a_port_in_use_is_named(campaign: Campaign, address: str) -> None:
    port = re.findall(r":(\d+)/", address)[0]
    ended = campaign.shell("ui", "--port", port, "--no-browser")
    assert ended.code == 2
    assert port in ended.err


def test_without_a_home_there_is_nothing_to_show(shell: Shell) -> None:
    ended = shell("ui", "--no-browser")
    assert ended.code == 2
    assert "ventral submit" in ended.err
