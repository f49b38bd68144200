"""How all figures look: sizes in print, colours, lines and fonts, on white and on black.

Charts hold no colours: marks name a style of the lists below (`mark_line(style="best")`), and
scales of nominal colour say `range="category"`. What a style looks like is the configuration's,
one for light pages and one for dark ones, which a page gives to vega-embed as `config`. So one
chart serves both.

The colours follow Okabe and Ito, "Color Universal Design" (2008), made darker or lighter until
they stand out from the background by 3:1 and from each other also to colour-blind eyes.
"""

from __future__ import annotations

from typing import Any, Literal

SINGLE, DOUBLE = 252.0, 518.0
"""Widths of a figure of one column and of two, in points of print (89 mm and 183 mm)."""

FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
SMALL, NORMAL = 7.0, 8.0
"""Sizes of type in points: of labels, and of titles."""

_INK = ("#1b1e23", "#e8eaed")
_QUIET = ("#5f6670", "#a3abb6")
_FAINT = ("#d9dce1", "#3a3f47")
_PAPER = ("#ffffff", "#16181d")
_COLOURS = (
    ("#0072b2", "#4aa8e0"),  # blue
    ("#d55e00", "#f28a3c"),  # vermilion
    ("#339d69", "#2fc79a"),  # green
    ("#68183e", "#e3a1cb"),  # purple
    ("#35a0aa", "#a9e9f5"),  # turquoise
    ("#8a6d00", "#f2cc4d"),  # brown, yellow on black
    ("#5f6670", "#a3abb6"),  # grey
)
_RAMP = ("#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154")
"""Viridis, which grey printers and colour-blind eyes read in order; the same on both."""


def _colour(side: Literal[0, 1]) -> dict[str, Any]:
    """What the styles look like."""
    ink, quiet, faint, paper = (pair[side] for pair in (_INK, _QUIET, _FAINT, _PAPER))
    colours = [pair[side] for pair in _COLOURS]
    text = {"font": FONT, "color": ink, "fontSize": SMALL}
    halo = {"color": paper, "stroke": paper, "strokeWidth": 2.5, "strokeJoin": "round"}
    return {
        "trial": {"color": colours[0], "filled": True, "size": 10, "opacity": 0.65},
        "pruned": {"color": quiet, "strokeWidth": 0.5, "size": 7, "opacity": 0.5},
        "lost": {"color": colours[1], "strokeWidth": 0.8, "size": 12},
        "best": {"color": colours[1], "strokeWidth": 1.4},
        "mean": {"color": ink, "strokeWidth": 1.2},
        "everyone": {"color": quiet, "strokeWidth": 1.0, "strokeDash": [3, 2]},
        "control": {"color": colours[2], "strokeWidth": 0.8},
        "controls": {"color": colours[2], "opacity": 0.15},
        "chance": {"color": quiet, "strokeWidth": 0.7, "strokeDash": [1.5, 2]},
        "front": {"color": ink, "strokeWidth": 1.0},
        "band": {"color": colours[0], "opacity": 0.18},
        "interval": {"color": ink, "strokeWidth": 0.9},
        "zero": {"color": quiet, "strokeWidth": 0.6},
        "rung": {"color": colours[1], "strokeWidth": 0.7, "strokeDash": [2, 2]},
        "grid": {"color": faint, "strokeWidth": 0.6},
        "label": text,
        "quiet": {**text, "color": quiet},
        "halo": {**text, **halo, "opacity": 0.85},
        "bar": {"color": colours[0], "opacity": 0.6},
        "near": {"color": quiet, "strokeWidth": 0.7, "size": 16, "opacity": 0.8},
        "far": {"color": colours[1], "strokeWidth": 1.0, "size": 26},
        "missing": {"color": faint},
    }


def _guide(side: Literal[0, 1]) -> dict[str, Any]:
    """What axes, legends and titles look like."""
    ink, quiet = _INK[side], _QUIET[side]
    titles = {"titleColor": ink, "titleFontWeight": "normal"}
    labels = {"labelColor": ink, "labelFontSize": SMALL}
    return {
        "axis": {
            **titles,
            **labels,
            "domainColor": quiet,
            "domainWidth": 0.6,
            "tickColor": quiet,
            "tickWidth": 0.6,
            "tickSize": 3,
            "grid": False,
            "labelLimit": 190,
            "titleFontSize": NORMAL,
            "titlePadding": 4,
        },
        "legend": {
            **titles,
            **labels,
            "titleFontSize": SMALL,
            "symbolSize": 30,
            "symbolStrokeWidth": 1,
            "gradientLength": 70,
            "gradientThickness": 6,
            "rowPadding": 1,
            "columnPadding": 8,
            "titlePadding": 3,
            "offset": 6,
        },
        "title": {
            "color": ink,
            "subtitleColor": quiet,
            "fontSize": NORMAL,
            "fontWeight": "bold",
            "subtitleFontSize": SMALL,
            "anchor": "start",
            "offset": 4,
        },
        "header": {**labels, "title": None},
    }


def _config(side: Literal[0, 1]) -> dict[str, Any]:
    colours = [pair[side] for pair in _COLOURS]
    ramp = list(_RAMP[::-1] if side else _RAMP)
    return {
        "background": _PAPER[side],
        "padding": 4,
        "font": FONT,
        "style": _colour(side),
        "mark": {"aria": False},
        "range": {"category": colours, "ramp": ramp, "heatmap": ramp, "ordinal": ramp},
        "view": {"stroke": None, "fill": None},
        "concat": {"spacing": 14},
        "facet": {"spacing": 10},
        **_guide(side),
    }


LIGHT = _config(0)
"""The Vega-Lite configuration on white: of files, and of light pages."""
DARK = _config(1)
"""The same on black."""
BACKGROUNDS: tuple[str, str] = _PAPER
PALETTES: tuple[tuple[str, ...], tuple[str, ...]] = (
    tuple(light for light, _ in _COLOURS),
    tuple(dark for _, dark in _COLOURS),
)
"""The colours of categories in their order, light and dark."""
PAIRS: dict[str, str] = dict((_INK, _QUIET, _FAINT, _PAPER, *_COLOURS))
"""Every colour on white, and what it is on black."""
