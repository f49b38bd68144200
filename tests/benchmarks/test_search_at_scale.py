"""The data set of searches at scale is written from a home that may be in use, and summarised."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import search_at_scale
from benchmarks.search_at_scale import export_searches, summarise, write_summary
from dashboards.saved import example_names, load_example, read_saved
from search.campaign import load_with_space
from search.store import Store
from tests.support.campaigns import add, new_campaign, train

PAGE = Path(search_at_scale.__file__).parents[1] / "docs" / "search-at-scale.md"


def test_a_home_that_is_in_use_is_exported_and_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.mkdir()
    store = Store.open(f"sqlite:///{place}/store.db")
    loaded = load_with_space(
        {"name": "random", "space": "motifs-small", "data": {"name": "digits"}}
    )
    document, space = loaded.campaign.document(), loaded.space.document()
    campaign = new_campaign(store, "random", document, space)
    add(store, campaign.id, 0)
    train(store, campaign.id, 0, 0.2, 0.4)
    add(store, campaign.id, 1)
    new_campaign(store, "another", document, space)
    files = export_searches(tmp_path, tmp_path / "there")
    assert [file.name for file in files] == ["random.json.gz"]
    searched = read_saved(files[0])
    assert searched.trials["status"].tolist() == ["finished", "waiting"]
    assert searched.reports["top1"].tolist() == [0.2, 0.4]
    assert store.campaigns.get(campaign.id).state == "running"
    first = files[0].read_bytes()
    assert export_searches(tmp_path, tmp_path / "there")[0].read_bytes() == first


def test_the_summary_has_a_row_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    searches = [load_example(name) for name in example_names()]
    lines = summarise(searches).splitlines()
    for one in searches:
        rows = [line for line in lines if line.startswith(f"| `{one.name}` |")]
        assert len(rows) == 5
        assert f" {len(one.suggested[one.suggested['epochs'] > 0])} |" in rows[0]
        best = one.suggested.loc[one.suggested["epochs"] == one.full_epochs, "top1"].max()
        assert f"{best:.4f}" in rows[0]
        assert f"{best:.4f}" in rows[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["search_at_scale", "--summary"])
        search_at_scale.main()
    assert "| sampler |" in capsys.readouterr().out


def test_the_page_says_what_the_data_set_shows(tmp_path: Path) -> None:
    """If not: python -m benchmarks.search_at_scale --summary docs/search-at-scale.md."""
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["search_at_scale", "--summary", str(page)])
        search_at_scale.main()
    assert page.read_text() == PAGE.read_text()
    assert page.with_suffix(".svg").read_text() == PAGE.with_suffix(".svg").read_text()
    page.write_text("nothing")
    with pytest.raises(ValueError, match="has no lines"):
        write_summary("", page)
