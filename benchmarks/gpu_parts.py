"""The parts of benchmarks/gpu.py. Each measures, and raises NotPassedError for what may not be."""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "models" / "golden"
STAND_IN = "VENTRAL_STAND_IN"
"""Set where a CPU stands in for the GPU, for the tests with the mark `gpu`."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How large the parts are: `small` where a CPU stands in."""

    device: str
    small: bool

    def pick(self, large: Any, small: Any) -> Any:
        """One of the two."""
        return small if self.small else large


class NotPassedError(Exception):
    """A part measured something that should not be; its numbers are kept."""

    def __init__(self, words: str, numbers: dict[str, Any]) -> None:
        super().__init__(words)
        self.numbers = numbers


def parity(scale: Scale) -> dict[str, Any]:
    """Relative errors of logits in float32: of the golden networks, and of models of the zoo."""
    import torch

    from models.build import build
    from workers.reference.comparison import error, to_numpy, to_torch
    from workers.reference.files import entries, generate_images, read_arrays, read_json
    from workers.reference.networks import published_network

    errors: dict[str, float] = {}
    chosen = scale.pick(None, ("rgc_intermediate_64px",))
    for kind, name, entry in entries(GOLDEN):
        if kind != "network" or (chosen is not None and name not in chosen):
            continue
        facts = entry | read_json(GOLDEN / entry["variables_file"])
        network = published_network(facts, torch.float32).to(scale.device)
        images = generate_images(
            facts["seed"], facts["batch"], facts["image_size"], network.image_channels
        )
        with torch.no_grad():
            logits = network.step_logits(to_torch(images, torch.float32).to(scale.device))
        theirs = read_arrays(GOLDEN / entry["file"])["logits"]
        errors[f"golden {name}"] = error(to_numpy(logits.cpu().transpose(0, 1)), theirs)
    for name in scale.pick(_PIXELS, _SMALL):
        size = _PIXELS[name]
        genome = _genome(name, size)
        exact = build(genome, dtype=torch.float64, unroll="literal", seed=0).eval()
        ours = build(genome, seed=0).to(scale.device).eval()
        ours.load_state_dict(exact.state_dict())
        drawn = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            expected, logits = exact(drawn.double()), ours(drawn.to(scale.device))
        errors[f"zoo {name}"] = error(logits.cpu().double().numpy(), expected.numpy())
    numbers = {"errors": errors, "tolerance": 1e-4}
    bad = [name for name, one in errors.items() if not one <= 1e-4]
    if bad:
        raise NotPassedError(f"{', '.join(bad)}: over the tolerance", numbers)
    return numbers


ONE_STAGE = "one stage"
"""A small network beside those of the zoo."""

_SHALLOW = ("rgc_shallow", "lstm_shallow", "simplernn_shallow", "timedecay_shallow")
_DEEP = ("gru_intermediate", "ugrnn_intermediate", "intersectionrnn_intermediate")
_SMALL = ("median_2018_t12", "resnet18")
_PIXELS = dict.fromkeys(_SHALLOW, 96) | dict.fromkeys((*_DEEP, *_SMALL), 32)
"""Models of the zoo with cells of every kind, with a size of images that their heads fit."""


