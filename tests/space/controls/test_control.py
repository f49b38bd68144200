"""A control of a space: laid over it, whole, or derived from the best network."""

from __future__ import annotations

import pytest

from space.errors import SpaceError
from space.space import Space

DOCUMENT = {
    "name": "small",
    "genome": {"stages": [{"name": "conv1", "convolution": {"width": 8}}]},
    "controls": {"wider": {"match": "parameters"}, "plain": {}},
}


def test_what_makes_its_own_genome_has_no_other() -> None:
    wider = {"match": "parameters", "genome": {"clock": {"steps": 3}}}
    document = DOCUMENT | {"controls": {"wider": wider}}
    with pytest.raises(SpaceError, match=r"controls.wider.*leave one of them out"):
        Space.parse(document)
    document = DOCUMENT | {"controls": {"wider": {"match": "macs", "without": ["feedback"]}}}
    with pytest.raises(SpaceError, match="write two controls"):
        Space.parse(document)


def test_none_is_a_network_before_the_best_is_there() -> None:
    with pytest.raises(SpaceError, match="`ventral certify` trains it"):
        Space.parse(DOCUMENT).control("wider")


def test_a_whole_control_has_nothing_of_the_space_under_it() -> None:
    space = Space.parse(DOCUMENT)
    assert space.fixed_controls == ("plain",)
    genome = {"stages": [{"name": "only", "convolution": {"width": 4}}]}
    document = space.document() | {"controls": {"own": {"genome": genome, "whole": True}}}
    own = Space.parse(document).control("own")
    assert [stage.name for stage in own.genome.stages] == ["only"]
    assert own.genome.cells == {}
