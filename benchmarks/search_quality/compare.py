"""Compares ways to search on the table of truth, by campaigns that take no training.

    python -m benchmarks.search_quality.compare --repeats 100 --json > results.json
    python -m benchmarks.search_quality.compare --repeats 100 --trials 40 --picture regret.png

A campaign's trials are rows of the table (simulate.py). A method is worth the simulated seconds
until it has trained a top-1 % network to the end; a network that it stopped early does not count.
Repeat r has one seed for all methods, and all of them see the same training of a network, so that
methods are compared in pairs. Intervals are 95 % bootstrap intervals over the repeats. Options of
methods were chosen on the half `chosen-on` of the task 8px; the rest was held back.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search_quality import load, published
from benchmarks.search_quality.simulate import SLOTS, Ended, Method, World, simulator
from benchmarks.search_quality.tasks import HALVES, TASKS, Half
from benchmarks.search_quality.worlds import Replay

TOP = 0.01
BOOTSTRAPS = 2000
LEAST_REGRET = 1e-3  # of a picture: less is less than can be told from noise
POSTERS, RANDOM, OURS = "hyperopt-tpe", "random", "ventral"
OPTIMISTIC = {"name": "optimistic", "grace_epochs": 2}
ASHA = {"name": "asha", "grace_epochs": 2, "reduction_factor": 3.0}
DEFAULT = {"name": "asha"}  # what a campaign has that names nothing: stops half at 3, 6, ... of 12

METHODS = {
    method.name: method
    for method in (
        Method(name=RANDOM, sampler="random"),
        Method(name="random-asha", sampler="random", scheduler=ASHA),
        Method(name=POSTERS, sampler="hyperopt"),
        Method(name="optuna-tpe", sampler="optuna"),
        Method(name="optuna-tpe-asha", sampler="optuna", scheduler=ASHA),
        Method(name="evolution", sampler="evolution"),
        Method(name="evolution-optimistic", sampler="evolution", scheduler=OPTIMISTIC),
        Method(name="guided", sampler="guided"),
        Method(name="guided-asha", sampler="guided", scheduler=ASHA),
        Method(name="guided-optimistic", sampler="guided", scheduler=OPTIMISTIC),
        Method(name=OURS, sampler="guided", scheduler=DEFAULT),
    )
}
"""Those named without a scheduler train every network to the end."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """One simulated campaign of `length` seconds. `trials` and `seconds` are those to the first
    top-1 % network, infinite if it never came. `regrets` are (seconds, trials, regret) whenever
    the best finished trial changed: how much less the best network by its own score is truly
    worth than the best there is.
    """

    trials: float
    seconds: float
    length: float
    regrets: tuple[tuple[float, int, float], ...]


def top(world: World) -> set[str]:
    """The best 1 % of a world's networks, by what they are truly worth."""
    truth = world.truth
    count = math.ceil(TOP * len(truth))
    return set(sorted(truth, key=lambda digest: -truth[digest])[:count])


def campaign(world: World, method: Method, repeat: int, slots: int, least: int) -> Repeat:
    """Search until a top-1 % network was trained, and for at least `least` trials.

    Where all of them were stopped early there is nothing left to wait for.
    """
    left, hit, count = top(world), False, 0

    def enough(ended: Ended) -> bool:
        nonlocal hit, count
        count += 1
        hit = hit or (ended.status == "finished" and ended.digest in left)
        left.discard(ended.digest)
        return (hit or not left) and count >= least

    with simulator(world, slots) as simulated:
        ended = simulated.run(method, repeat, trials=len(world.truth), enough=enough)
    return reckoned(world, ended)


def reckoned(world: World, ended: Sequence[Ended]) -> Repeat:
    """What a campaign's trials amount to."""
    wanted, best = top(world), max(world.truth.values())
    trials, seconds, record = math.inf, math.inf, -math.inf
    regrets = []
    for number, trial in enumerate(ended, 1):
        if trial.status != "finished" or trial.top1 is None:
            continue
        if trials == math.inf and trial.digest in wanted:
            trials, seconds = float(number), trial.at
        if trial.top1 > record:
            record = trial.top1
            regrets.append((trial.at, number, best - world.truth[trial.digest]))
    length = ended[-1].at if ended else 0.0
    return Repeat(trials=trials, seconds=seconds, length=length, regrets=tuple(regrets))


# ------------------------------------------------------------------------------------ summaries


