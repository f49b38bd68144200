"""What never acts in any network of a space, and what is cut, is warned of."""

import random
from typing import Any

from space.parts import list_parts
from space.space import Space
from space.study import Study
from tests.support.kernels import document


def warnings_of(written: dict[str, Any], size: int) -> list[str]:
    space = Space.parse(written).with_images(size=size, channels=1, classes=10)
    study, rng = Study(space), random.Random(1)
    for _ in range(20):
        study.look_at(space.sample(rng))
    return list(study.warnings())


def test_what_never_acts_is_warned_of() -> None:
    written = document()
    assert warnings_of(written, 32) == []
    written["genome"]["feedback"] = {"b->a": True}
    assert warnings_of(written, 32) == ["feedback b->a is read by no cell in any sample"]
    written["genome"]["feedback"] = {"b->a": {"choice": [True, False], "name": "fed"}}
    assert [warning.split()[0] for warning in warnings_of(written, 32)] == ["fed", "feedback"]


def test_kernels_that_are_cut_are_named_with_their_stage() -> None:
    same, cut = warnings_of(document(clip_kernels=True), 4)
    assert same.startswith("kernel made no difference")
    assert cut.startswith("kernels of 3, 5 are cut to the 2x2 map of stage b in 20 of 20 networks")
    (cut,) = warnings_of(document(clip_kernels=True), 8)
    assert cut.startswith("kernels of 5 are cut to the 4x4 map of stage b in ")


def test_parts_that_a_control_is_without_and_no_network_has_are_named() -> None:
    written = document()
    sample = Space.parse(written).with_images(size=32, channels=1, classes=10).complete({})
    there = list_parts(sample.genome)[0].name
    parts = [there, f"{there}x", "feedback"]
    written["controls"] = {"lesioned": {"without": parts}}
    misspelt, word = warnings_of(written, 32)
    assert misspelt.startswith(f"the control lesioned is to be without {there}x, which none of 20")
    assert there in misspelt.partition(";")[2]
    assert word == "the control lesioned is to be without feedback, which none of 20 networks has"


def test_the_named_spaces_have_nothing_that_never_acts() -> None:
    space = Space.load("motifs-small").with_images(size=32, channels=1, classes=10)
    study, rng = Study(space), random.Random(0)
    for _ in range(12):
        study.look_at(space.sample(rng))
    assert list(study.warnings()) == []
