"""YAML: from a text to plain mappings, lists and scalars, or one error with its line.

A text is looked at as a stream of events first, which takes no more memory than the text: tags,
numbers without bounds, and aliases that would unfold to millions of values are refused there,
before anything is built. This module does not know what a document means.
"""

import re
from typing import Any

import yaml
from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    ScalarEvent,
)
from yaml.nodes import MappingNode, ScalarNode

from space.documents.bounds import LEVELS, NODES
from space.documents.validation import number_problem, quote

__all__ = ["YAMLError", "compose_yaml", "load_yaml", "locate"]


class _RefusedError(yaml.MarkedYAMLError):
    """What is YAML, but not wanted: with its cure."""

    def __init__(self, problem: str, cure: str, mark: Any) -> None:
        super().__init__(None, None, problem, mark)
        self.cure = cure


def load_yaml(text: str) -> Any:
    """The document that a text holds. Raises YAMLError."""
    _Events().check(text)
    return yaml.load(text, _Loader)


def compose_yaml(text: str) -> Any:
    """The nodes of a text, each with its place; None for an empty one. Raises YAMLError."""
    _Events().check(text)
    return yaml.compose(text, _Loader)


def locate(error: YAMLError) -> tuple[str, str]:
    """(problem with its line, cure)."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = error.problem or error.context or "not YAML"
        return f"{line}{problem}", getattr(error, "cure", "mend the YAML there")
    if isinstance(error, yaml.reader.ReaderError):
        problem = f"the character #x{error.character:04x} at {error.position:,}"
        return f"is not YAML ({problem}: {error.reason})", "remove it"
    return f"is not YAML ({error})", "mend the file"


_TAGS = "tag:yaml.org,2002:"  # which a text writes as !!


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader with the scalars of YAML 1.2, refusing a key that stands twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own protocol)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            # Before `<<` is merged: a key may well stand both in an anchor and here.
            if isinstance(key, ScalarNode) and key.tag != f"{_TAGS}merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {quote(key.value)} stands twice", key.start_mark
                    )
                seen.add(key.value)
        result: dict[Any, Any] = super().construct_mapping(node, deep)
        return result


_INTEGER = r"[-+]?(0|[1-9][0-9]*)"
_NUMBER = r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
_IS_NUMBER = re.compile(_NUMBER)

for _tag, _pattern, _first in (
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", _INTEGER, "-+0123456789"),
    ("float", rf"{_NUMBER}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+0123456789."),
):
    _Loader.add_implicit_resolver(_TAGS + _tag, re.compile(rf"^(?:{_pattern})$"), list(_first))


class _Events:
    """Checks the events of a text, one after the other."""

    def __init__(self) -> None:
        self.values = 0
        # Of every list or mapping that is open: its anchor, the values before it, its levels.
        self.open: list[list[Any]] = []
        self.anchors: dict[str, tuple[int, int]] = {}  # values, levels

    def check(self, text: str) -> None:
        """Raise YAMLError for the first event that is not wanted."""
        for event in yaml.parse(text, _Loader):
            if isinstance(event, AliasEvent):
                self._alias(event)
            elif isinstance(event, (ScalarEvent, CollectionStartEvent)):
                self._node(event)
            elif isinstance(event, CollectionEndEvent):
                anchor, before, levels = self.open.pop()
                self._levels(levels + 1)
                if anchor:
                    self.anchors[anchor] = self.values - before, levels + 1

    def _alias(self, event: AliasEvent) -> None:
        if any(event.anchor == anchor for anchor, _, _ in self.open):
            raise _RefusedError(
                f"the anchor {event.anchor} stands inside itself", "remove the alias", _mark(event)
            )
        values, levels = self.anchors.get(
            event.anchor or "", (1, 0)
        )  # unknown: the loader says so
        self._count(values, event)
        self._deeper(levels, event)

    def _node(self, event: ScalarEvent | CollectionStartEvent) -> None:
        if event.tag is not None:
            raise _RefusedError(
                f"the tag {event.tag.replace(_TAGS, '!!')} is not read",
                "leave it out: values are what they look like, and text that looks like "
                "something else stands in quotes",
                _mark(event),
            )
        self._count(1, event)
        if isinstance(event, ScalarEvent):
            self._scalar(event)
            if event.anchor:
                self.anchors[event.anchor] = 1, 0
        else:
            self.open.append([event.anchor, self.values - 1, 0])
            self._deeper(0, event)

    def _scalar(self, event: ScalarEvent) -> None:
        if event.implicit[0] and _IS_NUMBER.fullmatch(event.value):
            problem = number_problem(event.value)
            if problem is not None:
                raise _RefusedError(problem, "write a smaller number", _mark(event))

    def _count(self, values: int, event: Event) -> None:
        self.values += values
        if self.values > NODES:
            raise _RefusedError(
                f"the text holds more than {NODES:,} values, aliases followed",
                "shorten it",
                _mark(event),
            )

    def _deeper(self, levels: int, event: Event) -> None:
        """Note that what is open holds so many levels more."""
        if len(self.open) + levels > LEVELS:
            raise _RefusedError(
                f"the text goes more than {LEVELS} levels deep", "flatten it", _mark(event)
            )
        self._levels(levels)

    def _levels(self, levels: int) -> None:
        if self.open:
            self.open[-1][2] = max(self.open[-1][2], levels)


def _mark(event: Event) -> Any:
    return event.start_mark
