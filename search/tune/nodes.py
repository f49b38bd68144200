"""A Ray cluster of several nodes on this one machine, to try out what happens when one is lost.

Tests and `ventral drill` start one; it is reached as any running cluster is (cluster.py).
Every node has its own temporary folder, and its processes a mark in their environment by which
they are ended. The cluster has a token of its own, which lies in this process's memory only.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType

import psutil

from search.host.ports import LOOPBACK, free_port, http_address
from search.host.tokens import TOKEN
from search.tune import access
from search.tune.cluster import OBJECT_STORE_BYTES
from search.tune.remains import MARK, PREFIX, find_marked, new_mark, scratch_root
from space.errors import VentralError

START_SECONDS = 180.0
"""Starting a node takes some ten seconds on a quiet machine."""

EMPTY: Mapping[str, float] = MappingProxyType({})

_HASTE = {
    # A node that went is missed after 3 s instead of 15.
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_USAGE_STATS_ENABLED": "0",
    "OMP_NUM_THREADS": "1",
}


class Nodes:
    """A head without cores and some nodes with them, as a context manager.

    `address` is the head's, `environment` what a process needs besides its own to reach it. With
    `jobs` the head has cores as well, and answers as a job API at `jobs_address`.
    """

    def __init__(self, nodes: int = 2, cpus: int = 1, *, jobs: bool = False) -> None:
        self._wanted, self._cpus, self._jobs = nodes, cpus, jobs
        self._token = secrets.token_hex(32)
        self._marks: dict[str, str] = {}
        self._folder = scratch_root() / f"{PREFIX}{secrets.token_hex(4)}"
        self.environment = {access.MODE: "token", TOKEN: self._token}
        self.address, self.jobs_address = "", ""

    def __enter__(self) -> Nodes:
        self._folder.mkdir(mode=0o700)
        try:
            self.start_head()
            started = [self._begin(f"node{number}") for number in range(self._wanted)]
            for finish in started:
                finish()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in self.names:
            self.kill(name)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def names(self) -> list[str]:
        """Of the nodes that were started: `head`, `node0`, ..."""
        return list(self._marks)

    def start_head(self) -> None:
        """Start a head at a new address. Nodes of an earlier head are not its nodes."""
        port = free_port()
        self.address = f"{LOOPBACK}:{port}"
        options = ["--head", f"--port={port}", f"--include-dashboard={self._jobs}"]
        if self._jobs:
            dashboard = free_port()
            self.jobs_address = http_address(LOOPBACK, dashboard)
            options += [f"--dashboard-host={LOOPBACK}", f"--dashboard-port={dashboard}"]
        self._begin("head", *options, cpus=self._cpus if self._jobs else 0)()

    def start(
        self,
        name: str,
        wrapper: Sequence[str] = (),
        *,
        cpus: int | None = None,
        gpus: int = 0,
        resources: Mapping[str, float] = EMPTY,
    ) -> None:
        """Start one more node, by a `wrapper` command that runs what stands after it.

        It declares `gpus` and further `resources`, whether the machine has them or not.
        """
        self._begin(name, cpus=cpus, wrapper=wrapper, gpus=gpus, resources=resources)()

    def processes(self, name: str) -> list[int]:
        """The live processes of a node, its workers among them."""
        return find_marked(self._marks[name])

    def kill(self, name: str) -> None:
        """End a node as a loss of power would: all of it at once, by SIGKILL."""
        until = time.monotonic() + 10.0
        # A process that is being killed may just have started another one.
        while (pids := self.processes(name)) and time.monotonic() < until:
            # The node's own processes first: they would report the end of its workers.
            for pid in sorted(pids, key=_is_worker):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        del self._marks[name]

    def _begin(
        self,
        name: str,
        *options: str,
        cpus: int | None = None,
        wrapper: Sequence[str] = (),
        gpus: int = 0,
        resources: Mapping[str, float] = EMPTY,
    ) -> Callable[[], None]:
        """Begin to start a node; the function that is returned waits until it runs."""
        self._marks[name] = new_mark()
        folder = self._folder / f"{name}-{self._marks[name][:4]}"
        command = [
            *wrapper,
            *(sys.executable, "-P", "-m", "ray.scripts.scripts", "start"),
            *(options or (f"--address={self.address}",)),
            f"--temp-dir={folder}",
            f"--num-cpus={self._cpus if cpus is None else cpus}",
            f"--num-gpus={gpus}",
            f"--resources={json.dumps(dict(resources))}",
            f"--node-ip-address={LOOPBACK}",
            f"--object-store-memory={OBJECT_STORE_BYTES}",
            # Ray's own number for it is that of every Ray on the machine: a head whose agent finds
            # it taken goes on without, and never takes a job.
            "--dashboard-agent-listen-port=0",
            "--disable-usage-stats",
        ]
        # A job's command is looked for where this process finds its own.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        own = {MARK: self._marks[name], "PATH": path}
        process = subprocess.Popen(
            command,
            env=os.environ | _HASTE | self.environment | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

        def finish() -> None:
            try:
                output, _ = process.communicate(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            if process.returncode != 0:
                raise VentralError(f"a node of Ray did not start: {output.strip()[-400:]}")

        return finish


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).name().startswith("ray::")
    return True
