"""`ventral gc`: give back the disk space of checkpoints and packs; records stay."""

import re
from typing import Annotated, Any

import typer

from search.host.sizes import format_bytes
from ventral.output import Format, Output, note, show, table

UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
NAMES = {
    "cached": "copies of packed data on this machine, of no campaign",
    "pruned": "checkpoints of pruned trials",
    "failed": "checkpoints of failed trials",
    "finished": "checkpoints of finished trials beyond the best",
    "pack": "packed data of no campaign",
}


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command("gc")(collect)


def collect(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only say what would be removed")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option("--keep", min=0, help="best trials of a campaign to keep (its `keep:`)"),
    ] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", help="keep what was used since: 30d, 12h, 2w")
    ] = "0d",
    output: Output = Format.table,
) -> None:
    """Remove checkpoints and packs that are not needed; never of a running campaign.

    Pruned trials' checkpoints go first, then those of failed ones, then those of finished trials
    beyond the best. Scores, genomes and MLflow's runs stay. What campaigns keep at the URL of a
    storage is treated alike.
    """
    from search.upkeep import retention
    from ventral.opening import open_store

    home, store = open_store()
    items = retention.plan(
        store,
        home,
        keep=keep,
        older_than=_parse_age(older_than),
        on_error=lambda error: note(f"left alone: {error}"),
    )
    gone = items if dry_run else list(retention.remove(store, items))
    rows: list[dict[str, Any]] = [
        {
            "what": item.what,
            "campaign": item.campaign,
            "trial": item.trial,
            "bytes": item.bytes,
            "path": item.place,
        }
        for item in gone
    ]
    if output is not Format.table:
        table(rows, [], output)
    for what, name in NAMES.items():
        sizes = [item.bytes for item in gone if item.what == what]
        if sizes and output is Format.table:
            show(f"{name}: {len(sizes)}, {format_bytes(sum(sizes))}")
    total = format_bytes(sum(item.bytes for item in gone))
    note(f"{'would be freed' if dry_run else 'freed'}: {total}")
    if dry_run and gone:
        note("Next: the same command without --dry-run")


def _parse_age(text: str) -> float:
    """30d -> 2592000. Raises InputError."""
    from space.errors import InputError

    match = re.fullmatch(r"(\d+(?:\.\d+)?)([mhdw])", text.strip())
    if match is None:
        raise InputError("--older-than", f"{text!r} is not a duration", "write 30d, 12h or 2w")
    return float(match[1]) * UNITS[match[2]]
