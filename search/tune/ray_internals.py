"""Every use of a private interface of Ray that is not a subclass: what it does, and why.

Ray is pinned to a minor version (search/host/libraries.py); raising it means reading this module
and `loop.py` (the controller's subclass) against the new one: tests/test_private_names.py says
which names are gone. Ray is imported inside the functions, since loading it
takes seconds.

- `ray._raylet`: authentication is read once in a process's life (`reload_authentication`).
- `ray._private.ray_constants`: whether a loopback address is a node's (`only_loopback`).
- `ray._private.worker`: notices about lost workers that no setting turns off (`mute`).
- `JobConfig._py_driver_sys_path`: the driver's folders on workers' module path (`job_config`).
- `RayActorManager._actor_task_failed`: which losses of a worker Tune knows (`survivable`).
"""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any


def reload_authentication() -> None:
    """Make Ray read its authentication mode and token from the environment again."""
    native = importlib.import_module("ray._raylet")
    native.Config.initialize("")
    native.AuthenticationTokenLoader.instance().reset_cache()


@contextlib.contextmanager
def only_loopback() -> Iterator[None]:
    """Let Ray take 127.0.0.1 for this machine's address within the block.

    It reads its environment variable once in a process's life, and has another default on Linux.
    """
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextlib.contextmanager
def mute() -> Iterator[None]:
    """Keep Ray from printing notices about lost workers, which `log_to_driver` does not cover."""
    name = "_worker_logs_enabled"
    printer = importlib.import_module("ray._private.worker")
    before = getattr(printer, name, True)
    setattr(printer, name, False)
    try:
        yield
    finally:
        setattr(printer, name, before)


def job_config() -> Any:
    """A `JobConfig` whose workers look for no module in the driver's folders."""
    from ray.job_config import JobConfig

    class Job(JobConfig):  # type: ignore[misc]
        """Forgets the driver's module path when it is sent."""

        def _get_proto_job_config(self) -> Any:
            self._py_driver_sys_path.clear()
            return super()._get_proto_job_config()

    return Job()


@contextlib.contextmanager
def survivable() -> Iterator[None]:
    """Let Ray Tune handle every loss of a worker as one, within the block.

    Ray raises errors for lost workers that Tune does not know (for one that was ended because
    memory ran short, say), at which it would end the whole run.
    """
    from ray.air.execution._internal.actor_manager import RayActorManager
    from ray.exceptions import RayActorError, RayError, RayTaskError

    name = "_actor_task_failed"
    before = getattr(RayActorManager, name)

    def translate(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
        known = isinstance(exception, RayActorError | RayTaskError)
        if isinstance(exception, RayError) and not known:
            words = f"{type(exception).__name__}: {exception}"
            exception = RayActorError(actor_id=None, error_msg=words)
        before(self, tracked_actor_task, exception)

    setattr(RayActorManager, name, translate)
    try:
        yield
    finally:
        setattr(RayActorManager, name, before)
