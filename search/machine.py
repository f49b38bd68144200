"""What a machine offers to trials, counted without starting anything."""

import contextlib
import math
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine offers to trials: processor cores and graphics processors."""

    cpus: int
    gpus: int
    name: str = field(default="this machine", compare=False)

    def slots(self, cpus: float, gpus: float) -> int:
        """How many trials that each take so much fit at once."""
        # A sum of fractions such as 3 x 0.1 may miss the whole by a rounding error.
        by_cpu = self.cpus / cpus + 1e-9
        by_gpu = math.inf if gpus == 0 else self.gpus / gpus + 1e-9
        if gpus and gpus < 1:
            by_gpu = self.gpus * math.floor(1 / gpus + 1e-9)  # a trial lives on one device
        return math.floor(min(by_cpu, by_gpu))


def machine() -> Machine:
    """This machine: the cores that this process may use, and the NVIDIA devices it may see."""
    with contextlib.suppress(AttributeError):
        return Machine(cpus=len(os.sched_getaffinity(0)), gpus=_gpus())
    return Machine(cpus=os.cpu_count() or 1, gpus=_gpus())


def _gpus() -> int:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    if not (tool := shutil.which("nvidia-smi")):
        return 0
    try:
        found = subprocess.run(
            [tool, "--list-gpus"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in found.stdout.splitlines())


def largest(machines: Sequence[Machine]) -> Machine:
    """The most cores and the most GPUs that any of the machines has."""
    return Machine(
        cpus=max(machine.cpus for machine in machines),
        gpus=max(machine.gpus for machine in machines),
        name=machines[0].name,
    )


def together(machines: Sequence[Machine]) -> Machine:
    """What the machines have in all."""
    return Machine(
        cpus=sum(machine.cpus for machine in machines),
        gpus=sum(machine.gpus for machine in machines),
        name=machines[0].name,
    )
