"""Choices: every operation on random documents, against a second, naive reading of them."""

import itertools
import json
import math
import pickle
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from space.choices.domains import Categorical, Uniform
from space.choices.open_document import Choices, OpenDocument
from space.errors import SpaceError
from tests.support.choices import DISCRETE, MIXED, RANDOM
from tests.support.effort import count_calls

ABSENT: Any = object()


def closings(node: Any) -> list[Any]:
    """Every closed form of a discrete document, read naively."""
    if isinstance(node, list):
        return [
            [value for value in values if value is not ABSENT]
            for values in itertools.product(*map(closings, node))
        ]
    if not isinstance(node, dict):
        return [node]
    if "choice" in node:
        options = node["choice"]
        branches = options.values() if isinstance(options, dict) else options
        return [value for branch in branches for value in closings(branch)]
    if "integers" in node:
        return list(range(node["integers"][0], node["integers"][1] + 1))
    if "optional" in node:
        return [ABSENT, *closings(node["optional"])]
    return [
        {key: value for key, value in zip(node, values, strict=True) if value is not ABSENT}
        for values in itertools.product(*map(closings, node.values()))
    ]


def every_choice(opened: OpenDocument) -> list[Choices]:
    """Every flat form of a discrete document, by its parameters and their conditions alone."""
    flats: list[Choices] = [{}]
    for parameter in opened.parameters:
        domain = parameter.domain
        assert not isinstance(domain, Uniform)
        values = (
            domain.options
            if isinstance(domain, Categorical)
            else range(domain.low, domain.high + 1)
        )
        flats = [
            flat if value is ABSENT else flat | {parameter.path: value}
            for flat in flats
            for value in (values if parameter.is_open(flat) else [ABSENT])
        ]
    return flats


def as_text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)


@given(DISCRETE)
def test_parameters_count_and_closing_agree_with_enumeration(document: dict[str, Any]) -> None:
    opened = OpenDocument.parse(document)
    assume(opened.count().distinct <= 300)
    expected = closings(document)
    flats = every_choice(opened)
    assert opened.count().distinct == len(expected) == len(flats)
    closed = [opened.close(flat) for flat in flats]
    assert Counter(map(as_text, closed)) == Counter(map(as_text, expected))
    assert [opened.flatten(flat) for flat in flats] == flats


@given(MIXED, RANDOM)
def test_a_sample_is_canonical_in_its_support_and_survives_json(
    document: dict[str, Any], rng: random.Random
) -> None:
    opened = OpenDocument.parse(document)
    choices = opened.sample(rng)
    expected = [p.path for p in opened.parameters if p.is_open(choices)]
    assert list(choices) == expected
    read = json.loads(json.dumps(choices, sort_keys=True))
    assert list(opened.flatten(read).items()) == list(choices.items())
    assert opened.close(read) == opened.close(choices)
    for path, value in choices.items():
        domain = opened.parameter(path).domain
        accepted = domain.accept(value)
        assert accepted == value
        assert type(accepted) is type(value)


@given(MIXED, RANDOM)
def test_a_document_and_its_pickle_are_the_document(
    document: dict[str, Any], rng: random.Random
) -> None:
    opened = OpenDocument.parse(document)
    assert opened.document() == document
    again = pickle.loads(pickle.dumps(opened))
    choices = opened.sample(rng)
    assert again.close(choices) == opened.close(choices)


@given(MIXED, RANDOM, st.booleans())
def test_mutation_changes_one_choice_and_keeps_what_is_still_open(
    document: dict[str, Any], rng: random.Random, near: bool
) -> None:
    opened = OpenDocument.parse(document)
    before = opened.sample(rng)
    assume(any(opened.parameter(path).domain.size != 1 for path in before))
    after = opened.mutate(before, rng, near=near)
    assert opened.flatten(after) == after
    (changed,) = [path for path in before if path in after and before[path] != after[path]]
    for path in before.keys() ^ after.keys():  # only what hangs on the changed one came or went
        assert changed in [where for where, _ in opened.parameter(path).condition]


@given(MIXED, RANDOM)
def test_a_child_has_only_what_its_parents_have(
    document: dict[str, Any], rng: random.Random
) -> None:
    opened = OpenDocument.parse(document)
    a, b = opened.sample(rng), opened.sample(rng)
    child = opened.cross(a, b, rng)
    assert opened.flatten(child) == child
    for path, value in child.items():
        assert value in [parent[path] for parent in (a, b) if path in parent]
    assert opened.cross(a, a, rng) == a


@given(MIXED, RANDOM, st.data())
def test_completion_keeps_what_applies(
    document: dict[str, Any], rng: random.Random, data: st.DataObject
) -> None:
    opened = OpenDocument.parse(document)
    whole = opened.sample(rng)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole)))) if whole else set()
    partial = {path: whole[path] for path in kept} | {"nowhere": 1}
    completed = opened.complete(partial, rng)
    assert opened.flatten(completed) == completed
    assert all(whole[path] == completed[path] for path in kept if path in completed)
    for path in kept - completed.keys():
        assert not opened.parameter(path).is_open(completed)
    assert opened.complete(whole, rng) == whole
    assert opened.complete({}) == opened.defaults()


