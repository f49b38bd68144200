"""`ventral brain` and `ventral score`: recordings, and how well features predict them."""

import math
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral import presenting
from ventral.output import Column, Format, Output, note, table, value

if TYPE_CHECKING:
    from workers.brains.panel import Panel

brain = typer.Typer(no_args_is_help=True)
score = typer.Typer(no_args_is_help=True)


class MapName(StrEnum):
    """The maps from features to neurons."""

    pls = "pls"
    ridge = "ridge"


@brain.command()
def describe(
    file: Annotated[
        Path, typer.Argument(help="a recording: .nc of Brain-Score, .nwb or .npz; or a .csv")
    ],
    images: Annotated[
        Path | None, typer.Option(help="the folder or zip file of a stimulus set's images")
    ] = None,
    output: Output = Format.table,
) -> None:
    """What a recording, or a stimulus set (.csv), holds."""
    if file.suffix.lower() == ".csv":
        _describe_stimuli(file, images, output)
        return
    from workers.brains.reading import describe_assembly, read_assembly

    facts = describe_assembly(read_assembly(file))
    value(facts, output, _format_assembly(facts))


def _describe_stimuli(file: Path, images: Path | None, output: Format) -> None:
    from workers.brains.stimuli import read_stimuli

    stimuli = read_stimuli(file, images)
    size = None
    if images is not None:
        size = sum(len(stimuli.read_image(name)) for name in stimuli.rows)
    facts = {
        "file": printable(str(file)),
        "format": "stimulus set",
        "stimuli": len(stimuli.rows),
        "columns": stimuli.columns,
        "images": None if images is None else printable(str(images)),
        "image_bytes": size,
    }
    lines = [
        f"{facts['file']}: a stimulus set of {len(stimuli.rows):,} stimuli",
        f"columns: {', '.join(map(printable, stimuli.columns))}",
    ]
    if size is not None:
        lines.append(f"images: {facts['images']}, all there, {size:,} bytes")
    value(facts, output, "\n".join(lines))


def _format_assembly(facts: dict[str, Any]) -> str:
    fewest, most = facts["fewest_repetitions"], facts["most_repetitions"]
    repetitions = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    lines = [
        f"{facts['file']}: a recording ({facts['format']})",
        f"{facts['presentations']:,} presentations of {facts['stimuli']:,} stimuli, "
        f"{repetitions} of each",
        f"{facts['neurons']:,} neurons"
        + "".join(f", {count:,} in {printable(area)}" for area, count in facts["areas"].items()),
    ]
    if bins := facts["bins"]:
        lines.append(f"{len(bins)} time bins, {bins[0]} to {bins[-1]} ms")
    if facts["missing"]:
        lines.append(f"{100 * facts['missing']:.2g} % of the responses are missing")
    lines += [
        f"{dimension}: {', '.join(map(printable, names))}"
        for dimension, names in facts["coordinates"].items()
        if names
    ]
    return "\n".join(lines)


@score.command()
def neural(  # noqa: PLR0913  (each is an option of the command)
    assembly: Annotated[Path, typer.Option(help="a recording: .nc of Brain-Score, .nwb or .npz")],
    models: presenting.Models = None,
    features: Annotated[
        Path | None,
        typer.Option(help="instead of models: .npz with stimulus_id, and an array a layer"),
    ] = None,
    stimuli: presenting.Stimuli = None,
    images: presenting.Images = None,
    step_ms: presenting.StepMs = 10.0,
    image_ms: presenting.ImageMs = None,
    degrees: presenting.Degrees = 8.0,
    field_degrees: presenting.FieldDegrees = 8.0,
    layers: presenting.Layers = None,
    units: presenting.Units = None,
    size: presenting.Size = None,
    seed: presenting.Seed = 0,
    traces: presenting.Traces = None,
    area: Annotated[
        str | None, typer.Option(help="areas, such as V4,IT; all of them if not given")
    ] = None,
    mapping: Annotated[
        MapName, typer.Option("--map", help="from features to neurons")
    ] = MapName.pls,
    by_bin: Annotated[
        bool, typer.Option("--map-a-bin", help="a map for each time bin, not one for all")
    ] = False,
    splits: Annotated[int, typer.Option(min=1, help="random divisions of the stimuli")] = 10,
    output: Output = Format.table,
) -> None:
    """How well layers of networks predict neurons, by area and time bin.

    A model is an export (its weights), or a model of the zoo or a genome's file (random weights).
    It is shown the recording's stimuli; step k of it is the time from k to k + 1 times --step-ms.
    """
    from workers.brains.maps import MAPS
    from workers.brains.panel import score_models
    from workers.brains.reading import read_assembly

    screen = presenting.Screen(step_ms, image_ms, degrees, field_degrees)
    showing = presenting.Showing(stimuli, images, screen, layers, units, size, seed, traces)
    presenting.check_sources(models, features, showing)
    recording, areas = read_assembly(assembly), presenting.split_names(area)
    read = presenting.read_models(models, features, recording, showing)
    panel = score_models(read, recording, areas, MAPS[mapping](), shared=not by_bin, splits=splits)
    _show_scores(panel, output)


def _show_scores(panel: "Panel", output: Format) -> None:
    """A row a score: of a model, a layer, an area and a time bin."""
    from workers.brains.maps import COMPONENTS

    scores = [
        (model.name, row)
        for model in panel.models
        for area in model.areas
        for fit in area.fits
        for row in fit.scores
    ]
    fewest = min((row.components for _, row in scores if row.components is not None), default=None)
    if fewest is not None and fewest < COMPONENTS:
        note(f"fewer than {COMPONENTS} components, {fewest}: there are fewer images or units")
    rows = [
        {"model": model} | {key: _plain(item) for key, item in asdict(row).items()}
        for model, row in scores
    ]
    columns = [
        Column(key="model"),
        Column(key="layer"),
        Column(key="area"),
        Column(key="bin", title="ms"),
        *(
            Column(key=key, write=_write_score, right=True)
            for key in ("score", "error", "ceiling", "ceiled")
        ),
        Column(key="splits", right=True),
        Column(key="neurons", right=True),
    ]
    table(rows, columns, output)


def _plain(item: Any) -> Any:
    """A value as JSON has it: None for what is not defined."""
    if isinstance(item, tuple):
        return [_plain(one) for one in item]
    return None if isinstance(item, float) and math.isnan(item) else item


def _write_score(number: float) -> str:
    return f"{number:.4f}"
