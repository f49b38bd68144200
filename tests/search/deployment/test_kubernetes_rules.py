"""Rules of Kubernetes objects: one by one, and of objects that name each other."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from search.deployment import Deployment
from search.deployment.kubernetes import build_cluster, build_job, build_network
from search.deployment.kubernetes_rules import Placed, check_object, check_together, read_object
from search.deployment.kueue import build_queues
from space.errors import InputError


def _cluster(path: str, value: Any) -> list[str]:
    """The fields of the mistakes of a cluster in which one value differs."""
    document = copy.deepcopy(build_cluster(Deployment()))
    node: Any = document
    *keys, last = path.split("/")
    for key in keys:
        node = node[int(key)] if isinstance(node, list) else node[key]
    node[last] = value
    return [one.field for one in check_object(read_object(document))]


WORKER = "spec/workerGroupSpecs/0"
POD = f"{WORKER}/template/spec"


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("spec/rayVersion", "2.40.0", "rayVersion"),
        ("spec/authOptions", {"mode": "token"}, "authOptions.secretName"),
        ("spec/headGroupSpec/enableIngress", True, "headGroupSpec.enableIngress"),
        (f"{WORKER}/maxReplicas", 2_147_483_647, "workerGroupSpecs[0].maxReplicas"),
        (f"{POD}/hostNetwork", True, "spec.hostNetwork"),
        (f"{POD}/containers/0/image", "ventral:latest", "containers[0].image"),
        (f"{POD}/containers/0/securityContext/privileged", True, "securityContext.privileged"),
        (f"{POD}/containers/0/securityContext/runAsUser", 0, "securityContext.runAsNonRoot"),
        (f"{POD}/containers/0/securityContext/capabilities", {"drop": []}, "capabilities.drop"),
        (f"{POD}/containers/0/volumeMounts", [{"name": "x"}], "volumeMounts[0].name"),
    ],
)
def test_a_mistake_of_a_cluster_is_at_its_field(path: str, value: Any, field: str) -> None:
    (where,) = _cluster(path, value)
    assert where.endswith(field)
    assert where.startswith("spec.")


def test_container_without_rights_section_names_all_that_is_missing() -> None:
    fields = _cluster(f"{POD}/containers/0/securityContext", {})
    assert {field.rpartition(".")[2] for field in fields} == {
        "allowPrivilegeEscalation",
        "readOnlyRootFilesystem",
        "drop",
    }


@pytest.mark.parametrize(
    ("document", "where", "cure"),
    [
        ({"kind": "Secret", "apiVersion": "v1"}, "kind", "kubectl create secret"),
        ({"kind": "RayClustr"}, "kind", 'did you mean "RayCluster"'),
        ({"kind": "LocalQueue", "apiVersion": "kueue.x-k8s.io/v1beta1"}, "apiVersion", "v1beta2"),
        (["a"], "", "apiVersion"),
    ],
)
def test_another_kind_or_version_is_refused(document: Any, where: str, cure: str) -> None:
    with pytest.raises(InputError) as caught:
        read_object(document)
    assert caught.value.where == where
    assert cure in caught.value.cure


def test_a_policy_has_to_name_whom_it_lets_in_and_where_it_leads() -> None:
    document = build_network(Deployment())
    spec = document["spec"]
    spec["policyTypes"] = ["Ingress"]
    spec["ingress"] = [{}, {"from": [{"namespaceSelector": {}}]}]
    spec["egress"] = [{"to": [{"ipBlock": {"cidr": "::/0"}}]}]
    fields = [one.field for one in check_object(read_object(document))]
    assert fields == [
        "spec.policyTypes",
        "spec.ingress[0].from",
        "spec.ingress[1].from[0]",
        "spec.egress[0].to",
    ]


def test_a_job_that_keeps_its_cluster_is_a_mistake() -> None:
    document = build_job(Deployment())
    document["spec"]["shutdownAfterJobFinishes"] = False
    (mistake,) = check_object(read_object(document))
    assert mistake.field == "spec.shutdownAfterJobFinishes"


def test_objects_that_stand_alone_name_nothing_that_is_missing() -> None:
    queues = [Placed("a", read_object(one)) for one in build_queues(Deployment())]
    assert list(check_together(queues)) == []
    local = [one for one in queues if one.value.kind == "LocalQueue"]
    assert list(check_together(local)) == [], "the cluster's queue may be another's"


def test_a_flavor_of_another_name_and_another_order_are_mistakes() -> None:
    documents = build_queues(Deployment())
    group = documents[1]["spec"]["resourceGroups"][0]
    group["flavors"][0]["name"] = "big"
    group["flavors"][0]["resources"].reverse()
    placed = [Placed("a", read_object(one)) for one in documents]
    ((_, mistake),) = check_together(placed)
    assert mistake.field == "spec.resourceGroups[0].flavors[0].name"
    (alone,) = check_object(placed[1].value)
    assert alone.field == "spec.resourceGroups[0].flavors[0].resources"
