"""Words behind edges, states and stages become slots."""

from typing import Any

import pytest

from space.notation.attributes import SAME, Attributes, Forms, negate
from space.notation.phrases import NotationError, Phrase
from space.notation.words import Place

LET = {"W": ("conv|separable k 1|3", ("let", "W")), "N": ("norm group groups 4 ?", ("let", "N"))}


def read(text: str, *places: Place) -> dict[str, Any]:
    phrase = Phrase(text, (), LET)
    slots = Attributes(phrase, "e", places, number="depth" if "state" in places else "").read()
    assert phrase.ended
    return slots


def test_words_of_a_term() -> None:
    assert read("conv k 3 unbiased elu cut to map", "term") == {
        **{"op": "convolution", "kernel": 3, "learned": False, "activation": "elu", "clip": True},
    }
    assert read("k same", "term")["kernel"] is SAME


def test_words_of_a_gate_and_its_term() -> None:
    slots = read("falling 0.5..1 tanh bias 2 beside conv separable k 5", "gate", "term")
    offset = {"uniform": [0.5, 1], "name": "e.offset"}
    assert slots == {
        **{"offset": offset, "scale": {"same_as": "e.offset", "times": -1}},
        **{"nonlinearity": "tanh", "bias": 2, "bias_acts": "full"},
        **{"op": "separable", "kernel": 5},
    }
    assert negate(0.5) == -0.5


def test_words_of_a_state() -> None:
    norm = {"optional": {"kind": "group", "groups": 4}, "name": "e.norm", "default": False}
    assert read("16 N relu", "state") == {"depth": 16, "norm": norm, "activation": "relu"}


def test_first_values_and_decay() -> None:
    slots = read("init normal log 0.1..3 parts 4 biases 1 decay 1e-4 bias decay 0", "weights")
    assert slots["weights"] == {
        "initial": {
            "scheme": "normal",
            "scale": {"loguniform": [0.1, 3], "name": "e.initial.scale"},
            "parts": 4,
        },
        **{"bias_initial": 1, "decay": 0.0001, "bias_decay": 0},
    }


def test_a_word_of_let_may_be_said_again_outside_of_it() -> None:
    assert read("W k 5", "term")["kernel"] == 5
    with pytest.raises(NotationError, match="the kernel is given twice"):
        read("k 3 k 5", "term")
    with pytest.raises(NotationError, match="the decay is given twice"):
        read("decay 1 decay 2", "weights")


def test_direct_or_a_kernel_are_two_forms() -> None:
    forms = read("direct|W*", "term")["forms"]
    assert isinstance(forms, Forms)
    assert [(way.label, way.has_kernel) for way in forms.ways] == [
        ("direct", False),
        ("kernel", True),
    ]
    assert forms.default == 1
    mixed = read("match|conv|separable*", "term")["forms"]
    assert [way.label for way in mixed.ways] == ["match", "kernel"]
    assert mixed.ways[1].slots["op"]["default"] == "separable"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kernel 3", r'"kernel" is not a word of a term'),
        ("falling 1", r'"falling" is not a word of a term'),
        ("bias 1", "an edge that adds has no constant bias"),
        ("cut", "cut stands alone; write cut to map"),
        ("(conv k 3", "a bracket is not closed"),
    ],
)
def test_wrong_words(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        read(text, "term")
