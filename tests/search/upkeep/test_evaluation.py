"""An export scored again: where the opening of its test split is on record, and where not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from models.build import build
from search.host.home import Home
from search.store import Store
from search.upkeep import openings
from search.upkeep.evaluation import evaluate_on_record
from space.errors import InputError, StoreError
from tests.support.campaigns import new_campaign
from tests.support.exports import card, genome
from workers import export, scoring
from workers.card import Card


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> list[Card]:
    """The cards of the export, the present one last; it scores 0.25 on either split."""
    scores = SimpleNamespace(top1=0.25, top5=0.5, loss=2.0, accuracy_by_step=())
    written: list[Card] = []
    monkeypatch.setattr(export, "read_card", lambda _folder: written[-1])
    monkeypatch.setattr(export, "rewrite_card", lambda _folder, changed: written.append(changed))
    monkeypatch.setattr(scoring, "evaluate_export", lambda *_: scores)
    return written


def test_each_opening_is_on_record_and_the_first_in_the_card(
    store: Store, home: Home, cards: list[Card]
) -> None:
    record = new_campaign(store)
    cards.append(card(campaign=record.id, trial=3, split="validation"))
    evaluated = [evaluate_on_record("cell", home, command="by hand") for _ in range(2)]
    assert [one.on_record for one in evaluated] == [True, True]
    assert [one.recorded for one in evaluated] == [None, 0.25]
    assert (len(cards), cards[-1].test_top1) == (2, 0.25)
    openings = store.campaigns.openings(record.id)
    assert [(one.command, one.networks) for one in openings] == [("by hand", ("trial-3",))] * 2
    same = evaluate_on_record("cell", home, "validation", command="by hand")
    assert (same.recorded, same.on_record, len(cards)) == (0.5, False, 2)
    assert store.campaigns.test_openings(record.id) == 2


def test_a_campaign_that_is_elsewhere_has_no_record_here(
    store: Store, home: Home, cards: list[Card]
) -> None:
    """Neither has one that is called as the other's id is."""
    new_campaign(store, "elsewhere")
    for campaign in ("elsewhere", "nowhere", ""):
        cards.append(card(campaign=campaign, trial=3, split="validation"))
        assert not evaluate_on_record("cell", home, command="by hand").on_record
        assert cards[-1].test_top1 == 0.25, "the card says it"
    for record in store.campaigns.all():
        assert store.campaigns.openings(record.id) == []


def test_without_a_store_or_a_card_to_write_it_is_scored_all_the_same(
    tmp_path: Path, cards: list[Card], monkeypatch: pytest.MonkeyPatch
) -> None:
    cards.append(card(campaign="abcd", split="validation"))

    def refuse(_folder: object, _card: Card) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(export, "rewrite_card", refuse)
    home = Home.at(tmp_path / "new", {})
    result = evaluate_on_record("cell", home, command="by hand")
    assert (result.scores.top1, result.on_record) == (0.25, False)
    assert result.not_written == "Read-only file system"
    assert not (tmp_path / "new" / "store.db").exists()


def test_through_a_link_it_is_scored_and_on_record(
    store: Store, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card of an export that a link names is not written, which is said."""
    record = new_campaign(store)
    facts = card(campaign=record.id, trial=3, split="validation")
    folder = export.write(tmp_path / "cell", genome(), build(genome()).state_dict(), facts)
    link = tmp_path / "link"
    link.symlink_to(folder)
    scores = SimpleNamespace(top1=0.25, top5=0.5, loss=2.0, accuracy_by_step=())
    monkeypatch.setattr(scoring, "evaluate_export", lambda *_: scores)
    evaluated = evaluate_on_record(link, home, command="by hand")
    assert (evaluated.scores.top1, evaluated.on_record) == (0.25, True)
    assert evaluated.not_written is not None
    assert "is a link" in evaluated.not_written
    assert store.campaigns.test_openings(record.id) == 1
    assert export.read_card(folder) == facts
    assert evaluate_on_record(folder, home, command="by hand").not_written is None
    assert export.read_card(folder).test_openings == 1


def test_why_an_opening_is_not_on_record_is_the_reason_of_the_store(
    store: Store, home: Home, cards: list[Card], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = new_campaign(store)
    cards.append(card(campaign=record.id, trial=3, split="validation"))
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise StoreError("store.db", "attempt to write a readonly database")

        patch.setattr(openings, "record_opening", refuse)
        result = evaluate_on_record("cell", home, command="by hand")
    assert result.not_recorded == "store.db: attempt to write a readonly database"
    assert (result.on_record, cards[-1].test_top1) == (False, 0.25)
    for elsewhere, reason in (("nowhere", "no campaign 'nowhere'"), ("motifs", "does not have")):
        cards.append(card(campaign=elsewhere, trial=3, split="validation"))
        reasons = evaluate_on_record("cell", home, command="by hand").not_recorded
        assert reasons is not None
        assert reason in reasons


def test_what_is_no_export_is_an_error(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        evaluate_on_record(tmp_path, home, command="by hand")
