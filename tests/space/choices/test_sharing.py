"""One name in branches that exclude each other is one choice."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.choices.open_document import OpenDocument
from space.errors import SpaceError

KERNEL = {"choice": [1, 3, 5], "name": "kernel", "default": 3}
GATE = {
    "optional": {"function": {"choice": ["tanh", "elu"], "name": "gate.function"}},
    "name": "gate",
}
BOTH: dict[str, Any] = {
    "cell": {
        "choice": {
            "small": {"kernel": KERNEL, "gate": GATE},
            "large": {
                "kernel": {**KERNEL, "default": 5},
                "depth": {"choice": [8, 16], "name": "depth"},
                "gate": GATE,
            },
        },
        "name": "cell",
    }
}


def opened(third: bool = False) -> OpenDocument:
    cells = BOTH["cell"]["choice"] | ({"none": {}} if third else {})
    return OpenDocument.parse({"cell": {**BOTH["cell"], "choice": cells}})


def test_a_shared_choice_is_one_parameter() -> None:
    parameters = {one.path: one for one in opened().parameters}
    assert list(parameters) == ["cell", "kernel", "depth", "gate", "gate.function"]
    assert parameters["kernel"].condition == ()
    assert parameters["gate.function"].conditions == ((("gate", True),),)
    assert parameters["depth"].condition == (("cell", "large"),)


def test_it_is_open_in_every_branch_that_has_it() -> None:
    kernel = {one.path: one for one in opened(third=True).parameters}["kernel"]
    assert kernel.conditions == ((("cell", "small"),), (("cell", "large"),))
    assert [kernel.is_open({"cell": cell}) for cell in ("small", "large", "none")] == [
        *(True, True, False),
    ]
    with pytest.raises(SpaceError, match='only if cell is "small", or if cell is "large"'):
        opened(third=True).flatten({"cell": "none", "kernel": 3})


def test_every_branch_keeps_its_own_default_and_place() -> None:
    document = opened()
    assert document.defaults()["kernel"] == 3
    assert document.defaults({"cell": "large"})["kernel"] == 5
    closed = document.close({"cell": "large", "kernel": 1, "depth": 8, "gate": False})
    assert closed == {"cell": {"kernel": 1, "depth": 8}}


@given(st.integers(0, 2**32))
def test_parameters_drawn_in_their_order_are_the_sample(seed: int) -> None:
    for document in (opened(), opened(third=True)):
        taken: dict[str, Any] = {}
        rng = random.Random(seed)
        for parameter in document.parameters:
            if parameter.is_open(taken):
                taken[parameter.path] = parameter.domain.draw(rng)
        assert document.flatten(taken) == document.sample(random.Random(seed))


@given(st.integers(0, 2**32))
def test_a_change_of_the_branch_keeps_what_both_have(seed: int) -> None:
    document, rng = opened(), random.Random(seed)
    before = document.sample(rng)
    after = document.mutate(before, rng, "cell")
    assert after["kernel"] == before["kernel"]
    assert after["gate"] == before["gate"]
    child = document.cross(before, after, rng)
    assert child["kernel"] == before["kernel"]


def test_options_are_left_out_in_every_branch() -> None:
    narrow = opened().narrow({"kernel": [5]})
    assert {one.path: one for one in narrow.parameters}["kernel"].domain.size == 1
    assert {narrow.sample(random.Random(seed))["kernel"] for seed in range(9)} == {5}
    only = opened().narrow({"cell": ["large"]})
    assert {one.path: one.condition for one in only.parameters}["depth"] == (("cell", "large"),)


def test_a_tie_copies_the_choice_of_its_own_branch() -> None:
    tied = {"kernel": KERNEL, "same": {"same_as": "kernel"}}
    document = OpenDocument.parse({"cell": {"choice": {"a": tied, "b": tied}, "name": "cell"}})
    assert document.close({"cell": "b", "kernel": 5}) == {"cell": {"kernel": 5, "same": 5}}


def test_what_cannot_be_one_choice_is_refused() -> None:
    with pytest.raises(
        SpaceError, match="kernel is the name of another choice, at a; write another"
    ):
        OpenDocument.parse({"a": KERNEL, "b": KERNEL})
    other = {"choice": [1, 3], "name": "kernel"}
    with pytest.raises(SpaceError, match="kernel has other values here than at a; give both"):
        OpenDocument.parse({"a": {"choice": {"x": KERNEL, "y": other}}})


def test_two_orders_are_refused() -> None:
    a, b = ({"choice": [1, 2], "name": name} for name in "ab")
    with pytest.raises(SpaceError, match="in one order"):
        OpenDocument.parse({"c": {"choice": {"x": {"p": a, "q": b}, "y": {"p": b, "q": a}}}})
