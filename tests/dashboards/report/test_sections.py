"""Which figure stands where."""

from dataclasses import replace

from dashboards.figures import FIGURES
from dashboards.report.sections import FURTHER, SECTIONS, sort_figures
from tests.support.searched import make_searched
from tests.support.small_figures import draw_points


def test_every_figure_of_ours_has_a_place_of_its_own() -> None:
    placed = [name for section in SECTIONS for name in section.names]
    assert len(placed) == len(set(placed))
    assert set(FIGURES) == set(placed)


def test_figures_of_others_come_last_and_empty_sections_are_left_out() -> None:
    points = draw_points([make_searched(trials=20)])
    progress, workers = (replace(points, name=name) for name in ("progress", "workers"))
    parts = sort_figures([points, workers, progress])
    assert [(section.id, [one.name for one in chosen]) for section, chosen in parts] == [
        ("search", ["progress"]),
        ("training", ["workers"]),
        (FURTHER.id, ["points"]),
    ]
    assert sort_figures([]) == []
