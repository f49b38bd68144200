"""Ray's private interfaces: each is there, and is as it was when its block ends."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from ray._private import ray_constants
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.exceptions import OutOfMemoryError, RayActorError

from search.tune import ray_internals


def test_only_the_loopback_address_counts_within_the_block() -> None:
    before = ray_constants.ENABLE_RAY_CLUSTER
    with ray_internals.only_loopback():
        assert ray_constants.ENABLE_RAY_CLUSTER is False
    assert before == ray_constants.ENABLE_RAY_CLUSTER


def test_ray_prints_no_notices_within_the_block() -> None:
    printer: Any = importlib.import_module("ray._private.worker")
    before = printer._worker_logs_enabled
    with ray_internals.mute():
        assert printer._worker_logs_enabled is False
    assert printer._worker_logs_enabled == before


def test_a_job_sends_none_of_the_driver_s_folders() -> None:
    job = ray_internals.job_config()
    job._py_driver_sys_path.append("/somewhere")
    sent = job._get_proto_job_config()
    assert list(sent.py_driver_sys_path) == []


def test_losses_that_tune_does_not_know_become_lost_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Exception] = []
    monkeypatch.setattr(
        RayActorManager,
        "_actor_task_failed",
        lambda _self, _task, exception: seen.append(exception),
    )
    plain, manager = RayActorManager._actor_task_failed, SimpleNamespace()
    with ray_internals.survivable():
        RayActorManager._actor_task_failed(manager, None, OutOfMemoryError("no room"))
        RayActorManager._actor_task_failed(manager, None, ValueError("ours"))
    assert RayActorManager._actor_task_failed is plain
    lost, ours = seen
    assert isinstance(lost, RayActorError)
    assert "OutOfMemoryError: no room" in str(lost)
    assert isinstance(ours, ValueError), "an error of ours is no lost worker"
