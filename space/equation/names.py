"""A short name for a network's cell, for tables and the titles of runs.

`time decay`, `ConvGRU` and the like where the cell is a published one; otherwise its equations,
as they are written in full (space/equation/writing.py) but without what stands in braces and
behind them. What a name leaves out it never hides: `… 1a2b3c` says that there is more, and which
network it is, by the first characters of its digest.

The name says what goes round of what the logits depend on (space/recurrence.py): nothing in
`feedforward...`, what long-range feedback brings in `... +2 feedback only`, the states of cells as
well in `... +2 feedback`, and these alone else.
"""

import re
from collections import Counter

from space.activity import drop_inert
from space.equation.layout import Layout
from space.equation.network import write_cells
from space.equation.published import FEEDFORWARD, find_published
from space.equation.reading import read_cell
from space.equation.writing import write_cell
from space.genome import Genome
from space.network.grammar import State
from space.recurrence import Recurrence, loops

MAX_LENGTH = 120
"""The most characters of a cell in a name, with its mark."""
CONVOLUTIONS = "convolutions"
"""Stages without a cell of their own, where feedback makes the network recurrent."""
LETTERS = 6
"""Of the digest."""
_MARK = re.compile(rf" … [0-9a-f]{{{LETTERS}}}(?= \+|$)")
_OLD = re.compile(rf"({FEEDFORWARD}, )?\w+: ")
_DIGITS = 3
_BY: dict[Recurrence, str] = {"both": " feedback", "feedback": " feedback only"}
"""How the names of networks with feedback edges end, after the number of those that act."""


def short_name(genome: Genome) -> str:
    """The cell that most stages carry, and how many feedback edges act."""
    return name_network(genome)[0]


def name_network(genome: Genome) -> tuple[str, Recurrence]:
    """A network's short name and its recurrence, which follow from one analysis of it."""
    network = drop_inert(genome)
    kind = loops(network)
    return _name(genome, network, kind), kind


def strip_mark(name: str) -> str:
    """A short name without the mark of what it leaves out."""
    return _MARK.sub("", name)


def is_outdated(name: str) -> bool:
    """Whether an earlier version made a name: those were no equations (`out: in3 ~ sig(out3)`)."""
    return _OLD.match(name) is not None


def _name(genome: Genome, network: Genome, kind: Recurrence) -> str:
    """The short name of a genome, which `network` is without its inert parts."""
    carried = Counter(stage.cell for stage in network.stages if stage.cell is not None)
    cells = [name for name, _ in carried.most_common()]
    cells.sort(key=lambda name: not network.cells[name].recurrent)  # the recurrent ones first
    name = ""
    if cells:
        cell = network.cells[cells[0]]
        if not _passes_on(cell.states[cell.output]):
            # A published cell is known with its feedback, also where none arrives.
            name = find_published(genome.cells[cells[0]]) or _write(genome, network, cells[0])
    if kind == "none":
        # Two networks without recurrence may differ in what their cells do with the input.
        return f"{FEEDFORWARD}, {name}" if name else FEEDFORWARD
    fed = "" if kind == "local" else f" +{len(network.edges)}{_BY[kind]}"
    return f"{name or CONVOLUTIONS}{fed}"


def _write(genome: Genome, network: Genome, cell: str) -> str:
    """The equations of a cell on one line: of the first stage with feedback, if one has any.

    `network` is the genome without its inert parts.
    """
    fed = {edge.receiver for edge in network.edges}
    carrying = [stage.name for stage in network.stages if stage.cell == cell]
    layout = Layout(read_cell(genome, max(carrying, key=lambda name: name in fed)))
    brief = write_cell(layout, digits=_DIGITS, brief=True).format()
    # That other stages have the same equations takes longer to see.
    whole = brief == write_cell(layout).format() and len(write_cells(genome)) == 1
    return _fit("; ".join(brief), genome.digest, whole=whole)


def _fit(text: str, digest: str, *, whole: bool) -> str:
    """A text that is short enough, with a mark if it is not all that there is."""
    if whole and len(text) <= MAX_LENGTH:
        return text
    mark = f" … {digest[:LETTERS]}"
    most = MAX_LENGTH - len(mark)
    if len(text) > most:
        words = text[: most + 1].split(" ")[:-1]
        while words[-1] in ("x", "+", "-", "=") or words[-1].startswith(("[", "(")):
            words.pop()
        if words[-2].endswith(";"):  # the name of a line alone
            words.pop()
        text = " ".join(words).rstrip(";")
    return text + mark


def _passes_on(state: State) -> bool:
    """Whether a state is no more than the input under an activation."""
    return (
        state.carry is None
        and bool(state.drive.edges)
        and all(
            edge.add is not None
            and edge.add.of == ("input",)
            and edge.add.operation in ("identity", "match")
            and not edge.add.squared
            for edge in state.drive.edges
        )
    )
