"""Stages and feedback in words, and what stands in full."""

from typing import Any

import pytest

from space.notation.phrases import Phrase
from space.notation.stage_writing import write_feedback, write_stage
from space.notation.stages import StageReader


@pytest.mark.parametrize(
    "line",
    [
        "a 8",
        "a 8|16* k 3 stride 2 unbiased reads feedback norm batch elu decay 0 cell pool k 3",
        "a join add channels 4 8 then 4 k 1 relu residual stride norm batch after elu",
        "a 8 elu after relu pool mean ?*",
        "a 8 residual ?",
    ],
)
def test_a_line_comes_back(line: str) -> None:
    stage = StageReader(Phrase(line, ()), ["m"]).read()
    written = write_stage(stage, ["m"])
    assert StageReader(Phrase(written, ()), ["m"]).read() == stage


def test_what_has_no_words_stands_in_full() -> None:
    stage: Any = {"name": "a", "convolution": {"width": 4}, "cell": {"choice": ["m", "n"]}}
    assert write_stage(stage, ["m", "n"]) == stage
    assert write_stage({**stage, "cell": "n"}, ["m", "n"]) == "a 4 cell n"


STAGES = [{"name": name} for name in "abc"]
MAYBE = {"choice": [False, True], "weights": [0.9, 0.1]}


@pytest.mark.parametrize(
    ("feedback", "written"),
    [
        ({"c->a": True, "b->a": False}, ["c -> a"]),
        ({"c->a": {"choice": [True, False], "name": "edge"}}, ['c -> a ?* as "edge"']),
        (dict.fromkeys(("b->a", "c->a", "c->b"), MAYBE), ["all ? 10%"]),
        ({"c->a": {"choice": [1, 2]}}, {"c->a": {"choice": [1, 2]}}),
        ({"c->d": True}, {"c->d": True}),
    ],
)
def test_feedback(feedback: Any, written: Any) -> None:
    assert write_feedback(feedback, STAGES) == written
