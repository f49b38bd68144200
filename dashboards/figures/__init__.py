"""The figures of a report, one file each; those of other packages join them by an entry point."""

from dashboards.figures.figure import DrawFigure, Figure

FIGURES: dict[str, DrawFigure] = {}
"""By name, in the order of the report."""

__all__ = ["FIGURES", "DrawFigure", "Figure"]
