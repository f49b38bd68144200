"""The whole examination: this machine, and the nodes of a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

from search.doctor.asking import meet
from search.doctor.cluster import Meeting
from search.doctor.listing import CHECKS
from search.doctor.nodes import merge_nodes
from search.doctor.protocol import Finding, Place
from search.doctor.running import run_checks
from search.doctor.software import ALIKE, SAME, read_versions
from search.host.home import STORAGE_VARIABLE, Home
from workers.storage.probing import probe_storage


def make_place(home: Home, environ: Mapping[str, str] | None = None) -> Place:
    """This machine, with campaigns in that home."""
    environ = dict(os.environ) if environ is None else environ
    storage = environ.get(STORAGE_VARIABLE) or None
    return Place(home=home, environ=environ, storage=storage, probe=probe_storage)


def examine(place: Place, address: str | None = None) -> list[Finding]:
    """The findings of this machine and, with an address, of every node of the cluster there."""
    known = {name: text for name, text in read_versions().items() if text is not None}
    expected = {name: known[name] for name in SAME + ALIKE if name in known}
    meeting = meet(replace(place, versions=expected), address)
    return examine_here(place, meeting, trains=address is None)


def examine_here(place: Place, meeting: Meeting, *, trains: bool) -> list[Finding]:
    """The findings of this machine, on which trials run or not, and those of the nodes."""
    chosen = [check for check in CHECKS if check.drives or trains]
    here = run_checks(chosen, replace(place, meeting=meeting))
    return sort_findings([*here, *merge_nodes(meeting.nodes)])


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """By check, in the order of all checks; of one check as they come."""
    order = {check.name: at for at, check in enumerate(CHECKS)}
    return sorted(findings, key=lambda finding: order.get(finding.check, len(order)))
