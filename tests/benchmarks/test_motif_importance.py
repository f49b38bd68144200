"""Few trials name most of the motifs that matter."""

from __future__ import annotations

import optuna
import pytest

from benchmarks.motif_importance import (
    METHODS,
    Case,
    compare,
    rank_by_optuna,
    rank_ours,
    search_cases,
    table_case,
)


@pytest.fixture(scope="module")
def guided() -> Case:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return next(case for case in search_cases() if case.name == "guided")


def test_a_few_draws_of_the_guided_search(guided: Case) -> None:
    agreement = compare(guided, "ventral", draws=5)
    assert len(agreement.counts) == 5
    assert agreement.median >= 3


def test_of_a_study_with_pruned_trials_optuna_takes_the_whole_trainings(guided: Case) -> None:
    theirs, ours = rank_by_optuna(guided.drawn), rank_ours(guided.drawn)
    assert theirs[:5] != ours[:5]
    assert set(theirs) <= {word for words in guided.drawn.trials["motifs"] for word in words}


@pytest.mark.slow
def test_300_trials_name_four_of_the_five_most_important_motifs(guided: Case) -> None:
    """Of the default sampler's search at scale, and of the table of truth."""
    for case in (guided, table_case("8px")):
        found = {method: compare(case, method) for method in METHODS}
        for method, agreement in found.items():
            print(f"{case.name}, {method}: {agreement.median:g} (mean {agreement.mean:.2f})")
        assert found["ventral"].median >= 4
        assert found["ventral"].mean >= found["optuna, whole trainings"].mean
