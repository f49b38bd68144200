"""Variables of the environment that were set for other work, and would mislead Ventral's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from search.doctor.protocol import Fault, Place, Verdict
from search.host.home import STORE_VARIABLE, TRACKING_VARIABLE, is_server, safe_address
from search.host.machine import count_gpus
from search.host.programs import PACKAGES
from workers.processors import usable_processors

HEAVY = ("torch", "numpy", "ray", "mlflow", "pandas", "scipy", "optuna", "pydantic")
"""Modules that a folder of PYTHONPATH may hide."""

JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray for the jobs of its API, with an address of its own."""

NUMBERS = {
    "NVIDIA_TF32_OVERRIDE": "changes the numbers that GPUs compute",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "changes the numbers that GPUs compute",
    "CUDA_LAUNCH_BLOCKING": "makes GPUs several times slower",
    "PYTHONHOME": "lets Python look for its library elsewhere",
    "MLFLOW_TRACKING_INSECURE_TLS": "lets anybody pose as MLflow's server",
}
"""Variables that do harm whatever their value is (but for 0, false and nothing)."""

CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
LIBRARIES = re.compile(r"lib(cudart|cublas|cudnn|nccl|cuda)\b.*\.so")


@dataclass(frozen=True, kw_only=True)
class Variables:
    """The environment, and what its variables point to."""

    environ: Mapping[str, str]
    cores: int = 1
    gpus: int = 0
    seen: int = 0
    """How many GPUs the driver lists, and how many of them CUDA may see."""
    hiding: tuple[str, ...] = ()
    """Folders and files of PYTHONPATH that have the name of a module that is needed."""
    libraries: tuple[str, ...] = ()
    """Folders of LD_LIBRARY_PATH with CUDA's libraries."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Variables that name a file which is not there."""
    proxied: tuple[str, ...] = ()
    """Hosts of MLflow and of the object store to which a proxy is set, and no exception."""
    node: bool = False


