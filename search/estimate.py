"""What a campaign will take, said before it starts: trials, epochs, time, with a range.

The time of an epoch is modelled by what the plan of a network's unroll leaves to be computed: so
many seconds an operation and so many a multiply-add. The two numbers are measured on this machine
by training a few networks of the space for some seconds, in as many processes as the campaign
will have trials at once (`workers.calibration`; the driver loads no torch), and kept. Networks
drawn from the space, and trainings that the scheduler stops early, make the range.

It is a forecast for networks drawn at random: a sampler that learns may come to prefer slower or
faster ones.
"""

import bisect
import hashlib
import json
import math
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from search.campaign import Budget, Campaign, Scheduler, control_runs, full_epochs
from search.home import Home, Process
from search.limits import fitted
from search.machine import Machine
from search.programs import python_command
from search.samplers.protocol import derive_seed
from space.errors import InputError, VentralError
from space.genome import Genome
from space.reduction import reduced
from space.space import Space
from space.unroll.plan import plan
from space.unroll.reads import parse_reads
from workers.job import Fidelity, Job, PackRef, Recipe

DRAWN, LEAST = 100, 12
"""Networks drawn to know the space: as many as SECONDS allow."""
SECONDS = 3.0
TIMED, TIMED_SECONDS, TIMED_LIMIT = 5, 0.5, 20.0
"""Networks that are trained to calibrate, for how long each, and when no more is begun."""
PROCESSES = 4
"""At most so many calibrate at once: from there on they hinder each other alike."""
PATIENCE = 180.0
"""Seconds that a calibration may take: a machine may be slow to load torch."""
CAMPAIGNS, PLAYED = 200, 2_000
"""Campaigns that are played through in mind, and trials of each: longer ones go on likewise."""
START_SECONDS = 8.0
"""Until the first trial is trained: Ray and the workers have to be started."""
TRIAL_SECONDS = 0.15
"""Between two trainings of a worker: the next job is handed over, the reports are written."""
ORDER_NOISE = 0.5
"""How much an early score says of a late one: noise over the spread between networks."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the model of an epoch's time looks at. `multiplies` is by image, in training.

    `cheaper` is the same for the epochs of less fidelity: until which, the part of the images, and
    both quantities.
    """

    operations: int
    multiplies: float
    document: dict[str, Any]
    recipe: dict[str, Any]
    cheaper: tuple[tuple[int, float, int, float], ...] = ()


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

    def epoch(self, network: Network) -> float:
        """Seconds of one full epoch of a network."""
        return self.operation * network.operations + self.multiply * network.multiplies

    def pieces(self, network: Network) -> list[tuple[float, float]]:
        """(until which epoch, seconds of each up to there) of a network's training, in order."""
        cheaper = [
            (float(until), images * (self.operation * operations + self.multiply * multiplies))
            for until, images, operations, multiplies in network.cheaper
        ]
        return [*cheaper, (math.inf, self.epoch(network))]


class Trainings:
    """How long trainings take, of any length: as many numbers as there are kinds of epochs."""

    def __init__(self, calibration: Calibration, networks: Sequence[Network]) -> None:
        pieces = [calibration.pieces(network) for network in networks]
        kinds = max(map(len, pieces))
        filled = [[*one, *[(math.inf, 0.0)] * (kinds - len(one))] for one in pieces]
        table = np.array(filled)  # networks, kinds, 2
        self.until, self.each = table[:, :, 0], table[:, :, 1]

    def seconds(self, which: Any, length: Any) -> Any:
        """Seconds of the first `length` epochs of the networks `which`, both by training."""
        total, before = np.zeros(len(length)), np.zeros(len(length))
        for kind in range(self.until.shape[1]):
            end = np.minimum(self.until[which, kind], length)
            total += np.maximum(end - before, 0.0) * self.each[which, kind]
            before = np.maximum(before, end)
        return total


