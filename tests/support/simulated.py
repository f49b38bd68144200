"""Whole campaigns without training: a score by formula, a curve, noise, and the real decisions.

The space is `motifs-small`, whose choices are drawn by real samplers; epochs come one by one from
SLOTS workers, and the campaign's own early stopping judges each. What a network is worth is a sum
over its choices, best in the middle of ordered ones. A `World` says what is wrong with it.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from dashboards.frames import CHOICE
from dashboards.searched import Searched
from search import samplers
from search.campaign import Campaign, load_with_space
from search.early_stopping import judging
from search.review.evidence import Evidence, Trained
from search.review.verdicts import Comparison, correlate_ranks
from search.review.verdicts import judge as judge_pairs
from search.samplers.protocol import Outcome, Sampler
from search.store import Opening
from search.tune.rungs import Rungs
from space.choices.domains import Categorical, Parameter, Scalar, Uniform
from space.controls import MATCHES
from space.space import Space
from workers.job import Report

SLOTS = 4
IMAGES = 400


@dataclass(frozen=True, kw_only=True)
class World:
    """What is true of networks, and what goes wrong. The defaults are a healthy campaign.

    `spread` is the deviation of true scores around `middle`, of which none is better than
    `ceiling` spreads above it, `noise` that of the seed; `rate` the best learning rate and
    `rate_matters` how much a tenth or ten times of it costs, in spreads. `kernels` adds so many
    spreads to a network whose kernel from input to output is the largest. `crossing`: early
    scores fall as the final ones rise. `diverging`: trainings with a higher rate diverge.
    `missed` are choices that the sampler never makes otherwise. `refused`: the part that is over
    the memory limit, the networks with the largest kernels. `blind`: the sampler learns nothing.
    `losing`: the part of the trainings that lose a worker. `lead` is that of the best recurrent
    network over its matched controls, with certification.
    """

    trials: int = 240
    epochs: int = 9
    sampler: str = "evolution"
    scheduler: Mapping[str, Any] = field(
        default_factory=lambda: {"name": "asha", "grace_epochs": 2, "reduction_factor": 3}
    )
    middle: float = 0.6
    spread: float = 0.06
    ceiling: float = 2.5
    noise: float = 0.01
    rate: float = 4e-3
    rates: tuple[float, float] = (1e-3, 1e-2)
    rate_matters: float = 2.0
    kernels: float = 0.0
    crossing: bool = False
    diverging: float = math.inf
    missed: Mapping[str, Scalar] = field(default_factory=dict)
    refused: float = 0.0
    blind: bool = False
    losing: float = 0.0
    split: str = "validation"
    openings: int = 1
    certified: bool = True
    lead: float | None = 0.04


@dataclass
class _Training:
    number: int
    choices: dict[str, Scalar]
    truth: float
    curve: list[float]
    seconds: float
    row: dict[str, Any]


def search(world: World, seed: int) -> Searched:
    """What became of a campaign in a world; the same from the same seed."""
    campaign, space = _load(world)
    return _Simulation(world, campaign, space, seed).run()


def _load(world: World) -> tuple[Campaign, Space]:
    space = Space.load("motifs-small").document()
    space["recipe"]["learning_rate"]["loguniform"] = list(world.rates)
    loaded = load_with_space(
        {
            "name": "simulated",
            "space": space,
            "data": {"name": "digits"},
            "recipe": {"epochs": world.epochs},
            "sampler": {"name": world.sampler},
            "scheduler": dict(world.scheduler),
            "budget": {"trials": world.trials},
        }
    )
    return loaded.campaign, loaded.space


def _lighten(space: Space) -> Any:
    """The space as samplers see it, without the genomes that nobody trains here."""
    opened = space.opened

    def sample(choices: Mapping[str, Scalar]) -> Any:
        return SimpleNamespace(choices=dict(choices))

    return SimpleNamespace(
        parameters=space.parameters,
        close=sample,
        mutate=lambda one, rng: sample(opened.mutate(one.choices, rng)),
        cross=lambda a, b, rng: sample(opened.cross(a.choices, b.choices, rng)),
    )


class _Simulation:
    """One campaign from its first trial to its last."""

    def __init__(self, world: World, campaign: Campaign, space: Space, seed: int) -> None:
        self._world, self._campaign, self._space, self._seed = world, campaign, space, seed
        self._rng = random.Random(f"simulated {seed}")
        name = "random" if world.blind else world.sampler
        self._sampler: Sampler = samplers.make(name, _lighten(space), seed)
        self._judge = judging.make(campaign.scheduler, world.epochs, seed, Rungs, guess=0.1)
        self._weights: dict[str, float] = {}
        self._scale = self._measure_scale()
        self._rows: list[dict[str, Any]] = []
        self._reports: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def run(self) -> Searched:
        """The campaign, as a store would give it."""
        running: list[tuple[float, int, _Training]] = []
        now, trained = 0.0, 0
        while True:
            while len(running) < SLOTS and trained < self._world.trials:
                started = self._start(now)
                if started is None:
                    continue
                trained += 1
                heapq.heappush(running, (now + started.seconds, started.number, started))
            if not running:
                break
            now, number, training = heapq.heappop(running)
            if self._end_epoch(training, now):
                continue
            heapq.heappush(running, (now + training.seconds, number, training))
        return self._collect(now)

    # ------------------------------------------------------------------ networks

    def _measure_scale(self) -> tuple[float, float]:
        """The mean and the deviation of the raw worth of random networks."""
        rng = random.Random(f"scale {self._seed}")
        drawn = [self._space.opened.sample(rng) for _ in range(200)]
        raw = [self._sum_effects(choices) for choices in drawn]
        return float(np.mean(raw)), float(np.std(raw))

    def _sum_effects(self, choices: Mapping[str, Scalar]) -> float:
        total = 0.0
        for parameter in self._space.parameters:
            if parameter.path in choices and parameter.path != "learning_rate":
                total += self._effect(parameter, choices[parameter.path])
        return total

    def _effect(self, parameter: Parameter, value: Scalar) -> float:
        """Of one choice; among three numbers the middle one is best."""
        key = f"{parameter.path}={value}"
        if key not in self._weights:
            rng = random.Random(f"{self._seed} {key}")
            domain = parameter.domain
            weight = 0.0 if isinstance(domain, Uniform) else rng.gauss(0.0, 1.0)
            if isinstance(domain, Categorical) and len(domain.options) > 2:
                place = domain.options.index(value)
                weight = (1.0 if place == 1 else 0.0) + 0.1 * weight
            self._weights[key] = weight
        return self._weights[key]

    def _truth(self, choices: Mapping[str, Scalar]) -> float:
        world, (mean, deviation) = self._world, self._scale
        place = (self._sum_effects(choices) - mean) / deviation
        away = math.log10(float(choices["learning_rate"] or 1.0) / world.rate)
        place -= world.rate_matters * away**2
        kernel = float(choices.get("input->out.kernel") or 1)
        place += world.kernels * (kernel - 1) / 4
        if place > 0:
            place = world.ceiling * (1 - math.exp(-place / world.ceiling))
        return world.middle + world.spread * place

    # ------------------------------------------------------------------ trials

    def _ask(self) -> dict[str, Scalar]:
        choices = dict(self._sampler.ask())
        for path, value in self._world.missed.items():
            if path in choices:
                changed = {**choices, path: value}
                choices = dict(self._space.opened.complete(changed, self._rng))
        return choices

    def _start(self, now: float) -> _Training | None:
        """The next trial; None of one that may not be trained."""
        world, rng, number = self._world, self._rng, len(self._rows)
        choices = self._ask()
        row = self._new_row(number, choices)
        self._rows.append(row)
        if world.refused and _size_kernels(choices) > _KERNELS_OF_PART[world.refused]:
            row["status"] = "infeasible"
            row["reason"] = "9.1 GiB of memory, over limits.memory of 8 GiB"
            self._sampler.tell(choices, Outcome(reason="infeasible"))
            return None
        truth = self._truth(choices)
        curve = list(self._draw_curve(truth))
        if rng.random() < world.losing:
            row["attempts"] += 1
            detail = {"trial": number, "cause": "node", "epochs": 1, "error": "NodeDiedError"}
            self._events.append({"at": now, "kind": "worker lost", "detail": detail})
        return _Training(number, choices, truth, curve, rng.uniform(4.0, 8.0), row)

    def _draw_curve(self, truth: float) -> Iterator[float]:
        world, rng = self._world, self._rng
        final = truth + rng.gauss(0.0, world.noise)
        speed = rng.uniform(3.0, 4.0)
        for epoch in range(1, world.epochs + 1):
            part = epoch / world.epochs
            risen = (1 - math.exp(-speed * part)) / (1 - math.exp(-speed))
            score = final * risen
            if world.crossing:
                # The best begin last: half way they have all come equally far.
                score = world.middle * risen + (final - world.middle) * (2 * part - 1)
            score += rng.gauss(0.0, world.noise * (1 - part))
            yield round(min(max(score, 0.05), 1.0) * IMAGES) / IMAGES

    def _end_epoch(self, training: _Training, now: float) -> bool:
        """One more epoch has ended: whether the trial has with it."""
        row, world = training.row, self._world
        epoch = row["epochs"] + 1
        row["seconds"] += training.seconds
        if float(training.choices["learning_rate"] or 0.0) > world.diverging:
            row.update(status="failed", reason="diverged: loss is nan at epoch 1, step 17")
            self._tell(training, Outcome(reason="failed"))
            return True
        top1 = training.curve[epoch - 1]
        row.update(epochs=epoch, top1=top1, best=max(top1, row["best"] or 0.0))
        report = Report(
            epoch=epoch, top1=top1, top5=1.0, loss=1.0, train_loss=1.0,
            accuracy_by_step=(), seconds=row["seconds"], memory_mb=200.0,
        )  # fmt: skip
        self._reports.append({"trial": training.number, **report.model_dump()})
        stops = self._judge.remember(training.number, report)
        if not stops and epoch < world.epochs:
            return False
        row["status"] = "finished" if epoch == world.epochs else "pruned"
        row["ended"] = now
        outcome = Outcome(score=top1, fidelity=epoch / world.epochs)
        self._tell(training, outcome)
        return True

    def _tell(self, training: _Training, outcome: Outcome) -> None:
        self._sampler.tell(training.choices, outcome)

    def _new_row(self, number: int, choices: Mapping[str, Scalar]) -> dict[str, Any]:
        feedback = choices["conv3->conv2"]
        return {
            **{"trial": number, "cell": f"cell-{number}", "status": "waiting", "reason": None},
            **{"recurrent": "both" if feedback else "local", "split": self._world.split},
            **{"top1": math.nan, "best": math.nan, "top5": 1.0, "loss": 1.0, "epochs": 0},
            **{"parameters": 10_000, "macs": 10**6, "seconds": 0.0, "memory_mb": 200.0},
            **{"origin": self._world.sampler, "control": None, "family": None, "winner": None},
            **{"digest": f"{number:016x}", "seed": 0, "attempts": 1, "suggested": number},
            **{"arrived": number, "created": 0.0, "started": 0.0, "ended": 0.0},
            **{CHOICE + path: value for path, value in choices.items()},
        }

    # ------------------------------------------------------------------ the whole

    def _collect(self, now: float) -> Searched:
        columns = ["trial", "epoch", "top1", "top5", "loss", "train_loss", "seconds", "memory_mb"]
        looked = Opening(
            at=now, who="a@b", command="ventral certify", networks=("trial-1",), split="test"
        )
        searched = Searched(
            id="simulate",
            name="simulated",
            state="finished",
            reason=None,
            settings=self._campaign,
            space=self._space,
            data={"split": self._world.split, "counts": {self._world.split: IMAGES}},
            seconds=now,
            trials=pd.DataFrame(self._rows).astype({"control": "str", "digest": "str"}),
            reports=pd.DataFrame(self._reports, columns=columns),
            steps=pd.DataFrame(columns=["trial", "epoch", "step", "accuracy"]),
            events=pd.DataFrame(self._events, columns=["at", "kind", "detail"]),
            openings=(looked,) * self._world.openings,
        )
        return replace(searched, evidence=self._certify(searched))

    def _certify(self, searched: Searched) -> Evidence | None:
        """The three best from five seeds, beside matched controls where there is a lead."""
        world, rng = self._world, self._rng
        if not world.certified:
            return None
        whole = searched.trials[searched.trials["status"] == "finished"]
        networks, pairs, seeds = [], [], tuple(range(5))
        for _, trial in whole.nlargest(3, "top1").iterrows():
            name = f"trial-{trial['trial']}"
            truth = self._truth({p: trial[CHOICE + p] for p in _chosen(self._space, trial)})
            scores = {seed: truth + rng.gauss(0.0, world.noise) for seed in seeds}
            networks.append(_trained(name, "winner", name, scores))
            for match in MATCHES if world.lead is not None else ():
                lead = world.lead or 0.0
                others = {seed: truth - lead + rng.gauss(0.0, world.noise) for seed in seeds}
                networks.append(_trained(f"{name}-{match}", match, name, others))
                pairs.append(Comparison(winner=name, against=match, scores=scores, others=others))
        return Evidence(
            campaign="certified",
            seeds=seeds,
            selected_on_test=world.split == "test",
            networks=tuple(networks),
            verdicts=tuple(judge_pairs(pairs)),
            leads=(),
            ranks=correlate_ranks([], []),
        )


def _trained(name: str, family: Any, winner: str, scores: Mapping[int, float]) -> Trained:
    recurrent: Any = "both" if family == "winner" else "none"
    return Trained(
        name=name, family=family, winner=winner, recurrent=recurrent, parameters=10_000,
        macs=10**6, rate=4e-3, scores=scores,
    )  # fmt: skip


def _chosen(space: Space, trial: pd.Series) -> list[str]:
    """The choices that a trial made."""
    columns = {p.path: CHOICE + p.path for p in space.parameters}
    return [path for path, name in columns.items() if name in trial and pd.notna(trial[name])]


def _size_kernels(choices: Mapping[str, Scalar]) -> float:
    """The mean of its kernels, from 0 (all of one pixel) to 1."""
    sizes = [float(v or 0) for path, v in choices.items() if path.endswith(".kernel")]
    largest = [3.0 if "feedback" in path else 5.0 for path in choices if path.endswith(".kernel")]
    return float(
        np.mean([(a - 1) / (b - 1) for a, b in zip(sizes, largest, strict=True)] or [0.5])
    )


_KERNELS_OF_PART = {0.7: 0.4}
"""By the part that is refused: the size of kernels (`_size_kernels`) above which it is."""
