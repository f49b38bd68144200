"""The mirror's client, against MLflow's own database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.mirror.client import METRICS_A_CALL, PARAMETERS_A_CALL, Client
from search.mirror.runs import FAILURE, KEY_TAG, REASON, MlflowRun, Point
from search.store import Store
from tests.support.campaigns import new_campaign

RUN = MlflowRun(
    name="cell #1 80.0%",
    status="FINISHED",
    started=1000,
    ended=2000,
    parameters={"kernel": "3"},
    metrics=(Point(key="top1", value=0.8, at=1500, step=1),),
    tags={KEY_TAG: "aaaaaaaa/1"},
    files={"genome.json": "{}"},
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("client")
    made = Client(f"sqlite:///{folder}/mlflow.db", lambda run_id: folder / "files" / run_id)
    yield made
    made.close()


@pytest.fixture(scope="module")
def experiment(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A campaign's experiment: made once, and found the second time."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
    campaign = new_campaign(store)
    first, made = client.experiment(campaign, None)
    assert made
    assert client.experiment(campaign, None) == (first, False)
    return first


def test_a_run_is_found_by_its_key(client: Client, experiment: str) -> None:
    run_id = client.write(experiment, RUN, None)
    assert client.find(experiment, "aaaaaaaa/1") == run_id
    assert client.find(experiment, "aaaaaaaa/2") is None
    assert client.writable(run_id)
    assert not client.writable("0" * 32)
    assert (client._files(run_id) / "genome.json").read_text() == "{}"  # type: ignore[misc]


def test_what_is_no_longer_true_of_a_run_is_emptied(client: Client, experiment: str) -> None:
    failed = replace(RUN, tags=RUN.tags | {REASON: "diverged"}, files={FAILURE: "nan"})
    run_id = client.write(experiment, failed, None)
    client.write(experiment, RUN, run_id)
    assert client._client.get_run(run_id).data.tags[REASON] == ""
    assert (client._files(run_id) / FAILURE).read_text() == ""  # type: ignore[misc]


def test_a_run_that_is_one_too_many_is_ended_and_removed(client: Client, experiment: str) -> None:
    created = client._client.create_run(experiment, tags=RUN.tags)
    run_id = created.info.run_id
    assert (run_id, "aaaaaaaa/1") in list(client.running(experiment))
    client.discard(run_id)
    assert not client.writable(run_id)
    assert list(client.running(experiment)) == []


def test_a_run_beyond_the_limits_of_a_call_is_written_whole(
    client: Client, experiment: str
) -> None:
    parameters = {f"p{number}": str(number) for number in range(PARAMETERS_A_CALL + 20)}
    metrics = tuple(
        Point(key="top1", value=step / 2000, at=step, step=step)
        for step in range(METRICS_A_CALL + 50)
    )
    run_id = client.write(experiment, replace(RUN, parameters=parameters, metrics=metrics), None)
    assert len(client._client.get_run(run_id).data.params) == len(parameters)
    assert len(client._client.get_metric_history(run_id, "top1")) == len(metrics)
