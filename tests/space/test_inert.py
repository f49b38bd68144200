"""What a space always makes, and what never acts, is found."""

import random
from typing import Any

import pytest

from space.inert import Inert, InertStudy
from space.space import Space
from tests.support.kernels import document

KERNEL = {"choice": [1, 3], "name": "kernel"}


def make_space(
    out: dict[str, Any] | None = None,
    states: dict[str, Any] | None = None,
    feedback: Any = False,
    **cell: Any,
) -> Space:
    """A space of one kernel, with further parts."""
    written = document(**cell)
    genome = written["genome"]
    there = genome["cells"]["c"]["states"]
    there["out"] |= out or {}
    there |= states or {}
    genome["feedback"] = {"b->a": feedback}
    return Space.parse(written).with_images(size=16, channels=1, classes=10)


def find(space: Space) -> list[tuple[str, str]]:
    study, rng = InertStudy(space), random.Random(0)
    for _ in range(6):
        study.look_at(space.sample(rng))
    return [(one.kind, one.path) for one in study.list_inert()]


def test_a_space_of_which_all_acts_has_nothing_inert() -> None:
    assert find(make_space()) == []


def test_feedback_that_nobody_reads_is_found() -> None:
    assert find(make_space(feedback=True)) == [("feedback", "feedback.b->a")]
    chosen = make_space(feedback={"choice": [True, False], "name": "fed"})
    assert find(chosen) == [("choice", "fed"), ("feedback", "feedback.b->a")]


def test_a_state_that_nobody_reads_is_found_with_its_choices() -> None:
    term = {"of": "input", "kernel": {"choice": [1, 5], "name": "unread.kernel"}}
    space = make_space(states={"unread": {"drive": {"edges": [{"add": term}]}}})
    assert find(space) == [("choice", "unread.kernel"), ("state", "cells.c.states.unread")]


def test_a_gate_that_nobody_uses_is_found() -> None:
    gate = {"terms": [{"of": "input", "kernel": 1}]}
    assert find(make_space(gates={"unused": gate})) == [("gate", "cells.c.gates.unused")]


def test_a_bias_that_cannot_act_is_found() -> None:
    separable = {"of": "out", "op": "separable", "kernel": 3}
    gate: dict[str, Any] = {"terms": [separable], "bias": 0.5, "bias_acts": "full"}
    assert find(make_space({"carry": {"gate": gate}})) == [
        ("bias", "cells.c.states.out.carry.gate.bias")
    ]
    gate["terms"] = [{"of": "out", "op": {"choice": ["separable", "convolution"], "name": "op"},
                      "kernel": 3}]  # fmt: skip
    assert find(make_space({"carry": {"gate": gate}})) == []


def test_what_acts_in_one_sample_is_not_inert() -> None:
    """A state that is read in one branch only."""
    read = {"optional": {"add": {"of": "new.other", "kernel": 1}}, "name": "reads"}
    other = {"drive": {"edges": [{"add": {"of": "input", "kernel": 1}}]}}
    out = {"drive": {"edges": [{"add": {"of": "input", "kernel": KERNEL}}, read]}}
    space = make_space(states={"other": other})
    assert find(space) == [("state", "cells.c.states.other")]
    written = space.document()
    written["genome"]["cells"]["c"]["states"] = {"other": other, "out": out}
    assert find(Space.parse(written)) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("choice", "it is the same network"),
        ("feedback", "feedback b->a is read by no cell"),
        ("state", "read by nothing that acts"),
        ("bias", "beside a full convolution"),
    ],
)
def test_a_finding_is_a_sentence(kind: Any, words: str) -> None:
    assert words in Inert(path="feedback.b->a", kind=kind, samples=3).warning
