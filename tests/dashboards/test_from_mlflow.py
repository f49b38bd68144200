"""A campaign read from a real MLflow server is the campaign that its store has."""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import ventral
from dashboards.frames import CHOICE
from dashboards.from_mlflow import is_address, read_mlflow
from dashboards.searched import Searched, read_searched
from search.campaign import load_with_space
from search.host.home import Home
from search.host.ports import free_port
from search.mirror.server import Server
from search.mirror.tracking import Mirror
from search.review.lesions import Lesion, record_lesions
from search.store import Campaign, Store
from space.errors import InputError
from space.motifs import name_motifs
from space.unroll.cost import cost
from tests.support.campaigns import add, new_campaign, report, train
from tests.support.waiting import GUARD

LESIONS = [
    Lesion(trial=1, part=part, kind="edge", difference=less, low=low, high=0.5, retrained=False)
    for part, less, low in (("out->out carry", -0.25, -0.5), ("input->out", None, None))
]


@dataclass(frozen=True)
class Both:
    """A campaign's home, and the server that shows it."""

    home: Home
    server: str
    stored: Searched
    served: Searched


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Iterator[Both]:
    home = Home.at(tmp_path_factory.mktemp("both") / "home", {})
    home.ensure()
    shutil.copy(empty_mlflow, home.path / "mlflow.db")
    store = Store.open(home.store_url)
    campaign = _fill(store)
    assert Mirror(store, home, campaign.id).start().close(GUARD).unsent == 0
    server = Server(home.tracking_uri, home.artifacts, home.path / "ui.log", 0, home=home)
    try:
        server.wait()
        stored = read_searched(store, campaign.id)
        served = read_mlflow(server.address, campaign.id)
        yield Both(home, server.address, stored, served)
    finally:
        server.end()
        store.close()


def _fill(store: Store) -> Campaign:
    """Trials of every end, of networks that are really of the space."""
    loaded = load_with_space(
        {"name": "it's small", "space": "motifs-small", "data": {"name": "digits", "size": 8}}
    )
    document, space = loaded.campaign.document(), loaded.space.document()
    campaign = new_campaign(store, "it's small", document, space)
    rng = random.Random(3)
    for number in range(8):
        sample = loaded.space.sample(rng)
        add(
            store,
            campaign.id,
            number,
            genome=sample.genome,
            digest=sample.digest,
            recipe=sample.recipe,
            choices=sample.choices,
            parameters=cost(sample.genome).parameters,
            motifs=name_motifs(sample.genome),
        )
    store.labels.change_tags(campaign.id, ["look", "odd"], number=1)
    store.labels.write_note(campaign.id, "a note", 1)
    train(store, campaign.id, 1, 0.25, 0.5, 0.75)
    train(store, campaign.id, 0, 0.5, 0.375, status="pruned")
    store.trials.start(campaign.id, 2)
    store.trials.add_report(campaign.id, 2, report(1, 0.5))
    gaps = {"accuracy_by_step": (math.nan, 0.25, math.nan, 0.5)}
    store.trials.add_report(campaign.id, 2, report(2, 0.25, loss=math.nan, **gaps))
    store.trials.finish(campaign.id, 2, "failed", "diverged: the loss is nan")
    store.trials.start(campaign.id, 3)
    store.trials.finish(campaign.id, 3, "failed", "lost: its worker died")
    add(store, campaign.id, 8, status="infeasible", reason="too large", cell="", macs=None)
    add(store, campaign.id, 9, origin="control", control="wide", family="macs", winner="trial 1")
    train(store, campaign.id, 9, 0.5)
    record_lesions(store, campaign.id, LESIONS)
    return store.campaigns.get(campaign.id)


