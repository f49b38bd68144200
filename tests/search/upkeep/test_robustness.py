"""Exports scored side by side on spoilt images: the same ones for all, and on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
from search.upkeep.robustness import score_robustness_on_record
from space.errors import InputError
from tests.support.campaigns import new_campaign
from tests.support.exports import write_trained
from workers.data.pack import Pack
from workers.data.packing import pack
from workers.data.specs import DigitsOccluded
from workers.evaluation import evaluate
from workers.export import load
from workers.robustness.answers import Condition
from workers.robustness.scoring import Settings

SETTINGS = Settings(kinds=("blur",), severities=(2,))


@pytest.fixture
def digits(home: Home) -> Pack:
    """The data of the exports, in the home."""
    spec = DigitsOccluded(size=8, train_images=60, test_images=50)
    return pack(spec, home.ensure(home.data))


def _listen(_model: str, _condition: Condition) -> None:
    pass


def test_exports_are_scored_on_the_same_images_and_each_look_is_on_record(
    store: Store, home: Home, digits: Pack, tmp_path: Path
) -> None:
    record = new_campaign(store)
    one = write_trained(tmp_path / "one", digits, campaign=record.id, trial=3)
    two = write_trained(tmp_path / "two", digits, seed=1)
    heard: list[tuple[str, str]] = []
    scores, looks = score_robustness_on_record(
        [str(one), str(two)],
        home,
        SETTINGS,
        "test",
        command="by hand",
        listen=lambda model, condition: heard.append((model, condition.kind)),
    )
    assert heard == [(name, kind) for name in ("one", "two") for kind in ("clean", "blur")]
    assert [(row.model, row.kind) for row in scores.rows] == heard
    assert scores.rows[0].accuracy == evaluate(load(one), digits, split="test").top1
    assert [one.kind for one in scores.comparisons] == ["clean", "blur"]
    assert [look.not_recorded for look in looks] == [None, "the export is of no campaign"]
    (opening,) = store.campaigns.openings(record.id)
    assert (opening.command, opening.networks, opening.split) == ("by hand", ("trial-3",), "test")
    # What is validation is no look, and another pack of the same classes serves as well.
    for data in (None, digits.path):
        again, none = score_robustness_on_record(
            [str(one)], home, SETTINGS, "validation", command="by hand", data=data, listen=_listen
        )
        assert (len(again.rows), none) == (2, [])
    assert store.campaigns.test_openings(record.id) == 1


def test_a_device_that_there_is_not_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--device: tpu"):
        score_robustness_on_record(
            [str(tmp_path)], home, SETTINGS, "test", command="", device="tpu", listen=_listen
        )
