"""Reading an open document: its parameters with keys and conditions, or one error."""

from typing import Any

import pytest

from space.choices.domains import Categorical, Integer, Uniform
from space.choices.nodes import ConstantNode, ListNode, MappingNode, Reader
from space.choices.open_document import OpenDocument
from space.errors import SpaceError

BAD = {
    'a: unknown key "weight" beside choice; did you mean "weights"?': {
        "a": {"choice": [1, 2], "weight": [1, 1]}
    },
    "a: is both choice and uniform; keep one": {"a": {"choice": [1], "uniform": [0, 1]}},
    "a.default: 9 is not one of 1, 2": {"a": {"choice": [1, 2], "default": 9}},
    "b.name: x is the name of another choice": {
        "a": {"choice": [1, 2], "name": "x"},
        "b": {"choice": [1, 2], "name": "x"},
    },
    "the name b stands at two choices": {
        "a": {"choice": [1, 2], "name": "b"},
        "b": {"choice": [1, 2]},
    },
    "a: the key 1 is not text": {"a": {1: 2}},
}


@pytest.mark.parametrize("said", BAD)
def test_a_bad_document_says_where_what_and_how(said: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OpenDocument.parse(BAD[said])
    assert said in str(caught.value)


TOO_LARGE: dict[str, Any] = {
    "a1000: more than 1,000 choices": {f"a{n}": {"choice": [1, 2]} for n in range(1001)},
    "holds more than 20,000 values": {"a": [0] * 30_000},
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
