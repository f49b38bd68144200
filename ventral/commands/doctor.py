"""`ventral doctor`: what keeps campaigns from running here or on a cluster, and the cure."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ventral.output import Column, Format, Output, note, table

if TYPE_CHECKING:
    from search.doctor.protocol import Finding

COLUMNS = (Column(key="check"), Column(key="status"), Column(key="text"), Column(key="cure"))


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(doctor)


def doctor(
    cluster: Annotated[
        str | None,
        typer.Option(help="look at a cluster too, by its name in clusters.yaml: as a job there"),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="look at every node of a cluster too: auto, or HOST:PORT of its head"),
    ] = None,
    output: Output = Format.table,
) -> None:
    """Look for what keeps campaigns from running, and say the cure.

    Nothing is changed: what is written, to see whether that works, is removed again. Each check
    is a pass, a warning or a failure; the exit code is 1 if one fails. docs/doctor.md has all.
    """
    note("looking ... (Ray's start takes some ten seconds)")
    findings = _examine(cluster, address)
    table([asdict(finding) for finding in findings], COLUMNS, output)
    failed = [finding.check for finding in findings if finding.status == "fail"]
    warned = [finding.check for finding in findings if finding.status == "warning"]
    if failed:
        note(f"to be mended: {', '.join(dict.fromkeys(failed))}")
        raise typer.Exit(1)
    if warned:
        note(f"works; to be looked at: {', '.join(dict.fromkeys(warned))}")
    else:
        note("all is well")


def _examine(cluster: str | None, address: str | None) -> "list[Finding]":
    from search.doctor.examining import examine, make_place
    from search.host.home import Home
    from space.errors import InputError

    own = Home.at()
    if cluster is None:
        return examine(make_place(own), address)
    if address is not None:
        raise InputError("--address", "names another place than --cluster", "give one of the two")
    from search.doctor.remotely import examine_cluster
    from search.remote.clusters import find_cluster

    return examine_cluster(make_place(own), find_cluster(cluster))
