"""Where trials run: a private Ray cluster on this machine, or a running one; no trace of it after.

`survey` says what a running cluster's nodes have. `local` starts a cluster for the time of a
`with` block, `joined` uses a running one for that time and leaves it running; both yield the
`Ground`. `sweep` ends what a driver that was killed left behind. Ray's processes are recognised by
a mark in their environment that `local` writes down in the campaign's folder before it starts
them, never by name: other clusters on the machine are none of our business.

This module knows resources and processes. It knows no campaigns, trials or samplers.
"""

import contextlib
import importlib
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.home import Process
from search.machine import Machine
from space.errors import InputError, VentralError

MARK = "VENTRAL_CLUSTER"
"""The environment variable by which a driver's Ray processes are told from all others."""

PRIVATE = "VENTRAL_PRIVATE"
"""Set for the processes of a driver's own cluster, which nobody else is to join."""

SLOT = "slot"
"""A resource of which every trial takes one, so that no more run at once than were asked for."""

PREFIX = "ventral-"
"""How the names of our scratch folders begin."""

OWNER = "owner.json"
"""In a scratch folder: a copy of the cluster's record, for those who know of the folder alone."""

CLUSTER_PATIENCE = 30.0
"""Seconds for which a running cluster's head may not answer. Ray itself gives up after 60."""
NODE_PATIENCE = 60.0
"""Seconds for the nodes of a running cluster to say whether they see the home."""
SHUTDOWN_PATIENCE = 5.0
"""Seconds for leaving a cluster."""

OBJECT_STORE_BYTES = 100 * 1024**2  # results are small: nothing of ours lies in the object store
SHORT_ROOT = "/tmp"  # a socket's path may have 107 characters, and Ray adds about 70 of them

