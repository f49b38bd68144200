"""What only a graphics card can show, in one run of eight minutes that prints one JSON.

    python -m benchmarks.gpu > gpu.json          # on a GPU
    python -m benchmarks.gpu --device cpu        # a CPU stands in, with small sizes

Parts, each in a process of its own that is ended when its time is over; a part that fails or hangs
takes nothing from the others:

- `parity`: the published numbers and models of the zoo in float32, beside float64 on the CPU.
- `bf16`: trainings in bfloat16 and in float32, by several seeds: the means differ by no more than
  seeds do.
- `planned`: the two executions at 224 pixels: equal, and how much faster.
- `memory`: the forecast of a training's memory beside what was allocated, and what the allocator
  held for it.
- `sharing`: two trials of a campaign at once on one card, scored as one alone is.
- `out_of_memory`: a trial that runs out of memory beside healthy ones, and its second try.
- `tests`: the tests with the mark `gpu`.

The exit code is 0 if every part passed. A run that is asked to end prints what it has.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.gpu_parts import PARTS, ROOT, NotPassedError, Scale

Status = Literal["passed", "failed", "over time"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a part: `numbers` are its own, `error` says why it did not pass."""

    status: Status
    seconds: float
    budget: float
    numbers: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def main() -> None:
    """Run the parts of the command line and print one JSON."""
    chosen = _arguments()
    device = chosen.device or _find_device()
    scale = Scale(device=device, small=chosen.small or device == "cpu")
    if chosen.one:
        print(json.dumps(run_here(chosen.one, scale)))
        return
    start = time.perf_counter()
    outcomes = run_all(chosen.part or list(PARTS), scale, chosen.patience)
    result = describe_machine(scale) | {
        "seconds": time.perf_counter() - start,
        "passed": all(one.status == "passed" for one in outcomes.values()),
        "parts": {name: asdict(one) for name, one in outcomes.items()},
    }
    print(json.dumps(result, indent=1))
    sys.exit(0 if result["passed"] else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), help="by default cuda if there is")
    parser.add_argument("--small", action="store_true", help="small sizes, as on a CPU")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only these")
    parser.add_argument(
        "--patience", type=float, default=1.0, help="times each part's seconds, on a busy machine"
    )
    parser.add_argument("--one", choices=list(PARTS), help=argparse.SUPPRESS)
    return parser.parse_args()


def _find_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def describe_machine(scale: Scale) -> dict[str, Any]:
    """What everything ran on."""
    import torch

    gpu = torch.cuda.get_device_name() if scale.device == "cuda" else None
    total = torch.cuda.get_device_properties(0).total_memory if gpu else None
    return {
        "device": scale.device,
        "small": scale.small,
        "gpu": gpu,
        "gpu_memory": total,
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "cores": os.cpu_count(),
    }


def run_all(names: Sequence[str], scale: Scale, patience: float) -> dict[str, Outcome]:
    """The parts one after the other. Where this process is asked to end (SIGTERM, SIGINT), those
    that are not done are over time.
    """
    outcomes: dict[str, Outcome] = {}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for name in names:
            outcomes[name] = made = run_apart(name, scale, patience)
            print(f"{name}: {made.status}, {made.seconds:.0f} s {made.error}", file=sys.stderr)
    except KeyboardInterrupt:
        words = "the run was ended before it"
        for name in names[len(outcomes) :]:
            budget = PARTS[name][1] * patience
            outcomes[name] = Outcome(status="over time", seconds=0.0, budget=budget, error=words)
    finally:
        signal.signal(signal.SIGTERM, before)
    return outcomes


def run_here(name: str, scale: Scale) -> dict[str, Any]:
    """A part in this process: its numbers, and why it did not pass."""
    try:
        return {"numbers": PARTS[name][0](scale), "error": ""}
    except NotPassedError as error:
        return {"numbers": error.numbers, "error": str(error)}


def run_apart(name: str, scale: Scale, patience: float) -> Outcome:
    """A part in a process of its own, which is ended with its children when its time is over."""
    budget, start = PARTS[name][1] * patience, time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.gpu", "--one", name, "--device", scale.device]
    command += ["--small"] if scale.small else []
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=errors, start_new_session=True
        )
        try:
            process.wait(budget)
        except subprocess.TimeoutExpired:
            words = f"not done after {budget:.0f} s"
            return Outcome(status="over time", seconds=budget, budget=budget, error=words)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seconds = time.perf_counter() - start
        output.seek(0), errors.seek(0)
        lines, words = output.read().strip().splitlines(), errors.read().strip()
    if process.returncode != 0 or not lines:
        last = (words.splitlines() or [f"ended with {process.returncode}"])[-1]
        return Outcome(
            status="failed",
            seconds=seconds,
            budget=budget,
            error=last,
            numbers={"output": words[-2000:]},
        )
    made = json.loads(lines[-1])
    return Outcome(
        status="failed" if made["error"] else "passed",
        seconds=seconds,
        budget=budget,
        numbers=made["numbers"],
        error=made["error"],
    )


if __name__ == "__main__":
    main()
