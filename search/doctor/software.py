"""The software of a machine: what Ventral needs is there, and is the same on every node."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version

from search.doctor.protocol import Fault, Place, Verdict
from search.host.libraries import SUPPORTED, UNTESTED, format_minors, read_minor
from search.host.programs import DISTRIBUTION

SAME = ("ventral", "python", "ray")
"""Of which every node of a cluster needs one version: jobs travel between them as values."""
ALIKE = ("torch", "numpy")
"""Of which another version may compute other numbers."""

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*\bextra\s*==\s*['\"]([\w-]+)['\"])?")


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What is installed: version by name, None for what is required and missing."""

    installed: Mapping[str, str | None]
    supported: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: SUPPORTED)
    untested: bool = False
    expected: Mapping[str, str] | None = None


class VersionsCheck:
    """The libraries that a campaign needs, and their versions."""

    name = "versions"
    about = "Ventral, Python and the libraries; on a node, whether they are those of this machine"
    drives, trains, seconds = True, True, 30.0

    missing = Fault(
        status="fail",
        problem="{name} is not installed",
        cure="pip install 'ventral-search[search]'",
    )
    unsupported = Fault(
        status="fail",
        problem="{name} {installed} is installed; this version of Ventral works with {supported}",
        cure="pip install '{name}=={last}.*'",
    )
    untried = Fault(
        status="warning",
        problem="{name} {installed} is used, with which nothing was tested (VENTRAL_UNTESTED)",
        cure="pip install '{name}=={last}.*', and unset VENTRAL_UNTESTED",
    )
    other = Fault(
        status="fail",
        problem="{name} {installed} differs from {expected} of the machine that asks",
        cure="install {name} {expected} on the node: all need the same one",
    )
    unlike = Fault(
        status="warning",
        problem="{name} {installed} differs from {expected} of the machine that asks",
        cure="install {name} {expected} on the node, or expect other last digits of its numbers",
    )
    faults = (missing, unsupported, untried, other, unlike)

    def gather(self, place: Place) -> Versions:
        """The facts, as far as they can be had."""
        return Versions(
            installed=read_versions(),
            untested=bool(os.environ.get(UNTESTED)),
            expected=place.versions,
        )

    def judge(self, facts: Versions) -> Iterator[Verdict]:
        """What is wrong with them."""
        for name, installed in facts.installed.items():
            if installed is None:
                yield self.missing.fill(name=name)
                continue
            supported = facts.supported.get(name)
            if supported and read_minor(installed) not in supported:
                several, last = format_minors(supported), supported[-1]
                fault = self.untried if facts.untested else self.unsupported
                yield fault.fill(name=name, installed=installed, supported=several, last=last)
            expected = (facts.expected or {}).get(name)
            if expected is not None and expected != installed and name in SAME + ALIKE:
                fault = self.other if name in SAME else self.unlike
                yield fault.fill(name=name, installed=installed, expected=expected)

    def describe(self, facts: Versions) -> str:
        """The facts in a line, where nothing is wrong."""
        shown = ("ventral", "python", "torch", "ray", "mlflow", "optuna")
        return ", ".join(
            f"{name} {facts.installed[name]}" for name in shown if facts.installed.get(name)
        )


def read_versions() -> dict[str, str | None]:
    """Ventral, Python, and each library that a campaign requires."""
    known: dict[str, str | None] = {
        "ventral": _find_version(DISTRIBUTION) or "unknown",
        "python": platform.python_version(),
    }
    return known | {name: _find_version(name) for name in list_required()}


def list_required() -> list[str]:
    """The libraries that the core and the extra `search` require, as this installation says."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        lines = []
    names = dict.fromkeys(["torch", "ray", "mlflow", "optuna"])
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match and match[1] != DISTRIBUTION and match[2] in (None, "search"):
            names[match[1].lower()] = None
    return list(names)


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
