"""What a label is of, what it may be, and what becomes of it where MLflow is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.store import Label
from search.upkeep import labelling
from search.upkeep.labelling import Target, change_tags, find_target, rename_campaign, write_note
from space.errors import InputError, StoreError
from tests.support.bench import StoreBench
from tests.support.campaigns import add, new_campaign


@pytest.fixture
def bench(tmp_path: Path) -> StoreBench:
    return StoreBench(tmp_path / "home")


def test_a_campaign_or_a_trial_of_it(bench: StoreBench) -> None:
    store = bench.store
    campaign, odd = new_campaign(store, "night"), new_campaign(store, "half/7")
    add(store, campaign.id, 7)
    assert find_target(store, "night") == Target(campaign=campaign)
    trial = find_target(store, f"{campaign.id}/7")
    assert trial == find_target(store, "night/7") == Target(campaign=campaign, number=7)
    assert trial.name == f"{campaign.id}/7"
    assert find_target(store, "half/7") == Target(campaign=odd), "a name may look like that"
    with pytest.raises(StoreError, match="no trial 8"):
        find_target(store, "night/8")
    with pytest.raises(StoreError, match="no campaign 'day'"):
        find_target(store, "day/1")
    other = new_campaign(store, "night")
    with pytest.raises(InputError, match=rf"several campaigns: {other.id}, {campaign.id}"):
        find_target(store, "night/7")


@pytest.mark.parametrize("word", ["", "two words", "a,b", "-x", "x" * 41, "a\n", "a;b"])
def test_a_tag_is_one_word(bench: StoreBench, word: str) -> None:
    target = Target(campaign=new_campaign(bench.store))
    with pytest.raises(InputError, match=r"is not a tag; write one word"):
        change_tags(bench.store, target, ["good", word])
    assert bench.store.labels.find(target.campaign.id) is None


def test_notes_and_tags_are_bounded(bench: StoreBench) -> None:
    target = Target(campaign=new_campaign(bench.store))
    with pytest.raises(InputError, match="write at most 4,000"):
        write_note(bench.store, target, "x" * 4001)
    many = [f"tag{number}" for number in range(51)]
    with pytest.raises(InputError, match="more than 50 tags"):
        change_tags(bench.store, target, many)
    assert change_tags(bench.store, target, many[:50]).tags == tuple(sorted(many[:50]))
    assert change_tags(bench.store, target, ["v2.1", "größe"], many).tags == ("größe", "v2.1")
    assert write_note(bench.store, target, " two\nlines ").note == "two\nlines"


def test_a_name_is_no_id_and_not_empty(bench: StoreBench) -> None:
    first, second = (new_campaign(bench.store, name) for name in ("first", "second"))
    bench.store.campaigns.set_state(first.id, "stopped")
    for name in ("", " ", "x" * 1000, second.id):
        with pytest.raises(InputError, match=r"^name: "):
            rename_campaign(bench.store, first, name)
    assert rename_campaign(bench.store, first, "second").name == "second", "names may repeat"


def test_a_campaign_without_runs_needs_no_mlflow(
    bench: StoreBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target(campaign=new_campaign(bench.store))
    write_note(bench.store, target, "text")
    assert labelling.publish(bench.store, bench.home, target) is None

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError("away\nfar")

    monkeypatch.setattr(labelling, "publish_campaign", fail)
    assert labelling.publish(bench.store, bench.home, target) == "ConnectionError: away"
    assert bench.store.labels.find(target.campaign.id) == Label(note="text")
