"""Images of a data set as a stimulus set."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.errors import DataError
from workers.brains.data_stimuli import choose_images, encode_png, write_stimuli
from workers.data.datasets import open_source
from workers.data.specs import Digits

SPEC = Digits(size=16)


def test_images_are_those_of_the_data_set_with_what_they_show(tmp_path: Path) -> None:
    stimuli = write_stimuli(SPEC, 12, tmp_path / "set")
    assert stimuli.columns == ["stimulus_id", "filename", "object_name"]
    assert len(stimuli.rows) == 12
    source = open_source(SPEC)
    split = source.splits["train"]
    for name, row in stimuli.rows.items():
        place = int(name.removeprefix("digits-"))
        pixels = np.asarray(Image.open(io.BytesIO(stimuli.read_image(name))))
        np.testing.assert_array_equal(pixels, split.read(np.array([place]))[0, :, :, 0])
        assert row["object_name"] == source.classes[split.labels[place]]


def test_every_object_has_its_share() -> None:
    labels = np.array([0] * 50 + [1] * 3 + [2] * 20)
    chosen = choose_images(labels, 16, seed=0)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    counts = np.bincount(labels[chosen])
    assert counts[1] == 3, "all that there are"
    assert sorted([counts[0], counts[2]]) == [6, 7]
    assert chosen.tolist() != choose_images(labels, 16, seed=1).tolist()
    assert choose_images(labels, 73, seed=0).tolist() == [*range(73)]


def test_the_same_stimuli_stay_and_others_are_not_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    first = write_stimuli(SPEC, 12, folder)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_stimuli(SPEC, 12, folder).rows == first.rows
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times
    with pytest.raises(DataError, match="set: holds something else than these stimuli"):
        write_stimuli(SPEC, 13, folder)
    with pytest.raises(DataError, match="set: holds something else than these stimuli"):
        write_stimuli(Digits(size=8), 12, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    assert len(write_stimuli(SPEC, 2, folder).rows) == 2


def test_more_images_than_there_are_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"count: 2,000 of 1,\d+ in digits; give 1 to 1,\d+"):
        write_stimuli(SPEC, 2000, tmp_path / "set")
    assert not [*tmp_path.iterdir()]


def test_images_of_other_channels_are_no_pictures() -> None:
    with pytest.raises(DataError, match="images: an image of 2 channels is no picture"):
        encode_png(np.zeros((4, 4, 2), np.uint8))
    colour = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    decoded = np.asarray(Image.open(io.BytesIO(encode_png(colour))))
    np.testing.assert_array_equal(decoded, colour)
