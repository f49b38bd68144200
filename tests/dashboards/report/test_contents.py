"""What a report says: findings and figures of campaigns, as values and as JSON."""

from __future__ import annotations

import json

import pytest

from dashboards.figures import FIGURES
from dashboards.findings import QUESTIONS, Finding
from dashboards.report import contents
from dashboards.searched import Searched
from space.errors import VentralError
from tests.support.searched import make_searched
from tests.support.small_figures import draw_bars, draw_points


def answer(searched: Searched) -> Finding:
    """A question whose value no JSON has."""
    return Finding(
        name="seed_noise",
        status="fail",
        value=float("inf"),
        threshold=0.5,
        text=f"{searched.name} is noise.",
        next=f"ventral certify {searched.id}",
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two figures and two questions, of which one does not arise, in the place of all."""
    for registry, entries in (
        (FIGURES, {"points": draw_points, "bars": draw_bars}),
        (QUESTIONS, {"seed_noise": answer, "stopping": lambda _: None}),
    ):
        for name in list(registry):
            monkeypatch.delitem(registry, name)
        for name, entry in entries.items():
            monkeypatch.setitem(registry, name, entry)


@pytest.mark.usefixtures("small")
def test_a_report_of_one_campaign() -> None:
    searched = make_searched(trials=20)
    made = contents.collect_contents([searched])
    assert [figure.name for figure in made.figures] == ["points", "bars"]
    assert made.undrawn == ()
    (judged,) = made.judged
    assert [finding.name for finding in judged.findings] == ["seed_noise"]


@pytest.mark.usefixtures("small")
def test_a_report_of_several_campaigns_names_the_campaign_of_every_entry() -> None:
    one, two = make_searched(trials=20, name="one"), make_searched(trials=20, name="two")
    made = contents.collect_contents([one, two])
    assert made.undrawn == ("bars",)
    document = made.document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [entry["id"] for entry in document["campaigns"]] == [one.id, two.id]
    assert [(entry["campaign"], entry["value"]) for entry in document["verdicts"]] == [
        (one.id, None),
        (two.id, None),
    ]
    assert set(document["verdicts"][0]) == {
        *("campaign", "name", "status", "value", "threshold", "text", "next"),
    }


@pytest.mark.usefixtures("small")
def test_a_figure_that_cannot_be_drawn_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_campaigns: object) -> None:
        raise ZeroDivisionError("no trial")

    monkeypatch.setitem(FIGURES, "points", fail)
    made = contents.collect_contents([make_searched(trials=20)])
    assert [figure.name for figure in made.figures] == ["bars"]
    assert made.undrawn == ("points",)
    (warning,) = made.warnings
    assert "points" in warning
    assert "no trial" in warning


def test_a_campaign_without_an_ended_trial_has_nothing_to_report() -> None:
    begun = make_searched(trials=4, controls=0, running=4, failed=0, infeasible=0, state="running")
    with pytest.raises(VentralError, match="none of its 4 trials has ended; `ventral status"):
        contents.collect_contents([begun])
    with pytest.raises(ValueError, match="at least"):
        contents.collect_contents([])
