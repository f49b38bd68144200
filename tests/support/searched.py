"""Campaigns as values, made without a store and without training: thousands of trials in a second.

What is not given is drawn: a score has a part that the choices decide (`worth`), and noise. So a
test knows the truth that a figure or a finding has to come to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboards.searched import Searched
from search.campaign import load_with_space
from search.store import Opening, State
from space.choices.domains import Scalar

STEPS = 7
EPOCHS = 9
GUESS = 0.1
GRACE, REDUCTION = 1, 3.0
START = 1_700_000_000.0
POOL = 3000
"""More trials than these repeat earlier choices, with noise of their own."""

DATA: Mapping[str, Any] = {
    "checksum": "c0",
    "classes": [str(digit) for digit in range(10)],
    "counts": {"train": 1000, "validation": 200, "test": 597},
    "split": "validation",
    "guess": GUESS,
}
"""The facts of the data: ten classes, of which the most frequent is a tenth."""

_COLUMNS = (
    *("trial", "cell", "recurrent", "status", "reason", "split", "top1", "best", "top5", "loss"),
    *("epochs", "parameters", "macs", "seconds", "memory_mb", "origin", "control", "family"),
    *("winner", "digest", "seed", "motifs", "attempts", "suggested", "arrived"),
    *("created", "started", "ended"),
)

Worth = Callable[[Mapping[str, Scalar]], float]
"""What a full training with these choices scores, but for noise."""


def worth_of(choices: Mapping[str, Scalar]) -> float:
    """By default: feedback, a hidden state and an adding edge are worth something."""
    value = 0.35
    value += 0.10 * (choices.get("conv3->conv2") is True)
    value += 0.15 * (choices.get("hidden") == "present")
    value += 0.05 * (choices.get("hidden->out by") == "add")
    return value


def words_of(choices: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Some of the motifs that a network with these choices has, without the network."""
    words = {
        "feedback 3->2": choices.get("conv3->conv2") is True,
        "hidden": choices.get("hidden") == "present",
        "hidden->out plus": choices.get("hidden->out by") == "add",
        "hidden->out times": choices.get("hidden->out by") == "times",
        "out->out": choices.get("out->out") is True,
        "out keeps": choices.get("out->out keep") is True,
    }
    return tuple(sorted(word for word, there in words.items() if there))


def make_searched(  # noqa: PLR0913 - each is one thing that a test may want
    *,
    trials: int = 200,
    controls: int = 3,
    space: str | Mapping[str, Any] = "motifs-small",
    worth: Worth = worth_of,
    noise: float = 0.03,
    failed: float = 0.03,
    infeasible: float = 0.02,
    early_stopping: bool = True,
    running: int = 0,
    control_worth: Mapping[str, float] | None = None,
    choices: Sequence[Mapping[str, Scalar]] | None = None,
    workers: int = 2,
    name: str = "synthetic",
    state: State = "finished",
    seed: int = 0,
    document: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    openings: Iterable[Opening] = (),
    events: Iterable[Mapping[str, Any]] = (),
) -> Searched:
    """A campaign of `trials` searched trials after `controls` trainings of each control.

    `failed` and `infeasible` are shares; the last `running` trials have not ended. With
    `early_stopping` the scores meet rungs as ASHA has them (grace 1, reduction 3). `document` is
    laid over the campaign file, `choices` are those of the trials in place of drawn ones.
    `control_worth` is by the control's name; another family than "control" is written before it:
    "wider/feedforward".
    """
    file = _file(name, space, trials, early_stopping, seed)
    loaded = load_with_space({**file, **(document or {})})
    numbers = np.random.default_rng(seed)
    drawn = _draw(loaded.space.opened.sample, trials, choices, seed)
    values = control_worth or dict.fromkeys(loaded.space.controls, 0.45)
    known = [(key, value) for key, value in values.items() for _ in range(controls)]
    rows = [_control(*one, number, seed) for number, one in enumerate(known)]
    rows += [
        _suggested(made, len(known) + place, worth(made), loaded.campaign.sampler.name)
        for place, made in enumerate(drawn)
    ]
    frame = pd.DataFrame(rows, columns=None if rows else [*_COLUMNS, "worth"])
    epochs = int(loaded.campaign.recipe.epochs)
    curves = _curves(frame["worth"].to_numpy(float), noise, epochs, numbers)
    _end(frame, curves, (infeasible, failed), running, early_stopping, numbers)
    _time(frame, workers, numbers)
    return Searched(
        id=f"id-{name}"[:12],
        name=name,
        state=state,
        reason=None,
        settings=loaded.campaign,
        space=loaded.space,
        data=DATA if data is None else dict(data),
        seconds=float(frame["seconds"].sum()) / max(1, workers),
        trials=_in_order(frame),
        reports=_reports(frame, curves),
        steps=_steps(frame, curves),
        events=pd.DataFrame(list(events), columns=["at", "kind", "detail"]),
        openings=tuple(openings),
    )


