"""What the Kubernetes objects of a deployment must not do, with the cure for each."""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from search.deployment.finding import Mistake, check_image, check_variable
from search.deployment.kubernetes_objects import (
    KINDS,
    PRIORITY,
    QUEUE,
    ClusterQueue,
    ClusterSpec,
    Container,
    LocalQueue,
    NetworkPolicy,
    Object,
    PodSpec,
    PodTemplate,
    RayCluster,
    RayJob,
    ResourceFlavor,
    WorkloadPriorityClass,
)
from space.documents.validation import parse, quote, suggestion
from space.errors import InputError

_OLDEST_RAY = (2, 52)
"""The first Ray that KubeRay gives a token."""


@dataclass(frozen=True)
class Placed:
    """An object with the file that it stands in."""

    file: str
    value: Object


def read_object(document: object) -> Object:
    """A Kubernetes object of a kind that a deployment has. Raises InputError."""
    if not isinstance(document, Mapping):
        raise InputError("", f"{quote(document)} is no object", "write apiVersion, kind, ...")
    kind = document.get("kind")
    if kind == "Secret":
        cure = "make it with `kubectl create secret generic NAME --from-file=...`, outside files"
        raise InputError("kind", "a secret stands in the open", cure)
    if not isinstance(kind, str) or kind not in KINDS:
        problem = f"{quote(kind)} is not one of a deployment"
        raise InputError("kind", problem, suggestion(kind, KINDS))
    version, model = KINDS[kind]
    if document.get("apiVersion") != version:
        problem = f"{quote(document.get('apiVersion'))} is not the version of {kind}"
        raise InputError("apiVersion", problem, f"write {version}")
    return parse(model, document)


def check_object(value: Object) -> list[Mistake]:
    """The mistakes of one object that need no look at others."""
    match value:
        case RayCluster():
            return list(_check_cluster("spec", value.spec))
        case RayJob():
            return list(_check_job(value))
        case NetworkPolicy():
            return list(_check_policy(value))
        case ClusterQueue():
            return list(_check_queue(value))
    return []


def check_together(objects: Sequence[Placed]) -> Iterator[tuple[str, Mistake]]:
    """The mistakes of objects that name each other, with the file of each."""
    names: dict[type[Object], set[str | None]] = {
        kind: {one.value.metadata.name for one in objects if isinstance(one.value, kind)}
        for kind in (ResourceFlavor, ClusterQueue, LocalQueue, WorkloadPriorityClass)
    }
    policies = [one.value for one in objects if isinstance(one.value, NetworkPolicy)]
    for one in objects:
        value = one.value
        links: list[tuple[str, str | None, type[Object]]] = []
        if isinstance(value, LocalQueue):
            links.append(("spec.clusterQueue", value.spec.clusterQueue, ClusterQueue))
        if isinstance(value, ClusterQueue):
            links += [
                (f"spec.resourceGroups[{i}].flavors[{j}].name", flavor.name, ResourceFlavor)
                for i, group in enumerate(value.spec.resourceGroups)
                for j, flavor in enumerate(group.flavors)
            ]
        labels = value.metadata.labels
        for label, named in ((QUEUE, LocalQueue), (PRIORITY, WorkloadPriorityClass)):
            if isinstance(value, RayJob | RayCluster) and label in labels:
                links.append((f"metadata.labels.{label}", labels[label], named))
        for field, name, kind in links:
            if names[kind] and name not in names[kind]:
                known = sorted(filter(None, names[kind]))
                yield one.file, Mistake(field, f"no {kind.__name__} is named {name}", _or(known))
        if isinstance(value, RayJob | RayCluster) and not _has_policy(value, policies):
            problem = "no NetworkPolicy of the folder selects its pods"
            cure = (
                "render the kuberay target, and label the pods app.kubernetes.io/part-of: ventral"
            )
            yield one.file, Mistake("spec", problem, cure)


def _has_policy(value: RayJob | RayCluster, policies: Sequence[NetworkPolicy]) -> bool:
    spec = value.spec.rayClusterSpec if isinstance(value, RayJob) else value.spec
    pods = [
        spec.headGroupSpec.template,
        *(group.template for group in spec.workerGroupSpecs),
    ]
    selectors = [policy.spec.podSelector.get("matchLabels", {}) for policy in policies]
    return all(
        any(selector.items() <= pod.metadata.labels.items() for selector in selectors)
        for pod in pods
    )


