"""What stands inside of a choice: its options, weights and ends, or one error."""

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from space.choices.domains import Integer, Scalar, Uniform
from space.choices.leaves import is_number, read_interval, read_options, read_scalar, read_weights
from space.choices.open_document import OpenDocument
from space.errors import SpaceError

BAD: dict[str, Any] = {
    "a.choice: [] has no options": {"a": {"choice": []}},
    "a.choice: two options are called true": {"a": {"choice": [1, True]}},
    'a.choice: two options are called "add"': {"a": {"choice": [{"add": 1}, {"add": 2}]}},
    "a.choice: uniform cannot be the label": {"a": {"choice": {"uniform": [0, 1]}}},
    "a.weights: [1] is not one number an option": {"a": {"choice": [1, 2], "weights": [1]}},
    "a.weights: 0 is not a number above 0": {"a": {"choice": [1, 2], "weights": [1, 0]}},
    "a.uniform: [1, 0] is not an interval": {"a": {"uniform": [1, 0]}},
    "a.uniform: [1] is not two numbers": {"a": {"uniform": [1]}},
    "a.loguniform: starts at 0": {"a": {"loguniform": [0, 1]}},
    "a.integers: [0, 1.5] are not whole": {"a": {"integers": [0, 1.5]}},
    "a.integers: [3, 1] is empty": {"a": {"integers": [3, 1]}},
    "a: nan is not finite": {"a": math.nan},
    "a.choice: 10,000 options, where at most 1,000 may": {"a": {"choice": [*range(10_000)]}},
    "a: a int of absurd size is too large": {"a": 10**5000},
    "a: 9223372036854775808 is too large": {"a": 2**63},
    "a.integers: a list of absurd size is not two numbers": {"a": {"integers": [1, 10**5000]}},
    "a.integers: [1, 9007199254740993] goes beyond 9.0072e+15": {
        "a": {"integers": [1, 2**53 + 1]}
    },
    "a.uniform: [-1e+308, 1e+308] goes beyond 1e+30": {"a": {"uniform": [-1e308, 1e308]}},
    "a.weights: 1e+308 is above 1e+30": {"a": {"choice": [1, 2], "weights": [1e308, 1e308]}},
}


@pytest.mark.parametrize("words", BAD)
def test_what_stands_in_a_choice_is_refused_by_its_place(words: str) -> None:
    with pytest.raises(SpaceError) as caught:
        OpenDocument.parse(BAD[words])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        ([1, "x", None, 2.5], [1, "x", None, 2.5]),
        ([{"add": 1}, {"multiply": 2}], ["add", "multiply"]),
        ([{"a": 1, "b": 2}, [3]], [0, 1]),
        ([{"choice": [1, 2]}, {"uniform": [0, 1], "name": "rate"}], ["choice", "rate"]),
        ({"first": {"a": 1}, "second": 2}, ["first", "second"]),
    ],
)
def test_an_option_is_called_by_what_it_is(written: Any, labels: list[Scalar]) -> None:
    """A value by itself, a mapping of one key by the key, a choice by its name, else its place."""
    options = read_options(written, ("a",))
    assert list(options) == labels
    assert list(options.values()) == list(written.values() if labels[0] == "first" else written)


def test_labels_are_texts_that_are_not_kinds_of_choice() -> None:
    with pytest.raises(SpaceError, match=r'a\.choice: the label 1 is not text; write "1"'):
        read_options({1: "x"}, ("a",))
    with pytest.raises(SpaceError, match=r"b\[2\]\.choice: integers cannot be the label"):
        read_options({"integers": 1}, ("b", 2))


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=5), st.randoms())
def test_weights_by_label_are_those_in_order(weights: list[float], rng: random.Random) -> None:
    labels = tuple(f"option {n}" for n in range(len(weights)))
    named = list(zip(labels, weights, strict=True))
    rng.shuffle(named)
    assert read_weights(weights, labels, ()) == tuple(weights)
    assert read_weights(dict(named), labels, ()) == tuple(weights)
    assert read_weights(None, labels, ()) is None


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"x": 1}, 'a.weights: no weight for "y"; weigh every option'),
        ({"x": 1, "y": 1, "z": 1}, 'a.weights: "z" is not an option'),
        ([1, True], "a.weights: true is not a number above 0"),
        ("ab", 'a.weights: "ab" is not one number an option; write 2 numbers'),
    ],
)
def test_every_option_has_one_weight(written: object, message: str) -> None:
    with pytest.raises(SpaceError) as caught:
        read_weights(written, ("x", "y"), ("a",))
    assert str(caught.value).startswith(message)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.booleans())
def test_whole_and_real_ends_make_their_domains(low: int, width: int, log: bool) -> None:
    high, prefix = low + width, "log" if log else ""
    whole = read_interval(f"{prefix}integers", [low, high], ())
    assert whole == Integer(low=low, high=high, log=log)
    real = read_interval(f"{prefix}uniform", (low, high), ())
    assert real == Uniform(low=float(low), high=float(high), log=log)
    # One whole number is an interval; one real number is not.
    assert read_interval("integers", [low, low], ()) == Integer(low=low, high=low, log=False)
    with pytest.raises(SpaceError, match="is not an interval; write the value instead"):
        read_interval("uniform", [low, low], ())


@pytest.mark.parametrize("value", [{1, 2}, object(), b"text"])
def test_what_json_cannot_hold_is_not_a_value(value: object) -> None:
    with pytest.raises(SpaceError, match=r"^a\[0\]: .* is a .*; put it in quotes if it is text"):
        read_scalar(value, ("a", 0))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((one, True) for one in (0, -3, 2.5, 2**63 - 1)),
        *((one, False) for one in (True, "1", None, math.inf, math.nan, 2**63)),
    ],
)
def test_what_counts_as_a_number(value: object, number: bool) -> None:
    assert is_number(value) is number
