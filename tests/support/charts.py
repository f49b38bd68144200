"""What a chart holds: its marks and its inline numbers."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from dashboards.figures.figure import Figure
from dashboards.figures.files import draw_svg, write_spec
from dashboards.figures.theme import DOUBLE


def find_units(figure: Figure) -> list[dict[str, Any]]:
    """Every part of a chart that has a mark, with the data that holds for it as `frame`."""
    return list(_walk(write_spec(figure), None, write_spec(figure).get("datasets", {})))


def find_style(figure: Figure, style: str) -> pd.DataFrame:
    """The numbers of the first mark of a style."""
    frame: pd.DataFrame = next(one["frame"] for one in find_units(figure) if one["style"] == style)
    return frame


def _walk(
    spec: dict[str, Any], frame: pd.DataFrame | None, named: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    if "data" in spec:
        data = spec["data"]
        values = named[data["name"]] if "name" in data else data["values"]
        assert isinstance(values, str)
        frame = pd.read_csv(io.StringIO(values))
    if "mark" in spec:
        mark = spec["mark"]
        mark = {"type": mark} if isinstance(mark, str) else mark
        yield {**spec, "frame": frame, "type": mark["type"], "style": mark.get("style")}
    for key in ("layer", "hconcat", "vconcat", "concat"):
        for part in spec.get(key, []):
            yield from _walk(part, frame, named)
    if "spec" in spec:
        yield from _walk(spec["spec"], frame, named)


def check_printable(figure: Figure) -> None:
    """Check that a figure is a valid chart, and its picture of print size and without gaps."""
    figure.chart.to_dict(validate=True)
    svg = draw_svg(figure)
    width = re.search(r'width="([\d.]+)pt"', svg)
    assert width
    assert float(width[1]) <= DOUBLE
    assert "NaN" not in svg
    assert not re.search("#[0-9a-f]{6}", json.dumps(write_spec(figure)))
