"""What may stand in a document with choices: every value, with the choices that put it there.

A document with choices is read without making any: where a value may stand, and under which
choices. By this a space is asked what it can contain at all (space/feedforward.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from space.choices.domains import Categorical, Parameter
from space.choices.keys import Taken
from space.choices.narrowing import list_labels
from space.choices.nodes import (
    ChoiceNode,
    ConstantNode,
    ListNode,
    MappingNode,
    Node,
    NumberNode,
    OptionalNode,
    TieNode,
)
from space.choices.same_as import Links
from space.documents.paths import Step
from space.documents.trees import Document

Where = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class PossibleValue:
    """A value that stands at `where` once the choices `taken` are made, outermost first.

    The value is a scalar, or an empty mapping or list for each that may be there, with whatever
    content. A place in a list is that in the open document, which counts what may be absent.
    """

    where: Where
    value: Any
    taken: tuple[tuple[Any, Any], ...]


def list_possible(
    node: Node, ties: tuple[Links, ...], where: Where = (), taken: Taken = ()
) -> Iterator[PossibleValue]:
    """The possible values of a node; `taken` has slots. Numbers that are open are left out."""
    if isinstance(node, ConstantNode):
        for place, item in _list_constant(node.value, where):
            yield PossibleValue(where=place, value=item, taken=taken)
    if isinstance(node, MappingNode | ListNode):
        empty: Any = {} if isinstance(node, MappingNode) else []
        yield PossibleValue(where=where, value=empty, taken=taken)
    for child, steps, more in _list_inside(node, ties):
        if (both := _take(taken, more)) is not None:
            yield from list_possible(child, ties, (*where, *steps), both)


def list_kept(
    node: Node, ties: tuple[Links, ...], parameters: Sequence[Parameter]
) -> Iterator[PossibleValue]:
    """The possible values of a node by options that are left; `parameters` are by slot. What is
    `taken` has their keys.
    """
    for possible in list_possible(node, ties):
        taken = [(parameters[slot], label) for slot, label in possible.taken]
        if all(label in list_labels(parameter) for parameter, label in taken):
            pairs = tuple((parameter.path, label) for parameter, label in taken)
            yield PossibleValue(where=possible.where, value=possible.value, taken=pairs)


def _list_inside(
    node: Node, ties: tuple[Links, ...]
) -> Iterator[tuple[Node, tuple[Step, ...], Taken]]:
    """What may stand in a node or in its place: how far inside, and under which choices."""
    match node:
        case MappingNode(items):
            yield from ((child, (key,), ()) for key, child in items.items())
        case ListNode(children):
            yield from ((child, (place,), ()) for place, child in enumerate(children))
        case ChoiceNode(slot, branches):
            yield from ((child, (), ((slot, label),)) for label, child in branches.items())
        case OptionalNode(slot, body):
            yield body, (), ((slot, True),)
        case TieNode(index, _):
            yield from ((linked, (), more) for more, linked in ties[index])
        case _:
            pass


class _Absent:
    """A mark that no document can hold."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""What stands where an optional part is left out, and where no document has anything."""


@dataclass(frozen=True)
class PlaceReader:
    """Lists what may stand at a place, whatever is chosen elsewhere. `parameters` are by slot."""

    ties: tuple[Links, ...]
    parameters: Sequence[Parameter]

    def list_at(self, node: Node, steps: Where) -> Iterator[Any]:
        """The values that may stand `steps` inside of a node, some of them more than once.

        An empty mapping or list stands for any; of an interval the ends are listed.
        """
        match node:
            case ConstantNode(value):
                yield _constant_at(value, steps)
            case MappingNode() | ListNode() if not steps:
                yield {} if isinstance(node, MappingNode) else []
            case MappingNode() | ListNode():
                child = _child_at(node, steps[0])
                yield from (ABSENT,) if child is None else self.list_at(child, steps[1:])
            case ChoiceNode(slot, branches):
                for label in list_labels(self.parameters[slot]):
                    yield from self.list_at(branches[label], steps)
            case OptionalNode(slot, body):
                for there in list_labels(self.parameters[slot]):
                    yield from self.list_at(body, steps) if there else (ABSENT,)
            case NumberNode(slot) if not steps:
                domain = self.parameters[slot].domain
                assert not isinstance(domain, Categorical)
                yield from (domain.low, domain.high)
            case TieNode(index, times):
                for _, linked in self.ties[index]:
                    for value in self.list_at(linked, steps):
                        yield value if times is None or value is ABSENT else value * times
            case _:
                yield ABSENT


def _child_at(node: MappingNode | ListNode, step: Step) -> Node | None:
    if isinstance(node, MappingNode):
        return node.items.get(step) if isinstance(step, str) else None
    return node.items[step] if isinstance(step, int) and step < len(node.items) else None


def _constant_at(value: Document, steps: Where) -> Any:
    for step in steps:
        match value:
            case dict() if step in value:
                value = value[step]
            case list() if isinstance(step, int) and step < len(value):
                value = value[step]
            case _:
                return ABSENT
    return value


def _take(taken: Taken, more: Taken) -> Taken | None:
    """Both sets of choices, each once; None where they contradict each other."""
    made = dict(taken)
    for slot, label in more:
        if slot in made and made[slot] != label:
            return None
        made[slot] = label
    return tuple(made.items())


def _list_constant(value: Document, where: Where) -> Iterator[tuple[Where, Any]]:
    if isinstance(value, dict):
        yield where, {}
        for key, item in value.items():
            yield from _list_constant(item, (*where, key))
    elif isinstance(value, list | tuple):
        yield where, []
        for index, item in enumerate(value):
            yield from _list_constant(item, (*where, index))
    else:
        yield where, value
