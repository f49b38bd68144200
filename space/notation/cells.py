"""Cells: their states, gates and edges, from the phrases of a document to a cell of the grammar.

An optional state (`hidden ?*`) makes a choice between two whole cells, with it and without it and
its edges; choices of both have one name, so that they are one choice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from space.documents.bounds import OPTIONAL_STATES
from space.documents.validation import quote, suggestion
from space.notation.attributes import Attributes
from space.notation.edges import INPUT_STATE, Edge, EdgeReader, Names
from space.notation.phrases import KEY, NotationError, Phrase, Where, read_phrase
from space.notation.values import Node, Presence, read_presence

Let = Mapping[str, tuple[str, Where]]
KEYS = ("states", "gates", "edges", "output", "kernels")
ABSENT, PRESENT = "absent", "present"
"""The labels of the cells without and with an optional state."""
INPUT = "input"


@dataclass
class Origins:
    """Where in the notation the parts of the document come from."""

    places: list[tuple[Any, Where, int]] = field(default_factory=list)

    def note(self, node: Node, path: Where, at: int = 0) -> Node:
        """Keep where a node comes from; the node."""
        if isinstance(node, dict | list):
            self.places.append((node, path, at))
        return node


@dataclass(frozen=True)
class _State:
    """A state as its line has it."""

    name: str
    presence: Presence
    phrase: str
    path: Where


@dataclass
class CellReader:
    """Reads a cell of the notation. `prefix` begins the names of its choices."""

    written: Mapping[str, Any]
    path: Where
    let: Let
    origins: Origins
    prefix: str = ""

    def read(self) -> Node:
        """The cell, or the choice between those that its optional states make."""
        self._check_keys()
        states = self._states()
        gates = self._gates()
        optional = [state for state in states if state.presence.optional]
        if len(optional) > OPTIONAL_STATES:
            problem = f"more than {OPTIONAL_STATES} states may be absent"
            path = optional[OPTIONAL_STATES].path
            raise NotationError(path, 0, problem, "write the others without ?")
        return self._branch(states, gates, optional, ())

    def _check_keys(self) -> None:
        for key in self.written:
            if key not in KEYS:
                cure = suggestion(key, KEYS)
                raise NotationError((*self.path, KEY, key), 0, f"unknown key {quote(key)}", cure)
        if "states" not in self.written:
            raise NotationError(self.path, 0, "a cell has no states", "add states: {out: elu}")
        if "edges" not in self.written:
            raise NotationError(self.path, 0, "a cell has no edges", "add edges: [input -> out]")

    def _branch(
        self,
        states: Sequence[_State],
        gates: Mapping[str, str],
        optional: Sequence[_State],
        absent: tuple[str, ...],
    ) -> Node:
        if not optional:
            return self._cell(states, gates, absent)
        state, *rest = optional
        ways = {
            ABSENT: self._branch(states, gates, rest, (*absent, state.name)),
            PRESENT: self._branch(states, gates, rest, absent),
        }
        name = state.presence.name or self.prefix + state.name
        default = PRESENT if state.presence.default else ABSENT
        return {"choice": ways, "name": name, "default": default}

    # ------------------------------------------------------------------ lines

    def _phrase(self, text: object, *path: str | int) -> Phrase:
        cure = "write words, or the whole cell in full"
        return read_phrase("" if text is None else text, (*self.path, *path), self.let, cure)

    def _states(self) -> list[_State]:
        states: list[_State] = []
        for key, text in self._mapping("states").items():
            phrase = Phrase(key, (*self.path, "states", KEY, key))
            name = phrase.name("state").text
            presence = read_presence(phrase)
            phrase.finish(["?", "?*"])
            if name in ("residual", "feedback", "new") or (name == INPUT and presence.optional):
                phrase.place = 0
                phrase.refuse(f"{name} cannot be the name of such a state", "call it otherwise")
            if name in (state.name for state in states):
                phrase.place = 0
                phrase.refuse(f"two states are called {name}", "call one of them otherwise")
            states.append(_State(name, presence, text, (*self.path, "states", key)))
        # The input is worked out first: whatever reads it reads this step's value.
        states.sort(key=lambda state: state.name != INPUT)
        if not any(not state.presence.optional and state.name != INPUT for state in states):
            problem = "a cell has no state that is always there"
            raise NotationError((*self.path, "states"), 0, problem, "add states: {out: elu}")
        return states

    def _mapping(self, key: str) -> Mapping[str, Any]:
        value = self.written.get(key) or {}
        if not isinstance(value, Mapping):
            problem = f"{quote(value)} is not a mapping"
            raise NotationError((*self.path, key), 0, problem, f"write {key}: {{NAME: WORDS}}")
        for name in value:
            if not isinstance(name, str):
                path = (*self.path, key, KEY, name)
                raise NotationError(path, 0, f"{quote(name)} is not a word", "write letters")
        return value

    def _gates(self) -> dict[str, str]:
        return dict(self._mapping("gates"))

    # ------------------------------------------------------------------ one cell

    def _cell(
        self, states: Sequence[_State], gates: Mapping[str, str], absent: tuple[str, ...]
    ) -> dict[str, Node]:
        has_input = any(state.name == INPUT for state in states)
        names = Names(
            states=tuple(s.name for s in states if s.name not in (INPUT, *absent)),
            gates=tuple(gates),
            absent=absent,
            has_input=has_input,
            prefix=self.prefix,
        )
        edges: dict[str, list[Edge]] = {}
        for edge in self._edges(names):
            edges.setdefault(edge.target, []).append(edge)
        cell: dict[str, Node] = {"output": self._output(names)}
        clip, weights = self._kernels()
        cell |= clip
        if gates:
            cell["gates"] = {name: self._gate(name, gates[name], edges, names) for name in gates}
        cell["states"] = {
            INPUT_STATE if state.name == INPUT else state.name: self._state(state, edges)
            for state in states
            if state.name not in absent
        }
        if weights:
            cell["weights"] = weights
        return self.origins.note(cell, self.path)  # type: ignore[no-any-return]

    def _edges(self, names: Names) -> Iterator[Edge]:
        lines = self.written.get("edges") or []
        if not isinstance(lines, list):
            problem = f"{quote(lines)} is not a list of edges"
            raise NotationError((*self.path, "edges"), 0, problem, "write - SOURCE -> STATE")
        used: dict[str, int] = {}
        for place, line in enumerate(lines):
            phrase = self._phrase(line, "edges", place)
            edge = EdgeReader(phrase, names, used).read()
            if edge is not None:
                edge.line = tuple(phrase.tokens)
                self.origins.note(edge.node, phrase.path)
                yield edge

    def _output(self, names: Names) -> str:
        if "output" not in self.written:
            return "out" if "out" in names.states else names.states[-1]
        phrase = self._phrase(self.written["output"], "output")
        if phrase.peek() not in names.states:
            phrase.refuse_word("a state that is always there", names.states)
        name = phrase.take().text
        phrase.finish()
        return name

    def _kernels(self) -> tuple[dict[str, Node], dict[str, Node]]:
        """Which kernels are cut (`cut to map`, `separable cut to map`), and how weights start."""
        if "kernels" not in self.written:
            return {}, {}
        phrase = self._phrase(self.written["kernels"], "kernels")
        clip: dict[str, Node] = {}
        separable = phrase.accept("separable")
        if phrase.peek() == "cut" or separable:
            if not phrase.accept("cut", "to", "map"):
                phrase.refuse_word("known", ["cut to map", "separable cut to map"])
            clip = {"clip_kernels": "separable" if separable else True}
        slots = Attributes(phrase, self.prefix.rstrip("."), ("weights",)).read()
        phrase.finish()
        return clip, slots.get("weights", {})

    def _state(self, state: _State, edges: Mapping[str, list[Edge]]) -> dict[str, Node]:
        phrase = self._phrase(state.phrase, "states", str(state.path[-1]))
        base = self.prefix + state.name
        reader = Attributes(phrase, base, ("state",), number="depth", loose=True)
        words = reader.read("drive")
        inner: dict[str, Node] = {}
        if phrase.accept("drive"):
            drive = Attributes(phrase, f"{base}.drive", ("drive",), loose=True)
            inner = drive.read()
        phrase.finish()
        into = edges.get(state.name, [])
        if state.name == INPUT and "depth" in words:
            phrase.place = 0
            phrase.refuse("the input has the channels of its stage", "leave the number out")
        result = {"depth": words["depth"]} if "depth" in words else {}
        kept = [edge for edge in into if edge.action == "keep"]
        if len(kept) > 1:
            token = kept[1].line[0]
            phrase.refuse(f"{state.name} is kept by two edges", "remove one of them", token)
        if kept:
            result["carry"] = kept[0].node
        nodes = [edge.node for edge in into if edge.action != "keep"]
        if state.name == INPUT:
            nodes.insert(0, {"add": {"of": INPUT}})
        order = ("activation", "norm", "bias", "bias_acts")
        drive_slots = {slot: inner[slot] for slot in order if slot in inner}
        result["drive"] = {"edges": nodes, **drive_slots}
        result |= {slot: words[slot] for slot in ("norm", "activation") if slot in words}
        return self.origins.note(result, phrase.path)  # type: ignore[no-any-return]

    def _gate(
        self, name: str, text: str, edges: Mapping[str, list[Edge]], names: Names
    ) -> dict[str, Node]:
        phrase = self._phrase(text, "gates", name)
        if "->" in [token.text for token in phrase.tokens]:
            gate = EdgeReader(phrase, names).read_gate(name)
        else:
            words = Attributes(phrase, self.prefix + name, ("gate",), loose=True).read()
            phrase.finish()
            order = ("offset", "scale", "nonlinearity", "bias", "bias_acts", "norm")
            gate = {slot: words[slot] for slot in order if slot in words}
        terms = [_inside(edge.node, "add") for edge in edges.get(name, [])]
        if terms:
            gate["terms"] = [*gate.get("terms", []), *terms]
        return self.origins.note(gate, phrase.path)  # type: ignore[no-any-return]


def _inside(node: Node, key: str) -> Node:
    """The term of an edge to a gate: without the word that it adds."""
    if "optional" in node:
        return {**node, "optional": _inside(node["optional"], key)}
    return node[key]
