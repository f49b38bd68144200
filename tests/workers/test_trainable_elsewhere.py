"""A trial that starts on one machine and goes on on another, which share an object store alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from space.errors import UnreachableError
from tests.support.exports import genome
from workers import checkpoint
from workers.data.packing import pack
from workers.data.publishing import publish_pack
from workers.data.specs import DigitsOccluded
from workers.job import Job, Recipe
from workers.storage.opening import open_storage
from workers.trainable import TrialTrainable


@pytest.fixture
def job(bucket: str, tmp_path: Path) -> Job:
    """A training of three epochs; its pack is published, and not on the disk of either machine."""
    spec = DigitsOccluded(size=8, train_images=320, test_images=200)
    packed = pack(spec, tmp_path / "of the driver")
    url = publish_pack(packed, bucket)
    return Job(
        genome=genome(),
        recipe=Recipe(epochs=3, batch_size=64),
        data=packed.ref.model_copy(update={"url": url, "path": "/nowhere"}),
        seed=1,
        folder=f"{bucket}/campaigns/abcdefgh/trial-00001",
    )


def enter(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a machine whose disk is a folder, empty at first."""
    monkeypatch.setenv("VENTRAL_CACHE", str(machine / "cache"))
    monkeypatch.setenv("HOME", str(machine))
    machine.mkdir(exist_ok=True)
    monkeypatch.chdir(machine)


def start(job: Job) -> TrialTrainable:
    return TrialTrainable({"job": job.model_dump_json(), "trial": 1})


def report(result: dict[str, Any]) -> dict[str, Any]:
    assert "failure" not in result, result
    return {
        key: one for key, one in result["report"].items() if key not in ("seconds", "memory_mb")
    }


def test_it_goes_on_to_the_bit_on_a_machine_with_an_empty_disk(
    job: Job, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = job.model_copy(update={"folder": str(tmp_path / "whole")})
    enter(tmp_path / "one", monkeypatch)
    whole = start(other)
    expected = [report(whole.step()) for _ in range(3)]
    first = start(job)
    assert [report(first.step()) for _ in range(2)] == expected[:2]
    enter(tmp_path / "two", monkeypatch)
    second = start(job)
    result = second.step()
    assert report(result) == expected[2]
    assert result["done"]
    assert [one["epoch"] for one in result["earlier"]] == [1, 2]
    assert checkpoint.load(f"{job.folder}/checkpoint")[1]["epoch"] == 3
    # The first machine was only cut off for a while, and wakes up: it writes nothing.
    enter(tmp_path / "one", monkeypatch)
    with pytest.raises(SystemExit, match="another worker has the trial"):
        first.step()
    keys = [entry.key for entry in open_storage(bucket).list("campaigns")]
    assert [key.rpartition("/")[2] for key in keys] == [
        *("checkpoint.json", "tensors.safetensors") * 2,
        "claim",
    ]


def test_a_store_that_is_away_loses_the_worker_and_not_the_trial(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised is left to Ray: the trial starts again, perhaps elsewhere."""
    enter(tmp_path / "one", monkeypatch)
    trainable = start(job)
    report(trainable.step())
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        away.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(UnreachableError, match="cannot be reached"):
            start(job).step()
    assert report(start(job).step())["epoch"] == 2


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials"),
        ({}, "no such bucket"),
    ],
)
def test_a_machine_that_cannot_use_it_is_the_machines_failure(
    job: Job, variables: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The campaign halts with every trial kept, instead of failing one after the other."""
    for name in variables:
        monkeypatch.delenv(name)
    if not variables:
        job = job.model_copy(update={"folder": "s3://no-such-bucket-here/trial"})
    failure = start(job).step()["failure"]
    assert failure["kind"] == "environment"
    assert problem in failure["reason"]
    assert "a-secret-of-a-test" not in str(failure)
