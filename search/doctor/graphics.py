"""GPUs: what the driver lists, whether PyTorch can compute on them, what Ray offers of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search.doctor.protocol import Fault, Place, Verdict
from search.host.machine import DRIVER, count_gpus
from search.host.programs import python_command

QUERY = "name,driver_version,memory.total,ecc.errors.uncorrected.volatile.total"
TOOL_SECONDS, TORCH_SECONDS = 20.0, 90.0

TRY = """
import json, torch
facts = {"built": torch.version.cuda, "count": 0, "error": None}
try:
    facts["count"] = torch.cuda.device_count()
    for number in range(facts["count"]):
        ones = torch.ones(64, 64, device=f"cuda:{number}")
        if float((ones @ ones).sum()) != 64.0**3:
            raise RuntimeError(f"cuda:{number} computes wrong numbers")
except Exception as error:
    facts["error"] = (str(error).strip().splitlines() or [type(error).__name__])[0]
print(json.dumps(facts))
"""
"""A process of its own: a driver that is broken may take the process with it, or never answer."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """A GPU as its driver names it; memory in MB, errors of memory since it started."""

    name: str
    driver: str
    memory: int | None = None
    errors: int | None = None


@dataclass(frozen=True, kw_only=True)
class Graphics:
    """The GPUs of a machine.

    `devices` are all that the driver lists, `seen` how many of them CUDA_VISIBLE_DEVICES leaves,
    `refusal` what the driver's tool said instead. `built` is the CUDA of this PyTorch, `usable`
    how many GPUs it computes on, `error` why not. `offered` is what Ray offers of them.
    """

    devices: tuple[Device, ...] = ()
    seen: int = 0
    refusal: str | None = None
    built: str | None = None
    usable: int = 0
    error: str | None = None
    offered: int | None = None


class GraphicsCheck:
    """GPUs and their drivers."""

    name = "gpus"
    about = "NVIDIA's driver, PyTorch on every GPU (it multiplies two matrices), Ray's count"
    drives, trains, seconds = False, True, 120.0

    driver = Fault(
        status="fail",
        problem="the driver of the GPUs does not work: {refusal}",
        cure="restart the machine if the driver was upgraded, else install it again; `nvidia-smi` "
        "has to list the GPUs",
    )
    without = Fault(
        status="fail",
        problem="there are {count} GPUs, and this PyTorch is built without CUDA",
        cure="install PyTorch with CUDA: https://pytorch.org/get-started/locally",
    )
    unusable = Fault(
        status="fail",
        problem="PyTorch (CUDA {built}) cannot compute on the GPUs, whose driver is {driver}: "
        "{error}",
        cure="a driver that is too old for that CUDA is upgraded, or another PyTorch installed",
    )
    fewer = Fault(
        status="warning",
        problem="PyTorch sees {usable} of {count} GPUs",
        cure="look at `nvidia-smi` for a GPU that is lost or in the exclusive mode",
    )
    memory = Fault(
        status="warning",
        problem="the memory of {name} had {errors} errors that could not be corrected",
        cure="reset the GPU (`nvidia-smi --gpu-reset`) or have it replaced: results may be wrong",
    )
    offer = Fault(
        status="fail",
        problem="Ray offers {offered} GPUs on this node, and CUDA sees {count}",
        cure="start the node with `ray start --num-gpus={count}`",
    )
    unused = Fault(
        status="warning",
        problem="Ray offers {offered} GPUs on this node, and CUDA sees {count}",
        cure="start the node with `ray start --num-gpus={count}`, unless it is meant",
    )
    faults = (driver, without, unusable, fewer, memory, offer, unused)

    def gather(self, place: Place) -> Graphics:
        """The facts, as far as they can be had."""
        devices, refusal = list_devices()
        visible = place.environ.get("CUDA_VISIBLE_DEVICES")
        seen, _ = count_gpus(visible)
        tried = try_torch(visible) if seen and refusal is None else {}
        return Graphics(
            devices=devices,
            seen=seen,
            refusal=refusal,
            built=tried.get("built"),
            usable=int(tried.get("count") or 0),
            error=tried.get("error"),
            offered=place.offered,
        )

    def judge(self, facts: Graphics) -> Iterator[Verdict]:
        """What is wrong with them."""
        if facts.refusal is not None:
            yield self.driver.fill(refusal=facts.refusal)
            return
        count = facts.seen
        if count and facts.built is None and facts.error is None:
            yield self.without.fill(count=count)
        elif count and (facts.error is not None or not facts.usable):
            driver = facts.devices[0].driver if facts.devices else "unknown"
            error = facts.error or "it sees none"
            yield self.unusable.fill(built=facts.built, driver=driver, error=error)
        elif facts.usable < count:
            yield self.fewer.fill(usable=facts.usable, count=count)
        for device in facts.devices:
            if device.errors:
                yield self.memory.fill(name=device.name, errors=device.errors)
        if facts.offered is not None and facts.offered > count:
            yield self.offer.fill(offered=facts.offered, count=count)
        elif facts.offered is not None and facts.offered < count:
            yield self.unused.fill(offered=facts.offered, count=count)

    def describe(self, facts: Graphics) -> str:
        """The facts in a line, where nothing is wrong."""
        if not facts.devices:
            return "no NVIDIA GPU: trials run on processors"
        names: dict[str, int] = {}
        for device in facts.devices:
            size = "" if device.memory is None else f" ({device.memory / 1000:.0f} GB)"
            names[device.name + size] = names.get(device.name + size, 0) + 1
        listed = ", ".join(f"{count} x {name}" for name, count in names.items())
        hidden = len(facts.devices) - facts.seen
        left_out = f", {hidden} of them hidden from trials" if hidden else ""
        return f"{listed}{left_out}; driver {facts.devices[0].driver}, CUDA {facts.built}"


def list_devices() -> tuple[tuple[Device, ...], str | None]:
    """The GPUs that the driver's tool lists, or what it said instead of a list."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return tuple(Device(name=file.name, driver="unknown") for file in DRIVER.glob("*")), None
    command = [tool, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return (), f"nvidia-smi does not answer within {TOOL_SECONDS:.0f} s"
    except OSError as error:
        return (), f"nvidia-smi cannot be run ({error.strerror})"
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        text = lines[0] if lines else f"nvidia-smi ends with {done.returncode}"
        # A machine image with the tool, on a machine without a GPU.
        return (), None if "no devices" in text.lower() else text
    return tuple(map(read_device, filter(None, done.stdout.splitlines()))), None


def read_device(line: str) -> Device:
    """A line of the tool's list: `NVIDIA H200, 550.54, 143771, 0`."""
    name, driver, memory, errors = ([part.strip() for part in line.split(",")] + [""] * 4)[:4]
    return Device(name=name, driver=driver, memory=_number(memory), errors=_number(errors))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None  # "[N/A]" of a card without it


def try_torch(visible: str | None) -> Mapping[str, Any]:
    """What PyTorch says of the GPUs, in a process with that CUDA_VISIBLE_DEVICES."""
    environ = {name: text for name, text in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    environ |= {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    try:
        done = subprocess.run(
            python_command(TRY),
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TORCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"does not answer within {TORCH_SECONDS:.0f} s"}
    lines = done.stdout.strip().splitlines()
    try:
        facts = json.loads(lines[-1]) if lines else None
    except ValueError:
        facts = None
    if isinstance(facts, dict):
        return facts
    errors = done.stderr.strip().splitlines() or [
        f"PyTorch's process ended with {done.returncode}"
    ]
    return {"error": errors[-1]}
