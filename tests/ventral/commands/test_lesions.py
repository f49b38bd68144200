"""`ventral lesion`: what each part of a trial's network is needed for, by the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import ventral
from search.store import Store
from space.parts import list_parts
from tests.support.matching import Driver, search, trials_of
from tests.ventral.conftest import Campaign, Shell
from ventral.cli import app

KEYS = ["part", "kind", "difference", "low", "high", "retrained"]


@pytest.fixture(scope="module")
def shell(campaign: Campaign, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home with the tiny campaign, beside that of the other tests."""
    folder = tmp_path_factory.mktemp("lesions") / "campaign"
    shutil.copytree(campaign.shell.folder, folder)
    return Shell(folder)


@pytest.fixture(scope="module")
def best(campaign: Campaign, shell: Shell) -> int:
    """The best cell of the search."""
    number: int = shell("top", campaign.id, "-n", "1", "-o", "json").json[0]["trial"]
    return number


def parts_of(shell: Shell, campaign: str, trial: int) -> dict[str, str]:
    store = Store.open(f"sqlite:///{shell.home}/store.db", create=False)
    try:
        genome = store.results.get(campaign, trial).read_genome()
    finally:
        store.close()
    return {part.name: part.kind for part in list_parts(genome)}


def check(rows: list[dict[str, Any]], parts: dict[str, str], *, retrained: bool) -> None:
    """Every part once, the most needed first, each in its interval where it has one."""
    assert [list(row) for row in rows] == [KEYS] * len(rows)
    assert {row["part"]: row["kind"] for row in rows} == parts
    assert {row["retrained"] for row in rows} == {retrained}
    differences = [row["difference"] for row in rows]
    assert differences == sorted(differences)
    for row in rows:
        if row["low"] is not None:
            assert row["low"] <= row["difference"] <= row["high"]


def test_a_trained_network_without_each_of_its_parts(
    campaign: Campaign, shell: Shell, best: int
) -> None:
    ended = shell("lesion", campaign.id, "--trial", str(best), "-o", "json")
    assert ended.code == 0, ended.err
    parts = parts_of(shell, campaign.id, best)
    check(ended.json, parts, retrained=False)
    assert all(row["low"] is not None for row in ended.json)
    assert "without" in ended.err
    assert f"ventral lesion {campaign.id} --trial {best} --retrain" in ended.err
    frame = ventral.lesions(campaign.id, home=shell.home)
    assert frame.drop(columns="trial").to_dict("records") == ended.json
    assert set(frame.trial) == {best}
    drawn = shell.folder / "lesioned.svg"
    table = shell("lesion", campaign.id, "--trial", str(best), "--draw", drawn)
    assert table.code == 0
    assert all(part in table.out for part in parts)
    picture = drawn.read_text(encoding="utf-8")
    for row in ended.json:
        effect = f"{round(100 * row['difference'], 1):+.3g}".replace("-", "\N{MINUS SIGN}")
        assert effect in picture, row
    assert len(ventral.lesions(campaign.id, home=shell.home)) == len(parts), "the later run counts"
    assert shell("status", campaign.id).out.count("test split") == 0


@pytest.mark.slow
def test_a_network_and_its_lesions_trained_again(
    campaign: Campaign, shell: Shell, best: int
) -> None:
    options = ("--retrain", "--seeds", "2", "--set", "recipe.epochs=1", "--no-estimate")
    ended = shell("lesion", campaign.id, "--trial", str(best), *options, "-o", "json")
    assert ended.code == 0, ended.err
    check(ended.json, parts_of(shell, campaign.id, best), retrained=True)
    assert f"ventral report {campaign.id}" in ended.err
    again = shell("lesion", campaign.id, "--trial", str(best), *options, "-o", "json")
    assert again.json == ended.json
    assert "is finished already" in again.err
    rows = shell("trial", "list", f"tiny-lesions-{best}", "-o", "json").json
    assert {row["split"] for row in rows} == {"validation"}
    assert {row["family"] for row in rows} == {"winner", "lesion"}


def test_trainings_from_the_options_to_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Ray it is the test before."""
    bench = search(tmp_path)
    driver = Driver(bench, stop_after=2)
    monkeypatch.setattr("search.driver.run", driver.run)
    monkeypatch.setenv("VENTRAL_HOME", str(tmp_path))
    number = next(one.number for one in trials_of(bench) if one.recurrence == "local")

    def retrain() -> Result:
        command = ["lesion", bench.id, "--trial", str(number), "--retrain", "--seeds", "2"]
        return CliRunner().invoke(app, [*command, "--no-estimate", "-o", "json"])

    stopped = retrain()
    assert (stopped.exit_code, stopped.stdout) == (1, "")
    assert "everything is kept: the same command goes on" in stopped.stderr
    ended = retrain()
    assert ended.exit_code == 0
    parts = {"input->out": "edge", "out->out": "edge", "out": "state"}
    check(json.loads(ended.stdout), parts, retrained=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--trial", "999"), "999"),
        (("--trial", "0", "--seeds", "3"), "--seeds: is for trainings.*add --retrain"),
        (("--trial", "0", "--set", "recipe.epochs=1"), "--set: is for trainings"),
        (("--trial", "0", "--new"), "--new: is for trainings"),
        (("--trial", "0", "--draw", "cell.jpg"), "--draw: cell.jpg: does not end in"),
    ],
)
def test_bad_input_is_one_line(
    campaign: Campaign, shell: Shell, options: tuple[str, ...], message: str
) -> None:
    ended = shell("lesion", campaign.id, *options)
    assert (ended.code, ended.out) == (2, "")
    (line,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert all(part in line for part in message.split(".*"))
    assert "Traceback" not in ended.err
