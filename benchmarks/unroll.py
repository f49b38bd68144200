"""How much faster the planned unroll is, on this machine.

    python benchmarks/unroll.py --network rgc_intermediate --size 64 --batch 32 [--compile]

Several executions of one network and the *floor* run in one process, one after the other in every
round, so that a busy machine slows all of them alike; medians and their ratios are printed.

- `practice`: the unroll as it is usually written (benchmarks/practice.py).
- `literal`, `planned`: the two executions of `models.build`; `recompute` is the planned one that
  keeps little for the backward pass (training only).
- with `--compile`: practice and planned under `torch.compile`. It takes minutes to an hour.
- `floor`: the convolutions alone that the plan leaves, each kind in one call over all its steps,
  in its best layout, with the planned execution's own kernels.

Peak memory is the largest sum of tensors alive in a training step, beyond the parameters.
"""

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from models.build import build
from models.shared_kernels import SharedKernel
from space.genome import Genome
from space.genomes import find_genome
from space.network.sizes import layout
from space.space import Space
from space.step.operations import Convolve, Separate
from space.unroll.divided import divide_step
from space.unroll.plan import Plan, plan

try:
    from benchmarks.practice import Loop
except ImportError:  # run as a file
    from practice import Loop  # type: ignore[import-not-found, no-redef]

Run = Callable[[], object]


def main() -> None:
    """Measure the network of the command line and print what was measured."""
    chosen = _arguments()
    torch.set_num_threads(chosen.threads)
    result = measured(
        chosen.network,
        size=chosen.size,
        batch=chosen.batch,
        rounds=chosen.rounds,
        compiled=chosen.compile,
        device=chosen.device,
    )
    print(json.dumps(result, indent=1) if chosen.json else _format_result(result))


def measured(
    name: str, *, size: int, batch: int, rounds: int, compiled: bool = False, device: str = "cpu"
) -> dict[str, Any]:
    """Seconds, memory and ratios of every execution of a network at that size of images."""
    genome = _genome(name, size)
    torch.manual_seed(0)
    images = torch.randn(batch, genome.image.channels, size, size, device=device)
    labels = torch.randint(100, (batch,), device=device)
    planned = build(genome).to(device)
    networks: dict[str, Any] = {
        "practice": Loop(build(genome, unroll="literal").to(device)),
        "literal": build(genome, unroll="literal").to(device),
        "planned": planned,
        "recompute": build(genome, recompute=True).to(device),
    }
    compiling: dict[str, float] = {}
    if compiled:
        for kind, network in (("practice", Loop(planned)), ("planned", build(genome).to(device))):
            networks[f"{kind}, compiled"] = torch.compile(network)
    forward = {n: make_forward(net, images) for n, net in networks.items() if n != "recompute"}
    step: dict[str, Run] = {n: make_step(net, images, labels) for n, net in networks.items()}
    for kind, run in step.items():
        if kind.endswith("compiled"):
            start = time.perf_counter()
            run()
            compiling[kind] = time.perf_counter() - start
    planned_work = plan(genome)
    forward["floor"], step["floor"] = _floor(planned_work, images)
    result: dict[str, Any] = {
        "network": name,
        "size": size,
        "batch": batch,
        "threads": torch.get_num_threads(),
        "machine": _machine(device),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "gigamacs": {
            "literal": planned_work.literal_macs / 1e9,
            "planned": planned_work.planned_macs(batch) / 1e9,
        },
        "forward_seconds": time_runs(forward, rounds, device),
        "step_seconds": time_runs(step, rounds, device),
        "step_megabytes": {
            kind: _peak(step[kind]) for kind in networks if not kind.endswith("compiled")
        },
        "compile_seconds": compiling,
    }
    for key in ("forward", "step"):
        result[f"{key}_ratios"] = _ratios(result[f"{key}_seconds"])
    memory = result["step_megabytes"]
    result["memory_ratios"] = {
        f"{kind} / practice": memory[kind] / memory["practice"]
        for kind in ("planned", "recompute")
    }
    return result


def _genome(name: str, size: int) -> Genome:
    """The network of that name for images of that size, with a head that fits its last map.

    `quickstart` is one of the quickstart's space, with every part of its cell.
    """
    if name == "quickstart":
        space = Space.load("motifs-small").with_images(size=size, channels=1, classes=100)
        draws = (space.sample(random.Random(seed)).genome for seed in range(20))
        return max(draws, key=lambda genome: len(divide_step(genome).ops))
    genome = find_genome(name)
    document = genome.document() | {"image": {"size": size, "channels": 3}, "classes": 100}
    if genome.head.form != "convolution_mean":
        return Genome.parse(document)
    document["head"]["kernel"] = 1
    reads = layout(Genome.parse(document)).head.reads
    document["head"]["kernel"] = min(genome.head.kernel, reads.size)
    return Genome.parse(document)