def _check_job(job: RayJob) -> Iterator[Mistake]:
    spec = job.spec
    yield from _check_cluster("spec.rayClusterSpec", spec.rayClusterSpec)
    if spec.submitterPodTemplate is not None:
        yield from _check_pod("spec.submitterPodTemplate", spec.submitterPodTemplate)
    if not spec.shutdownAfterJobFinishes:
        problem = "its cluster stays, with its GPUs, when the campaign is done"
        yield Mistake("spec.shutdownAfterJobFinishes", problem, "write true")
    if QUEUE in job.metadata.labels:
        if spec.rayClusterSpec.enableInTreeAutoscaling:
            problem = "Kueue admits a fixed number of workers"
            field = "spec.rayClusterSpec.enableInTreeAutoscaling"
            yield Mistake(field, problem, "remove the key, and write how many as replicas")
        if not spec.suspend:
            problem = "it starts without waiting for its turn"
            yield Mistake("spec.suspend", problem, "write true: Kueue lets it go")


def _check_cluster(where: str, spec: ClusterSpec) -> Iterator[Mistake]:
    if spec.authOptions.mode != "token":
        problem = "everybody who reaches the head runs code on it"
        yield Mistake(f"{where}.authOptions.mode", problem, "write token")
    elif spec.authOptions.secretName is None:
        cure = "name the secret that holds auth_token"
        yield Mistake(f"{where}.authOptions.secretName", "no secret is named", cure)
    version = re.match(r"(\d+)\.(\d+)\.", spec.rayVersion or "")
    if version is None or (int(version[1]), int(version[2])) < _OLDEST_RAY:
        problem = f"{spec.rayVersion or 'no version'} has no token"
        yield Mistake(f"{where}.rayVersion", problem, "write the version of Ray in the image")
    head = spec.headGroupSpec
    if head.serviceType not in (None, "ClusterIP") or head.enableIngress:
        field = "serviceType" if head.serviceType not in (None, "ClusterIP") else "enableIngress"
        problem = "offers Ray outside the cluster"
        cure = "write ClusterIP, and reach it by `kubectl port-forward`"
        yield Mistake(f"{where}.headGroupSpec.{field}", problem, cure)
    yield from _check_pod(f"{where}.headGroupSpec.template", head.template)
    for place, group in enumerate(spec.workerGroupSpecs):
        field = f"{where}.workerGroupSpecs[{place}]"
        if not group.minReplicas <= group.replicas <= group.maxReplicas:
            problem = f"{group.replicas} is not from {group.minReplicas} to {group.maxReplicas}"
            cure = "write minReplicas <= replicas <= maxReplicas"
            yield Mistake(f"{field}.replicas", problem, cure)
        if group.maxReplicas > 10_000:
            problem = "the cluster grows without bound"
            yield Mistake(f"{field}.maxReplicas", problem, "write the most workers there may be")
        yield from _check_pod(f"{field}.template", group.template)


def _check_pod(where: str, template: PodTemplate) -> Iterator[Mistake]:
    spec, field = template.spec, f"{where}.spec"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if getattr(spec, key):
            problem = "leaves out the wall between pod and machine"
            yield Mistake(f"{field}.{key}", problem, "remove the key")
    for place, volume in enumerate(spec.volumes):
        if "hostPath" in volume:
            cure = "name a persistentVolumeClaim"
            yield Mistake(f"{field}.volumes[{place}]", "shows the pod the machine's files", cure)
    yield from _check_mounts(field, spec)
    for key in ("initContainers", "containers"):
        for place, container in enumerate(getattr(spec, key)):
            yield from _check_container(f"{field}.{key}[{place}]", container, spec)


def _check_mounts(field: str, spec: PodSpec) -> Iterator[Mistake]:
    volumes = [volume.get("name") for volume in spec.volumes]  # of any type
    for place, container in enumerate(spec.containers):
        for number, mount in enumerate(container.volumeMounts):
            if mount.get("name") not in volumes:
                where = f"{field}.containers[{place}].volumeMounts[{number}].name"
                cure = _or(sorted(str(name) for name in volumes))
                yield Mistake(where, f"{mount.get('name')} is none of the volumes", cure)


