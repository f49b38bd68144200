"""`ventral brain` and `ventral score`: recordings, and how well features predict them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from space.documents.outside import printable
from ventral import presenting
from ventral.commands import neural as parts
from ventral.output import Format, Output, value

brain = typer.Typer(no_args_is_help=True)
score = typer.Typer(no_args_is_help=True)


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
def neural(  # noqa: PLR0913  (options of a command)
    assembly: Annotated[Path, typer.Option(help="a recording: .nc of Brain-Score, .nwb or .npz")],
    models: presenting.Models = None,
    features: parts.Features = None,
    control: parts.Control = None,
    stimuli: presenting.Stimuli = None,
    images: presenting.Images = None,
    image_ms: presenting.ImageMs = None,
    degrees: presenting.Degrees = 8.0,
    field_degrees: presenting.FieldDegrees = 8.0,
    layers: presenting.Layers = None,
    units: presenting.Units = None,
    size: presenting.Size = None,
    seed: presenting.Seed = 0,
    traces: presenting.Traces = None,
    area: parts.Area = None,
    mapping: parts.Mapping = parts.MapName.pls,
    by_bin: parts.ByBin = False,
    splits: parts.Splits = 10,
    step_ms: parts.StepMs = None,
    offset_ms: parts.OffsetMs = None,
    fit_time: parts.FitTime = False,
    csv: parts.Csv = None,
    figures: parts.Figures = None,
    mlflow: parts.Mlflow = False,
    output: Output = Format.table,
) -> None:
    """How well networks' layers predict neurons, by area and time bin.

    A model is an export (its weights), or a model of the zoo or a genome's file (random weights):
    it is shown the recording's stimuli. Features that were computed elsewhere are read.
    """
    from workers.brains.maps import MAPS
    from workers.brains.panel import Timing, score_models
    from workers.brains.reading import read_assembly

    parts.check_places(csv, figures)
    sources = presenting.name_sources(models, features, control)
    screen = presenting.Screen(step_ms, offset_ms, image_ms, degrees, field_degrees)
    showing = presenting.Showing(stimuli, images, screen, layers, units, size, seed, traces)
    presenting.check_sources(sources, showing)
    areas, recording = presenting.split_names(area), read_assembly(assembly)
    panel = score_models(
        presenting.read_models(sources, recording, showing),
        recording,
        areas,
        MAPS[mapping](),
        shared=not by_bin,
        splits=splits,
        timing=Timing(milliseconds=step_ms, offset=offset_ms, fit=fit_time),
    )
    parts.show_scores(panel, output)
    parts.write_files(panel, csv, figures)
    if mlflow:
        fit = f"{mapping} {'a bin' if by_bin else 'for all bins'}"
        names = ", ".join(source.name for source in sources)
        parameters = {"areas": ",".join(areas) or "all", "map": fit, "splits": str(splits)}
        parameters |= {"assembly": assembly.name, "models": names}
        parts.publish(panel, f"{names} on {assembly.stem}", parameters)
