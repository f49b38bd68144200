"""A space is tried for the images that it will be used with."""

import random
from typing import Any

from space.space import Space
from space.survey import BLAMED, survey


def document(**cell: Any) -> dict[str, Any]:
    """A space of one choice: kernels that do not fit every map."""
    term = {"of": "input", "kernel": {"choice": [3, 5], "name": "kernel"}}
    states = {"out": {"drive": {"edges": [{"add": term}]}}}
    return {
        "name": "kernels",
        "genome": {
            "clock": {"steps": 4},
            "stages": [
                {"name": "a", "convolution": {"width": 4}, "pool": {}},
                {"name": "b", "convolution": {"width": 4}, "cell": "c"},
            ],
            "cells": {"c": {"output": "out", "states": states} | cell},
        },
    }


def tried(written: dict[str, Any], size: int, **how: Any) -> Any:
    space = Space.parse(written).with_images(size=size, channels=1, classes=10)
    return survey(space, 40, random.Random(1), **how)


def test_samples_are_infeasible_at_some_images_only() -> None:
    assert tried(document(), 32).infeasible == 0
    found = tried(document(), 8)
    assert 10 < found.infeasible < 30
    assert found.samples == 42
    ((reason, times),) = found.reasons
    assert "5 exceeds the 4x4 map" in reason
    assert times == found.infeasible
    assert "(chosen: " in found.lines()[0][1]
    ((document_of_reason),) = found.documents()
    assert document_of_reason["reason"] == reason
    assert list(document_of_reason["chosen"].values()) == [5], "the choice at fault alone"


def test_further_reasons_are_counted() -> None:
    found = tried(document(), 32, refuse=lambda _: "too large", options=False)
    assert (found.samples, found.infeasible, found.share) == (40, 40, 1.0)
    assert found.reasons == (("too large", 40),)


def test_what_never_acts_is_warned_of() -> None:
    written = document()
    assert tried(written, 32).warnings == ()
    written["genome"]["feedback"] = {"b->a": True}
    (edge,) = tried(written, 32).warnings
    assert edge == "feedback b->a is read by no cell in any sample"
    written["genome"]["feedback"] = {"b->a": {"choice": [True, False], "name": "fed"}}
    warnings = tried(written, 32).warnings
    assert [warning.split()[0] for warning in warnings] == ["fed", "feedback"]


def test_kernels_that_are_cut_to_one_size_are_no_choice() -> None:
    (warning,) = tried(document(clip_kernels=True), 4).warnings
    assert warning.startswith("kernel made no difference")


def test_the_named_spaces_have_nothing_that_never_acts() -> None:
    space = Space.load("motifs-small").with_images(size=16, channels=1, classes=10)
    found = survey(space, 20, random.Random(0))
    assert (found.infeasible, found.warnings) == (0, ())


def test_a_recipe_that_is_not_always_there_is_tried_as_well() -> None:
    written = document() | {"recipe": {"optional": {"epochs": 3}, "name": "recipe"}}
    assert tried(written, 32).infeasible == 0


def test_the_choices_at_fault_are_named_for_the_most_frequent_reasons_only() -> None:
    widths = {"choice": [4, *range(5, 31)], "name": "width"}
    written = document()
    written["genome"]["stages"][0]["convolution"]["width"] = widths
    written["genome"]["cells"]["c"]["states"]["out"]["depth"] = 4
    written["genome"]["cells"]["c"]["states"]["out"]["drive"]["edges"] = [
        {"add": {"of": "residual", "op": "identity"}}
    ]
    found = tried(written, 4)
    assert len(found.reasons) > BLAMED
    assert len(found.chosen) == BLAMED