def _file(
    name: str, space: str | Mapping[str, Any], trials: int, early_stopping: bool, seed: int
) -> dict[str, Any]:
    """The campaign file."""
    asha = {"name": "asha", "grace_epochs": GRACE, "reduction_factor": REDUCTION}
    return {
        "name": name,
        "space": space if isinstance(space, str) else dict(space),
        "data": {"name": "digits", "validation": 200},
        "recipe": {"epochs": EPOCHS},
        "sampler": {"name": "random"},
        "scheduler": asha if early_stopping else {"name": "fifo"},
        "budget": {"trials": max(1, trials)},
        "seed": seed,
    }


def _draw(
    sample: Callable[[random.Random], Mapping[str, Scalar]],
    trials: int,
    choices: Sequence[Mapping[str, Scalar]] | None,
    seed: int,
) -> Sequence[Mapping[str, Scalar]]:
    """The choices of every trial."""
    if choices is not None:
        return [choices[number % len(choices)] for number in range(trials)]
    rng = random.Random(seed)
    pool = [sample(rng) for _ in range(min(trials, POOL))]
    return [pool[number % len(pool)] for number in range(trials)]


def _control(key: str, worth: float, number: int, seed: int) -> dict[str, Any]:
    family, _, name = key.rpartition("/")
    return {
        "trial": number,
        "cell": name,
        "recurrent": "none",
        "origin": "control",
        "control": name,
        "family": family or "control",
        "worth": worth,
        "parameters": 20_000 + 100 * len(key),
        "macs": 1_500_000,
        "motifs": (),
        "digest": key.encode().hex()[-40:].rjust(40, "0"),
        "seed": seed + number,
    }


def _suggested(
    choices: Mapping[str, Scalar], number: int, worth: float, origin: str
) -> dict[str, Any]:
    feedback = any(k.startswith("conv3->conv2") and v is True for k, v in choices.items())
    size = 20_000 + 4000 * len(choices)
    return {
        "trial": number,
        "cell": f"cell {number % POOL}",
        "recurrent": "both" if feedback else "local",
        "origin": origin,
        "control": None,
        "family": None,
        "worth": worth,
        "parameters": size,
        "macs": 50 * size,
        "digest": f"{number % POOL:040x}",
        "motifs": words_of(choices),
        "seed": 0,
    } | {f"choice.{path}": value for path, value in choices.items()}


def _curves(
    worth: np.ndarray, noise: float, epochs: int, numbers: np.random.Generator
) -> np.ndarray:
    """Top-1 by trial and epoch [n, epochs]: from the constant answer up to the trial's worth."""
    last = worth + noise * numbers.standard_normal(len(worth))
    way = 1 - np.exp(-np.arange(1, epochs + 1) / (epochs / 4))
    way = way / way[-1]
    curves = GUESS + (last - GUESS)[:, None] * way
    curves[:, :-1] += noise / 2 * numbers.standard_normal((len(worth), epochs - 1))
    clipped: np.ndarray = np.clip(curves, 0.0, 1.0)
    return clipped.round(4)


def _end(
    frame: pd.DataFrame,
    curves: np.ndarray,
    shares: tuple[float, float],
    running: int,
    early_stopping: bool,
    numbers: np.random.Generator,
) -> None:
    """Write down how each trial ended and what it scored there.

    `shares` are those that are infeasible, and that fail. Nothing stops controls.
    """
    n, epochs = curves.shape
    status = np.full(n, "finished", dtype=object)
    reached = np.full(n, epochs)
    searched = (frame["origin"] != "control").to_numpy(bool)
    if early_stopping:
        rung = float(GRACE)
        while rung < epochs:
            at = int(rung)
            alive = np.flatnonzero(reached >= at)
            keep = max(1, int(np.ceil(len(alive) / REDUCTION)))
            worse = alive[np.argsort(-curves[alive, at - 1], kind="stable")[keep:]]
            worse = worse[searched[worse]]
            reached[worse], status[worse] = at, "pruned"
            rung *= REDUCTION
    lot = numbers.random((n,))
    without = searched & (lot < sum(shares))
    status[without] = np.where(lot[without] < shares[0], "infeasible", "failed")
    reached[without] = 0
    going = np.flatnonzero(searched)[::-1][:running]
    status[going], reached[going] = "running", 1
    scored = reached > 0
    at = np.maximum(reached, 1) - 1
    top1 = np.where(scored, curves[np.arange(n), at], np.nan)
    best = np.where(scored, np.maximum.accumulate(curves, axis=1)[np.arange(n), at], np.nan)
    reasons = {"infeasible": "9.0 M parameters, over 1.0 M", "failed": "diverged: the loss is nan"}
    frame["status"] = status
    frame["reason"] = [reasons.get(one) for one in status]
    frame["split"], frame["winner"] = "validation", None
    frame["top1"], frame["best"] = top1, best
    frame["top5"] = np.minimum(1.0, top1 + 0.3)
    frame["loss"] = 2.5 - 2 * top1
    frame["epochs"] = reached
    frame["memory_mb"] = np.where(scored, 200.0, np.nan)
    frame["attempts"] = (status != "infeasible").astype(int)


