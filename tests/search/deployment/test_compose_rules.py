"""Rules of compose files that are about forms which the rendered file does not use."""

from __future__ import annotations

from typing import Any

import pytest

from search.deployment import Deployment
from search.deployment.compose import build_compose
from search.deployment.compose_rules import check_compose


def _check(service: str, **changed: Any) -> list[str]:
    """The fields of the mistakes of the set with a service that differs."""
    document = build_compose(Deployment())
    document["services"][service].update(changed)
    return [one.field for one in check_compose(document)]


@pytest.mark.parametrize(
    "port", ["5000", 5000, "5000:5000", "0.0.0.0:1:1", "[::]:1:1", "10.0.0.5:1:1"]
)
def test_a_port_beyond_loopback_is_a_mistake_in_every_form(port: str | int) -> None:
    assert _check("mlflow", ports=[port]) == ["services.mlflow.ports[0]"]


@pytest.mark.parametrize(
    "port", ["127.0.0.1:1:1", "127.0.0.1::1", "[::1]:1:1", {"target": 1, "host_ip": "127.0.0.1"}]
)
def test_a_port_on_loopback_is_none(port: str | dict[str, Any]) -> None:
    assert _check("mlflow", ports=[port]) == []


def test_a_list_of_variables_is_read_as_a_mapping_is() -> None:
    fields = _check("database", environment=["POSTGRES_PASSWORD=abc", "A=1"])
    assert fields == ["services.database.environment[0]"]


def test_a_command_in_one_line_is_read_as_its_words() -> None:
    fields = _check("objects", command="server -s3", entrypoint="weed --token=abc")
    assert fields == ["services.objects.entrypoint[1]", "services.objects.command"]


def test_devices_are_counted_and_are_gpus() -> None:
    where = "services.worker.deploy.resources.reservations.devices[0]"
    for device, field in (
        ({"capabilities": ["gpu"], "count": "all"}, f"{where}.count"),
        ({"capabilities": ["tpu"], "count": 1}, f"{where}.capabilities"),
    ):
        resources = {"limits": {"memory": "1G"}, "reservations": {"devices": [device]}}
        assert _check("worker", deploy={"resources": resources}) == [field]
    named = {"capabilities": ["gpu"], "device_ids": ["0"]}
    resources = {"limits": {"memory": "1G"}, "reservations": {"devices": [named]}}
    assert _check("worker", deploy={"resources": resources}) == []


def test_a_file_of_variables_and_a_secret_of_a_variable_are_mistakes() -> None:
    assert _check("head", env_file=".env") == ["services.head.env_file"]
    document = build_compose(Deployment())
    document["secrets"]["ray_token"] = {"environment": "RAY_TOKEN"}
    assert [one.field for one in check_compose(document)] == ["secrets.ray_token"]


def test_a_service_that_waits_for_none_of_the_file_is_a_mistake() -> None:
    assert _check("head", depends_on=["databse"]) == ["services.head.depends_on"]
    assert _check("head", networks={"clustr": None}) == ["services.head.networks"]
