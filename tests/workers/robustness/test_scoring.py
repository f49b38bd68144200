"""Scores of several networks: shares, what late steps gain, who is better over the same images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.build import build
from space.errors import InputError
from tests.support.networks import network_with
from workers.data.pack import Pack
from workers.robustness.answers import Answers, AttackSettings, Condition, place_network
from workers.robustness.scoring import (
    Settings,
    choose_images,
    compare_models,
    score_answers,
    score_models,
)
from workers.shares import bound_share, compare_shares

NOISE = Condition(kind="noise", level=3)


def _answers(right: list[int], *steps: list[int]) -> Answers:
    return Answers(
        right=np.array(right, dtype=bool), by_step=np.array(steps, dtype=bool).T, first=2
    )


def test_a_row_says_what_late_steps_gain_and_how_much_more_than_when_clean() -> None:
    clean = _answers([1] * 6, [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0])
    spoilt = _answers([1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0])
    row = score_answers("one", NOISE, spoilt, clean)
    assert (row.kind, row.severity, row.strength, row.images) == ("noise", 3, 0.18, 4)
    share = bound_share(3, 4)
    assert (row.accuracy, row.low, row.high) == (share.value, share.low, share.high)
    assert (row.first, row.accuracy_by_step) == (2, (0.25, 0.5, 0.75))
    assert row.low_by_step[1] == bound_share(2, 4).low
    late = compare_shares(spoilt.by_step[:, 2], spoilt.by_step[:, 0])
    assert (row.late, row.late_low, row.late_high) == (0.5, late.low, late.high)
    # The same four images gain nothing when they are clean.
    assert row.late_gain == 0.5
    assert row.late_gain_low is not None
    assert row.late_gain_low <= 0.5
    whole = score_answers("one", Condition(), clean, clean)
    assert (whole.late_gain, whole.late_gain_low) == (None, None)
    assert whole.late == pytest.approx(1 / 6)


def test_nobody_is_better_whose_interval_includes_0() -> None:
    random = np.random.RandomState(0)
    good = random.rand(300) < 0.8
    slightly = good.copy()
    slightly[np.flatnonzero(good)[:3]] = False
    poor = random.rand(300) < 0.5

    def answer(right: np.ndarray) -> dict[Condition, Answers]:
        answers = Answers(right=right, by_step=right[:, None], first=0)
        return {Condition(): answers, NOISE: answers}

    compared = compare_models(
        {"good": answer(good), "slightly": answer(slightly), "poor": answer(poor)}
    )
    assert [(one.model, one.against, one.kind) for one in compared] == [
        ("good", "slightly", "clean"),
        ("good", "slightly", "noise"),
        ("good", "poor", "clean"),
        ("good", "poor", "noise"),
        ("slightly", "poor", "clean"),
        ("slightly", "poor", "noise"),
    ]
    assert [one.better for one in compared] == [None, None, "good", "good", *["slightly"] * 2]
    plain = compare_shares(good, poor)
    assert compared[2].p == pytest.approx(min(1, plain.p * 6))
    assert compared[0].p == pytest.approx(min(1, 2 * 0.25))
    turned = compare_models({"poor": answer(poor), "good": answer(good)})
    assert {one.better for one in turned} == {"good"}
    assert all(one.high < 0 for one in turned)


def test_networks_are_scored_on_the_same_images(digits: Pack) -> None:
    readers = {
        str(seed): place_network(build(network_with(), seed=seed), digits, 64, torch.device("cpu"))
        for seed in (1, 2)
    }
    settings = Settings(
        kinds=("contrast", "pgd-l2"),
        severities=(1, 5),
        attacks=AttackSettings(steps=2, restarts=1),
        images=40,
        attacked=10,
    )
    heard = []
    scores = score_models(
        readers, digits, "test", settings, lambda model, one: heard.append((model, one.kind))
    )
    assert [(row.kind, row.severity, row.images) for row in scores.rows[:5]] == [
        ("clean", 0, 40),
        ("contrast", 1, 40),
        ("contrast", 5, 40),
        ("pgd-l2", 1, 10),
        ("pgd-l2", 5, 10),
    ]
    assert [row.model for row in scores.rows] == ["1"] * 5 + ["2"] * 5
    assert heard == [(row.model, row.kind) for row in scores.rows]
    assert len(scores.comparisons) == 5
    for one, first, second in zip(
        scores.comparisons, scores.rows[:5], scores.rows[5:], strict=True
    ):
        assert one.difference == pytest.approx(first.accuracy - second.accuracy)
    assert scores == score_models(readers, digits, "test", settings)


def test_a_kind_that_the_images_do_not_have_is_refused_at_once() -> None:
    data = SimpleNamespace(channels=2, labels=lambda _split: np.zeros(3, dtype=np.int64))
    heard: list[str] = []
    with pytest.raises(InputError, match="kind: jpeg: images of 2 channels"):
        score_models(
            {},
            data,  # type: ignore[arg-type]
            "test",
            Settings(kinds=("noise", "jpeg")),
            lambda model, _: heard.append(model),
        )
    assert heard == []


def test_images_are_drawn_by_seed() -> None:
    settings = Settings(kinds=(), images=5)
    few, all_ = choose_images(50, settings), choose_images(50, Settings(kinds=()))
    assert few == all_[:5]
    assert sorted(all_) == list(range(50))
    assert choose_images(50, Settings(kinds=(), seed=1)) != all_


def test_settings_that_make_no_sense_are_refused_at_once() -> None:
    with pytest.raises(InputError, match="--severities: there is no 9"):
        Settings(kinds=("noise",), severities=(9,))
    with pytest.raises(InputError, match=r"step: -0\.1 is no distance"):
        Settings(kinds=("pgd-l2",), attacks=AttackSettings(step=-1.0))
