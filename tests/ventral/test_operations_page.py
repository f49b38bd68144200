"""docs/operations.md is true: its commands run, and what they back up is restored whole."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer

from search.assign.queue import Assignment
from search.host.home import Home
from search.mirror.runs import KEY_TAG
from search.mirror.tracking import Mirror
from search.review.metrics import EXPORTED, STORE_UP
from search.run import Run
from search.store import Store
from tests.support import postgres, toys
from tests.support.runs import Bench, train
from tests.support.waiting import GUARD
from tests.ventral.conftest import TINY, Shell
from ventral.cli import app
from workers.job import Report

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
BLOCKS = re.findall(r"^ *```sh( postgres)?\n(.*?)^ *```", PAGE.read_text(), re.M | re.S)
SQLITE = [block for kind, block in BLOCKS if not kind]
POSTGRES = [block for kind, block in BLOCKS if kind]


def _run(shell: Shell, script: str, **variables: str) -> str:
    """What a block of the page prints when a shell runs it."""
    environment = shell.environment() | {"VENTRAL_HOME": str(shell.home)} | variables
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=shell.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Restored:
    """A campaign, driven half-way in one home and to its end in another one."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder, name="tiny", budget={"trials": 5}, controls=[])

    def begin(self) -> dict[int, Any]:
        """Three trials that end, and one of which a driver that is gone knows the first epoch."""
        run = self.bench.begin()
        for _ in range(3):
            train(run, self._next(run))
        run.records.start(number := self._next(run).number)
        report = Report.model_validate(toys.report(1, toys.score(number, 1, 3)))
        run.records.add_report(number, report)
        run.close()
        return self._close()

    def finish(self, home: Home) -> dict[int, Any]:
        """Another driver goes on, by what is in `home` and in its store."""
        self.bench.home, self.bench.store = home, Store.open(home.store_url, create=False)
        run = self.bench.begin()
        while (assignment := run.queue.next()) is not None:
            train(run, assignment)
        run.close()
        return self._close()

    def _next(self, run: Run) -> Assignment:
        assignment = run.queue.next()
        assert assignment is not None
        return assignment

    def _close(self) -> dict[int, Any]:
        """The trials with their reports by number, all in MLflow; the campaign is stopped."""
        bench = self.bench
        bench.store.campaigns.set_state(bench.id, "stopped")
        mirror = Mirror(bench.store, bench.home, bench.id).start()
        assert mirror.close(GUARD).unsent == 0
        trials = bench.store.results.find(bench.id, genomes=True)
        reports = [bench.store.results.reports(bench.id, one.number) for one in trials]
        bench.store.close()
        return {one.number: (one, own) for one, own in zip(trials, reports, strict=True)}


def _check_whole(before: dict[int, Any], after: dict[int, Any]) -> None:
    """Nothing that was on record has changed, and the campaign has come to its end."""
    over = [number for number, (one, _) in before.items() if one.status == "finished"]
    (interrupted,) = before.keys() - over
    assert {number: after[number] for number in over} == {n: before[n] for n in over}
    assert before[interrupted][1] == after[interrupted][1][:1]
    assert [(one.status, one.epochs) for one, _ in after.values()] == [("finished", 3)] * 5


def test_every_command_of_the_page_exists_with_its_options() -> None:
    command = typer.main.get_command(app)
    lines = "\n".join(block for _, block in BLOCKS).splitlines()
    words = [shlex.split(line, comments=True) for line in lines if "ventral " in line]
    ours = [line[line.index("ventral") + 1 :] for line in words]
    assert {line[0] for line in ours} >= {"submit", "resume", "stop", "logs"}
    for line in ours:
        known = command.get_command(None, line[0])  # type: ignore[attr-defined]
        assert known is not None, line
        with known.make_context(line[0], line[1:]) as context:
            assert context.params


def test_the_page_names_every_metric() -> None:
    named = set(re.findall(r"`(ventral_[a-z_]+)`", PAGE.read_text()))
    assert named == {one.name for one in (STORE_UP, *EXPORTED)}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """In a folder with the campaign of which the page speaks."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    return Shell(tmp_path)


@pytest.mark.slow
def test_what_the_page_says_of_logs_and_metrics_runs(shell: Shell) -> None:
    logs, metrics, *_ = SQLITE
    printed = _run(shell, logs)
    assert '"event": "ended"' in printed
    assert "metrics at http://127.0.0.1:" in _run(shell, metrics)


def test_a_set_of_sqlite_files_is_restored_elsewhere_and_goes_on(
    shell: Shell, tmp_path: Path, empty_mlflow: Path
) -> None:
    _, _, backup, restore, _ = SQLITE
    shell.home.mkdir()
    shutil.copy(empty_mlflow, shell.home / "mlflow.db")
    campaign = Restored(shell.home)
    before = campaign.begin()
    _run(shell, backup)
    shell.home.rename(tmp_path / "lost")
    # The last line starts Ray; here the driver plays in this process.
    *unpack, resume = restore.splitlines()
    assert "ventral resume" in resume
    _run(shell, "\n".join(unpack))
    home = Home.at(tmp_path / "restored", {})
    _check_whole(before, campaign.finish(home))
    with closing(sqlite3.connect(home.path / "mlflow.db")) as connection:
        rows = connection.execute("SELECT value FROM tags WHERE key = ?", (KEY_TAG,)).fetchall()
    runs = Counter(key for (key,) in rows if key.partition("/")[2].isdigit())
    assert runs == {f"{campaign.bench.id}/{number}": 1 for number in range(5)}


@pytest.mark.slow
def test_the_migration_of_mlflow_runs(shell: Shell, empty_mlflow: Path) -> None:
    shell.home.mkdir()
    shutil.copy(empty_mlflow, shell.home / "mlflow.db")
    _run(shell, SQLITE[-1])


@pytest.mark.slow
@pytest.mark.skipif(postgres.why_not() is not None, reason=str(postgres.why_not()))
def test_a_set_on_postgresql_is_restored_into_an_empty_one_and_goes_on(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = Path(str(postgres.program("pg_dump"))).parent
    backup, restore = POSTGRES
    with postgres.server() as server:
        stores = (server.database(), server.database())
        runs = (server.database(), server.database())

        def use_set(number: int) -> None:
            tracking = runs[number].replace("postgresql://", "postgresql+psycopg://")
            monkeypatch.setenv("VENTRAL_STORE", stores[number])
            monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)

        use_set(0)
        campaign = Restored(shell.home)
        before = campaign.begin()
        places = {"STORE": stores[0], "RUNS": runs[0], "NEW_STORE": stores[1], "NEW_RUNS": runs[1]}
        path = f"export PATH='{programs}':$PATH\n"
        _run(shell, path + backup, **places)
        shell.home.rename(tmp_path / "lost")
        _run(shell, path + restore, **places)
        use_set(1)
        _check_whole(before, campaign.finish(Home.at(tmp_path / "restored")))
