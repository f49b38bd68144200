"""What the store knows, as frozen values: campaigns, trials, and what goes in and out with them.

All times are seconds since 1970 (UTC). Scores are fractions in 0..1; None where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from search.host.home import Process
from space.documents.html import format_facts, format_percent
from space.equation.names import is_outdated, short_name
from space.errors import GenomeError
from space.genome import Genome
from space.motifs import name_motifs
from space.recurrence import Recurrence
from workers.job import Report, ScoredSplit
from workers.storage.places import read_url

State = Literal[
    "waiting", "running", "finished", "stopped", "failed", "removing", "interrupted", "damaged"
]
"""Of a campaign. One that is `removing` is taken out of the store, which nothing but that can end.
`interrupted` is never written: it is a running campaign whose driver died. So is
`damaged`: its record cannot be read, and all of it that is known is its id, its name and where
MLflow has it.
"""

Status = Literal["waiting", "running", "finished", "pruned", "infeasible", "failed"]
"""Of a trial."""

Order = Literal["number", "top1", "best", "parameters", "macs", "epochs", "seconds"]
"""By what trials can be listed."""

Scalar = str | int | float | bool | None

CONTROL, RETRY = "control", "retry"
"""Origins of trials that no sampler suggested, and that none receives."""

ENQUEUED = "enqueued"
"""The origin of trials that a campaign file names: the sampler receives them as its own."""

SEARCHED = "searched"
"""The family of searched controls: trials of the feedforward part of the space."""

ENDED: tuple[Status, ...] = ("finished", "pruned", "infeasible", "failed")
STATES: tuple[State, ...] = get_args(State)
STATUSES: tuple[Status, ...] = get_args(Status)
SPLITS: tuple[ScoredSplit, ...] = get_args(ScoredSplit)
RECURRENCES: tuple[Recurrence, ...] = get_args(Recurrence)


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """One campaign as the store knows it.

    `document` is the closed campaign file, `space` the space document, `data` the packed data.
    `seconds` is the time that drivers ran, over all resumes. `driver` is the process that runs
    or last ran it; `heartbeat` its last sign of life. `tracking` and `experiment` say where the
    mirror writes, once it did.
    """

    id: str
    name: str
    state: State
    reason: str | None
    document: dict[str, Any]
    space: dict[str, Any]
    data: dict[str, Any]
    created: float
    started: float | None
    ended: float | None
    seconds: float
    driver: Process | None
    heartbeat: float | None
    stop_asked: bool
    tracking: str | None
    experiment: str | None

    @property
    def storage(self) -> str | None:
        """The URL at which its trials keep their files; None where the home does.

        Raises StorageError if something else is on record.
        """
        url = self.data.get("storage")
        return None if url is None else read_url(str(url), f"campaign {self.id}: storage")

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        named = {key: self.document.get(key) or {} for key in ("space", "data", "sampler")}
        facts = {key: one.get("name") for key, one in named.items() if isinstance(one, dict)}
        budget = self.document.get("budget") or {}
        facts |= {"state": self.state, "because": self.reason, "trials": budget.get("trials")}
        facts |= {"certifies": self.data.get("certifies")}
        return format_facts(f"Campaign {self.name} ({self.id})", facts)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial as the store knows it.

    `top1`, `top5`, `loss`, `seconds` (of training) and `memory_mb` are the last report's,
    `epochs` is its epoch (the fidelity of the score; 0 before the first report), `best` the
    highest top1 of any report. `choices` is the flat form, `recipe` the closed recipe overlay,
    `document` the genome's (None where a listing left it out). `origin` is the sampler's name or
    "control". `suggested` and `arrived` are places in the campaign's sequence of happenings;
    `attempts` counts the starts; `detail` is the tail of a failed trial's log. `source` is the
    CAMPAIGN/NUMBER of the trial whose training this one took over, if any, for the first
    `source_epochs` of its epochs. `control` is a control's name (None of one that an earlier
    version put on record without), `recurrence` the network's (None where the choices make none),
    `split` what the scores are of: validation, or test where nothing is decided by them, and in
    campaigns of before there was a validation split. `family` and `winner` say of a control in
    what it is matched, and to which network; `family` is None where an earlier version put it on
    record. A searched control, which a sampler suggested, is of the family "searched"; all other
    suggestions are of none.
    record. `motifs` are the words of the network (space/motifs.py), None where the choices make
    none and of trials that an earlier version put on record: see `read_motifs`.
    """

    campaign: str
    number: int
    digest: str
    seed: int
    status: Status
    reason: str | None
    detail: str | None
    top1: float | None
    best: float | None
    top5: float | None
    loss: float | None
    epochs: int
    seconds: float
    memory_mb: float | None
    choices: dict[str, Scalar]
    cell: str
    parameters: int | None
    macs: int | None
    origin: str
    document: dict[str, Any] | None
    recipe: dict[str, Any]
    folder: str | None
    attempts: int
    created: float
    started: float | None
    ended: float | None
    suggested: int
    arrived: int | None
    source: str | None
    source_epochs: int
    control: str | None
    recurrence: Recurrence | None
    split: ScoredSplit
    family: str | None
    winner: str | None
    motifs: tuple[str, ...] | None

    def read_genome(self) -> Genome:
        """The network. Raises GenomeError if this version cannot read its document."""
        return Genome.parse(self.document, f"trial {self.number}")

    def read_cell(self) -> str:
        """The short name of the cell: of an earlier version's trial it is written anew, from its
        genome, unless that was left out or cannot be read.
        """
        if not is_outdated(self.cell) or not self.document:
            return self.cell
        try:
            return short_name(self.read_genome())
        except GenomeError:
            return self.cell

    def read_motifs(self) -> tuple[str, ...]:
        """The words of the network: of an earlier version's trial, from its genome; none without
        a network, and where that was left out or cannot be read.
        """
        if self.motifs is not None or not self.document:
            return self.motifs or ()
        try:
            return name_motifs(self.read_genome())
        except GenomeError:
            return ()

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        facts = {
            "cell": self.cell,
            "status": self.status,
            "because": self.reason,
            f"top-1 on {self.split}": format_percent(self.top1),
            "epochs": self.epochs,
            "parameters": self.parameters and f"{self.parameters:,}",
            "multiply-adds": self.macs and f"{self.macs:,}",
            "recurrence": self.recurrence,
            "motifs": self.motifs,
            "digest": self.digest,
        }
        return format_facts(f"Trial {self.number} of campaign {self.campaign}", facts)

    def row(self) -> dict[str, Any]:
        """The trial as tables, JSON and frames show it: what it is, its scores, its choices."""
        return {_SHOWN_AS.get(name, name): getattr(self, name) for name in _ROW}


