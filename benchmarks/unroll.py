"""How much faster the planned unroll is than the literal one, on this machine.

    python benchmarks/unroll.py --network rgc_intermediate --size 64 --batch 32

Both executions of one network and the *floor* run in one process, one after the other in every
round, so that a busy machine slows all of them alike; medians and their ratios are printed. The
floor is the time of the convolutions alone that the plan leaves, each kind in one call over all
its steps, in its best layout: no execution of this plan on these kernels can be faster.
Peak memory is the largest sum of tensors alive in a training step, beyond the parameters.
"""

import argparse
import json
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

from models import layers
from models.build import Network, build
from space.plan import Plan, plan
from space.program import Convolve, Separate
from ventral.genomes import find_genome

Run = Callable[[], object]


def main() -> None:
    chosen = _arguments()
    torch.set_num_threads(chosen.threads)
    genome = find_genome(chosen.network)
    genome = genome.with_images(size=chosen.size, channels=genome.image.channels, classes=100)
    torch.manual_seed(0)
    images = torch.randn(chosen.batch, genome.image.channels, chosen.size, chosen.size)
    labels = torch.randint(100, (chosen.batch,))
    networks = {name: build(genome, unroll=name) for name in ("literal", "planned")}
    found = plan(genome)
    forward: dict[str, Run] = {n: _forward(net, images) for n, net in networks.items()}
    step: dict[str, Run] = {n: _step(net, images, labels) for n, net in networks.items()}
    forward["floor"], step["floor"] = _floor(found, chosen.batch, images.dtype)
    result = {
        "network": chosen.network,
        "size": chosen.size,
        "batch": chosen.batch,
        "threads": chosen.threads,
        "machine": _machine(),
        "torch": torch.__version__,
        "gigamacs": {
            "literal": found.literal_macs / 1e9,
            "planned": found.planned_macs(chosen.batch) / 1e9,
        },
        "forward_seconds": _medians(forward, chosen.rounds),
        "step_seconds": _medians(step, chosen.rounds),
        "step_megabytes": {name: _peak(step[name]) for name in networks},
    }
    for key in ("forward", "step"):
        seconds = result[f"{key}_seconds"]
        result[f"{key}_ratios"] = {
            "literal / planned": seconds["literal"] / seconds["planned"],
            "planned / floor": seconds["planned"] / seconds["floor"],
        }
    print(json.dumps(result, indent=1) if chosen.json else _told(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="rgc_intermediate", help="zoo name, file or export")
    parser.add_argument("--size", type=int, default=64, help="pixels of a side")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _machine() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _forward(network: Network, images: Tensor) -> Run:
    def run() -> None:
        with torch.no_grad():
            network(images)

    return run


def _step(network: Network, images: Tensor, labels: Tensor) -> Run:
    def run() -> None:
        network.zero_grad()
        functional.cross_entropy(network(images), labels).backward()

    return run


def _floor(found: Plan, batch: int, dtype: torch.dtype) -> tuple[Run, Run]:
    """(forward, forward and backward) of the plan's convolutions on random numbers."""
    rows: dict[object, int] = defaultdict(int)
    for op in found.operations:
        if isinstance(op.what, Convolve | Separate):
            rows[op.what, op.map] += op.batch(batch)
    work = []
    for (what, outs), count in rows.items():
        kind, stride = isinstance(what, Separate), getattr(what, "stride", 1)
        side = (outs.size - 1) * stride + what.kernel - sum(what.padding)
        x = torch.randn(count, what.channels, side, side, dtype=dtype).requires_grad_()
        x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        wide = (what.channels, 1) if kind else (outs.channels, what.channels)
        kernel = torch.randn(*wide, what.kernel, what.kernel, dtype=dtype).requires_grad_()
        pointwise = (
            torch.randn(outs.channels, what.channels, 1, 1).requires_grad_() if kind else None
        )
        work.append((x, kernel, pointwise, what, stride))

    def once() -> list[Tensor]:
        outs = []
        for x, kernel, pointwise, what, stride in work:
            groups = 1 if pointwise is None else what.channels
            out = layers.convolve(
                x, kernel, None, padding=what.padding, stride=stride, groups=groups
            )
            outs.append(out if pointwise is None else functional.conv2d(out, pointwise))
        return outs

    def forward() -> None:
        with torch.no_grad():
            once()

    def step() -> None:
        outs = once()
        torch.autograd.backward(outs, [torch.ones_like(out) for out in outs])
        for x, kernel, pointwise, _, _ in work:
            x.grad = kernel.grad = None
            if pointwise is not None:
                pointwise.grad = None

    return forward, step


def _medians(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    for run in runs.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


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


def _told(result: dict[str, object]) -> str:
    lines = [
        "{network}, {size} px, batch {batch}, {threads} threads, {machine}, torch {torch}".format(
            **result
        )
    ]
    macs = result["gigamacs"]
    lines.append(f"GMAC an image: literal {macs['literal']:.2f}, planned {macs['planned']:.2f}")
    for key in ("forward", "step"):
        seconds, ratios = result[f"{key}_seconds"], result[f"{key}_ratios"]
        times = ", ".join(f"{name} {value:.3f} s" for name, value in seconds.items())
        shares = ", ".join(f"{name} {value:.2f}" for name, value in ratios.items())
        lines.append(f"{key:>8}: {times}; {shares}")
    peaks = ", ".join(f"{name} {value:.0f} MB" for name, value in result["step_megabytes"].items())
    lines.append(f"  memory: {peaks}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
