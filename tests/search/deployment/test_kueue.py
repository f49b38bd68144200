"""The queue, its priorities, and a campaign that waits in it."""

from __future__ import annotations

from typing import Any

import pytest

from search.deployment import Deployment
from search.deployment.kueue import build_queued_job, build_queues
from space.documents.validation import parse
from tests.support.custom_resources import list_problems, requires_definitions

QUEUES, JOB = build_queues(Deployment()), build_queued_job(Deployment())


def test_the_queue_leads_from_the_namespace_to_the_quota() -> None:
    by_kind = {one["kind"]: one for one in QUEUES}
    assert (
        by_kind["LocalQueue"]["spec"]["clusterQueue"]
        == by_kind["ClusterQueue"]["metadata"]["name"]
    )
    (group,) = by_kind["ClusterQueue"]["spec"]["resourceGroups"]
    assert group["coveredResources"] == ["cpu", "memory", "nvidia.com/gpu"]
    assert group["flavors"][0]["name"] == by_kind["ResourceFlavor"]["metadata"]["name"]
    labels = JOB["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == by_kind["LocalQueue"]["metadata"]["name"]
    values = {
        one["metadata"]["name"]: one["value"]
        for one in QUEUES
        if one["kind"] == "WorkloadPriorityClass"
    }
    assert labels["kueue.x-k8s.io/priority-class"] in values
    assert len(set(values.values())) == 3


def test_a_campaign_waits_and_holds_a_fixed_number_of_workers() -> None:
    assert JOB["spec"]["suspend"] is True
    spec = JOB["spec"]["rayClusterSpec"]
    assert "enableInTreeAutoscaling" not in spec
    (group,) = spec["workerGroupSpecs"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"] == 4
    assert spec["headGroupSpec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_a_quota_without_gpus_covers_none() -> None:
    document = {
        "kubernetes": {"accelerator": "cpu", "workers": {"gpus": 0}},
        "kueue": {"quota": {"gpus": 0}, "nodes": {"pool": "ventral"}},
    }
    flavor, queue, *_ = build_queues(parse(Deployment, document))
    assert flavor["spec"] == {"nodeLabels": {"pool": "ventral"}}
    assert queue["spec"]["resourceGroups"][0]["coveredResources"] == ["cpu", "memory"]


@requires_definitions
@pytest.mark.parametrize("document", [*QUEUES, JOB], ids=lambda one: f"{one['metadata']['name']}")
def test_kueue_s_definitions_and_their_rules_accept_it(document: dict[str, Any]) -> None:
    assert list_problems(document) == []


@requires_definitions
def test_the_definitions_refuse_a_broken_rule() -> None:
    queue = next(one for one in QUEUES if one["kind"] == "ClusterQueue")
    resource = {"name": "cpu", "nominalQuota": "1", "borrowingLimit": "1"}
    group = {"coveredResources": ["cpu"], "flavors": [{"name": "x", "resources": [resource]}]}
    wrong = {**queue, "spec": {**queue["spec"], "resourceGroups": [group]}}
    assert any("borrowingLimit" in problem for problem in list_problems(wrong))
