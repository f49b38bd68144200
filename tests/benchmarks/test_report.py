"""The measurement of reports: its made-up campaign is one, and every part is measured."""

from pathlib import Path

import pytest

from benchmarks import report
from dashboards.figures import FIGURES
from search.host.home import Home
from search.store import Store


def test_the_report_of_a_made_up_campaign_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("map", "pairs", "parallel"):  # the longest, which have tests of their own
        monkeypatch.delitem(FIGURES, name)
    home = Home.at(tmp_path, {})
    home.ensure()
    store = Store.open(home.store_url)
    campaign = report.make_campaign(store, 60)
    counts = store.results.counts(campaign)
    assert counts["finished"] + counts["pruned"] + counts["failed"] == 60
    assert counts["pruned"] > counts["finished"] > 3
    trial = store.results.get(campaign, 5)
    assert trial.read_genome().digest == trial.digest
    assert trial.motifs
    store.close()
    assert report.measure(home, "made-up") > 500_000
    printed = capsys.readouterr().out
    assert "60 trials" in printed
    for part in ("read the store", "importance of motifs", "the page", "figure progress"):
        assert part in printed
