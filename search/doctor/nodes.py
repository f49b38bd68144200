"""The checks of one node of a cluster, run there by Ray, and what all nodes' findings come to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from search.doctor.cluster import Node
from search.doctor.listing import CHECKS
from search.doctor.protocol import Finding, Place
from search.doctor.running import run_checks
from search.host.home import Home
from workers.storage.probing import probe_storage

FUNCTION = "ventral.search.doctor.nodes:examine_node"
"""What a node is asked to call."""

SHOWN = 3
"""So many nodes are named in one finding."""


def examine_node(request: Mapping[str, Any]) -> list[dict[str, str]]:
    """The findings of this node, as JSON. `request` is what `make_request` says."""
    place = Place(
        home=Home(path=Path(request["home"])),
        environ=read_environ(),
        storage=request["storage"],
        probe=probe_storage,
        versions=request["versions"],
        sign=request["sign"],
        offered=request["gpus"],
    )
    chosen = [check for check in CHECKS if check.trains and check.name not in request["without"]]
    return [asdict(finding) for finding in run_checks(chosen, place)]


def make_request(place: Place) -> dict[str, Any]:
    """What every node has to know, as JSON. Whoever asks a node adds the `sign` of the home (None
    without one), the `gpus` that Ray offers there, and which checks it goes `without`.
    """
    return {
        "home": str(place.home.path),
        "storage": place.storage,
        "versions": dict(place.versions or {}),
    }


def read_environ() -> dict[str, str]:
    """The environment that Ray was started with here: it sets others for its workers, as this."""
    import psutil

    try:
        parent = psutil.Process().parent()
        if parent is not None and parent.name() == "raylet":
            return parent.environ()
    except (psutil.Error, OSError):
        pass
    return dict(os.environ)


def merge_nodes(nodes: Sequence[Node]) -> list[Finding]:
    """The findings of all nodes, in the order of the first: equal ones, and all passes of a
    check, are one finding that names its nodes.
    """
    groups: dict[tuple[str, ...], list[tuple[str, Finding]]] = {}
    for node in nodes:
        for finding in node.findings:
            alike = () if finding.status == "pass" else (finding.text, finding.cure)
            key = (finding.check, finding.status, *alike)
            groups.setdefault(key, []).append((node.name, finding))
    return list(map(_join, groups.values()))


def _join(alike: Sequence[tuple[str, Finding]]) -> Finding:
    first = alike[0][1]
    names, texts = [name for name, _ in alike], {finding.text for _, finding in alike}
    if len(texts) == 1:
        text = f"{name_some(names)}: {first.text}"
    else:
        parts = [f"{name}: {finding.text}" for name, finding in alike[:SHOWN]]
        more = len(alike) - len(parts)
        text = "; ".join([*parts, *([f"and {more} more nodes"] if more else [])])
    return Finding(check=first.check, status=first.status, text=text, cure=first.cure)


def name_some(names: Sequence[str]) -> str:
    """Nodes by name, as many as are read: `node a`, `nodes a, b, c and 9 more`."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"node{'s' if len(names) > 1 else ''} {', '.join(names[:SHOWN])}{more}"


def read_findings(rows: object) -> Iterator[Finding]:
    """Findings that came as JSON. Raises ValueError for anything else."""
    if not isinstance(rows, list):
        raise ValueError("is no list of findings")
    for row in rows:
        if not isinstance(row, dict) or row.get("status") not in ("pass", "warning", "fail"):
            raise ValueError("holds what is no finding")
        texts = {key: str(row.get(key, "")) for key in ("check", "text", "cure")}
        yield Finding(status=row["status"], **texts)
