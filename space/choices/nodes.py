"""Reading a document with choices: from its JSON tree to nodes and parameters.

The syntax is described in space/choices/open_document.py, which works with what is read here. A
parameter's *slot* is its number in the order of the document. Ties are noted here and followed in
space/choices/same_as.py, once everything that they may lead to has been read.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from space.choices.domains import (
    Categorical,
    Domain,
    Integer,
    OutsideError,
    Parameter,
    Scalar,
    Uniform,
)
from space.documents.bounds import CHOICES, LEVELS, NODES, OPTIONS, SPAN, TIES, WEIGHT, WHOLE
from space.documents.paths import Branch, Step, format_path, label_text
from space.documents.trees import CHOICE_KINDS, Document
from space.documents.validation import shown, suggestion
from space.errors import SpaceError

# (slot, label) of every branch around a node, outermost first.
Taken = tuple[tuple[int, Scalar], ...]

_NAME = re.compile(r"[A-Za-z_][\w.>-]*")
_NUMBERS = ("uniform", "loguniform", "integers", "logintegers")
_BESIDE = {
    "choice": ("weights", "name", "default"),
    "optional": ("name", "default"),
    "same_as": ("times",),
    **dict.fromkeys(_NUMBERS, ("name", "default")),
}
PRESENT = "present"  # the branch of an optional node in a path; its label is true


@dataclass(frozen=True, slots=True)
class ConstantNode:
    """A subtree without choices."""

    value: Document


@dataclass(frozen=True, slots=True)
class MappingNode:
    items: dict[str, "Node"]


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class ChoiceNode:
    slot: int
    branches: dict[Scalar, "Node"]


@dataclass(frozen=True, slots=True)
class NumberNode:
    slot: int


@dataclass(frozen=True, slots=True)
class OptionalNode:
    slot: int
    body: "Node"


@dataclass(frozen=True, slots=True)
class TieNode:
    """A copy of what the links of tie `index` lead to."""

    index: int
    times: int | float | None


Node = ConstantNode | MappingNode | ListNode | ChoiceNode | NumberNode | OptionalNode | TieNode


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A parameter before its key is known. `where` holds one Branch for every pair of `taken`."""

    where: tuple[Step, ...]
    taken: Taken
    domain: Domain
    default: Scalar
    name: str | None


@dataclass(frozen=True, kw_only=True)
class Bond:
    """A tie as it was written."""

    where: tuple[Step, ...]
    taken: Taken
    target: str
    times: int | float | None


def plain_path(where: Sequence[Step]) -> str:
    """The path of a node in the document, without branches."""
    return format_path([step for step in where if not isinstance(step, Branch)])