def interval(values: Numbers, others: Numbers | None = None) -> tuple[float, float]:
    """A 95 % bootstrap interval of the median, or of the ratio of paired medians."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(values), (BOOTSTRAPS, len(values)))
    medians = np.median(values[drawn], axis=1)
    if others is not None:
        medians = medians / np.median(others[drawn], axis=1)
    # Of numbers between which infinity may lie no mean is taken.
    low, high = np.quantile(medians, (0.025, 0.975), method="nearest")
    return float(low), float(high)


def wins(values: Numbers, others: Numbers) -> float:
    """The p-value of an exact sign test, two-sided, that neither of a pair is faster."""
    less, more = int((values < others).sum()), int((values > others).sum())
    count, few = less + more, min(less, more)
    tail = sum(math.comb(count, k) for k in range(few + 1)) / 2.0**count if count else 1.0
    return min(1.0, 2 * tail)


def summary(
    method: str, task: str, half: Half, repeats: Sequence[Repeat], others: dict[str, Numbers]
) -> dict[str, Any]:
    """A row of the comparison; `others` are the seconds of the methods to compare with."""
    seconds = np.array([repeat.seconds for repeat in repeats])
    low, high = interval(seconds)
    row: dict[str, Any] = {
        "method": method,
        "task": task,
        "half": half,
        "repeats": len(repeats),
        "trials_median": float(np.median([repeat.trials for repeat in repeats])),
        "seconds_median": float(np.median(seconds)),
        "seconds_low": low,
        "seconds_high": high,
        "never": int(np.isinf(seconds).sum()),
    }
    for name, theirs in others.items():
        low, high = interval(seconds, theirs)
        row[f"to_{name}"] = {
            "ratio": float(np.median(seconds) / np.median(theirs)),
            "low": low,
            "high": high,
            "p": wins(seconds, theirs),
        }
    return row


def held(repeats: Sequence[Repeat], grid: Numbers) -> Numbers:
    """The part of the repeats that hold a top-1 % network after so many seconds."""
    seconds = np.array([repeat.seconds for repeat in repeats])
    return np.asarray((seconds[:, None] <= grid).mean(axis=0))


def regret(repeats: Sequence[Repeat], grid: Numbers, *, by_trials: bool = False) -> Numbers:
    """Regret after so many seconds or trials, a row a repeat; NaN before there is any."""
    table = np.full((len(repeats), len(grid)), np.nan)
    for row, repeat in zip(table, repeats, strict=True):
        for seconds, trials, value in repeat.regrets:
            row[grid >= (trials if by_trials else seconds)] = value
    return table


# -------------------------------------------------------------------------------------- running


def results(
    tasks: Sequence[str],
    halves: Sequence[Half],
    methods: Sequence[str],
    repeats: int,
    *,
    slots: int = SLOTS,
    least: int = 0,
    processes: int = 1,
) -> Iterator[tuple[str, Half, dict[str, list[Repeat]]]]:
    """Every method's repeats, a task and a half at a time."""
    with ProcessPoolExecutor(processes) as pool:
        for task in tasks:
            table = load(task)
            for half in halves:
                world = Replay(TASKS[task], half, table)
                jobs = [
                    (world, METHODS[name], r, slots, least)
                    for name in methods
                    for r in range(repeats)
                ]
                done = list(pool.map(_campaign, jobs, chunksize=5))
                parts = [done[i * repeats : (i + 1) * repeats] for i in range(len(methods))]
                yield task, half, dict(zip(methods, parts, strict=True))


def _campaign(job: tuple[World, Method, int, int, int]) -> Repeat:
    return campaign(*job)


def main() -> None:
    chosen = _arguments()
    rows, compared = [], []
    running = partial(results, slots=chosen.slots, least=chosen.trials, processes=chosen.processes)
    for task, half, by_method in running(chosen.task, chosen.half, chosen.method, chosen.repeats):
        compared.append((task, half, by_method))
        seconds = {n: np.array([r.seconds for r in by_method[n]]) for n in by_method}
        others = {name: seconds[name] for name in (POSTERS, RANDOM) if name in seconds}
        for name, repeats in by_method.items():
            row = summary(
                name, task, half, repeats, {k: v for k, v in others.items() if k != name}
            )
            rows.append(row)
            # It takes an hour: what there is so far is told, beside the JSON of the end.
            print(_line(row), flush=True, file=sys.stderr if chosen.json else sys.stdout)
    if chosen.json:
        print(json.dumps(rows, indent=1))
    if chosen.picture:
        picture(compared, chosen.trials, chosen.picture)


