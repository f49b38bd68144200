"""How fast this machine trains the networks of a space: measured once, then remembered.

So many seconds an operation of a plan and so many a multiply-add: the two numbers are fitted to a
few networks, trained for some seconds in as many processes as a campaign has trials at once
(`workers.calibration`; the driver loads no torch).
"""

import hashlib
import json
import math
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from search.campaign import Campaign
from search.forecast.networks import NetworkWork
from search.host.home import Home, Process
from search.host.programs import python_command
from space.errors import VentralError
from space.space import Space
from workers import files
from workers.job import Job, PackRef

TIMED, TIMED_SECONDS, TIMED_LIMIT = 5, 0.5, 20.0
"""Networks that are trained to calibrate, for how long each, and when no more is begun."""
PATIENCE = 180.0
"""Seconds that a calibration may take: a machine may be slow to load torch."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Seconds of an epoch by operation and by multiply-add, of making a network, on `device`.

    `spread` is the standard deviation of the logarithm of measured over modelled time.
    """

    operation: float
    multiply: float
    build: float
    spread: float
    device: str
    processes: int

    def epoch(self, network: NetworkWork) -> float:
        """Seconds of one full epoch of a network."""
        return self.operation * network.operations + self.multiply * network.multiplies

    def pieces(self, network: NetworkWork) -> list[tuple[float, float]]:
        """(until which epoch, seconds of each up to there) of a network's training, in order."""
        cheaper = [
            (float(until), images * (self.operation * operations + self.multiply * multiplies))
            for until, images, operations, multiplies in network.cheaper
        ]
        return [*cheaper, (math.inf, self.epoch(network))]


def calibrate(
    campaign: Campaign,
    space: Space,
    networks: Sequence[NetworkWork],
    data: PackRef,
    home: Home,
    processes: int,
) -> Calibration:
    """How fast this machine trains the space's networks: measured once, then remembered."""
    question = {
        "machine": Process.current().machine,
        "torch": version("torch"),
        "space": space.document(),
        "recipe": campaign.recipe.model_dump(mode="json", exclude={"epochs", "learning_rate"}),
        "resources": campaign.resources.model_dump(mode="json"),
        "limits": campaign.limits.model_dump(mode="json", include={"memory", "over_memory"}),
        "data": data.checksum,
        "processes": processes,
    }
    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]
    remembered = _remembered(home.calibrations)
    if key in remembered:
        return Calibration(**remembered[key])
    chosen = _chosen(networks)
    calibration = fit(chosen, _measured(chosen, data, campaign, processes), processes)
    home.ensure()
    content = _remembered(home.calibrations) | {key: asdict(calibration)}
    files.replace(home.calibrations, json.dumps(content).encode())
    return calibration


def _remembered(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text())
        return kept if isinstance(kept, dict) else {}
    except (OSError, ValueError):
        return {}


def _chosen(networks: Sequence[NetworkWork]) -> list[NetworkWork]:
    """A few networks from end to end of both quantities, whatever they have to do with another."""
    by_size = sorted(networks, key=lambda one: (one.operations, one.multiplies))
    by_ratio = sorted(networks, key=lambda one: one.multiplies / max(one.operations, 1))
    places = [len(networks) * part // 20 for part in (1, 10, 19)]
    picked = [by_size[place] for place in places] + [by_ratio[0], by_ratio[-1]]
    return list({id(one): one for one in picked}.values())[:TIMED]


def _measured(
    chosen: Sequence[NetworkWork], data: PackRef, campaign: Campaign, processes: int
) -> dict[str, Any]:
    """What `processes` of workers.calibration say on average. Raises VentralError."""
    jobs = [
        Job.model_validate(
            {
                "genome": network.genome,
                # Compiling takes longer than a calibration may, and is worth it later only.
                "recipe": network.recipe | {"compile": "never"},
                "data": data,
                "seed": campaign.seed,
                "folder": "",
            }
        ).model_dump(mode="json")
        for network in chosen
    ]
    question = json.dumps({"jobs": jobs, "seconds": TIMED_SECONDS, "limit": TIMED_LIMIT})
    hidden = {} if campaign.resources.gpus else {"CUDA_VISIBLE_DEVICES": ""}
    environment = os.environ | hidden | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        with subprocess.Popen(
            python_command("from ventral.workers.calibration import main; main()"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        ) as worker:
            try:
                answers.append(json.loads(worker.communicate(question, PATIENCE)[0]))
            except (subprocess.TimeoutExpired, ValueError):
                worker.kill()

    threads = [threading.Thread(target=ask) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not answers:
        raise VentralError("this machine could not be calibrated: no worker answered")
    jobs_of = [answer["jobs"] for answer in answers]
    means = [
        {key: float(np.mean([one[key] for one in measured])) for key in ("build", "epoch")}
        if all(measured)
        else None
        for measured in zip(*jobs_of, strict=True)
    ]
    return {"device": answers[0]["device"], "jobs": means}


def fit(chosen: Sequence[NetworkWork], measured: dict[str, Any], processes: int) -> Calibration:
    """The two numbers that miss the measured times least, relatively; none below zero."""
    pairs = [(one, job) for one, job in zip(chosen, measured["jobs"], strict=True) if job]
    if not pairs:
        raise VentralError("no network of the space could be trained for a moment to time it")
    epoch = np.array([job["epoch"] for _, job in pairs])
    facts = np.array([[one.operations, one.multiplies] for one, _ in pairs], dtype=float)
    best: tuple[float, Any] | None = None
    for used in ([0, 1], [0], [1]):
        scaled = facts[:, used] / epoch[:, None]
        fitted = np.linalg.lstsq(scaled, np.ones(len(pairs)), rcond=None)[0]
        numbers = np.zeros(2)
        numbers[used] = fitted
        missed = float(np.sum((facts @ numbers / epoch - 1) ** 2))
        if (fitted > 0).all() and (best is None or missed < best[0]):
            best = (missed, numbers)
    assert best is not None, "one positive quantity fits positive times by a positive number"
    logs = np.log(epoch / (facts @ best[1]))
    return Calibration(
        operation=float(best[1][0]),
        multiply=float(best[1][1]),
        # The first network that a process makes pays for torch's own start.
        build=float(np.median([job["build"] for _, job in pairs])),
        spread=float(np.std(logs)),
        device=measured["device"],
        processes=processes,
    )
