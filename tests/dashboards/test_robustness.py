"""Figures of robustness: valid charts of print size whose texts say what they show."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np

from dashboards.figures.files import draw_svg
from dashboards.robustness import draw_figures, tabulate_steps
from tests.support.charts import check_printable, find_style
from workers.robustness.answers import KINDS, Answers, Condition
from workers.robustness.scoring import Scores, compare_models, score_answers


def _scores(*models: str) -> Scores:
    """Networks that lose with severity what they gain back over time."""
    random = np.random.RandomState(0)
    conditions = [
        Condition(),
        *(Condition(kind=kind, level=k) for kind in KINDS for k in (1, 3, 5)),
    ]
    answered = {}
    for model in models:
        answered[model] = {
            one: Answers(
                right=(steps := random.rand(80, 5) < 0.8 - 0.1 * one.level + 0.04 * np.arange(5))[
                    :, -1
                ],
                by_step=steps,
                first=3,
            )
            for one in conditions
        }
    rows = [
        score_answers(model, condition, answers, answered[model][Condition()])
        for model in models
        for condition, answers in answered[model].items()
    ]
    return Scores(tuple(rows), tuple(compare_models(answered)))


def test_figures_are_valid_and_of_print_size() -> None:
    figures = draw_figures(_scores("one", "a_long_name" * 8))
    assert len(figures) == 3
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        check_printable(figure)
        assert figure.text.endswith(".")
        assert not re.search(r"\bnan\b|None|  |\.\.", figure.text)
    assert "Of 25 comparisons" in figures[0].text or "none of 25" in figures[0].text
    alone = draw_figures(_scores("one"))
    assert [figure.name for figure in alone] == ["robustness", "robustness-steps"]
    assert "comparisons" not in alone[0].text


def test_names_that_are_shortened_alike_stay_two_lines() -> None:
    names = [f"{'a' * 30}{middle}{'z' * 30}" for middle in "bc"]
    severity = draw_figures(_scores(*names))[0]
    assert "…" in draw_svg(severity)
    spec = json.dumps(severity.chart.to_dict())
    assert all(name in spec for name in names)


def test_every_panel_begins_with_the_clean_images() -> None:
    scores = _scores("one")
    severity, steps = draw_figures(scores)
    for kind in KINDS:
        panel = severity.frame[severity.frame["kind"] == kind]
        assert panel["severity"].tolist() == [0, 1, 3, 5]
        assert panel["accuracy"].iloc[0] == scores.rows[0].accuracy
    shown = find_style(steps, "mean")
    assert set(shown["step"]) == {3, 4, 5, 6, 7}
    worst = next(row for row in scores.rows if (row.kind, row.severity) == ("noise", 5))
    assert f"noise 5: {100 * worst.late:+.1f}" in steps.text


def test_the_table_is_tidy() -> None:
    table = tabulate_steps(_scores("one").rows)
    assert len(table) == 25 * 6
    assert table["step"].isna().sum() == 25
    assert not table.drop(columns="step").isna().any().any()


def test_clean_images_alone_are_no_figure() -> None:
    scores = _scores("one")
    assert draw_figures(replace(scores, rows=scores.rows[:1])) == ()
