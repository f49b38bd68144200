"""`ventral space`: look at a space, count it, draw from it, check it."""

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.output import Column, Format, Output, count, note, percent, table, value
from ventral.output import show as show_text

if TYPE_CHECKING:
    from space.choices.domains import Categorical, Integer, Uniform
    from space.genome import Genome
    from space.space import Space

app = typer.Typer(no_args_is_help=True)

File = Annotated[str, typer.Argument(help="a named space (see `ventral space list`) or a file")]
PRICED = 60
"""Samples whose costs are worked out to say what a median and a large one costs."""
Seed = Annotated[int, typer.Option("--seed", help="of the draw")]


@app.command("list")
def list_spaces(output: Output = Format.table) -> None:
    """The named spaces."""
    from space.space import Space

    rows = [{"name": name, "description": Space.load(name).description} for name in Space.named()]
    table(rows, [Column(key="name"), Column(key="description")], output)


@app.command()
def show(
    file: File,
    full: Annotated[bool, typer.Option("--yaml", help="in the full grammar")] = False,
    choices: Annotated[bool, typer.Option("--choices", help="its choices as a table")] = False,
    output: Output = Format.table,
) -> None:
    """A space in the notation, with what its networks cost. What is printed is a space file.

    With --yaml in the full grammar; with --choices every choice, and what opens it.
    """
    import yaml

    from space.space import Space

    space = Space.load(file)
    if choices:
        _show_choices(space, output)
    elif output is Format.json:
        show_text(json.dumps(space.document(), indent=1))
    elif full:
        document = space.document()
        text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=100)
        show_text(text, end="")
    else:
        show_text(Space.load_text(file).rstrip())
        show_text(f"# {_describe_costs(space)}")


def _show_choices(space: "Space", output: Format) -> None:
    rows = [
        {
            "choice": parameter.path,
            "values": _describe(parameter.domain),
            "only_if": ", or ".join(
                ", ".join(f"{path} is {label}" for path, label in condition)
                for condition in parameter.conditions
            ),
        }
        for parameter in space.parameters
    ]
    columns = [Column(key="choice"), Column(key="values"), Column(key="only_if", title="only if")]
    table(rows, columns, output, f"{space.name}: {space.description}")


