"""`ventral report`: the page, the figures and the numbers of a campaign, from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from search.campaign import load_with_space
from search.host.home import Home
from search.store import Store
from tests.support.campaigns import add, new_campaign, train
from tests.ventral.conftest import COMMAND, Shell


def fill(store: Store, name: str = "small", trials: int = 3) -> str:
    """A campaign over a named space, some of whose trials have ended; its id."""
    file = {"name": name, "space": "motifs-small", "data": {"name": "digits"}}
    loaded = load_with_space(file | {"budget": {"trials": 9}})
    campaign = new_campaign(store, name, loaded.campaign.document(), loaded.space.document())
    for number in range(trials):
        add(store, campaign.id, number, choices={}, recurrence="local")
        train(store, campaign.id, number, 0.1, 0.2 + 0.1 * number)
    return campaign.id


def test_the_report_of_a_campaign_that_runs(shell: Shell, store: Store, tmp_path: Path) -> None:
    campaign = fill(store)
    ended = shell("report", "small")
    assert ended.code == 0, ended.err
    file = Home.at(shell.home).report(campaign)
    assert ended.out == f"{file}\n"
    assert "<h1>What small found</h1>" in file.read_text()
    assert "Next: ventral " in ended.err
    ended = shell("report", campaign, "--to", tmp_path / "mine.html", "--json", "numbers.json",
                  "--figures", "pictures")  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.out == f"{tmp_path / 'mine.html'}\n"
    assert (tmp_path / "mine.html").read_bytes() == file.read_bytes()
    numbers = json.loads((shell.folder / "numbers.json").read_text())
    assert [entry["id"] for entry in numbers["campaigns"]] == [campaign]
    assert numbers["campaigns"][0]["trials"] == 3
    assert (shell.folder / "pictures" / "progress.svg").read_text().startswith("<svg")


def test_the_report_as_json_is_what_the_file_holds(shell: Shell, store: Store) -> None:
    one, two = fill(store, "one"), fill(store, "two")
    ended = shell("report", "one", two, one, "--json", "numbers.json", "-o", "json")
    assert ended.code == 0, ended.err
    printed: dict[str, Any] = ended.json
    assert Path(printed.pop("report")).name == f"{one}+{two}.html"
    assert printed.pop("figures") == []
    assert printed == json.loads((shell.folder / "numbers.json").read_text())
    assert [entry["id"] for entry in printed["campaigns"]] == [one, two]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nobody"], "no campaign 'nobody'"),
        (["small", "--to", "."], "--to: . is a folder"),
        (["small", "--json", "."], "--json: . is a folder"),
        (["small", "--figures", "file"], "--figures: file is a file"),
        (["small", "--to", "a", "--json", "a"], "name two files"),
    ],
)
def test_bad_input_ends_with_two(
    shell: Shell, store: Store, arguments: list[str], problem: str
) -> None:
    fill(store)
    (shell.folder / "file").write_text("")
    ended = shell("report", *arguments)
    assert ended.code == 2
    assert problem in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_campaign_without_an_ended_trial_is_one_sentence(shell: Shell, store: Store) -> None:
    fill(store, trials=0)
    ended = shell("report", "small")
    assert ended.code == 1
    assert ended.err.startswith("error: campaign ")
    assert "has nothing to report" in ended.err
    assert not Home.at(shell.home).reports.exists()


def test_the_command_loads_no_torch(shell: Shell, store: Store) -> None:
    fill(store)
    store.close()
    program = (
        "import sys\nfrom ventral.cli import main\n"
        "sys.argv = ['ventral', 'report', 'small']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print('torch' in sys.modules, 'ray' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=shell.folder,
        env=shell.environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False False"


def test_the_command_is_listed(shell: Shell) -> None:
    assert COMMAND.exists()
    assert "--figures" in shell("report", "--help").out
