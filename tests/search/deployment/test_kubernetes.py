"""The objects of KubeRay: who has which rights, and the definitions that they are held to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from search.deployment import Deployment
from search.deployment.kubernetes import PART, build_cluster, build_job, build_network
from space.documents.validation import parse
from tests.support.custom_resources import (
    count_rules,
    evaluate_rule,
    list_problems,
    read_definition,
    requires_definitions,
)

CLUSTER, JOB, NETWORK = (
    build(Deployment()) for build in (build_cluster, build_job, build_network)
)


def _list_pods(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    spec = document["spec"].get("rayClusterSpec", document["spec"])
    yield "head", spec["headGroupSpec"]["template"]
    for group in spec["workerGroupSpecs"]:
        yield "worker", group["template"]
    if "submitterPodTemplate" in document["spec"]:
        yield "submitter", document["spec"]["submitterPodTemplate"]


@pytest.mark.parametrize("document", [CLUSTER, JOB], ids=["cluster", "job"])
def test_only_the_head_knows_the_records_and_talks_to_kubernetes(document: dict[str, Any]) -> None:
    for role, pod in _list_pods(document):
        (container,) = pod["spec"]["containers"]
        assert ("env" in container) == (role == "head")
        assert pod["spec"]["automountServiceAccountToken"] == (role == "head")
        assert pod["metadata"]["labels"] == PART
    (env,) = (
        pod["spec"]["containers"][0]["env"] for role, pod in _list_pods(JOB) if role == "head"
    )
    by_value = {one["name"] for one in env if "value" in one}
    assert by_value == {"MLFLOW_TRACKING_URI"}


def test_a_gpu_is_asked_for_with_a_limit_and_the_workers_scale() -> None:
    (group,) = CLUSTER["spec"]["workerGroupSpecs"]
    resources = group["template"]["spec"]["containers"][0]["resources"]
    assert resources["limits"] == resources["requests"]
    assert resources["limits"]["nvidia.com/gpu"] == "1"
    assert CLUSTER["spec"]["enableInTreeAutoscaling"] is True
    assert (group["minReplicas"], group["maxReplicas"]) == (0, 4)


def test_a_cluster_without_gpus_asks_for_none() -> None:
    plain = parse(Deployment, {"kubernetes": {"accelerator": "cpu", "workers": {"gpus": 0}}})
    assert "nvidia" not in str(build_cluster(plain))


def test_nothing_but_the_pods_and_the_operator_comes_in() -> None:
    first, second = NETWORK["spec"]["ingress"]
    assert first == {"from": [{"podSelector": {"matchLabels": PART}}]}
    assert [port["port"] for port in second["ports"]] == [8265]
    assert "0.0.0.0/0" not in str(NETWORK)


@requires_definitions
@pytest.mark.parametrize("document", [CLUSTER, JOB], ids=["cluster", "job"])
def test_kuberay_s_definitions_and_their_rules_accept_it(document: dict[str, Any]) -> None:
    assert list_problems(document) == []
    assert count_rules(read_definition(document["kind"])[1]) > 0


@requires_definitions
def test_the_definitions_refuse_what_is_wrong() -> None:
    wrong = {**CLUSTER, "spec": {**CLUSTER["spec"], "authOption": {}}}
    assert any("authOption" in problem for problem in list_problems(wrong))
    other = {**CLUSTER, "spec": {**CLUSTER["spec"], "managedBy": "somebody"}}
    assert any("managedBy" in problem for problem in list_problems(other))


def test_rules_are_evaluated() -> None:
    assert evaluate_rule("self.least <= self.most", {"least": 1, "most": 2})
    assert not evaluate_rule("has(self.a) && self.a.size() > 1", {"a": "x"})


def test_the_definition_of_network_policies_accepts_it() -> None:
    import kubernetes_validate

    kubernetes_validate.validate(NETWORK, "1.30", strict=True)
    wrong = {**NETWORK, "spec": {**NETWORK["spec"], "ingres": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.30", strict=True)


@pytest.mark.parametrize("document", [CLUSTER, JOB], ids=["cluster", "job"])
def test_the_definition_of_pods_accepts_every_template(document: dict[str, Any]) -> None:
    import kubernetes_validate

    for role, template in _list_pods(document):
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        pod["metadata"] = {**pod["metadata"], "name": role}
        kubernetes_validate.validate(pod, "1.30", strict=True)
