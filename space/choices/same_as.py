"""Ties: what a `same_as` copies, found and checked before anything is chosen.

A tie may lead through choices, if what it names is there in every branch that may be taken while
the tie is open; which node is copied is then known only when the choices are made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from space.choices.keys import Taken
from space.choices.leaves import is_number, plain_path
from space.choices.nodes import (
    PRESENT,
    Bond,
    ChoiceNode,
    ConstantNode,
    ListNode,
    MappingNode,
    Node,
    OptionalNode,
    Reader,
    TieNode,
)
from space.documents.bounds import LEVELS, NODES, THROUGH
from space.documents.paths import Branch, Step, format_path, label_text, parse_path
from space.documents.trees import size
from space.documents.validation import suggestion
from space.errors import InputError, SpaceError

# What a tie may copy, and the branches beyond the tie's own that must be taken for it: exactly one
# of them applies.
Links = tuple[tuple[Taken, Node], ...]


def resolve_ties(root: Node, reader: Reader) -> tuple[Links, ...]:
    """What every tie copies. Raises SpaceError for a target that is unknown or may not be there
    when the tie is, for ties in a circle, for ties that unfold to more than a document may hold,
    and for `times` of what is no number.
    """
    ties = _Ties(root, reader)
    links = tuple(ties.links(index) for index in range(len(reader.bonds)))
    closed = _closed(root, links, reader.bonds)
    for bond, linked in zip(reader.bonds, links, strict=True):
        if bond.times is not None and not all(closed[id(node)].numeric for _, node in linked):
            raise SpaceError(
                f"{plain_path(bond.where)}.times", f"{bond.target} is no number", "leave it out"
            )
    return links


class _Ties:
    """Follows the paths of ties through the nodes of a document."""

    def __init__(self, root: Node, reader: Reader) -> None:
        self._root, self._bonds, self._named = root, reader.bonds, reader.named
        self._links: dict[int, Links] = {}
        self._following: list[int] = []
        self._left = NODES  # steps through choices and other ties, all ties together

    def links(self, index: int) -> Links:
        """The nodes that tie `index` may copy."""
        if index in self._following:
            raise _circle([self._bonds[i] for i in self._following])
        if index not in self._links:
            if len(self._following) == THROUGH:
                raise SpaceError(
                    f"{plain_path(self._bonds[self._following[0]].where)}.same_as",
                    f"leads through more than {THROUGH} other ties",
                    "tie to the value itself",
                )
            self._following.append(index)
            self._links[index] = tuple(self._targets(self._bonds[index]))
            self._following.pop()
        return self._links[index]

    def _targets(self, bond: Bond) -> Iterator[tuple[Taken, Node]]:
        if bond.target in self._named:
            there = [n for n, taken in self._named[bond.target] if set(taken) <= set(bond.taken)]
            if not there:
                raise _may_be_missing(bond, "")
            yield (), there[0]
            return
        steps = _steps(bond)
        # A path may leave out the document's section: `cell.depth` for `genome.cell.depth`.
        section = bond.where[:1]
        if steps and _child(self._root, steps[0]) is None:
            if _child(_child(self._root, section[0]) or self._root, steps[0]) is None:
                raise _unknown(bond, self._root, steps, 0)
            steps = section + steps
        yield from self._walk(bond, self._root, steps, 0, bond.taken, ())

    def _walk(
        self, bond: Bond, node: Node, steps: tuple[Step, ...], depth: int, known: Taken, new: Taken
    ) -> Iterator[tuple[Taken, Node]]:
        """The nodes at `steps`, and the branches beyond the tie's own that lead to each."""
        pending = [_Way(node, steps, depth, known, new)]
        while pending:
            way = pending.pop()
            if way.depth == len(way.steps):
                yield way.new, way.node
            else:
                pending += reversed(list(self._onward(bond, way)))

    def _onward(self, bond: Bond, way: "_Way") -> Iterator["_Way"]:
        """One step further, on every way that there is."""
        node, steps, depth = way.node, way.steps, way.depth
        if isinstance(node, ChoiceNode):
            yield from self._through_choice(bond, node, way)
        elif isinstance(node, OptionalNode):
            if (node.slot, True) not in way.known:
                raise _may_be_missing(bond, format_path(steps[:depth]))
            after = depth + (steps[depth] == Branch(PRESENT))
            yield replace(way, node=node.body, depth=after)
        elif isinstance(node, TieNode) and node.times is None:
            for taken, linked in self.links(node.index):
                if _agree(taken, way.known):
                    more = tuple(pair for pair in taken if pair not in way.known)
                    self._spend(bond)
                    yield replace(way, node=linked, known=way.known + more, new=way.new + more)
        else:
            child = _child(node, steps[depth])
            if child is None:
                raise _unknown(bond, node, steps, depth)
            yield replace(way, node=child, depth=depth + 1)

    def _spend(self, bond: Bond) -> None:
        self._left -= 1
        if self._left < 0:
            raise SpaceError(
                f"{plain_path(bond.where)}.same_as",
                f"{bond.target} leads through more than {NODES:,} branches",
                "tie to the choice itself",
            )

    def _through_choice(self, bond: Bond, node: ChoiceNode, way: "_Way") -> Iterator["_Way"]:
        steps, depth = way.steps, way.depth
        step, taken = steps[depth], dict(way.known)
        if isinstance(step, Branch):
            labels = {label_text(label): label for label in node.branches}
            if step.text not in labels:
                raise _unknown(bond, node, steps, depth)
            if (node.slot, labels[step.text]) not in way.known:
                raise _may_be_missing(bond, format_path(steps[: depth + 1]))
            yield replace(way, node=node.branches[labels[step.text]], depth=depth + 1)
        elif node.slot in taken:
            yield replace(way, node=node.branches[taken[node.slot]])
        else:
            for label, branch in node.branches.items():
                self._spend(bond)
                pair = ((node.slot, label),)
                inside = (*steps[:depth], Branch(label_text(label)), *steps[depth:])
                yield _Way(branch, inside, depth + 1, way.known + pair, way.new + pair)


