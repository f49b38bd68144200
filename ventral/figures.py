"""The figures of a report, each a function of its name that returns an Altair chart.

    ventral.figures.progress("tour")
    ventral.figures.progress("tour", "again", home="http://lab:5000")
    ventral.figures.progress(ventral.example("guided"))

`dir(ventral.figures)` lists them. One takes campaigns (ids, or names of the newest ones so called)
and, as `ventral.trials` does, a `home`: a folder or the address of an MLflow server; or campaigns
that were read before (`ventral.read_campaign`). They are those of `dashboards.figures`, which is
imported when one of them is asked for.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ventral.extras import guard_imports

if TYPE_CHECKING:
    import altair as alt

    from dashboards.searched import Searched


def __getattr__(name: str) -> "Callable[..., alt.TopLevelMixin]":
    """The figure of that name. Raises AttributeError for what is none."""
    if name.startswith("_"):
        raise AttributeError(f"module 'ventral.figures' has no attribute {name!r}")
    with guard_imports():
        from dashboards.figures import FIGURES

    if name not in FIGURES:
        raise AttributeError(f"there is no figure {name!r}; there are {', '.join(FIGURES)}")

    def draw(*campaigns: "str | Searched", home: str | Path | None = None) -> "alt.TopLevelMixin":
        """The figure of one campaign, or of several side by side.

        Raises VentralError if these have nothing to show in it, and what `ventral.trials` raises.
        """
        from space.errors import VentralError
        from ventral import read_campaign

        searched = [
            read_campaign(one, home=home) if isinstance(one, str) else one for one in campaigns
        ]
        figure = FIGURES[name](searched)
        if figure is None:
            of = " and ".join(one.name for one in searched)
            raise VentralError(f"campaign {of}: has nothing to show in the figure {name!r}")
        return figure.chart

    draw.__name__ = draw.__qualname__ = name
    return draw


def __dir__() -> list[str]:
    """The figures' names."""
    with guard_imports():
        from dashboards.figures import FIGURES

    return sorted(FIGURES)