def _line(row: dict[str, Any]) -> str:
    text = (
        f"{row['task']:5} {row['half']:10} {row['method']:16} {row['trials_median']:6.1f} trials "
        f"{row['seconds_median']:8.1f} s [{row['seconds_low']:.1f}, {row['seconds_high']:.1f}]"
    )
    for name in (POSTERS, RANDOM):
        if (ratio := row.get(f"to_{name}")) is not None:
            text += f"  {ratio['ratio']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}] of {name}"
    return text


def picture(
    compared: Sequence[tuple[str, Half, dict[str, list[Repeat]]]], trials: int, path: Path
) -> None:
    """Regret against trials and seconds, and the part of campaigns that hold a top-1 % network.

    Bands are 95 % intervals of the mean. Regret is drawn as far as all campaigns went on: for
    `trials` trials, and until the first ones ended.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    figure, axes = pyplot.subplots(
        3, len(compared), figsize=(4.5 * len(compared), 10), squeeze=False, layout="constrained"
    )
    for column, (task, half, by_method) in enumerate(compared):
        every = [repeat for repeats in by_method.values() for repeat in repeats]
        shortest = float(np.quantile([repeat.length for repeat in every], 0.01))
        # Seconds are shown until nine in ten campaigns of the slowest method hold one.
        last = max(
            float(np.quantile([min(r.seconds, r.length) for r in repeats], 0.9))
            for repeats in by_method.values()
        )
        soonest = min((r.seconds for r in every if math.isfinite(r.seconds)), default=1.0)
        by_trials, by_seconds, holds = axes[:, column]
        for name, repeats in by_method.items():
            _curve(by_trials, name, repeats, np.arange(1.0, max(2, trials) + 1), by_trials=True)
            _curve(by_seconds, name, repeats, np.linspace(0.0, shortest, 200))
            grid = np.geomspace(soonest, max(last, 2 * soonest), 300)
            holds.plot(grid, held(repeats, grid), label=name, **_style(name))
        by_trials.set(title=f"{task}, {half}", xlabel="trials", ylabel="regret (top-1)")
        by_seconds.set(xlabel="simulated seconds", ylabel="regret (top-1)")
        holds.set(xlabel="simulated seconds", ylabel="holds a top-1 % cell", ylim=(0, 1))
        for axis in (by_trials, by_seconds):
            axis.set_yscale("log")
            axis.set_ylim(bottom=max(LEAST_REGRET, axis.get_ylim()[0]))
        holds.set_xscale("log")
        holds.xaxis.set_minor_formatter(NullFormatter())  # they would overlap
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2 * len(compared),
    )
    figure.savefig(path, dpi=110)


def _curve(
    axis: Any, name: str, repeats: Sequence[Repeat], grid: Numbers, *, by_trials: bool = False
) -> None:
    """The mean regret and its interval, from where half of the repeats have one."""
    table = regret(repeats, grid, by_trials=by_trials)
    there = np.isfinite(table).mean(axis=0) >= 0.5
    table, grid = table[:, there], grid[there]
    count = np.isfinite(table).sum(axis=0)
    middle, error = np.nanmean(table, axis=0), 1.96 * np.nanstd(table, axis=0) / count**0.5
    [line] = axis.plot(grid, middle, label=name, **_style(name))
    axis.fill_between(grid, middle - error, middle + error, alpha=0.1, color=line.get_color())


def _style(name: str) -> dict[str, Any]:
    """A colour for every sampler and a line for every scheduler; ours is the thick one."""
    if name == OURS:
        return {"color": "black", "linewidth": 2.5}
    method = METHODS[name]
    place = list(dict.fromkeys(each.sampler for each in METHODS.values())).index(method.sampler)
    lines = {"fifo": "solid", "asha": "dashed", "optimistic": "dotted"}
    return {"color": f"C{place}", "linestyle": lines[method.scheduler["name"]]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="a list of rows, nothing else")
    parser.add_argument("--picture", type=Path, help="a file for the curves; wants --trials")
    parser.add_argument("--task", nargs="*", choices=published(), default=published())
    parser.add_argument("--half", nargs="*", choices=HALVES, default=list(HALVES))
    parser.add_argument("--method", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--slots", type=int, default=SLOTS, help="workers of a campaign")
    parser.add_argument("--trials", type=int, default=0, help="go on for at least so many")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    if chosen.picture and chosen.trials < 2:
        parser.error("--picture: without --trials every campaign ends at its own time: add it")
    return chosen


if __name__ == "__main__":
    main()
