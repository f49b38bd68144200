"""Ties: what a `same_as` copies, found and checked before anything is chosen.

A tie may lead through choices, if what it names is there in every branch that may be taken while
the tie is open; which node is copied is then known only when the choices are made.
"""

from collections.abc import Iterator, Mapping, Sequence

from space.documents import Branch, Step, format_path, label_text, parse_path
from space.errors import InputError, SpaceError
from space.reading import (
    PRESENT,
    Bond,
    ChoiceNode,
    ConstantNode,
    ListNode,
    MappingNode,
    Node,
    NumberNode,
    OptionalNode,
    Reader,
    Taken,
    TieNode,
    is_number,
    plain_path,
)
from space.validation import suggestion

# What a tie may copy, and the branches beyond the tie's own that must be taken for it: exactly one
# of them applies.
Links = tuple[tuple[Taken, Node], ...]


def resolved(root: Node, reader: Reader) -> tuple[Links, ...]:
    """What every tie copies. Raises SpaceError for a target that is unknown or may not be there
    when the tie is, for ties in a circle, and for `times` of what is no number.
    """
    ties = _Ties(root, reader)
    links = tuple(ties.links(index) for index in range(len(reader.bonds)))
    _refuse_circles(links, reader.bonds)
    for bond, linked in zip(reader.bonds, links, strict=True):
        if bond.times is not None and not all(_numeric(node, links) for _, node in linked):
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

    def links(self, index: int) -> Links:
        """The nodes that tie `index` may copy."""
        if index in self._following:
            raise _circle([self._bonds[i] for i in self._following])
        if index not in self._links:
            self._following.append(index)
            self._links[index] = tuple(self._targets(self._bonds[index]))
            self._following.pop()
        return self._links[index]

    def _targets(self, bond: Bond) -> Iterator[tuple[Taken, Node]]:
        if bond.target in self._named:
            node, taken = self._named[bond.target]
            if not set(taken) <= set(bond.taken):
                raise _may_be_missing(bond, "")
            yield (), node
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
        if depth == len(steps):
            yield new, node
            return
        step = steps[depth]
        if isinstance(node, ChoiceNode):
            yield from self._through_choice(bond, node, steps, depth, known, new)
        elif isinstance(node, OptionalNode):
            if (node.slot, True) not in known:
                raise _may_be_missing(bond, format_path(steps[:depth]))
            after = depth + (step == Branch(PRESENT))
            yield from self._walk(bond, node.body, steps, after, known, new)
        elif isinstance(node, TieNode) and node.times is None:
            for taken, linked in self.links(node.index):
                if _agree(taken, known):
                    more = tuple(pair for pair in taken if pair not in known)
                    yield from self._walk(bond, linked, steps, depth, known + more, new + more)
        else:
            child = _child(node, step)
            if child is None:
                raise _unknown(bond, node, steps, depth)
            yield from self._walk(bond, child, steps, depth + 1, known, new)

    def _through_choice(
        self,
        bond: Bond,
        node: ChoiceNode,
        steps: tuple[Step, ...],
        depth: int,
        known: Taken,
        new: Taken,
    ) -> Iterator[tuple[Taken, Node]]:
        step, taken = steps[depth], dict(known)
        if isinstance(step, Branch):
            labels = {label_text(label): label for label in node.branches}
            if step.text not in labels:
                raise _unknown(bond, node, steps, depth)
            if (node.slot, labels[step.text]) not in known:
                raise _may_be_missing(bond, format_path(steps[: depth + 1]))
            branch = node.branches[labels[step.text]]
            yield from self._walk(bond, branch, steps, depth + 1, known, new)
        elif node.slot in taken:
            branch = node.branches[taken[node.slot]]
            yield from self._walk(bond, branch, steps, depth, known, new)
        else:
            for label, branch in node.branches.items():
                pair = ((node.slot, label),)
                inside = (*steps[:depth], Branch(label_text(label)), *steps[depth:])
                yield from self._walk(bond, branch, inside, depth + 1, known + pair, new + pair)


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


def _refuse_circles(links: Sequence[Links], bonds: Sequence[Bond]) -> None:
    """Raise SpaceError if what a tie copies holds, through other ties or not, the tie itself."""
    inner = [{tie for _, node in linked for tie in _ties_in(node)} for linked in links]
    finished: set[int] = set()

    def visit(index: int, above: tuple[int, ...]) -> None:
        if index in above:
            raise _circle([bonds[i] for i in above[above.index(index) :]])
        if index not in finished:
            for other in sorted(inner[index]):
                visit(other, (*above, index))
            finished.add(index)

    for index in range(len(links)):
        visit(index, ())


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


def _ties_in(node: Node) -> Iterator[int]:
    if isinstance(node, TieNode):
        yield node.index
    for child in _children(node):
        yield from _ties_in(child)


def _numeric(node: Node, links: Sequence[Links]) -> bool:
    """Whether a node closes to a number, whatever is chosen (or is absent)."""
    match node:
        case ConstantNode(value):
            return is_number(value)
        case NumberNode():
            return True
        case TieNode(index):
            return all(_numeric(linked, links) for _, linked in links[index])
        case ChoiceNode() | OptionalNode():
            return all(_numeric(child, links) for child in _children(node))
    return False
