"""Whole documents in the notation: a space or a network, from its YAML tree to the full grammar.

A document is in the notation if a stage of it is a line of words, a cell has a list of edges, or
it has a key that the full grammar does not have (`steps`, `let`, `cell`).
Whatever it does not write in words (a stage as a mapping, a whole cell, a head) is the full
grammar's, and is taken as it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from space.documents.trees import copy_tree, is_choice
from space.documents.validation import quote, suggestion
from space.network.architecture import Architecture
from space.network.grammar import parse_source
from space.notation.attributes import Attributes
from space.notation.cells import CellReader, Origins
from space.notation.derived_controls import read_derived
from space.notation.phrases import KEY, NotationError, Phrase, Where, read_phrase, split_tokens
from space.notation.stages import FeedbackReader, StageReader
from space.notation.values import Node, read_kernels, read_number, read_numbers, read_values
from space.notation.words import ACTIVATIONS, OPS, WORDS

OWN_KEYS = ("steps", "stages", "feedback", "let", "cell", "cells", "train", "controls")
SPACE_KEYS = ("name", "description", "images", "only")
GENOME_KEYS = tuple(
    key for key in Architecture.model_fields if key not in ("stages", "cells", "feedback")
)
CONTROL_KEYS = ("description", "states", "gates", "edges", "feedback", "choices", "train")
CELL = "motif"
"""What the cell is called where a document has one."""


def is_notation(document: object) -> bool:
    """Whether a document is written in the notation, not in the full grammar."""
    if not isinstance(document, Mapping) or "genome" in document:
        return False
    stages = document.get("stages")
    if isinstance(stages, str | Mapping) or {"steps", "let", "cell"} & set(document):
        return True
    if isinstance(stages, list) and any(isinstance(stage, str) for stage in stages):
        return True
    cells = document.get("cells")
    listed = list(cells.values()) if isinstance(cells, Mapping) else []
    return any(_is_cell(cell) for cell in listed)


def _is_cell(cell: object) -> bool:
    """Whether a cell is written in the notation."""
    return isinstance(cell, Mapping) and "edges" in cell


@dataclass(frozen=True)
class Compiled:
    """A document in the full grammar, and where its parts come from."""

    document: dict[str, Any]
    origins: Origins


def compile_notation(written: Mapping[str, Any]) -> Compiled:
    """The space of a document in the notation. Raises NotationError at a place in it."""
    return _Reader(written).read()


class _Reader:
    def __init__(self, written: Mapping[str, Any]) -> None:
        self.written = written
        self.origins = Origins()
        self.edge_places: dict[str, Where] = {}
        self.let = self._let()
        self.cells = self._list_cells()

    def read(self) -> Compiled:
        written = self.written
        for key in written:
            if key not in (*OWN_KEYS, *SPACE_KEYS, *GENOME_KEYS):
                known = (*SPACE_KEYS, *OWN_KEYS, *GENOME_KEYS)
                cure = suggestion(key, known)
                raise NotationError((KEY, key), 0, f"unknown key {quote(key)}", cure)
        genome: dict[str, Node] = {}
        for key in GENOME_KEYS:
            if key in written:
                genome[key] = self.origins.note(self._genome_part(key), (key,))
        if "steps" in written:
            clock = self._clock(genome.get("clock"))
            genome["clock"] = self.origins.note(clock, ("steps",))
        genome["stages"] = self._stages()
        if written.get("feedback"):
            genome["feedback"] = self._feedback(genome["stages"])
        if self.cells:
            genome["cells"] = {name: self._cell(name) for name in self.cells}
        self._check_feedback(genome)
        document: dict[str, Any] = {k: copy_tree(written[k]) for k in SPACE_KEYS if k in written}
        document["genome"] = genome
        if written.get("train"):
            document["recipe"] = self._train(written["train"], ("train",), "")
        if written.get("controls"):
            document["controls"] = self._controls(genome)
        return Compiled(document, self.origins)

    def _phrase(self, text: object, *path: str | int) -> Phrase:
        return read_phrase(text, path, self.let)

    # ------------------------------------------------------------------ words of one's own

    def _let(self) -> dict[str, tuple[str, Where]]:
        let = self.written.get("let") or {}
        if not isinstance(let, Mapping):
            raise NotationError(
                ("let",), 0, f"{quote(let)} is not a mapping", "let: {W: conv k 3}"
            )
        taken = {*OPS, *ACTIVATIONS, *(part for word in WORDS for part in word.head.split())}
        words: dict[str, tuple[str, Where]] = {}
        for name, text in let.items():
            at: Where = ("let", KEY, name)
            if not isinstance(name, str) or not name.isidentifier():
                raise NotationError(at, 0, f"{quote(name)} is not a word", "write letters")
            if name in taken:
                problem = f"{name} is a word of the notation"
                raise NotationError(at, 0, problem, "choose another one: capitals are free")
            words[name] = (str(text), ("let", name))
            split_tokens(str(text), ("let", name))
        return words

    # ------------------------------------------------------------------ the network

    def _genome_part(self, key: str) -> Node:
        value = self.written[key]
        if key == "weights" and isinstance(value, str):
            phrase = self._phrase(value, key)
            slots = Attributes(phrase, "", ("weights",)).read()
            phrase.finish()
            return slots.get("weights", {})
        if key == "head" and isinstance(value, str):
            return self._head(value)
        return copy_tree(value)

    def _head(self, text: str) -> dict[str, Node]:
        phrase = self._phrase(text, "head")
        forms = ("mean_linear", "convolution_mean", "flatten_linear")
        head: dict[str, Node] = {"form": phrase.word("a head", forms)}
        if phrase.accept("k"):
            head["kernel"] = read_kernels(phrase).node("head.kernel")
        slots = Attributes(phrase, "head", ("weights",)).read()
        phrase.finish()
        return head | slots

    def _clock(self, clock: Node) -> dict[str, Node]:
        """`7`, or `17 image 0..12`: the steps in which the image is there."""
        phrase = self._phrase(self.written["steps"], "steps")
        own: dict[str, Node] = {"steps": read_numbers(phrase, whole=True).node("steps")}
        if phrase.accept("image"):
            image_on = read_number(phrase)
            phrase.expect("..", "write image FIRST..END")
            own |= {"image_on": image_on} if image_on else {}
            if phrase.next.is_number:
                own["image_off"] = read_number(phrase)
        phrase.finish(["image"])
        return {**(clock or {}), **own}

    def _stages(self) -> list[Node]:
        lines = self.written.get("stages")
        if not isinstance(lines, list):
            problem = "there are no stages" if lines is None else f"{quote(lines)} is not a list"
            raise NotationError(("stages",), 0, problem, "write stages: [conv1 16 k 3 elu pool]")
        stages: list[Node] = []
        for place, line in enumerate(lines):
            if isinstance(line, str):
                phrase = self._phrase(line, "stages", place)
                line = self.origins.note(
                    StageReader(phrase, tuple(self.cells)).read(), phrase.path
                )
            stages.append(line)
        return stages

    def _feedback(self, stages: list[Node]) -> dict[str, Node]:
        lines = self.written["feedback"]
        if isinstance(lines, Mapping):
            return copy_tree(lines)  # type: ignore[no-any-return]
        names = _list_stages(stages)
        edges: dict[str, Node] = {}
        for place, line in enumerate(lines if isinstance(lines, list) else [lines]):
            path: Where = ("feedback", place) if isinstance(lines, list) else ("feedback",)
            phrase = self._phrase(line, *path)
            for key, there in FeedbackReader(phrase, names).read().items():
                if key in edges:
                    phrase.place = 0
                    phrase.refuse(f"the edge {key} is written twice", "remove one of the two")
                edges[key] = there
                self.edge_places[key] = path
        return edges

    # ------------------------------------------------------------------ cells

    def _list_cells(self) -> dict[str, Where]:
        """The cells by name, each with its path."""
        cells: dict[str, Where] = {}
        if self.written.get("cell") is not None:
            cells[CELL] = ("cell",)
        several = self.written.get("cells") or {}
        if not isinstance(several, Mapping):
            problem = f"{quote(several)} is not a mapping"
            raise NotationError(("cells",), 0, problem, "write cells: {NAME: {states: ...}}")
        for name in several:
            if name in cells:
                raise NotationError(("cells", KEY, name), 0, f"two cells are called {name}", "")
            cells[str(name)] = ("cells", name)
        return cells

    def _cell(self, name: str) -> Node:
        path = self.cells[name]
        cell: Any = self.written
        for step in path:
            cell = cell[step]
        if not isinstance(cell, Mapping):
            cure = "write cell: {states: {out: elu}, edges: [input -> out]}"
            raise NotationError(path, 0, f"{quote(cell)} is no cell", cure)
        words = "edges" in cell or all(
            isinstance(state, str | int | None) for state in (cell.get("states") or {}).values()
        )
        if not words or is_choice(cell):
            return self.origins.note(copy_tree(cell), path)
        prefix = f"{name}." if len(self.cells) > 1 else ""
        return CellReader(cell, path, self.let, self.origins, prefix).read()

    def _check_feedback(self, genome: Mapping[str, Node]) -> None:
        """Refuse a feedback edge to a stage in which nothing can read it."""
        for edge, receiver, cell in find_unread(genome, list(self.edge_places)):
            cure = "add an edge to its cell: feedback -> STATE add conv k 1"
            if not cell:
                cure = f"write reads feedback in the stage {receiver}, or give it a cell"
            problem = f"nothing in {receiver} reads the feedback {edge}"
            raise NotationError(self.edge_places[edge], 0, problem, cure)

    # ------------------------------------------------------------------ training and controls

    def _train(self, node: Any, path: Where, base: str) -> Any:
        if isinstance(node, Mapping) and not is_choice(node):
            return {
                key: self._train(value, (*path, key), f"{base}.{key}" if base else str(key))
                for key, value in node.items()
            }
        if not isinstance(node, str) or not ("|" in node or ".." in node):
            return copy_tree(node)
        phrase = Phrase(node, path)
        if phrase.next.is_number or phrase.peek() in ("log", "int"):
            read = read_numbers(phrase)
        else:
            read = read_values(phrase, lambda: _read_literal(phrase))
        phrase.finish()
        return read.node(base)

    def _controls(self, genome: Mapping[str, Node]) -> dict[str, Any]:
        controls = self.written["controls"]
        if not isinstance(controls, Mapping):
            problem = f"{quote(controls)} is not a mapping"
            raise NotationError(("controls",), 0, problem, "write controls: {NAME: [EDGE]}")
        return {name: self._control(name, value, genome) for name, value in controls.items()}

    def _control(self, name: str, value: Any, genome: Mapping[str, Node]) -> Any:
        path: Where = ("controls", name)
        if isinstance(value, str):
            return self.origins.note(read_derived(value, path), path)
        written = {"edges": value} if isinstance(value, list) else value
        if not isinstance(written, Mapping) or {"genome", "recipe"} & set(written):
            return copy_tree(value)  # in full
        for key in written:
            if key not in CONTROL_KEYS:
                at = (*path, KEY, key)
                cure = suggestion(key, CONTROL_KEYS)
                raise NotationError(at, 0, f"unknown key {quote(key)} of a control", cure)
        result: dict[str, Any] = {"description": str(written.get("description", ""))}
        overlay: dict[str, Any] = {}
        if written.get("edges") is not None:
            edges = written["edges"]
            states = written.get("states") or {"out": ""}
            cell = {"states": states, "edges": edges, "gates": written.get("gates") or {}}
            kind = _ListedCell if isinstance(value, list) else CellReader
            reader = kind(cell, path, self.let, Origins())
            overlay["cells"] = {
                other: _replacement(reader.read(), old, f"{name} cell")
                for other, old in genome.get("cells", {}).items()
            }
            if "feedback" not in written:
                overlay["feedback"] = dict.fromkeys(genome.get("feedback", {}), False)
        if written.get("feedback") is not None:
            overlay["feedback"] = self._control_feedback(written["feedback"], path, genome)
        if overlay:
            result["genome"] = overlay
        if written.get("choices"):
            result["choices"] = copy_tree(written["choices"])
        if written.get("train"):
            result["recipe"] = self._train(written["train"], (*path, "train"), "")
        return result

    def _control_feedback(
        self, lines: Any, path: Where, genome: Mapping[str, Node]
    ) -> dict[str, Node]:
        """`none`, or the edges that are there in the control."""
        own = dict.fromkeys(genome.get("feedback", {}), False)
        if lines in ("none", []):
            return own
        names = _list_stages(genome["stages"])
        for place, line in enumerate(lines if isinstance(lines, list) else [lines]):
            at = (*path, "feedback", place) if isinstance(lines, list) else (*path, "feedback")
            own |= FeedbackReader(self._phrase(line, *at), names).read()
        return own


def _list_stages(stages: Sequence[Node]) -> list[str]:
    """The names of the stages that feedback may lead between."""
    return [
        str(stage["name"]) for stage in stages if isinstance(stage, Mapping) and "name" in stage
    ]


def _replacement(cell: Node, old: Node, name: str) -> Node:
    """A cell that takes the place of an old one as a whole: a mapping would be laid over it."""
    if is_choice(old):
        return cell
    return {"choice": {"control": cell}, "name": name}


class _ListedCell(CellReader):
    """A cell of a control that is a list of edges alone."""

    def _phrase(self, text: object, *path: str | int) -> Phrase:
        return super()._phrase(text, *(path[1:] if path[:1] == ("edges",) else path))


def find_unread(genome: Mapping[str, Node], edges: Sequence[str]) -> list[tuple[str, str, bool]]:
    """Of feedback edges those that nothing can read, with their receiver and whether it has a
    cell; of a document with choices, in no sample.
    """
    listed = [stage for stage in genome["stages"] if isinstance(stage, Mapping)]
    stages = {stage.get("name"): stage for stage in listed}
    cells, unread = genome.get("cells") or {}, []
    for edge in edges:
        receiver = edge.partition("->")[2].strip()
        stage = stages.get(receiver)
        if stage is None:
            continue
        convolution, join = stage.get("convolution"), stage.get("join") or "concat"
        convolves = isinstance(convolution, Mapping) and convolution.get("reads_feedback")
        kind = join.get("kind", "concat") if isinstance(join, Mapping) else join
        name = stage.get("cell")
        cell = cells.get(name) if isinstance(name, str | None) else cells
        if not convolves and kind == "concat" and not _reads_feedback(cell):
            unread.append((edge, receiver, cell is not None))
    return unread


def _reads_feedback(node: Any) -> bool:
    """Whether a cell's document, choices open, names feedback as a source."""
    if isinstance(node, Mapping):
        sources = node.get("of")
        if "of" in node and _reads_feedback_source(sources):
            return True
        return any(_reads_feedback(value) for value in node.values())
    return isinstance(node, list) and any(map(_reads_feedback, node))


def _reads_feedback_source(sources: Any) -> bool:
    listed = sources if isinstance(sources, list) else [sources]
    return any(not isinstance(s, str) or parse_source(s).name == "feedback" for s in listed)


def _read_literal(phrase: Phrase) -> Any:
    if phrase.next.is_number:
        return read_number(phrase)
    text = phrase.take().text.strip('"')
    return {"true": True, "false": False, "null": None}.get(text, text)
