"""The figures of a report, one file each; those of other packages join them by an entry point."""

from dashboards.figures.figure import DrawFigure, Figure
from dashboards.figures.progress import draw_progress

FIGURES: dict[str, DrawFigure] = {
    "progress": draw_progress,
}
"""By name, in the order of the report."""

__all__ = ["FIGURES", "DrawFigure", "Figure"]