def _check_container(field: str, container: Container, pod: PodSpec) -> Iterator[Mistake]:
    if container.image is None:
        yield Mistake(f"{field}.image", "missing", "write the image's name and tag")
    else:
        yield from check_image(f"{field}.image", container.image, digest=False)
    for place, variable in enumerate(container.env):
        where = f"{field}.env[{place}].value"
        yield from check_variable(where, variable.name, variable.value or "")
    rights, all_rights = container.securityContext, pod.securityContext
    where = f"{field}.securityContext"
    user = all_rights.runAsUser if rights.runAsUser is None else rights.runAsUser
    rooted = rights.runAsNonRoot is False or not (rights.runAsNonRoot or all_rights.runAsNonRoot)
    if user == 0 or rooted:
        yield Mistake(f"{where}.runAsNonRoot", "the container may run as root", "write true")
    if rights.privileged:
        problem = "gives the container the whole machine"
        yield Mistake(f"{where}.privileged", problem, "remove the key")
    if rights.allowPrivilegeEscalation is not False:
        problem = "a program may take more rights than it was started with"
        yield Mistake(f"{where}.allowPrivilegeEscalation", problem, "write false")
    if not rights.readOnlyRootFilesystem:
        problem = "the container may change its own programs"
        yield Mistake(f"{where}.readOnlyRootFilesystem", problem, "write true")
    if "ALL" not in rights.capabilities.get("drop", ()):
        problem = "keeps rights of the kernel"
        yield Mistake(f"{where}.capabilities.drop", problem, "write [ALL]")
    if added := rights.capabilities.get("add", ()):
        problem = f"adds {', '.join(added)}"
        yield Mistake(f"{where}.capabilities.add", problem, "remove the key")
    yield from _check_amounts(field, container)


def _check_amounts(field: str, container: Container) -> Iterator[Mistake]:
    requests, limits = container.resources.requests, container.resources.limits
    for name in ("cpu", "memory"):
        if name not in limits:
            problem = f"may take all {name} of its node"
            yield Mistake(f"{field}.resources.limits.{name}", problem, "write a limit")
    for name in sorted({*requests, *limits}):
        # Kubernetes takes a device's request only beside an equal limit.
        if "/" in name and requests.get(name, limits.get(name)) != limits.get(name):
            problem = f"{name} is asked for without an equal limit"
            cure = f"write {requests.get(name)} under limits as well"
            yield Mistake(f"{field}.resources.limits.{name}", problem, cure)


def _check_policy(policy: NetworkPolicy) -> Iterator[Mistake]:
    spec = policy.spec
    for kind in ("Ingress", "Egress"):
        if kind not in spec.policyTypes:
            problem = f"leaves all {kind.lower()} open"
            yield Mistake("spec.policyTypes", problem, "write [Ingress, Egress]")
    for place, ingress in enumerate(spec.ingress):
        field = f"spec.ingress[{place}].from"
        cure = "name the pods, or the namespace with the ports, that may come in"
        if not ingress.peers:
            yield Mistake(field, "lets in whoever asks", cure)
        for number, peer in enumerate(ingress.peers):
            if _is_everybody(peer.ipBlock) or peer.namespaceSelector == {}:
                yield Mistake(f"{field}[{number}]", "lets in whoever asks", cure)
    for place, egress in enumerate(spec.egress):
        if not egress.to or any(_is_everybody(peer.ipBlock) for peer in egress.to):
            cure = "name the networks of PostgreSQL, MLflow and the API server"
            yield Mistake(f"spec.egress[{place}].to", "leads everywhere", cure)


def _is_everybody(block: Mapping[str, object] | None) -> bool:
    if block is None:
        return False
    try:
        return ipaddress.ip_network(str(block.get("cidr")), strict=False).prefixlen == 0
    except ValueError:
        return False


def _check_queue(queue: ClusterQueue) -> Iterator[Mistake]:
    if queue.spec.namespaceSelector is None:
        problem = "no namespace may use the queue"
        yield Mistake("spec.namespaceSelector", problem, "name the namespace of the campaigns")
    for place, group in enumerate(queue.spec.resourceGroups):
        for number, flavor in enumerate(group.flavors):
            names = tuple(one.name for one in flavor.resources)
            if names != group.coveredResources:
                field = f"spec.resourceGroups[{place}].flavors[{number}].resources"
                problem = f"{', '.join(names)} are not the coveredResources"
                cure = f"write {', '.join(group.coveredResources)}, in this order"
                yield Mistake(field, problem, cure)


def _or(names: Sequence[str]) -> str:
    return f"write one of {', '.join(names)}" if names else "declare it in this folder"
