"""Values, terms and gates in words."""

from typing import Any

import pytest

from space.notation.wording import (
    NoWordsError,
    Vocabulary,
    join_words,
    list_sources,
    passes_input,
    split_optional,
    write_added,
    write_gate,
    write_norm,
    write_value,
    write_weights,
)

PLAIN = Vocabulary()


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


def test_terms_that_add() -> None:
    term = {"of": "input", "op": "separable", "kernel": 3, "bias": False, "activation": "elu"}
    assert write_added(term, "e") == "separable k 3 unbiased elu"
    ways = {"direct": {"of": "input"}, "kernel": {"of": "input", "op": "convolution", "kernel": 3}}
    node = {"choice": ways, "name": "e via", "default": "kernel"}
    assert write_added(node, "e") == "direct|(conv k 3)*"


def test_gates() -> None:
    term = {"of": "out", "kernel": 3}
    gate = write_gate({"offset": 0.5, "scale": -0.5, "terms": [term]}, "out", "keep", PLAIN)
    assert (gate.sources, gate.words) == ("out", "k 3 falling 0.5")
    two = write_gate({"terms": [term, {**term, "of": "input"}]}, "out", "times", PLAIN)
    assert (two.sources, two.words) == ("out + input", "k 3")
    unlike = write_gate({"terms": [term, {"of": "input"}]}, "out", "times", PLAIN)
    assert (unlike.sources, unlike.words) == ("out", "k 3 + (input)")


def test_sources() -> None:
    words = Vocabulary(input_state="used", gates={"reset": "reset_gate"})
    assert words.sources(["new.used", "hidden * reset"]) == (
        "input & hidden * reset_gate",
        "input+hidden",
    )
    assert list_sources({"a": [{"of": ["x", "new.y * g"]}]}) == ["x", "new.y"]
    used: Any = {"drive": {"edges": [{"add": {"of": "input"}}]}}
    out: Any = {"drive": {"edges": [{"add": {"of": "new.used"}}]}}
    assert passes_input("used", {"used": used, "out": out})
    assert not passes_input("used", {"used": {**used, "depth": 3}, "out": out})
    assert not passes_input(
        "used", {"used": used, "out": {"drive": {"edges": [{"add": {"of": "used"}}]}}}
    )
    assert join_words("a", "", "b") == "a b"
