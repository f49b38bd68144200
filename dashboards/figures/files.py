"""A figure as files: the picture for print, the chart, and the numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert

from dashboards.figures.figure import Figure
from dashboards.figures.theme import LIGHT, PAIRS
from space.documents.outside import escape_markup, printable
from workers.files import replace

VEGA_LITE = "6.4"
"""The version that draws: the one of Altair's schema."""


def write_spec(figure: Figure) -> dict[str, Any]:
    """The chart as a Vega-Lite document without colours; its description is the figure's text.

    A page gives it to vega-embed with `theme.LIGHT` or `theme.DARK` as `config`. Its texts are
    printable: Vega escapes mark-up where it draws, and leaves in what steers the direction of
    text, or what no XML may hold.
    """
    with alt.theme.enable("none"):
        spec: dict[str, Any] = figure.chart.to_dict(validate=False)
    clean: dict[str, Any] = _make_printable({**spec, "description": figure.text})
    return clean


def _make_printable(node: Any) -> Any:
    """A tree of JSON with every text in it, keys too, made printable."""
    if isinstance(node, str):
        return printable(node, lines=True)
    if isinstance(node, dict):
        return {printable(key, lines=True): _make_printable(child) for key, child in node.items()}
    return [_make_printable(child) for child in node] if isinstance(node, list) else node


def draw_svg(figure: Figure) -> str:
    """The figure in print size, in light colours; dark where the page that shows it is dark.

    The same bytes for the same figure.
    """
    svg = vl_convert.vegalite_to_svg(write_spec(figure), vl_version=VEGA_LITE, config=LIGHT)
    points = re.sub(r' (width|height)="([\d.]+)"', r' \1="\2pt"', svg[: svg.index(">")])
    named = f'{points} role="img" aria-labelledby="title text">'
    texts = (
        f'<title id="title">{escape_markup(figure.title)}</title>'
        f'<desc id="text">{escape_markup(figure.text)}</desc><style>{_write_dark()}</style>'
    )
    return named + texts + svg[svg.index(">") + 1 :] + "\n"


def write_figure(figure: Figure, folder: Path) -> tuple[Path, ...]:
    """Write NAME.svg, NAME.csv and NAME.vl.json, each whole or not at all.

    Raises OSError.
    """
    spec = write_spec(figure) | {"config": LIGHT}
    texts = {
        "svg": draw_svg(figure),
        "csv": figure.frame.to_csv(index=False, lineterminator="\n", float_format="%.6g"),
        "vl.json": json.dumps(spec, indent=1, ensure_ascii=False) + "\n",
    }
    paths = []
    for suffix, text in texts.items():
        path = folder / f"{figure.name}.{suffix}"
        replace(path, text.encode())
        paths.append(path)
    return tuple(paths)


def _write_dark() -> str:
    """Rules that exchange the colours on a dark page. What knows no rules shows the light ones."""
    rules = "".join(
        f'[fill="{name}"]{{fill:{dark}}}[stroke="{name}"]{{stroke:{dark}}}'
        for light, dark in PAIRS.items()
        for name in (light, *(["white"] if light == "#ffffff" else []))
    )
    return f"@media screen and (prefers-color-scheme:dark){{{rules}}}"
