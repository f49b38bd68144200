"""Lines of stages and of feedback."""

from typing import Any

import pytest

from space.notation.phrases import NotationError, Phrase
from space.notation.stages import FeedbackReader, StageReader

STAGES = ["a", "b", "c"]


def stage(text: str, *cells: str) -> dict[str, Any]:
    return StageReader(Phrase(text, ("stages", 0)), cells).read()


def feedback(text: str) -> dict[str, Any]:
    return FeedbackReader(Phrase(text, ("feedback", 0)), STAGES).read()


def test_a_stage_in_the_order_of_its_parts() -> None:
    assert stage(
        "a 16|32 k 3 stride 2 unbiased norm batch elu reads feedback cell pool k 3", "m"
    ) == {
        "name": "a",
        "convolution": {
            "width": {"choice": [16, 32], "name": "a.width"},
            **{"kernel": 3, "stride": 2, "bias": False, "norm": {"kind": "batch"}},
            **{"activation": "elu", "reads_feedback": True},
        },
        "cell": "m",
        "pool": {"kernel": 3},
    }
    block = stage("b join add 8 then 8 k 1 residual stride norm batch relu pool mean ?")
    assert block["join"] == {"kind": "add"}
    assert block["second"] == {"width": 8, "kernel": 1}
    assert block["residual"] == {"by": "stride", "norm": {"kind": "batch"}}
    assert block["activation"] == "relu"
    assert block["pool"] == {"optional": {"kind": "mean"}, "name": "b.pool", "default": False}
    assert stage("a 8 elu after relu")["activation"] == "relu"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a elu", "the width of a convolution is missing"),
        ("a 8 k 3 ellu", r'"ellu" is not a word of a stage; did you mean "elu"'),
        ("a 8 cell", "a stage has a cell, and there is none"),
        ("a 8 pool median", '"median" is not a word of a pool'),
        ("8", "the name of a stage is missing"),
    ],
)
def test_wrong_stages(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        stage(text)
    with pytest.raises(NotationError, match='"rcg" is not a cell; did you mean "rgc"'):
        stage("a 8 cell rcg", "rgc", "lstm")


def test_feedback() -> None:
    assert feedback("c -> a") == {"c->a": True}
    assert feedback("c -> a ?*") == {"c->a": {"choice": [True, False], "name": "c->a"}}
    assert list(feedback("all")) == ["b->a", "c->a", "c->b"]
    assert list(feedback("all -> a")) == ["b->a", "c->a"]
    some = feedback("c -> all ? 10%")
    assert some["c->b"] == {"choice": [False, True], "name": "c->b", "weights": [0.9, 0.1]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a -> c", "feedback leads from a later stage to an earlier one; turn the arrow round"),
        ("c", "an edge has no arrow"),
        ("c -> d", r'"d" is not a stage \(receiver of feedback\)'),
    ],
)
def test_wrong_feedback(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        feedback(text)