@dataclass(frozen=True, slots=True)
class _Way:
    """How far a tie was followed: `depth` of the steps are behind, `new` are the branches beyond
    the tie's own, `known` all that are taken."""

    node: Node
    steps: tuple[Step, ...]
    depth: int
    known: Taken
    new: Taken


def _agree(taken: Taken, known: Taken) -> bool:
    """Whether the branches `taken` can all be taken where `known` are."""
    labels = dict(known)
    return all(labels.get(slot, label) == label for slot, label in taken)


def _child(node: Node, step: Step) -> Node | None:
    match node, step:
        case MappingNode(items), str():
            return items.get(step)
        case ListNode(listed), int() if step < len(listed):
            return listed[step]
        case ConstantNode(Mapping() as value), str() if step in value:
            return ConstantNode(value[step])
        case ConstantNode(list() as value), int() if step < len(value):
            return ConstantNode(value[step])
    return None


def _steps(bond: Bond) -> tuple[Step, ...]:
    try:
        return parse_path(bond.target)
    except InputError as error:
        where = f"{plain_path(bond.where)}.same_as"
        raise SpaceError(where, f"{bond.target!r} {error.problem}", error.cure) from None


def _unknown(bond: Bond, node: Node, steps: tuple[Step, ...], depth: int) -> SpaceError:
    step, here = steps[depth], format_path(steps[:depth]) or "the document"
    known: list[str] = []
    match node:
        case MappingNode(items=mapping) | ConstantNode(value=Mapping() as mapping):
            known = list(mapping)
        case ChoiceNode(branches=branches):
            known = [label_text(label) for label in branches]
        case ListNode(items=listed) | ConstantNode(value=list() as listed):
            known = [f"[{index}]" for index in range(len(listed))]
    what = step.text if isinstance(step, Branch) else format_path([step])
    return SpaceError(
        f"{plain_path(bond.where)}.same_as",
        f"{bond.target} leads nowhere: {here} has no {what}",
        suggestion(what, known) or "write the path of a value that is there",
    )


