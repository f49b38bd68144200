"""Choices: documents in which a value may be left open, and what can be done with what is open.

A document is a JSON tree. Any node of it may be a choice node, a mapping with one of the keys

    choice: [1, 3, 5]              one of these: scalars or whole subtrees, choices inside them too
    choice: {small: 1, big: 9}     the same, the options named
    uniform: [0.5, 1.0]            a float; loguniform: [1e-3, 1e-1] in its logarithm
    integers: [2, 8]               a whole number, ends included; logintegers: [1, 64]
    optional: SUBTREE              there or not: true or false; what is not there leaves no key
    same_as: PATH or NAME          the value of another node; `times: -1` multiplies a number

and beside it `name` (replaces the path as the choice's key; branches that exclude each other may
share one, and with it the choice), `default` (the value where nothing chooses; else the first
option, absent, or the middle of the interval), and of a choice `weights` (a list, or a mapping by
label) and `up_to: map` (of kernels: those larger than the map are not offered;
space/map_bounds.py).

The options of a list are called by the scalar itself, by the key of a mapping with one key, by the
name or kind of a choice node, else by their index.

A choice inside an option is open only if that option is taken: conditions come from nesting alone.
The choices that were made are one flat mapping `{key: value}`, the open parameters only, in the
order of the document. A key is the path in the document; where several branches hold a choice at
one path, or a choice stands directly in another one, the branch is added: `edge:add.kernel`,
`width:present`.

This module knows nothing of what a document means; space/space.py does.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from space.choices.domains import Categorical, Integer, OutsideError, Parameter, Scalar, Uniform
from space.choices.narrowing import list_labels, narrow_parameter
from space.choices.nodes import (
    ChoiceNode,
    ConstantNode,
    ListNode,
    MappingNode,
    Node,
    NumberNode,
    OptionalNode,
    Reader,
    TieNode,
)
from space.choices.possible import ABSENT, PlaceReader, PossibleValue, Where, list_kept
from space.choices.same_as import Links, resolve_ties
from space.choices.sharing import share_parameters
from space.documents.bounds import DISTINCT_DIGITS
from space.documents.trees import Document, copy_tree
from space.documents.validation import quote, suggestion
from space.errors import SpaceError

Choices = dict[str, Scalar]


@dataclass(frozen=True, kw_only=True)
class Count:
    """The size of a space.

    `distinct` is the exact number of different choices of the discrete parameters; a `continuous`
    parameter counts as one value in it. `conditional` parameters are not always open.
    """

    parameters: int
    conditional: int
    continuous: int
    distinct: int

    @property
    def log10(self) -> float:
        """The decimal logarithm of `distinct`."""
        return math.log10(self.distinct)


class _Nothing:
    """A mark that no document can hold."""


_CLOSED = _Nothing()  # the value of a parameter that is not open

_Values = list[Any]  # by slot: a Scalar, or _CLOSED


@dataclass(frozen=True, eq=False, repr=False)
class OpenDocument:
    """A document with choices, read once. Made by `OpenDocument.parse`."""

    _by_slot: tuple[Parameter, ...]
    _source: Document
    _root: Node
    _ties: tuple[Links, ...]
    _parents: tuple[tuple[int, Scalar] | None, ...]
    _only: Mapping[str, Sequence[Scalar]] = field(default_factory=dict)
    _defaults: Mapping[str, Scalar] = field(default_factory=dict)
    _slots: dict[str, tuple[int, ...]] = field(init=False)
    _by_path: dict[str, Parameter] = field(init=False)
    parameters: tuple[Parameter, ...] = field(init=False)
    """The choices that may have to be made, in the document's order."""

    def __post_init__(self) -> None:
        slots: dict[str, tuple[int, ...]] = {}
        for slot, parameter in enumerate(self._by_slot):
            slots[parameter.path] = (*slots.get(parameter.path, ()), slot)
        object.__setattr__(self, "_slots", slots)
        reached: dict[int, bool] = {}
        for slot, parent in enumerate(self._parents):
            reached[slot] = parent is None or (
                reached[parent[0]] and parent[1] in list_labels(self._by_slot[parent[0]])
            )
        there = [slot for slot in reached if reached[slot]]
        parameters = share_parameters(self._by_slot, self._parents, there)
        object.__setattr__(self, "parameters", parameters)
        # One in an option that is left out is still known by its key.
        by_path = {one.path: one for one in (*reversed(self._by_slot), *parameters)}
        object.__setattr__(self, "_by_path", by_path)

    @classmethod
    def parse(cls, document: object) -> "OpenDocument":
        """Read a document. Raises SpaceError: a malformed choice node, a tie to what may not be
        there, a name or a label given twice.
        """
        if not isinstance(document, Mapping):
            raise SpaceError("", f"{quote(document)} is not a mapping", "write KEY: VALUE lines")
        reader = Reader()
        root = reader.node(document, (), ())
        return cls(
            _by_slot=reader.parameters(),
            _source=copy_tree(document),
            _root=root,
            _ties=resolve_ties(root, reader),
            _parents=tuple(draft.taken[-1] if draft.taken else None for draft in reader.drafts),
        )

    def __reduce__(self) -> tuple[Callable[..., "OpenDocument"], tuple[Any, ...]]:
        # Read again: the marks above cannot be pickled.
        return _read_narrowed, (self._source, self._only, self._defaults)

    def document(self) -> Document:
        """The document as it was written, choices open: `parse(d).document() == d`."""
        return copy_tree(self._source)

    def narrow(
        self, only: Mapping[str, Sequence[Scalar]], defaults: Mapping[str, Scalar] | None = None
    ) -> "OpenDocument":
        """The same document with fewer options: of each choice of `only` those given, at least
        one. All choices keep their keys, and what is chosen here can be chosen in the whole.

        The default is that of `defaults`, else the old one; the first of those given where it is
        none of them. Raises SpaceError for what is no choice between options, and for an option
        that is none.
        """
        parameters = list(self._by_slot)
        for path, given in only.items():
            self.parameter(path)
            default = (defaults or {}).get(path)
            for slot in self._slots[path]:
                parameters[slot] = narrow_parameter(parameters[slot], given, default)
        only, defaults = {**self._only, **only}, {**self._defaults, **(defaults or {})}
        return replace(self, _by_slot=tuple(parameters), _only=only, _defaults=defaults)

    def possible_values(self) -> Iterator[PossibleValue]:
        """Every value that may stand in a closed document, with the choices that put it there.

        Options that `narrow` has left out are not looked at.
        """
        return list_kept(self._root, self._ties, self._by_slot)

    def values_at(self, where: Where) -> list[Any]:
        """The values that may stand at a place, or ABSENT, whatever is chosen elsewhere."""
        return list(PlaceReader(self._ties, self._by_slot).list_at(self._root, where))

    def parameter(self, path: str) -> Parameter:
        """The parameter with this key. Raises SpaceError for an unknown one."""
        if path not in self._by_path:
            raise SpaceError(path, "is not a choice of this space", suggestion(path, self._slots))
        return self._by_path[path]

    def sample(self, rng: random.Random) -> Choices:
        """Random choices; the same from the same state of `rng`, on any machine."""
        return self._flat(self._filled(lambda slot: self._by_slot[slot].domain.draw(rng)))

    def flatten(self, choices: Mapping[str, Scalar]) -> Choices:
        """`choices` in canonical form: the open parameters, in the document's order.

        Raises SpaceError for a key that is unknown, missing or of a branch that is not taken, and
        for a value outside its domain.
        """
        return self._flat(self._values(choices))

    def close(self, choices: Mapping[str, Scalar]) -> Document:
        """The document that `choices` make: no choice is left in it. Raises as `flatten`."""
        return self._built(self._root, self._values(choices))

    def defaults(self, given: Mapping[str, Scalar] | None = None) -> Choices:
        """`given` and, for whatever they leave open, the defaults. Raises as `flatten`."""
        given = given or {}

        def choose(slot: int) -> Scalar:
            parameter = self._by_slot[slot]
            return given.get(parameter.path, parameter.default)

        return self.flatten({**self._flat(self._filled(choose)), **given})

    def complete(self, partial: Mapping[str, Scalar], rng: random.Random | None = None) -> Choices:
        """The nearest choices: what applies of `partial` is kept, the rest of it is dropped (keys
        unknown or not open, values outside their domain), and what is missing is drawn, or is at
        its default where there is no `rng`.
        """

        def choose(slot: int) -> Scalar:
            parameter = self._by_slot[slot]
            if parameter.path in partial:
                try:
                    return parameter.domain.accept(partial[parameter.path])
                except OutsideError:
                    pass
            return parameter.default if rng is None else parameter.domain.draw(rng)

        return self._flat(self._filled(choose))

    def mutate(
        self,
        choices: Mapping[str, Scalar],
        rng: random.Random,
        path: str | None = None,
        *,
        near: bool = False,
    ) -> Choices:
        """Choices with one open parameter (`path`, else any with an alternative) made anew.

        Its value differs from the present one, a number but a little if `near`; what was open and
        still is keeps its value; what opens by it is drawn. Raises SpaceError if there is nothing
        to change.
        """
        present = self.flatten(choices)
        able = [p for p in present if self.parameter(p).domain.size != 1]
        if path is not None:
            able = [p for p in able if p == self.parameter(path).path]
        if not able:
            problem = "is not open, or has one value only" if path else "nothing here can change"
            raise SpaceError(path or "", problem, "mutate another choice")
        chosen = able[int(rng.random() * len(able))]
        domain = self.parameter(chosen).domain
        other = (domain.near if near else domain.other)(present[chosen], rng)
        return self.complete({**present, chosen: other}, rng)

    def cross(
        self, a: Mapping[str, Scalar], b: Mapping[str, Scalar], rng: random.Random
    ) -> Choices:
        """A child of two sets of choices: every open value comes from a parent that has it.

        Where both have it, either may give it. Raises as `flatten`.
        """
        parents = self.flatten(a), self.flatten(b)

        def choose(slot: int) -> Scalar:
            path = self._by_slot[slot].path
            having = [choices for choices in parents if path in choices]
            if not having:  # opened by a choice that opens other ones where a parent made it
                return self._by_slot[slot].domain.draw(rng)
            giver = having[0] if len(having) == 1 or rng.random() < 0.5 else having[1]
            return giver[path]

        return self._flat(self._filled(choose))

    def count(self) -> Count:
        """How many parameters there are, and how many different choices can be made.

        Raises SpaceError if that number has more than DISTINCT_DIGITS digits.
        """
        distinct = self._distinct(self._root)
        if distinct.bit_length() > DISTINCT_DIGITS * math.log2(10):
            problem = f"more than 10^{DISTINCT_DIGITS} different samples"
            raise SpaceError("", problem, "fix some choices, or tie them")
        return Count(
            parameters=len(self.parameters),
            conditional=sum(bool(p.condition) for p in self.parameters),
            continuous=sum(p.domain.size is None for p in self.parameters),
            distinct=distinct,
        )

    def _filled(self, choose: Callable[[int], Scalar]) -> _Values:
        """Values by slot, `choose(slot)` asked for every open one in the document's order."""
        values: _Values = [_CLOSED] * len(self._by_slot)
        for slot, parent in enumerate(self._parents):
            # A branch's own choice stands before it, and is closed if any around it is not taken.
            if parent is None or values[parent[0]] == parent[1]:
                values[slot] = choose(slot)
        return values

    def _flat(self, values: _Values) -> Choices:
        pairs = zip(self._by_slot, values, strict=True)
        return {parameter.path: value for parameter, value in pairs if value is not _CLOSED}

    def _values(self, choices: Mapping[str, Scalar]) -> _Values:
        """Values by slot, checked."""
        for path in choices:
            if path not in self._slots:  # first: a misspelt key would also be reported as missing
                self.parameter(path)

        def choose(slot: int) -> Scalar:
            parameter = self._by_slot[slot]
            if parameter.path not in choices:
                raise SpaceError(parameter.path, "no value is given", _cure(parameter))
            try:
                return parameter.domain.accept(choices[parameter.path])
            except OutsideError as error:
                raise SpaceError(parameter.path, error.problem, error.cure) from None

        values = self._filled(choose)
        for path, value in choices.items():
            if all(values[slot] is _CLOSED for slot in self._slots[path]):
                raise self._not_open(path, value, values)
        return values

    def _not_open(self, path: str, value: Scalar, values: _Values) -> SpaceError:
        made, cure = self._flat(values), f"leave out its value, {quote(value)}"
        shared = self.parameter(path)
        if shared.others:
            ways = (
                " and ".join(f"{where} is {quote(label)}" for where, label in condition)
                for condition in shared.conditions
            )
            return SpaceError(path, f"is open only if {', or if '.join(ways)}", cure)
        for where, label in shared.condition:
            if where not in made or made[where] != label:
                is_ = f"is {quote(made[where])}" if where in made else "is not open"
                problem = f"is open only if {where} is {quote(label)}, and that {is_}"
                return SpaceError(path, problem, cure)
        raise AssertionError(f"{path} is open")

    def _built(self, node: Node, values: _Values) -> Any:
        """The closed document of a node, or ABSENT."""
        match node:
            case ConstantNode(value):
                # Copied: what is given out may be changed by whoever receives it.
                return copy_tree(value)
            case MappingNode(items):
                built = ((key, self._built(child, values)) for key, child in items.items())
                return {key: value for key, value in built if value is not ABSENT}
            case ListNode(children):
                listed = (self._built(child, values) for child in children)
                return [value for value in listed if value is not ABSENT]
            case ChoiceNode(slot, branches):
                return self._built(branches[values[slot]], values)
            case NumberNode(slot):
                return values[slot]
            case OptionalNode(slot, body):
                return self._built(body, values) if values[slot] else ABSENT
            case TieNode(index, times):
                value = self._built(self._linked(index, values), values)
                return value if times is None or value is ABSENT else value * times

    def _linked(self, index: int, values: _Values) -> Node:
        return next(
            node
            for taken, node in self._ties[index]
            if all(values[slot] == label for slot, label in taken)
        )

    def _distinct(self, node: Node) -> int:
        match node:
            case MappingNode(items):
                return math.prod(map(self._distinct, items.values()))
            case ListNode(children):
                return math.prod(map(self._distinct, children))
            case ChoiceNode(slot, branches):
                labels = list_labels(self._by_slot[slot])
                return sum(self._distinct(branches[label]) for label in labels)
            case NumberNode(slot):
                return self._by_slot[slot].domain.size or 1
            case OptionalNode(slot, body):
                labels = list_labels(self._by_slot[slot])
                return (False in labels) + (self._distinct(body) if True in labels else 0)
            case _:
                return 1  # a constant; a tie, which adds nothing to what it copies


def _read_narrowed(
    document: object, only: Mapping[str, Sequence[Scalar]], defaults: Mapping[str, Scalar]
) -> OpenDocument:
    opened = OpenDocument.parse(document)
    return opened.narrow(only, defaults) if only else opened


def _cure(parameter: Parameter) -> str:
    match parameter.domain:
        case Categorical(options=options):
            return f"write one of {', '.join(quote(option) for option in options)}"
        case Uniform(low=low, high=high):
            return f"write a number from {quote(low)} to {quote(high)}"
        case Integer(low=low, high=high):
            return f"write a whole number from {low} to {high}"
