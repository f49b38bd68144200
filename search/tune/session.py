"""What every use of Ray by a driver has in common: quiet, with the driver's code and no other.

Ray adds the driver's current folder to its workers' module path, before everything else. Here it
is left out, and workers load our packages before anything is unpickled: a folder of the user's
that is called `workers`, or `torch`, is not loaded.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from search.host.programs import make_pin
from search.tune.ray_internals import job_config
from space.errors import VentralError

SHUTDOWN_PATIENCE = 5.0
"""Seconds for leaving a cluster."""

SETTINGS = {
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
    "PYTHONSAFEPATH": "1",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": str(10**9),
}
FOR_WORKERS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAY_CHDIR_TO_TRIAL_DIR")
_QUIETLY: dict[str, Any] = {
    "configure_logging": True,
    "logging_level": logging.ERROR,
    "log_to_driver": False,
}


def refuse_second() -> None:
    """Raise VentralError if this process uses Ray already."""
    import ray

    if ray.is_initialized():
        raise VentralError("this process is connected to Ray already; call ray.shutdown() first")


def arguments(variables: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of `ray.init`; `variables` are for the environment of workers."""
    runtime = {"env_vars": dict(variables), "worker_process_setup_hook": make_pin()}
    return {"job_config": job_config(), "runtime_env": runtime, **_QUIETLY}


def disconnect() -> None:
    """Leave a cluster. If it is gone, Ray may never come back from that: then without waiting."""
    import ray

    leaving = threading.Thread(target=ray.shutdown, name="ray-shutdown", daemon=True)
    leaving.start()
    leaving.join(SHUTDOWN_PATIENCE)


def first_line(error: Exception) -> str:
    """What an exception says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
