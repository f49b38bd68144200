"""A network in words: its stages, its feedback, and the equations of its cells in full."""

from dataclasses import dataclass

from space.activity import drop_inert
from space.equation.layout import Layout
from space.equation.published import find_published
from space.equation.reading import read_cell
from space.equation.writing import Written, write_cell
from space.genome import Genome
from space.identity.normal_form import live_forms
from space.identity.stage_graph import StageForm
from space.network.sizes import StageShape, layout


@dataclass(frozen=True, kw_only=True)
class CellEquations:
    """The equations that the cells of some stages have.

    `cell` is the cell's name in the document, `published` what it is called in the literature.
    """

    cell: str
    published: str
    stages: tuple[str, ...]
    written: Written


def write_cells(genome: Genome) -> tuple[CellEquations, ...]:
    """The equations of the cells that the logits depend on, in the order of the stages; stages
    whose cells are alike stand together.
    """
    maps, forms = layout(genome), live_forms(genome)
    groups: dict[tuple[str, Written], list[str]] = {}
    known: dict[object, Written] = {}
    for stage, form in zip(genome.stages, forms, strict=True):
        if form is None or stage.cell is None:
            continue
        alike = _alike(maps[stage.name], form)
        if alike not in known:
            known[alike] = write_cell(Layout(read_cell(genome, stage.name)))
        groups.setdefault((stage.cell, known[alike]), []).append(stage.name)
    return tuple(
        CellEquations(
            cell=cell,
            published=find_published(genome.cells[cell]),
            stages=tuple(stages),
            written=written,
        )
        for (cell, written), stages in groups.items()
    )


def _alike(shape: StageShape, form: StageForm) -> object:
    """Equal for stages whose cells have the same equations."""
    here = shape.convolution
    fits = shape.input == here, shape.feedback == here
    return shape.stage.cell, form.text, fits, None if form.relative else shape.stage.name


def format_cells(genome: Genome) -> tuple[str, ...]:
    """The equations of a network's cells as lines, each cell below who carries it."""
    lines = list[str]()
    for one in write_cells(genome):
        known = f", {one.published}" if one.published else ""
        lines.append(f"Cell {one.cell} in {', '.join(one.stages)}{known}:")
        lines += [f"  {line}" for line in one.written.format()]
    return tuple(lines)


def describe_network(genome: Genome) -> str:
    """What a network consists of, and its equations, as plain text of several lines.

    What no output depends on is not in it.
    """
    stages = " -> ".join(stage.name for stage in genome.stages)
    edges = [f"{edge.sender} -> {edge.receiver}" for edge in drop_inert(genome).edges]
    return "\n".join(
        (
            f"{len(genome.stages)} stages, {genome.clock.steps} steps: image -> {stages} -> head.",
            f"Feedback of the step before: {', '.join(edges) or 'none'}.",
            *(format_cells(genome) or ("No stage has a cell.",)),
        )
    )
