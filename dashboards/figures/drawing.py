"""Draws all figures of a report: Ventral's, and those that installed packages add.

A package adds one by an entry point of the group `ventral.figures`, whose name is the figure's and
whose object is a function like those of FIGURES (docs/extending.md). A report has the other
figures also where one cannot be drawn: that is a warning in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

import altair as alt
import pandas as pd

from dashboards.figures.figure import DrawFigure, Figure
from dashboards.searched import Searched
from space.documents.extensions import PAGE, load_object
from space.documents.validation import quote
from space.errors import InputError

GROUP = "ventral.figures"
_NAME = r"[a-z0-9][a-z0-9_-]{0,63}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """The figures that there are, in the report's order, and a sentence for each that failed."""

    figures: tuple[Figure, ...]
    warnings: tuple[str, ...]


def draw_all(campaigns: Sequence[Searched], figures: Mapping[str, DrawFigure]) -> Drawn:
    """Draw `figures` (FIGURES), then those of entry points by name. Raises nothing of theirs."""
    drawn: list[Figure] = []
    warnings: list[str] = []
    outside, problems = _load_outside(figures)
    warnings += problems
    for name, draw in {**figures, **outside}.items():
        try:
            figure = _check(draw(campaigns), name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are drawn
            problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            warnings.append(f"The figure {quote(name)} could not be drawn ({problem}).")
            continue
        if figure is not None:
            drawn.append(figure)
    return Drawn(figures=tuple(drawn), warnings=tuple(warnings))


def _load_outside(figures: Mapping[str, DrawFigure]) -> tuple[dict[str, DrawFigure], list[str]]:
    """The functions of other packages by the figure's name, and what is wrong with the rest."""
    functions: dict[str, DrawFigure] = {}
    warnings = []
    points = {(point.name, point.value) for point in metadata.entry_points(group=GROUP)}
    for name, value in sorted(points):
        try:
            if re.fullmatch(_NAME, name) is None:
                raise InputError("", "its name is no name of a file", "write a-z, 0-9, - and _")
            if name in figures or name in functions:
                raise InputError("", "there is a figure of that name", "give it another one")
            function = load_object(value.partition("[")[0].strip())
            if not callable(function):
                raise InputError("", f"{value} is not a function", f"see {PAGE}")
            functions[name] = function
        except InputError as error:
            problem = f"{error.problem}; {error.cure}" if error.cure else error.problem
            warnings.append(f"The figure {quote(name)} of {value} was left out: {problem}.")
    return functions, warnings


def _check(figure: object, name: str) -> Figure | None:
    """What a function returned, if it is what it should be. Raises TypeError or ValueError."""
    if figure is None:
        return None
    if not isinstance(figure, Figure):
        raise TypeError(f"it returned a {type(figure).__name__}, not a Figure")
    if figure.name != name:
        raise ValueError(f"it calls itself {quote(figure.name)}")
    if not isinstance(figure.chart, alt.TopLevelMixin) or not isinstance(
        figure.frame, pd.DataFrame
    ):
        raise TypeError("its chart is not Altair's, or its frame not a pandas frame")
    return figure