def test_both_parents_give() -> None:
    opened = OpenDocument.parse({key: {"choice": [0, 1]} for key in "abcdefgh"})
    a, b = dict.fromkeys("abcdefgh", 0), dict.fromkeys("abcdefgh", 1)
    sums = {sum(opened.cross(a, b, random.Random(seed)).values()) for seed in range(30)}  # type: ignore[arg-type]
    assert len(sums) > 3


MOTIF = {
    "genome": {
        "kernel": {"choice": [1, 3, 5], "name": "kernel", "default": 3},
        "edge": {
            "choice": [
                {"add": {"width": {"integers": [1, 4]}}},
                {
                    "multiply": {
                        "by": {"choice": ["sigmoid", "tanh"]},
                        "offset": {"uniform": [0, 1]},
                    }
                },
            ],
            "weights": {"add": 3, "multiply": 1},
        },
        "depth": {"optional": {"choice": [64, 128]}},
        "route": {"choice": {"x": {"size": {"choice": [1, 2]}}, "y": {"size": {"choice": [3]}}}},
        "edges": [{"optional": "first"}, "second"],
    },
    "recipe": {"learning_rate": {"loguniform": [1e-3, 1e-1]}},
}


def test_keys_and_conditions_are_readable() -> None:
    opened = OpenDocument.parse(MOTIF)
    edge, depth, route = "genome.edge", "genome.depth", "genome.route"
    assert {p.path: p.condition for p in opened.parameters} == {
        "kernel": (),
        edge: (),
        "genome.edge.add.width": ((edge, "add"),),
        "genome.edge.multiply.by": ((edge, "multiply"),),
        "genome.edge.multiply.offset": ((edge, "multiply"),),
        depth: (),
        "genome.depth:present": ((depth, True),),
        route: (),
        "genome.route:x.size": ((route, "x"),),
        "genome.route:y.size": ((route, "y"),),
        "genome.edges[0]": (),
        "recipe.learning_rate": (),
    }
    count = opened.count()
    assert (count.parameters, count.conditional, count.continuous) == (12, 6, 2)
    assert count.distinct == 3 * (4 + 2) * (1 + 2) * (2 + 1) * 2
    assert count.log10 == pytest.approx(math.log10(324))


def test_defaults() -> None:
    opened = OpenDocument.parse(MOTIF)
    assert opened.close(opened.defaults({"genome.edge": "multiply"})) == {
        "genome": {
            "kernel": 3,
            "edge": {"multiply": {"by": "sigmoid", "offset": 0.5}},
            "route": {"size": 1},
            "edges": ["second"],
        },
        "recipe": {"learning_rate": 0.01},
    }


def test_one_seed_gives_these_choices_on_every_machine() -> None:
    document = {
        "a": {"choice": ["x", "y", "z"], "weights": [1, 2, 3]},
        "b": {"loguniform": [1e-4, 1e-1]},
        "c": {"logintegers": [1, 1000]},
        "d": {"uniform": [-1, 1]},
        "e": {"optional": 1},
    }
    assert OpenDocument.parse(document).sample(random.Random(11)) == {
        "a": "y",
        "b": 0.004778781329365206,
        "c": 562,
        "d": -0.06869985980045334,
        "e": True,
    }


def test_draws_follow_their_distributions() -> None:
    document = {
        "a": {"choice": ["x", "y"], "weights": [3, 1]},
        "b": {"loguniform": [1e-4, 1.0]},
        "c": {"logintegers": [1, 100]},
        "d": {"integers": [1, 3]},
    }
    opened, rng = OpenDocument.parse(document), random.Random(0)
    draws = [opened.sample(rng) for _ in range(4000)]
    share = {
        "x": sum(d["a"] == "x" for d in draws) / 4000,
        "below the geometric middle": sum(d["b"] < 1e-2 for d in draws) / 4000,  # type: ignore[operator]
        "c of one": sum(d["c"] == 1 for d in draws) / 4000,
        "d of three": sum(d["d"] == 3 for d in draws) / 4000,
    }
    expected = {
        "x": 0.75,
        "below the geometric middle": 0.5,
        "c of one": math.log(1.5 / 0.5) / math.log(100.5 / 0.5),
        "d of three": 1 / 3,
    }
    assert share == pytest.approx(expected, abs=0.03)