def bf16(scale: Scale) -> dict[str, Any]:
    """Top-1 of one training by precision and seed. A CPU trains in float32 whatever is asked."""
    from workers.data.packing import pack
    from workers.data.specs import DigitsOccluded
    from workers.job import Job, Recipe
    from workers.training import Trainer

    scores: dict[str, list[float]] = {"float32": [], "bf16": []}
    with tempfile.TemporaryDirectory() as folder:
        images = scale.pick(4000, 320)
        spec = DigitsOccluded(size=16, train_images=images, test_images=images // 2)
        packed = pack(spec, Path(folder))
        for precision, seed in ((p, s) for p in scores for s in range(scale.pick(4, 2))):
            recipe = Recipe(epochs=scale.pick(8, 2), batch_size=64, learning_rate=0.01).overlaid(
                {"precision": precision}
            )
            genome = _genome(ONE_STAGE, 16)
            job = Job(genome=genome, recipe=recipe, data=packed.ref, seed=seed, folder=folder)
            trainer = Trainer(job, scale.device)
            while not trainer.finished:
                trainer.run_epoch()
            scores[precision].append(trainer.reports[-1].top1)
    difference = statistics.mean(scores["bf16"]) - statistics.mean(scores["float32"])
    spread = max(statistics.stdev(one) for one in scores.values())
    numbers = {
        "top1": scores,
        "difference": difference,
        "seed_deviation": spread,
        "low_precision_used": scale.device != "cpu",
    }
    if abs(difference) > 2 * spread + 0.01:
        raise NotPassedError("bf16 differs from float32 by more than seeds do", numbers)
    return numbers


def planned(scale: Scale) -> dict[str, Any]:
    """Seconds of an update and of a forward pass by both executions, and how far they differ."""
    import torch

    from benchmarks.unroll import make_forward, make_step, time_runs
    from models.build import build

    name, size, batch = scale.pick(("rgc_intermediate", 224, 16), (ONE_STAGE, 16, 4))
    genome = _genome(name, size, classes=100)
    images = torch.randn(batch, genome.image.channels, size, size, device=scale.device)
    labels = torch.randint(genome.classes, (batch,), device=scale.device)
    networks = {
        "literal": build(genome, unroll="literal", seed=0).to(scale.device).eval(),
        "planned": build(genome, unroll="planned", seed=0).to(scale.device).eval(),
    }
    with torch.no_grad():
        expected, logits = (network(images) for network in networks.values())
    rounds = scale.pick(5, 1)
    forward = {name: make_forward(one, images) for name, one in networks.items()}
    step = {name: make_step(one, images, labels) for name, one in networks.items()}
    seconds = {
        "forward_seconds": time_runs(forward, rounds, scale.device),
        "step_seconds": time_runs(step, rounds, scale.device),
    }
    numbers: dict[str, Any] = {"size": size, "batch": batch, "network": name}
    numbers |= {one: {key: seconds[key][one] for key in seconds} for one in networks}
    numbers["error"] = float((expected - logits).abs().max() / expected.abs().max())
    for key in seconds:
        numbers[f"literal / planned, {key}"] = numbers["literal"][key] / numbers["planned"][key]
    if not numbers["error"] <= 1e-3:
        raise NotPassedError("the two executions differ", numbers)
    return numbers


def memory(scale: Scale) -> dict[str, Any]:
    """Bytes of the second update: forecast, allocated, and held by the allocator."""
    from space.unroll.plan import plan
    from space.unroll.planned_memory import planned_memory

    size, batch = scale.pick(128, 16), scale.pick(32, 8)
    rows = []
    for name in scale.pick(("rgc_intermediate", "ugrnn_intermediate"), (ONE_STAGE,)):
        genome = _genome(name, size)
        for recompute in (False, True):
            for half in (False, True):
                forecast = planned_memory(
                    plan(genome, training=True), batch, recompute=recompute, half=half
                )
                allocated, reserved = _measure(
                    genome, batch, scale.device, recompute=recompute, half=half
                )
                row = {"network": name, "size": size, "batch": batch, "recompute": recompute}
                row |= {"half": half, "forecast": forecast, "allocated": allocated}
                rows.append(row | {"reserved": reserved, "ratio": allocated / forecast})
    numbers = {"rows": rows, "tolerance": 0.25}
    if any(abs(row["ratio"] - 1) > 0.25 for row in rows):
        raise NotPassedError("a forecast is off by more than a quarter", numbers)
    return numbers


def _measure(
    genome: Any, batch: int, device: str, *, recompute: bool, half: bool
) -> tuple[int, int | None]:
    """The peak of an update's tensors, and of the allocator's blocks where there is one."""
    import torch

    from models.build import build

    if device == "cpu":
        from tests.support.held_memory import measured

        return measured(genome, batch, "planned", recompute=recompute, half=half), None
    network = build(genome, recompute=recompute).to(device)
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, nesterov=True)
    shape = (batch, genome.image.channels, genome.image.size, genome.image.size)
    images = torch.randn(shape, device=device)
    labels = torch.zeros(batch, dtype=torch.long, device=device)
    for _ in range(2):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=half):
            logits = network(images)
        torch.nn.functional.cross_entropy(logits.float(), labels).backward()
        optimiser.step()
    return torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()


def sharing(scale: Scale) -> dict[str, Any]:
    """The scores of two trials at once on one card, and of the same two one after the other."""
    scores, overlap = {}, {}
    for name, at_once in (("alone", 1), ("together", 2)):
        resources = {"cpus": 1, "gpus": scale.pick(0.5, 0), "concurrent": at_once}
        with tempfile.TemporaryDirectory() as folder:
            scene = _scene(Path(folder), resources, "search.drill.worker:trainable", scale)
            scores[name] = {
                str(trial.number): trial.top1
                for trial in scene.store.results.find(scene.campaign_id)
                if trial.number < 2
            }
            attempts = [scene.store.campaigns.attempts(scene.campaign_id, n)[0] for n in (0, 1)]
            first, second = attempts
            overlap[name] = min(first.ended or 0, second.ended or 0) - second.started
    numbers = {"top1": scores, "overlap_seconds": overlap}
    if overlap["together"] <= 0:
        raise NotPassedError("the two did not run at once", numbers)
    pairs = [(scores["alone"][n], scores["together"][n]) for n in ("0", "1")]
    if any(a is None or b is None or abs(a - b) > 0.05 for a, b in pairs):
        raise NotPassedError("a trial beside another one scores otherwise than alone", numbers)
    return numbers


