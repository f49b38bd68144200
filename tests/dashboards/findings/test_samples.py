"""What the questions read of a campaign: who ended how, and the noise of the seed."""

import math
from dataclasses import replace

import pytest

from dashboards.findings.samples import (
    charge_hours,
    count_images,
    measure_noise,
    pool_noise,
    select_ended,
    select_trained,
    select_whole,
    tabulate_curves,
)
from tests.support.findings import change_trials, small_search


def test_trials_by_how_far_they_came() -> None:
    searched = change_trials(small_search(), [0], {"status": "running"})
    ended, trained, whole = (
        set(select(searched)["trial"]) for select in (select_ended, select_trained, select_whole)
    )
    assert whole < trained <= ended == set(range(1, 80))
    controls = change_trials(searched, [1], {"origin": "control"})
    assert 1 not in set(select_ended(controls)["trial"])


def test_the_noise_is_pooled_over_networks() -> None:
    noise = pool_noise([[0.5, 0.6], [0.1, 0.1, 0.1], [0.9]], 0.0)
    assert noise.freedom == 3
    assert noise.deviation == pytest.approx(math.sqrt(0.005 / 3))
    assert noise.known
    assert pool_noise([[0.5, 0.5]], 0.01).deviation == 0.01
    assert not pool_noise([[0.5, 0.6]], 0.0).known


def test_the_noise_is_that_of_controls_and_certifications() -> None:
    searched = small_search()
    certified = measure_noise(searched)
    assert certified.freedom == 12 * 4
    assert certified.deviation == pytest.approx(0.01, rel=0.3)
    alone = replace(searched, evidence=None)
    assert measure_noise(alone).freedom == 0
    finished = select_whole(searched)["trial"].tolist()[:4]
    controls = change_trials(alone, finished, {"origin": "control", "control": "plain"})
    assert measure_noise(controls).freedom == 3


def test_curves_images_and_hours() -> None:
    searched = small_search()
    curves = tabulate_curves(searched.reports)
    assert list(curves.columns) == list(range(1, 10))
    first = searched.reports.iloc[0]
    assert curves.loc[first["trial"], first["epoch"]] == first["top1"]
    assert count_images(searched) == 400
    assert charge_hours(searched) == pytest.approx(searched.trials["seconds"].sum() / 3600)
