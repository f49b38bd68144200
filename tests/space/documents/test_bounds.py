"""The bounds of what may be written lie far above the published networks and the named spaces."""

import pytest

from space import zoo
from space.documents import bounds
from space.documents.trees import size
from space.network.architecture import Architecture
from space.space import Space


def published() -> list[Architecture]:
    return [zoo.model(name).genome for name in zoo.names()]


def test_every_bound_is_a_positive_number() -> None:
    values = {name: value for name, value in vars(bounds).items() if name.isupper()}
    assert values
    assert all(isinstance(value, (int, float)) and value > 0 for value in values.values())


def test_published_networks_lie_far_below() -> None:
    genomes = published()
    cells = [cell for genome in genomes for cell in genome.cells.values()]
    assert 10 * max(len(genome.stages) for genome in genomes) < bounds.STAGES
    assert 10 * max(genome.clock.steps for genome in genomes) < bounds.STEPS
    assert 10 * max(len(cell.states) for cell in cells) < bounds.STATES
    assert 10 * max(size(genome.document()) for genome in genomes) < bounds.NODES
    assert 5 * max(len(cell.terms) for cell in cells) < bounds.CELL_TERMS


@pytest.mark.parametrize("name", Space.named())
def test_named_spaces_lie_far_below(name: str) -> None:
    space = Space.load(name)
    assert 4 * len(space.parameters) < bounds.CHOICES
    assert 10 * size(space.document()) < bounds.NODES