def _time(frame: pd.DataFrame, workers: int, numbers: np.random.Generator) -> None:
    """Let the trials run, in their order, on so many workers."""
    pace = 1.0 + 0.2 * numbers.random(len(frame))
    frame["seconds"] = np.round(frame["epochs"].to_numpy(float) * pace, 3)
    free, started, ended = [0.0] * workers, [], []
    for status, seconds in zip(frame["status"], frame["seconds"], strict=True):
        slot = free.index(min(free))
        trained = status != "infeasible"
        started.append(START + free[slot] if trained else np.nan)
        free[slot] += (seconds + 0.5) if trained else 0.0
        ended.append(START + free[slot] if status not in ("running", "waiting") else np.nan)
    places = np.argsort(np.array(ended, dtype=float), kind="stable")
    arrived = np.empty(len(frame), dtype=int)
    arrived[places] = 2 * np.arange(len(frame)) + 2
    over = ~np.isnan(np.array(ended, dtype=float))
    frame["suggested"] = 2 * np.arange(len(frame)) + 1
    frame["arrived"] = pd.array(np.where(over, arrived, 0), dtype="Int64")
    frame.loc[~over, "arrived"] = pd.NA
    for column, at in (("created", started), ("started", started), ("ended", ended)):
        seconds = pd.Series(at, index=frame.index, dtype=float)
        if column == "created":
            seconds = seconds.fillna(START)
        frame[column] = pd.to_datetime(seconds, unit="s", utc=True).dt.as_unit("us")


def _reports(frame: pd.DataFrame, curves: np.ndarray) -> pd.DataFrame:
    reached = frame["epochs"].to_numpy(int)
    place = np.repeat(np.arange(len(frame)), reached)
    epoch = np.arange(len(place)) - np.repeat(np.cumsum(reached) - reached, reached) + 1
    top1 = curves[place, epoch - 1]
    made = pd.DataFrame(
        {
            "trial": frame["trial"].to_numpy(int)[place],
            "epoch": epoch,
            "top1": top1,
            "top5": np.minimum(1.0, top1 + 0.3),
            "loss": 2.5 - 2 * top1,
            "train_loss": 2.4 - 2 * top1,
            "seconds": frame["seconds"].to_numpy(float)[place] * epoch / reached[place],
            "memory_mb": np.full(len(place), 200.0),
        }
    )
    begun = frame["suggested"].to_numpy(int)[place]
    order = np.lexsort((epoch, begun + 2 * epoch))  # trials that run at once report in turn
    return made.iloc[order].reset_index(drop=True)


def _steps(frame: pd.DataFrame, curves: np.ndarray) -> pd.DataFrame:
    """From guessing, at the steps that the image has not passed, up to the last score."""
    reached = frame["epochs"].to_numpy(int)
    scored = np.flatnonzero(reached)
    last = curves[scored, reached[scored] - 1]
    way = np.clip((np.arange(STEPS) - 1) / (STEPS - 2), 0.0, 1.0) ** 0.5
    recurrent = (frame["recurrent"].to_numpy()[scored] != "none")[:, None]
    way = np.where(recurrent, way, np.arange(STEPS) > 1)
    values = GUESS + (last - GUESS)[:, None] * way
    return pd.DataFrame(
        {
            "trial": np.repeat(frame["trial"].to_numpy(int)[scored], STEPS),
            "epoch": np.repeat(reached[scored], STEPS),
            "step": np.tile(np.arange(STEPS), len(scored)),
            "accuracy": np.round(values, 4).ravel(),
        }
    )


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """With the columns and types of `dashboards.frames.trials`."""
    frame = frame.reindex(columns=[*_COLUMNS, *(n for n in frame if str(n).startswith("choice."))])
    for name in ("parameters", "macs", "arrived"):
        frame[name] = frame[name].astype("Int64")
    for name in ("trial", "epochs", "seed", "attempts", "suggested"):
        frame[name] = frame[name].astype("int64")
    for name in ("top1", "best", "top5", "loss", "seconds", "memory_mb"):
        frame[name] = frame[name].astype(float)
    return frame