class Reader:
    """Reads a document into nodes; notes its parameters and ties in the document's order."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.bonds: list[Bond] = []
        self.named: dict[str, tuple[Node, Taken]] = {}
        self._left = NODES

    def node(self, document: object, where: tuple[Step, ...], taken: Taken) -> Node:
        """The node of a subtree that stands at `where`, inside the branches `taken`."""
        if len(where) > LEVELS:
            raise SpaceError(
                plain_path(where[:5]), f"goes more than {LEVELS} levels deep", "flatten it"
            )
        self._left -= 1
        if self._left < 0:
            raise SpaceError("", f"holds more than {NODES:,} values", "shorten it")
        if isinstance(document, Mapping):
            kind = self._kind(document, where)
            if kind is not None:
                return self._open(kind, document, where, taken)
            items = {k: self.node(v, (*where, k), taken) for k, v in document.items()}
            if all(isinstance(child, ConstantNode) for child in items.values()):
                return ConstantNode({k: v.value for k, v in items.items()})  # type: ignore[union-attr]
            return MappingNode(items)
        if isinstance(document, (list, tuple)):
            listed = tuple(self.node(v, (*where, i), taken) for i, v in enumerate(document))
            if all(isinstance(child, ConstantNode) for child in listed):
                return ConstantNode([child.value for child in listed])  # type: ignore[union-attr]
            return ListNode(listed)
        return ConstantNode(_scalar(document, where))

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, by slot. Raises SpaceError if two have one key."""
        keys = _keys(self.drafts)
        seen: set[str] = set()
        for draft, key in zip(self.drafts, keys, strict=True):
            if key in seen:
                raise SpaceError(
                    plain_path(draft.where),
                    f"the name {key} stands at two choices",
                    "give every choice a name of its own",
                )
            seen.add(key)
        return tuple(
            Parameter(
                path=key,
                domain=draft.domain,
                default=draft.default,
                condition=tuple((keys[slot], label) for slot, label in draft.taken),
            )
            for draft, key in zip(self.drafts, keys, strict=True)
        )

    def _kind(self, document: Mapping[Any, Any], where: tuple[Step, ...]) -> str | None:
        """Which choice node a mapping is, if it is one; its keys are checked."""
        for key in document:
            if not isinstance(key, str):
                raise SpaceError(
                    plain_path(where), f"the key {key!r} is not text", f'write "{key}"'
                )
        kinds = [kind for kind in CHOICE_KINDS if kind in document]
        if not kinds:
            return None
        if len(kinds) > 1:
            raise SpaceError(plain_path(where), f"is both {' and '.join(kinds)}", "keep one")
        beside = _BESIDE[kinds[0]]
        for key in document:
            if key != kinds[0] and key not in beside:
                near = suggestion(key, beside)
                cure = near if near.startswith("did") else f"beside it may stand {_and(beside)}"
                raise SpaceError(
                    plain_path(where), f"unknown key {shown(key)} beside {kinds[0]}", cure
                )
        return kinds[0]

    def _open(
        self, kind: str, document: Mapping[str, Any], where: tuple[Step, ...], taken: Taken
    ) -> Node:
        if kind == "same_as":
            return self._tie(document, where, taken)
        name = self._name(document, where)
        node: Node
        if kind == "choice":
            node = self._choice(document, where, taken, name)
        elif kind == "optional":
            domain = Categorical(options=(False, True))
            slot = self._add(document, where, taken, domain, name)
            inside = (*where, Branch(PRESENT))
            body = self.node(document["optional"], inside, (*taken, (slot, True)))
            node = OptionalNode(slot, body)
        else:
            interval = _interval(kind, document[kind], where)
            node = NumberNode(self._add(document, where, taken, interval, name))
        if name is not None:
            self.named[name] = node, taken
        return node

    def _choice(
        self,
        document: Mapping[str, Any],
        where: tuple[Step, ...],
        taken: Taken,
        name: str | None,
    ) -> ChoiceNode:
        options = _options(document["choice"], where)
        weights = _weights(document.get("weights"), tuple(options), where)
        domain = Categorical(options=tuple(options), weights=weights)
        slot = self._add(document, where, taken, domain, name)
        branches = {
            label: self.node(option, (*where, Branch(label_text(label))), (*taken, (slot, label)))
            for label, option in options.items()
        }
        return ChoiceNode(slot, branches)

    def _tie(self, document: Mapping[str, Any], where: tuple[Step, ...], taken: Taken) -> TieNode:
        target, times = document["same_as"], document.get("times")
        if not isinstance(target, str):
            raise SpaceError(
                f"{plain_path(where)}.same_as",
                f"{shown(target)} is not text",
                "write the path or the name of another value",
            )
        if "times" in document and not is_number(times):
            raise SpaceError(
                f"{plain_path(where)}.times", f"{shown(times)} is not a number", "write a number"
            )
        if len(self.bonds) == TIES:
            raise SpaceError(
                plain_path(where), f"more than {TIES:,} ties", "tie whole parts to one another"
            )
        self.bonds.append(Bond(where=where, taken=taken, target=target, times=times))
        return TieNode(len(self.bonds) - 1, times)

    def _add(
        self,
        document: Mapping[str, Any],
        where: tuple[Step, ...],
        taken: Taken,
        domain: Domain,
        name: str | None,
    ) -> int:
        """Note a parameter; its slot."""
        if len(self.drafts) == CHOICES:
            raise SpaceError(
                plain_path(where), f"more than {CHOICES:,} choices", "fix some, or tie them"
            )
        default = domain.middle
        if "default" in document:
            try:
                default = domain.accept(document["default"])
            except OutsideError as error:
                path = f"{plain_path(where)}.default"
                raise SpaceError(path, error.problem, error.cure) from None
        self.drafts.append(
            Draft(where=where, taken=taken, domain=domain, default=default, name=name)
        )
        return len(self.drafts) - 1

    def _name(self, document: Mapping[str, Any], where: tuple[Step, ...]) -> str | None:
        if "name" not in document:
            return None
        name, path = document["name"], f"{plain_path(where)}.name"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SpaceError(
                path, f"{shown(name)} is not a name", "write letters, digits and . _ - >"
            )
        if name in self.named:
            raise SpaceError(path, f"{name} is the name of another choice", "write another one")
        return name


def _scalar(value: object, where: tuple[Step, ...]) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(plain_path(where), f"{value} is not finite", "write a finite number")
    if isinstance(value, int) and abs(value) > WHOLE:
        raise SpaceError(
            plain_path(where), f"{shown(value)} is too large", f"write a number up to {WHOLE}"
        )
    if value is None or isinstance(value, (str, int, float)):
        return value
    kind = type(value).__name__
    raise SpaceError(plain_path(where), f"{value!r} is a {kind}", "put it in quotes if it is text")


