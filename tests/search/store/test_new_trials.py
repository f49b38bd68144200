"""What a new trial leaves in the store: its genome once, and what it takes over."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from search.store import Donor, Store, Takeover
from space.equation.names import short_name
from space.genome import Genome
from space.motifs import name_motifs
from tests.support.campaigns import add, new_campaign, report, train
from tests.support.drawing import PUBLISHED_CELLS, small_genome
from tests.support.tables import engine_of


def test_each_document_is_kept_once_and_two_spellings_are_two(store: Store) -> None:
    campaign = new_campaign(store)
    document = small_genome(PUBLISHED_CELLS["conv_gru"]).document()
    turned = document | {"cells": {"motif": dict(reversed(document["cells"]["motif"].items()))}}
    other = json.loads(json.dumps(document).replace('"motif"', '"other"'))
    for number, spelling in enumerate((document, turned, other)):
        genome = Genome.parse(spelling)
        add(store, campaign.id, number, digest=genome.digest, genome=genome)
    assert {trial.digest for trial in store.results.find(campaign.id)} == {genome.digest}
    with engine_of(store).connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM genomes")).scalar_one() == 2
    assert store.results.get(campaign.id, 2).document == other


def test_what_a_control_is_stays_on_record(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0)
    lineage = {"control": "wide", "family": "parameters", "winner": "trial-7"}
    add(store, campaign.id, 1, recurrence="both", split="test", **lineage)
    plain, control = (store.results.get(campaign.id, number) for number in (0, 1))
    assert (plain.control, plain.family, plain.winner) == (None, None, None)
    assert (plain.recurrence, plain.split) == ("local", "validation")
    assert {key: getattr(control, key) for key in lineage} == lineage
    assert (control.recurrence, control.split) == ("both", "test")


def test_the_motifs_of_a_network_stay_on_record(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0, motifs=("out elu", "out keeps"))
    add(store, campaign.id, 1, motifs=None)
    add(store, campaign.id, 2, motifs=(), cell="", genome=None)
    kept, older, nothing = store.results.find(campaign.id, genomes=True)
    assert kept.motifs == kept.read_motifs() == ("out elu", "out keeps")
    assert older.motifs is None
    assert older.read_motifs() == name_motifs(older.read_genome())
    assert nothing.read_motifs() == ()


def test_names_of_earlier_versions_are_written_anew(store: Store) -> None:
    campaign = new_campaign(store)
    add(store, campaign.id, 0, cell="out = input3 + out1")
    add(store, campaign.id, 1, cell="out: in3 ~ sig(out1s)")
    kept, older = store.results.find(campaign.id, genomes=True)
    assert kept.read_cell() == "out = input3 + out1"
    assert older.read_cell() == short_name(older.read_genome())
    without = store.results.find(campaign.id)[1]
    assert without.read_cell() == "out: in3 ~ sig(out1s)"


@pytest.mark.parametrize(
    ("epochs", "end", "expected"),
    [
        (2, {"status": "finished"}, ("finished", 2, 0.4, 0.7)),
        (3, {"status": "failed", "reason": "diverged: at 4"}, ("failed", 3, 0.6, 0.7)),
        (1, {}, ("waiting", 1, 0.7, 0.7)),
    ],
)
def test_a_takeover_begins_with_the_donor_s_reports(
    store: Store, epochs: int, end: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    first, second = new_campaign(store), new_campaign(store, "again")
    add(store, first.id, 3)
    train(store, first.id, 3, 0.7, 0.4, 0.6)
    donor = Donor(trial=store.results.get(first.id, 3), document=first.document)
    add(store, second.id, 0, takeover=Takeover(donor=donor, epochs=epochs, **end))
    trial = store.results.get(second.id, 0)
    assert (trial.status, trial.epochs, trial.top1, trial.best) == expected
    assert (trial.source, trial.source_epochs) == (f"{first.id}/3", epochs)
    assert trial.document == donor.trial.document, "weights belong to the donor's spelling"
    taken = store.results.reports(second.id, 0)
    scores = [0.7, 0.4, 0.6][:epochs]
    assert [one.report for one in taken] == [report(e, top1) for e, top1 in enumerate(scores, 1)]
    places = [trial.suggested, *(one.arrived for one in taken)]
    places += [] if trial.arrived is None else [trial.arrived]
    assert places == sorted(set(places)), "every happening has a place of its own"
    sent = [entry.number for entry in store.outbox.pending(second.id)]
    assert sent == ([0] if end else [])
