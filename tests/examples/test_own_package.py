"""examples/own_package, docs/own-data.md and docs/own-loss-and-metric.md are true."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml

from search import driver
from search.campaign import load
from search.host.home import Home
from search.store import Store
from search.upkeep.exports import choose_trials, export_trials
from tests.support.packages import install
from ventral.testing import DataSetSuite
from workers.data.datasets import open_source
from workers.data.specs import data_spec
from workers.export import read_card
from workers.scoring import evaluate_export

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "own_package"


@pytest.fixture
def mylab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example's package, installed for this process and those that it starts."""
    files = {f"mylab/{file.name}": file.read_text() for file in (EXAMPLE / "mylab").glob("*.py")}
    site = install(tmp_path / "site", files, name="mylab")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield site
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylab"]:
        del sys.modules[name]


@pytest.mark.slow
def test_the_campaign_runs_and_its_export_scores_by_the_metric(
    tmp_path: Path, mylab: Path
) -> None:
    file = shutil.copy(EXAMPLE / "campaign.yaml", tmp_path / "campaign.yaml")
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    store = Store.open(home.store_url)
    campaign_id = driver.submit(load(file, ["budget.trials=1"]), home, store)
    assert driver.run(campaign_id, home, store, mirror=False).state == "finished"
    record = store.campaigns.get(campaign_id)
    assert record.document["recipe"]["metric"]["version"].startswith("mylab 1.0 ")
    trials = store.results.find(campaign_id)
    assert [trial.status for trial in trials] == ["finished"]
    chosen = choose_trials(store, record, top=1)
    (one,) = export_trials(store, home, record, chosen, tmp_path / "cells")
    card = read_card(one.place)
    assert evaluate_export(one.place, home.data, "validation").top1 == card.top1
    store.close()

    scoring = mylab / "mylab" / "scoring.py"
    scoring.write_text(scoring.read_text() + "# changed since\n")
    with pytest.raises(Exception, match=r"recipe\.metric: .* and mylab 1\.0 \w+ was recorded"):
        evaluate_export(one.place, home.data, "validation")
    store = Store.open(home.store_url)
    again = driver.submit(load(file, ["budget.trials=1"]), home, store)
    before = store.campaigns.get(campaign_id).document["recipe"]
    assert store.campaigns.get(again).document["recipe"] != before
    store.close()


def test_the_page_of_losses_shows_the_example() -> None:
    page = (ROOT / "docs" / "own-loss-and-metric.md").read_text()
    ((path, text),) = re.findall(r"```python\n# (\S+)\n(.*?)```", page, re.DOTALL)
    assert (EXAMPLE / path).read_text() == text
    (written,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    campaign = yaml.safe_load((EXAMPLE / "campaign.yaml").read_text())
    assert yaml.safe_load(written)["recipe"].items() <= campaign["recipe"].items()


def test_the_page_of_data_makes_a_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "own-data.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    archive, package = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/own-data.md", "exec"), {})
    source = open_source(data_spec(yaml.safe_load(archive)["data"]))
    assert source.classes == ("across", "down")
    assert source.channels == 2
    assert source.splits["train"].read(np.arange(3)).shape == (3, 16, 16, 2)
    campaign = yaml.safe_load((EXAMPLE / "campaign.yaml").read_text())
    assert yaml.safe_load(package)["data"] == campaign["data"]


@pytest.mark.usefixtures("mylab")
class TestDots(DataSetSuite):
    size = 8

    @pytest.fixture(autouse=True)
    def _kind(self, mylab: Path) -> None:  # noqa: ARG002  (after it is installed)
        from mylab.sets import Dots  # type: ignore[import-not-found]

        type(self).kind = Dots
