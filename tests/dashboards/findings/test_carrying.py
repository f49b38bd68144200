"""Stopped trainings are carried on as those that went on have gone."""

import numpy as np
import pandas as pd
import pytest

from dashboards.findings.carrying import carry_on, list_epochs, select_pairs


def make_curves() -> tuple[pd.DataFrame, pd.DataFrame]:
    """30 trainings of 4 epochs, of which the 15 worse ones stopped at the second. All end at twice
    their score of then.
    """
    rng = np.random.default_rng(0)
    early = np.sort(rng.uniform(0.1, 0.4, 30))
    curves = pd.DataFrame({1: early / 2, 2: early, 3: early * 1.5, 4: early * 2})
    curves.loc[:14, [3, 4]] = np.nan
    stopped = pd.DataFrame({"trial": range(15), "epochs": 2, "top1": early[:15]})
    return curves, stopped


def test_the_epochs_at_which_trainings_were_stopped() -> None:
    curves, stopped = make_curves()
    assert list_epochs(curves, stopped, 4) == [2]
    assert list_epochs(curves.iloc[:20], stopped, 4) == []  # too few went on
    first, second = select_pairs(curves, 2, 4)
    assert second == pytest.approx([2 * one for one in first])


def test_they_follow_the_line_beyond_those_that_went_on() -> None:
    curves, stopped = make_curves()
    finals = carry_on(curves, stopped, [2], 4, 50)
    assert finals.shape == (50, 15)
    assert finals.mean(axis=0) == pytest.approx(2 * stopped["top1"].to_numpy(), abs=0.02)


def test_the_further_beyond_the_less_is_known() -> None:
    curves, stopped = make_curves()
    curves[4] += np.random.default_rng(1).normal(0.0, 0.05, 30)
    spread = carry_on(curves, stopped, [2], 4, 400).std(axis=0)
    assert spread[0] > spread[-1]
