"""The keys of parameters: a choice's name, or its path, with branches where two paths meet.

One name may stand in several branches that exclude each other: it is one choice, made in whichever
branch is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from space.choices.domains import Domain, Scalar
from space.choices.leaves import plain_path
from space.documents.paths import Branch, Step, format_path
from space.errors import SpaceError

# (slot, label) of every branch around a node, outermost first.
Taken = tuple[tuple[int, Scalar], ...]


@dataclass(frozen=True, kw_only=True)
class ParameterDraft:
    """A parameter before its key is known. `where` holds one Branch for every pair of `taken`."""

    where: tuple[Step, ...]
    taken: Taken
    domain: Domain
    default: Scalar
    name: str | None
    up_to: str | None = None


def name_parameters(drafts: Sequence[ParameterDraft]) -> list[str]:
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


def check_sharing(draft: ParameterDraft, others: Sequence[ParameterDraft]) -> None:
    """Raise SpaceError if a choice cannot be one with `others` of its name: both may be open, or
    they do not have the same values, or are not bounded by the map alike.
    """
    where = plain_path(draft.where)
    for other in others:
        labels = dict(other.taken)
        if all(labels.get(slot, label) == label for slot, label in draft.taken):
            raise SpaceError(
                f"{where}.name",
                f"{draft.name} is the name of another choice, at {plain_path(other.where)}",
                "write another one: only branches that exclude each other may share a name",
            )
        same = (repr(draft.domain), draft.up_to) == (repr(other.domain), other.up_to)
        if not same:  # repr: 1 is not true
            raise SpaceError(
                f"{where}.name",
                f"{draft.name} has other values here than at {plain_path(other.where)}",
                "give both the same values, or two names",
            )


def _parting(drafts: Sequence[ParameterDraft], a: int, b: int) -> int:
    """The slot of the choice at which two parameters of one path part.

    Their first different branches are of one choice; or one of them is the choice that the other
    stands in.
    """
    for (slot, label), (_, other) in zip(drafts[a].taken, drafts[b].taken, strict=False):
        if label != other:
            return slot
    return a if len(drafts[a].taken) < len(drafts[b].taken) else b


def _with_branches(draft: ParameterDraft, parting: set[int]) -> str:
    slots = iter([slot for slot, _ in draft.taken])
    return format_path(
        [step for step in draft.where if not isinstance(step, Branch) or next(slots) in parting]
    )
