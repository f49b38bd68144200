"""A short name for a genome's cell, for tables and the titles of runs.

`time decay`, `ConvGRU` and the like where the cell is a published one; otherwise its motif, edge
by edge: `out: in + res + hid5s * tanh(fb1); hid: in3 ~ sig(hid7s)`. A number is a kernel, `s` a
depth-separable one, `*` multiplies, `~` keeps the state's own value by a gate.

Only what acts is named (space/activity.py). The name says what goes round of what the logits
depend on (space/recurrence.py): nothing in `feedforward...`, what long-range feedback brings in
`... +2 feedback only`, the states of cells as well in `... +2 feedback`, and these alone else.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from space.activity import drop_inert
from space.errors import GenomeError
from space.genome import Genome
from space.identity.algebra import Arena, constant
from space.network.grammar import Cell, Gate, State, Term, as_document, parse_source
from space.recurrence import Recurrence, loops
from space.zoo import cells as published
from space.zoo import reciprocal_gated as reciprocal

MAX_LENGTH = 100
FEEDFORWARD = "feedforward"
CONVOLUTIONS = "convolutions"
"""Stages without a cell of their own, where feedback makes the network recurrent."""
_BY: dict[Recurrence, str] = {"both": " feedback", "feedback": " feedback only"}
"""How the names of networks with feedback edges end, after the number of those that act."""
_SHORT = {"input": "in", "residual": "res", "feedback": "fb"}
_FUNCTIONS = {"identity": "id", "sigmoid": "sig"}
_LETTERS = 3


def short_name(genome: Genome) -> str:
    """The cell that most stages carry, and how many feedback edges act."""
    return name_network(genome)[0]


def name_network(genome: Genome) -> tuple[str, Recurrence]:
    """A network's short name and its recurrence, which follow from one analysis of it."""
    network = drop_inert(genome)
    kind = loops(network)
    return _name(genome, network, kind), kind


def _name(genome: Genome, network: Genome, kind: Recurrence) -> str:
    """The short name of a genome, which `network` is without its inert parts."""
    carried = Counter(stage.cell for stage in network.stages if stage.cell is not None)
    cells = [name for name, _ in carried.most_common()]
    cells.sort(key=lambda name: not network.cells[name].recurrent)  # the recurrent ones first
    name = ""
    if cells and not _passes_on(network.cells[cells[0]]):
        # A published cell is known with its feedback, also where none arrives.
        name = cell_name(genome.cells[cells[0]], network.cells[cells[0]])
    if kind == "none":
        # Two networks without recurrence may differ in what their cells do with the input.
        return f"{FEEDFORWARD}, {name}" if name else FEEDFORWARD
    fed = "" if kind == "local" else f" +{len(network.edges)}{_BY[kind]}"
    return f"{name or CONVOLUTIONS}{fed}"


def cell_name(cell: Cell, acts: Cell | None = None) -> str:
    """The published name of a cell, or its motif, at most MAX_LENGTH characters.

    `acts` is what of the cell acts in its network (by default all of it).
    """
    named = _published_names().get(_fingerprint(cell))
    if named is not None:
        return named
    text = _Motif.of(acts or cell).text()
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def _passes_on(cell: Cell) -> bool:
    """Whether a cell puts out its input, under an activation at most."""
    return _is_input(cell.states[cell.output])


def _is_input(state: State) -> bool:
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
        "median reciprocal gated cell": reciprocal.rgc_median(),
        "reciprocal gated cell": reciprocal.rgc_shallow(),
    }
    return {_fingerprint(cell): name for name, cell in cells.items()}


def _fingerprint(cell: Cell) -> str:
    """The digest of a cell's motif in a network of reference; empty if it does not fit there."""
    motif = cell.model_copy(update={"clip_kernels": True, "weights": reciprocal.UNDECAYED})
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


@dataclass(frozen=True)
class _Motif:
    """Writes a cell down. `words` are what its sources, states and gates are called."""

    cell: Cell
    words: dict[str, str]

    @classmethod
    def of(cls, cell: Cell) -> "_Motif":
        """Names are cut to three letters where that leaves no two of them alike."""
        names = (*cell.states, *cell.gates)
        words = {**_SHORT, **{name: name[:_LETTERS] for name in names}}
        met = Counter(words.values())
        words = {name: word if met[word] == 1 else name for name, word in words.items()}
        passing = [name for name, state in cell.states.items() if _is_input(state)]
        if len(passing) == 1 and passing != [cell.output]:
            (name,) = passing
            others = {other: cell.states[other] for other in cell.states if other != name}
            if not cell.model_copy(update={"states": others}).reads("input"):
                words[name] = words["input"]  # it stands for the input wherever that is meant
        return cls(cell, words)

    def text(self) -> str:
        states, output = self.cell.states, self.cell.output
        named = [output, *(name for name in states if name != output)]
        return "; ".join(
            f"{self.words[name]}: {self._state(states[name])}"
            for name in named
            if name == output or self.words[name] != self.words["input"]
        )

    def _state(self, state: State) -> str:
        text = " + ".join(map(self._term, state.drive.terms)) or "0"
        for gate in state.drive.gates:
            if factor := self._gate(gate):
                text += f" * {factor}"
        if state.carry is not None:
            of = "" if state.carry.of is None else f"{self._source(state.carry.of)} "
            kept = "1" if state.carry.gate is None else self._gate(state.carry.gate) or "1"
            text += f" ~ {of}{kept}"
        return text

    def _gate(self, gate: Gate) -> str:
        """A gate, or the number that it is; empty for a factor of one."""
        full = self.cell.gate(gate)
        if not full.terms and full.norm is None:
            value = full.offset + full.scale * _constant(full)
            value = 1 - value if gate.complement else value
            return "" if value == 1 else f"{value:.3g}"
        prefix = "1-" if gate.complement else ""
        terms = "+".join(map(self._term, full.terms))
        return f"{prefix}{_FUNCTIONS.get(full.nonlinearity, full.nonlinearity)}({terms})"

    def _term(self, term: Term) -> str:
        sources = ",".join(map(self._source, term.of))
        words = f"{sources}{term.kernel or ''}{'s' if term.operation == 'separable' else ''}"
        return f"{words}²" if term.squared else words

    def _source(self, text: str) -> str:
        source = parse_source(text)
        word = self.words[source.name]
        return f"{word}.{self.words[source.mask]}" if source.mask else word


def _constant(gate: Gate) -> float:
    """The nonlinearity's value in a gate without terms."""
    value = Arena().activated(gate.nonlinearity, constant(gate.acting_bias))
    return float(value.get((), 0))
