"""A real campaign as it is operated: logs for programs, metrics for Prometheus."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from search.host.home import Home
from search.host.ports import free_port
from tests.support.waiting import wait_until
from tests.ventral.conftest import COMMAND, TINY, Shell
from workers.job import LOG
from workers.logs import LOG_VARIABLE


def _scrape(port: int) -> dict[tuple[str, ...], float]:
    """Name and label values -> value; empty while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def _read_objects(log: Path) -> list[dict[str, object]]:
    """The objects of a log; what Python itself wrote beside them as it ended is left out."""
    lines = log.read_text().splitlines()
    own = [line for line in lines if line.startswith("{")]
    assert len(own) > len(lines) // 2
    return [json.loads(line) for line in own]


@pytest.mark.slow
def test_a_running_campaign_is_scraped_and_logs_objects(tmp_path: Path) -> None:
    shell, port = Shell(tmp_path), free_port()
    (tmp_path / "tiny.yaml").write_text(TINY)
    words = ["submit", "tiny.yaml", "--metrics", str(port), "--id-file", "id", "--no-estimate"]
    printed = tmp_path / "printed"
    with printed.open("w") as errors:
        process = subprocess.Popen(
            [COMMAND, *words],
            cwd=tmp_path,
            env=shell.environment() | {LOG_VARIABLE: "json"},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    scraped: list[dict[tuple[str, ...], float]] = []

    def ended() -> bool:
        if values := _scrape(port):
            scraped.append(values)
        return process.poll() is not None

    try:
        wait_until(ended, pause=0.2)
    finally:
        process.kill()
    assert process.returncode == 0, printed.read_text()
    campaign = (tmp_path / "id").read_text().strip()
    assert all(one["ventral_store_up", campaign] == 1 for one in scraped)
    assert any(one.get(("ventral_campaign_state", campaign, "running")) for one in scraped)
    epochs = [one["ventral_epochs_total", campaign] for one in scraped]
    assert epochs == sorted(epochs)
    assert epochs[-1] > 0
    assert max(one["ventral_devices_in_use", campaign] for one in scraped) >= 1
    # The lines on stderr and in the two kinds of logs are objects, each about the campaign.
    assert {one["part"] for one in _read_objects(printed)} == {"command", "driver"}
    home = Home.at(shell.home, {})
    lines = _read_objects(home.log(campaign))
    assert {one["campaign"] for one in lines} == {campaign}
    events = {one["event"] for one in lines}
    assert {"starting", "started", "report", "finished", "ended"} <= events
    logs = [home.trial(campaign, number) / LOG for number in range(5)]
    written = [line for log in logs if log.exists() for line in _read_objects(log)]
    assert {one["campaign"] for one in written} == {campaign}
    assert {one["trial"] for one in written} == {n for n, log in enumerate(logs) if log.exists()}
    assert {"training", "epoch"} <= {one["event"] for one in written}