_SETTINGS = {
    # One thread a trial: trials share the cores, and torch would otherwise take all of them.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",  # a trial that takes no GPU sees none
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths stay what they were
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard files a trial
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # signals are the driver's
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # campaigns are resumed from the store
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": str(10**9),
}
_FOR_WORKERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAY_CHDIR_TO_TRIAL_DIR")
_QUIETLY: dict[str, Any] = {
    "configure_logging": True,
    "logging_level": logging.ERROR,
    "log_to_driver": False,
}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where trials run, for as long as its `with` block.

    `machines` are its nodes, `scratch` is a folder that lives as long as it, `resources` is what a
    trial takes of it besides cores and GPUs, and `place` the name of a cluster of others.
    """

    machines: tuple[Machine, ...]
    scratch: Path
    resources: Mapping[str, float]
    place: str | None = None


@contextlib.contextmanager
def local(
    record: Path, offered: Machine, slots: int, lost: Callable[[VentralError], None]
) -> Iterator[Ground]:
    """A Ray cluster of this process's own.

    `offered` and `slots` units of the resource `SLOT` are what trials can take of it.
    `record` is a file in which the cluster's mark and folder stand while it lives, for `sweep`.
    `lost` is called, from a thread, if the cluster breaks down; Ray would end this process, but
    only after a minute. Ray opens ports beyond the loopback interface: every connection needs a
    token, which is made here and lies in this process's environment only. Raises VentralError if
    this process uses Ray already, or if Ray does not start.
    """
    import ray

    _refuse_second()
    sweep_forgotten()
    mark = secrets.token_hex(8)
    scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_short_root()))
    content = {"mark": mark, "scratch": str(scratch), "driver": str(Process.current())}
    for file in (record, scratch / OWNER):
        _write(file, content)
    settings = _SETTINGS | {
        MARK: mark,
        PRIVATE: "1",
        # With a token at hand ray.init turns authentication on; without one it would write its
        # own, readable by all, to the home directory. Ray reads the token once in a process's
        # life, so there is one for all our clusters.
        "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32),
    }
    try:
        with _environment(settings, kept="RAY_AUTH_TOKEN"):
            try:
                ray.init(
                    address="local",
                    num_cpus=offered.cpus,
                    num_gpus=offered.gpus,
                    resources={SLOT: slots},
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    _temp_dir=str(scratch / "ray"),
                    **_QUIETLY,
                )
            except Exception as error:
                raise VentralError(
                    f"Ray did not start on this machine: {_first(error)}"
                ) from error
            ground = Ground(machines=(offered,), scratch=scratch, resources={SLOT: 1})
            yield from _watched(ground, _Watch(lambda: _complete(mark), 1, lost))
    finally:
        sweep(record)


@contextlib.contextmanager
def joined(
    address: str, record: Path, folder: Path, lost: Callable[[VentralError], None]
) -> Iterator[Ground]:
    """A running Ray cluster: its nodes, as far as trials can run on them.

    `address` is as in `connected`. `folder` is where trials write, and has to be the same one on
    every node; `record` and `lost` are as in `local`. The cluster runs on afterwards, with nothing
    of ours on it. Raises InputError if the cluster cannot be used.
    """
    with connected(address):
        machines = _nodes(address)
        scratch = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        content = {"mark": None, "scratch": str(scratch), "driver": str(Process.current())}
        _write(record, content)
        try:
            _demand_shared(scratch, address)
            gcs = _gcs_address()
            ground = Ground(machines=machines, scratch=scratch, resources={}, place=f"ray {gcs}")
            yield from _watched(ground, _Watch(lambda: _answers(gcs), CLUSTER_PATIENCE, lost))
        finally:
            sweep(record)


def survey(address: str) -> tuple[Machine, ...]:
    """What each node of a running cluster has. Raises InputError if it cannot be used."""
    with connected(address):
        return _nodes(address)


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """A connection to the cluster at `address`: `auto`, or HOST:PORT of its head.

    This machine has to be one of its nodes. A token is taken from where Ray looks for it
    (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH, ~/.ray/auth_token). Raises InputError that names the
    cure, VentralError if this process is connected already.
    """
    import ray

    _refuse_second()
    address = _found() if address == "auto" else address
    _check_address(address)
    settings = _SETTINGS | _authentication()
    workers = {name: settings[name] for name in _FOR_WORKERS}
    with _environment(settings):
        try:
            ray.init(address=address, runtime_env={"env_vars": workers}, **_QUIETLY)
        except Exception as error:
            raise _refused(address, error) from error
        try:
            with _mute():
                yield
        finally:
            _disconnect()


def _refuse_second() -> None:
    import ray

    if ray.is_initialized():
        raise VentralError("this process is connected to Ray already; call ray.shutdown() first")


@contextlib.contextmanager
def _environment(settings: Mapping[str, str], kept: str = "") -> Iterator[None]:
    """Set variables for the time of the block; `kept` stays as it is then."""
    # Ray sets the last one itself.
    before = {name: os.environ.get(name) for name in (*settings, "PYTHONBREAKPOINT")}
    os.environ.update(settings)
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None and name != kept:
                os.environ.pop(name, None)
            elif value is not None:
                os.environ[name] = value


# -------------------------------------------------------------------------- a running cluster


def _found() -> str:
    """The address of the cluster that this machine is a node of. Raises InputError."""
    if named := os.environ.get("RAY_ADDRESS"):
        return named
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if not words[0].endswith(b"/raylet"):
                continue
            private = False
            with contextlib.suppress(OSError):  # it is another user's
                private = f"{PRIVATE}=1".encode() in (folder / "environ").read_bytes().split(b"\0")
            if not private:
                sign = b"--gcs-address="
                found |= {w.removeprefix(sign).decode() for w in words if w.startswith(sign)}
    if len(found) == 1:
        return found.pop()
    if found:
        problem, cure = "several Ray clusters run on this machine", f"write one of {sorted(found)}"
    else:
        problem = "no Ray cluster runs on this machine"
        cure = "start one (`ray start --head`), or write HOST:PORT of its head"
    raise InputError("--address auto", problem, cure)


def _check_address(address: str) -> None:
    """Refuse an address at which there is nothing, before Ray spends a minute on it."""
    host, _, port = address.rpartition(":")
    if address.startswith("ray://"):
        raise InputError(
            f"--address {address}",
            "Ray's client cannot carry a search",
            "run this on a machine of the cluster, with --address auto or HOST:PORT "
            "(`ray job submit --address ... -- ventral submit FILE --address auto` does so)",
        )
    if not host or not port.isdigit():
        cure = "write auto, or HOST:PORT of the cluster's head, such as 10.0.0.5:6379"
        raise InputError(f"--address {address}", "is no address of a Ray cluster", cure)
    if not _answers(address):
        raise InputError(
            f"--address {address}",
            "nothing answers there",
            "`ray status` on the cluster's head shows whether it runs; the port is 6379 unless "
            "`ray start --head --port` said otherwise",
        )


def _answers(address: str) -> bool:
    """Whether somebody listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 5.0):
        return True
    return False


