"""Which choices, pairs of choices and motifs decide whether a network is among the best.

Optuna's conditional PED-ANOVA works it out (Watanabe et al. 2023, arXiv:2304.10255; for choices
that are made in some branches only, arXiv:2601.20800): how much the values among the best tenth of
the trials differ from those among all. It is given what is comparable: trials in the order of
(epochs reached, score), as a scheduler that prunes orders them, whatever their scores are worth at
different epochs; a failed training comes last, and what was never trained or has not ended is left
out.

Importance is a matter of correlation. A sampler that learns prefers several choices at once, and
then all of them look important together; a random search of the same space has no such trend.

Of many trials a part is looked at, and intervals are of a bootstrap: see dashboards/divergence.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.divergence import (
    BEST,
    FEWEST,
    ROUNDS,
    UPPER_HALF,
    Feature,
    Labels,
    estimate_interaction,
    estimate_parts,
)
from dashboards.frames import CHOICE
from dashboards.searched import Searched
from search.samplers.via_optuna import make_distribution
from space.choices.domains import Categorical, Domain, OutsideError

PAIRED = 6
"""Pairs are formed of so many choices: the most important ones."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """A choice and its part of the importance of all choices (0..1), with its 95 % interval."""

    choice: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class PairImportance:
    """How much two choices decide together beyond what each decides, among the trials that made
    both: the divergence of the pair of values, less the one that is left when the second's values
    are exchanged at random among the best, and among the others. An interval that holds 0 shows no
    interaction.
    """

    first: str
    second: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class MotifShare:
    """A motif, the shares of the best and of all trials that have it, and its part of the
    importance of all motifs (0..1), with its 95 % interval.

    Of motifs that the same trials have, only the shortest is listed.
    """

    motif: str
    share_best: float
    share_all: float
    importance: float
    low: float
    high: float


@lru_cache(maxsize=4)  # figures and the report's numbers ask alike
def rank_choices(
    searched: Searched, *, rounds: int = ROUNDS, seed: int = 0
) -> tuple[Importance, ...]:
    """Every choice that some trial made, the most important first; none of too few trials."""
    trials = order_trials(searched)
    features = {
        parameter.path: feature
        for parameter in searched.space.parameters
        if (feature := _read_choice(trials, parameter.path, parameter.domain)) is not None
    }
    values, low, high = estimate_parts(features, trials["place"].to_numpy(), rounds, seed)
    return tuple(
        Importance(choice=name, value=values[name], low=low[name], high=high[name])
        for name in sorted(values, key=lambda name: (-values[name], name))
    )


@lru_cache(maxsize=4)  # figures and the report's numbers ask alike
def rank_motifs(
    searched: Searched, *, rounds: int = ROUNDS, seed: int = 0
) -> tuple[MotifShare, ...]:
    """Every motif that some trials have and others have not, the most important first.

    Their importance is the mean of what distinguishes the best tenth and what distinguishes the
    better half: with so many motifs, the best of 300 trials alone are too few to rank them
    (benchmarks/motif_importance.py).
    """
    trials = order_trials(searched)
    presence = mark_motifs(list(trials["motifs"]))
    features = {name: Feature.binary(column) for name, column in presence.items()}
    places, bests = trials["place"].to_numpy(), (BEST, UPPER_HALF)
    values, low, high = estimate_parts(features, places, rounds, seed, bests=bests)
    best = math.ceil(BEST * len(trials))
    return tuple(
        MotifShare(
            motif=name,
            share_best=float(presence[name][:best].mean()),
            share_all=float(presence[name].mean()),
            importance=values[name],
            low=low[name],
            high=high[name],
        )
        for name in sorted(values, key=lambda name: (-values[name], name))
    )


def rank_pairs(
    searched: Searched, *, most: int = PAIRED, rounds: int = ROUNDS, seed: int = 0
) -> tuple[PairImportance, ...]:
    """The pairs among the `most` important choices, the strongest interaction first.

    Numbers are divided into three parts of equally many trials. Pairs that fewer than FEWEST
    trials made together are left out.
    """
    chosen = [one.choice for one in rank_choices(searched, rounds=0)[:most]]
    trials = order_trials(searched)
    domains = {parameter.path: parameter.domain for parameter in searched.space.parameters}
    features = {path: _read_choice(trials, path, domains[path]) for path in chosen}
    pairs = []
    for first, second in itertools.combinations(chosen, 2):
        one, other = features[first], features[second]
        if one is None or other is None:
            continue
        both = one.made & other.made
        if both.sum() >= FEWEST:
            labels = one.only(both).binned(), other.only(both).binned()
            places = trials["place"].to_numpy()[both]
            pairs.append((first, second, estimate_interaction(*labels, places, rounds, seed)))
    pairs.sort(key=lambda pair: -pair[2][0])
    return tuple(
        PairImportance(first=first, second=second, value=value, low=low, high=high)
        for first, second, (value, low, high) in pairs
    )


def order_trials(searched: Searched) -> pd.DataFrame:
    """The trials that can be compared, the best first: (epochs reached, score), failures last.

    `place` is equal for equal ones and counts from 0. Controls are no part of the search.
    """
    trials = searched.sampled
    trials = trials[trials["status"].isin(["finished", "pruned", "failed"])]
    failed = (trials["status"] == "failed") | trials["top1"].isna()
    epochs = trials["epochs"].where(~failed, -1)
    score = trials["top1"].where(~failed, -1.0)
    order = np.lexsort((-score.to_numpy(), -epochs.to_numpy()))
    ordered = trials.iloc[order]
    keys = pd.DataFrame({"epochs": epochs.to_numpy()[order], "score": score.to_numpy()[order]})
    changes = (keys != keys.shift()).any(axis=1).to_numpy()
    return ordered.assign(place=np.maximum(np.cumsum(changes) - 1, 0))


def mark_motifs(motifs: Sequence[Sequence[str]]) -> dict[str, NDArray[np.bool_]]:
    """Which of some trials have a motif, by motif: those that some have and others have not, and
    of several that the same trials have, the shortest.
    """
    words = sorted(set(itertools.chain.from_iterable(motifs)), key=lambda word: (len(word), word))
    places = {word: place for place, word in enumerate(words)}
    marks = np.zeros((len(words), len(motifs)), bool)
    for trial, there in enumerate(motifs):
        marks[[places[word] for word in there], trial] = True
    kept: dict[bytes, str] = {}
    for word, row in zip(words, marks, strict=True):
        if row.any() and not row.all():
            kept.setdefault(row.tobytes(), word)
    return {word: marks[places[word]] for word in kept.values()}


def _read_choice(trials: pd.DataFrame, path: str, domain: Domain) -> Feature | None:
    """What trials chose at a path; None where nobody could choose."""
    column = trials.get(f"{CHOICE}{path}")
    distribution = (
        Labels(domain.size) if isinstance(domain, Categorical) else make_distribution(domain)
    )
    if column is None or distribution.single():
        return None
    values, made = np.zeros(len(trials)), column.notna().to_numpy().copy()
    for rows in column.groupby(column.map(repr)).indices.values():
        number = _number(domain, column.iloc[int(rows[0])]) if made[rows[0]] else None
        made[rows] = number is not None
        values[rows] = number or 0.0
    return Feature(distribution=distribution, values=values, made=made) if made.any() else None


def _number(domain: Domain, value: Any) -> float | None:
    """A value as Optuna has it; None for one that the domain does not know."""
    try:
        accepted = domain.accept(value.item() if isinstance(value, np.generic) else value)
    except OutsideError:
        return None
    if isinstance(domain, Categorical):
        return float(
            next(
                place
                for place, option in enumerate(domain.options)
                if option is accepted or (type(option), option) == (type(accepted), accepted)
            )
        )
    assert isinstance(accepted, int | float)
    return float(accepted)
