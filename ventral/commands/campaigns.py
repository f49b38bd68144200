"""The commands that look at campaigns and stop them, and the order of all on campaigns."""

import sys
import time
from typing import Annotated

import typer

from space.documents.outside import printable
from ventral.cells import label_columns, show_cells, show_references
from ventral.commands.running import Id, certify, resume, submit
from ventral.kinds import Feedforward, Recurrent, Tag, pick_kind
from ventral.output import Column, Format, Output, moment, note, percent, show, table
from ventral.remote import Cluster, name_again, show_log, stop_waiting


def register(app: typer.Typer) -> None:
    """Put the commands on the command line, in the order in which they are used."""
    app.command()(submit)
    app.command("list")(list_campaigns)
    app.command()(logs)
    app.command()(stop)
    app.command()(resume)
    app.command()(top)
    app.command()(certify)


def list_campaigns(
    tag: Tag = None, cluster: Cluster = None, output: Output = Format.table
) -> None:
    """All campaigns, newest first: how far each is, its best, what it searches, on which data."""
    from search.review import listing
    from ventral.opening import open_store

    _, store = open_store(cluster=cluster)
    listed = listing.list_campaigns(store, tag)
    for one in listed:
        if one.standing.state == "damaged":
            note(f"campaign {printable(one.record.id)} cannot be read: {one.standing.reason}")
    rows = [one.row() for one in listed]
    columns = [
        Column(key="id"),
        Column(key="name"),
        Column(key="state"),
        Column(key="done", right=True),
        Column(key="best", title="best top-1", write=percent, right=True),
        Column(key="space"),
        Column(key="data"),
        *(
            Column(key=key, title=title)
            for key, title in (("certifies", "certified of"), ("cloned_from", "cloned from"))
            if any(row[key] for row in rows)
        ),
        Column(key="created", write=moment),
    ]
    table(rows, [*columns, *label_columns(rows)], output)


def logs(
    campaign: Id,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="wait for more")] = False,
    cluster: Cluster = None,
) -> None:
    """What a campaign's driver wrote."""
    from search.host.home import is_id
    from search.remote.whereabouts import find_machine
    from space.errors import InputError
    from ventral.opening import find_campaign

    try:
        home, store, record = find_campaign(campaign, cluster=cluster)
    except InputError:
        # On its way to the record, or in a store that only the cluster reaches.
        if cluster is None or not is_id(campaign):
            raise
        show_log(cluster, campaign, follow=follow)
        return
    log = home.log(record.id)
    if not log.exists():
        if cluster is not None:
            show_log(cluster, record.id, follow=follow)
        elif (machine := find_machine(record, home)) is not None:
            note(f"the log of campaign {record.id} is on the disk of {printable(machine)}")
            note(f"Next: ventral logs {record.id} --cluster NAME")
        else:
            note(f"campaign {record.id} has written no log yet")
        return
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            for line in lines:
                show(line, end="")
            if not follow or store.campaigns.get(record.id).state != "running":
                return
            sys.stdout.flush()
            time.sleep(0.5)


def stop(campaign: Id, cluster: Cluster = None) -> None:
    """Stop a running campaign; everything is kept, `ventral resume` goes on."""
    from space.errors import StoreError, VentralError
    from ventral.opening import find_campaign

    try:
        _, store, record = find_campaign(campaign, ["running"], cluster=cluster)
    except StoreError:
        if cluster is None or not stop_waiting(cluster, campaign):
            raise
        note(f"campaign {campaign} was not on record yet; its job is ended")
        return
    if record.state != "running":
        note(f"campaign {record.id} is not running: it is {record.state}")
        return
    from search import driver

    if not driver.stop(record.id, store):
        raise VentralError(
            f"campaign {record.id} was asked to stop, but still runs; "
            f"`{name_again(f'status {record.id}', cluster)}` shows when it has"
        )
    note(f"campaign {record.id} is stopped. Go on with:")
    note("  " + name_again(f"resume {record.id}", cluster))


def top(
    campaign: Id,
    number: Annotated[int, typer.Option("-n", min=1, help="how many")] = 10,
    by: Annotated[str, typer.Option(help="top1, or pareto: top-1 against parameters")] = "top1",
    recurrent: Recurrent = False,
    feedforward: Feedforward = False,
    tag: Tag = None,
    cluster: Cluster = None,
    output: Output = Format.table,
) -> None:
    """The best cells, best first."""
    from search.review import listing, ranking
    from space.errors import InputError
    from ventral.opening import find_campaign

    if by not in ("top1", "pareto"):
        raise InputError("--by", f"{by} is not an order", "write top1 or pareto")
    _, store, record = find_campaign(campaign, cluster=cluster)
    kind = pick_kind(recurrent=recurrent, feedforward=feedforward)
    searched = ranking.best(store, record.id)
    ranked = searched if kind is None else ranking.keep_kind(searched, kind)
    ranked = listing.keep_tagged(store, record.id, ranked, tag)
    chosen = (ranking.pareto(ranked) if by == "pareto" else ranked)[:number]
    references = ranking.references(store, record)
    listed = ranking.keep_references(references, kind)
    if kind is not None and not (ranked or listed):
        note(f"no {kind} network of campaign {record.id} has a score yet")
    if not searched and listed:
        show_references(record, references, store, output, kind)
        if output is Format.table:
            best = listed[0].trial.number
            note(f"Next: {name_again(f'export {record.id} --trial {best} --to cells', cluster)}")
        return
    if tag is not None and not chosen:
        note(f"no network of campaign {record.id} that has a score is tagged {tag}")
    show_cells(record, chosen, references, store, output, kind)
    if output is Format.table:
        from space.equation.legend import format_legend

        note(format_legend(), lines=True)
        only = "" if kind is None else f" --{kind}"
        best = min(3, len(chosen) or 1)
        export = f"export {record.id} --top {best}{only} --to cells"
        note(f"Next: {name_again(export, cluster)}")
