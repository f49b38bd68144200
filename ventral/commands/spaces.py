"""`ventral space`: look at a space, count it, draw from it, check it."""

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.images import Data, Images, Size, fit_images
from ventral.output import Column, Format, Output, count, note, percent, table, value
from ventral.output import show as show_text
from ventral.pictures import write_picture
from ventral.progress import ProgressLine

if TYPE_CHECKING:
    from space.choices.domains import Categorical, Integer, Uniform
    from space.genome import Genome
    from space.space import Space
    from space.survey import Survey

app = typer.Typer(no_args_is_help=True)

File = Annotated[str, typer.Argument(help="a named space (see `ventral space list`) or a file")]
PRICED = 60
"""Samples whose costs are worked out to say what a median and a large one costs."""
Seed = Annotated[int, typer.Option("--seed", help="of the draw")]

LISTED = 8
"""So many reasons are listed."""


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

    space = Space.load(file)
    drawn = space.complete({}) if seed is None else space.sample(random.Random(seed))
    which = "its defaults" if seed is None else f"seed {seed}"
    title = printable(f"{space.name}, {which}")
    write_picture(picture, draw_circuit(drawn.genome, title=title))


@app.command()
def schema() -> None:
    """The JSON Schema of a space's file, for editors."""
    from search.json_schemas import schema_text

    show_text(schema_text("space"), end="")


@app.command()
def sample(
    file: File,
    number: Annotated[int, typer.Option("-n", min=1, help="how many")] = 1,
    seed: Seed = 0,
    size: Size = None,
    data: Data = None,
    output: Output = Format.table,
) -> None:
    """Draw networks from a space; the same seed draws the same ones.

    They are made for the images of --data, or of --size pixels. Samples that are no network are
    counted and left out.
    """
    from space.distinct import distinct_names
    from space.equation.names import short_name
    from space.recurrence import recurrence
    from space.space import Space
    from space.survey import draw_networks
    from space.unroll.cost import cost

    space, images = fit_images(Space.load(file), data, size)
    drawn = draw_networks(space, number, random.Random(seed))
    if not drawn.networks:
        raise _no_network(file, images, drawn.reasons[0][0])
    note(f"{space.name}, for {images}{_share(drawn.infeasible, drawn.samples)}")
    for reason, times in drawn.reasons[:LISTED]:
        note(f"  {times:,}: {reason}")
    rows: list[dict[str, Any]] = []
    genomes: dict[str, Genome] = {}
    for one in drawn.networks:
        price = cost(one.genome)
        genomes[one.digest] = one.genome
        rows.append(
            {
                "digest": one.digest,
                "cell": short_name(one.genome),
                "recurrent": recurrence(one.genome),
                "parameters": price.parameters,
                "macs": price.macs,
                "choices": one.choices,
                "recipe": one.recipe,
                "genome": one.genome.document(),
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
    draws: Annotated[
        int, typer.Option(min=0, help="draws to estimate how many are one network")
    ] = 1000,
    seed: Seed = 0,
    size: Size = None,
    data: Data = None,
    output: Output = Format.table,
) -> None:
    """How large a space is: its choices, and the networks that they make.

    They are made for the images of --data, or of --size pixels.
    """
    from space.space import Space
    from space.survey import survey

    space, images = fit_images(Space.load(file), data, size)
    whole = space.count()
    line = ProgressLine("drawn", draws, "samples")
    drawn = survey(space, draws, random.Random(seed), study=False, advance=line.advance)
    complete = not whole.continuous and drawn.combinations == whole.distinct
    document: dict[str, Any] = {
        "space": space.name,
        "image": images.document(),
        "choices": whole.parameters,
        "conditional": whole.conditional,
        "continuous": whole.continuous,
        "distinct": whole.distinct,
        "log10": whole.log10,
        "draws": draws,
        "distinct_networks_drawn": drawn.networks,
        "complete": complete,
        **drawn.document(),
    }
    share = drawn.networks / draws if draws else 1.0
    lines = [
        f"{space.name}, for {images}: {whole.parameters} choices, {whole.conditional} of them "
        f"conditional, {whole.continuous} continuous",
        f"combinations of the discrete choices: {_combinations(whole.distinct, whole.log10)}",
        f"distinct networks among {draws:,} draws: {drawn.networks:,}"
        + (
            f", and there are no others: all {whole.distinct:,} combinations were drawn"
            if complete
            else f" ({percent(share)})"
        ),
        *_infeasible_lines(drawn),
    ]
    value(document, output, "\n".join(lines))


@app.command()
def validate(
    file: File,
    samples: Annotated[int, typer.Option("-n", min=1, help="networks to draw")] = 200,
    seed: Seed = 0,
    size: Size = None,
    data: Data = None,
    output: Output = Format.table,
) -> None:
    """Check a space: its choices, their ties, its controls, and a number of drawn networks.

    The networks are made for the images of a campaign: those of --data, or of --size pixels.
    """
    from space.space import Space
    from space.survey import survey

    space, images = fit_images(Space.load(file), data, size)
    line = ProgressLine("drawn", samples, "samples")
    result = survey(space, samples, random.Random(seed), advance=line.advance)
    if result.infeasible == result.samples:
        raise _no_network(file, images, result.lines()[0][1])
    for warning in result.warnings:
        note(f"warning: {warning}")
    document = {"space": space.name, "image": images.document(), **result.document()}
    lines = [
        f"{space.name}, for {images}: {result.samples} samples drawn"
        + (", every one is a network" if not result.infeasible else ""),
        *_infeasible_lines(result),
    ]
    value(document, output, "\n".join(lines))


def _no_network(file: str, images: Images, reason: str) -> Exception:
    from space.errors import SpaceError

    problem = f"makes no network for {images}: {printable(reason)}"
    return SpaceError(file, problem, "narrow the space, or take larger images")


def _share(infeasible: int, samples: int) -> str:
    """How many of the samples are no network."""
    if not infeasible:
        return ""
    return (
        f": {infeasible:,} of {samples:,} samples are no network ({percent(infeasible / samples)})"
    )


def _infeasible_lines(result: "Survey") -> list[str]:
    """The samples that are no network, by reason."""
    if not result.infeasible:
        return []
    return [
        f"no network: {result.infeasible:,} of {result.samples:,} samples "
        f"({percent(result.share)})",
        *(f"  {times:,}: {printable(reason)}" for times, reason in result.lines()[:LISTED]),
        *(["  ..."] if len(result.reasons) > LISTED else []),
    ]


def _combinations(distinct: int, log10: float) -> str:
    return f"{distinct:,}" if distinct < 1_000_000 else f"10^{log10:.1f}"


def _describe(domain: "Categorical | Uniform | Integer") -> str:
    from space.choices.domains import Categorical, Integer

    if isinstance(domain, Categorical):
        return ", ".join(json.dumps(option) for option in domain.options)
    kind = "integer" if isinstance(domain, Integer) else "number"
    scale = ", logarithmic" if domain.log else ""
    return f"{kind} from {domain.low:g} to {domain.high:g}{scale}"
