"""Mistakes in copies of the files of `docker/`: what is changed, and what has to be refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

REMOVED = object()
"""A value that stands for the absence of its key."""

Edit = Callable[[str], str]


@dataclass(frozen=True)
class Seeded:
    """A mistake: the file, what makes it, and parts of the finding's field and cure."""

    name: str
    file: str
    edit: Edit
    field: str
    cure: str


def put(path: str, value: Any, *, document: int = 0) -> Edit:
    """An edit of YAML: `value` at the `path` of a document, keys with `>` between them."""

    def edit(text: str) -> str:
        documents = list(yaml.safe_load_all(text))
        node, keys = documents[document], path.split(">")
        for key in keys[:-1]:
            node = node[int(key)] if isinstance(node, list) else node.setdefault(key, {})
        if value is REMOVED:
            del node[keys[-1]]
        elif isinstance(node, list):
            node[int(keys[-1])] = value
        else:
            node[keys[-1]] = value
        return yaml.safe_dump_all(documents, sort_keys=False)

    return edit


def swap(old: str, new: str) -> Edit:
    """An edit of a text: `new` in place of `old`, which has to be there."""

    def edit(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return edit


def add(line: str) -> Edit:
    """An edit of a text: a line at its end."""
    return lambda text: f"{text}{line}\n"


_C, _D, _M, _S = "compose.yaml", "Dockerfile", "mlflow.sh", "slurm/ventral.sbatch"
_CLUSTER, _NET = "kuberay/cluster.yaml", "kuberay/network.yaml"
_JOB, _QUEUES, _QUEUED = "kuberay/job.yaml", "kueue/queues.yaml", "kueue/job.yaml"
_HEAD = "spec>headGroupSpec>template>spec"
_WORKER = "spec>workerGroupSpecs>0>template>spec>containers>0"
_TYPED = "deployment.yaml"

MISTAKES = (
    Seeded(
        "a password in the file",
        _C,
        put("services>database>environment>POSTGRES_PASSWORD", "hunter2"),
        "services.database.environment.POSTGRES_PASSWORD",
        "ventral deploy secrets",
    ),
    Seeded(
        "a default password",
        _C,
        put("services>database>environment>POSTGRES_PASSWORD", "${PASSWORD:-postgres}"),
        "services.database.environment.POSTGRES_PASSWORD",
        "ventral deploy secrets",
    ),
    Seeded(
        "a password in an address",
        _C,
        put("services>head>environment>VENTRAL_STORE", "postgresql://ventral:abc@database/v"),
        "services.head.environment.VENTRAL_STORE",
        "ventral deploy secrets",
    ),
    Seeded(
        "a password in a command",
        _C,
        put("services>worker>command>3", "--redis-password=abc"),
        "services.worker.command[3]",
        "by a file under secrets",
    ),
    Seeded(
        "a port on all interfaces",
        _C,
        put("services>mlflow>ports", ["5000:5000"]),
        "services.mlflow.ports[0]",
        "127.0.0.1:5000:5000",
    ),
    Seeded(
        "a port on 0.0.0.0",
        _C,
        put("services>head>ports", [{"target": 8265, "published": 8265, "host_ip": "0.0.0.0"}]),
        "services.head.ports[0]",
        "127.0.0.1",
    ),
    Seeded(
        "a wrong field",
        _C,
        put("services>head>healthchek", {"disable": True}),
        "services.head",
        'did you mean "healthcheck"?',
    ),
    Seeded(
        "a value of a wrong type",
        _C,
        put("services>worker>deploy>replicas", "two"),
        "services.worker.deploy.replicas",
        "number",
    ),
    Seeded(
        "latest",
        _C,
        put("services>objects>image", "docker.io/chrislusf/seaweedfs:latest"),
        "services.objects.image",
        "tag of a release",
    ),
    Seeded(
        "an image without digest",
        _C,
        put("services>database>image", "docker.io/library/postgres:17.6"),
        "services.database.image",
        "imagetools inspect docker.io/library/postgres:17.6",
    ),
    Seeded(
        "a missing token",
        _C,
        put("services>worker>environment>RAY_AUTH_TOKEN_PATH", REMOVED),
        "services.worker.environment.RAY_AUTH_TOKEN_PATH",
        "/run/secrets/ray_token",
    ),
    Seeded(
        "a token that is not given to the service",
        _C,
        put("services>head>secrets", ["ventral_store", "mlflow_admin_password"]),
        "services.head.secrets",
        "add ray_token",
    ),
    Seeded(
        "authentication off",
        _C,
        put("services>head>environment>RAY_AUTH_MODE", "disabled"),
        "services.head.environment.RAY_AUTH_MODE",
        "write token",
    ),
    Seeded(
        "a privileged container",
        _C,
        put("services>worker>privileged", True),
        "services.worker.privileged",
        "remove the key",
    ),
    Seeded(
        "root in a container",
        _C,
        put("services>worker>user", REMOVED),
        "services.worker.user",
        "VENTRAL_UID",
    ),
    Seeded(
        "rights of the kernel",
        _C,
        put("services>worker>cap_add", ["SYS_ADMIN"]),
        "services.worker.cap_add",
        "remove the key",
    ),
    Seeded(
        "a root file system that can be written",
        _C,
        put("services>mlflow>read_only", False),
        "services.mlflow.read_only",
        "write true",
    ),
    Seeded(
        "the engine's socket",
        _C,
        put("services>head>volumes>0", "/var/run/docker.sock:/var/run/docker.sock"),
        "services.head.volumes[0]",
        "remove the volume",
    ),
    Seeded(
        "the machine's network",
        _C,
        put("services>head>network_mode", "host"),
        "services.head.network_mode",
        "remove the key",
    ),
    Seeded(
        "no health check",
        _C,
        put("services>objects>healthcheck", REMOVED),
        "services.objects.healthcheck",
        "write a test",
    ),
    Seeded(
        "a secret that is not declared",
        _C,
        put("services>mlflow>secrets>0", "mlflow_stor"),
        "services.mlflow.secrets",
        "mlflow_store",
    ),
    Seeded(
        "an open database network",
        _C,
        put("networks>database", {}),
        "networks.database.internal",
        "write true",
    ),
    Seeded(
        "an object store without identities",
        _C,
        put("services>objects>command", ["server", "-dir=/data", "-s3"]),
        "services.objects.command",
        "-s3.config=",
    ),
    Seeded(
        "no limit of memory",
        _C,
        put("services>worker>deploy>resources>limits>memory", REMOVED),
        "services.worker.deploy.resources.limits.memory",
        "write a size",
    ),
    Seeded(
        "a database that trusts",
        _C,
        put("services>database>environment>POSTGRES_HOST_AUTH_METHOD", "trust"),
        "services.database.environment.POSTGRES_HOST_AUTH_METHOD",
        "remove the variable",
    ),
    Seeded(
        "MLflow without accounts",
        _M,
        swap(" --app-name basic-auth", ""),
        "mlflow server",
        "--app-name basic-auth",
    ),
    Seeded("no user in the image", _D, swap("USER 10001:10001", ""), "USER", "user's number"),
    Seeded(
        "a base without digest",
        _D,
        lambda text: text.replace(text[text.index("@sha256") : text.index("\nARG ACC")], ""),
        "FROM (line",
        "imagetools inspect docker.io/library/python",
    ),
    Seeded(
        "a token in the image",
        _D,
        add("ENV RAY_AUTH_TOKEN=0123456789abcdef"),
        "ENV (line",
        "keep it in a secret",
    ),
    Seeded(
        "what a server sends is run",
        _D,
        add("RUN wget -q -O- https://example.org/install.sh | sh"),
        "RUN (line",
        "compare its checksum",
    ),
    Seeded(
        "an old version of a queue",
        _QUEUES,
        put("apiVersion", "kueue.x-k8s.io/v1beta1", document=1),
        "apiVersion",
        "write kueue.x-k8s.io/v1beta2",
    ),
    Seeded(
        "an old version of a cluster",
        _CLUSTER,
        put("apiVersion", "ray.io/v1alpha1"),
        "apiVersion",
        "write ray.io/v1",
    ),
    Seeded(
        "a wrong field of Kubernetes",
        _CLUSTER,
        put(f"{_WORKER}>resource", {}),
        "spec.workerGroupSpecs[0].template.spec.containers[0]",
        'did you mean "resources"?',
    ),
    Seeded(
        "a cluster without token",
        _CLUSTER,
        put("spec>authOptions", REMOVED),
        "spec.authOptions.mode",
        "write token",
    ),
    Seeded(
        "a job with authentication off",
        _JOB,
        put("spec>rayClusterSpec>authOptions>mode", "disabled"),
        "spec.rayClusterSpec.authOptions.mode",
        "write token",
    ),
    Seeded(
        "a GPU request without limits",
        _CLUSTER,
        put(f"{_WORKER}>resources>limits>nvidia.com/gpu", REMOVED),
        "resources.limits.nvidia.com/gpu",
        "write 1 under limits",
    ),
    Seeded(
        "a password of Kubernetes in the open",
        _CLUSTER,
        put(f"{_HEAD}>containers>0>env>3", {"name": "MLFLOW_TRACKING_PASSWORD", "value": "abc"}),
        "spec.headGroupSpec.template.spec.containers[0].env[3].value",
        "secretKeyRef",
    ),
    Seeded(
        "a secret among the manifests",
        _NET,
        add(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {name: ventral-store}\n"
            "stringData: {url: abc}"
        ),
        "kind",
        "kubectl create secret",
    ),
    Seeded(
        "root in a pod",
        _CLUSTER,
        put(f"{_HEAD}>securityContext>runAsNonRoot", False),
        "securityContext.runAsNonRoot",
        "write true",
    ),
    Seeded(
        "a folder of the machine in a pod",
        _CLUSTER,
        put(f"{_HEAD}>volumes>2", {"name": "home", "hostPath": {"path": "/"}}),
        "spec.headGroupSpec.template.spec.volumes[2]",
        "persistentVolumeClaim",
    ),
    Seeded(
        "Ray offered to the world",
        _CLUSTER,
        put("spec>headGroupSpec>serviceType", "LoadBalancer"),
        "spec.headGroupSpec.serviceType",
        "ClusterIP",
    ),
    Seeded(
        "a policy that lets everybody in",
        _NET,
        put("spec>ingress>0", {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
        "spec.ingress[0].from[0]",
        "name the pods",
    ),
    Seeded(
        "pods that no policy selects",
        _NET,
        put("spec>podSelector", {"matchLabels": {"app": "other"}}),
        "spec",
        "label the pods",
    ),
    Seeded(
        "fewer workers than the least",
        _CLUSTER,
        put("spec>workerGroupSpecs>0>minReplicas", 9),
        "spec.workerGroupSpecs[0].replicas",
        "minReplicas <= replicas",
    ),
    Seeded(
        "a queue that leads nowhere",
        _QUEUES,
        put("spec>clusterQueue", "ventrla", document=2),
        "spec.clusterQueue",
        "ventral",
    ),
    Seeded(
        "a priority that does not exist",
        _QUEUED,
        put("metadata>labels>kueue.x-k8s.io/priority-class", "urgent"),
        "metadata.labels.kueue.x-k8s.io/priority-class",
        "ventral-normal",
    ),
    Seeded(
        "a queued job that scales",
        _QUEUED,
        put("spec>rayClusterSpec>enableInTreeAutoscaling", True),
        "spec.rayClusterSpec.enableInTreeAutoscaling",
        "remove the key",
    ),
    Seeded(
        "a quota that is no amount",
        _QUEUES,
        put("spec>resourceGroups>0>flavors>0>resources>1>nominalQuota", "160 GB", document=1),
        "spec.resourceGroups[0].flavors[0].resources[1].nominalQuota",
        "4Gi",
    ),
    Seeded(
        "an allocation without machines",
        _S,
        swap("#SBATCH --nodes=2\n", ""),
        "#SBATCH --nodes",
        "--nodes=2",
    ),
    Seeded(
        "an allocation without token",
        _S,
        swap("RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH", "OTHER=1"),
        "RAY_AUTH_MODE",
        "export RAY_AUTH_MODE=token",
    ),
    Seeded(
        "a token in the batch script",
        _S,
        add("export RAY_AUTH_TOKEN=0123456789abcdef"),
        "line ",
        "keep it in a secret",
    ),
    Seeded(
        "a token that others may read",
        _S,
        swap("umask 077", "umask 022"),
        "umask",
        "write umask 077",
    ),
    Seeded(
        "a misspelt part of the typed file",
        _TYPED,
        lambda _: "kuberntes: {namespace: lab}\n",
        "",
        'did you mean "kubernetes"?',
    ),
    Seeded(
        "GPUs for an image without CUDA",
        _TYPED,
        lambda _: "compose: {workers: {gpus: 1}}\n",
        "compose.accelerator",
        "write cuda",
    ),
)
