"""`ventral report`: what campaigns found, as one page that opens from disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ventral.output import Format, Output, note, value
from ventral.places import check_figures, check_file
from ventral.remote import Cluster

if TYPE_CHECKING:
    from dashboards.report import Contents
    from search.host.home import Home
    from search.store import Store

Ids = Annotated[
    list[str],
    typer.Argument(help="a campaign's id or name; several are shown side by side"),
]


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(report)


def report(
    campaigns: Ids,
    to: Annotated[
        Path | None, typer.Option("--to", help="the page; by default one in the home")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="a folder for each figure as SVG, CSV and Vega-Lite"),
    ] = None,
    numbers: Annotated[
        Path | None, typer.Option("--json", help="a file for findings, importance and motifs")
    ] = None,
    cluster: Cluster = None,
    output: Output = Format.table,
) -> None:
    """What campaigns found: findings, figures and the best networks as one HTML file.

    The page asks no network for anything, and `ventral ui` shows it. A campaign that still runs
    is reported as it stands.
    """
    from dashboards.report import collect_contents, render_page, write_figures, write_json
    from dashboards.searched import read_searched
    from workers.files import replace

    _check_places(to, figures, numbers)
    home, store, ids = _find_all(campaigns, cluster)
    contents = collect_contents([read_searched(store, one) for one in ids])
    page = render_page(contents).encode()
    places = _choose_places(home, ids, to)
    for place in places:
        replace(place, page)
    files = [] if figures is None else write_figures(contents, figures)
    if numbers is not None:
        write_json(contents, numbers)
    for one in ids:
        _publish(home, store, one, page.decode(), several=len(ids) > 1)
    document: dict[str, Any] = {
        "report": str(places[0]),
        "figures": [str(file) for file in files],
        **contents.document(),
    }
    value(document, output, str(places[0]))
    if output is Format.table:
        if files:
            note(f"{len(files)} files of {len(contents.figures)} figures are in {figures}")
        _show_findings(contents)


def _check_places(to: Path | None, figures: Path | None, numbers: Path | None) -> None:
    """Raise InputError for a place that cannot be written, before anything is read."""
    from space.errors import InputError

    check_file("--to", to, "report.html")
    check_file("--json", numbers, "report.json")
    check_figures(figures)
    if to is not None and numbers is not None and to.absolute() == numbers.absolute():
        raise InputError("--json", f"{numbers} is the page as well", "name two files")


def _find_all(campaigns: list[str], cluster: str | None) -> tuple["Home", "Store", list[str]]:
    """The home, its store, and the campaigns' ids, each once."""
    from ventral.opening import find_campaign

    opened = [find_campaign(campaign, cluster=cluster) for campaign in campaigns]
    home, store, _ = opened[0]
    return home, store, list(dict.fromkeys(record.id for _, _, record in opened))


def _choose_places(home: "Home", ids: list[str], to: Path | None) -> list[Path]:
    """Where the page is written: the file that was named, and the home's own."""
    from space.errors import InputError

    own = home.report(*ids)
    try:
        home.ensure(home.reports)
    except InputError:
        if to is None:
            raise
        note(f"{home.path} may only be read: `ventral ui` will not show this report")
        return [to]
    return [own] if to is None else [to, own]


def _publish(home: "Home", store: "Store", campaign_id: str, page: str, *, several: bool) -> None:
    """Put the report on the campaign's page in MLflow. That MLflow is away is no failure of it."""
    from search.mirror.campaign_page import COMPARISON_FILE, REPORT_FILE, publish_report

    try:
        label = store.labels.find(campaign_id)
        file = COMPARISON_FILE if several else REPORT_FILE
        publish_report(home, store.campaigns.get(campaign_id), page, label, file=file)
    except Exception as error:  # noqa: BLE001 - MLflow raises whatever its transport does
        reason = str(error).partition("\n")[0]
        note(f"warning: the report is not in MLflow ({type(error).__name__}: {reason})")


def _show_findings(contents: "Contents") -> None:
    """A line for each finding, and the command that comes next."""
    several, following = len(contents.judged) > 1, ""
    for judged in contents.judged:
        for finding in judged.findings:
            of = f"{judged.searched.name}: " if several else ""
            note(f"{finding.status:>7}  {of}{finding.text}")
            if finding.status != "pass":
                following = following or finding.next
    note(f"Next: {following or f'ventral ui {contents.campaigns[0].id}'}")