def _ratios(seconds: Mapping[str, float]) -> dict[str, float]:
    ratios = {
        f"{kind} / planned": seconds[kind] / seconds["planned"] for kind in ("practice", "literal")
    }
    ratios["planned / floor"] = seconds["planned"] / seconds["floor"]
    if "recompute" in seconds:
        ratios["recompute / planned"] = seconds["recompute"] / seconds["planned"]
    for kind in seconds:
        if kind.endswith("compiled"):
            ratios[f"practice / {kind}"] = seconds["practice"] / seconds[kind]
    return ratios


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--network", default="rgc_intermediate", help="zoo name, file, export, quickstart"
    )
    parser.add_argument("--size", type=int, default=64, help="pixels of a side")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--compile", action="store_true", help="also under torch.compile")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _machine(device: str) -> str:
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def make_forward(network: nn.Module, images: Tensor) -> Run:
    """A forward pass of a network on images [B,C,H,W]."""

    def run() -> None:
        with torch.no_grad():
            network(images)

    return run


def make_step(network: nn.Module, images: Tensor, labels: Tensor) -> Run:
    """A forward and a backward pass of the cross entropy on images [B,C,H,W] and labels [B]."""

    def run() -> None:
        network.zero_grad()
        loss = functional.cross_entropy(network(images), labels)
        loss.backward()

    return run


def _floor(work_left: Plan, images: Tensor) -> tuple[Run, Run]:
    """(forward, forward and backward) of the plan's convolutions on random numbers."""
    rows: dict[Any, int] = defaultdict(int)
    for op in work_left.operations:
        if isinstance(op.what, Convolve | Separate):
            rows[op.what, op.map] += op.batch(len(images))
    work = []

    def numbers(*sides: int) -> Tensor:
        made = torch.randn(*sides, dtype=images.dtype, device=images.device)
        return made.contiguous(memory_format=torch.channels_last).requires_grad_()

    for (what, outs), count in rows.items():
        separate, stride = isinstance(what, Separate), getattr(what, "stride", 1)
        side = (outs.size - 1) * stride + what.kernel - sum(what.padding)
        wide = (what.channels, 1) if separate else (outs.channels, what.channels)
        kernel = numbers(*wide, what.kernel, what.kernel)
        pointwise = numbers(outs.channels, what.channels, 1, 1) if separate else None
        work.append((numbers(count, what.channels, side, side), kernel, pointwise, what, stride))

    def once() -> list[Tensor]:
        outs = []
        for x, kernel, pointwise, what, stride in work:
            groups = 1 if pointwise is None else what.channels
            shared = SharedKernel(kernel, padding=what.padding, stride=stride, groups=groups)
            out = shared.apply_to(x)
            outs.append(out if pointwise is None else functional.conv2d(out, pointwise))
        return outs

    def forward() -> None:
        with torch.no_grad():
            once()

    def step() -> None:
        outs = once()
        total = torch.stack([out.sum() for out in outs]).sum()
        total.backward()
        for x, kernel, pointwise, _, _ in work:
            x.grad = kernel.grad = None
            if pointwise is not None:
                pointwise.grad = None

    return forward, step


def time_runs(runs: Mapping[str, Run], rounds: int, device: str) -> dict[str, float]:
    """The median seconds of each over the rounds, after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}


def _peak(run: Run) -> float:
    """Megabytes of the allocations of one run that are alive at once, at most."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()
    events = recorded.profiler.kineto_results.events()
    sizes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    alive = highest = 0
    for _, size in sorted(sizes, key=lambda item: item[0]):
        alive += size
        highest = max(highest, alive)
    return highest / 1e6


def _format_result(result: Mapping[str, Any]) -> str:
    lines = [
        "{network}, {size} px, batch {batch}, {threads} threads, {machine}, load {load:.1f}, "
        "torch {torch}".format(**result)
    ]
    macs = result["gigamacs"]
    lines.append(f"GMAC an image: literal {macs['literal']:.2f}, planned {macs['planned']:.2f}")
    for key in ("forward", "step"):
        seconds, ratios = result[f"{key}_seconds"], result[f"{key}_ratios"]
        times = ", ".join(f"{name} {value:.3f} s" for name, value in seconds.items())
        shares = ", ".join(f"{name} {value:.2f}" for name, value in ratios.items())
        lines.append(f"{key:>8}: {times}\n          {shares}")
    peaks = ", ".join(f"{name} {value:.0f} MB" for name, value in result["step_megabytes"].items())
    shares = ", ".join(f"{name} {value:.2f}" for name, value in result["memory_ratios"].items())
    lines.append(f"  memory: {peaks}\n          {shares}")
    for name, value in result["compile_seconds"].items():
        lines.append(f"{name}: {value:.0f} s to compile")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
