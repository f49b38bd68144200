"""What the typed file of a deployment says, as values, and the JSON Schema of it.

One file describes the image, the compose set, the Kubernetes and Kueue objects and the Slurm
script; `rendering.py` writes all of them from it. Every text in it is held to a pattern, so that
what is put into a shell script, a Dockerfile or a manifest needs no quoting.
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from space.documents.files import read_document
from space.documents.patterns import Pattern
from space.documents.validation import Value, parse
from space.errors import InputError

SCHEMA = Path(__file__).parent / "deployment.schema.json"
LOOPBACK = "127.0.0.1"


Name = Annotated[
    str,
    Pattern(r"^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$", "write small letters, digits and hyphens"),
]
"""A name that Kubernetes, compose and Slurm all take."""
Word = Annotated[
    str, Pattern(r"^[A-Za-z0-9_.-]{1,60}$", "write letters, digits, dots, hyphens and underscores")
]
Label = Annotated[
    str, Pattern(r"^[A-Za-z0-9_./-]{1,100}$", "write letters, digits, dots, hyphens and slashes")
]
Folder = Annotated[
    str,
    Pattern(
        r"^(/|~/)?[A-Za-z0-9_.][A-Za-z0-9_./-]{0,200}$",
        "write a path of letters, digits, dots, hyphens and underscores",
    ),
]
Address = Annotated[
    str,
    Pattern(
        r"^https?://[A-Za-z0-9_.-]+(:[0-9]{1,5})?(/[A-Za-z0-9_./-]*)?$",
        "write http://HOST:PORT or https://HOST, without user and password",
    ),
]
Repository = Annotated[
    str, Pattern(r"^[a-z0-9][a-z0-9._/:-]*[a-z0-9]$", "write an image's name without its tag")
]
Digest = Annotated[
    str, Pattern(r"^sha256:[0-9a-f]{64}$", "write sha256: and the 64 digits that follow it")
]
Network = Annotated[str, Pattern(r"^[0-9.]{7,15}/[0-9]{1,2}$", "write a network as 10.0.0.0/8")]
Sentence = Annotated[str, Pattern(r"^[A-Za-z0-9 ,.-]{1,100}$", "write words, commas and dots")]
Port = Annotated[int, Field(ge=1, le=65535)]
Cores = Annotated[int, Field(ge=1, le=1024)]
Gigabytes = Annotated[int, Field(ge=1, le=65536)]
Gpus = Annotated[int, Field(ge=0, le=64)]
Replicas = Annotated[int, Field(ge=0, le=10_000)]
Accelerator = Literal["cpu", "cuda"]


class Image(Value):
    """A container image, by a tag that people read and a digest that fixes its content."""

    name: Repository
    tag: Word
    digest: Digest | None = None

    @model_validator(mode="after")
    def _check_tag(self) -> Self:
        if self.tag == "latest":
            problem = "latest names another image tomorrow"
            raise InputError("tag", problem, "write the tag of a release")
        return self

    @property
    def reference(self) -> str:
        """`NAME:TAG@DIGEST`, as engines take it; without a digest if there is none."""
        return f"{self.name}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def _pinned(name: str, tag: str, digest: str) -> Image:
    return Image(name=name, tag=tag, digest=f"sha256:{digest}")


PYTHON = _pinned(
    "docker.io/library/python",
    "3.12.12-slim-bookworm",
    "593bd06efe90efa80dc4eee3948be7c0fde4134606dd40d8dd8dbcade98e669c",
)
POSTGRES = _pinned(
    "docker.io/library/postgres",
    "17.6",
    "00bc86618629af00d2937fdc5a5d63db3ff8450acf52f0636ec813c7f4902929",
)
SEAWEEDFS = _pinned(
    "docker.io/chrislusf/seaweedfs",
    "4.29",
    "d47c7ee99fcb951351d7194915f4e3a5ea604a8e8871183d713907dec4fb9bf5",
)


class VentralImage(Value):
    """Ventral's own image: how it is built and what it is called.

    `context` is the folder of a checkout as compose reaches it, null where the image is pulled;
    `folder` is where in it the rendered files lie. The tag that is built ends in the accelerator.
    """

    name: Repository = "ventral"
    tag: Word = "0.1.0"
    base: Image = PYTHON
    user: Annotated[int, Field(ge=1000, le=60_000)] = 10001
    cpu_index: Address = "https://download.pytorch.org/whl/cpu"
    context: Folder | None = ".."
    folder: Folder = "docker"

    @model_validator(mode="after")
    def _check_tag(self) -> Self:
        Image(name=self.name, tag=self.tag)
        return self

    def reference(self, accelerator: Accelerator) -> str:
        """The image with PyTorch for `accelerator`."""
        return f"{self.name}:{self.tag}-{accelerator}"


class Node(Value):
    """What one node of the Ray cluster has; memory in GiB."""

    cpus: Cores = 2
    memory: Gigabytes = 4
    gpus: Gpus = 0


class Workers(Node):
    """Nodes that train; their number lies between `least` and `most` where a cluster scales."""

    least: Replicas = 1
    most: Replicas = 1

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if self.least > self.most:
            problem = f"{self.least} exceeds most: {self.most}"
            raise InputError("least", problem, "write the smaller number here")
        return self


def _check_gpus(workers: Workers, accelerator: Accelerator) -> None:
    if workers.gpus and accelerator == "cpu":
        problem = "PyTorch for cpu uses no GPU, and workers have some"
        raise InputError("accelerator", problem, "write cuda, or workers: {gpus: 0}")


def _require_digest(field: str, image: Image) -> None:
    if image.digest is None:
        cure = "write what `docker buildx imagetools inspect` prints as Digest"
        raise InputError(f"{field}.digest", f"{image.reference} has no digest", cure)


class Compose(Value):
    """A set of containers on one machine."""

    address: str = LOOPBACK
    mlflow_port: Port = 5000
    ray_port: Port = 8265
    hosts: tuple[Word, ...] = ("localhost", LOOPBACK)
    """Names by which browsers call MLflow."""
    accelerator: Accelerator = "cpu"
    postgres: Image = POSTGRES
    objects: Image = SEAWEEDFS
    head: Node = Node()
    workers: Workers = Workers(cpus=2, memory=6)

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            problem = f"{self.address} is not an address of this machine"
            raise InputError("address", problem, f"write {LOOPBACK}, or an IP address") from None
        _require_digest("postgres", self.postgres)
        _require_digest("objects", self.objects)
        _check_gpus(self.workers, self.accelerator)
        return self


class Reach(Value):
    """Where Ray's pods may connect to, besides each other and the name service."""

    cidr: Network
    ports: Annotated[tuple[Port, ...], Field(min_length=1)]


