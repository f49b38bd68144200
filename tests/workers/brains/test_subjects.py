from __future__ import annotations

from pathlib import Path

import pytest
import torch

from models.build import build
from space.errors import InputError
from tests.support import exports
from workers import export
from workers.brains.presentation import Presentation
from workers.brains.subjects import Subject, load_subject


def write_export(folder: Path) -> Path:
    network = build(exports.genome(), seed=4)
    return export.write(folder, exports.genome(), network.state_dict(), exports.card())


def test_an_export_has_its_weights_and_statistics(tmp_path: Path) -> None:
    place = write_export(tmp_path / "one")
    for name in (str(place), place.as_uri()):
        subject = load_subject(name, seed=9)
        assert (subject.name, subject.trained) == (name, True)
        assert subject.statistics is not None
        assert (*subject.statistics.mean, *subject.statistics.std) == (0.5, 0.25)
        weights = build(exports.genome(), seed=4).state_dict()
        assert all(
            torch.equal(one, weights[key]) for key, one in subject.network.state_dict().items()
        )
    with pytest.raises(InputError, match=r"size: .*one is an export, which has a size of its own"):
        load_subject(str(place), size=8)


def test_what_has_no_weights_is_drawn_from_a_seed(tmp_path: Path) -> None:
    write_export(tmp_path / "one")
    genome = str(tmp_path / "one" / "genome.json")
    first, again, other = (load_subject(genome, seed=seed, size=12) for seed in (0, 0, 1))
    assert not first.trained
    assert first.network.image_size == 12
    kernels = [one.network.state_dict()["head.kernel"] for one in (first, again, other)]
    assert torch.equal(kernels[0], kernels[1])
    assert not torch.equal(kernels[0], kernels[2])
    zoo = load_subject("basenet_shallow", size=128)
    assert (zoo.network.image_size, zoo.network.training, zoo.trained) == (128, False, False)
    with pytest.raises(InputError, match='models: "basenet" is neither a model of the zoo nor'):
        load_subject("basenet")


def test_a_presentation_is_the_clock_s_own_unless_it_is_given() -> None:
    genome = exports.genome().document() | {"clock": {"steps": 9, "image_on": 1, "image_off": 6}}
    network = build(type(exports.genome()).parse(genome))
    subject = Subject(name="one", network=network, statistics=None)
    own = Presentation(steps=5, blank_steps=3, degrees=8, field_degrees=8)
    assert subject.show(10) == own
    assert subject.show(20, until=12).blank_steps == 7
    assert subject.show(20, until=4).milliseconds == 20
    assert subject.show(10, steps=11, degrees=5) == Presentation(steps=11, degrees=5)
    still = Subject(name="two", network=build(exports.genome()), statistics=None)
    assert still.show(10, until=7) == Presentation(steps=7)
