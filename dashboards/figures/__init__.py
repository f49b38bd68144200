"""The figures of a report, one file each; those of other packages join them by an entry point."""

from dashboards.figures.choices import draw_choices
from dashboards.figures.compare import draw_compare
from dashboards.figures.curves import draw_curves
from dashboards.figures.feedback import draw_feedback
from dashboards.figures.figure import DrawFigure, Figure
from dashboards.figures.importance import draw_importance
from dashboards.figures.map import draw_map
from dashboards.figures.motifs import draw_motifs
from dashboards.figures.pairs import draw_pairs
from dashboards.figures.parallel import draw_parallel
from dashboards.figures.progress import draw_progress
from dashboards.figures.size import draw_size
from dashboards.figures.steps import draw_steps
from dashboards.figures.workers import draw_workers

FIGURES: dict[str, DrawFigure] = {
    "progress": draw_progress,
    "choices": draw_choices,
    "size": draw_size,
    "feedback": draw_feedback,
    "steps": draw_steps,
    "importance": draw_importance,
    "pairs": draw_pairs,
    "motifs": draw_motifs,
    "parallel": draw_parallel,
    "map": draw_map,
    "curves": draw_curves,
    "workers": draw_workers,
    "compare": draw_compare,
}
"""By name, in the order of the report."""

__all__ = ["FIGURES", "DrawFigure", "Figure"]
