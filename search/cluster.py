"""Ray on this machine: what it offers, a private cluster for one driver, and no trace of it after.

`machine` counts what there is without starting anything; `local` starts a cluster for the time of
a `with` block; `sweep` ends what a driver that was killed left behind. Ray's processes are
recognised by a mark in their environment that `local` writes down in the campaign's folder before
it starts them, never by name: other clusters on the machine are none of our business.

This module knows resources and processes. It knows no campaigns, trials or samplers.
"""

import contextlib
import importlib
import json
import logging
import math
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from space.errors import VentralError

MARK = "VENTRAL_CLUSTER"
"""The environment variable by which a driver's Ray processes are told from all others."""

SLOT = "slot"
"""A resource of which every trial takes one, so that no more run at once than were asked for."""

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


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine offers to trials: processor cores and graphics processors."""

    cpus: int
    gpus: int

    def slots(self, cpus: float, gpus: float) -> int:
        """How many trials that each take so much fit at once."""
        # A sum of fractions such as 3 x 0.1 may miss the whole by a rounding error.
        by_cpu = self.cpus / cpus + 1e-9
        by_gpu = math.inf if gpus == 0 else self.gpus / gpus + 1e-9
        if gpus and gpus < 1:
            by_gpu = self.gpus * math.floor(1 / gpus + 1e-9)  # a trial lives on one device
        return math.floor(min(by_cpu, by_gpu))


def machine() -> Machine:
    """This machine: the cores that this process may use, and the NVIDIA devices it may see."""
    with contextlib.suppress(AttributeError):
        return Machine(cpus=len(os.sched_getaffinity(0)), gpus=_gpus())
    return Machine(cpus=os.cpu_count() or 1, gpus=_gpus())


def _gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    if not (tool := shutil.which("nvidia-smi")):
        return 0
    try:
        found = subprocess.run(
            [tool, "--list-gpus"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in found.stdout.splitlines())


@contextlib.contextmanager
def local(record: Path, offered: Machine, slots: int) -> Iterator[Path]:
    """A Ray cluster of this process's own; yields a scratch folder that lives as long as it.

    `offered` and `slots` units of the resource `SLOT` are what trials can take of it.
    `record` is a file in which the cluster's mark and folder stand while it lives, for `sweep`.
    Ray opens ports beyond the loopback interface: every connection needs a token, which is made
    here and lies in this process's environment only. Raises VentralError if this process uses Ray
    already.
    """
    import ray

    if ray.is_initialized():
        raise VentralError("this process is connected to Ray already; call ray.shutdown() first")
    mark = secrets.token_hex(8)
    scratch = Path(tempfile.mkdtemp(prefix="ventral-", dir=_short_root()))
    _write(record, {"mark": mark, "scratch": str(scratch), "driver": os.getpid()})
    settings = _SETTINGS | {
        MARK: mark,
        # With a token at hand ray.init turns authentication on; without one it would write its
        # own, readable by all, to the home directory. Ray reads the token once in a process's
        # life, so there is one for all our clusters.
        "RAY_AUTH_TOKEN": os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32),
    }
    # Ray sets the last one itself.
    before = {name: os.environ.get(name) for name in (*settings, "PYTHONBREAKPOINT")}
    os.environ.update(settings)
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(
            address="local",
            num_cpus=offered.cpus,
            num_gpus=offered.gpus,
            resources={SLOT: slots},
            include_dashboard=False,
            configure_logging=True,
            logging_level=logging.ERROR,
            log_to_driver=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=str(scratch / "ray"),
        )
        try:
            with _mute():
                yield scratch
        finally:
            ray.shutdown()
    finally:
        for name, value in before.items():
            if value is None and name != "RAY_AUTH_TOKEN":
                os.environ.pop(name, None)
            elif value is not None:
                os.environ[name] = value
        sweep(record)


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
        mark, scratch = str(found["mark"]), Path(found["scratch"])
    except (OSError, ValueError, KeyError, TypeError):
        record.unlink(missing_ok=True)
        return 0
    killed: set[int] = set()
    until = time.monotonic() + patience
    # A process that is being killed may just have started another one.
    while (left := marked(mark)) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.05)
    if scratch.name.startswith("ventral-"):
        shutil.rmtree(scratch, ignore_errors=True)
    record.unlink(missing_ok=True)
    return len(killed)


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
