"""What `ventral score neural` reads and writes: models, tables, figures, a run in MLflow."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from space.errors import InputError
from ventral import presenting
from ventral.output import Column, Format, note, plain, table

if TYPE_CHECKING:
    import pandas as pd

    from dashboards.figures import Figure
    from workers.brains.assembly import Assembly
    from workers.brains.panel import Model, Panel

CSV = "neural.csv"

Features = Annotated[
    list[str] | None,
    typer.Option(help="[NAME=]FILE.npz: stimulus_id, and an array a layer; may be repeated"),
]
Control = Annotated[
    list[str] | None,
    typer.Option(
        help="a model or [NAME=]FILE.npz that the others are compared with; may be repeated"
    ),
]
StepMs = Annotated[
    float | None,
    typer.Option(help="milliseconds that a step stands for; 10 for models if not given"),
]
OffsetMs = Annotated[
    float | None, typer.Option(help="milliseconds from image onset to the begin of step 0")
]
FitTime = Annotated[
    bool,
    typer.Option("--fit-time", help="fit what is not given of both to a quarter of the stimuli"),
]
Area = Annotated[str | None, typer.Option(help="areas, such as V4,IT; all of them if not given")]
MapABin = Annotated[
    bool, typer.Option("--map-a-bin", help="a map for each time bin, not one for all")
]
Splits = Annotated[int, typer.Option(min=1, help="random divisions of the stimuli")]
Csv = Annotated[Path | None, typer.Option("--csv", help="a file for all rows")]
Figures = Annotated[
    Path | None,
    typer.Option("--figures", help="a folder for each figure as SVG, CSV and Vega-Lite"),
]
Mlflow = Annotated[bool, typer.Option("--mlflow", help="make a run of it in MLflow")]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is scored: models by their names, and files of features as NAME, FILE; of both those
    that are controls.
    """

    models: tuple[str, ...]
    files: tuple[tuple[str, Path], ...]
    controls: frozenset[str]

    @classmethod
    def sort(
        cls,
        models: Sequence[str] | None,
        features: Sequence[str] | None,
        controls: Sequence[str] | None,
    ) -> "Sources":
        """Those of the arguments, of `--features` and of `--control`, in this order.

        A control is a file of features if it ends in .npz, else a model. Raises InputError for
        what is no NAME=FILE.
        """
        names = list(models or ())
        files = [split_file("--features", text) for text in features or ()]
        marked = set()
        for text in controls or ():
            if text.endswith(".npz"):
                files.append(split_file("--control", text))
                marked.add(files[-1][0])
            else:
                names.append(text)
                marked.add(text)
        return cls(models=tuple(names), files=tuple(files), controls=frozenset(marked))

    def check(self, showing: presenting.Showing) -> None:
        """Raises InputError unless there is something, and for options of models without any."""
        file = self.files[0][1] if self.files and not self.models else None
        presenting.check_sources(self.models, file, showing)

    def read(self, assembly: "Assembly", showing: presenting.Showing) -> "list[Model]":
        """The models, traced one after the other, and the files' features; controls last.

        Raises InputError and DataError for what cannot be used.
        """
        from workers.brains.panel import Model
        from workers.brains.scores import read_features

        read = [Model(name=name, features=read_features(file)) for name, file in self.files]
        if self.models:
            read = presenting.read_models(self.models, None, assembly, showing) + read
        marked = [replace(one, control=one.name in self.controls) for one in read]
        return sorted(marked, key=lambda one: one.control)


def split_file(option: str, text: str) -> tuple[str, Path]:
    """NAME=FILE, or FILE, which is named by its stem. Raises InputError for an empty one."""
    name, separator, file = text.partition("=")
    if not separator or Path(text).is_file():
        name, file = Path(text).stem, text
    if not name or not file:
        raise InputError(option, f"{printable(text)} is no NAME=FILE", "write NAME=FILE.npz")
    return name, Path(file)


def show_scores(panel: "Panel", output: Format) -> None:
    """The rows on stdout; how time was fitted, and what models differ by, on stderr."""
    from dashboards.neural import tabulate_scores
    from workers.brains.maps import COMPONENTS

    rows = list_rows(tabulate_scores(panel), panel)
    fewest = min(
        (row["components"] for row in rows if row["components"] is not None), default=None
    )
    if fewest is not None and fewest < COMPONENTS:
        note(f"fewer than {COMPONENTS} components, {fewest}: there are fewer images or units")
    columns = [
        Column(key="model"),
        Column(key="layer"),
        Column(key="area"),
        Column(key="bin", title="ms"),
        *(
            Column(key=key, write=lambda number: f"{number:.4f}", right=True)
            for key in ("score", "error", "ceiling", "ceiled")
        ),
        Column(key="splits", right=True),
        Column(key="neurons", right=True),
        Column(key="preferred", write=lambda share: f"{share:.0%}", right=True),
    ]
    table(rows, columns, output)
    _note_times(panel)
    for one in panel.comparisons:
        if one.bin is None:
            note(one.describe())


