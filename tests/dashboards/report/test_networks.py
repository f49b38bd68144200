"""The best networks: in the order of `ventral top`, beside controls, and what their lead shows."""

from dataclasses import replace

import pandas as pd

from dashboards.report import networks
from search.campaign import load_with_space
from tests.support.searched import make_searched


def test_the_best_are_in_order_and_controls_apart() -> None:
    searched = make_searched(trials=80)
    best = networks.list_best(searched)
    assert [one.top1 for one in best] == sorted((one.top1 for one in best), reverse=True)
    assert len(best) == networks.TOP
    assert best[0].top1 == searched.suggested["top1"].max()
    assert not {one.trial for one in best} & set(searched.controls["trial"])


def test_a_network_that_was_trained_often_is_listed_once() -> None:
    searched = make_searched(trials=80)
    first = networks.list_best(searched)[0]
    trials = searched.trials.copy()
    digest = trials.loc[trials["trial"] == first.trial, "digest"].iloc[0]
    second = networks.list_best(searched)[1]
    trials.loc[trials["trial"] == second.trial, "digest"] = digest
    best = networks.list_best(replace(searched, trials=trials))
    assert best[0].role == f"trial {first.trial}, best of its 2"
    assert second.trial not in {one.trial for one in best}


def test_a_control_s_score_is_the_mean_over_its_seeds() -> None:
    searched = make_searched(trials=20, controls=4)
    (control,) = networks.list_controls(searched)
    scores = searched.controls["top1"]
    assert control.role == "control feedforward"
    assert control.seeds == 4
    assert control.top1 == scores.mean()
    assert control.deviation == scores.std()
    assert networks.list_controls(make_searched(trials=20, controls=0)) == []


def test_a_gain_is_over_controls_of_as_many_epochs() -> None:
    searched = make_searched(trials=80)
    (control,) = networks.list_controls(searched)
    for one in networks.list_best(searched, 80):
        assert one.gain == (None if one.early else one.top1 - control.top1)


def test_kinds_are_side_by_side_and_full_trainings_come_first() -> None:
    searched = make_searched(trials=80)
    trials = searched.trials.copy()
    trials.loc[trials["trial"] % 2 == 0, "recurrent"] = "none"
    early = trials["status"] == "pruned"
    trials.loc[early, "top1"] = 0.99  # of a first epoch
    recurrent, plain = networks.find_best_kinds(replace(searched, trials=trials))
    assert recurrent is not None
    assert plain is not None
    assert (recurrent.is_recurrent, plain.is_recurrent) == (True, False)
    assert not recurrent.early
    assert not plain.early
    assert networks.find_best_kinds(make_searched(trials=20, failed=1.0)) == (None, None)


def test_the_genome_is_that_of_the_trial_s_choices() -> None:
    space = load_with_space(
        {"name": "s", "space": "motifs-small", "data": {"name": "digits"}}
    ).space
    searched = make_searched(trials=40)
    for one in networks.list_best(searched, 5):
        row = searched.trials[searched.trials["trial"] == one.trial].iloc[0]
        made = {
            str(key).removeprefix("choice."): value
            for key, value in row.dropna().items()
            if str(key).startswith("choice.")
        }
        genome = networks.read_genome(searched, one)
        assert genome is not None
        assert genome.digest == space.close(made).digest
    (control,) = networks.list_controls(searched)
    genome = networks.read_genome(searched, control)
    assert genome is not None
    assert genome.digest == space.control("feedforward").digest


def test_choices_of_another_space_make_no_genome() -> None:
    searched = make_searched(trials=40)
    best = networks.list_best(searched)[0]
    other = replace(searched, trials=searched.trials.drop(columns=["choice.hidden"]))
    assert networks.read_genome(other, best) is None


def test_the_lead_is_said_with_its_price_and_without_a_conclusion() -> None:
    searched = make_searched(trials=80)
    recurrent, plain = networks.find_best_kinds(searched)
    controls = networks.list_controls(searched)
    text = networks.describe_lead(recurrent, plain, controls)
    assert "points above control feedforward (the mean of 3 seeds), with " in text
    assert "times its parameters and" in text
    assert "does not show" in text
    assert "nothing is shown" in networks.describe_lead(recurrent, None, [])
    assert "No recurrent network" in networks.describe_lead(None, plain, controls)
    assert recurrent is not None
    behind = replace(recurrent, top1=0.2)
    assert "points below" in networks.describe_lead(behind, None, controls)


def test_the_effects_of_lesions_are_those_with_trainings_where_there_are_any() -> None:
    searched = make_searched(trials=40)
    best = networks.list_best(searched)[0]
    assert networks.read_effects(searched, best) == ({}, False)
    kept = {"trial": best.trial, "kind": "edge", "low": None, "high": None, "retrained": False}
    rows = [
        kept | {"part": "a", "difference": -0.2},
        kept | {"part": "b", "difference": None},
        kept | {"part": "c", "difference": -0.1, "trial": best.trial + 1},
    ]
    lesioned = replace(searched, lesions=pd.DataFrame(rows))
    assert networks.read_effects(lesioned, best) == ({"a": -0.2}, False)
    rows.append(kept | {"part": "a", "difference": -0.05, "retrained": True})
    lesioned = replace(searched, lesions=pd.DataFrame(rows))
    assert networks.read_effects(lesioned, best) == ({"a": -0.05}, True)