class VariablesCheck:
    """Environment variables."""

    name = "environment"
    about = (
        "variables of other tools, RAY_ADDRESS and CUDA_VISIBLE_DEVICES for example, that mislead"
    )
    drives, trains, seconds = True, True, 30.0

    ray = Fault(
        status="warning",
        problem="RAY_ADDRESS={address} is what `--address auto` takes, and Ray's own commands",
        cure="unset RAY_ADDRESS, unless that cluster is meant",
    )
    tracking = Fault(
        status="warning",
        problem="MLFLOW_TRACKING_URI sends the runs to {address}, and the store is in the home",
        cure="unset MLFLOW_TRACKING_URI if it is of other work; `ventral ui` shows the home's own",
    )
    hidden = Fault(
        status="warning",
        problem="CUDA_VISIBLE_DEVICES={value} leaves {seen} of {gpus} GPUs to trials",
        cure="unset CUDA_VISIBLE_DEVICES, unless the others are somebody else's",
    )
    unknown = Fault(
        status="warning",
        problem="CUDA_VISIBLE_DEVICES={value} names a GPU that is not there",
        cure="unset CUDA_VISIBLE_DEVICES, or name devices that `nvidia-smi -L` lists",
    )
    threads = Fault(
        status="warning",
        problem="{name}={value}: `ventral train` and `evaluate` take so many threads, and this "
        "process may use {cores} cores (trials of a campaign take one each)",
        cure="unset {name}, unless it is meant",
    )
    path = Fault(
        status="warning",
        problem="PYTHONPATH comes before the installed modules: {folders}",
        cure="unset PYTHONPATH; install what is needed into Ventral's environment",
    )
    hides = Fault(
        status="warning",
        problem="PYTHONPATH hides modules that Ventral needs: {files}",
        cure="unset PYTHONPATH, or rename these",
    )
    other_cuda = Fault(
        status="warning",
        problem="LD_LIBRARY_PATH puts CUDA's libraries of {folders} before PyTorch's own",
        cure="unset LD_LIBRARY_PATH, or unload the module that set it",
    )
    harmful = Fault(
        status="warning",
        problem="{name}={value} {effect}",
        cure="unset {name}, unless it is meant",
    )
    certificate = Fault(
        status="warning",
        problem="{name} names a file that is not there ({file}): every https request fails",
        cure="unset {name}, or name the file of certificates",
    )
    proxy = Fault(
        status="warning",
        problem="requests to {host} go through the proxy of {names}",
        cure="add {host} to no_proxy if it is reached directly",
    )
    faults = (
        *(ray, tracking, hidden, unknown, threads, path, hides, other_cuda),
        *(harmful, certificate, proxy),
    )

    def gather(self, place: Place) -> Variables:
        """The facts, as far as they can be had."""
        environ = place.environ
        visible = environ.get("CUDA_VISIBLE_DEVICES")
        seen, gpus = count_gpus(visible)
        return Variables(
            environ=environ,
            cores=usable_processors(),
            gpus=gpus,
            seen=seen,
            hiding=tuple(find_hiding(environ.get("PYTHONPATH", ""))),
            libraries=tuple(find_libraries(environ.get("LD_LIBRARY_PATH", ""))),
            missing={
                name: environ[name]
                for name in CERTIFICATES
                if environ.get(name) and not Path(environ[name]).exists()
            },
            proxied=tuple(find_proxied(environ, place.home.tracking_uri)),
            node=place.versions is not None,
        )

    def judge(self, facts: Variables) -> Iterator[Verdict]:
        """What is wrong with them."""
        yield from self._judge_addresses(facts)
        yield from self._judge_devices(facts)
        yield from self._judge_paths(facts)
        for name, effect in NUMBERS.items():
            value = facts.environ.get(name, "")
            if value.lower() not in ("", "0", "false"):
                yield self.harmful.fill(name=name, value=value, effect=effect)
        for name, file in facts.missing.items():
            yield self.certificate.fill(name=name, file=file)
        names = ", ".join(name for name in PROXIES if facts.environ.get(name))
        for host in facts.proxied:
            yield self.proxy.fill(host=host, names=names)

    def _judge_addresses(self, facts: Variables) -> Iterator[Verdict]:
        environ = facts.environ
        if facts.node:  # a node's processes take both from the driver
            return
        if (address := environ.get("RAY_ADDRESS")) and JOB not in environ:
            yield self.ray.fill(address=address)
        tracking = environ.get(TRACKING_VARIABLE)
        if tracking and not environ.get(STORE_VARIABLE):
            yield self.tracking.fill(address=safe_address(tracking))
        for name in THREADS:
            value = environ.get(name, "")
            if value and value != str(facts.cores):
                yield self.threads.fill(name=name, value=value, cores=facts.cores)

    def _judge_devices(self, facts: Variables) -> Iterator[Verdict]:
        value = facts.environ.get("CUDA_VISIBLE_DEVICES")
        if value is None:
            return
        wanted = [part.strip() for part in value.split(",") if part.strip() not in ("", "-1")]
        if facts.seen < len(wanted):
            yield self.unknown.fill(value=value)
        elif facts.seen < facts.gpus:
            yield self.hidden.fill(value=value or '""', seen=facts.seen, gpus=facts.gpus)

    def _judge_paths(self, facts: Variables) -> Iterator[Verdict]:
        if facts.hiding:
            yield self.hides.fill(files=", ".join(facts.hiding))
        elif folders := facts.environ.get("PYTHONPATH"):
            yield self.path.fill(folders=folders)
        if facts.libraries:
            yield self.other_cuda.fill(folders=", ".join(facts.libraries))

    def describe(self, facts: Variables) -> str:
        """The facts in a line, where nothing is wrong."""
        ours = sorted(name for name in facts.environ if name.startswith("VENTRAL_"))
        return "nothing misleads" + (f"; {', '.join(ours)} set" if ours else "")


def find_hiding(path: str) -> Iterator[str]:
    """What in the folders of a PYTHONPATH has the name of a module that is needed."""
    for folder in filter(None, path.split(os.pathsep)):
        for name in (*PACKAGES, *HEAVY):
            for file in (Path(folder, name), Path(folder, f"{name}.py")):
                if file.exists() and not _is_ours(Path(folder), name):
                    yield str(file)


def _is_ours(folder: Path, name: str) -> bool:
    """Whether a folder is the clone itself, whose packages may come first."""
    return name in PACKAGES and (folder / "ventral" / "packages.py").exists()


def find_libraries(path: str) -> Iterator[str]:
    """The folders of an LD_LIBRARY_PATH in which CUDA's libraries lie."""
    for folder in filter(None, path.split(os.pathsep)):
        try:
            names = [file.name for file in Path(folder).iterdir()]
        except OSError:
            continue
        if any(LIBRARIES.match(name) for name in names):
            yield folder


def find_proxied(environ: Mapping[str, str], tracking: str) -> Iterator[str]:
    """The hosts of our servers that would be reached through a proxy."""
    if not any(environ.get(name) for name in PROXIES):
        return
    addresses = [tracking] if is_server(tracking) else []
    addresses += [environ.get(name, "") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")]
    excepted = (environ.get("no_proxy") or environ.get("NO_PROXY") or "").split(",")
    for host in dict.fromkeys(map(_find_host, addresses)):
        if host and not any(_covers(name.strip().lstrip("."), host) for name in excepted):
            yield host


def _covers(name: str, host: str) -> bool:
    """Whether an entry of no_proxy is the host, or a domain in which it is."""
    return name == "*" or (name != "" and f".{host}".endswith(f".{name}"))


def _find_host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
