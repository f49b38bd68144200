"""A short name for a genome's cell, for tables and the titles of runs.

`time decay`, `ConvGRU` and the like where the cell is a published one; otherwise its motif, edge
by edge: `out: in + res + hid5s * tanh(fb1); hid: in3 ~ sig(hid7s)`. A number is a kernel, `s` a
depth-separable one, `*` multiplies, `~` keeps the state's own value by a gate.
"""

from collections import Counter
from functools import lru_cache

from space import published
from space.errors import GenomeError
from space.genome import Genome
from space.grammar import Cell, Gate, State, Term, as_document

MAX_LENGTH = 100
FEEDFORWARD = "feedforward"
_SHORT = {
    "input": "in",
    "residual": "res",
    "feedback": "fb",
    "identity": "id",
    "sigmoid": "sig",
    "tanh": "tanh",
}


def short_name(genome: Genome) -> str:
    """The cell that most stages carry, and how many feedback edges there are."""
    carried = Counter(stage.cell for stage in genome.stages if stage.cell is not None)
    cells = [genome.cells[name] for name, _ in carried.most_common()]
    cells.sort(key=lambda cell: not cell.recurrent)  # stable: the recurrent ones first
    fed = len(genome.edges)
    feedback = f" +{fed} feedback" if fed else ""
    if not cells:
        return f"{FEEDFORWARD}{feedback}"
    cell, name = cells[0], cell_name(cells[0], fed=bool(fed))
    if fed or cell.recurrent:
        return f"{name}{feedback}"
    # Two networks without recurrence may differ in what their cells do with the input.
    return FEEDFORWARD if _is_input(cell.states[cell.output]) else f"{FEEDFORWARD}, {name}"


def cell_name(cell: Cell, *, fed: bool = True) -> str:
    """The published name of a cell, or its motif, at most MAX_LENGTH characters.

    `fed` says whether any feedback arrives; edges that read it are left out otherwise.
    """
    named = _published_names().get(_fingerprint(cell))
    if named is not None:
        return named
    states = sorted(cell.states, key=lambda name: name != cell.output)
    text = "; ".join(
        f"{_short(name)}: {_state(cell.states[name], cell, fed)}"
        for name in states
        if name == cell.output or not _is_input(cell.states[name])
    )
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def _is_input(state: State) -> bool:
    """Whether a state is no more than the input under an activation."""
    return state.carry is None and all(
        edge.add is not None and edge.add.of == ("input",) and edge.add.kernel is None
        for edge in state.drive.edges
    )


@lru_cache(maxsize=1)
def _published_names() -> dict[str, str]:
    cells = {
        FEEDFORWARD: published.feedforward(),
        "time decay": published.time_decay(),
        "SimpleRNN": published.simple_rnn(),
        "SimpleRNN (layer norm)": published.simple_rnn(layer_norm=True),
        "ConvLSTM": published.conv_lstm(),
        "ConvGRU": published.conv_gru(),
        "UGRNN": published.ugrnn(),
        "IntersectionRNN": published.intersection_rnn(),
        "median reciprocal gated cell": published.rgc_median(),
        "reciprocal gated cell": published.rgc_shallow(),
    }
    return {_fingerprint(cell): name for name, cell in cells.items()}


def _fingerprint(cell: Cell) -> str:
    """The digest of a cell's motif in a network of reference; empty if it does not fit there."""
    motif = cell.model_copy(update={"clip_kernels": True, "weights": published.UNDECAYED})
    stages = [{"name": f"stage{i}", "convolution": {"width": 4}, "cell": "motif"} for i in (1, 2)]
    try:
        return Genome.parse(
            {
                "image": {"size": 16, "channels": 2},
                "stages": stages,
                "cells": {"motif": as_document(motif)},
                "feedback": {"stage2->stage1": True},
            }
        ).digest
    except GenomeError:
        return ""


def _short(name: str) -> str:
    return _SHORT.get(name, name[:3])


def _state(state: State, cell: Cell, fed: bool) -> str:
    text = " + ".join(_term(term) for term in _present(state.drive.terms, fed)) or "0"
    for gate in state.drive.gates:
        terms = cell.gate(gate).terms
        if not terms or _present(terms, fed):
            text += f" * {_gate(gate, cell)}"
    if state.carry is not None:
        of = "" if state.carry.of is None else f"{_short(state.carry.of)} "
        text += f" ~ {of}{_gate(state.carry.gate, cell)}" if state.carry.gate else " ~ 1"
    return text


def _present(terms: tuple[Term, ...], fed: bool) -> list[Term]:
    return [term for term in terms if fed or any(s.name != "feedback" for s in term.sources)]


def _gate(gate: Gate, cell: Cell) -> str:
    prefix = "1-" if gate.complement else ""
    full = cell.gate(gate)
    terms = "+".join(_term(term) for term in full.terms)
    return f"{prefix}{_short(full.nonlinearity)}({terms})"


def _term(term: Term) -> str:
    sources = ",".join(_source(text) for text in term.of)
    kernel = f"{term.kernel or ''}{'s' if term.operation == 'separable' else ''}"
    return f"{sources}{kernel}"


def _source(text: str) -> str:
    name, _, mask = (part.strip() for part in text.removeprefix("new.").partition("*"))
    short = "in" if name == "used" else _short(name)
    return f"{short}.{_short(mask)}" if mask else short