def test_a_space_without_bounds_is_not_counted() -> None:
    wide = {f"a{n}": {"integers": [1, 2**53]} for n in range(300)}
    with pytest.raises(SpaceError, match=r"more than 10\^4000 different samples"):
        OpenDocument.parse(wide).count()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kernl": 1}, 'kernl: is not a choice of this space; did you mean "kernel"?'),
        ({"kernel": 2}, "kernel: 2 is not one of 1, 3, 5"),
        ({"kernel": True}, "kernel: true is not one of 1, 3, 5"),
        ({"genome.edge": "ad"}, 'genome.edge: "ad" is not one of "add", "multiply"; did you mean'),
        (
            {"genome.edge.add.width": 9},
            "genome.edge.add.width: 9 is not a whole number from 1 to 4",
        ),
        ({"recipe.learning_rate": math.nan}, "is not a number from 0.001 to 0.1"),
        ({"recipe.learning_rate": True}, "true is not a number from 0.001 to 0.1"),
        (
            {"genome.edge.multiply.by": "tanh"},
            'by: is open only if genome.edge is "multiply", and that is "add"; leave out',
        ),
        ({"kernel": None}, "kernel: no value is given; write one of 1, 3, 5"),
    ],
)
def test_bad_choices_are_named(change: dict[str, Any], said: str) -> None:
    opened = OpenDocument.parse(MOTIF)
    choices = {**opened.defaults(), **change}
    with pytest.raises(SpaceError) as caught:
        # None stands for "left out" in the table above.
        opened.close({path: value for path, value in choices.items() if value is not None})
    assert said in str(caught.value)


def test_mutating_a_given_choice() -> None:
    opened = OpenDocument.parse(MOTIF)
    after = opened.mutate(opened.defaults(), random.Random(0), "genome.edge")
    assert after["genome.edge"] == "multiply"
    with pytest.raises(SpaceError, match="not open"):
        opened.mutate(opened.defaults(), random.Random(0), "genome.depth:present")
    with pytest.raises(SpaceError, match="nothing here can change"):
        OpenDocument.parse({"a": {"choice": [1]}}).mutate({"a": 1}, random.Random(0))


def test_two_hundred_parameters_cost_about_a_millisecond() -> None:
    edge = {"choice": [{"add": {"kernel": {"choice": [1, 3, 5]}}}, {"multiply": {"by": "tanh"}}]}
    opened = OpenDocument.parse({f"edge{i}": edge for i in range(100)})
    assert opened.count().parameters == 200
    rng = random.Random(0)
    calls = count_calls(lambda: opened.close(opened.mutate(opened.sample(rng), rng)))
    assert calls < 20_000, "4,600 calls of functions take about a millisecond"


def test_what_is_given_out_may_be_changed() -> None:
    document: dict[str, Any] = {"fixed": {"list": [1, 2]}, "copy": {"same_as": "fixed"}}
    opened = OpenDocument.parse(document)
    closed = opened.close({})
    closed["fixed"]["list"].append(3)
    document["fixed"]["list"].append(4)
    assert closed["copy"] == {"list": [1, 2]}
    assert opened.close({}) == {"fixed": {"list": [1, 2]}, "copy": {"list": [1, 2]}}
    assert opened.document()["fixed"] == {"list": [1, 2]}


def narrowed(opened: OpenDocument, rng: random.Random) -> dict[str, list[Any]]:
    """Some of the options of some choices of a document."""
    only: dict[str, list[Any]] = {}
    for parameter in opened.parameters:
        if isinstance(parameter.domain, Categorical) and rng.random() < 0.5:
            options = list(parameter.domain.options)
            only[parameter.path] = rng.sample(options, 1 + int(rng.random() * len(options)))
    return only


@given(document=DISCRETE, rng=RANDOM)
def test_what_is_narrowed_has_those_choices_that_have_the_options(
    document: dict[str, Any], rng: random.Random
) -> None:
    opened = OpenDocument.parse(document)
    assume(opened.count().distinct <= 200)
    only = narrowed(opened, rng)
    part = opened.narrow(only)
    kept = [
        choices
        for choices in every_choice(opened)
        if all(path not in choices or choices[path] in only[path] for path in only)
    ]
    assert every_choice(part) == kept
    assert part.count().distinct == len(kept)
    assert [part.close(choices) for choices in kept] == [opened.close(choices) for choices in kept]
    assert part.defaults() in kept
    assert part.sample(rng) in kept
    again = pickle.loads(pickle.dumps(part))
    assert again.parameters == part.parameters
    assert opened.narrow({}).parameters == opened.parameters


def test_only_options_of_choices_can_be_left() -> None:
    document = {"a": {"choice": ["x", "y", "z"], "weights": [1, 2, 3]}, "b": {"uniform": [0, 1]}}
    opened = OpenDocument.parse(document)
    part = opened.narrow({"a": ["z", "y"]})
    assert part.parameter("a").domain == Categorical(options=("y", "z"), weights=(2, 3))
    assert (opened.parameter("a").default, part.parameter("a").default) == ("x", "y")
    for only, problem in (
        ({"c": ["x"]}, "c: is not a choice of this space"),
        ({"a": ["w"]}, 'a: "w" is not one of'),
        ({"a": []}, "a: no option is left"),
        ({"b": [0.5]}, "b: is a number from an interval"),
    ):
        with pytest.raises(SpaceError, match=problem):
            opened.narrow(only)