@dataclass(frozen=True, kw_only=True)
class Range:
    """A quantity of which it is expected to be `likely`, and in 8 of 10 cases in between."""

    low: float
    likely: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Range":
        low, likely, high = np.percentile(values, [10, 50, 90])
        return cls(low=float(low), likely=float(likely), high=float(high))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a campaign is expected to take. `ends_by` is the part of the budget that ends it."""

    trials: Range
    epochs: Range
    seconds: Range
    device_hours: Range
    device: str
    slots: int
    ends_by: str
    networks: int

    def document(self) -> dict[str, Any]:
        """The estimate as JSON holds it."""
        return asdict(self)


def estimate(
    campaign: Campaign,
    space: Space,
    data: PackRef,
    home: Home,
    offered: Machine,
    *,
    calibration: Calibration | None = None,
) -> Estimate:
    """What `campaign` over `space` (for the images of `data`) will take on `offered`.

    Calibrates this machine unless that was done for such a campaign before, or a `calibration`
    is given. Raises VentralError if no network of the space can be timed.
    """
    slots = offered.slots(campaign.resources.cpus, campaign.resources.gpus)
    slots = max(1, min(slots, campaign.resources.concurrent or slots))
    networks = _drawn(campaign, space)
    if calibration is None:
        calibration = calibrated(campaign, space, networks, data, home, min(slots, PROCESSES))
    return forecast(campaign, full_epochs(campaign, space), networks, calibration, slots)


# ------------------------------------------------------------------------- the networks


def _drawn(campaign: Campaign, space: Space) -> list[Network]:
    """The controls that are to be trained, and networks drawn from the space.

    None is drawn where the controls use up the budget.
    """
    runs = control_runs(campaign, space)[: campaign.budget.trials]
    names = dict.fromkeys(name for name, _ in runs)  # each once, whatever its seeds are
    references = {name: _network(campaign, space.control(name)) for name in names}
    found = [references[name] for name, _ in runs]
    if len(found) == campaign.budget.trials:
        return found
    rng, until = random.Random(derive_seed(campaign.seed, "estimate")), time.monotonic() + SECONDS
    for drawn in range(DRAWN):
        if drawn >= LEAST and time.monotonic() > until:
            break
        try:
            found.append(_network(campaign, space.sample(rng)))
        except InputError:
            continue
    if not any(found):
        raise VentralError(f"no network of the space {space.name} can be drawn")
    return found


def _network(campaign: Campaign, sample: Any) -> Network:
    document = sample.genome.document()
    recipe = fitted(campaign, campaign.recipe.overlaid(sample.recipe), document)
    operations, multiplies = _work(sample.genome, recipe)
    return Network(
        operations=operations,
        multiplies=multiplies,
        document=document,
        recipe=recipe.model_dump(mode="json"),
        cheaper=tuple(
            (part.until, part.images, *_work(_reduced(sample.genome, part), recipe))
            for part in recipe.fidelity
        ),
    )


def _reduced(genome: Genome, part: Fidelity) -> Genome:
    return reduced(genome, size=part.size, steps=part.steps)


def _work(genome: Genome, recipe: Recipe) -> tuple[int, float]:
    """Operations of a network's training and multiply-adds by image."""
    planned = plan(genome, parse_reads(genome, "decoder"), training=True)
    return len(planned.operations), planned.planned_macs(recipe.batch_size)


# ------------------------------------------------------------------------- calibration


def calibrated(
    campaign: Campaign,
    space: Space,
    networks: Sequence[Network],
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
        "data": data.checksum,
        "processes": processes,
    }
    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]
    remembered = _remembered(home.calibrations)
    if key in remembered:
        return Calibration(**remembered[key])
    chosen = _chosen(networks)
    found = _fitted(chosen, _measured(chosen, data, campaign, processes), processes)
    home.ensure()
    partial = home.calibrations.with_suffix(f".{os.getpid()}.part")
    partial.write_text(json.dumps(_remembered(home.calibrations) | {key: asdict(found)}))
    partial.replace(home.calibrations)
    return found


