"""Every figure of the report: a valid chart, small, in print size, with a text for ears."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache

import altair as alt
import pandas as pd
import pytest
import vl_convert

from dashboards.figures import FIGURES, Figure
from dashboards.figures.files import VEGA_LITE, write_spec
from dashboards.searched import Searched
from tests.support.charts import check_printable
from tests.support.searched import make_searched

BYTES = 160_000
"""Of a chart with its numbers."""


SLOW = ("importance", "pairs")
"""What does not grow with the trials, and takes seconds of 5,000."""


@cache
def make(trials: int) -> Searched:
    """A campaign with controls of two families."""
    worth = {"feedforward": 0.45, "wider/ff_wider": 0.5}
    made = make_searched(trials=trials, control_worth=worth, running=2)
    lesions = {
        "trial": [9] * 3,
        "part": ["conv3->conv2", "hidden->out plus", "out keep"],
        "kind": ["feedback", "edge", "gate"],
        "difference": [-0.1, -0.2, 0.01],
        "low": [-0.15, -0.3, float("nan")],
        "high": [-0.05, -0.1, float("nan")],
        "retrained": [True, False, False],
    }
    object.__setattr__(made, "lesions", pd.DataFrame(lesions))
    return made


@cache
def draw(name: str) -> Figure | None:
    """The figure of one campaign; `compare` has two."""
    campaigns = [make(300)]
    if name == "compare":
        campaigns.append(make_searched(trials=300, name="other", seed=1))
    return FIGURES[name](campaigns)


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_a_valid_chart_and_a_picture_of_print_size(name: str) -> None:
    figure = draw(name)
    assert figure is not None
    assert figure.name == name
    check_printable(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_its_text_is_a_sentence_with_numbers(name: str) -> None:
    figure = draw(name)
    assert figure is not None
    assert figure.text[0].isupper() or figure.text[0].isdigit() or name == "compare"
    assert figure.text.endswith(".")
    assert re.search(r"\d", figure.text)
    assert not re.search(r"\bnan\b|None[^ ]|<NA>|  |\.\.", figure.text)


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_small_whatever_the_number_of_trials(name: str) -> None:
    campaigns = [make(600 if name in SLOW else 5000)]
    figure = FIGURES[name](campaigns * 2 if name == "compare" else campaigns)
    assert figure is not None
    assert len(json.dumps(write_spec(figure))) < BYTES


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "campaigns",
    [
        [make_searched(trials=0, controls=0)],
        [make_searched(trials=0)],
        [make_searched(trials=1)],
        [make_searched(trials=1, controls=0, running=1)],
        [make_searched(trials=12, failed=1.0, infeasible=0.0, controls=0)],
        [make_searched(trials=12, failed=0.0, infeasible=1.0)],
        [make_searched(trials=0, controls=0), make_searched(trials=25, name="other")],
        [make_searched(trials=25), make_searched(trials=25, name="other", seed=1, data={})],
    ],
    ids=["empty", "controls", "one", "running", "failures", "infeasible", "half", "two"],
)
def test_little_is_drawn_or_not_but_is_no_error(name: str, campaigns: Sequence[Searched]) -> None:
    before = [one.trials.copy() for one in campaigns]
    figure = FIGURES[name](campaigns)
    assert all(a.equals(b.trials) for a, b in zip(before, campaigns, strict=True))
    if figure is None:
        return
    assert figure.text
    assert not re.search(r"\bnan\b|<NA>", figure.text)
    figure.chart.to_dict(validate=True)
    vl_convert.vegalite_to_vega(write_spec(figure), vl_version=VEGA_LITE)


@pytest.mark.parametrize("name", FIGURES)
def test_a_campaign_of_before_is_drawn(name: str) -> None:
    old = make_searched(trials=40)
    for column in ("recurrent", "family", "control"):
        old.trials[column] = None
    figure = FIGURES[name]([old])
    assert figure is None or figure.chart.to_dict(validate=True)


def test_the_version_that_draws_is_the_schemas() -> None:
    assert alt.SCHEMA_VERSION.removeprefix("v").startswith(f"{VEGA_LITE}.")
    assert VEGA_LITE in vl_convert.get_vegalite_versions()
