"""`ventral rm`: delete a campaign with all that is its own."""

from typing import TYPE_CHECKING, Annotated

import typer

from search.host.sizes import format_bytes
from space.documents.outside import printable
from ventral.commands.labels import Id
from ventral.output import Format, Output, note, value

if TYPE_CHECKING:
    from search.upkeep.removal import Doomed


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command("rm")(remove)


def remove(
    campaign: Id,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only say what would be deleted")
    ] = False,
    certified: Annotated[
        bool,
        typer.Option("--certified", help="although other campaigns trained its networks again"),
    ] = False,
    keep_runs: Annotated[
        bool, typer.Option("--keep-runs", help="leave what MLflow has of it")
    ] = False,
    output: Output = Format.table,
) -> None:
    """Delete a campaign: its rows in the store, its files, its runs in MLflow. For good.

    What was interrupted is gone on with by the same command. Of a campaign whose record is damaged
    all goes that is there. Packed data stays (`ventral gc`).
    """
    from search.upkeep import removal
    from ventral.opening import find_campaign

    home, store, record = find_campaign(campaign, removal.REMOVABLE)
    doomed = removal.plan_removal(store, home, record)
    if dry_run:
        value(doomed.document(), output, format_doomed(doomed))
        if doomed.certified_by:
            note(f"warning: {', '.join(doomed.certified_by)} certified it: --certified is needed")
        if record.state == "running":
            note(f"warning: it is running; first: ventral stop {record.id}")
        return
    removal.remove_campaign(store, home, doomed, certified=certified, runs=not keep_runs)
    value(doomed.document(), output, format_doomed(doomed))
    note(f"campaign {record.id} ({record.name}) is deleted")


def format_doomed(doomed: "Doomed") -> str:
    """What a removal deletes, in a few lines."""
    rows = ", ".join(f"{number:,} {table}" for table, number in doomed.rows.items())
    lines = [
        printable(f"campaign {doomed.campaign.id} ({doomed.campaign.name})"),
        f"  rows in the store: {sum(doomed.rows.values()) + 1:,}" + (f" ({rows})" if rows else ""),
        f"  files: {doomed.files:,}, {format_bytes(doomed.bytes)}",
        *(printable(f"    {place}") for place in (*doomed.folders, doomed.stored) if place),
        f"  runs in MLflow: {doomed.runs:,}",
    ]
    if doomed.damage is not None:
        lines.insert(1, printable(f"  its record cannot be read ({doomed.damage})"))
    if doomed.elsewhere is not None:
        lines.append(printable(f"  its runs in {doomed.elsewhere} stay"))
    return "\n".join(lines)
