"""The words of compose files: every field of the published schema is known."""

from __future__ import annotations

from typing import Any

import pytest

from search.deployment.compose_file import ComposeFile, Mount, Service
from space.documents.validation import parse
from space.errors import InputError
from tests.support.deployments import read_compose_schema


def _list_fields(schema: dict[str, Any], name: str) -> set[str]:
    """The fields of a definition, those of the definitions that it consists of too."""
    own = schema["$defs"][name]
    parts = [part["$ref"].rpartition("/")[2] for part in own.get("allOf", ())]
    return set(own.get("properties", ())).union(*(_list_fields(schema, part) for part in parts))


UNUSED = {
    "blkio_config",
    "cgroup_parent",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "credential_spec",
    "develop",
    "device_cgroup_rules",
    "dns_opt",
    "isolation",
    "label_file",
    "links",
    "mem_swappiness",
    "models",
    "pre_start",
    "provider",
    "pull_refresh_after",
    "umask",
    "use_api_socket",
    "volumes_from",
}
"""Fields of services that a deployment has no use for: they are refused."""


def test_a_service_has_the_fields_of_the_specification() -> None:
    published = _list_fields(read_compose_schema(), "service")
    assert len(published) > 80
    assert set(Service.model_fields) <= published
    assert published - set(Service.model_fields) == UNUSED


def test_both_forms_of_a_mount_and_of_an_environment_are_read() -> None:
    service = {"image": "a:1", "volumes": ["./a:/a", {"type": "bind", "target": "/b"}]}
    one = parse(ComposeFile, {"services": {"a": {**service, "environment": ["A=1"]}}})
    other = parse(ComposeFile, {"services": {"a": {**service, "environment": {"A": 1}}}})
    assert isinstance(one.services["a"].volumes[1], Mount)
    assert one.services["a"].environment == ("A=1",)
    assert other.services["a"].environment == {"A": 1}


@pytest.mark.parametrize(
    ("service", "where"),
    [
        ({"healthcheck": {"retrys": 3}}, "services.a.healthcheck"),
        ({"depends_on": {"b": {"condition": "healthy"}}}, "services.a.depends_on"),
        ({"read_only": "yes"}, "services.a.read_only"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(service: dict[str, object], where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(ComposeFile, {"services": {"a": service}})
    assert caught.value.where == where