class Kubernetes(Value):
    """RayCluster and RayJob of KubeRay; what holds passwords is named here and made elsewhere.

    `token_secret` has the key `auth_token`, `store_secret` the key `url` (PostgreSQL), and
    `mlflow_secret` the keys `username` and `password`. `home_claim` is a claim of a volume that
    all pods can write, `campaign` a ConfigMap with the key `campaign.yaml`.
    """

    namespace: Name = "ventral"
    operator_namespace: Name = "kuberay-operator"
    accelerator: Accelerator = "cuda"
    head: Node = Node(cpus=4, memory=16)
    workers: Workers = Workers(cpus=8, memory=32, gpus=1, least=0, most=4)
    gpu_resource: Label = "nvidia.com/gpu"
    gpu_nodes: dict[Label, Word] = Field(default_factory=dict)
    token_secret: Name = "ventral-ray-token"
    store_secret: Name = "ventral-store"
    mlflow: Address = "http://mlflow.ventral.svc:5000"
    mlflow_secret: Name = "ventral-mlflow"
    home_claim: Name = "ventral-home"
    campaign: Name = "ventral-campaign"
    reach: tuple[Reach, ...] = (Reach(cidr="10.0.0.0/8", ports=(443, 5000, 5432, 6443)),)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_gpus(self.workers, self.accelerator)
        return self


class Priority(Value):
    """A class of campaigns: of two that wait, the one with the higher value starts first."""

    name: Name
    value: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    description: Sentence


class Quota(Node):
    """What all admitted campaigns may hold together; memory in GiB."""

    cpus: Cores = 40
    memory: Gigabytes = 160
    gpus: Gpus = 4


class Kueue(Value):
    """A queue of campaigns, which Kueue admits as their resources come free."""

    cluster_queue: Name = "ventral"
    local_queue: Name = "campaigns"
    flavor: Name = "ventral"
    nodes: dict[Label, Word] = Field(default_factory=dict)
    quota: Quota = Quota()
    priorities: Annotated[tuple[Priority, ...], Field(min_length=1)] = (
        Priority(name="ventral-low", value=100, description="fills what others leave"),
        Priority(name="ventral-normal", value=1000, description="the usual campaign"),
        Priority(name="ventral-high", value=10000, description="preempts the others"),
    )
    priority: Name = "ventral-normal"

    @model_validator(mode="after")
    def _check_priority(self) -> Self:
        names = [one.name for one in self.priorities]
        if self.priority not in names:
            problem = f"{self.priority} is none of priorities"
            raise InputError("priority", problem, f"write one of {', '.join(names)}")
        return self


class Slurm(Value):
    """An allocation of `nodes` machines; memory in GiB a node, `hours` as its limit.

    `environment` is a file, private to the user, that sets VENTRAL_HOME, VENTRAL_STORE and
    MLflow's variables; `venv` the environment that Ventral is installed in, on a folder that all
    machines share.
    """

    nodes: Annotated[int, Field(ge=1, le=10_000)] = 2
    cpus: Cores = 16
    memory: Gigabytes = 64
    gpus: Gpus = 4
    hours: Annotated[int, Field(ge=1, le=720)] = 24
    partition: Word | None = None
    account: Word | None = None
    venv: Folder = "~/ventral/.venv"
    environment: Folder = "~/.config/ventral/environment"


class Deployment(Value):
    """A deployment with every default."""

    name: Name = "ventral"
    image: VentralImage = VentralImage()
    compose: Compose = Compose()
    kubernetes: Kubernetes = Kubernetes()
    kueue: Kueue = Kueue()
    slurm: Slurm = Slurm()

    @model_validator(mode="after")
    def _check(self) -> Self:
        _require_digest("image.base", self.image.base)
        job = self.kubernetes
        needed = {
            "cpus": job.head.cpus + job.workers.most * job.workers.cpus,
            "memory": job.head.memory + job.workers.most * job.workers.memory,
            "gpus": job.head.gpus + job.workers.most * job.workers.gpus,
        }
        for part, amount in needed.items():
            if getattr(self.kueue.quota, part) < amount:
                problem = f"{getattr(self.kueue.quota, part)} is below the {amount} of one job"
                raise InputError(f"kueue.quota.{part}", problem, f"write at least {amount}")
        return self


def load_deployment(file: Path) -> Deployment:
    """The deployment that a YAML or JSON file describes. Raises InputError."""
    return parse(Deployment, read_document(file) or {}, str(file))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the typed file, for editors."""
    schema = Deployment.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Ventral deployment"
    return schema
