"""Names, notes, tags and removals in MLflow's own database."""

from __future__ import annotations

import pytest

from search.host.home import Home
from search.mirror import labels
from search.mirror.campaign_page import page_key
from search.mirror.client import Client, open_client
from search.mirror.experiments import experiment_name
from search.mirror.runs import NAME_TAG, NOTE_TAG, WORDS_TAG, label_tags, run_of
from search.mirror.tracking import Mirror
from search.store import Campaign, Label, Store
from tests.support.campaigns import add, new_small_campaign, train
from tests.support.waiting import GUARD


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One for all: MLflow takes seconds to make its database."""
    home = Home.at(tmp_path_factory.mktemp("labels") / "home", {})
    home.ensure()
    return home


@pytest.fixture(scope="module")
def store(home: Home) -> Store:
    return Store.open(home.store_url)


@pytest.fixture
def mirrored(home: Home, store: Store) -> Campaign:
    """A campaign whose trials 0 and 1 are in MLflow."""
    campaign, _ = new_small_campaign(store)
    for number in (0, 1):
        add(store, campaign.id, number)
        train(store, campaign.id, number, 0.5)
    store.labels.change_tags(campaign.id, ["early"], number=0)
    assert Mirror(store, home, campaign.id).start().close(GUARD).unsent == 0
    store.campaigns.set_state(campaign.id, "finished")
    return store.campaigns.get(campaign.id)


def client_of(home: Home, campaign: Campaign) -> Client:
    return open_client(home, campaign.id)


def test_what_is_written_is_in_mlflow_and_so_is_its_end(
    home: Home, store: Store, mirrored: Campaign
) -> None:
    client = client_of(home, mirrored)
    experiment, runs = str(mirrored.experiment), store.outbox.runs(mirrored.id)
    known = client._client.get_run(runs[0]).data.tags
    assert (known[WORDS_TAG], NOTE_TAG in known) == ("early", False)

    store.labels.write_note(mirrored.id, "<b>best</b>", 1)
    store.labels.change_tags(mirrored.id, ["odd", "poster"], number=1)
    labels.publish_trial(home, store, mirrored.id, 1)
    known = client._client.get_run(runs[1]).data.tags
    assert (known[WORDS_TAG], known[NOTE_TAG]) == ("odd; poster", r"\<b\>best\</b\>")

    store.labels.write_note(mirrored.id, "for the poster")
    store.labels.change_tags(mirrored.id, ["poster"])
    renamed = store.labels.rename(mirrored.id, "other")
    labels.publish_campaign(home, store, mirrored.id, renamed=True)
    assert client._client.get_run(runs[0]).data.tags[NAME_TAG] == "other"
    page = client._client.get_run(client.find(experiment, page_key(mirrored.id)))
    assert page.data.tags[NOTE_TAG].startswith("for the poster\n")
    assert "| Tags | poster |" in page.data.tags[NOTE_TAG]
    shown = client._client.get_experiment(experiment)
    assert (shown.name, shown.tags[WORDS_TAG]) == (experiment_name(renamed), "poster")
    assert shown.tags[NAME_TAG] == "other"

    store.labels.write_note(mirrored.id, "", 1)
    store.labels.change_tags(mirrored.id, remove=["odd", "poster"], number=1)
    labels.publish_trial(home, store, mirrored.id, 1)
    known = client._client.get_run(runs[1]).data.tags
    assert (known[WORDS_TAG], known[NOTE_TAG]) == ("", "")

    labels.delete_runs(home, renamed)
    labels.delete_runs(home, renamed)
    assert client._client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert not client.writable(runs[0])
    client.close()


def test_an_experiment_is_found_under_its_campaign_s_old_name(
    home: Home, store: Store, mirrored: Campaign
) -> None:
    """MLflow was away when the campaign was renamed."""
    renamed = store.labels.rename(mirrored.id, "other")
    client = client_of(home, mirrored)
    assert client.experiment(renamed, None) == (mirrored.experiment, False)
    shown = client._client.get_experiment(mirrored.experiment)
    assert shown.name == experiment_name(renamed)
    client.delete_experiment(str(mirrored.experiment), "anotherid")
    assert client._client.get_experiment(mirrored.experiment).lifecycle_stage == "active"
    client.close()


def test_what_cannot_be_sent_is_sent_by_the_next_mirror(
    home: Home, store: Store, mirrored: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConnectionError("away")

    store.labels.change_tags(mirrored.id, ["late"], number=1)
    with monkeypatch.context() as patch:
        patch.setattr(labels, "open_client", fail)
        with pytest.raises(ConnectionError):
            labels.publish_trial(home, store, mirrored.id, 1)
    assert [entry.number for entry in store.outbox.pending(mirrored.id)] == [1]
    reports = store.results.reports(mirrored.id, 1)
    label = store.labels.find(mirrored.id, 1)
    run = run_of(mirrored, store.results.get(mirrored.id, 1), reports, label=label)
    assert run.tags[WORDS_TAG] == "late"


def test_a_note_that_was_written_in_mlflow_stays() -> None:
    assert label_tags(None) == {}
    assert label_tags(Label(tags=("a", "b"))) == {WORDS_TAG: "a; b"}
    assert label_tags(Label(note="")) == {WORDS_TAG: "", NOTE_TAG: ""}