def list_rows(scores: "pd.DataFrame", panel: "Panel") -> list[dict[str, Any]]:
    """Rows as JSON has them: None for what is not defined; with the score `by_split`."""
    by_split = [
        plain(score.by_split)
        for model in panel.models
        for area in model.areas
        for fit in area.fits
        for score in fit.scores
    ]
    rows = [
        {str(key): plain(item) for key, item in row.items()} for row in scores.to_dict("records")
    ]
    for row, splits in zip(rows, by_split, strict=True):
        if row["components"] is not None:
            row["components"] = int(row["components"])  # a column that lacks some is of floats
        row["by_split"] = splits
    return rows


def _note_times(panel: "Panel") -> None:
    """How steps were taken for time, and in which bins a layer has no step."""
    if panel.held_in:
        note(f"{panel.held_in} stimuli are held in, to fit the time to, and the rest are scored")
    for model in panel.models:
        if model.time is None:
            continue
        line = f"{model.name}: a step is {model.time.milliseconds:g} ms, the first begins at "
        line += f"{model.time.offset:g} ms"
        if model.time_fit is not None:
            line += f", the best of {len(model.time_fit.candidates)} times that were tried"
        note(line)
        for fit in model.areas[0].fits:
            if empty := sum(not score.neurons for score in fit.scores):
                bins = f"{empty} of {len(fit.bins)} time bins"
                note(f"{model.name}: {fit.layer} has no score in {bins}, which no step covers")


def draw_figures(panel: "Panel") -> "list[Figure]":
    """The figures that there are of it: over time, of preferred layers, and of times tried."""
    from dashboards.figures.neural_fit import draw_neural_fit
    from dashboards.figures.neural_layers import draw_neural_layers
    from dashboards.figures.neural_time import draw_neural_time

    drawn = (draw_neural_time(panel), draw_neural_layers(panel), draw_neural_fit(panel))
    return [figure for figure in drawn if figure is not None]


def write_tables(panel: "Panel") -> dict[str, str]:
    """Every table as CSV by its file's name: the scores, comparisons and tried times."""
    from dashboards import neural

    tables = {
        CSV: neural.tabulate_scores(panel),
        "neural-comparisons.csv": neural.tabulate_comparisons(panel),
        "neural-fit.csv": neural.tabulate_fits(panel),
    }
    return {
        name: frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")
        for name, frame in tables.items()
        if len(frame)
    }


def write_files(panel: "Panel", csv: Path | None, figures: Path | None) -> None:
    """Write the table of scores, and the figures with the other tables. Raises OSError."""
    from workers.files import replace

    if csv is not None:
        csv.parent.mkdir(parents=True, exist_ok=True)
        replace(csv, write_tables(panel)[CSV].encode())
    if figures is None:
        return
    from dashboards.figures.files import write_figure

    figures.mkdir(parents=True, exist_ok=True)
    drawn = draw_figures(panel)
    for figure in drawn:
        write_figure(figure, figures)
    for name, text in write_tables(panel).items():
        replace(figures / name, text.encode())
    if not drawn:
        note("there is no figure: of one split, or of a recording without time and one layer")


def publish(panel: "Panel", recording: str, parameters: Mapping[str, str]) -> None:
    """Make the run in the home's MLflow. That it is away is no failure of the scores."""
    from search.host.home import Home
    from search.mirror.scores import Measured, publish_scores

    files = write_tables(panel)
    try:
        from dashboards.figures.files import draw_svg

        files |= {f"{figure.name}.svg": draw_svg(figure) for figure in draw_figures(panel)}
    except ModuleNotFoundError as error:
        note(f"warning: MLflow gets no figures, {error.name} is not installed")
    home, names = Home.at(), ", ".join(model.name for model in panel.models)
    known = {"recording": recording, **parameters, "models": names, **_list_times(panel)}
    metrics = _list_metrics(panel, Measured)
    try:
        place = publish_scores(home, f"{names} on {recording}", known, metrics, files)
    except Exception as error:  # noqa: BLE001 - MLflow raises whatever its transport does
        reason = str(error).partition("\n")[0]
        note(f"warning: the scores are not in MLflow ({type(error).__name__}: {reason})")
        return
    note(f"the run in MLflow is {place} (`ventral ui`)")


def _list_times(panel: "Panel") -> dict[str, str]:
    """How the steps of each model were taken for time, as parameters."""
    timed = [(model.name, model.time) for model in panel.models if model.time is not None]
    return {
        f"time of {name}": f"{time.milliseconds:g} ms a step from {time.offset:g}"
        for name, time in timed
    }


def _list_metrics(panel: "Panel", measured: Any) -> list[Any]:
    """The scores of the preferred layers by area, model and time, and their means over bins."""
    from dashboards.neural import tabulate_times

    times = tabulate_times(panel)
    metrics = []
    for (area, model), rows in times.groupby(["area", "model"], sort=False):
        metrics.append(measured(name=("score", area, model), value=float(rows["score"].mean())))
        for row in rows.to_dict("records"):
            start = 0 if math.isnan(row["start"]) else int(row["start"])
            for key in ("score", "error", "highest"):
                name = (f"{key} by ms", area, model)
                metrics.append(measured(name=name, value=float(row[key]), step=start))
    for one in panel.comparisons:
        if one.bin is None:
            pair, parts = f"{one.model} against {one.against}", one.difference
            values = {"difference": parts.value, "low": parts.low, "high": parts.high}
            metrics += [
                measured(name=(key, one.area, pair), value=number)
                for key, number in values.items()
            ]
    return metrics
