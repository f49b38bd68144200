"""What a machine offers to trials: its processors, and the GPUs that its driver lists."""

import math
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search.host.cards import Card, cards_here, merge
from workers.processors import usable_processors


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine offers to trials: processor cores and graphics processors. `cards` are the
    types of these; None where nobody looked.
    """

    cpus: int
    gpus: int
    name: str = field(default="this machine", compare=False)
    cards: tuple[Card, ...] | None = field(default=None, compare=False)

    def has(self, accelerator: str | None) -> bool:
        """Whether it has cards of a type; so it is for None, and where nobody looked."""
        if accelerator is None or self.cards is None:
            return True
        return any(card.name == accelerator for card in self.cards)

    def slots(self, cpus: float, gpus: float) -> int:
        """How many trials of so many cores and GPUs fit at once."""
        # A sum of fractions such as 3 x 0.1 may miss the whole by a rounding error.
        by_cpu = self.cpus / cpus + 1e-9
        by_gpu = math.inf if gpus == 0 else self.gpus / gpus + 1e-9
        if gpus and gpus < 1:
            by_gpu = self.gpus * math.floor(1 / gpus + 1e-9)  # a trial lives on one device
        return math.floor(min(by_cpu, by_gpu))


def machine() -> Machine:
    """This machine: the cores that this process may use, and the NVIDIA devices it may see."""
    gpus, tool = _gpus(), shutil.which("nvidia-smi")
    if not gpus:
        return Machine(cpus=usable_processors(), gpus=0, cards=())
    unknown = (Card(name="", memory=None, count=gpus),)
    cards = unknown if tool is None else cards_here(tool, gpus)
    return Machine(cpus=usable_processors(), gpus=gpus, cards=cards)


DRIVER = Path("/proc/driver/nvidia/gpus")
"""Where NVIDIA's driver lists its devices itself, for machines without its tool."""


def _gpus() -> int:
    """The devices that the driver lists, as far as CUDA_VISIBLE_DEVICES lets CUDA see them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and not visible.strip():
        return 0
    return count_gpus(visible)[0]


def count_gpus(visible: str | None) -> tuple[int, int]:
    """How many devices CUDA sees with that CUDA_VISIBLE_DEVICES, and how many the driver lists."""
    devices = _list_devices()
    listed = sum(name.startswith("GPU-") for name in devices)
    return listed if visible is None else _count_visible(devices, visible), listed


def _count_visible(devices: Sequence[str], visible: str) -> int:
    """How many of the devices CUDA sees: it reads its variable up to the first unknown name.

    A name is a number, or the beginning of one device's UUID.
    """
    numbered = [device for device in devices if device.startswith("GPU-")]
    counted: set[str] = set()
    for name in (part.strip() for part in visible.split(",")):
        if name.isdecimal() and name.isascii():
            matches = numbered[int(name) : int(name) + 1] if len(name) < 9 else []
        else:
            matches = [device for device in devices if name and device.startswith(name)]
        if len(matches) != 1 or matches[0] in counted:
            break
        counted.add(matches[0])
    return len(counted)


def _list_devices() -> list[str]:
    """The UUIDs of all devices of the driver, parts of devices (`MIG-...`) among them."""
    if tool := shutil.which("nvidia-smi"):
        try:
            listing = subprocess.run(
                [tool, "--list-gpus"], capture_output=True, text=True, timeout=20, check=True
            )
            return re.findall(r"UUID:\s*((?:GPU|MIG)-[^\s)]+)", listing.stdout)
        except (OSError, subprocess.SubprocessError):
            return []
    devices = []
    for file in sorted(DRIVER.glob("*/information")):
        try:
            devices += re.findall(r"GPU UUID:\s*(GPU-\S+)", file.read_text(errors="replace"))
        except OSError:
            continue
    return devices


def largest(machines: Sequence[Machine]) -> Machine:
    """The most cores and the most GPUs that any of the machines has."""
    return Machine(
        cpus=max(machine.cpus for machine in machines),
        gpus=max(machine.gpus for machine in machines),
        name=machines[0].name,
        cards=_cards(machines),
    )


def together(machines: Sequence[Machine]) -> Machine:
    """What the machines have in all."""
    return Machine(
        cpus=sum(machine.cpus for machine in machines),
        gpus=sum(machine.gpus for machine in machines),
        name=machines[0].name,
        cards=_cards(machines),
    )


def _cards(machines: Sequence[Machine]) -> tuple[Card, ...] | None:
    """The types of the machines' cards; None where one is not known."""
    if any(machine.cards is None for machine in machines):
        return None
    return merge(card for machine in machines for card in machine.cards or ())
