"""A genome finds the choices that make it, however it was written."""

from __future__ import annotations

import random

import pytest

from space import zoo
from space.errors import SpaceError
from space.genome import Genome
from space.placement import place_genome
from space.space import Space
from tests.support import toys

SMALL = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)


def test_samples_of_a_space_with_branches_numbers_and_ties_are_found() -> None:
    rng = random.Random(3)
    for _ in range(3):
        sample = SMALL.sample(rng)
        assert place_genome(SMALL, sample.genome).digest == sample.digest


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "draws"), [("motifs-small", 16, 60), ("motifs-2018", 64, 8)]
)
def test_every_sample_is_found(name: str, size: int, draws: int) -> None:
    space = Space.load(name).with_images(size=size, channels=3, classes=10)
    rng = random.Random(7)
    for _ in range(draws):
        sample = space.sample(rng)
        assert place_genome(space, sample.genome).digest == sample.digest


def test_a_genome_for_other_images_and_otherwise_written_is_the_same_network() -> None:
    sample = SMALL.sample(random.Random(8))
    document = sample.genome.document()
    document["cells"] = {"mine": document["cells"].pop("motif")}
    for stage in document["stages"]:
        if "cell" in stage:
            stage["cell"] = "mine"
    other = Genome.parse(document).with_images(size=32, channels=3, classes=7)
    assert place_genome(SMALL, other).digest == sample.digest


def test_the_hint_says_what_no_genome_says() -> None:
    space = toys.space()
    sample = space.sample(random.Random(1))
    found = place_genome(space, sample.genome, sample.choices)
    assert found.choices == sample.choices
    plain = place_genome(space, sample.genome)
    assert plain.digest == sample.digest
    assert plain.recipe == space.complete({}).recipe


def test_what_does_not_fit_is_named() -> None:
    space = toys.space()
    document = space.complete({"width": 8}).genome.document()
    document["stages"][0]["convolution"]["kernel"] = 7
    with pytest.raises(SpaceError) as raised:
        place_genome(space, Genome.parse(document), where="enqueue: mine.json")
    text = str(raised.value)
    assert text.startswith("enqueue: mine.json: is no point of the space toy: at ")
    assert "kernel it has 7" in text
    assert "width" not in text
    with pytest.raises(SpaceError, match=r"and \d+ more; open these choices"):
        place_genome(space, SMALL.sample(random.Random(2)).genome)
    with pytest.raises(SpaceError, match="is no network for the space's images"):
        place_genome(SMALL, zoo.model("rgc_shallow").genome)
