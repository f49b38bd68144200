"""RayCluster and RayJob of KubeRay, and the network policy around their pods.

PostgreSQL and MLflow are not made here: their addresses and passwords come from secrets by name.
A cluster scales its workers by what trials ask for; a job brings a cluster of its own and ends it.
"""

from typing import Any

from search.deployment.kubernetes_objects import RAY
from search.deployment.settings import Deployment, Node

Section = dict[str, Any]

RAY_VERSION = "2.60.0"
"""What constraints.txt installs: KubeRay reads from it which options the image's Ray has."""

PART = {"app.kubernetes.io/part-of": "ventral"}
"""The label by which the network policy knows the pods."""

CAMPAIGN = "/etc/ventral/campaign.yaml"
ENTRYPOINT = f"ventral-campaign {CAMPAIGN} auto"
DASHBOARD, RAY_PORT = 8265, 6379


def build_cluster(deployment: Deployment) -> Section:
    """The RayCluster: a head and workers that come and go with the work."""
    return {
        "apiVersion": RAY,
        "kind": "RayCluster",
        "metadata": _name(deployment, deployment.name),
        "spec": build_cluster_spec(deployment, scaling=True),
    }


def build_job(deployment: Deployment) -> Section:
    """The RayJob: one campaign on a cluster that is made for it and ended with it.

    The campaign is in the store, so that a second try goes on where the first one stopped.
    """
    return {
        "apiVersion": RAY,
        "kind": "RayJob",
        "metadata": _name(deployment, f"{deployment.name}-campaign"),
        "spec": build_job_spec(deployment, scaling=True),
    }


def build_job_spec(deployment: Deployment, *, scaling: bool) -> Section:
    """What a RayJob does; without `scaling` it holds all of its workers from the start."""
    return {
        "entrypoint": ENTRYPOINT,
        "submissionMode": "K8sJobMode",
        "backoffLimit": 3,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 600,
        "rayClusterSpec": build_cluster_spec(deployment, scaling=scaling),
        "submitterPodTemplate": {
            "metadata": {"labels": dict(PART)},
            "spec": {
                **_secure_pod(deployment, token=False),
                "restartPolicy": "Never",
                "containers": [
                    {
                        **_build_container(deployment, "submitter", Node(cpus=1, memory=1)),
                        "volumeMounts": _mount_scratch(),
                    }
                ],
                "volumes": _list_scratch(),
            },
        },
    }


def build_cluster_spec(deployment: Deployment, *, scaling: bool) -> Section:
    """Head and workers, all with the token of one secret."""
    job = deployment.kubernetes
    workers = job.workers
    spec: Section = {
        "rayVersion": RAY_VERSION,
        "authOptions": {"mode": "token", "secretName": job.token_secret},
    }
    if scaling:
        spec["enableInTreeAutoscaling"] = True
        spec["autoscalerOptions"] = {
            "version": "v2",
            "idleTimeoutSeconds": 300,
            "resources": _limit(Node(cpus=1, memory=1), job.gpu_resource),
            "securityContext": _secure_container(),
        }
    spec["headGroupSpec"] = {
        "serviceType": "ClusterIP",
        # Trials run on the workers: the head has no processor to give.
        "rayStartParams": {"num-cpus": "0", "num-gpus": "0", "dashboard-host": "0.0.0.0"},
        "template": _build_pod(deployment, "head", job.head, scaling=scaling),
    }
    number = workers.least if scaling else workers.most
    spec["workerGroupSpecs"] = [
        {
            "groupName": "gpu" if workers.gpus else "cpu",
            "replicas": number,
            "minReplicas": number,
            "maxReplicas": workers.most,
            "rayStartParams": {"num-gpus": str(workers.gpus)} if workers.gpus else {},
            "template": _build_pod(deployment, "worker", workers, scaling=False),
        }
    ]
    return spec


