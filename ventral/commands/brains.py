"""`ventral brain` and `ventral score`: recordings, and how well features predict them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from space.documents.outside import printable
from ventral import presenting
from ventral.output import Format, Output, value

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
        list[str] | None,
        typer.Option(help="[NAME=]FILE.npz: stimulus_id, and an array a layer; may be repeated"),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            help="a model or [NAME=]FILE.npz that the others are compared with; may be repeated"
        ),
    ] = None,
    stimuli: presenting.Stimuli = None,
    images: presenting.Images = None,
    step_ms: Annotated[
        float | None,
        typer.Option(help="milliseconds that a step stands for; 10 for models if not given"),
    ] = None,
    offset_ms: Annotated[
        float | None, typer.Option(help="milliseconds from image onset to the begin of step 0")
    ] = None,
    fit_time: Annotated[
        bool,
        typer.Option(
            "--fit-time", help="fit what is not given of both to a quarter of the stimuli"
        ),
    ] = False,
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
    csv: Annotated[Path | None, typer.Option("--csv", help="a file for all rows")] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="a folder for each figure as SVG, CSV and Vega-Lite"),
    ] = None,
    mlflow: Annotated[bool, typer.Option("--mlflow", help="make a run of it in MLflow")] = False,
    output: Output = Format.table,
) -> None:
    """How well layers of networks predict neurons, by area and time bin.

    A model is an export (its weights), or a model of the zoo or a genome's file (random weights).
    It is shown the recording's stimuli. Step k of it is the time from --offset-ms + k times
    --step-ms on, for --step-ms.
    """
    from ventral.commands.neural import Sources, check_places, publish, show_scores, write_files
    from workers.brains.maps import MAPS
    from workers.brains.panel import Timing, score_models
    from workers.brains.reading import read_assembly

    check_places(csv, figures)
    timing = Timing(milliseconds=step_ms, offset=offset_ms, fit=fit_time)
    shown = presenting.STEP_MS if step_ms is None else step_ms
    screen = presenting.Screen(shown, image_ms, degrees, field_degrees)
    showing = presenting.Showing(stimuli, images, screen, layers, units, size, seed, traces)
    sources = Sources.sort(models, features, control)
    sources.check(showing)
    recording, areas = read_assembly(assembly), presenting.split_names(area)
    read = sources.read(recording, showing)
    panel = score_models(
        read, recording, areas, MAPS[mapping](), shared=not by_bin, splits=splits, timing=timing
    )
    show_scores(panel, output)
    write_files(panel, csv, figures)
    if mlflow:
        parameters = {
            "assembly": assembly.name,
            "areas": ",".join(areas) or "all",
            "map": f"{mapping} {'a bin' if by_bin else 'for all bins'}",
            "splits": str(splits),
        }
        publish(panel, assembly.stem, parameters)