def _authentication() -> dict[str, str]:
    """Ray takes a token from the environment only if it is told that there is one."""
    named = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    if "RAY_AUTH_MODE" not in os.environ and named:
        return {"RAY_AUTH_MODE": "token"}
    return {}


def _refused(address: str, error: Exception) -> InputError:
    """Why there is no connection to a cluster, in words that help."""
    where, text = f"--address {address}", _first(error)
    if type(error).__name__ == "AuthenticationError" or "oken" in text:
        cure = "set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, to the cluster's token"
        return InputError(where, "wants a token, and there is none here", cure)
    if isinstance(error, ConnectionError):
        given = os.environ.get("RAY_AUTH_MODE") == "token"
        token = (
            "its token is another one than" if given else "it wants a token, and there is none in"
        )
        return InputError(
            where,
            f"the cluster refuses the connection ({text})",
            f"most often {token} RAY_AUTH_TOKEN here, or Ray has another version there",
        )
    return InputError(where, text, "is this machine a node of that cluster? `ray status` shows")


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _gcs_address() -> str:
    import ray

    return str(ray.get_runtime_context().gcs_address)


def _nodes(address: str) -> tuple[Machine, ...]:
    """The nodes that have cores to offer. Raises InputError if there is none."""
    import ray

    found = tuple(
        Machine(
            cpus=int(node["Resources"].get("CPU", 0)),
            gpus=int(node["Resources"].get("GPU", 0)),
            name="a node of the cluster",
        )
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    )
    if not found:
        cure = "start one with `ray start --address=HOST:PORT`"
        raise InputError(f"--address {address}", "has no node with a core to offer", cure)
    return found


