"""What every check of `ventral doctor` finds wrong, and facts of which it finds nothing wrong.

`SICK` has a case for each fault: the check, the fault's name there, facts, and a part of the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search.doctor.cluster import (
    Access,
    Clocks,
    ClocksCheck,
    Meeting,
    Node,
    NodesCheck,
    RayCheck,
)
from search.doctor.files import Packs, PacksCheck, Shared, SharedHomeCheck, Storage, StorageCheck
from search.doctor.graphics import Device, Graphics, GraphicsCheck
from search.doctor.machine import (
    DiskCheck,
    Folder,
    Limits,
    LimitsCheck,
    SharedMemory,
    SharedMemoryCheck,
)
from search.doctor.protocol import AnyCheck
from search.doctor.records import Records, StoreCheck
from search.doctor.software import Versions, VersionsCheck
from search.doctor.tracking import Tracking, TrackingCheck
from search.doctor.variables import Variables, VariablesCheck
from search.store.looking import Sight

GB = 1000**3


@dataclass(frozen=True, kw_only=True)
class Case:
    """Facts, and a part of what is said of them; `fault` by its name in the check."""

    check: AnyCheck
    facts: Any
    part: str
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.check.name}-{self.fault or 'well'}"


def _sick(check: AnyCheck, *cases: tuple[str, Any, str]) -> list[Case]:
    return [Case(check=check, fault=name, facts=facts, part=part) for name, facts, part in cases]


def _well(check: AnyCheck, *cases: tuple[Any, str]) -> list[Case]:
    return [Case(check=check, facts=facts, part=part) for facts, part in cases]


def _home(**changes: Any) -> tuple[Folder, ...]:
    values: dict[str, Any] = {
        "role": "the home",
        "path": "/home/x",
        "free": 90 * GB,
        "total": 100 * GB,
    }
    return (Folder(**(values | changes)),)


def _meeting(**changes: Any) -> Access:
    values: dict[str, Any] = {"address": "10.0.0.5:6379", "nodes": (Node(name="a", cpus=4),)}
    return Access(meeting=Meeting(**(values | changes)))


def _server(**changes: Any) -> Tracking:
    values: dict[str, Any] = {
        "address": "http://m:5000",
        "kind": "server",
        "status": 200,
        "ours": "3.17.2",
    }
    return Tracking(**(values | changes))


def _database(**changes: Any) -> Tracking:
    values: dict[str, Any] = {
        "address": "sqlite:////h/mlflow.db",
        "kind": "database",
        "newest": "b",
    }
    return Tracking(**(values | changes))


def _environ(**environ: str) -> Variables:
    return Variables(environ=environ, cores=2)


H200 = Device(name="NVIDIA H200", driver="550.54", memory=143771, errors=0)
WHOLE: dict[str, str | None] = {"ventral": "1.0", "python": "3.12.1", "ray": "2.60.0"}

SICK = [
    *_sick(
        VersionsCheck(),
        ("missing", Versions(installed={"mlflow": None}), "mlflow is not installed"),
        ("unsupported", Versions(installed={"ray": "2.61.0"}), "works with 2.60.x"),
        ("untried", Versions(installed={"ray": "2.61.0"}, untested=True), "ray 2.61.0 is used"),
        ("other", Versions(installed=WHOLE, expected={"ventral": "0.9"}), "differs from 0.9"),
        ("unlike", Versions(installed={"torch": "2.6"}, expected={"torch": "2.7"}), "torch 2.6"),
    ),
    *_sick(
        VariablesCheck(),
        ("ray", _environ(RAY_ADDRESS="10.0.0.1:6379"), "RAY_ADDRESS=10.0.0.1:6379"),
        ("tracking", _environ(MLFLOW_TRACKING_URI="http://u:pw@m:5000"), "the runs to http://m"),
        (
            "hidden",
            Variables(environ={"CUDA_VISIBLE_DEVICES": "1"}, gpus=4, seen=1),
            "leaves 1 of 4 GPUs",
        ),
        (
            "unknown",
            Variables(environ={"CUDA_VISIBLE_DEVICES": "0,7"}, gpus=4, seen=1),
            "CUDA_VISIBLE_DEVICES=0,7 names",
        ),
        ("threads", _environ(OMP_NUM_THREADS="64"), "OMP_NUM_THREADS=64"),
        ("path", _environ(PYTHONPATH="/old/project"), "/old/project"),
        (
            "hides",
            Variables(environ={"PYTHONPATH": "/p"}, hiding=("/p/models",)),
            "hides modules that Ventral needs: /p/models",
        ),
        (
            "other_cuda",
            Variables(environ={}, libraries=("/usr/local/cuda-11/lib64",)),
            "/usr/local/cuda-11/lib64",
        ),
        ("harmful", _environ(NVIDIA_TF32_OVERRIDE="1"), "changes the numbers"),
        (
            "certificate",
            Variables(environ={}, missing={"SSL_CERT_FILE": "/gone.pem"}),
            "SSL_CERT_FILE names a file that is not there (/gone.pem)",
        ),
        (
            "proxy",
            Variables(environ={"https_proxy": "http://p:3128"}, proxied=("mlflow.lab",)),
            "mlflow.lab go through the proxy of https_proxy",
        ),
    ),
    *_sick(
        RayCheck(),
        (
            "stopped",
            _meeting(address=None, problem="no room in /tmp", nodes=()),
            "no room in /tmp",
        ),
        ("refused", _meeting(problem="nothing answers there", cure="start it"), "10.0.0.5:6379"),
        ("open", _meeting(closed=False), "asks for no token, and runs"),
        ("here", _meeting(address="127.0.0.1:6379", closed=False), "all users of this machine"),
        ("file", Access(meeting=None, open_file="/home/x/.ray/auth_token"), "open to other users"),
        ("nobody", _meeting(nodes=()), "no node with a core"),
    ),
    *_sick(
        NodesCheck(),
        ("lost", (Node(name="b", problem="cannot load Ventral (no module)"),), "node b cannot"),
    ),
    *_sick(
        GraphicsCheck(),
        ("driver", Graphics(refusal="Driver/library version mismatch"), "version mismatch"),
        ("without", Graphics(devices=(H200,), seen=1), "built without CUDA"),
        (
            "unusable",
            Graphics(devices=(H200,), seen=1, built="13.0", error="driver is too old"),
            "(CUDA 13.0) cannot compute on the GPUs, whose driver is 550.54: driver is too old",
        ),
        (
            "fewer",
            Graphics(devices=(H200, H200), seen=2, built="13.0", usable=1),
            "sees 1 of 2 GPUs",
        ),
        (
            "memory",
            Graphics(
                devices=(Device(name="A100", driver="550", errors=3),),
                seen=1,
                built="13.0",
                usable=1,
            ),
            "A100 had 3 errors",
        ),
        ("offer", Graphics(offered=2), "Ray offers 2 GPUs on this node, and CUDA sees 0"),
        (
            "unused",
            Graphics(devices=(H200,), seen=1, built="13.0", usable=1, offered=0),
            "offers 0 GPUs",
        ),
    ),
    *_sick(
        StoreCheck(),
        ("unusable", Records(address="pg", problem="cannot be reached", cure="start it"), "pg: "),
        ("due", Records(address="s", sight=Sight(where="s", revision="0004")), "is due"),
        (
            "newer",
            Records(address="s", sight=Sight(where="s", revision="0099", known=False)),
            "schema 0099, which a newer version wrote",
        ),
        (
            "damaged",
            Records(address="s", sight=Sight(where="s", revision="0006", damage="page 3")),
            "is damaged: page 3",
        ),
        (
            "closed",
            Records(address="s", sight=Sight(where="s", revision="0006", writable=False)),
            "may only be read",
        ),
        (
            "elsewhere",
            Records(address="s", problem="it is in their home", cure="mount it", apart=True),
            "not reached from here: it is in their home",
        ),
    ),
    *_sick(
        TrackingCheck(),
        ("away", _server(status=None, error="Connection refused"), "does not answer: Connection"),
        ("account", _server(status=401), "refuses who has no account (401)"),
        ("account", _server(status=403, account=True), "refuses the account here (403)"),
        ("stranger", _server(status=404), "is not MLflow (404)"),
        ("other", _server(release="2.9.0"), "is of version 2.9.0, and here is 3.17.2"),
        ("broken", _database(error="malformed"), "cannot be used: malformed"),
        ("due", _database(revision="a"), "schema a; a migration to b is due"),
        ("newer", _database(revision="c", known=False), "schema c, which a newer MLflow wrote"),
        ("unknown", Tracking(address="databricks", kind="other"), "was not looked at"),
    ),
    *_sick(
        StorageCheck(),
        (
            "unusable",
            Storage(url="s3://b", problem="no such bucket", cure="make it"),
            "s3://b: no",
        ),
    ),
    *_sick(
        SharedHomeCheck(),
        ("away", Shared(path="/h", expected="x", error="No such file"), "does not see the home"),
        ("other", Shared(path="/h", expected="x", seen="y"), "another folder at /h"),
    ),
    *_sick(
        PacksCheck(),
        ("damaged", Packs(packs={"digits": "was altered"}, folder="/h"), "/h/digits: was altered"),
        ("unreadable", Packs(packs={}, folder="/h", error="Permission denied"), "Permission"),
    ),
    *_sick(
        ClocksCheck(),
        ("far", Clocks(ahead={"node b": (89.8, 92.0)}), "node b is 90 s ahead of"),
        ("far", Clocks(ahead={"node b": (-91.0, -88.0)}), "node b is 88 s behind"),
        ("off", Clocks(ahead={"node b": (-9.0, -3.25)}), "node b is 3.2 s behind"),
    ),
    *_sick(
        DiskCheck(),
        ("refused", _home(error="Read-only file system"), "Read-only file system"),
        ("full", _home(free=8_000_000, error="No space left on device"), "has 8.0 MB left"),
        ("low", _home(free=4 * GB), "has 4.0 GB left"),
        ("inodes", _home(inodes=12), "room for 12 more files"),
        ("network", _home(system="nfs4", database="/home/x/store.db"), "(nfs4)"),
    ),
    *_sick(
        SharedMemoryCheck(),
        ("missing", SharedMemory(total=None), "no /dev/shm"),
        ("refused", SharedMemory(total=GB, free=GB, error="Permission denied"), "Permission"),
        ("small", SharedMemory(total=67108864, free=60_000_000), "60.0 MB of 67.1 MB"),
    ),
    *_sick(
        LimitsCheck(),
        ("files", Limits(files=(256, 512)), "256 files open, and cannot raise that above 512"),
        ("few_files", Limits(files=(1024, 2048)), "at most 2048 files"),
        ("processes", Limits(files=(None, None), processes=512), "512 processes"),
        ("processor", Limits(files=(None, None), processor=3600), "ended after 3600 s"),
        ("size", Limits(files=(None, None), size=2 * GB), "2.0 GB at most"),
        ("memory", Limits(files=(None, None), memory=8 * GB), "8.0 GB of address space"),
    ),
]

WELL = [
    *_well(
        VersionsCheck(),
        (Versions(installed=WHOLE, expected={"ray": "2.60.0"}), "python 3.12.1, ray 2.60.0"),
    ),
    *_well(
        VariablesCheck(),
        (_environ(VENTRAL_HOME="/h", OMP_NUM_THREADS="2"), "nothing misleads; VENTRAL_HOME set"),
        # A deployment names both.
        (_environ(VENTRAL_STORE="postgresql://s", MLFLOW_TRACKING_URI="http://m"), "nothing"),
        (_environ(RAY_ADDRESS="h:6379", RAY_JOB_CONFIG_JSON_ENV_VAR="{}"), "nothing misleads"),
        (_environ(CUDA_VISIBLE_DEVICES=""), "nothing misleads"),
        (_environ(NVIDIA_TF32_OVERRIDE="0"), "nothing misleads"),
        (
            Variables(environ={"RAY_ADDRESS": "h:1", "OMP_NUM_THREADS": "9"}, node=True),
            "nothing misleads",
        ),
    ),
    *_well(
        RayCheck(),
        (Access(meeting=None), "not looked at"),
        (_meeting(address=None, nodes=(), closed=True), "it starts here, runs a task"),
        (_meeting(closed=True), "lets this machine in with its token: 1 node, 4 cores, 0 GPUs"),
        (
            _meeting(address="http://h:8265", nodes=(), closed=True, release="2.60.0"),
            "takes jobs from this machine; Ray 2.60.0",
        ),
    ),
    *_well(NodesCheck(), ((), "none but this"), ((Node(name="a"),), "all answer: a")),
    *_well(
        GraphicsCheck(),
        (Graphics(offered=0), "no NVIDIA GPU"),
        (
            Graphics(devices=(H200, H200), seen=2, built="13.0", usable=2, offered=2),
            "2 x NVIDIA H200 (144 GB); driver 550.54, CUDA 13.0",
        ),
        (Graphics(devices=(H200, H200), seen=1, built="13.0", usable=1), "1 of them hidden"),
    ),
    *_well(
        StoreCheck(),
        (Records(address="sqlite:////h/store.db"), "there is none yet"),
        (Records(address="pg", sight=Sight(where="pg", revision=None)), "pg is empty"),
        (
            Records(address="s", sight=Sight(where="s", revision="0006", newest="0006")),
            "s, schema",
        ),
    ),
    *_well(
        TrackingCheck(),
        (Tracking(address="", kind="none"), "no database yet"),
        (_database(revision="b"), "schema b"),
        (_database(), "no database yet"),
        (_server(release="3.2.0", account=True), "answers, takes the account here; MLflow 3.2.0"),
    ),
    *_well(
        StorageCheck(),
        (Storage(url=None), "none is named"),
        (Storage(url="s3://b/lab"), "s3://b/lab: written, read back and deleted"),
    ),
    *_well(
        SharedHomeCheck(),
        (Shared(path="/h", expected=None), "not looked at"),
        (Shared(path="/h", expected="x", seen="x"), "/h is the same folder"),
        (Shared(path="/h", expected="x", error="No such", storage="s3://b"), "need not be"),
    ),
    *_well(
        PacksCheck(),
        (Packs(packs={}), "none yet"),
        (Packs(packs={"a": None, "b": None}), "2 packs"),
    ),
    *_well(
        ClocksCheck(),
        (Clocks(), "no other machine"),
        (Clocks(ahead={"node b": (-4.0, 5.0), "node c": (-3.0, -1.9)}), "within 2 s: node b"),
    ),
    *_well(DiskCheck(), (_home(inodes=None, system="ext4", database="/x"), "90.0 GB of 100.0 GB")),
    *_well(SharedMemoryCheck(), (SharedMemory(total=2 * GB, free=GB), "1.0 GB of 2.0 GB free")),
    *_well(
        LimitsCheck(),
        (Limits(files=(1024, 65536), processes=9000), "65,536 open files, 9,000 processes"),
        (Limits(files=(None, None)), "any number of open files, any number of processes"),
    ),
]
