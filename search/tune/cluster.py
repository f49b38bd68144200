"""Where trials run: a private Ray cluster on this machine, or a running one; no trace of it after.

`local` starts a cluster for the time of a `with` block, `join` uses a running one for that time
and leaves it running; both yield the `Ground`. What a killed driver leaves is ended by another
(remains.py). Ray's processes are recognised by a mark in their environment, never by name: other
clusters on the machine are not touched.

This module knows resources and processes. It knows no campaigns, trials or samplers.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from search.host.machine import Machine
from search.host.ports import LOOPBACK
from search.tune import access
from search.tune.joining import answers, check_written, connect, gcs_address, nodes
from search.tune.ray_internals import mute, only_loopback
from search.tune.remains import (
    MARK,
    PRIVATE,
    Remains,
    find_marked,
    new_mark,
    scratch_root,
    sweep_forgotten,
)
from search.tune.session import (
    SETTINGS,
    arguments,
    disconnect,
    first_line,
    refuse_second,
)
from space.errors import VentralError

SLOT = "slot"
"""A resource of which every trial takes one, so that no more run at once than were asked for."""

CLUSTER_PATIENCE = 30.0
"""Seconds for which a running cluster's head may not answer. Ray itself gives up after 60."""

OBJECT_STORE_BYTES = 100 * 1024**2  # results are small: nothing of ours lies in the object store


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where trials run, for as long as its `with` block.

    `machines` are its nodes, `resources` is what a trial takes of it besides cores and GPUs,
    `place` the name of a cluster of others, `remains` what has to be ended if the block is never
    left.
    """

    machines: tuple[Machine, ...]
    remains: Remains
    resources: Mapping[str, float]
    place: str | None = None

    @property
    def scratch(self) -> Path:
        """A folder for what Ray writes."""
        return self.remains.scratch


@contextlib.contextmanager
def local(
    record: Path, offered: Machine, slots: int, on_loss: Callable[[VentralError], None]
) -> Iterator[Ground]:
    """A Ray cluster of this process's own.

    `offered` and `slots` units of the resource `SLOT` are what trials can take of it.
    `record` is a file in which the cluster's mark and folder stand while it lives, for
    `remains.sweep`. `on_loss` is called, from a thread, if the cluster breaks down; Ray would end
    this process, but only after a minute. The cluster listens on the loopback interface, and every
    connection needs a token, which is made here and lies in the environment of this process and
    its children only. Raises VentralError if this process uses Ray already, if Ray does not start,
    or if it admits a user without a token.
    """
    import ray

    refuse_second()
    sweep_forgotten()
    mark = new_mark()
    remains = Remains.create(record, scratch_root(), mark)
    private: dict[str, str | None] = {**SETTINGS, MARK: mark, PRIVATE: "1", _CLUSTERS: "0"}
    try:
        with access.environment(private | access.private_token_settings()), only_loopback():
            try:
                ray.init(
                    address="local",
                    num_cpus=offered.cpus,
                    num_gpus=offered.gpus,
                    resources={SLOT: slots},
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    _temp_dir=str(remains.scratch / "ray"),
                    _node_ip_address=LOOPBACK,
                    **arguments({}),
                )
            except Exception as error:
                raise VentralError(
                    f"Ray did not start on this machine: {first_line(error)}"
                ) from error
            ground = Ground(machines=(offered,), remains=remains, resources={SLOT: 1})
            yield from _hold(ground, _Watch(lambda: _complete(mark), 1, on_loss), _check_closed)
    finally:
        remains.end()
        remains.forget(record)


@contextlib.contextmanager
def join(
    address: str,
    record: Path,
    folder: Path,
    on_loss: Callable[[VentralError], None],
    storage: str | None = None,
) -> Iterator[Ground]:
    """A running Ray cluster: its nodes, as far as trials can run on them.

    `address` is as in `connect`. `folder` is where trials write, and has to be the same one on
    every node, unless they write to the URL of a `storage`, which every node has to reach;
    `record` and `on_loss` are as in `local`. The cluster runs on afterwards, with nothing of ours
    on it. Raises InputError if the cluster cannot be used.
    """
    with connect(address):
        machines = nodes(address)
        remains = Remains.create(record, folder, None)
        try:
            check_written(remains.scratch if storage is None else storage, address)
            gcs = gcs_address()
            ground = Ground(machines=machines, remains=remains, resources={}, place=f"ray {gcs}")
            yield from _hold(ground, _Watch(lambda: answers(gcs), CLUSTER_PATIENCE, on_loss))
        finally:
            remains.end()
            remains.forget(record)


_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where this is off, Ray takes 127.0.0.1 for a node's address and listens nowhere else."""


def _check_closed() -> None:
    """Refuse to go on with a cluster of our own that admits a user without a token."""
    if (answer := access.probe(gcs_address(), access.STRANGER)) != "refused":
        raise VentralError(
            f"the Ray cluster of this campaign is {answer} to a stranger without a token; no "
            "trial was started on it. Remove the RAY_* variables from the environment"
        )


# ------------------------------------------------------------------------------- its health


class _Watch(threading.Thread):
    """Asks every second whether a cluster is `well`, and calls `on_loss` if it is not for long."""

    def __init__(
        self, well: Callable[[], bool], patience: float, on_loss: Callable[[VentralError], None]
    ) -> None:
        """`patience` is in seconds."""
        super().__init__(name="ray-watch", daemon=True)
        self._well, self._patience, self._on_loss = well, patience, on_loss
        self._over = threading.Event()

    def run(self) -> None:
        answered_at = time.monotonic()
        while not self._over.wait(1.0):
            if self._well():
                answered_at = time.monotonic()
            elif time.monotonic() - answered_at > self._patience:
                self._on_loss(ClusterLost("the Ray cluster broke down; everything is kept"))
                return

    def end(self) -> None:
        self._over.set()


class ClusterLost(VentralError):
    """The Ray cluster broke down while trials ran on it."""


def _hold(
    ground: Ground, watch: _Watch, check: Callable[[], None] = lambda: None
) -> Iterator[Ground]:
    """The ground, watched, once `check` has let it pass."""
    watch.start()
    try:
        with mute():
            check()
            yield ground
    finally:
        watch.end()
        disconnect()


def _complete(mark: str) -> bool:
    """Whether the two processes run without which no cluster works."""
    names = set()
    for pid in find_marked(mark):
        with contextlib.suppress(psutil.Error):
            names.add(psutil.Process(pid).name())
    return {"gcs_server", "raylet"} <= names
