"""`up_to: map`: kernels that no map has room for are not offered, wherever choices are made."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search import samplers
from search.samplers import Outcome
from search.samplers.via_optuna import Encoding
from space.choices.domains import Categorical
from space.errors import GenomeError, SpaceError
from space.genome import Genome
from space.space import Space

KERNEL: dict[str, Any] = {"choice": [1, 3, 5, 9], "up_to": "map", "name": "k", "default": 9}


def cell(kernel: Any, **more: Any) -> dict[str, Any]:
    term = {"of": "input", "kernel": kernel}
    return {"output": "out", "states": {"out": {"drive": {"edges": [{"add": term}]}}}} | more


def document(*stages: dict[str, Any], kernel: Any = KERNEL, **genome: Any) -> dict[str, Any]:
    """A space of stages of four channels, `a` to `d`, and a cell `c` with one kernel."""
    listed = [
        {"name": name, "convolution": {"width": 4}} | stage
        for name, stage in zip("abcd", stages, strict=False)
    ]
    whole = {"stages": listed, "cells": {"c": cell(kernel)}, "clock": {"steps": 6}} | genome
    return {"name": "kernels", "genome": whole}


def fitted(written: dict[str, Any], size: int) -> Space:
    return Space.parse(written).with_images(size=size, channels=1, classes=10)


def options(space: Space, path: str = "k") -> tuple[Any, ...]:
    domain = space.opened.parameter(path).domain
    assert isinstance(domain, Categorical)
    return domain.options


@pytest.mark.parametrize(("size", "left"), [(64, (1, 3, 5, 9)), (8, (1, 3, 5)), (3, (1, 3))])
def test_a_kernel_goes_up_to_the_map_of_its_stage(size: int, left: tuple[int, ...]) -> None:
    assert options(fitted(document({"cell": "c"}), size)) == left


def test_a_cell_of_several_stages_goes_up_to_the_smallest_map() -> None:
    space = fitted(document({"cell": "c", "pool": {}}, {"cell": "c"}, {}), 16)
    assert options(space) == (1, 3, 5), "8x8 in the second"
    alone = fitted(document({"cell": "c", "pool": {}}, {"pool": {}}, {}), 16)
    assert options(alone) == (1, 3, 5, 9)


def test_the_default_is_the_largest_kernel_that_fits() -> None:
    space = fitted(document({"cell": "c"}), 4)
    assert space.complete({}).choices == {"k": 3}
    first = {"choice": [1, 3, 5], "up_to": "map", "name": "k"}
    assert fitted(document({"cell": "c"}, kernel=first), 4).complete({}).choices == {"k": 1}


def test_strides_make_a_map_smaller_before_the_cell_and_pools_after_it() -> None:
    stage = {"convolution": {"width": 4, "stride": 4}, "cell": "c", "pool": {}}
    assert options(fitted(document(stage), 16)) == (1, 3)


def test_all_that_makes_choices_agrees() -> None:
    space = fitted(document({"cell": "c"}, kernel=KERNEL | {"weights": [1, 1, 1, 97]}), 4)
    assert space.count().distinct == 2
    rng = random.Random(0)
    drawn = [space.sample(rng) for _ in range(40)]
    assert {one.choices["k"] for one in drawn} == {1, 3}
    assert {space.mutate(drawn[0], rng).choices["k"] for _ in range(20)} == (
        {1, 3} - {drawn[0].choices["k"]}
    )
    assert space.complete({"k": 9}).choices == {"k": 3}, "as a choice of another space"
    with pytest.raises(SpaceError, match="9 is not one of 1, 3"):
        space.close({"k": 9})
    distribution: Any = Encoding(space).distributions["k"]
    assert list(distribution.choices) == [0, 1]


def test_the_document_keeps_every_option_for_larger_images() -> None:
    small = fitted(document({"cell": "c"}), 4)
    assert options(small.with_images(size=32, channels=1, classes=10)) == (1, 3, 5, 9)
    assert Space.parse(small.document()) == small


def test_options_that_are_left_out_by_hand_stay_out() -> None:
    written = document({"cell": "c"}) | {"only": {"k": [3, 9]}}
    assert options(fitted(written, 4)) == (3,)
    with pytest.raises(SpaceError, match="k: no kernel of 3, 9 fits the 2x2 map of stage a"):
        fitted(written, 2)


def test_every_copy_of_a_tied_kernel_has_its_map() -> None:
    tied = {"cells": {"c": cell(KERNEL), "d": cell({"same_as": "k"})}}
    written = document({"cell": "c", "pool": {}}, {"cell": "d"}, **tied)
    assert options(fitted(written, 8)) == (1, 3)


def test_kernels_of_a_stage_and_of_the_head_have_their_maps() -> None:
    def choice(name: str) -> dict[str, Any]:
        return {"choice": [1, 2, 4, 8, 16], "up_to": "map", "name": name}

    stage = {
        "convolution": {"width": 4, "stride": 2, "kernel": choice("first")},
        "second": {"width": 4, "stride": 2, "kernel": choice("second")},
        "pool": {"kernel": choice("pool")},
    }
    head = {"form": "convolution_mean", "kernel": choice("head")}
    space = fitted(document(stage, head=head), 16)
    largest = {path: max(options(space, path)) for path in ("first", "second", "pool", "head")}
    assert largest == {"first": 16, "second": 8, "pool": 4, "head": 2}


def test_a_map_that_depends_on_choices_leaves_out_what_never_fits() -> None:
    pool = {"optional": {"stride": {"choice": [4, 2], "name": "by"}}, "name": "pool"}
    assert options(fitted(document({"pool": pool}, {"cell": "c"}), 8)) == (1, 3, 5)
    always = {"stride": {"choice": [4, 2], "name": "by"}}
    space = fitted(document({"pool": always}, {"cell": "c"}), 8)
    assert options(space) == (1, 3), "as with a stride of 2"
    assert space.complete({}).choices == {"by": 4, "k": 1}, "which fits whatever is chosen"
    carried = {"cell": {"choice": ["c", None], "name": "carried"}}
    space = fitted(document({**carried, "pool": {}}, {"cell": {"same_as": "carried"}}), 8)
    assert options(space) == (1, 3, 5), "no stage is sure to carry it: the largest map counts"


def test_a_control_s_choices_go_up_to_the_map_too() -> None:
    written = document({"cell": "c"}, kernel=1)
    overlay = {"cells": {"c": cell(KERNEL)}}
    written["controls"] = {"plain": {"genome": overlay}}
    assert fitted(written, 4).control("plain").choices == {"k": 3}


@pytest.mark.parametrize(
    ("choice", "problem"),
    [
        ({"choice": [1, 3], "up_to": "mop"}, 'kernel.up_to: "mop" is not map'),
        ({"choice": [1, "3"], "up_to": "map"}, 'the option "3" is not the side of a kernel'),
        ({"choice": [0, 3], "up_to": "map"}, "the option 0 is not the side of a kernel"),
        ({"integers": [1, 3], "up_to": "map"}, 'unknown key "up_to" beside integers'),
    ],
)
def test_what_up_to_cannot_bound_is_refused(choice: dict[str, Any], problem: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space.parse(document({"cell": "c"}, kernel=choice))
    assert problem in str(caught.value)


def test_only_kernels_are_bounded_by_maps() -> None:
    width = {"choice": [4, 8], "up_to": "map", "name": "w"}
    with pytest.raises(SpaceError) as caught:
        Space.parse(document({"convolution": {"width": width}, "cell": "c"}))
    assert str(caught.value) == (
        "w.up_to: genome.stages[0].convolution.width is not a kernel; leave up_to: map out"
    )


STAGES = st.lists(
    st.fixed_dictionaries(
        {
            "cell": st.sampled_from(["c", None, {"choice": ["c", None]}]),
            "pool": st.sampled_from(
                [None, {}, {"optional": {}}, {"choice": {"x": {"stride": 3}, "y": None}}]
            ),
            "convolution": st.sampled_from(
                [{"width": 4}, {"width": 4, "stride": {"choice": [1, 2]}}]
            ),
        }
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=20, deadline=None)
@given(stages=STAGES, size=st.integers(2, 12), seed=st.integers(0, 99))
def test_what_is_left_out_makes_no_network(
    stages: list[dict[str, Any]], size: int, seed: int
) -> None:
    plain = document(*stages, kernel={"choice": [1, 3, 5, 9], "name": "k"})
    bounded = fitted(document(*stages), size)
    left = options(bounded)
    whole = fitted(plain, size)
    carried = False
    for kernel in (1, 3, 5, 9):
        for _ in range(4):
            choices = whole.opened.complete({"k": kernel}, random.Random(seed))
            closed = whole.opened.close(choices)["genome"]
            carried = any(stage.get("cell") for stage in closed["stages"])
            if kernel not in left and carried:
                with pytest.raises(GenomeError):
                    Genome.parse(closed)
    fixed = not any("choice" in str(stage) or "optional" in str(stage) for stage in stages)
    if fixed and carried:
        for kernel in left:
            bounded.close({"k": kernel})


@pytest.mark.parametrize("name", samplers.NAMES)
def test_every_sampler_suggests_what_fits_and_nothing_else(name: str) -> None:
    """HyperOpt's nested form and Optuna's slots among them, once their models are asked."""
    space = fitted(document({"cell": "c"}), 4)
    options = {"startup": 4} if name in ("hyperopt", "optuna") else {}
    sampler = samplers.make(name, space, 0, options)
    suggested = set()
    for number in range(24):
        choices = sampler.ask()
        suggested.add(choices["k"])
        sampler.tell(choices, Outcome(score=number / 24, fidelity=1.0))
    assert suggested == {1, 3}
