"""Reading an open document: its parameters with keys and conditions, or one error."""

import math
from typing import Any

import pytest

from space.choices.domains import Categorical, Integer, Uniform
from space.choices.leaves import is_number, plain_path
from space.choices.nodes import ConstantNode, ListNode, MappingNode, Reader
from space.choices.open_document import OpenDocument
from space.documents.paths import Branch
from space.errors import SpaceError

BAD = {
    'a: unknown key "weight" beside choice; did you mean "weights"?': {
        "a": {"choice": [1, 2], "weight": [1, 1]}
    },
    "a: is both choice and uniform; keep one": {"a": {"choice": [1], "uniform": [0, 1]}},
    "a.choice: [] has no options": {"a": {"choice": []}},
    "a.choice: two options are called true": {"a": {"choice": [1, True]}},
    'a.choice: two options are called "add"': {"a": {"choice": [{"add": 1}, {"add": 2}]}},
    "a.choice: uniform cannot be the label": {"a": {"choice": {"uniform": [0, 1]}}},
    "a.weights: [1] is not one number an option": {"a": {"choice": [1, 2], "weights": [1]}},
    "a.weights: 0 is not a number above 0": {"a": {"choice": [1, 2], "weights": [1, 0]}},
    "a.default: 9 is not one of 1, 2": {"a": {"choice": [1, 2], "default": 9}},
    "a.uniform: [1, 0] is not an interval": {"a": {"uniform": [1, 0]}},
    "a.uniform: [1] is not two numbers": {"a": {"uniform": [1]}},
    "a.loguniform: starts at 0": {"a": {"loguniform": [0, 1]}},
    "a.integers: [0, 1.5] are not whole": {"a": {"integers": [0, 1.5]}},
    "a.integers: [3, 1] is empty": {"a": {"integers": [3, 1]}},
    "b.name: x is the name of another choice": {
        "a": {"choice": [1, 2], "name": "x"},
        "b": {"choice": [1, 2], "name": "x"},
    },
    "the name b stands at two choices": {
        "a": {"choice": [1, 2], "name": "b"},
        "b": {"choice": [1, 2]},
    },
    "a: the key 1 is not text": {"a": {1: 2}},
    "a: nan is not finite": {"a": math.nan},
}


@pytest.mark.parametrize("said", BAD)
def test_a_bad_document_says_where_what_and_how(said: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OpenDocument.parse(BAD[said])
    assert said in str(caught.value)


TOO_LARGE: dict[str, Any] = {
    "a1000: more than 1,000 choices": {f"a{n}": {"choice": [1, 2]} for n in range(1001)},
    "a.choice: 10,000 options, where at most 1,000 may": {"a": {"choice": [*range(10_000)]}},
    "holds more than 20,000 values": {"a": [0] * 30_000},
    "a: a int of absurd size is too large": {"a": 10**5000},
    "a: 9223372036854775808 is too large": {"a": 2**63},
    "a.integers: a list of absurd size is not two numbers": {"a": {"integers": [1, 10**5000]}},
    "a.integers: [1, 9007199254740993] goes beyond 9.0072e+15": {
        "a": {"integers": [1, 2**53 + 1]}
    },
    "a.uniform: [-1e+308, 1e+308] goes beyond 1e+30": {"a": {"uniform": [-1e308, 1e308]}},
    "a.weights: 1e+308 is above 1e+30": {"a": {"choice": [1, 2], "weights": [1e308, 1e308]}},
    "a.times: a int of absurd size is not a number": {
        "a": {"same_as": "b", "times": 10**5000},
        "b": 2,
    },
}


@pytest.mark.parametrize("said", TOO_LARGE)
def test_what_would_take_for_ever_is_refused_before_it_begins(said: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OpenDocument.parse(TOO_LARGE[said])
    assert said in str(caught.value)


def test_a_document_that_contains_itself_is_refused() -> None:
    document: dict[str, Any] = {}
    document["a"] = document
    with pytest.raises(SpaceError, match="100 levels deep"):
        OpenDocument.parse(document)


def test_what_holds_no_choice_is_one_constant() -> None:
    """However deep it is: closing a document copies it without looking inside."""
    reader = Reader()
    root = reader.node({"a": {"b": [1, {"c": None}]}, "d": {"choice": [1, 2]}}, (), ())
    assert isinstance(root, MappingNode)
    assert root.items["a"] == ConstantNode({"b": [1, {"c": None}]})
    assert [draft.where for draft in reader.drafts] == [("d",)]
    listed = reader.node([0, {"choice": [1, 2]}], ("e",), ())
    assert isinstance(listed, ListNode)
    assert listed.items[0] == ConstantNode(0)


def test_every_kind_of_choice_has_its_domain_and_its_default() -> None:
    opened = OpenDocument.parse(
        {
            "a": {"choice": ["x", {"y": 1}], "weights": {"x": 1, "y": 2}, "default": "y"},
            "b": {"optional": 1, "default": True},
            "c": {"uniform": [0, 1]},
            "d": {"loguniform": [1, 100], "name": "rate"},
            "e": {"integers": [1, 4]},
            "f": {"logintegers": [1, 100], "default": 7},
        }
    )
    assert {p.path: (p.domain, p.default) for p in opened.parameters} == {
        "a": (Categorical(options=("x", "y"), weights=(1.0, 2.0)), "y"),
        "b": (Categorical(options=(False, True)), True),
        "c": (Uniform(low=0.0, high=1.0), 0.5),
        "rate": (Uniform(low=1.0, high=100.0, log=True), pytest.approx(10.0)),
        "e": (Integer(low=1, high=4), 2),
        "f": (Integer(low=1, high=100, log=True), 7),
    }


def test_a_key_names_the_branches_that_part_it_from_its_namesake() -> None:
    """One path in the document may be a choice in two branches; else no branch is named."""
    parting = OpenDocument.parse(
        {"a": {"choice": {"x": {"k": {"choice": [1, 2]}}, "y": {"k": {"choice": [3, 4]}}}}}
    )
    assert [p.path for p in parting.parameters] == ["a", "a:x.k", "a:y.k"]
    alone = OpenDocument.parse({"a": {"choice": {"x": {"k": {"choice": [1, 2]}}, "y": 0}}})
    assert [p.path for p in alone.parameters] == ["a", "a.k"]
    assert plain_path(("a", Branch("x"), "k", 3)) == "a.k[3]"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((one, True) for one in (0, -3, 2.5, 2**63 - 1)),
        *((one, False) for one in (True, "1", None, math.inf, math.nan, 2**63)),
    ],
)
def test_what_counts_as_a_number(value: object, number: bool) -> None:
    assert is_number(value) is number
