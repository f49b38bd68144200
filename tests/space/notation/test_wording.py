"""Values, norms and weights in words."""

from typing import Any

import pytest

from space.notation.wording import (
    NoWordsError,
    join_words,
    split_optional,
    write_norm,
    write_value,
    write_weights,
    write_word,
)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (3, "3"),
        (1.0, "1"),
        ("elu", "elu"),
        ({"choice": [1, 3], "name": "x"}, "1|3"),
        ({"choice": [1, 3], "default": 3}, "1|3*"),
        ({"choice": [1, 3], "name": "other"}, "1|3 as other"),
        ({"choice": [1, 3], "weights": [1, 3]}, "1 25%|3 75%"),
        ({"uniform": [0.5, 1.0], "name": "a b"}, '0.5..1 as "a b"'),
        ({"loguniform": [0.001, 1], "default": 0.1}, "log 0.001..1*0.1"),
        ({"same_as": "a->b.kernel"}, 'same as "a->b.kernel"'),
    ],
)
def test_values(node: Any, text: str) -> None:
    assert write_value(node, "x") == text


@pytest.mark.parametrize(
    "node", [{"choice": {"small": 1}}, {"integers": [1, 3]}, {"same_as": "x", "times": 2}, True]
)
def test_what_has_no_words(node: Any) -> None:
    with pytest.raises(NoWordsError):
        write_value(node, "x")


@pytest.mark.parametrize("node", [{"choice": ["elu"]}, {"same_as": "out.activation"}])
def test_what_would_be_read_as_something_else_has_no_words(node: Any) -> None:
    with pytest.raises(NoWordsError):
        write_word(node, "x")


def test_norms_and_weights() -> None:
    norm = {"kind": "group", "groups": 4, "interleaved": True}
    assert write_norm(norm, "out", optional=False) == "norm group groups 4 interleaved"
    maybe = {"optional": "layer", "name": "out.norm", "default": True}
    assert write_norm(maybe, "out", optional=True) == "norm layer ?*"
    weights = {"initial": {"scale": 2}, "bias_initial": {"scheme": "normal"}, "bias_decay": 0}
    assert write_weights(weights, "") == [
        "init variance_scaling 2",
        "biases normal",
        "bias decay 0",
    ]
    assert split_optional({"optional": 1, "name": "y"}, "x") == (1, " ? as y")


def test_words_are_joined() -> None:
    assert join_words("a", "", "b") == "a b"
