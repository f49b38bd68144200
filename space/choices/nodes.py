"""Reading a document with choices: from its JSON tree to nodes and parameters.

The syntax is described in space/choices/open_document.py, which works with what is read here. A
parameter's *slot* is its number in the order of the document. Ties are noted here and followed in
space/choices/same_as.py, once everything that they may lead to has been read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from space.choices.domains import Categorical, Domain, OutsideError, Parameter, Scalar
from space.choices.keys import ParameterDraft, Taken, check_sharing, name_parameters
from space.choices.leaves import (
    is_number,
    plain_path,
    read_interval,
    read_options,
    read_scalar,
    read_up_to,
    read_weights,
)
from space.documents.bounds import CHOICES, LEVELS, NODES, TIES
from space.documents.paths import Branch, Step, label_text
from space.documents.trees import CHOICE_KINDS, Document
from space.documents.validation import quote, suggestion
from space.errors import SpaceError

_NAME = re.compile(r"[A-Za-z_][\w.>+#-]*(?: [\w.>+#-]+)*")
_NUMBERS = ("uniform", "loguniform", "integers", "logintegers")
KEYS_BESIDE = {
    "choice": ("weights", "name", "default", "up_to"),
    "optional": ("name", "default"),
    "same_as": ("times",),
    **dict.fromkeys(_NUMBERS, ("name", "default")),
}
"""By kind of choice, the keys that may stand beside its own."""
PRESENT = "present"  # the branch of an optional node in a path; its label is true


@dataclass(frozen=True, slots=True)
class ConstantNode:
    """A subtree without choices."""

    value: Document


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping with choices below."""

    items: dict[str, "Node"]


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list with choices below."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class ChoiceNode:
    """A choice between subtrees, by label."""

    slot: int
    branches: dict[Scalar, "Node"]


@dataclass(frozen=True, slots=True)
class NumberNode:
    """A number from an interval."""

    slot: int


@dataclass(frozen=True, slots=True)
class OptionalNode:
    """A subtree that is there or not."""

    slot: int
    body: "Node"


@dataclass(frozen=True, slots=True)
class TieNode:
    """A copy of what the links of tie `index` lead to."""

    index: int
    times: int | float | None


Node = ConstantNode | MappingNode | ListNode | ChoiceNode | NumberNode | OptionalNode | TieNode


@dataclass(frozen=True, kw_only=True)
class Bond:
    """A tie as it was written."""

    where: tuple[Step, ...]
    taken: Taken
    target: str
    times: int | float | None


class Reader:
    """Reads a document into nodes; notes its parameters and ties in the document's order."""

    def __init__(self) -> None:
        self.drafts: list[ParameterDraft] = []
        self.bonds: list[Bond] = []
        self.named: dict[str, list[tuple[Node, Taken]]] = {}
        self._shared: dict[str, list[ParameterDraft]] = {}
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
        return ConstantNode(read_scalar(document, where))

    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, by slot: one key may have several, in branches that exclude each other.

        Raises SpaceError if a name is the path of another choice.
        """
        keys = name_parameters(self.drafts)
        seen: dict[str, str | None] = {}
        for draft, key in zip(self.drafts, keys, strict=True):
            if seen.get(key, draft.name) != draft.name or (key in seen and draft.name is None):
                raise SpaceError(
                    plain_path(draft.where),
                    f"the name {key} stands at two choices",
                    "give every choice a name of its own",
                )
            seen[key] = draft.name
        return tuple(
            Parameter(
                path=key,
                domain=draft.domain,
                default=draft.default,
                condition=tuple((keys[slot], label) for slot, label in draft.taken),
                up_to=draft.up_to,
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
        beside = KEYS_BESIDE[kinds[0]]
        for key in document:
            if key != kinds[0] and key not in beside:
                near = suggestion(key, beside)
                cure = near if near.startswith("did") else f"beside it may stand {_and(beside)}"
                raise SpaceError(
                    plain_path(where), f"unknown key {quote(key)} beside {kinds[0]}", cure
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
            interval = read_interval(kind, document[kind], where)
            node = NumberNode(self._add(document, where, taken, interval, name))
        if name is not None:
            self.named.setdefault(name, []).append((node, taken))
        return node

    def _choice(
        self,
        document: Mapping[str, Any],
        where: tuple[Step, ...],
        taken: Taken,
        name: str | None,
    ) -> ChoiceNode:
        options = read_options(document["choice"], where)
        weights = read_weights(document.get("weights"), tuple(options), where)
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
                f"{quote(target)} is not text",
                "write the path or the name of another value",
            )
        if "times" in document and not is_number(times):
            raise SpaceError(
                f"{plain_path(where)}.times", f"{quote(times)} is not a number", "write a number"
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
        draft = ParameterDraft(
            where=where,
            taken=taken,
            domain=domain,
            default=default,
            name=name,
            up_to=read_up_to(document, domain, where),
        )
        if name is not None:
            check_sharing(draft, self._shared.setdefault(name, []))
            self._shared[name].append(draft)
        self.drafts.append(draft)
        return len(self.drafts) - 1

    def _name(self, document: Mapping[str, Any], where: tuple[Step, ...]) -> str | None:
        if "name" not in document:
            return None
        name, path = document["name"], f"{plain_path(where)}.name"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SpaceError(
                path, f"{quote(name)} is not a name", "write letters, digits and . _ - > + #"
            )
        return name


def _and(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1]