def _demand_shared(scratch: Path, address: str) -> None:
    """Refuse a cluster with nodes that do not see `scratch`, or cannot train: by trying it."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    sign = secrets.token_hex(8)
    (scratch / "sign").write_text(sign)

    # Nested, so that it travels as code: a node may lack the package that it looks for.
    def look(folder: str, name: str) -> str:
        from pathlib import Path

        try:
            import workers.trainable  # noqa: F401
        except Exception as error:
            return f"cannot load Ventral ({error})"
        try:
            seen = Path(folder, "sign").read_text()
            Path(folder, name).write_text(seen)
        except OSError as error:
            return f"cannot use {folder} ({error.strerror})"
        return seen

    remote = ray.remote(num_cpus=0)(look)
    asked = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get("CPU", 0) >= 1:
            here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            answer = remote.options(scheduling_strategy=here).remote(str(scratch), node["NodeID"])
            asked[answer] = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    ray.wait(list(asked), num_returns=len(asked), timeout=NODE_PATIENCE)
    bad = {}
    for answer, name in asked.items():
        try:
            told = str(ray.get(answer, timeout=0))
        except Exception as error:
            told = f"does not answer ({_first(error) or type(error).__name__})"
        if told != sign:
            bad[name] = told if " " in told else f"has another folder at {scratch.parent}"
    if bad:
        name, problem = next(iter(bad.items()))
        more = f", and {len(bad) - 1} more nodes" if len(bad) > 1 else ""
        raise InputError(
            f"--address {address}",
            f"node {name} {problem}{more}",
            "every node needs Ventral, and VENTRAL_HOME in a folder that all of them share",
        )


def _disconnect() -> None:
    """Leave a cluster. If it is gone, Ray may never come back from that: then without waiting."""
    import ray

    leaving = threading.Thread(target=ray.shutdown, name="ray-shutdown", daemon=True)
    leaving.start()
    leaving.join(SHUTDOWN_PATIENCE)


# ------------------------------------------------------------------------------- its health


class _Watch(threading.Thread):
    """Asks every second whether a cluster is `well`, and calls `lost` if it is not for long."""

    def __init__(
        self, well: Callable[[], bool], patience: float, lost: Callable[[VentralError], None]
    ) -> None:
        """`patience` is in seconds."""
        super().__init__(name="ray-watch", daemon=True)
        self._well, self._patience, self._lost = well, patience, lost
        self._over = threading.Event()

    def run(self) -> None:
        seen = time.monotonic()
        while not self._over.wait(1.0):
            if self._well():
                seen = time.monotonic()
            elif time.monotonic() - seen > self._patience:
                self._lost(ClusterLost("the Ray cluster broke down; everything is kept"))
                return

    def end(self) -> None:
        self._over.set()


class ClusterLost(VentralError):
    """The Ray cluster went while trials ran on it."""


def _watched(ground: Ground, watch: _Watch) -> Iterator[Ground]:
    watch.start()
    try:
        with _mute():
            yield ground
    finally:
        watch.end()
        _disconnect()


def _complete(mark: str) -> bool:
    """Whether the two processes without which no cluster works are there."""
    names = set()
    for pid in marked(mark):
        with contextlib.suppress(OSError):
            names.add(Path(f"/proc/{pid}/comm").read_text().strip())
    return {"gcs_server", "raylet"} <= names


@contextlib.contextmanager
def _mute() -> Iterator[None]:
    """Keep Ray from printing its notices about lost workers, which `log_to_driver` does not."""
    printer = importlib.import_module("ray._private.worker")
    before = getattr(printer, "_worker_logs_enabled", True)
    setattr(printer, "_worker_logs_enabled", False)  # noqa: B010  (it is no attribute of ours)
    try:
        yield
    finally:
        setattr(printer, "_worker_logs_enabled", before)  # noqa: B010


def _short_root() -> str | None:
    return SHORT_ROOT if os.access(SHORT_ROOT, os.W_OK) else None


def sweep(record: Path, patience: float = 5.0) -> int:
    """End what is left of the cluster that `record` names, and remove its folder and the record.

    Returns the number of processes that had to be killed. To be called only when the driver that
    wrote the record is known to be gone. A missing or broken record is no error: then there is
    nothing that we may touch.
    """
    try:
        found: dict[str, Any] = json.loads(record.read_text())
        mark, scratch = found["mark"], Path(found["scratch"])
    except (OSError, ValueError, KeyError, TypeError):
        record.unlink(missing_ok=True)
        return 0
    killed: set[int] = set()
    until = time.monotonic() + patience
    # A process that is being killed may just have started another one.
    while mark and (left := marked(mark)) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.05)
    if scratch.name.startswith(PREFIX):
        shutil.rmtree(scratch, ignore_errors=True)
    record.unlink(missing_ok=True)
    return len(killed)


def sweep_forgotten() -> None:
    """End and remove what drivers of this machine left that were killed, and whose campaigns
    nobody has gone on with.
    """
    for file in Path(_short_root() or tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER}"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if Process.parse(json.loads(file.read_text())["driver"]).alive() is False:
                sweep(file)


def marked(mark: str) -> list[int]:
    """The live processes, this one aside, that carry a mark in their environment."""
    wanted = f"{MARK}={mark}".encode()
    return [
        pid for pid, environment in _environments() if wanted in environment and pid != os.getpid()
    ]


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    """(pid, NAME=value entries) of every process that we may look into."""
    if Path("/proc/self/environ").exists():
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # A zombie's environment is empty: it is not found, as it should be.
                yield int(folder.name), (folder / "environ").read_bytes().split(b"\0")
        return
    import ray  # noqa: F401  (brings its own psutil)

    psutil = importlib.import_module("psutil")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            entries = process.environ().items()
            yield process.pid, [f"{name}={value}".encode() for name, value in entries]


def _write(record: Path, content: dict[str, Any]) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    partial = record.with_name(record.name + ".part")
    partial.write_text(json.dumps(content))
    partial.replace(record)