def is_number(value: object) -> bool:
    """Whether a value is a finite number, whole ones within bounds; true is none."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= WHOLE


def _and(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]


def _options(written: object, where: tuple[Step, ...]) -> dict[Scalar, object]:
    """The options of a choice by label, in order."""
    path = f"{plain_path(where)}.choice"
    if isinstance(written, (Mapping, list, tuple)) and len(written) > OPTIONS:
        raise SpaceError(
            path,
            f"{len(written):,} options, where at most {OPTIONS:,} may stand",
            "write an interval: integers: [LOW, HIGH]",
        )
    if isinstance(written, Mapping) and written:
        for label in written:
            if not isinstance(label, str):
                raise SpaceError(path, f"the label {label!r} is not text", f'write "{label}"')
            if label in CHOICE_KINDS:
                raise SpaceError(
                    path,
                    f"{label} cannot be the label of an option",
                    "write the options as a list, or give them other labels",
                )
        return dict(written)
    if not isinstance(written, (list, tuple)) or not written:
        raise SpaceError(
            path, f"{shown(written)} has no options", "write a list, or a mapping of labels"
        )
    options: dict[Scalar, object] = {}
    for index, option in enumerate(written):
        label = _label(option, index, where)
        if label in options:  # 1 and true too, which no table of results could tell apart
            raise SpaceError(
                path,
                f"two options are called {shown(label)}",
                "remove one, or name them: choice: {first: ..., second: ...}",
            )
        options[label] = option
    return options


def _label(option: object, index: int, where: tuple[Step, ...]) -> Scalar:
    """What an option of a list is called."""
    if isinstance(option, Mapping):
        kinds = [kind for kind in CHOICE_KINDS if kind in option]
        if kinds:
            name = option.get("name", kinds[0])
            return name if isinstance(name, str) else kinds[0]
        return str(next(iter(option))) if len(option) == 1 else index
    if isinstance(option, (list, tuple)):
        return index
    return _scalar(option, where)


def _weights(
    written: object, labels: tuple[Scalar, ...], where: tuple[Step, ...]
) -> tuple[float, ...] | None:
    if written is None:
        return None
    path = f"{plain_path(where)}.weights"
    if isinstance(written, Mapping):
        for label in written:
            if label not in labels:
                raise SpaceError(
                    path, f"{shown(label)} is not an option", suggestion(label, labels)
                )
        missing = [label for label in labels if label not in written]
        if missing:
            raise SpaceError(path, f"no weight for {shown(missing[0])}", "weigh every option")
        written = [written[label] for label in labels]
    if not isinstance(written, (list, tuple)) or len(written) != len(labels):
        raise SpaceError(
            path, f"{shown(written)} is not one number an option", f"write {len(labels)} numbers"
        )
    for weight in written:
        if not is_number(weight) or weight <= 0:
            raise SpaceError(
                path,
                f"{shown(weight)} is not a number above 0",
                "remove options that are not wanted",
            )
        if weight > WEIGHT:
            raise SpaceError(path, f"{shown(weight)} is above {WEIGHT:g}", "write smaller ones")
    return tuple(float(weight) for weight in written)


def _interval(kind: str, written: object, where: tuple[Step, ...]) -> Uniform | Integer:
    path, whole, log = f"{plain_path(where)}.{kind}", "integers" in kind, "log" in kind
    if (
        not isinstance(written, (list, tuple))
        or len(written) != 2
        or not all(is_number(end) for end in written)
    ):
        raise SpaceError(path, f"{shown(written)} is not two numbers", "write [LOW, HIGH]")
    if whole and not all(isinstance(end, int) for end in written):
        raise SpaceError(path, f"{shown(written)} are not whole numbers", "write [LOW, HIGH]")
    low, high = written
    bound = SPAN if whole else WEIGHT
    if max(abs(low), abs(high)) > bound:
        problem = f"{shown(written)} goes beyond {bound:g}"
        raise SpaceError(path, problem, "write ends that are nearer to 0")
    if log and low <= 0:
        cure = "start above 0: a logarithm has no 0" if not whole else "start at 1"
        raise SpaceError(path, f"starts at {shown(low)}", cure)
    if whole:
        if low > high:
            raise SpaceError(path, f"{shown(written)} is empty", "write the lower end first")
        return Integer(low=low, high=high, log=log)
    low, high = float(low), float(high)
    if low >= high:
        cure = "write the lower end first" if low > high else "write the value instead"
        raise SpaceError(path, f"{shown(written)} is no interval", cure)
    return Uniform(low=low, high=high, log=log)


def _keys(drafts: Sequence[Draft]) -> list[str]:
    """The key of every parameter: its name, or its path, with a branch where paths meet."""
    groups: dict[str, list[int]] = {}
    for slot, draft in enumerate(drafts):
        groups.setdefault(plain_path(draft.where), []).append(slot)
    keys = [draft.name or plain_path(draft.where) for draft in drafts]
    for slots in groups.values():
        parting = {_parting(drafts, a, b) for a, b in combinations(slots, 2)}
        for slot in slots:
            if drafts[slot].name is None and parting:
                keys[slot] = _with_branches(drafts[slot], parting)
    return keys


def _parting(drafts: Sequence[Draft], a: int, b: int) -> int:
    """The slot of the choice at which two parameters of one path part.

    Their first different branches are of one choice; or one of them is the choice that the other
    stands in.
    """
    for (slot, label), (_, other) in zip(drafts[a].taken, drafts[b].taken, strict=False):
        if label != other:
            return slot
    return a if len(drafts[a].taken) < len(drafts[b].taken) else b


def _with_branches(draft: Draft, parting: set[int]) -> str:
    slots = iter([slot for slot, _ in draft.taken])
    return format_path(
        [step for step in draft.where if not isinstance(step, Branch) or next(slots) in parting]
    )