def out_of_memory(scale: Scale) -> dict[str, Any]:
    """How a trial ends that has memory for three quarters of what it takes, and its neighbours."""
    from search.review.second_tries import find_second_tries

    resources = {"cpus": 1, "gpus": scale.pick(0.5, 0), "concurrent": 2}
    with tempfile.TemporaryDirectory() as folder:
        scene = _scene(Path(folder), resources, "benchmarks.gpu_workers:cramped", scale)
        trials = scene.store.results.find(scene.campaign_id)
        tries = find_second_tries(scene.store, scene.campaign_id)
        numbers = {
            "status": {str(one.number): one.status for one in trials},
            "attempts": {str(one.number): one.attempts for one in trials},
            "second_tries": {str(number): dict(one.changes) for number, one in tries.items()},
            "errors": {str(number): one.error for number, one in tries.items()},
        }
    if set(numbers["status"].values()) != {"finished"}:
        raise NotPassedError("not every trial ended well", numbers)
    if list(tries) != [1]:
        raise NotPassedError("the trial short of memory had no second try", numbers)
    return numbers


def _scene(folder: Path, resources: dict[str, Any], trainable: str, scale: Scale) -> Any:
    """A campaign of three trials, trained to its end."""
    from search.campaign import Campaign
    from search.drill.scene import Scene

    images = scale.pick(2000, 128)
    campaign = Campaign.parse(
        {
            "name": "gpu",
            "space": _space(scale.pick(32, 8)),
            "data": {
                "name": "digits-occluded",
                "size": scale.pick(32, 8),
                "train_images": images,
                "test_images": images // 2,
            },
            "recipe": {
                "epochs": scale.pick(4, 2),
                "batch_size": scale.pick(256, 64),
                "evaluation_batch_size": scale.pick(64, 8),
            },
            "sampler": {"name": "random"},
            "scheduler": {"name": "fifo"},
            "controls": [],
            "budget": {"trials": 3},
            "resources": resources,
        }
    )
    scene = Scene.create(folder / "home", campaign, trainable=trainable, seconds=0.5)
    try:
        scene.start()
        if scene.wait(600) != 0:
            raise NotPassedError("its driver failed", {"output": scene.output()[-2000:]})
    finally:
        scene.close()
    return scene


def _space(width: int) -> dict[str, Any]:
    """A recurrent network with a choice that changes nothing about its size."""
    activation = {"choice": ["tanh", "relu", "elu", "sigmoid"], "name": "activation"}
    return {"name": "gpu", "genome": _document(width, activation)}


def _genome(name: str, size: int, classes: int = 10) -> Any:
    """A model of the zoo for images of that size; `ONE_STAGE` is a recurrent one for grey images
    and ten classes.
    """
    from space import zoo
    from space.genome import Genome

    if name != ONE_STAGE:
        return zoo.model(name).genome.with_images(size=size, channels=3, classes=classes)
    image = {"image": {"size": size, "channels": 1}, "classes": 10}
    return Genome.parse(_document(16, "tanh") | image)


def _document(width: int, activation: Any) -> dict[str, Any]:
    edges = [{"add": {"of": "input"}}, {"add": {"of": "out", "op": "separable", "kernel": 3}}]
    state = {"drive": {"edges": edges, "norm": "layer"}, "activation": activation}
    convolution = {"width": width, "kernel": 3}
    return {
        "clock": {"steps": 8},
        "stages": [{"name": "conv1", "convolution": convolution, "cell": "rnn"}],
        "cells": {"rnn": {"output": "out", "states": {"out": state}}},
    }


def tests(scale: Scale) -> dict[str, Any]:
    """The tests with the mark `gpu`: how many passed, failed and were left out."""
    environment = os.environ | ({STAND_IN: "1"} if scale.device == "cpu" else {})
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "tests/gpu"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    summary = (done.stdout.strip().splitlines() or [""])[-1]
    numbers = {"summary": summary, "exit_code": done.returncode}
    if done.returncode != 0 or "passed" not in summary:
        raise NotPassedError("a test failed", numbers | {"output": done.stdout[-4000:]})
    return numbers


PARTS: dict[str, tuple[Callable[[Scale], dict[str, Any]], float]] = {
    "parity": (parity, 60),
    "bf16": (bf16, 80),
    "planned": (planned, 60),
    "memory": (memory, 60),
    "sharing": (sharing, 90),
    "out_of_memory": (out_of_memory, 70),
    "tests": (tests, 60),
}
"""Every part, with its seconds: eight minutes together."""
