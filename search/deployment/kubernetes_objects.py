"""The words of the Kubernetes objects of a deployment: what rules read, and the names of the rest.

From the API references of Kubernetes, KubeRay (ray.io/v1) and Kueue (kueue.x-k8s.io/v1beta2). A
field that stands here as `Any` is known by its name alone.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from space.documents.patterns import Pattern
from space.documents.validation import Value

RAY, KUEUE = "ray.io/v1", "kueue.x-k8s.io/v1beta2"
"""The versions of KubeRay's and Kueue's objects."""
QUEUE, PRIORITY = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
"""The labels by which a job names its queue and its priority."""

_QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|[KMGTPE]i?)?$"
Quantity = Annotated[str, Pattern(_QUANTITY, 'write a number with its unit, say "500m", 4Gi')]


class Metadata(Value):
    """An object's name and labels."""

    name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class SecretKey(Value):
    """A key of a secret."""

    name: str
    key: str
    optional: bool = False


class ValueFrom(Value):
    """Where a variable's value comes from."""

    secretKeyRef: SecretKey | None = None
    configMapKeyRef: Any = None
    fieldRef: Any = None
    resourceFieldRef: Any = None
    fileKeyRef: Any = None


class Variable(Value):
    """An environment variable."""

    name: str
    value: str | None = None
    valueFrom: ValueFrom | None = None


class Amounts(Value):
    """What a container asks for, and the most that it may use."""

    requests: dict[str, Quantity | int] = Field(default_factory=dict)
    limits: dict[str, Quantity | int] = Field(default_factory=dict)
    claims: Any = None


class ContainerRights(Value):
    """What a container may do."""

    allowPrivilegeEscalation: bool | None = None
    readOnlyRootFilesystem: bool | None = None
    privileged: bool | None = None
    runAsNonRoot: bool | None = None
    runAsUser: int | None = None
    runAsGroup: int | None = None
    capabilities: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    seccompProfile: Any = None
    appArmorProfile: Any = None
    procMount: Any = None
    seLinuxOptions: Any = None


class Container(Value):
    """A container of a pod."""

    name: str
    image: str | None = None
    args: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    envFrom: Any = None
    resources: Amounts = Amounts()
    securityContext: ContainerRights = ContainerRights()
    volumeMounts: tuple[dict[str, Any], ...] = ()
    ports: tuple[dict[str, Any], ...] = ()
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"] | None = None
    lifecycle: Any = None
    livenessProbe: Any = None
    readinessProbe: Any = None
    startupProbe: Any = None
    restartPolicy: Any = None
    stdin: Any = None
    terminationMessagePath: Any = None
    terminationMessagePolicy: Any = None
    tty: Any = None
    workingDir: Any = None


class PodRights(Value):
    """What all containers of a pod may do."""

    runAsNonRoot: bool | None = None
    runAsUser: int | None = None
    runAsGroup: int | None = None
    fsGroup: int | None = None
    fsGroupChangePolicy: str | None = None
    seccompProfile: Any = None
    supplementalGroups: Any = None
    sysctls: Any = None


class PodSpec(Value):
    """A pod."""

    containers: Annotated[tuple[Container, ...], Field(min_length=1)]
    initContainers: tuple[Container, ...] = ()
    securityContext: PodRights = PodRights()
    automountServiceAccountToken: bool | None = None
    volumes: tuple[dict[str, Any], ...] = ()
    hostNetwork: bool = False
    hostPID: bool = False
    hostIPC: bool = False
    enableServiceLinks: bool | None = None
    restartPolicy: Literal["Always", "OnFailure", "Never"] | None = None
    nodeSelector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[dict[str, Any], ...] = ()
    activeDeadlineSeconds: Any = None
    affinity: Any = None
    dnsConfig: Any = None
    dnsPolicy: Any = None
    hostAliases: Any = None
    hostname: Any = None
    imagePullSecrets: Any = None
    priorityClassName: Any = None
    resourceClaims: Any = None
    runtimeClassName: Any = None
    schedulerName: Any = None
    serviceAccountName: Any = None
    shareProcessNamespace: Any = None
    terminationGracePeriodSeconds: Any = None
    topologySpreadConstraints: Any = None


class PodTemplate(Value):
    """A pod with its labels."""

    spec: PodSpec
    metadata: Metadata = Metadata()


class HeadGroup(Value):
    """The head of a Ray cluster."""

    template: PodTemplate
    rayStartParams: dict[str, str] = Field(default_factory=dict)
    serviceType: str | None = None
    enableIngress: bool = False
    ingressOptions: Any = None
    labels: Any = None
    resources: Any = None
    headService: Any = None


class WorkerGroup(Value):
    """Workers of one kind."""

    groupName: str
    template: PodTemplate
    rayStartParams: dict[str, str] = Field(default_factory=dict)
    replicas: int = 0
    minReplicas: int = 0
    maxReplicas: int = 2_147_483_647
    idleTimeoutSeconds: Any = None
    numOfHosts: Any = None
    labels: Any = None
    priority: Any = None
    resources: Any = None
    scaleStrategy: Any = None
    suspend: Any = None


class Authentication(Value):
    """Whom Ray lets in."""

    mode: Literal["token", "disabled"] | None = None
    secretName: str | None = None
    enableK8sTokenAuth: bool | None = None