def _describe_costs(space: "Space") -> str:
    """The cost of a median sample and of a large one, of a few."""
    from space.errors import GenomeError
    from space.unroll.cost import cost

    rng, prices = random.Random(0), []
    for _ in range(PRICED):
        try:
            prices.append(cost(space.sample(rng).genome))
        except GenomeError:  # no network at these images: `validate` says why
            continue
    if not prices:
        return f"none of {PRICED} samples is a network: see ventral space validate"
    parameters = sorted(price.parameters for price in prices)
    macs = sorted(price.macs for price in prices)
    image = space.complete({}).genome.image
    texts = [
        f"{word} {count(parameters[place])} parameters, {count(macs[place])} multiply-adds"
        for word, place in (
            ("a median sample:", len(prices) // 2),
            ("a large one:", len(prices) * 19 // 20),
        )
    ]
    return f"{'; '.join(texts)} ({image.size}x{image.size} pixels, {len(prices)} samples)"


@app.command()
def draw(
    file: File,
    picture: Annotated[Path, typer.Argument(help="FILE.svg or FILE.png")],
    seed: Annotated[
        int | None, typer.Option("--seed", help="a random sample instead of the default")
    ] = None,
) -> None:
    """The picture of a space's network: the one that its defaults make, or a sample."""
    from space.circuits import draw_circuit
    from space.space import Space
    from ventral.pictures import write_picture

    space = Space.load(file)
    drawn = space.complete({}) if seed is None else space.sample(random.Random(seed))
    which = "its defaults" if seed is None else f"seed {seed}"
    title = printable(f"{space.name}, {which}")
    write_picture(picture, draw_circuit(drawn.genome, title=title))
    note(f"the picture is {picture}")


@app.command()
def sample(
    file: File,
    number: Annotated[int, typer.Option("-n", min=1, help="how many")] = 1,
    seed: Seed = 0,
    output: Output = Format.table,
) -> None:
    """Draw networks from a space; the same seed draws the same ones."""
    from space.cell_names import short_name
    from space.distinct import distinct_names
    from space.recurrence import recurrence
    from space.space import Space
    from space.unroll.cost import cost

    space = Space.load(file)
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    genomes: dict[str, Genome] = {}
    for _ in range(number):
        drawn = space.sample(rng)
        price = cost(drawn.genome)
        genomes[drawn.digest] = drawn.genome
        rows.append(
            {
                "digest": drawn.digest,
                "cell": short_name(drawn.genome),
                "recurrent": recurrence(drawn.genome),
                "parameters": price.parameters,
                "macs": price.macs,
                "choices": drawn.choices,
                "recipe": drawn.recipe,
                "genome": drawn.genome.document(),
            }
        )
    columns = [
        Column(key="digest"),
        Column(key="parameters", write=count, right=True),
        Column(key="macs", title="multiply-adds", write=count, right=True),
        Column(key="recurrent"),
        Column(key="cell"),
    ]
    if output is Format.table:
        names = distinct_names([(row["digest"], row["cell"]) for row in rows], genomes)
        rows = [row | {"cell": names[row["digest"]]} for row in rows]
    table(rows, columns, output)


@app.command("count")
def count_space(
    file: File,
    draws: Annotated[int, typer.Option(help="draws to estimate how many are one network")] = 1000,
    seed: Seed = 0,
    output: Output = Format.table,
) -> None:
    """How large a space is: its choices, and the networks that they make."""
    from space.space import Space

    space = Space.load(file)
    size = space.count()
    rng = random.Random(seed)
    digests = [space.sample(rng).digest for _ in range(draws)]
    document: dict[str, Any] = {
        "space": space.name,
        "choices": size.parameters,
        "conditional": size.conditional,
        "continuous": size.continuous,
        "distinct": size.distinct,
        "log10": size.log10,
        "draws": draws,
        "distinct_networks_drawn": len(set(digests)),
    }
    share = len(set(digests)) / draws if draws else 1.0
    text = (
        f"{space.name}: {size.parameters} choices, {size.conditional} of them conditional, "
        f"{size.continuous} continuous\n"
        f"combinations of the discrete choices: 10^{size.log10:.1f}\n"
        f"distinct networks among {draws} draws: {percent(share)}"
    )
    value(document, output, text)


@app.command()
def validate(
    file: File,
    samples: Annotated[int, typer.Option("-n", min=1, help="networks to draw")] = 200,
    seed: Seed = 0,
    size: Annotated[
        int | None, typer.Option("--size", min=1, help="side of the images in pixels")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="a data set, or a folder of images")
    ] = None,
    output: Output = Format.table,
) -> None:
    """Check a space: its choices, their ties, its controls, and a number of drawn networks.

    The networks are made for the images of a campaign: those of --data, or of --size pixels.
    """
    from space.errors import SpaceError
    from space.space import Space
    from space.survey import survey

    space = _fit_images(Space.load(file), data, size)
    image = space.complete({}).genome
    for_images = (
        f"{image.image.size}x{image.image.size} pixels, {image.image.channels} channels, "
        f"{image.classes} classes"
    )
    result = survey(space, samples, random.Random(seed))
    if result.infeasible == result.samples:
        raise SpaceError(
            file, f"makes no network for {for_images}: {result.lines()[0][1]}", "narrow the space"
        )
    for warning in result.warnings:
        note(f"warning: {warning}")
    document = {
        "space": space.name,
        "image": {
            "size": image.image.size,
            "channels": image.image.channels,
            "classes": image.classes,
        },
        "samples": result.samples,
        "networks": result.networks,
        "infeasible": result.infeasible,
        "reasons": result.documents(),
        "warnings": list(result.warnings),
    }
    good = result.samples - result.infeasible
    every = "every one is a network" if not result.infeasible else f"{good} are networks"
    lines = [
        f"{space.name}, for {for_images}"
        + (": " if size or data else " (its own; --size and --data take others): ")
        + f"{result.samples} samples tried, {every}",
        *(f"  {times} are not: {printable(reason)}" for times, reason in result.lines()),
    ]
    value(document, output, "\n".join(lines))


def _fit_images(space: "Space", data: str | None, size: int | None) -> "Space":
    """A space for the images of `data` or of `size` pixels, by default for its own."""
    own = space.complete({}).genome
    if data is not None:
        from workers.data.datasets import open_source
        from workers.data.specs import data_spec

        folder = {"name": "imagefolder", "path": data} if Path(data).is_dir() else {"name": data}
        spec = data_spec(folder | ({} if size is None else {"size": size}), "--data")
        source = open_source(spec)
        return space.with_images(
            size=spec.size, channels=source.channels, classes=len(source.classes)
        )
    if size is None:
        return space
    return space.with_images(size=size, channels=own.image.channels, classes=own.classes)


def _describe(domain: "Categorical | Uniform | Integer") -> str:
    from space.choices.domains import Categorical, Integer

    if isinstance(domain, Categorical):
        return ", ".join(json.dumps(option) for option in domain.options)
    kind = "integer" if isinstance(domain, Integer) else "number"
    scale = ", logarithmic" if domain.log else ""
    return f"{kind} from {domain.low:g} to {domain.high:g}{scale}"
