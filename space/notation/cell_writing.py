"""Cells in words: the inverse of cells.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from space.documents.trees import copy_tree
from space.errors import SpaceError
from space.notation.cells import ABSENT, INPUT, PRESENT, CellReader, Origins
from space.notation.edge_writing import (
    Vocabulary,
    write_added,
    write_bias,
    write_gate,
    write_gate_words,
)
from space.notation.values import Node
from space.notation.wording import (
    NoWordsError,
    join_words,
    split_optional,
    write_norm,
    write_value,
    write_weights,
    write_word,
)


def write_cell(cell: Any, name: str, several: bool) -> Any:
    """A cell in words; where it has none, as it stands. With `several`, choices bear its name."""
    prefix = f"{name}." if several else ""
    try:
        return _optional_cell(cell, prefix)
    except (NoWordsError, SpaceError):
        return copy_tree(cell)


def _optional_cell(cell: Node, prefix: str) -> dict[str, Any]:
    """A cell with optional states, or one without: written from the one that has all of them."""
    optional: dict[str, str] = {}
    whole = cell
    while isinstance(whole, dict) and "choice" in whole:
        options = whole["choice"]
        if not isinstance(options, dict) or set(options) != {ABSENT, PRESENT}:
            raise NoWordsError("a choice of cells")
        name = whole.get("name", "").removeprefix(prefix)
        optional[name] = " ?*" if whole.get("default") == PRESENT else " ?"
        whole = options[PRESENT]
    if not isinstance(whole, dict) or "states" not in whole:
        raise NoWordsError("a cell without states")
    written = _CellWriter(whole, prefix).write(optional)
    if optional and CellReader(written, (), {}, Origins(), prefix).read() != cell:
        raise NoWordsError("a choice of cells that differ in more than a state")
    return written


class _CellWriter:
    def __init__(self, cell: Mapping[str, Node], prefix: str) -> None:
        self.cell, self.prefix = cell, prefix
        states, gates = cell["states"], cell.get("gates") or {}
        if not isinstance(states, dict) or not isinstance(gates, dict):
            raise NoWordsError("a choice of states")
        self.states: dict[str, Node] = states
        self.gates: dict[str, Node] = gates
        first = next(iter(states))
        passing = first if first != cell.get("output") and passes_input(first, states) else None
        if len(states) == 1 or (passing is None and INPUT in states):
            passing = None
        names = {gate: gate if gate not in states else f"{gate}_gate" for gate in gates}
        if len({*names.values(), *states}) < len(names) + len(states):
            raise NoWordsError("gates and states of one name")
        self.words = Vocabulary(prefix, passing, names)

    def write(self, optional: Mapping[str, str]) -> dict[str, Any]:
        cell, words = self.cell, self.words
        known = {"states", "gates", "output", "clip_kernels", "weights"}
        if set(cell) - known:
            raise NoWordsError("more than a cell")
        tree: dict[str, Any] = {}
        if kernels := self._kernels():
            tree["kernels"] = kernels
        tree["states"] = {
            words.target(name) + optional.get(name, ""): self._state(name) for name in self.states
        }
        if self.gates:
            tree["gates"] = {words.gates[name]: self._gate(name) for name in self.gates}
        tree["edges"] = [line for name in self.states for line in self._into_state(name)]
        output = cell.get("output")
        listed = [name for name in self.states if name != words.input_state]
        if not isinstance(output, str):
            raise NoWordsError("a choice of outputs")
        if output != ("out" if "out" in listed else listed[-1]):
            tree["output"] = output
        return tree

    def _kernels(self) -> str:
        clip = {True: ["cut to map"], "separable": ["separable cut to map"], False: []}
        value = self.cell.get("clip_kernels", False)
        if isinstance(value, dict):
            raise NoWordsError("a choice of where kernels are cut")
        weights = write_weights(self.cell.get("weights", {}), self.prefix.rstrip("."))
        return " ".join([*clip[value], *weights])

    def _state(self, name: str) -> str:
        state, target = self.states[name], self.words.target(name)
        base = self.prefix + target
        words = []
        if not isinstance(state, dict) or set(state) - {
            *("depth", "carry", "drive", "norm", "activation")
        }:
            raise NoWordsError("a choice of states")
        if state.get("depth") is not None:
            words.append(write_value(state["depth"], f"{base}.depth", whole=True))
        if state.get("norm") is not None:
            words.append(write_norm(state["norm"], base, optional=True))
        if "activation" in state:
            words.append(write_word(state["activation"], f"{base}.activation"))
        drive = state.get("drive", {})
        if not isinstance(drive, dict) or set(drive) - {
            *("edges", "activation", "norm", "bias", "bias_acts")
        }:
            raise NoWordsError("a choice of drives")
        inner = write_bias(drive, f"{base}.drive")
        if drive.get("norm") is not None:
            inner.insert(0, write_norm(drive["norm"], f"{base}.drive", optional=True))
        if "activation" in drive:
            inner.append(write_word(drive["activation"], f"{base}.drive.activation"))
        return " ".join([*words, *(["drive", *inner] if inner else [])])

    def _gate(self, name: str) -> str:
        gate, target = self.gates[name], self.words.gates[name]
        if not gate.get("terms"):
            return " ".join(write_gate_words(gate, self.prefix + target, loose=True))
        read = write_gate(gate, target, "", self.words)
        return join_words(read.sources, "->", read.words)

    def _sources(self, term: Node) -> tuple[str, str]:
        if isinstance(term, dict) and isinstance(term.get("choice"), dict):
            ways = [self._sources(way) for way in term["choice"].values()]
            if len(set(ways)) == 1:
                return ways[0]
        if not isinstance(term, dict) or "of" not in term:
            raise NoWordsError("a choice of terms")
        return self.words.sources(term["of"])

    def _into_state(self, name: str) -> list[str]:
        state, target = self.states[name], self.words.target(name)
        lines = []
        if state.get("carry") is not None:
            lines.append(self._keep(state["carry"], target))
        edges = state.get("drive", {}).get("edges", [])
        listed = [edges] if isinstance(edges, dict) else list(edges)
        own = listed[name == self.words.input_state :]
        return lines + [self._edge(edge, target) for edge in own]

    def _keep(self, node: Node, target: str) -> str:
        bare = node.get("optional", node)
        if not isinstance(bare, dict) or not set(bare) <= {"of", "gate"}:
            raise NoWordsError("a choice of what is kept")
        of = f"of {self.words.source(bare['of'])}" if bare.get("of") is not None else ""
        gate = bare.get("gate")
        sources, label, words = "", "", ""
        if gate is not None and (name := self._reference(gate)):
            sources, label = name, name.removeprefix("1 - ")
        elif gate is not None:
            read = write_gate(gate, target, "keep", self.words)
            sources, label, words = read.sources, read.label, read.words
            if not sources and not words:
                words = "sigmoid"
        base = f"{self.prefix}{label}->{target} keep" if label else f"{self.prefix}{target} keep"
        _, mark = split_optional(node, base)
        return join_words(sources, "->", target, "keep", words, of) + mark

    def _reference(self, gate: Node) -> str:
        """A gate by its name, or one minus it; empty for one in its place."""
        if isinstance(gate, str):
            gate = {"shared": gate}
        if not isinstance(gate, dict):
            raise NoWordsError("a choice of gates")
        shared, complement = gate.get("shared"), gate.get("complement")
        if shared is None and complement is None:
            return ""
        name = shared if complement is None else complement
        if (
            not isinstance(name, str)
            or name not in self.words.gates
            or (shared is not None and complement is not None)
        ):
            raise NoWordsError("a choice of gates")
        return self.words.gates[name] if complement is None else f"1 - {self.words.gates[name]}"

    def _edge(self, edge: Node, target: str) -> str:
        bare = edge.get("optional", edge) if isinstance(edge, dict) else {}
        if isinstance(bare, dict) and "choice" in bare:
            return self._two_ways(edge, bare, target)
        if isinstance(bare, dict) and bare.get("multiply") is not None and not bare.get("add"):
            gate = bare["multiply"]
            if name := self._reference(gate):
                base = f"{self.prefix}{name.removeprefix('1 - ')}->{target} times"
                return join_words(name, "->", target, "times") + split_optional(edge, base)[1]
            read = write_gate(gate, target, "times", self.words)
            label = f"{read.label}->{target} times" if read.label else f"{target} times"
            mark = split_optional(edge, self.prefix + label)[1]
            return join_words(read.sources, "->", target, "times", read.words) + mark
        if not isinstance(bare, dict) or not isinstance(bare.get("add"), dict):
            raise NoWordsError("an edge")
        sources, label = self._sources(bare["add"])
        base = f"{self.prefix}{label}->{target}"
        mark = split_optional(edge, base)[1]
        words = write_added(bare["add"], base)
        return join_words(sources, "->", target, "add" if words else "", words) + mark

    def _two_ways(self, edge: Node, choice: Mapping[str, Node], target: str) -> str:
        """`add ... | times ...`."""
        ways = choice["choice"]
        if not isinstance(ways, dict) or set(ways) != {"add", "times"}:
            raise NoWordsError("options with names")
        if set(ways["add"]) != {"add"} or set(ways["times"]) != {"multiply"}:
            raise NoWordsError("options with names")
        sources, label = self._sources(ways["add"]["add"])
        base = f"{self.prefix}{label}->{target}"
        gate = write_gate(ways["times"]["multiply"], target, "times", self.words, base)
        if gate.sources != sources:
            raise NoWordsError("two edges in one")
        texts = []
        for action in ways:
            words = write_added(ways["add"]["add"], base) if action == "add" else gate.words
            star = (
                "*"
                if action == choice.get("default", next(iter(ways))) != next(iter(ways))
                else ""
            )
            texts.append(join_words(action + star, words))
        name = choice.get("name", f"{base} by")
        own = "" if name == f"{base} by" else f' as "{name}"'
        return f"{sources} -> {target} {' | '.join(texts)}{own}{split_optional(edge, base)[1]}"


def passes_input(name: str, states: Mapping[str, Node]) -> bool:
    """Whether a state may be written as the input: the first one, read at once and only so."""
    state = states[name]
    if name != next(iter(states)) or not isinstance(state, dict):
        return False
    if not set(state) <= {"drive", "norm", "activation"} or not isinstance(
        state.get("drive"), dict
    ):
        return False
    drive = state["drive"]
    edges = drive.get("edges")
    if set(drive) != {"edges"} or not isinstance(edges, list) or not edges:
        return False
    if edges[0] not in ({"add": {"of": "input"}}, {"add": {"of": ["input"]}}):
        return False
    rest: Sequence[Node] = [*edges[1:], *(s for n, s in states.items() if n != name)]
    sources = [source for node in rest for source in list_sources(node)]
    return not any(source in ("input", name) for source in sources)


def list_sources(node: Node) -> list[str]:
    """The names of all sources below a node, `new.` before those of this step."""
    if isinstance(node, list | tuple):
        return [source for item in node for source in list_sources(item)]
    if not isinstance(node, dict):
        return []
    of = node.get("of", [])
    own = [of] if isinstance(of, str) else of
    named = [text.partition("*")[0].strip() for text in own if isinstance(text, str)]
    return named + [source for item in node.values() for source in list_sources(item)]