class ClusterSpec(Value):
    """A Ray cluster."""

    headGroupSpec: HeadGroup
    workerGroupSpecs: tuple[WorkerGroup, ...] = ()
    authOptions: Authentication = Authentication()
    rayVersion: str | None = None
    enableInTreeAutoscaling: bool = False
    autoscalerOptions: Any = None
    gcsFaultToleranceOptions: Any = None
    historyServerOptions: Any = None
    managedBy: Any = None
    networkPolicy: Any = None
    suspend: bool | None = None
    tlsOptions: Any = None
    upgradeStrategy: Any = None


class JobSpec(Value):
    """A job and the cluster that is made for it."""

    entrypoint: str
    rayClusterSpec: ClusterSpec
    submissionMode: Literal["K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode"] = (
        "K8sJobMode"
    )
    submitterPodTemplate: PodTemplate | None = None
    shutdownAfterJobFinishes: bool = False
    ttlSecondsAfterFinished: int = 0
    backoffLimit: int = 0
    suspend: bool = False
    activeDeadlineSeconds: Any = None
    deletionStrategy: Any = None
    entrypointNumCpus: Any = None
    entrypointNumGpus: Any = None
    entrypointResources: Any = None
    jobId: Any = None
    managedBy: Any = None
    metadata: Any = None
    preRunningDeadlineSeconds: Any = None
    runtimeEnvYAML: Any = None
    submitterConfig: Any = None


class Object(Value):
    """What every object begins with."""

    apiVersion: str
    kind: str
    metadata: Metadata


class RayCluster(Object):
    """A Ray cluster of KubeRay."""

    spec: ClusterSpec


class RayJob(Object):
    """A Ray job of KubeRay."""

    spec: JobSpec


class PolicyPort(Value):
    """A port that a rule speaks of."""

    port: int | str
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    endPort: int | None = None


class Peer(Value):
    """Those whom a rule speaks of."""

    podSelector: dict[str, Any] | None = None
    namespaceSelector: dict[str, Any] | None = None
    ipBlock: dict[str, Any] | None = None


class Ingress(Value):
    """Who may come in."""

    peers: tuple[Peer, ...] = Field(default=(), alias="from")
    ports: tuple[PolicyPort, ...] = ()


class Egress(Value):
    """Where the pods may connect to."""

    to: tuple[Peer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


class PolicySpec(Value):
    """Which pods, and what they may hear and reach."""

    podSelector: dict[str, Any]
    policyTypes: tuple[Literal["Ingress", "Egress"], ...] = ()
    ingress: tuple[Ingress, ...] = ()
    egress: tuple[Egress, ...] = ()


class NetworkPolicy(Object):
    """A network policy."""

    spec: PolicySpec


class FlavorSpec(Value):
    """A kind of node."""

    nodeLabels: dict[str, str] = Field(default_factory=dict)
    nodeTaints: Any = None
    tolerations: Any = None
    topologyName: str | None = None


class ResourceFlavor(Object):
    """Kueue's name for a kind of node."""

    spec: FlavorSpec = FlavorSpec()


class QuotaOfResource(Value):
    """How much of one resource a queue has."""

    name: str
    nominalQuota: Quantity | int
    borrowingLimit: Any = None
    lendingLimit: Any = None


class FlavorQuotas(Value):
    """How much of one flavor a queue has."""

    name: str
    resources: tuple[QuotaOfResource, ...]


class ResourceGroup(Value):
    """Resources that are given out together."""

    coveredResources: tuple[str, ...]
    flavors: tuple[FlavorQuotas, ...]


class ClusterQueueSpec(Value):
    """A quota and who may use it."""

    resourceGroups: tuple[ResourceGroup, ...] = ()
    namespaceSelector: dict[str, Any] | None = None
    queueingStrategy: Literal["StrictFIFO", "BestEffortFIFO"] = "BestEffortFIFO"
    preemption: Any = None
    admissionChecksStrategy: Any = None
    admissionScope: Any = None
    cohortName: Any = None
    concurrentAdmissionPolicy: Any = None
    fairSharing: Any = None
    flavorFungibility: Any = None
    stopPolicy: Any = None


class ClusterQueue(Object):
    """A queue of the whole cluster."""

    spec: ClusterQueueSpec


class LocalQueueSpec(Value):
    """The queue of the cluster that stands behind one of a namespace."""

    clusterQueue: str
    fairSharing: Any = None
    stopPolicy: Any = None


class LocalQueue(Object):
    """A queue of a namespace."""

    spec: LocalQueueSpec


class WorkloadPriorityClass(Object):
    """A priority."""

    value: int
    description: str = ""


KINDS: dict[str, tuple[str, type[Object]]] = {
    "RayCluster": (RAY, RayCluster),
    "RayJob": (RAY, RayJob),
    "NetworkPolicy": ("networking.k8s.io/v1", NetworkPolicy),
    "ResourceFlavor": (KUEUE, ResourceFlavor),
    "ClusterQueue": (KUEUE, ClusterQueue),
    "LocalQueue": (KUEUE, LocalQueue),
    "WorkloadPriorityClass": (KUEUE, WorkloadPriorityClass),
}
"""The version and the words of each kind of a deployment."""