_ROW = (
    *("number", "digest", "cell", "recurrence", "status", "reason", "split"),
    *("top1", "best", "top5", "loss", "epochs", "parameters", "macs", "seconds", "memory_mb"),
    *("seed", "origin", "control", "family", "winner", "source", "attempts"),
    *("suggested", "arrived", "created", "started", "ended", "choices"),
)
_SHOWN_AS = {"number": "trial", "recurrence": "recurrent"}
"""The keys of a row that differ from their fields' names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reported:
    """A report on record, of the trial `number`.

    `at` is when it came, `arrived` its place in the campaign's sequence of happenings. One that
    came `late` was put on record together with the one after it: the scheduler judged the trial
    at that one. What was not a finite number is nan in the report.
    """

    number: int
    report: Report
    at: float
    arrived: int
    late: bool = False

    def document(self) -> dict[str, Any]:
        """The report as JSON has it, with `at`, `arrived` and `late`; null for what is nan."""
        fields = self.report.model_dump()
        fields["accuracy_by_step"] = [_json(one) for one in self.report.accuracy_by_step]
        document = {key: _json(value) for key, value in fields.items()}
        return document | {"at": self.at, "arrived": self.arrived, "late": self.late}


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, kw_only=True)
class Donor:
    """A trial that did some work, with its genome, and its campaign's closed file."""

    trial: Trial
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """CAMPAIGN/NUMBER of where the work was done first."""
        whole = self.trial.source is not None and self.trial.source_epochs >= self.trial.epochs
        here = f"{self.trial.campaign}/{self.trial.number}"
        return (self.trial.source or here) if whole else here


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """What a new trial takes over: the first `epochs` epochs of a donor's reports.

    With a `status` the trial has ended by it; without one it waits to be trained further.
    """

    donor: Donor
    epochs: int
    status: Status | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewTrial:
    """A trial to be put on record, before anything is done for it; fields as in `Trial`.

    `genome` is None where the choices make none. With a `takeover` the donor's is written down, as
    the donor spelt it: its weights belong to that.
    `status` is "waiting", or "infeasible" (with its `reason`) for one that is never trained.
    `work` is the name by which other campaigns find the training (search/assign/reuse.py). With a
    `takeover` the trial begins with another trial's reports, and may have ended by them. `calls`
    is the journal of the suggestion; None where no sampler suggested it.

    Raises ValueError for another status.
    """

    number: int
    digest: str
    genome: Genome | None
    recipe: Mapping[str, Any]
    seed: int
    choices: Mapping[str, Scalar]
    origin: str
    parameters: int | None
    macs: int | None
    cell: str
    recurrence: Recurrence | None
    split: ScoredSplit
    control: str | None = None
    family: str | None = None
    winner: str | None = None
    motifs: Sequence[str] | None = None
    status: Status = "waiting"
    reason: str | None = None
    folder: str | None = None
    work: str | None = None
    takeover: Takeover | None = None
    calls: Sequence[Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if self.status not in ("waiting", "infeasible"):
            raise ValueError(f"a new trial is waiting or infeasible, not {self.status!r}")


@dataclass(frozen=True, kw_only=True)
class ShareClaim:
    """What a driver claims of a place: `wanted` trials at once, each of `cpus` cores and `gpus`
    GPUs, of which `held` run. `joined` is when it came, in seconds since 1970.
    """

    campaign: str
    priority: int
    cpus: float
    gpus: float
    wanted: int
    held: int
    joined: float


@dataclass(frozen=True, kw_only=True)
class Label:
    """What people wrote of a campaign or of a trial: a note, and tags in their order.

    `note` is None if none was ever written, and empty if it was taken away.
    """

    note: str | None = None
    tags: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As tables and JSON show it."""
        return {"note": self.note or "", "tags": list(self.tags)}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something worth a line in a campaign's history."""

    at: float
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Networks were scored on a split after the search: `who` did it, by which `command`.

    `networks` are their names, as the command shows them.
    """

    at: float
    who: str
    command: str
    networks: tuple[str, ...]
    split: ScoredSplit


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A trial that the mirror has to send: its run so far, if any, and how sure that is.

    `doubtful` means that a run may exist which the store does not know of.
    """

    number: int
    version: int
    run: str | None
    doubtful: bool


@dataclass(frozen=True, kw_only=True)
class Unfinished(Outgoing):
    """A trial that has not ended, as the mirror sees it: `status` is as it was written.

    `shown` means that MLflow may show its run as running.
    """

    status: Status
    shown: bool
