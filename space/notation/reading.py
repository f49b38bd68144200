"""Texts in the notation: from a file's text, or the tree in it, to a document of the full grammar,
or to one error that points at the line and the column.

What the notation says may still make no network (a kernel that exceeds the map): such an error
names a field of the full grammar, and `Notation.locate` finds the words that it comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from space.choices.open_document import OpenDocument
from space.documents.files import parse_yaml
from space.documents.paths import Step, parse_path
from space.documents.places import KEY, find_place
from space.documents.trees import CHOICE_KINDS, is_choice
from space.documents.validation import format_dotted, join, quote
from space.errors import InputError, SpaceError
from space.notation.documents import Compiled, compile_notation, is_notation
from space.notation.phrases import NotationError, Where

_CURES = {
    "kernels are cut to the map only with clip_kernels: true": (
        "write kernels: cut to map in the cell, or a smaller kernel"
    ),
    "write kind: group": "write norm group",
    "write `op: match`, or `kernel: 1` for a projection": "write match, or k 1",
    "leave the key out": "leave the word out",
}
"""What to write instead, by the cure of the full grammar."""
_MARK = "@"
"""The key under which a marked document says where a part comes from."""


def parse_notation(text: str, where: str = "") -> dict[str, Any]:
    """The document of a text in the notation: a space in the full grammar, choices open.

    `where` is what errors begin with, a file's name. Raises SpaceError, which points at the line
    and the column, for what is no YAML, not in the notation, or no sentence of it.
    """
    tree = parse_yaml(text, where, SpaceError)
    if not is_notation(tree):
        problem = "is not in the notation: no stage is a line, and no cell has edges"
        cure = "write stages: [conv1 16 k 3 elu pool]"
        raise SpaceError(where, problem, cure)
    return Notation.read(tree, where, text).document


@dataclass(frozen=True)
class Notation:
    """A document that was read, what it says in full, and its text if there is one."""

    written: Mapping[str, Any]
    where: str
    text: str | None
    compiled: Compiled

    @classmethod
    def read(
        cls, written: Mapping[str, Any], where: str = "", text: str | None = None
    ) -> "Notation":
        """What a document says. Raises SpaceError at the place of the mistake."""
        try:
            compiled = compile_notation(written)
        except NotationError as error:
            raise _place(error, written, where, text) from None
        return cls(written, where, text, compiled)

    @property
    def document(self) -> dict[str, Any]:
        """The space in the full grammar."""
        return self.compiled.document

    def locate(self, error: InputError) -> InputError:
        """An error at a field of the full grammar as one at the words that it comes from; the
        same error, under the name of the file, where that is not known."""
        origin = self._find_origin(error.where)
        if origin is None:
            return type(error)(join(self.where, error.where), error.problem, error.cure)
        field = error.where.rpartition(".")[2]
        problem = error.problem if field in ("name", "of") else f"{field}: {error.problem}"
        placed = NotationError(*origin, problem, _CURES.get(error.cure, error.cure))
        moved = _place(placed, self.written, self.where, self.text)
        return type(error)(moved.where, moved.problem, moved.cure)

    def _find_origin(self, where: str) -> tuple[Where, int] | None:
        try:
            steps = parse_path(where)
        except InputError:
            return None
        places = {id(node): (path, at) for node, path, at in self.compiled.origins.places}
        marked = _mark(self.document, places, None)
        if steps[:1] != ("controls",):  # which are not among the choices that are closed here
            try:
                parts = {key: marked.get(key, {}) for key in ("genome", "recipe")}
                opened = OpenDocument.parse(parts)
                marked = opened.close(opened.defaults())
            except InputError:
                pass  # the choices themselves are wrong: looked for in the open document
        _, mark = _follow(marked, steps)
        if mark is None:
            return None
        path, at = mark
        return tuple(path), at


def _place(
    error: NotationError, written: Mapping[str, Any], where: str, text: str | None
) -> SpaceError:
    """An error with the line and the column of its place, or the path where there is no text."""
    path = tuple(step for step in error.path if step != KEY)
    if text is not None and (place := find_place(text, error.path, error.at)) is not None:
        line = f"line {place[0]}, column {place[1]}: "
        return SpaceError(where, line + error.problem, error.cure)
    phrase = _look_up(written, error.path)
    at = f", column {error.at + 1} of {quote(phrase, 100)}" if isinstance(phrase, str) else ""
    return SpaceError(join(where, format_dotted(path)) + at, error.problem, error.cure)


def _look_up(written: Any, path: Where) -> Any:
    if KEY in path:
        return path[-1]
    for step in path:
        try:
            written = written[step]
        except (KeyError, IndexError, TypeError):
            return None
    return written


def _mark(node: Any, places: Mapping[int, tuple[Where, int]], own: Any) -> Any:
    """A copy of a document in which every mapping that has a place says it."""
    own = places.get(id(node), own)
    if isinstance(node, list):
        return [_mark(item, places, None) for item in node]
    if not isinstance(node, dict):
        return node
    kind = next((kind for kind in CHOICE_KINDS if kind in node), None)
    if kind in ("choice", "optional"):
        return {**node, kind: _mark_options(node[kind], places, own)}
    if kind is not None:
        return node
    marked = {key: _mark(value, places, None) for key, value in node.items()}
    return marked if own is None else {**marked, _MARK: [list(own[0]), own[1]]}


def _mark_options(options: Any, places: Mapping[int, tuple[Where, int]], own: Any) -> Any:
    if (
        isinstance(options, dict)
        and not is_choice(options)
        and all(isinstance(o, dict) for o in options.values())
    ):
        return {label: _mark(option, places, own) for label, option in options.items()}
    if isinstance(options, list):
        return [_mark(option, places, own) for option in options]
    return _mark(options, places, own)


def _follow(node: Any, steps: tuple[Step, ...], depth: int = 0) -> tuple[int, Any]:
    """(how far a path leads, the deepest mark on its way). Of a choice on the way, which the path
    does not name, the option is meant in which the path leads furthest."""
    deepest = None
    for place, step in enumerate(steps):
        if isinstance(node, dict):
            deepest = node.get(_MARK, deepest)
            kind = next((kind for kind in ("choice", "optional") if kind in node), None)
            if kind is not None:
                options = node[kind]
                inside = list(options.values()) if isinstance(options, dict) else []
                listed = options if isinstance(options, list) else [*inside, options]
                ways = [_follow(option, steps[place:], depth + place) for option in listed]
                furthest, mark = max(ways, key=lambda way: way[0])
                return furthest, deepest if mark is None else mark
            if step not in node:
                return depth + place, deepest
            node = node[step]
        elif isinstance(node, list) and isinstance(step, int) and step < len(node):
            node = node[step]
        else:
            return depth + place, deepest
    return depth + len(steps), node.get(_MARK, deepest) if isinstance(node, dict) else deepest
