"""Ties: what is copied, and what is refused because nothing or too much would be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.choices.open_document import Choices, OpenDocument
from space.errors import SpaceError


def close(document: dict[str, Any], choices: Choices) -> Any:
    return OpenDocument.parse(document).close(choices)


def test_ties_copy_and_add_nothing() -> None:
    document = {
        "genome": {
            "gate": {"offset": {"uniform": [0, 1], "name": "offset"}},
            "scale": {"same_as": "offset", "times": -1},
            "again": {"same_as": "genome.gate"},
            "short": {"same_as": "gate.offset"},  # the section may be left out
            "through": {"same_as": "again.offset"},
            "maybe": {"optional": 3},
            "also": {"same_as": "maybe", "times": 2},
        }
    }
    opened = OpenDocument.parse(document)
    assert [p.path for p in opened.parameters] == ["offset", "genome.maybe"]
    assert opened.count().distinct == 2
    closed = opened.close({"offset": 0.25, "genome.maybe": False})["genome"]
    assert closed == {
        "gate": {"offset": 0.25},
        "scale": -0.25,
        "again": {"offset": 0.25},
        "short": 0.25,
        "through": 0.25,
    }
    assert opened.close({"offset": 0.25, "genome.maybe": True})["genome"]["also"] == 6
    closed["gate"]["offset"] = 1  # what is given out is nobody else's
    assert closed["again"]["offset"] == 0.25
    assert (
        opened.close({"offset": 0.25, "genome.maybe": False})["genome"]["again"]["offset"] == 0.25
    )


def test_a_tie_may_lead_through_a_choice_if_every_branch_has_its_target() -> None:
    document = {
        "edge": {"choice": {"add": {"k": {"choice": [1, 2]}}, "multiply": {"k": 7}}},
        "tied": {"same_as": "edge.k"},
    }
    assert close(document, {"edge": "add", "edge.k": 2})["tied"] == 2
    assert close(document, {"edge": "multiply"})["tied"] == 7


def test_a_tie_inside_a_branch_may_read_the_same_branch() -> None:
    inner = {"k": {"choice": [1, 2], "name": "k"}, "other": {"same_as": "edge:add.k"}}
    document = {"edge": {"choice": {"add": {**inner, "named": {"same_as": "k"}}, "none": 0}}}
    assert close(document, {"edge": "add", "k": 2})["edge"] == {"k": 2, "other": 2, "named": 2}


BAD: dict[str, Any] = {
    'a.same_as: bb leads nowhere: the document has no bb; did you mean "b"?': {
        "a": {"same_as": "bb"},
        "b": 1,
    },
    "a.same_as: b.x leads nowhere: b:second has no x": {
        "a": {"same_as": "b.x"},
        "b": {"choice": {"first": {"x": 1}, "second": {"y": 1}}},
    },
    "a.same_as: b.x is not always there": {"a": {"same_as": "b.x"}, "b": {"optional": {"x": 1}}},
    "a.same_as: b:first.x is not always there": {
        "a": {"same_as": "b:first.x"},
        "b": {"choice": {"first": {"x": 1}, "second": {"x": 1}}},
    },
    "a.same_as: k is not always there": {
        "a": {"same_as": "k"},
        "b": {"optional": {"choice": [1, 2], "name": "k"}},
    },
    "ties in a circle: a -> b -> a": {"a": {"same_as": "b"}, "b": {"same_as": "a"}},
    "ties in a circle: a.x -> a.x": {"a": {"x": {"same_as": "a"}}},
    "ties in a circle: a -> c.y -> a": {
        "a": {"same_as": "b.x.y"},
        "b": {"x": {"same_as": "c"}},
        "c": {"y": {"same_as": "a"}},
    },
    "a.times: b is no number": {
        "a": {"same_as": "b", "times": 2},
        "b": {"choice": ["elu", 1]},
    },
}


@pytest.mark.parametrize("said", BAD)
def test_a_bad_tie_says_where_what_and_how(said: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OpenDocument.parse(BAD[said])
    assert said in str(caught.value)


def doubled(levels: int) -> dict[str, Any]:
    """Ties that copy the one before twice."""
    ties = {
        f"t{n}": {"x": {"same_as": f"t{n - 1}"}, "y": {"same_as": f"t{n - 1}"}}
        for n in range(1, levels)
    }
    return {"t0": 1, **ties}


def branching(levels: int) -> dict[str, Any]:
    """Choices between two ties to the choice before."""
    before = [f"t{n}" for n in range(levels)]
    ties = {
        f"t{n}": {"choice": {"x": {"same_as": t}, "y": {"same_as": t}}}
        for n, t in enumerate(before, 1)
    }
    return {"t0": {"z": 1}, **ties}


TOO_LARGE: dict[str, Any] = {
    "x.same_as: unfolds to more than 20,000 values": doubled(26),
    "unfolds to more than 100 levels, ties counted": {
        "a0": 1,
        **{f"a{n}": {"same_as": f"a{n - 1}"} for n in range(1, 900)},
    },
    "a17.same_as: leads through more than 16 other ties": {
        **{f"a{n}": {"same_as": f"a{n + 1}.x"} for n in range(17, 900)},
        "a900": {"x": 1},
    },
    "leads through more than 20,000 branches": {
        **branching(15),
        "end": {"same_as": "t15.z"},
    },
    "more than 1,000 ties; tie whole parts": {
        "a": 1,
        **{f"a{n}": {"same_as": "a"} for n in range(3000)},
    },
}


@pytest.mark.parametrize("said", TOO_LARGE)
def test_ties_that_would_unfold_for_ever_are_refused_before_they_do(said: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OpenDocument.parse(TOO_LARGE[said])
    assert said in str(caught.value)


def test_what_ties_may_be_is_worked_out_once_for_each() -> None:
    """Two ways lead to each of 30 choices: 2^30 from the first to the last."""
    opened = OpenDocument.parse({**branching(30), "end": {"same_as": "t0.z", "times": 2}})
    assert opened.close(opened.defaults())["end"] == 2


@given(st.integers(-4, 4) | st.sampled_from([0.5, -1.5]), st.integers(1, 9))
def test_times_multiplies_what_is_copied(times: float, value: int) -> None:
    document = {"a": {"integers": [1, 9]}, "b": {"same_as": "a", "times": times}}
    found = OpenDocument.parse(document).close({"a": value})["b"]
    assert found == value * times


def test_a_tie_adds_no_choice_and_names_whole_parts() -> None:
    """What stands in a copied part is chosen once, where it was written."""
    part = {"kernel": {"choice": [1, 3]}, "gate": {"optional": {"offset": {"uniform": [0, 1]}}}}
    alone = OpenDocument.parse({"a": part})
    tied = OpenDocument.parse({"a": part, "b": {"same_as": "a"}, "c": [{"same_as": "b"}]})
    assert tied.parameters == alone.parameters
    choices = {"a.kernel": 3, "a.gate": True, "a.gate.offset": 0.5}
    closed = tied.close(choices)
    assert closed["a"] == closed["b"] == closed["c"][0] == alone.close(choices)["a"]
