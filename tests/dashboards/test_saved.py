"""Campaigns as files, and the searches at scale that come with Ventral."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ventral
from building.layout import describe
from dashboards.saved import example_names, load_example, read_saved, save_searched
from dashboards.searched import read_searched
from search.store import Store
from space.errors import InputError
from space.motifs import name_motifs
from tests.support.campaigns import add, new_small_campaign, train
from tests.support.searches import draw_search

EXAMPLES = Path(load_example.__code__.co_filename).parent / "examples"


def test_a_campaign_comes_back_from_its_file(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/store.db")
    campaign, _ = new_small_campaign(store)
    add(store, campaign.id, 0, origin="control", control="feedforward")
    add(store, campaign.id, 1, motifs=("out elu", "out keeps"), choices={"gate": True})
    add(store, campaign.id, 2, status="infeasible", reason="too large")
    train(store, campaign.id, 0, 0.2, 0.4, 0.6)
    train(store, campaign.id, 1, 0.25, status="pruned")
    store.campaigns.add_event(campaign.id, "resumed", {"by": "a test"})
    store.campaigns.add_opening(
        campaign.id, who="me@here", command="certify", networks=["trial 1"], split="test"
    )
    searched = read_searched(store, campaign.id)
    file = tmp_path / "saved.json.gz"
    save_searched(searched, file)
    again = read_saved(file)
    assert (again.id, again.name, again.state) == (searched.id, "small", searched.state)
    assert again.settings == searched.settings
    assert again.space.document() == searched.space.document()
    assert again.data == {"name": "digits"}
    for name in ("reports", "steps"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(searched, name))
    times = ["created", "started", "ended"]
    plain = searched.trials.drop(columns=times)
    pd.testing.assert_frame_equal(again.trials.drop(columns=times), plain)
    for name in times:
        late = (again.trials[name] - searched.trials[name]).abs().max()
        assert late <= pd.Timedelta(milliseconds=1)
    assert again.events["kind"].tolist() == searched.events["kind"].tolist()
    (opening,) = again.openings
    assert (opening.who, opening.command, opening.networks) == ("", "certify", ("trial 1",))
    first = file.read_bytes()
    save_searched(again, file)
    assert file.read_bytes() == first


def test_a_file_that_is_no_campaign_is_named(tmp_path: Path) -> None:
    file = tmp_path / "saved.json.gz"
    for content in (b"text", gzip.compress(b"text"), gzip.compress(b"[]"), gzip.compress(b"{}")):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"saved\.json\.gz: is no saved campaign"):
            read_saved(file)
    save_searched(draw_search(3, lambda *_: {"top1": 0.5}), file)
    document = json.loads(gzip.decompress(file.read_bytes()))
    file.write_bytes(gzip.compress(json.dumps(document | {"version": 99}).encode()))
    with pytest.raises(InputError, match="has the form 99"):
        read_saved(file)
    with pytest.raises(InputError, match=r"none called 'guidde'; did you mean .guided"):
        load_example("guidde")


def test_the_examples_are_small_and_are_part_of_the_package() -> None:
    assert {"guided", "random"} <= set(example_names())
    sizes = {file.name: file.stat().st_size for file in EXAMPLES.glob("*.json.gz")}
    assert sum(sizes.values()) < 3_000_000
    assert {name.removesuffix(".json.gz") for name in sizes} == set(example_names())
    built = describe(EXAMPLES.parents[1])["package_data"]["ventral.dashboards.examples"]
    assert set(built) == set(sizes)


@pytest.mark.parametrize("name", example_names())
def test_an_example_is_whole(name: str) -> None:
    """Its networks can be made again, its curves end at its scores, its motifs are their words."""
    searched = ventral.example(name)
    trials = searched.trials
    assert (searched.name, "path" in searched.data) == (name, False)
    assert len(trials) > 1000
    assert trials["trial"].is_unique
    reports = searched.reports.sort_values("epoch").groupby("trial")["top1"]
    trained = trials[trials["epochs"] > 0].set_index("trial")
    last, count = reports.last(), reports.count()
    np.testing.assert_allclose(last[trained.index], trained["top1"])
    assert (count[trained.index] == trained["epochs"]).all()
    assert set(trials["recurrent"].dropna()) == {"none", "local", "feedback", "both"}
    rows = searched.suggested.iloc[:: len(trials) // 8]
    for row in rows.to_dict("records"):
        made = {str(name): value for name, value in row.items() if value == value}
        paths = [name for name in made if name.startswith("choice.")]
        choices = {name.removeprefix("choice."): made[name] for name in paths}
        genome = searched.space.close(searched.space.opened.complete(choices)).genome
        assert genome.digest == row["digest"]
        assert name_motifs(genome) == row["motifs"]
