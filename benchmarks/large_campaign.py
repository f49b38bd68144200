"""A campaign of thousands of real, tiny trainings, and how long its commands take at its end.

    python benchmarks/large_campaign.py --trials 5000 [--keep FOLDER] [--json]

Every trial builds a network, trains it for an epoch on 64 digits of 8 pixels, evaluates it, writes
a checkpoint and goes to the store and to MLflow. Then `ventral status`, `top`, `trial list` and
MLflow's first page of runs are timed on the whole, each as a user meets it: a process of its own.
The browser's time is that of a Chromium that is started, loads the page and ends; it is left out
where there is none.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from search.host.ports import bypass_proxies

ROOT = Path(__file__).resolve().parents[1]
VENTRAL = Path(sys.executable).with_name("ventral")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROUNDS = 3

CAMPAIGN: dict[str, Any] = {
    "name": "large",
    "data": {"name": "digits", "size": 8, "train_images": 64, "test_images": 64},
    "recipe": {"epochs": 1, "batch_size": 32},
    "sampler": {"name": "optuna"},
    "scheduler": {"name": "fifo"},
    "keep": 25,
}


def main() -> None:
    bypass_proxies()
    chosen = _arguments()
    with contextlib.ExitStack() as stack:
        folder = chosen.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="large-", dir="/tmp"))
        )
        result = measured(folder, chosen.trials)
    print(json.dumps(result, indent=1) if chosen.json else _format_result(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--keep", type=Path, help="a folder for the campaign, kept afterwards")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def measured(folder: Path, trials: int) -> dict[str, Any]:
    """Train, and time the commands. Raises CalledProcessError if one of them fails."""
    folder.mkdir(parents=True, exist_ok=True)
    space = json.loads(subprocess.check_output([sys.executable, "-c", SPACE], cwd=ROOT))
    file = folder / "large.yaml"  # JSON is YAML
    file.write_text(json.dumps(CAMPAIGN | {"space": space, "budget": {"trials": trials}}))
    began = time.perf_counter()
    _run(folder, "submit", str(file), "--new", "--no-estimate", "-o", "json")
    seconds = time.perf_counter() - began
    status = json.loads(_run(folder, "status", "large", "-o", "json"))
    times = {
        " ".join(command): statistics.median(_timed(folder, *command) for _ in range(ROUNDS))
        for command in (("status", "large"), ("top", "large"), ("trial", "list", "large"))
    }
    with _interface(folder) as address:
        times["MLflow's first page of runs"] = statistics.median(
            _search(address) for _ in range(ROUNDS)
        )
        if CHROMIUM is not None:
            times["MLflow in a browser, from its start"] = _browsed(folder, address)
    return {
        "trials": trials,
        "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
        "seconds": seconds,
        "s_per_trial": seconds / trials,
        "counts": status["trials"],
        "command_seconds": times,
    }


def _run(folder: Path, *arguments: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("VENTRAL", "MLFLOW"))}
    done = subprocess.run(
        [VENTRAL, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode()


def _timed(folder: Path, *arguments: str) -> float:
    began = time.perf_counter()
    _run(folder, *arguments)
    return time.perf_counter() - began


@contextlib.contextmanager
def _interface(folder: Path) -> Iterator[str]:
    """The address at which `ventral ui` shows the campaign."""
    server = subprocess.Popen(
        [VENTRAL, "ui", "large", "--port", "0", "--no-browser"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)


def _search(address: str) -> float:
    """Seconds of what the page asks for first: the hundred best runs."""
    base, _, rest = address.partition("/#/experiments/")
    experiment = rest.partition("/")[0].partition("?")[0]
    query = {"experiment_ids": [experiment], "max_results": 100, "order_by": ["metrics.top1 DESC"]}
    began = time.perf_counter()
    request = Request(
        f"{base}/ajax-api/2.0/mlflow/runs/search",
        json.dumps(query).encode(),
        {"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=120) as answer:
        assert json.load(answer)["runs"]
    return time.perf_counter() - began


def _browsed(folder: Path, address: str) -> float:
    began = time.perf_counter()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    options += ("--virtual-time-budget=10000", "--dump-dom", f"--user-data-dir={folder}/chromium")
    page = subprocess.run(
        [str(CHROMIUM), *options, address], capture_output=True, text=True, timeout=300
    ).stdout
    seconds = time.perf_counter() - began
    assert "ventral.cell" in page
    return seconds


def _format_result(result: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in result["counts"].items() if count)
    lines = [
        f"{result['trials']} trials on {result['machine']}: {result['seconds']:.0f} s, "
        f"{result['s_per_trial']:.3f} s a trial ({counts})"
    ]
    lines += [f"{seconds:8.2f} s  {name}" for name, seconds in result["command_seconds"].items()]
    return "\n".join(lines)


SPACE = "import json, benchmarks.campaign as c; print(json.dumps(c.SPACE))"
"""The space of the benchmark of driving, in a process that may load what it likes."""


if __name__ == "__main__":
    main()
