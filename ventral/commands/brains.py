"""`ventral brain` and `ventral score`: recordings, and how well features predict them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from space.documents.outside import printable
from ventral import presenting
from ventral.commands import neural as side_by_side
from ventral.output import Format, Output, value
from ventral.places import check_figures, check_file

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
    features: side_by_side.Features = None,
    control: side_by_side.Control = None,
    stimuli: presenting.Stimuli = None,
    images: presenting.Images = None,
    step_ms: side_by_side.StepMs = None,
    offset_ms: side_by_side.OffsetMs = None,
    fit_time: side_by_side.FitTime = False,
    image_ms: presenting.ImageMs = None,
    degrees: presenting.Degrees = 8.0,
    field_degrees: presenting.FieldDegrees = 8.0,
    layers: presenting.Layers = None,
    units: presenting.Units = None,
    size: presenting.Size = None,
    seed: presenting.Seed = 0,
    traces: presenting.Traces = None,
    area: side_by_side.Area = None,
    mapping: Annotated[
        MapName, typer.Option("--map", help="from features to neurons")
    ] = MapName.pls,
    by_bin: side_by_side.MapABin = False,
    splits: side_by_side.Splits = 10,
    csv: side_by_side.Csv = None,
    figures: side_by_side.Figures = None,
    mlflow: side_by_side.Mlflow = False,
    output: Output = Format.table,
) -> None:
    """How well layers of networks predict neurons, by area and time bin.

    A model is an export (its weights), or a model of the zoo or a genome's file (random weights).
    It is shown the recording's stimuli. Step k of it is the time from --offset-ms + k times
    --step-ms on, for --step-ms.
    """
    from workers.brains.maps import MAPS
    from workers.brains.panel import Timing, score_models
    from workers.brains.reading import read_assembly

    check_file("--csv", csv, side_by_side.CSV)
    check_figures(figures)
    timing = Timing(milliseconds=step_ms, offset=offset_ms, fit=fit_time)
    shown = presenting.STEP_MS if step_ms is None else step_ms
    screen = presenting.Screen(shown, image_ms, degrees, field_degrees)
    showing = presenting.Showing(stimuli, images, screen, layers, units, size, seed, traces)
    sources = side_by_side.Sources.sort(models, features, control)
    sources.check(showing)
    recording, areas = read_assembly(assembly), presenting.split_names(area)
    read = sources.read(recording, showing)
    panel = score_models(
        read, recording, areas, MAPS[mapping](), shared=not by_bin, splits=splits, timing=timing
    )
    side_by_side.show_scores(panel, output)
    side_by_side.write_files(panel, csv, figures)
    if mlflow:
        fits = f"{mapping} {'a bin' if by_bin else 'for all bins'}, {splits} splits"
        side_by_side.publish(panel, assembly.name, {"areas": area or "all", "map": fits})
