"""What a server answers is what the mirror writes, or one error."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from dashboards.mlflow_answers import Curves, check_run, parse_lesions, parse_page, parse_points
from search.mirror.runs import RECORD_TAG
from space.errors import InputError

POINT = {"run_id": "a", "step": 1, "timestamp": 5, "value": 0.5}
PAGE = {"id": "abcdefgh", "name": "toy", "document": {}, "space": {}, "data": {}}


def run(metrics: dict[str, float] | None = None, tags: dict[str, str] | None = None) -> Any:
    whole = {"ventral.trial": "3", "ventral.seed": "1", RECORD_TAG: json.dumps({"created": 5.0})}
    data = SimpleNamespace(tags=whole | (tags or {}), metrics=metrics or {})
    return SimpleNamespace(info=SimpleNamespace(run_id="a"), data=data)


def test_of_two_values_of_a_step_the_later_counts() -> None:
    curves = Curves()
    for at, value in ((5, 0.1), (9, 0.2), (7, 0.3)):
        curves.add("top1", 1, at, value)
    assert curves.points["top1"] == {1: (9, 0.2)}


def test_what_the_mirror_writes_is_taken() -> None:
    assert parse_page(PAGE, "experiment 'toy'") == PAGE
    assert parse_points({"metrics": [POINT]}) == [POINT]
    check_run(run())
    check_run(run({"parameters": 1e6, "epochs": 3.0}))


@pytest.mark.parametrize("page", [None, [], {}, PAGE | {"space": "x"}, PAGE | {"id": 3}])
def test_another_page_is_one_error(page: object) -> None:
    with pytest.raises(InputError, match=r"another campaign\.json than Ventral writes"):
        parse_page(page, "experiment 'toy'")


LESION = {
    "trial": 1, "part": "out->out", "kind": "edge", "difference": -0.1, "low": None,
    "high": 0.1, "retrained": False,
}  # fmt: skip


def test_other_lesions_are_one_error() -> None:
    [lesion] = parse_lesions([LESION], "experiment 'toy'")
    assert (lesion.trial, lesion.difference) == (1, -0.1)
    for change in ({"trial": "1"}, {"difference": 2.0}, {"part": None}, {"more": 1}):
        with pytest.raises(InputError, match=r"another lesions\.json"):
            parse_lesions([LESION | change], "experiment 'toy'")


@pytest.mark.parametrize(
    "change",
    [{"step": "1"}, {"timestamp": -1}, {"timestamp": 10**20}, {"value": None}, {"run_id": 1}],
)
def test_another_point_is_one_error(change: dict[str, object]) -> None:
    answers: list[object] = [{"metrics": [POINT, POINT | change]}, {"metrics": 3}, []]
    for answer in answers:
        with pytest.raises(InputError, match="otherwise than MLflow does"):
            parse_points(answer)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"ventral.trial": "three"}, "ventral.trial is no whole number"),
        ({"ventral.seed": ""}, "ventral.seed is no whole number"),
        ({RECORD_TAG: "["}, "JSON|Expecting"),
        ({RECORD_TAG: "[]"}, "is no mapping"),
        ({RECORD_TAG: '{"created": "now"}'}, "created in its tag"),
        ({RECORD_TAG: '{"ended": 1e300}'}, "ended in its tag"),
    ],
)
def test_a_run_with_other_tags_is_one_error(tags: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_run(run(tags=tags))


def test_a_run_with_another_size_is_one_error() -> None:
    with pytest.raises(InputError, match="its metric parameters is no number of things"):
        check_run(run({"parameters": float("nan")}))
