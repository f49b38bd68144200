"""Exports scored side by side on spoilt images: the same ones for all, and on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.host.home import Home
from search.store import Store
from search.upkeep.robustness import (
    name_apart,
    open_exports,
    record_looks,
    score_robustness_on_record,
)
from space.errors import DataError, InputError
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
    assert record_looks([], [], home, "validation", "by hand") == []


def test_exports_of_other_images_are_not_compared(
    home: Home, digits: Pack, tmp_path: Path
) -> None:
    others = pack(DigitsOccluded(size=8, train_images=60, test_images=51), home.data)
    folders = [
        str(write_trained(tmp_path / name, data))
        for name, data in (("one", digits), ("b", others))
    ]
    with pytest.raises(InputError, match="b: it was scored on other images than one; name one"):
        open_exports(folders, home, "test", None)
    opened = open_exports(folders, home, "test", others.path)
    assert {one.data.checksum for one in opened.values()} == {others.checksum}


def test_what_does_not_fit_is_refused(home: Home, digits: Pack, tmp_path: Path) -> None:
    export = write_trained(tmp_path / "one", digits)
    renamed = write_trained(tmp_path / "renamed", digits, classes=("a",) * 10)
    with pytest.raises(InputError, match=r"--data: .* its classes are not those of"):
        open_exports([str(renamed)], home, "test", digits.path)
    with pytest.raises(DataError, match="nowhere"):
        open_exports([str(export)], home, "test", tmp_path / "nowhere")
    selected = write_trained(
        tmp_path / "selected", digits, recipe={"train_on": "train+validation"}
    )
    with pytest.raises(InputError, match="was trained on the validation images"):
        open_exports([str(selected)], home, "validation", None)
    plain = pack(DigitsOccluded(size=8, train_images=60, test_images=50, validation=0), home.data)
    with pytest.raises(InputError, match="has no validation split"):
        open_exports([str(export)], home, "validation", plain.path)
    with pytest.raises(InputError, match="--device: tpu"):
        score_robustness_on_record(
            [str(export)], home, SETTINGS, "test", command="", device="tpu", listen=_listen
        )


def test_names_are_short_where_they_differ() -> None:
    assert name_apart(["a/cell", "b/other/"]) == ["cell", "other"]
    assert name_apart(["a/cell", "b/cell"]) == ["a/cell", "b/cell"]
    with pytest.raises(InputError, match="a/cell: is named twice"):
        name_apart(["a/cell", "a/cell"])
