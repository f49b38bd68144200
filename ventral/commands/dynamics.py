"""`ventral score solution-times`: when networks solve images, and when animals do."""

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from ventral.output import Column, Format, Output, table


def register(app: typer.Typer) -> None:
    """Put the commands under `ventral score`."""
    app.command("solution-times")(score_times)


def score_times(
    features: Annotated[
        Path, typer.Option(help=".npz with stimulus_id, and a layer's [stimuli, bins, features]")
    ],
    primate: Annotated[
        Path, typer.Option(help=".csv or .npz: stimulus_id, object_name, ost, i1, challenge")
    ],
    layer: Annotated[
        str | None, typer.Option(help="layers, such as conv5,conv6; all of them if not given")
    ] = None,
    start: Annotated[float, typer.Option(help="when the first bin begins, in ms")] = 70,
    width: Annotated[float, typer.Option(min=0.001, help="how long a bin is, in ms")] = 10,
    splits: Annotated[int, typer.Option(min=1, help="random divisions of the images")] = 10,
    output: Output = Format.table,
) -> None:
    """Does a network solve images in the order in which the animal does?"""
    from workers.brains.animal_times import read_times
    from workers.brains.order_scores import score_layer_orders
    from workers.brains.scores import read_features

    scores = score_layer_orders(
        read_features(features),
        read_times(primate),
        _list_names(layer),
        start=start,
        width=width,
        splits=splits,
    )
    rows = [{key: plain(item) for key, item in one.document().items()} for one in scores]
    columns = [
        Column(key="layer"),
        Column(key="group"),
        Column(key="spearman", write=_write, right=True),
        Column(key="error", write=_write, right=True),
        Column(key="low", write=_write, right=True),
        Column(key="high", write=_write, right=True),
        *(Column(key=key, right=True) for key in ("images", "solved", "splits")),
    ]
    table(rows, columns, output)


def plain(item: Any) -> Any:
    """A value as JSON has it: None for what is not defined."""
    if isinstance(item, list | tuple):
        return [plain(one) for one in item]
    return None if isinstance(item, float) and math.isnan(item) else item


def _list_names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _write(number: float) -> str:
    return f"{number:.4f}"
