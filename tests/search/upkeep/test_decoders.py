"""Decoders compared on an export: the look at its test split is on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
from search.upkeep.decoders import SEEN, compare_decoders_on_record
from space.errors import InputError
from tests.support.campaigns import new_campaign
from tests.support.exports import write_trained
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.evaluation import evaluate
from workers.export import WEIGHTS, load
from workers.readouts import Training

QUICK = Training(epochs=1, rates=(0.01,))


def test_decoders_are_compared_and_the_export_stays_as_it_is(
    store: Store, home: Home, tmp_path: Path
) -> None:
    digits = pack(DigitsOccluded(size=8, train_images=60, test_images=50), home.ensure(home.data))
    record = new_campaign(store)
    folder = write_trained(tmp_path / "one", digits, campaign=record.id, trial=3)
    before = (folder / WEIGHTS).read_bytes()
    heard: list[str] = []
    rows, (look,) = compare_decoders_on_record(
        str(folder), home, QUICK, "test", command="by hand", listen=heard.append
    )
    assert rows[0].top1 == evaluate(load(folder), digits, split="test").top1
    assert "mlp" in heard
    assert SEEN not in heard
    assert (folder / WEIGHTS).read_bytes() == before
    assert look.not_recorded is None
    (opening,) = store.campaigns.openings(record.id)
    assert (opening.command, opening.networks) == ("by hand", ("trial-3",))
    rows, looks = compare_decoders_on_record(
        str(folder), home, QUICK, "validation", command="by hand", listen=heard.append
    )
    assert rows[0].top1 == rows[0].validation
    assert looks == []
    with pytest.raises(InputError, match="--device: tpu"):
        compare_decoders_on_record(
            str(folder), home, QUICK, "test", command="", device="tpu", listen=heard.append
        )
    assert store.campaigns.test_openings(record.id) == 1


def test_a_network_that_knows_what_decoders_are_chosen_by_is_noted(
    home: Home, tmp_path: Path
) -> None:
    packs = home.ensure(home.data)
    digits = pack(DigitsOccluded(size=8, train_images=60, test_images=50), packs)
    others = pack(DigitsOccluded(size=8, train_images=61, test_images=50), packs)
    folder = write_trained(tmp_path / "one", digits, recipe={"train_on": "train+validation"})
    for data, seen in ((None, True), (others.path, False)):
        heard: list[str] = []
        compare_decoders_on_record(
            str(folder), home, QUICK, "test", command="", data=data, listen=heard.append
        )
        assert (SEEN in heard) == seen