def test_the_trials_are_equal_in_all_columns(both: Both) -> None:
    stored, served = both.stored.trials, both.served.trials
    # Those that never began have no run.
    begun = stored[stored["status"] != "waiting"].reset_index(drop=True)
    assert len(begun) == 6
    columns = [name for name in begun.columns if not name.startswith(CHOICE)]
    assert [name for name in served.columns if not name.startswith(CHOICE)] == columns
    assert_frame_equal(served[columns], begun[columns])


def test_the_lesions_are_those_on_record(both: Both) -> None:
    assert len(both.stored.lesions) == len(LESIONS)
    assert_frame_equal(both.served.lesions, both.stored.lesions)
    assert_frame_equal(ventral.lesions("it's small", home=both.server), both.stored.lesions)


def test_the_choices_are_those_that_act(both: Both) -> None:
    stored = both.stored.trials.set_index("trial")
    served = both.served.trials.set_index("trial")
    columns = [name for name in served.columns if name.startswith(CHOICE)]
    assert set(columns) <= set(stored.columns)
    compared = 0
    for number in (0, 1, 2, 3):
        for name in columns:
            value = served[name][number]
            if not pd.isna(value):
                assert value == stored[name][number]
                compared += 1
    assert compared > 40


def test_reports_and_steps_are_equal(both: Both) -> None:
    order = ["trial", "epoch"]
    pairs = (
        (both.served.reports, both.stored.reports, order),
        (both.served.steps, both.stored.steps, [*order, "step"]),
    )
    for served, stored, by in pairs:
        assert len(stored)
        assert_frame_equal(
            served.sort_values(by, ignore_index=True), stored.sort_values(by, ignore_index=True)
        )


def test_the_campaign_is_the_same(both: Both) -> None:
    stored, served = both.stored, both.served
    assert (served.id, served.name, served.state) == (stored.id, "it's small", "finished")
    assert served.settings == stored.settings
    assert served.space.document() == stored.space.document()
    assert served.full_epochs == stored.full_epochs
    assert served.data == stored.data
    assert served.seconds >= 0
    assert len(served.events) == 0
    assert served.openings == ()
    assert served.controls["trial"].tolist() == [9]
    order = stored.suggested["trial"].tolist()
    assert served.suggested["trial"].tolist() == [n for n in order if n < 4 or n == 8]


def test_a_motif_is_found_by_mlflows_search(both: Both) -> None:
    """As the page's search box does: it sends this text to the server."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=both.server)
    experiments = [one.experiment_id for one in client.search_experiments()]
    trials = both.served.trials
    words = sorted({word for motifs in trials["motifs"] for word in motifs}, key=len)
    assert "input->out" in words
    for word in (words[-1], next(word for word in words if " times" in word)):
        text = f"tags.ventral.motifs LIKE '%{word}%'"
        runs = client.search_runs(experiments, filter_string=text)
        having = [word in "; ".join(motifs) for motifs in trials["motifs"]]
        numbers = {int(run.data.tags["ventral.trial"]) for run in runs}
        assert numbers == set(trials["trial"][having])
        assert numbers


def test_in_python_a_server_stands_for_a_home(both: Both) -> None:
    assert_frame_equal(ventral.trials("it's small", home=both.server), both.served.trials)
    reports = ventral.reports(both.served.id, home=both.server)
    assert_frame_equal(reports, both.served.reports)
    for home in (both.server, both.home.path):
        steps = ventral.steps(both.served.id, home=home)
        assert set(steps["trial"]) == {0, 1, 2, 9}


def test_what_is_not_there_is_named(both: Both) -> None:
    with pytest.raises(InputError, match=r"'nobody': MLflow at .* has no such campaign"):
        read_mlflow(both.server, "nobody")


def test_a_server_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=address):
        read_mlflow(address, "tiny")


@pytest.mark.parametrize(
    ("home", "expected"),
    [("http://localhost:5000", True), ("https://lab", True), ("/home", False), (None, False)],
)
def test_an_address_is_told_from_a_folder(home: object, expected: bool) -> None:
    assert is_address(home) is expected