def _remembered(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _chosen(networks: Sequence[Network]) -> list[Network]:
    """A few networks from end to end of both quantities, whatever they have to do with another."""
    by_size = sorted(networks, key=lambda one: (one.operations, one.multiplies))
    by_ratio = sorted(networks, key=lambda one: one.multiplies / max(one.operations, 1))
    places = [len(networks) * part // 20 for part in (1, 10, 19)]
    picked = [by_size[place] for place in places] + [by_ratio[0], by_ratio[-1]]
    return list({id(one): one for one in picked}.values())[:TIMED]


def _measured(
    chosen: Sequence[Network], data: PackRef, campaign: Campaign, processes: int
) -> dict[str, Any]:
    """What `processes` of workers.calibration say on average. Raises VentralError."""
    jobs = [
        Job.model_validate(
            {
                "genome": network.document,
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
            python_command("import workers.calibration; workers.calibration.main()"),
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
        {key: float(np.mean([one[key] for one in told])) for key in ("build", "epoch")}
        if all(told)
        else None
        for told in zip(*jobs_of, strict=True)
    ]
    return {"device": answers[0]["device"], "jobs": means}


def _fitted(chosen: Sequence[Network], told: dict[str, Any], processes: int) -> Calibration:
    """The two numbers that miss the measured times least, relatively; none below zero."""
    pairs = [(one, job) for one, job in zip(chosen, told["jobs"], strict=True) if job]
    if not pairs:
        raise VentralError("no network of the space could be trained for a moment to time it")
    epoch = np.array([job["epoch"] for _, job in pairs])
    facts = np.array([[one.operations, one.multiplies] for one, _ in pairs], dtype=float)
    best: tuple[float, Any] | None = None
    for used in ([0, 1], [0], [1]):
        scaled = facts[:, used] / epoch[:, None]
        found = np.linalg.lstsq(scaled, np.ones(len(pairs)), rcond=None)[0]
        numbers = np.zeros(2)
        numbers[used] = found
        missed = float(np.sum((facts @ numbers / epoch - 1) ** 2))
        if (found > 0).all() and (best is None or missed < best[0]):
            best = (missed, numbers)
    assert best is not None, "one positive quantity fits positive times by a positive number"
    logs = np.log(epoch / (facts @ best[1]))
    return Calibration(
        operation=float(best[1][0]),
        multiply=float(best[1][1]),
        # The first network that a process makes pays for torch's own start.
        build=float(np.median([job["build"] for _, job in pairs])),
        spread=float(np.std(logs)),
        device=told["device"],
        processes=processes,
    )


# ------------------------------------------------------------------------- the forecast


def forecast(
    campaign: Campaign,
    epochs: int,
    networks: Sequence[Network],
    calibration: Calibration,
    slots: int,
) -> Estimate:
    """Play the campaign through many times, with drawn networks and scores in random order."""
    budget, rng = campaign.budget, np.random.default_rng(campaign.seed)
    devices, played = campaign.resources.devices, min(campaign.budget.trials, PLAYED)
    trainings = Trainings(calibration, networks)
    runs = max(20, min(CAMPAIGNS, 40_000 // played))
    trials, trained, seconds, ends = [], [], [], []
    # How far a whole campaign may be off: the machine is not always equally busy.
    off = max(calibration.spread / math.sqrt(TIMED), 0.1)
    for _ in range(runs):
        speed = np.exp(rng.normal(0.0, off))
        which = rng.integers(len(networks), size=played)
        length = _lengths(campaign.scheduler, epochs, played, rng)
        noise = np.exp(rng.normal(0.0, calibration.spread, played)) * speed
        busy = trainings.seconds(which, length) * noise + calibration.build + TRIAL_SECONDS
        done, why = _ended(budget, busy, length, devices, slots)
        # The last trials do not end together.
        tail = float(busy[:done].mean()) / 2 if slots > 1 and done else 0.0
        trials.append(float(done))
        trained.append(_total(length, done))
        seconds.append(_total(busy, done))
        ends.append((why, START_SECONDS + seconds[-1] / slots + tail))
    walls = [min(wall, budget.seconds or wall) for _, wall in ends]
    names = [why for why, _ in ends]
    return Estimate(
        trials=Range.of(trials),
        epochs=Range.of(trained),
        seconds=Range.of(walls),
        device_hours=Range.of([one * devices / 3600 for one in seconds]),
        device=calibration.device,
        slots=slots,
        ends_by=max(sorted(set(names)), key=names.count),
        networks=len(networks),
    )


def _ended(budget: Budget, busy: Any, length: Any, devices: float, slots: int) -> tuple[int, str]:
    """After how many trials which part of the budget is used up.

    `busy` (seconds) and `length` (epochs) are those of the trials that were played; beyond them
    the campaign goes on at their mean.
    """
    caps = {
        "seconds": (START_SECONDS + np.cumsum(busy) / slots, budget.seconds),
        "device_hours": (np.cumsum(busy) * devices / 3600, budget.device_hours),
        "epochs": (np.cumsum(length), budget.epochs),
    }
    done, why = budget.trials, "trials"
    for name, (spent, cap) in caps.items():
        if cap is None:
            continue
        within = int(np.searchsorted(spent, cap, side="right"))
        if within == len(busy):
            within = int(within * cap / spent[-1])
        if within < done:
            done, why = within, name
    return done, why


def _total(values: Any, count: int) -> float:
    """The sum of the first `count` values, of which the later ones are as these are on average."""
    there = float(values[:count].sum())
    return there * (count / len(values)) if count > len(values) else there


def _lengths(settings: Scheduler, epochs: int, trials: int, rng: np.random.Generator) -> Any:
    """Epochs of each of `trials` trainings, the scheduler's early stops counted."""
    if settings.name == "fifo":
        return np.full(trials, epochs)
    if settings.name != "asha":
        # How many trainings it will stop is not known beforehand: none, all, or some.
        stopped = rng.random(trials) < rng.random()
        return np.where(stopped, settings.grace(epochs), epochs)
    quality = rng.normal(size=trials)
    brackets = [list(_rungs(settings, epochs, bracket)) for bracket in range(settings.brackets)]
    weights = np.array([len(rungs) + 1.0 for rungs in brackets])
    which = rng.choice(len(brackets), size=trials, p=weights / weights.sum())
    seen: list[dict[int, list[float]]] = [{rung: [] for rung in rungs} for rungs in brackets]
    lengths = np.full(trials, epochs)
    for trial in range(trials):
        for rung, scores in seen[which[trial]].items():
            score = quality[trial] + ORDER_NOISE * rng.normal()
            cut = _quantile(scores, 1 - 1 / settings.reduction_factor)
            bisect.insort(scores, score)
            if cut is not None and score < cut:
                lengths[trial] = rung
                break
    return lengths


def _rungs(settings: Scheduler, epochs: int, bracket: int) -> Iterator[int]:
    """The epochs after which ASHA compares, as Ray's does: from the grace period up."""
    factor, grace = settings.reduction_factor, settings.grace(epochs)
    last = int(math.log(epochs / grace) / math.log(factor) - bracket + 1)
    for rung in range(last):
        reached = math.ceil(grace * factor ** (rung + bracket))
        if reached < epochs:
            yield reached


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    """Of ascending values, between two of them in proportion; None of none."""
    if not ordered:
        return None
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
