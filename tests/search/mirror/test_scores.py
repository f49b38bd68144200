"""Scores as a run of MLflow, in an experiment that is of no campaign."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search.host.home import Home
from search.mirror.client import open_scores_client
from search.mirror.scores import EXPERIMENT, Measured, describe_run, publish_scores

NAN = float("nan")


def test_names_are_spelled_as_mlflow_takes_them_and_nan_is_no_metric() -> None:
    metrics = [
        Measured(name=("score by ms", "V4", "a/b=ü"), value=0.5, step=70),
        Measured(name=("score", "IT", "m"), value=NAN),
        Measured(name=("x" * 300,), value=1.0),
    ]
    run = describe_run("m\x1b[0m" + "n" * 300, {"map=": "y" * 7000}, metrics, {"a.csv": ""}, now=9)
    assert [one.key for one in run.metrics] == ["score by ms/V4/a_b__", "x" * 250]
    assert (run.metrics[0].value, run.metrics[0].step, run.metrics[0].at) == (0.5, 70, 9)
    assert "\x1b" not in run.name
    assert len(run.name) == 250
    assert list(run.parameters) == ["map_"]
    assert len(run.parameters["map_"]) == 6000
    assert (run.status, run.started, run.ended) == ("FINISHED", 9, 9)


@pytest.mark.long
def test_a_run_is_in_mlflow_with_its_numbers_and_files(tmp_path: Path, empty_mlflow: Path) -> None:
    home = Home.at(tmp_path / "home", {})
    home.ensure()
    shutil.copy(empty_mlflow, home.path / "mlflow.db")
    metrics = [Measured(name=("score by ms", "IT", "m"), value=n / 10, step=n) for n in (70, 80)]
    places = [
        publish_scores(home, "m on it", {"map": "pls"}, metrics, {"neural.csv": "a\n"})
        for _ in range(2)
    ]
    assert len(set(places)) == 2
    _, _, experiment, _, run_id = places[1].split("/")
    client = open_scores_client(home)
    try:
        known = client._client.get_experiment(experiment)
        assert known.name == EXPERIMENT
        run = client._client.get_run(run_id)
        assert (run.info.status, run.info.run_name) == ("FINISHED", "m on it")
        assert run.data.params == {"map": "pls"}
        history = client._client.get_metric_history(run_id, "score by ms/IT/m")
        assert [(one.step, one.value) for one in history] == [(70, 7), (80, 8)]
    finally:
        client.close()
    assert (home.score_files(run_id) / "neural.csv").read_text() == "a\n"
