"""The words of Kubernetes objects: those of the published definitions, where these are at hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from search.deployment.kubernetes_objects import (
    ClusterQueueSpec,
    ClusterSpec,
    Container,
    HeadGroup,
    JobSpec,
    PodSpec,
    Quantity,
    WorkerGroup,
)
from space.documents.validation import Value, parse
from space.errors import InputError
from tests.support.custom_resources import read_definition, requires_definitions

PLACES: tuple[tuple[type[BaseModel], str, str], ...] = (
    (ClusterSpec, "RayCluster", "spec"),
    (HeadGroup, "RayCluster", "spec.headGroupSpec"),
    (WorkerGroup, "RayCluster", "spec.workerGroupSpecs"),
    (PodSpec, "RayCluster", "spec.headGroupSpec.template.spec"),
    (Container, "RayCluster", "spec.headGroupSpec.template.spec.containers"),
    (JobSpec, "RayJob", "spec"),
    (ClusterQueueSpec, "ClusterQueue", "spec"),
)


@requires_definitions
@pytest.mark.parametrize(("model", "kind", "path"), PLACES)
def test_no_word_is_our_own(model: type[BaseModel], kind: str, path: str) -> None:
    node: dict[str, Any] = read_definition(kind)[1]
    for key in path.split("."):
        node = node["properties"][key]
        node = node.get("items", node)
    # KubeRay keeps the whole of the head's service without naming its fields.
    assert {*model.model_fields} - {"headService"} <= set(node["properties"])
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert set(node.get("required", ())) - {"minReplicas", "maxReplicas"} <= required


class _Amount(Value):
    amount: Quantity | int


@pytest.mark.parametrize("amount", ["1", "500m", "1.5", "4Gi", "10k", 3])
def test_an_amount_has_a_unit_of_kubernetes(amount: str | int) -> None:
    assert parse(_Amount, {"amount": amount}).amount == amount


@pytest.mark.parametrize("amount", ["4 GB", "4GB", "-1", "", "many"])
def test_another_amount_is_refused(amount: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(_Amount, {"amount": amount})
    assert "4Gi" in caught.value.cure
