"""The report of campaigns as one HTML file, which opens from disk and asks no network."""

from __future__ import annotations

import base64
import platform
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dashboards.findings import FindingStatus
from dashboards.report import facts, networks, scripts
from dashboards.report.charts import make_panel
from dashboards.report.contents import Contents, Judged, collect_contents
from dashboards.report.sections import sort_figures
from dashboards.report.wording import (
    NONE,
    format_count,
    format_moment,
    format_number,
    format_percent,
    format_points,
)
from dashboards.searched import Searched
from space.circuits import draw_circuit
from space.documents.outside import printable
from space.equation.network import describe_network
from space.errors import InputError
from workers.files import replace

ORDER: tuple[FindingStatus, ...] = ("fail", "warning", "pass")
"""What asks for something to be done comes first."""

MARKS = {"pass": "✓", "warning": "!", "fail": "✕"}
"""What stands before a finding's status, so that it is not told by colour alone."""


WIDE = 720
"""A circuit that is wider has a row of its own."""


def write_report(campaigns: Sequence[Searched], file: Path) -> Contents:
    """Write the page of campaigns into a file, all of it or nothing; what it says.

    Raises VentralError for a campaign no trial of which has ended, OSError if the file cannot be
    written.
    """
    contents = collect_contents(campaigns)
    replace(file, render_page(contents).encode())
    return contents


def render_page(contents: Contents, now: datetime | None = None) -> str:
    """The page's text. `now` is when it is written, by default this moment."""
    sections = [
        {
            "id": section.id,
            "title": section.title,
            "text": section.text,
            "panels": [make_panel(figure) for figure in chosen],
        }
        for section, chosen in sort_figures(contents.figures)
    ]
    names = facts.join_names(contents.campaigns)
    own, vega = scripts.read_script(), scripts.bundle_vega()
    fixed = [
        {"id": "findings", "title": "Findings"},
        {"id": "facts", "title": "What was searched"},
        {"id": "networks", "title": "Best networks"},
    ]
    last = [
        {"id": "caveats", "title": "What this does not show"},
        {"id": "reproduce", "title": "How to do it again"},
    ]
    page: str = (
        _environment()
        .get_template("page.html")
        .render(
            title=f"{names}: Ventral report",
            heading=f"What {names} found",
            ids=" ".join(one.id for one in contents.campaigns),
            campaigns=[
                _describe_campaign(one, several=len(contents.judged) > 1)
                for one in contents.judged
            ],
            sections=sections,
            toc=[*fixed, *sections, *last],
            undrawn=contents.undrawn,
            warnings=contents.warnings,
            commands=facts.list_commands(contents.campaigns),
            marks=MARKS,
            themes=scripts.read_themes(),
            style=Markup(scripts.write_style()),
            vega=Markup(vega),
            script=Markup(own),
            policy=scripts.write_policy([vega, own]),
            written=format_moment(now or datetime.now(UTC)),
            version=version("ventral-search"),
            python=platform.python_version(),
            machine=platform.node(),
        )
    )
    return page


def _environment() -> Environment:
    """Templates in which every text is escaped and made printable."""
    environment = Environment(
        loader=FileSystemLoader(scripts.PLACE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = lambda value: Markup(scripts.write_json(value))
    environment.filters["number"] = format_number
    environment.filters["spaced"] = lambda name: re.sub("[_-]", " ", str(name))
    return environment


def _show(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, lines=True)
    return value


def _describe_campaign(judged: Judged, *, several: bool) -> dict[str, Any]:
    """What the template shows of one campaign."""
    one = judged.searched
    file = facts.write_campaign_file(one)
    recurrent, plain = networks.find_best_kinds(one)
    controls = networks.list_controls(one)
    tally = Counter(finding.status for finding in judged.findings)
    return {
        "id": one.id,
        "name": one.name,
        "state_line": facts.describe_state(one),
        "facts": facts.list_facts(one),
        "caveats": facts.list_caveats(one),
        "findings": sorted(judged.findings, key=lambda finding: ORDER.index(finding.status)),
        "tally": [(status, tally[status]) for status in ORDER if tally[status]],
        "lead": networks.describe_lead(recurrent, plain, controls),
        "rows": [
            *(_describe_row(one, each, leads=True) for each in (recurrent, plain) if each),
            *(_describe_row(one, network) for network in controls),
            *(_describe_row(one, network) for network in networks.list_best(one)),
        ],
        "circuits": _draw_circuits(one, [recurrent, plain, *controls[:1]], several=several),
        "file": file,
        "file_link": f"data:application/yaml;base64,{base64.b64encode(file.encode()).decode()}",
    }


def _draw_circuits(
    searched: Searched, chosen: Sequence[networks.Network | None], *, several: bool
) -> list[dict[str, Any]]:
    """The pictures of networks, with their equations; none of those that choices make none of."""
    circuits = []
    for network in chosen:
        genome = None if network is None else networks.read_genome(searched, network)
        if genome is None or network is None:
            continue
        title = f"{network.role[0].upper()}{network.role[1:]}, trial {network.trial}"
        title += f" of {searched.name}" if several else ""
        effects, retrained = networks.read_effects(searched, network)
        try:
            picture = draw_circuit(genome, effects=effects, title=title)
        except InputError:  # lesions of parts that this version calls otherwise
            picture, effects = draw_circuit(genome, title=title), {}
        circuits.append(
            {
                "title": title,
                "picture": Markup(picture),
                "wide": _read_width(picture) > WIDE,
                "text": describe_network(genome),
                "note": _describe_effects(retrained=retrained) if effects else "",
            }
        )
    return circuits


def _describe_effects(*, retrained: bool) -> str:
    how = "trained again without it" if retrained else "removed, the weights of the rest kept"
    return f"Lines are as thick as top-1 differs without the part ({how})."


def _read_width(picture: str) -> float:
    """The width of an SVG in its own units; 0 where it does not say."""
    match = re.search(r'<svg[^>]* width="([\d.]+)', picture)
    return float(match[1]) if match else 0.0


def _describe_row(
    searched: Searched, network: networks.Network, *, leads: bool = False
) -> dict[str, Any]:
    score = format_percent(network.top1)
    if network.deviation is not None:
        score += f" ± {100 * network.deviation:.1f} ({network.seeds} seeds)"
    early = ", stopped early" if network.early else ""
    return {
        "role": network.role,
        "label": network.label,
        "leads": leads,
        "score": score,
        "gain": "" if network.gain is None else format_points(network.gain),
        "parameters": format_count(network.parameters),
        "macs": format_count(network.macs),
        "epochs": f"{network.epochs}{early}",
        "recurrent": network.recurrent if network.cell else NONE,
        "cell": networks.name_cell(searched, network),
    }