def build_network(deployment: Deployment) -> Section:
    """The NetworkPolicy: Ray's pods hear each other and KubeRay, and reach what is listed."""
    job = deployment.kubernetes
    own = {"podSelector": {"matchLabels": dict(PART)}}
    names = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    operator = {
        "namespaceSelector": {
            "matchLabels": {"kubernetes.io/metadata.name": job.operator_namespace}
        }
    }
    reach = [
        {"to": [{"ipBlock": {"cidr": one.cidr}}], "ports": [_port(port) for port in one.ports]}
        for one in job.reach
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _name(deployment, deployment.name),
        "spec": {
            "podSelector": {"matchLabels": dict(PART)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [own]},
                {"from": [operator], "ports": [_port(DASHBOARD)]},
            ],
            "egress": [
                {"to": [own]},
                {"to": [names], "ports": [_port(53, "UDP"), _port(53)]},
                *reach,
            ],
        },
    }


def _name(deployment: Deployment, name: str) -> Section:
    return {
        "name": name,
        "namespace": deployment.kubernetes.namespace,
        "labels": dict(PART),
    }


def _port(port: int, protocol: str = "TCP") -> Section:
    return {"protocol": protocol, "port": port}


def _build_pod(deployment: Deployment, role: str, node: Node, *, scaling: bool) -> Section:
    """The pod of a head or a worker. Only the head's, which runs the campaign's driver, has the
    passwords of the records; only that of a cluster that scales talks to Kubernetes.
    """
    job, is_head = deployment.kubernetes, role == "head"
    container = _build_container(deployment, f"ray-{role}", node)
    mounts = [*_mount_scratch(), {"name": "home", "mountPath": "/var/lib/ventral"}]
    volumes: list[Section] = [
        *_list_scratch(),
        {"name": "home", "persistentVolumeClaim": {"claimName": job.home_claim}},
    ]
    if is_head:
        container["env"] = _name_records(deployment)
        container["ports"] = [
            {"name": "gcs", "containerPort": RAY_PORT},
            {"name": "dashboard", "containerPort": DASHBOARD},
        ]
        mounts.append({"name": "campaign", "mountPath": "/etc/ventral", "readOnly": True})
        volumes.append({"name": "campaign", "configMap": {"name": job.campaign}})
    spec: Section = {
        **_secure_pod(deployment, token=scaling),
        "containers": [{**container, "volumeMounts": mounts}],
        "volumes": volumes,
    }
    if node.gpus:
        spec["tolerations"] = [
            {"key": job.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}
        ]
        if job.gpu_nodes:
            spec["nodeSelector"] = dict(job.gpu_nodes)
    return {"metadata": {"labels": dict(PART)}, "spec": spec}


def _build_container(deployment: Deployment, name: str, node: Node) -> Section:
    job = deployment.kubernetes
    return {
        "name": name,
        "image": deployment.image.reference(job.accelerator),
        "imagePullPolicy": "IfNotPresent",
        "resources": _limit(node, job.gpu_resource),
        "securityContext": _secure_container(),
    }


def list_amounts(node: Node, gpu_resource: str) -> dict[str, str]:
    """What a node has, by the names that Kubernetes gives its resources."""
    amounts = {"cpu": str(node.cpus), "memory": f"{node.memory}Gi"}
    if node.gpus:
        amounts[gpu_resource] = str(node.gpus)
    return amounts


def _limit(node: Node, gpu_resource: str) -> Section:
    """A node's resources: what it asks for is what it may use."""
    amounts = list_amounts(node, gpu_resource)
    return {"requests": dict(amounts), "limits": dict(amounts)}


def _secure_pod(deployment: Deployment, *, token: bool) -> Section:
    user = deployment.image.user
    return {
        "automountServiceAccountToken": token,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _secure_container() -> Section:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _name_records(deployment: Deployment) -> list[Section]:
    job = deployment.kubernetes
    return [
        _take("VENTRAL_STORE", job.store_secret, "url"),
        {"name": "MLFLOW_TRACKING_URI", "value": job.mlflow},
        _take("MLFLOW_TRACKING_USERNAME", job.mlflow_secret, "username"),
        _take("MLFLOW_TRACKING_PASSWORD", job.mlflow_secret, "password"),
    ]


def _take(variable: str, secret: str, key: str) -> Section:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _mount_scratch() -> list[Section]:
    return [
        {"name": "scratch", "mountPath": "/tmp"},
        {"name": "user", "mountPath": "/home/ventral"},
    ]


def _list_scratch() -> list[Section]:
    """Where a pod may write besides the home, for as long as it lives."""
    return [{"name": "scratch", "emptyDir": {}}, {"name": "user", "emptyDir": {}}]
