"""docs/extending.md is true: its package runs a campaign, and its tests pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from search import driver
from search.campaign import amend, load
from search.host.home import Home
from search.replay import replay
from search.store import Store, Trial
from tests.support.packages import PAGE, install_page, read_page, write_files
from tests.ventral.conftest import Shell

CAMPAIGN = """
name: mine
space: motifs-small
recipe: {epochs: 6, batch_size: 30}
budget: {trials: 3}
controls: []
resources: {concurrent: 1}
seed: 3
"""


def write_campaign(folder: Path, **changes: object) -> Path:
    """A tiny campaign with what the page writes into a campaign file."""
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(CAMPAIGN + block) | changes))
    return file


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page's package, installed for this process and those that it starts."""
    site = install_page(tmp_path / "site")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_package"]:
        del sys.modules[name]


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_a_campaign_of_another_package_s_classes_runs_resumes_and_replays(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    store = Store.open(home.store_url)
    campaign_id = driver.submit(load(write_campaign(tmp_path)), home, store)
    assert driver.run(campaign_id, home, store, mirror=False).state == "finished"
    trials = find_replayed(store, campaign_id)
    assert [trial.origin for trial in trials] == ["climber"] * 3
    # Top-1 of 15 images does not grow six times in a row in all of them.
    assert "pruned" in {trial.status for trial in trials}
    (pack,) = home.data.glob("my_package.bars-Bars-8-*")
    assert json.loads((pack / "manifest.json").read_text())["spec"]["images"] == 60

    document = store.campaigns.get(campaign_id).document
    longer = amend(document, "a campaign", ["budget.trials=4"])
    store.campaigns.set_document(campaign_id, longer.document(), "its budget was changed")
    assert driver.run(campaign_id, home, store, mirror=False).state == "finished"
    assert len(find_replayed(store, campaign_id)) == 4
    store.close()


def find_replayed(store: Store, campaign_id: str) -> list[Trial]:
    """The campaign's trials, every decision about which was derived again."""
    result = replay(store, campaign_id)
    assert result.difference is None, str(result.difference)
    trials = store.results.find(campaign_id)
    assert result.decisions > len(trials), "suggestions, and judgements of epochs"
    assert {trial.status for trial in trials} <= {"finished", "pruned"}
    return trials


def test_what_is_not_installed_is_one_error(tmp_path: Path) -> None:
    """With the exit code of wrong input; what lies beside the file is not run."""
    write_files(tmp_path, {"my_package/bars.py": "import pathlib; pathlib.Path('ran').touch()"})
    sampler = {"name": "random"}
    file = write_campaign(tmp_path, sampler=sampler, scheduler={"name": "fifo"})
    ended = Shell(tmp_path)("submit", file)
    assert ended.code == 2
    assert "data.name" in ended.err
    assert "no installed distribution" in ended.err
    assert "pip install" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "ran").exists()


def test_the_page_s_tests_pass(tmp_path: Path) -> None:
    """As their author runs them: with pytest, outside of this tree."""
    install_page(tmp_path / "site")
    tests = {name: text for name, text in read_page().items() if name.startswith("test_")}
    write_files(tmp_path, tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b28 passed", done.stdout), done.stdout
