"""A map of the searched space: networks that are alike lie near each other, tried or not.

Two networks differ by the words that only one of them has (space/motifs.py), so that spellings and
inert choices move nothing. The map is the plane that keeps most of these distances: principal
components of the words' presence, which for such distances is classical scaling (Torgerson 1952),
worked out on at most LANDMARKS networks. Beside the trials lie networks drawn from the space's own
prior: what is there and was never tried shows as a drawn network with no trial near.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.searched import Searched
from space.errors import InputError
from space.motifs import name_motifs
from space.space import Space

DRAWN = 150
"""So many networks of the prior are drawn."""
LANDMARKS = 1000
FAR = 0.5
"""No trial is near a network if the nearest shares less than this part of the words of both."""
EXPECTED = 5
"""Of motifs that the prior has, those are said to be untried that so many trials were expected to
have."""
MOST_UNTRIED = 50

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SpaceMap:
    """`points` has a row a network: x, y, `kind` ("trial" or "drawn"), the `trial`'s number and
    its status, epochs, top1 and recurrent (missing for drawn ones), and for drawn ones the
    `distance` to the nearest trial (0..1: the part of the words of both that only one has) and
    whether that is `far`.

    `untried` has a row for motifs, and pairs of motifs, that the prior has and no trial: `motifs`
    and `share`, how much of the prior has them. `kept` is the part of the distances that the
    plane keeps (0..1).
    """

    points: pd.DataFrame
    untried: pd.DataFrame
    kept: float


def map_space(searched: Searched, *, drawn: int = DRAWN, seed: int = 0) -> SpaceMap | None:
    """The map of a campaign and of its space; None without a trial that was trained."""
    trials = searched.sampled
    trials = trials[trials["epochs"] > 0]
    if trials.empty:
        return None
    prior = draw_motifs(searched.space, drawn, seed)
    known = list(trials["motifs"])
    marks = _mark([*known, *prior])
    tried, others = marks[: len(known)], marks[len(known) :]
    places, kept = _project(marks, seed)
    distance = np.concatenate([np.full(len(known), np.nan), _nearest(others, tried)])
    columns = ["trial", "status", "epochs", "top1", "recurrent"]
    points = pd.concat([trials[columns], pd.DataFrame(index=range(len(prior)))], ignore_index=True)
    points["trial"] = points["trial"].astype("Int64")
    points["epochs"] = points["epochs"].astype("Int64")
    kind = ["trial"] * len(known) + ["drawn"] * len(prior)
    points = points.assign(
        x=places[:, 0], y=places[:, 1], kind=kind, distance=distance, far=distance > FAR
    )
    return SpaceMap(points=points, untried=_find_untried(known, prior), kept=kept)


def draw_motifs(space: Space, drawn: int, seed: int) -> list[tuple[str, ...]]:
    """The motifs of so many networks of a space; choices that make none are left out."""
    rng = random.Random(seed)
    motifs = []
    for _ in range(drawn):
        try:
            motifs.append(name_motifs(space.sample(rng).genome))
        except InputError:
            continue
    return motifs


def _mark(motifs: Sequence[Sequence[str]]) -> Numbers:
    """Which of the words each network has, 0 or 1 [N, words]."""
    words = sorted(set(itertools.chain.from_iterable(motifs)))
    places = {word: place for place, word in enumerate(words)}
    marks = np.zeros((len(motifs), len(words)))
    for row, there in enumerate(motifs):
        marks[row, [places[word] for word in there]] = 1.0
    return marks


def _project(marks: Numbers, seed: int) -> tuple[Numbers, float]:
    """(places in the plane [N, 2], the part of the variance that they keep)."""
    centred = marks - marks.mean(axis=0)
    landmarks = centred
    if len(centred) > LANDMARKS:
        chosen = np.random.default_rng(seed).choice(len(centred), LANDMARKS, replace=False)
        landmarks = centred[np.sort(chosen)]
    _, scales, axes = np.linalg.svd(landmarks, full_matrices=False)
    axes = axes[:2]
    if len(axes):  # of two signs, the one in which most of the axis is positive
        axes = axes * np.where(axes.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    places = np.zeros((len(marks), 2))
    places[:, : len(axes)] = centred @ axes.T
    total = float((scales**2).sum())
    return places, float((scales[:2] ** 2).sum()) / total if total else 1.0


def _nearest(networks: Numbers, tried: Numbers) -> Numbers:
    """The Jaccard distance of each network to the nearest tried one."""
    nearest = np.empty(len(networks))
    networks, tried = networks.astype(np.float32), tried.astype(np.float32)
    sizes = tried.sum(axis=1)
    for start in range(0, len(networks), LANDMARKS):
        part = networks[start : start + LANDMARKS]
        common = part @ tried.T
        union = part.sum(axis=1)[:, None] + sizes[None, :] - common
        distance = 1.0 - common / np.maximum(union, 1.0)
        distance[union == 0] = 0.0  # neither has a word
        nearest[start : start + len(part)] = distance.min(axis=1)
    return nearest


def _find_untried(tried: Sequence[Sequence[str]], prior: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Motifs, and pairs of them, of the prior that no trial has although it could be expected;
    a pair only where both its motifs were tried. The most frequent ones first.
    """
    marks = _mark([*tried, *prior])
    words = sorted({word for motifs in (*tried, *prior) for word in motifs})
    of_tried, of_prior = marks[: len(tried)], marks[len(tried) :]
    never = (of_tried.T @ of_tried) == 0
    share = of_prior.T @ of_prior / max(len(prior), 1)
    missing = never & (share * len(tried) >= EXPECTED)
    alone = np.diagonal(never)
    rows = [
        {"motifs": (words[i],) if i == j else (words[i], words[j]), "share": float(share[i, j])}
        for i, j in np.argwhere(np.triu(missing))
        if i == j or not (alone[i] or alone[j])
    ]
    rows.sort(key=lambda row: (-float(str(row["share"])), row["motifs"]))
    return pd.DataFrame(rows[:MOST_UNTRIED], columns=["motifs", "share"])
