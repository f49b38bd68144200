"""How fast this machine trains: a process of its own that times a few networks and says so.

`main()` reads one JSON document from stdin, {"jobs": [Job, ...], "seconds": for a job, "limit":
seconds for all}, and writes one to stdout, {"device": its name, "jobs": [{"build": seconds,
"epoch": seconds}, ...]}: what making the network took, and what an epoch would take. A job that
cannot be run, or for which no time was left, is null. search/forecast starts it in a process,
because the driver itself never loads torch.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from space.errors import VentralError
from workers.job import Job
from workers.training import Trainer


def calibrate(jobs: list[Job], seconds: float, limit: float) -> dict[str, Any]:
    """Time every job for about `seconds`; see the module for the answer."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    end = time.perf_counter() + limit
    times = [None if time.perf_counter() > end else _time_job(job, seconds) for job in jobs]
    return {"device": device, "jobs": times}


def _time_job(job: Job, seconds: float) -> dict[str, float] | None:
    start = time.perf_counter()
    try:
        trainer = Trainer(job)
        with tempfile.TemporaryDirectory() as folder:
            trainer.save(Path(folder))
        build = time.perf_counter() - start
        return {"build": build, "epoch": trainer.epoch_seconds(seconds)}
    except (VentralError, RuntimeError, MemoryError):
        return None


def main() -> None:
    """Answer the question on stdin."""
    question = json.load(sys.stdin)
    jobs = [Job.model_validate(job) for job in question["jobs"]]
    answer = calibrate(jobs, float(question["seconds"]), float(question["limit"]))
    json.dump(answer, sys.stdout)
