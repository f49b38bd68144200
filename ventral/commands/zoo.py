"""`ventral zoo`: the published models as genomes: list them, look at one, compare two."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.output import Column, Format, Output, count, table
from ventral.output import show as show_text
from ventral.pictures import Draw, write_picture

if TYPE_CHECKING:
    from space.differences import Difference

app = typer.Typer(no_args_is_help=True)

Genome = Annotated[str, typer.Argument(help="a model of the zoo, a genome file, or an export")]


@app.command("list")
def list_models(output: Output = Format.table) -> None:
    """The models of the zoo, with their published scores."""
    from space import zoo
    from space.unroll.cost import cost

    rows: list[dict[str, Any]] = []
    for name in zoo.names():
        model = zoo.model(name)
        price = cost(model.genome)
        rows.append(
            {
                "name": name,
                "parameters": price.parameters,
                "macs": price.macs,
                "steps": model.genome.clock.steps,
                "top1": model.top1,
                "top5": model.top5,
                "source": model.source,
                "digest": model.genome.digest,
            }
        )
    columns = [
        Column(key="name"),
        Column(key="parameters", write=count, right=True),
        Column(key="macs", title="multiply-adds", write=count, right=True),
        Column(key="steps", right=True),
        Column(key="top1", title="top-1 %", right=True),
        Column(key="source"),
    ]
    table(rows, columns, output)


@app.command()
def schema() -> None:
    """The JSON Schema of a genome, for editors."""
    from search.json_schemas import schema_text

    show_text(schema_text("genome"), end="")


@app.command()
def show(genome: Genome, draw: Draw = None, output: Output = Format.table) -> None:
    """A genome as YAML, what is known of it, and its cells as equations; the genome alone with
    -o json.
    """
    import yaml

    from space import zoo
    from space.equation.network import describe_network
    from space.genomes import find_genome

    parsed = find_genome(genome)
    if draw is not None:
        from space.circuits import draw_circuit

        write_picture(draw, draw_circuit(parsed, title=printable(Path(genome).name)))
    document = parsed.document()
    if output is Format.json:
        show_text(json.dumps(document, indent=1))
        return
    model = zoo.model(genome) if genome in zoo.names() else None
    if model is not None and model.genome == parsed:
        show_text(f"# {model.name}: {model.source}")
        known = "no top-1 is published" if model.top1 is None else f"top-1 {model.top1} %"
        show_text(f"# {known}")
        if model.note:
            show_text(f"# {model.note}")
    for line in describe_network(parsed).splitlines():
        show_text(f"# {line}")
    text = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=100)
    show_text(text, end="")


@app.command()
def diff(a: Genome, b: Genome, draw: Draw = None, output: Output = Format.table) -> None:
    """The equations of two genomes, and every difference between them, edge by edge."""
    from space.differences import differences
    from space.equation.network import format_cells
    from space.genomes import find_genome

    one, other = find_genome(a), find_genome(b)
    if draw is not None:
        from space.circuits import draw_difference

        titles = (printable(Path(a).name), printable(Path(b).name))
        write_picture(draw, draw_difference(one, other, titles=titles))
    changes = differences(one, other)
    rows = [{"path": change.path, "a": change.a, "b": change.b} for change in changes]
    if output is not Format.table:
        table(rows, [], output)
    elif not changes:
        show_text(printable(f"{a} and {b} are one genome"))
    else:
        cells = format_cells(one), format_cells(other)
        same = cells[0] == cells[1]
        for sign, name, lines in zip("-+", (a, b), cells, strict=True):
            show_text(printable(f"{sign} {name}"))
            for line in () if same else lines:
                show_text(f"    {line}")
        show_text(_format_differences(changes))


def _format_differences(changes: "tuple[Difference, ...]") -> str:
    """The differences as lines, grouped by the part they are in."""
    lines, part = list[str](), ""
    for one in changes:
        steps = one.path.split(".")
        head = ".".join(steps[: 2 if steps[0] in ("stages", "cells") else 1])
        rest = one.path.removeprefix(head).removeprefix(".")
        if head != part:
            lines += ["", head]
            part = head
        label = f"  {rest}: " if rest else "  "
        if one.a is None:
            lines.append(f"{label}+ {_format_value(one.b)}")
        elif one.b is None:
            lines.append(f"{label}- {_format_value(one.a)}")
        else:
            lines.append(f"{label}{_format_value(one.a)} -> {_format_value(one.b)}")
    return "\n".join(lines)


def _format_value(value: Any) -> str:
    """A value on one line, as YAML would have it."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{key}: {_format_value(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_format_value, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
