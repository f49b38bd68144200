"""What driving a campaign costs: Ventral beside plain Ray Tune, on trials that cost nothing.

    python benchmarks/campaign.py --trials 200 --trials 1000

One trainable that only reports, one conditional space and one sampler are run through Ventral
(store and MLflow on), through plain Ray Tune (reused actors, no tracking) and through plain Ray
Tune with its own MLflow callback on SQLite, one after the other, each in a process of its own. As
the trials do nothing, all that is measured is the driving. Seconds a trial are the whole time of
the run, from before Ray is started until after it is gone and, with Ventral, until MLflow holds
every run, over the number of trials. Ray Tune is run as it comes, with the files that it writes
for every trial. Ray Tune's MLflow callback takes more than a second a trial: it is run with at
most `--mlflow-trials`, which the output says.
"""

import argparse
import contextlib
import functools
import itertools
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EDGES = 7
SYSTEMS = ("ventral", "ray_tune", "ray_tune_mlflow")
DATA = {"name": "digits", "size": 8, "train_images": 64, "test_images": 64}


def main() -> None:
    chosen = _arguments()
    if chosen.only:
        print(json.dumps(_measured(chosen.only, chosen.trials[0], chosen)))
        return
    rows = [_row(trials, chosen) for trials in chosen.trials or [200]]
    result = {
        "sampler": chosen.sampler,
        "epochs": chosen.epochs,
        "slots": chosen.slots,
        "machine": f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}",
        "sizes": rows,
    }
    print(json.dumps(result, indent=1) if chosen.json else _format_result(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, action="append", help="once for every size")
    parser.add_argument("--sampler", choices=("random", "optuna", "hyperopt"), default="optuna")
    parser.add_argument("--epochs", type=int, default=1, help="reports of a trial")
    parser.add_argument("--slots", type=int, default=os.cpu_count(), help="trials at once")
    parser.add_argument("--mlflow-trials", type=int, default=60, help="at most, with callback")
    parser.add_argument("--no-ray-mlflow", action="store_true", help="leave the callback out")
    parser.add_argument("--no-ray", action="store_true", help="Ventral only")
    parser.add_argument("--only", choices=SYSTEMS, help="one system, in this process, as JSON")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


# ------------------------------------------------------------------------------ the comparison


def _row(trials: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """All systems at one size."""
    row: dict[str, Any] = {"trials": trials, "load_before": os.getloadavg()[0]}
    ours = _child("ventral", trials, chosen)
    row |= {
        "ventral_s_per_trial": ours["s_per_trial"],
        "driver_mb": ours["driver_mb"],
        "mlflow_lag_s": ours["mlflow_lag_s"],
        "mlflow_runs": ours["mlflow_runs"],
        "ventral": ours,
    }
    print(f"{trials} trials, ventral: {ours['s_per_trial']:.4f} s a trial", file=sys.stderr)
    if not chosen.no_ray:
        plain = _child("ray_tune", trials, chosen)
        row |= {"ray_tune_s_per_trial": plain["s_per_trial"], "ray_tune": plain}
        row["ventral_over_ray_tune"] = ours["s_per_trial"] / plain["s_per_trial"]
    if not (chosen.no_ray or chosen.no_ray_mlflow):
        fewer = min(trials, chosen.mlflow_trials)
        tracked = _child("ray_tune_mlflow", fewer, chosen)
        row |= {
            "ray_tune_mlflow_s_per_trial": tracked["s_per_trial"],
            "ray_tune_mlflow_trials": fewer,
            "ray_tune_mlflow": tracked,
        }
        row["ventral_over_ray_tune_mlflow"] = ours["s_per_trial"] / tracked["s_per_trial"]
    return row | {"load_after": os.getloadavg()[0]}


def _child(system: str, trials: int, chosen: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--only", system, "--trials", str(trials)]
    for name in ("sampler", "epochs", "slots"):
        command += [f"--{name}", str(getattr(chosen, name))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"{system} failed ({done.returncode}):\n{done.stderr[-4000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _format_result(result: dict[str, Any]) -> str:
    """The result as a table for people."""
    lines = [
        f"{result['sampler']}, {result['epochs']} epochs a trial, {result['slots']} at once, "
        f"{result['machine']}",
        "trials | Ventral s/trial | Ray Tune | with MLflow | driver MB | MLflow after s | "
        "growth (last/first fifth) | load",
    ]
    for row in result["sizes"]:
        grown = " / ".join(
            f"{row[name]['growth']:.2f}" for name in ("ventral", "ray_tune") if name in row
        )
        lines.append(
            f"{row['trials']:6d} | {row['ventral_s_per_trial']:.4f} | "
            f"{_number(row, 'ray_tune_s_per_trial')} ({_number(row, 'ventral_over_ray_tune')} x)"
            f" | {_number(row, 'ray_tune_mlflow_s_per_trial')}"
            f" ({_number(row, 'ventral_over_ray_tune_mlflow')} x,"
            f" {row.get('ray_tune_mlflow_trials', 'no')} trials)"
            f" | {row['driver_mb']:.0f} | {row['mlflow_lag_s']:.1f} | {grown}"
            f" | {row['load_before']:.1f} to {row['load_after']:.1f}"
        )
    return "\n".join(lines)


def _number(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:.4f}" if key in row else "not run"


# ------------------------------------------------------------------------------ one run


def _measured(system: str, trials: int, chosen: argparse.Namespace) -> dict[str, Any]:
    run: Callable[..., dict[str, Any]] = _ventral if system == "ventral" else _ray_tune
    ends = Ends()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder, _memory() as peak:
        began = time.perf_counter()
        outcome = run(Path(folder), trials, chosen, ends, system)
        seconds = time.perf_counter() - began
        outcome |= _tracked(Path(folder)) if system != "ray_tune" else {}
    return outcome | {
        "trials": trials,
        "seconds": seconds,
        "s_per_trial": seconds / trials,
        "driver_cpu_s_per_trial": ends.cpu / trials,
        "start_s": ends.at[0] - began,
        "mlflow_lag_s": began + seconds - ends.at[-1],
        "driver_mb": peak[0],
        **_growth(ends.at),
    }


class Ends:
    """When trials ended, and what the driver's process worked from the first end to the last."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self._first = self._last = 0.0

    def add(self) -> None:
        """A trial has ended now."""
        self.at.append(time.perf_counter())
        self._last = time.process_time()
        self._first = self._first or self._last

    @property
    def cpu(self) -> float:
        """Processor seconds of all threads."""
        return self._last - self._first


def _growth(ends: list[float]) -> dict[str, Any]:
    """Milliseconds between ends: per hundred trials, and the last fifth over the first one."""
    gaps = [1000 * (late - early) for early, late in itertools.pairwise(ends)]
    hundreds = [statistics.fmean(gaps[at : at + 100]) for at in range(0, len(gaps), 100)]
    fifth = max(1, len(gaps) // 5)
    growth = statistics.fmean(gaps[-fifth:]) / statistics.fmean(gaps[:fifth]) if gaps else 1.0
    return {"ms_by_hundred": [round(gap, 1) for gap in hundreds], "growth": growth}


def _tracked(folder: Path) -> dict[str, Any]:
    """The runs of trials in MLflow's database, by status."""
    with contextlib.closing(sqlite3.connect(next(folder.rglob("mlflow.db")))) as connection:
        pages = "SELECT run_uuid FROM tags WHERE key = 'ventral.page'"
        query = "SELECT status, count(*) FROM runs WHERE run_uuid NOT IN"
        query += f" ({pages}) GROUP BY status"
        return {"mlflow_runs": dict(connection.execute(query).fetchall())}


@contextlib.contextmanager
def _memory(seconds: float = 0.5) -> Iterator[list[float]]:
    """The peak (MB) of this process and its helpers together, Ray's own processes left out."""
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(seconds):
            peak[0] = max(peak[0], _resident(os.getpid()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield peak
    over.set()
    thread.join()


def _resident(pid: int) -> float:
    """MB of a process and of the descendants that are ours."""
    folder = Path(f"/proc/{pid}")
    try:
        command = (folder / "cmdline").read_bytes()
        if b"ray/" in command or command.startswith(b"ray::"):
            return 0.0
        pages = int((folder / "statm").read_text().split()[1])
        children = (folder / "task" / str(pid) / "children").read_text().split()
        threads = [task / "children" for task in (folder / "task").iterdir()]
        children = [child for task in threads for child in task.read_text().split()]
    except OSError:
        return 0.0
    own = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return own + sum(_resident(int(child)) for child in children)


# ------------------------------------------------------------------------------ the systems


def _trainable() -> type[Any]:
    """A trainable that reports a score that depends on its configuration, and does nothing."""
    import hashlib

    from ray import tune

    class Reports(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.epoch, self.epochs = 0, int(os.environ["BENCH_EPOCHS"])
            text = json.dumps({key: config[key] for key in sorted(config)}, default=str)
            self.score = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 16**8

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.setup(new_config)
            return True

        def step(self) -> dict[str, Any]:
            self.epoch += 1
            top1 = self.score * self.epoch / self.epochs
            report: dict[str, Any] = {"epoch": self.epoch, "top1": top1, "top5": top1}
            report["loss"] = 1.0
            report |= {"train_loss": 1.0, "accuracy_by_step": [top1]}
            report |= {"seconds": 0.0, "memory_mb": 1.0}
            done = self.epoch >= self.epochs
            return {"report": report, "epoch": self.epoch, "top1": top1, "done": done}

    return Reports


def _ventral(
    folder: Path, trials: int, chosen: argparse.Namespace, ends: Ends, _system: str
) -> dict[str, Any]:
    from search import driver
    from search.assign.setting import Happening
    from search.campaign import Campaign
    from search.host.home import Home
    from search.store import Store

    os.environ["BENCH_EPOCHS"] = str(chosen.epochs)
    home = Home.at(folder / "home", environ={})
    home.ensure()
    store = Store.open(home.store_url)
    campaign = Campaign.parse(
        {
            "name": "benchmark",
            "space": SPACE,
            "data": DATA,
            "recipe": {"epochs": chosen.epochs},
            "sampler": {"name": chosen.sampler},
            "resources": {"concurrent": chosen.slots},
            "budget": {"trials": trials},
            "keep": 0,
        }
    )

    def listen(happening: Happening) -> None:
        if happening.kind in ("finished", "pruned"):
            ends.add()

    campaign_id = driver.submit(campaign, home, store)
    outcome = driver.run(campaign_id, home, store, listen, trainable=_trainable(), patience=3600.0)
    return {"state": outcome.state, "left": outcome.unsent}


def _ray_tune(
    folder: Path, trials: int, chosen: argparse.Namespace, ends: Ends, system: str
) -> dict[str, Any]:
    import ray
    from ray import tune
    from ray.air.integrations.mlflow import MLflowLoggerCallback
    from ray.tune.schedulers import ASHAScheduler

    class Watch(tune.Callback):  # type: ignore[misc]
        def on_trial_complete(self, *_: Any, **__: Any) -> None:
            ends.add()

    callbacks: list[Any] = [Watch()]
    if system == "ray_tune_mlflow":
        uri = f"sqlite:///{folder / 'mlflow.db'}"
        callbacks.append(MLflowLoggerCallback(tracking_uri=uri, experiment_name="benchmark"))
    os.environ |= {"BENCH_EPOCHS": str(chosen.epochs), "RAY_USAGE_STATS_ENABLED": "0"}
    ray.init(
        num_cpus=chosen.slots,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100 * 1024**2,
        _temp_dir=str(folder / "r"),
    )
    searcher, flat = _searcher(chosen.sampler)
    tuner = tune.Tuner(
        tune.with_resources(_trainable(), {"cpu": 1}),
        param_space=flat,
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=ASHAScheduler(
                time_attr="epoch",
                metric="top1",
                mode="max",
                max_t=chosen.epochs,
                grace_period=1,
                reduction_factor=3,
            ),
            num_samples=trials,
            max_concurrent_trials=chosen.slots,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="run",
            storage_path=str(folder / "tune"),
            callbacks=callbacks,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )
    results = tuner.fit()
    ray.shutdown()
    return {"state": "finished" if len(results) == trials else "failed"}


def _searcher(name: str) -> tuple[Any, dict[str, Any] | None]:
    """(Ray Tune's searcher, its configuration space), over the same space as Ventral's.

    Ray Tune has no conditions of its own: its random search draws every parameter every time.
    """
    from ray import tune
    from ray.tune.search.hyperopt import HyperOptSearch
    from ray.tune.search.optuna import OptunaSearch

    from search.samplers import via_hyperopt
    from space.choices.domains import Categorical, Integer

    space = _space()
    if name == "hyperopt":
        nested = via_hyperopt.nest(space.parameters)
        return HyperOptSearch(nested, metric="top1", mode="max", random_state_seed=0), None
    if name == "optuna":
        return OptunaSearch(_defined, metric="top1", mode="max", seed=0), None
    flat: dict[str, Any] = {}
    for p in space.parameters:
        if isinstance(p.domain, Categorical):
            flat[p.path] = tune.choice(list(p.domain.options))
        elif isinstance(p.domain, Integer):
            flat[p.path] = tune.randint(p.domain.low, p.domain.high + 1)
        else:
            flat[p.path] = (tune.loguniform if p.domain.log else tune.uniform)(
                p.domain.low, p.domain.high
            )
    return None, flat


@functools.cache
def _space() -> Any:
    from space.space import Space

    return Space.parse(SPACE).with_images(size=8, channels=1, classes=10)


def _defined(trial: Any) -> None:
    """The space for Optuna as its documentation has it. Ray Tune saves it: it has to be here."""
    from space.choices.domains import Categorical, Integer

    taken: dict[str, Any] = {}
    for p in _space().parameters:
        if not p.is_open(taken):
            continue
        domain = p.domain
        if isinstance(domain, Categorical):
            taken[p.path] = trial.suggest_categorical(p.path, list(domain.options))
        elif isinstance(domain, Integer):
            taken[p.path] = trial.suggest_int(p.path, domain.low, domain.high, log=domain.log)
        else:
            taken[p.path] = trial.suggest_float(p.path, domain.low, domain.high, log=domain.log)


# ------------------------------------------------------------------------------ the space


def _edge(number: int) -> dict[str, Any]:
    """An edge that may be there, of one of two kinds, each with choices of its own."""
    how = {
        "choice": [
            {
                "add": {
                    "of": "out",
                    "op": "convolution",
                    "kernel": {"choice": [1, 3, 5], "name": f"kernel-{number}"},
                }
            },
            {
                "multiply": {
                    "offset": {"uniform": [0.5, 1], "name": f"offset-{number}"},
                    "nonlinearity": {"choice": ["tanh", "sigmoid"], "name": f"gate-{number}"},
                    "terms": [{"of": "out"}],
                }
            },
        ],
        "name": f"how-{number}",
    }
    return {"optional": how, "name": f"edge-{number}"}


SPACE: dict[str, Any] = {
    "name": "benchmark",
    "genome": {
        "clock": {"steps": {"integers": [2, 6], "name": "steps"}},
        "stages": [
            {
                "name": "conv1",
                "convolution": {
                    "width": {"logintegers": [1, 32], "name": "width"},
                    "kernel": {"choice": [1, 3, 5], "name": "kernel"},
                    "activation": {"choice": ["relu", "elu", "tanh"], "name": "activation"},
                },
                "cell": "motif",
            }
        ],
        "cells": {
            "motif": {
                "output": "out",
                "states": {
                    "out": {
                        "drive": {
                            "edges": [
                                {"add": {"of": "input"}},
                                *(_edge(number) for number in range(EDGES)),
                            ]
                        }
                    }
                },
            }
        },
    },
    "recipe": {
        "learning_rate": {"loguniform": [0.001, 0.1]},
        "weight_decay": {"loguniform": [1e-6, 0.01]},
    },
}


if __name__ == "__main__":
    main()
