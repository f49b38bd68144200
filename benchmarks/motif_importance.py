"""How well few trials say which motifs matter: the five most important ones of 300, against those
of all, beside Optuna's evaluator as it comes.

    python -m benchmarks.motif_importance [--draws N]

On the searches at scale that come with Ventral, where "all" are all trials of the search; and on
the tables of truth, where every network of the space was trained: there the five are those of what
the networks are really worth (means over seeds), and a draw sees one training of each of its
networks. The score is how many of the five are the same, as a median over draws (and the mean).

Optuna's evaluator as it comes (the best tenth) gets the same binary choices, once of the trials
that ran to the end, which is what it takes of a study with pruned trials, and once of all in our
order.
"""

import argparse
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
import pandas as pd

from benchmarks.search_quality import load, published
from benchmarks.search_quality.table import Table
from benchmarks.search_quality.tasks import HALVES, TASKS, every
from dashboards.importance import mark_motifs, order_trials, rank_motifs
from dashboards.saved import example_names, load_example
from dashboards.searched import Searched
from space.motifs import name_motifs

MOST = 5
TRIALS = 300
DRAWS = 20

Rank = Callable[[Searched], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is drawn from, and the search whose motifs count: `whole`."""

    name: str
    drawn: Searched
    whole: Searched
    trials: int = TRIALS


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How many of the most important motifs a draw names, by draw."""

    case: str
    method: str
    counts: tuple[int, ...]

    @property
    def median(self) -> float:
        return float(np.median(self.counts))

    @property
    def mean(self) -> float:
        return float(np.mean(self.counts))


def rank_ours(searched: Searched) -> list[str]:
    """The motifs, the most important first, as a report has them."""
    return [one.motif for one in rank_motifs(searched, rounds=0)]


def rank_by_optuna(searched: Searched) -> list[str]:
    """As Optuna's evaluator has them, of the trials that ran to the end and their scores."""
    trials = searched.suggested
    whole = trials[(trials["status"] == "finished") & trials["top1"].notna()]
    return _evaluate(whole, whole["top1"].tolist())


def rank_by_optuna_in_our_order(searched: Searched) -> list[str]:
    """As Optuna's evaluator has them, of all trials in the order of (epochs, score)."""
    ordered = order_trials(searched)
    return _evaluate(ordered, (-ordered["place"]).tolist())


METHODS: dict[str, Rank] = {
    "ventral": rank_ours,
    "optuna, whole trainings": rank_by_optuna,
    "optuna, in our order": rank_by_optuna_in_our_order,
}


def _evaluate(trials: pd.DataFrame, values: Sequence[float]) -> list[str]:
    """The order of the motifs by Optuna's own function and its defaults."""
    marks = mark_motifs(list(trials["motifs"]))
    study = optuna.create_study(direction="maximize")
    distribution = optuna.distributions.CategoricalDistribution([False, True])
    for place, value in enumerate(values):
        params = {motif: bool(row[place]) for motif, row in marks.items()}
        study.add_trial(
            optuna.trial.create_trial(
                value=value, params=params, distributions=dict.fromkeys(params, distribution)
            )
        )
    return list(optuna.importance.get_param_importances(study))


def compare(case: Case, method: str, draws: int = DRAWS) -> Agreement:
    """One method on draws of a case; the draws are the same for all methods."""
    rank = METHODS[method]
    wanted = set(rank(case.whole)[:MOST])
    rows = case.drawn.suggested
    rng = np.random.default_rng(0)
    counts = []
    for _ in range(draws):
        chosen = np.sort(rng.choice(len(rows), min(case.trials, len(rows)), replace=False))
        part = dataclasses.replace(case.drawn, trials=rows.iloc[chosen])
        counts.append(len(wanted & set(rank(part)[:MOST])))
    return Agreement(case=case.name, method=method, counts=tuple(counts))


# ------------------------------------------------------------------------------------- cases


def search_cases() -> Iterator[Case]:
    """The searches at scale, each by itself, and all in one."""
    searches = [load_example(name) for name in example_names()]
    for searched in searches:
        yield Case(name=searched.name, drawn=searched, whole=searched)
    trials = pd.concat([searched.suggested for searched in searches], ignore_index=True)
    together = dataclasses.replace(searches[0], trials=trials)
    yield Case(name="all searches", drawn=together, whole=together)


def table_case(task: str, trials: int = TRIALS) -> Case:
    """A table of truth."""
    table, example = load(task), load_example(example_names()[0])
    motifs = _read_motifs(task, table)
    rows = pd.DataFrame(
        {
            "trial": range(len(motifs)),
            "suggested": range(len(motifs)),
            "origin": "table",
            "family": None,
            "status": "finished",
            "epochs": 1,
            "motifs": pd.Series(list(motifs.values()), dtype=object),
        }
    )
    one = [table.by_digest[digest][0].final for digest in motifs]
    truth = [table.truth[digest] for digest in motifs]
    return Case(
        name=f"table of truth, {task}",
        drawn=dataclasses.replace(example, trials=rows.assign(top1=one)),
        whole=dataclasses.replace(example, trials=rows.assign(top1=truth)),
        trials=trials,
    )


def _read_motifs(task: str, table: Table) -> dict[str, tuple[str, ...]]:
    """The motifs of a table's networks, by digest; each is of one half of the task's space."""
    motifs = {}
    for half in HALVES:
        space = TASKS[task].space(half)
        for choices in every(space.parameters):
            sample = space.close(choices)
            if sample.digest in table.by_digest:
                motifs[sample.digest] = name_motifs(sample.genome)
    return motifs


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--draws", type=int, default=DRAWS)
    chosen = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    cases = list(search_cases())
    # Of a table of 252 networks, 300 would be all.
    cases += [table_case(task, 300 if task == "8px" else 100) for task in published()]
    print("| drawn from | trials | " + " | ".join(METHODS) + " |")
    print("|---" * (len(METHODS) + 2) + "|")
    for case in cases:
        found = [compare(case, method, chosen.draws) for method in METHODS]
        cells = [f"{one.median:g} ({one.mean:.1f})" for one in found]
        print(f"| {case.name} | {case.trials} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