def _may_be_missing(bond: Bond, where: str) -> SpaceError:
    return SpaceError(
        f"{plain_path(bond.where)}.same_as",
        f"{bond.target} is not always there when this is"
        + (f" ({where} is open)" if where else ""),
        "tie to the choice itself, or move the tie into the same branch",
    )


def _circle(bonds: Sequence[Bond]) -> SpaceError:
    chain = " -> ".join(plain_path(bond.where) for bond in (*bonds, bonds[0]))
    return SpaceError(plain_path(bonds[0].where), f"ties in a circle: {chain}", "cut one of them")


@dataclass(frozen=True, slots=True)
class _Closed:
    """What a node closes to, whatever is chosen: so many values and levels at most; `numeric`, if
    it is a number or absent.
    """

    values: int
    levels: int
    numeric: bool


def _closed(root: Node, links: Sequence[Links], bonds: Sequence[Bond]) -> dict[int, _Closed]:
    """What every node closes to, by its identity. Raises SpaceError if what a tie copies holds,
    through other ties or not, the tie itself, and for what closes to more than a document holds.

    Every node is looked at once, after what it is made of.
    """
    closed: dict[int, _Closed] = {}
    above: dict[int, Node] = {}  # what is being looked at, outermost first
    sizes: dict[int, int] = {}  # of constants, which many ties may copy
    pending = [root]
    while pending:
        node = pending[-1]
        if id(node) in closed:
            pending.pop()
            continue
        parts = _parts(node, links)
        if id(node) not in above:
            above[id(node)] = node
            for part in parts:
                if id(part) in above:
                    inside = list(above.values())[list(above).index(id(part)) :]
                    raise _circle([bonds[n.index] for n in inside if isinstance(n, TieNode)])
            pending += [part for part in reversed(parts) if id(part) not in closed]
            continue
        del above[id(pending.pop())]
        if isinstance(node, ConstantNode):
            if id(node.value) not in sizes:
                sizes[id(node.value)] = size(node.value)
            closed[id(node)] = _Closed(sizes[id(node.value)], 1, is_number(node.value))
        else:
            closed[id(node)] = _around(node, [closed[id(part)] for part in parts])
        largest = max(parts, key=lambda part: closed[id(part)].values, default=node)
        tie = next((one for one in (node, largest) if isinstance(one, TieNode)), None)
        where = "" if tie is None else f"{plain_path(bonds[tie.index].where)}.same_as"
        _refuse_growth(closed[id(node)], where)
    return closed


def _parts(node: Node, links: Sequence[Links]) -> tuple[Node, ...]:
    """What the closed document of a node is made of: the children, and what is copied."""
    if isinstance(node, TieNode):
        return tuple(linked for _, linked in links[node.index])
    return _children(node)


def _around(node: Node, parts: Sequence[_Closed]) -> _Closed:
    """What a node closes to, from what its parts do: all of them, or one of several."""
    holds = isinstance(node, (MappingNode, ListNode))
    values = [part.values for part in parts]
    return _Closed(
        values=1 + (sum(values) if holds else max(values, default=0)),
        levels=1 + max((part.levels for part in parts), default=0),
        numeric=not holds and all(part.numeric for part in parts),
    )


def _refuse_growth(closed: _Closed, where: str) -> None:
    if closed.values > NODES:
        raise SpaceError(where, f"unfolds to more than {NODES:,} values", "tie to smaller parts")
    if closed.levels > LEVELS:
        problem = f"unfolds to more than {LEVELS} levels, ties counted"
        raise SpaceError(where, problem, "tie to the value itself")


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case MappingNode(items=mapping):
            return tuple(mapping.values())
        case ListNode(items=listed):
            return listed
        case ChoiceNode(branches=branches):
            return tuple(branches.values())
        case OptionalNode(body=body):
            return (body,)
    return ()
