"""Values and choices of values."""

from typing import Any

import pytest

from space.notation.phrases import NotationError, Phrase
from space.notation.values import (
    join_name,
    read_kernels,
    read_numbers,
    read_presence,
    read_words,
)


def numbers(text: str, *, whole: bool = False) -> Any:
    phrase = Phrase(text, ())
    node = read_numbers(phrase, whole=whole).node("x")
    assert phrase.ended
    return node


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("3", 3),
        ("1|3*|5", {"choice": [1, 3, 5], "name": "x", "default": 3}),
        ("1 25%|3 75%", {"choice": [1, 3], "name": "x", "weights": [25, 75]}),
        ("0.5..1", {"uniform": [0.5, 1], "name": "x"}),
        ("log 1e-3..1*0.1", {"loguniform": [0.001, 1], "name": "x", "default": 0.1}),
        ("1|3 as y", {"choice": [1, 3], "name": "y"}),
        ('same as "a->b.kernel"', {"same_as": "a->b.kernel"}),
    ],
)
def test_numbers(text: str, node: Any) -> None:
    assert numbers(text) == node


def test_intervals_of_whole_numbers() -> None:
    assert numbers("2..8", whole=True) == {"integers": [2, 8], "name": "x"}
    assert numbers("log 1..64", whole=True) == {"logintegers": [1, 64], "name": "x"}
    assert numbers("int 0..3") == {"integers": [0, 3], "name": "x"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1|1", "1 stands here twice"),
        ("1*|3*", "two options are marked"),
        ("1 20%|3", "some options have a percentage"),
        ("2..1", "2..1 is empty"),
        ("0.5..1*3", "3 is not in 0.5..1"),
        ("elu", "elu is not a number"),
        ("", "a number is missing"),
        ("1e999", "is not a finite number"),
    ],
)
def test_wrong_numbers(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=problem.replace(".", r"\.").replace("*", r"\*")):
        numbers(text)
    with pytest.raises(NotationError, match="-3 is below 1"):
        numbers("-3", whole=True)


def test_the_option_of_an_edge_ends_at_the_next_action() -> None:
    phrase = Phrase("elu|relu | times tanh", ())
    read = read_words(phrase, "an activation", ["elu", "relu"])
    assert read.options == ["elu", "relu"]
    assert phrase.peek() == "|"


def test_presence() -> None:
    assert not read_presence(Phrase("", ())).optional
    node = read_presence(Phrase("?* as there", ())).around(1, "x")
    assert node == {"optional": 1, "name": "there", "default": True}
    assert read_presence(Phrase("? 10%", ()), weighted=True).percent == 10
    with pytest.raises(NotationError, match="only a feedback edge has a percentage"):
        read_presence(Phrase("? 10%", ()))
    with pytest.raises(NotationError, match="not between 0 and 100"):
        read_presence(Phrase("? 100%", ()), weighted=True)
    assert (join_name("", "depth"), join_name("out", "depth")) == ("depth", "out.depth")


def test_kernels_may_be_those_that_fit_the_map() -> None:
    phrase = Phrase("1|3*|5 as K up to map", ())
    node = read_kernels(phrase).node("x")
    assert phrase.ended
    assert node == {"choice": [1, 3, 5], "name": "K", "default": 3, "up_to": "map"}
    assert read_kernels(Phrase("1|3", ())).node("x") == {"choice": [1, 3], "name": "x"}


@pytest.mark.parametrize("text", ["3 up to map", "1..5 up to map"])
def test_what_is_no_choice_of_kernels_is_not_offered_up_to_the_map(text: str) -> None:
    with pytest.raises(NotationError, match=r"which of several kernels.*`cut to map`"):
        read_kernels(Phrase(text, ()))
