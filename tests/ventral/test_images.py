"""A space is looked at with the images of a campaign, or with its own."""

from pathlib import Path

import numpy as np
import pytest

from space.errors import DataError, InputError
from space.space import Space
from ventral.images import Images, fit_images

DOCUMENT = {
    "name": "s",
    "images": {"size": 12, "channels": 2, "classes": 5},
    "genome": {"stages": [{"name": "a", "convolution": {"width": 4}}], "clock": {"steps": 3}},
}


def test_a_space_has_images_of_its_own() -> None:
    space = Space.parse(DOCUMENT)
    fitted, images = fit_images(space, None, None)
    assert fitted is space
    assert images == Images(size=12, channels=2, classes=5, own=True)
    assert str(images) == (
        "12x12 pixels, 2 channels, 5 classes (its own; --size and --data take others)"
    )


def test_a_size_replaces_the_size_alone() -> None:
    fitted, images = fit_images(Space.parse(DOCUMENT), None, 7)
    assert images.document() == {"size": 7, "channels": 2, "classes": 5}
    assert fitted.complete({}).genome.image.size == 7
    assert "its own" not in str(images)


def test_a_data_set_replaces_all_of_them_and_may_have_a_size() -> None:
    space = Space.parse(DOCUMENT)
    assert fit_images(space, "digits", None)[1].document() == {
        "size": 8,
        "channels": 1,
        "classes": 10,
    }
    assert fit_images(space, "digits", 16)[1].size == 16
    assert str(fit_images(space, "digits", 16)[1]) == "16x16 pixels, 1 channel, 10 classes"
    with pytest.raises(InputError, match="--data"):
        fit_images(space, str(Path("no-such-data")), None)


def test_an_archive_of_arrays_is_named_by_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, labels = np.zeros((40, 6, 6, 3), np.uint8), np.arange(40) % 4
    np.savez(tmp_path / "dots.npz", train_images=pixels, train_labels=labels)
    monkeypatch.chdir(tmp_path)
    _, images = fit_images(Space.parse(DOCUMENT), "dots.npz", 6)
    assert images.document() == {"size": 6, "channels": 3, "classes": 4}
    with pytest.raises(DataError, match=r"none\.npz"):
        fit_images(Space.parse(DOCUMENT), "none.npz", 6)
