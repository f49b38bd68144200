"""What a check of `ventral doctor` is: facts that it gathers, and a judgement that is pure.

A check knows beforehand all that it can find wrong, its faults, each with its cure: docs/doctor.md
is written from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from search.host.home import Home
from space.documents.outside import printable, redact

if TYPE_CHECKING:
    from search.doctor.cluster import Meeting

Status = Literal["pass", "warning", "fail"]

Probe = Callable[[str, str], None]
"""Writes to the storage at a URL, reads back and deletes; the other text names who said the URL.
Raises what the storage raises."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check makes of one place; `cure` is empty where nothing is wrong."""

    check: str
    status: Status
    text: str
    cure: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that a check can find wrong: `{fields}` of its texts are filled from the facts.

    On the page of all checks `bound` says from what value on it is one, and `explanation` stands
    in place of a cure that is a field alone.
    """

    status: Literal["warning", "fail"]
    problem: str
    cure: str
    bound: str = ""
    explanation: str = ""

    def fill(self, **values: object) -> Verdict:
        """The fault with its values. Raises KeyError if one is missing."""
        verdict = Verdict(fault=self, values=values)
        assert verdict.text
        return verdict


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A fault of one place, with the values that were seen there."""

    fault: Fault
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What is wrong, in one printable line without passwords."""
        return self._fill(self.fault.problem)

    @property
    def cure(self) -> str:
        """What to do about it."""
        return self._fill(self.fault.cure)

    def _fill(self, text: str) -> str:
        values = {
            name: redact(value) if isinstance(value, str) else value
            for name, value in self.values.items()
        }
        return printable(text.format_map(values).strip())


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a check looks.

    `home` and `environ` are those of campaigns there (on a node: of its Ray processes), `storage`
    the URL at which trials keep their files, `probe` tries one. `meeting` is what came of joining
    a cluster, `versions` are the asking machine's and `sign` is what its home holds: a node
    compares its own with them. `offered` is how many GPUs Ray offers on a node. `apart` is why a
    cluster's store is not reached from here, and the cure.
    """

    home: Home
    environ: Mapping[str, str]
    storage: str | None = None
    probe: Probe | None = None
    meeting: Meeting | None = None
    versions: Mapping[str, str] | None = None
    sign: Mapping[str, str] | None = None
    offered: int | None = None
    apart: tuple[str, str] | None = None


Facts = TypeVar("Facts")


class Check(Protocol[Facts]):
    """One thing that is looked at."""

    @property
    def name(self) -> str:
        """How findings are called."""
        ...

    @property
    def about(self) -> str:
        """What is looked at, in half a sentence."""
        ...

    @property
    def drives(self) -> bool:
        """Whether it is of a machine that runs or looks at campaigns."""
        ...

    @property
    def trains(self) -> bool:
        """Whether it is of a machine on which trials run."""
        ...

    @property
    def seconds(self) -> float:
        """How long it may take before that is a failure."""
        ...

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All that it can find wrong."""
        ...

    def gather(self, place: Place, /) -> Facts:
        """The facts. May raise anything: then the check has failed."""
        ...

    def judge(self, facts: Facts, /) -> Iterator[Verdict]:
        """What is wrong, by the facts alone; nothing if all is well."""
        ...

    def describe(self, facts: Facts, /) -> str:
        """The facts in a line, for a place where nothing is wrong."""
        ...


AnyCheck = Check[Any]
