"""Size against top-1: the front is Pareto's, and controls stand with their families."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures.size import draw_size, find_front
from tests.support.charts import find_style, find_units
from tests.support.searched import make_searched

NETWORKS = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), max_size=25)


@given(NETWORKS)
def test_the_front_is_what_nothing_beats(networks: list[tuple[int, int]]) -> None:
    sizes, scores = [n[0] for n in networks], [n[1] for n in networks]
    front = find_front(sizes, scores)
    unbeaten = {
        place
        for place, (size, score) in enumerate(networks)
        if not any(
            other <= size and better >= score and (other, better) != (size, score)
            for other, better in networks
        )
    }
    assert set(front) == unbeaten
    assert [networks[one] for one in front] == sorted(networks[one] for one in front)


def test_searched_networks_and_controls_are_all_there() -> None:
    worth = {"feedforward": 0.4, "wider/ff_wider": 0.5, "matched/ff": 0.55}
    searched = make_searched(trials=200, controls=3, control_worth=worth)
    figure = draw_size([searched])
    assert figure is not None
    full = searched.suggested[searched.suggested["status"] == "finished"]
    kinds = figure.frame["kind"].value_counts().to_dict()
    assert kinds == {"searched": len(full), "control": 1, "wider": 1, "matched": 1}
    wider = figure.frame[figure.frame["kind"] == "wider"].iloc[0]
    scores = searched.controls.loc[searched.controls["control"] == "ff_wider", "top1"]
    assert abs(wider["top1"] - scores.mean()) < 1e-12
    assert (wider["low"], wider["high"], wider["seeds"]) == (scores.min(), scores.max(), 3)
    assert "ff_wider (wider)" in figure.text
    best = full.sort_values("top1", ascending=False)["parameters"].tolist()[0]
    assert f"the best has {best:,} parameters" in figure.text
    assert len(find_style(figure, "trial")) == len(full)


def test_a_stopped_training_is_not_among_them() -> None:
    searched = make_searched(trials=100)
    searched.trials.loc[searched.trials["status"] == "pruned", "top1"] = 0.99
    figure = draw_size([searched])
    assert figure is not None
    assert figure.frame["top1"].max() < 0.99


def test_many_networks_are_counted_in_boxes() -> None:
    searched = make_searched(trials=3000, early_stopping=False)
    figure = draw_size([searched])
    assert figure is not None
    assert "counted in boxes" in figure.text
    counted = [
        unit["frame"]["trials"].sum() for unit in find_units(figure) if unit["type"] == "rect"
    ]
    full = searched.suggested[searched.suggested["status"] == "finished"]
    assert counted == [len(full), len(full)]
    assert not any(unit["style"] == "trial" for unit in find_units(figure))
