"""`ventral trial`: the trials of a campaign, one of them whole, and failed ones once more."""

from math import isnan
from typing import TYPE_CHECKING, Annotated

import typer

from search.review.durations import format_duration
from space.documents.outside import printable
from ventral.cells import distinguish_cells, label_columns, label_lines
from ventral.kinds import Feedforward, Recurrent, Tag, pick_kind
from ventral.output import (
    Column,
    Format,
    Output,
    count,
    note,
    percent,
    table,
    value,
)
from ventral.pictures import Draw, write_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from search.store import Reported, Trial
    from search.store.ledger import Attempt
    from space.choices.domains import Scalar

app = typer.Typer(no_args_is_help=True)

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]
ORDERS = ("number", "top1", "best", "parameters", "macs", "epochs", "seconds")


@app.command("list")
def list_trials(  # noqa: PLR0913  (each is an option of the command)
    campaign: Id,
    statuses: Annotated[
        list[str] | None, typer.Option("--status", help="only these: finished, failed, ...")
    ] = None,
    cell: Annotated[
        str | None, typer.Option("--cell", help="only those whose cell contains this text")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="order: number, or the largest first")
    ] = "number",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="at most so many")] = None,
    recurrent: Recurrent = False,
    feedforward: Feedforward = False,
    tag: Tag = None,
    output: Output = Format.table,
) -> None:
    """The trials of a campaign."""
    from search.review import listing, ranking
    from search.store import STATUSES
    from ventral.opening import find_campaign

    wanted = [one for words in statuses or STATUSES for one in words.split(",")]
    for one in wanted:
        _check_choice("--status", one, STATUSES)
    _check_choice("--by", by, ORDERS)
    _, store, record = find_campaign(campaign)
    kind = pick_kind(recurrent=recurrent, feedforward=feedforward)
    most = limit if kind is None and tag is None else None
    records = store.results.find(record.id, statuses=wanted, cell=cell, by=by, limit=most)  # type: ignore[arg-type]
    if kind is not None:
        records = ranking.keep_kind(records, kind)
    records = listing.keep_tagged(store, record.id, records, tag)[:limit]
    columns = [
        Column(key="trial", right=True),
        Column(key="status"),
        Column(key="top1", title="top-1", write=percent, right=True),
        Column(key="epochs", right=True),
        Column(key="seconds", title="time", write=format_duration, right=True),
        Column(key="recurrent"),
        Column(key="cell"),
        Column(key="reason"),
    ]
    if by in ("parameters", "macs"):
        columns.insert(3, Column(key=by, write=count, right=True))
    if any(trial.source for trial in records):
        columns.insert(-1, Column(key="source", title="from"))
    rows = listing.list_trials(store, record.id, records, motifs=output is not Format.table)
    if output is Format.table:
        rows = distinguish_cells(rows, store, record.id)
    table(rows, [*columns, *label_columns(rows)], output)


def _check_choice(where: str, name: str, known: tuple[str, ...]) -> None:
    from space.documents.validation import suggestion
    from space.errors import InputError

    if name not in known:
        near = suggestion(name, known)
        cure = near if near.startswith("did") else f"write one of {', '.join(known)}"
        raise InputError(where, f"there is no {name}", cure)


@app.command()
def show(
    campaign: Id,
    trial: Annotated[int, typer.Argument(help="the trial's number")],
    draw: Draw = None,
    output: Output = Format.table,
) -> None:
    """One trial: its cells as equations, the choices that act in it, its scores by epoch, and why
    it failed if it did.
    """
    from search.review.acting import choices_that_act
    from search.store import Label
    from ventral.cells import read_equations
    from ventral.opening import find_campaign

    _, store, record = find_campaign(campaign)
    entry = store.results.get(record.id, trial)
    if draw is not None:
        from space.circuits import draw_circuit

        title = printable(f"{record.name}, trial {entry.number}")
        write_picture(draw, draw_circuit(entry.read_genome(), title=title))
    reports = store.results.reports(record.id, trial)
    attempts = store.campaigns.attempts(record.id, trial)
    made = choices_that_act(record, entry)
    label = store.labels.find(record.id, trial) or Label()
    document = entry.row() | label.document()
    document |= {
        "cell": entry.read_cell(),
        "equations": list(equations := read_equations(entry)),
        "motifs": list(entry.read_motifs()),
        "acting": made,
        "detail": entry.detail,
        "recipe": entry.recipe,
        "genome": entry.document,
        "reports": [one.document() for one in reports],
        "attempts": [vars(attempt) for attempt in attempts],
    }
    lines = [
        f"{document['cell']}, {count(entry.parameters or 0)} parameters, digest {entry.digest}"
        f"{f', recurrence: {kind}' if (kind := entry.recurrence) else ''}",
        *label_lines(label),
        *_describe_end(entry),
        *equations,
        *_list_choices(entry, made),
        *_list_epochs(reports),
        *_list_attempts(attempts),
    ]
    head = f"trial {entry.number} of {record.name} ({record.id}): {entry.status}"
    value(document, output, "\n".join([printable(head), *lines]))


def _describe_end(trial: "Trial") -> list[str]:
    """Why a trial ended as it did, and whose epochs it went on from."""
    return [
        *([f"because: {printable(trial.reason)}"] if trial.reason else []),
        *([trial.detail] if trial.detail else []),
        *([f"{trial.source_epochs} epochs from {trial.source}"] if trial.source else []),
    ]


def _list_choices(trial: "Trial", made: "Mapping[str, Scalar]") -> list[str]:
    """The choices that act, a line each, and how many more were made."""
    inert = len(trial.choices) - len(made)
    return [
        *(printable(f"  {path} = {choice}") for path, choice in made.items()),
        *([f"  ({inert} more choices made no difference)"] if inert else []),
    ]


def _list_epochs(reports: "Iterable[Reported]") -> list[str]:
    """The scores after each epoch and at each time step."""
    return [
        f"epoch {report.epoch}: top-1 {_format_score(report.top1)}, by step "
        + " ".join("?" if isnan(one) else f"{one:.2f}" for one in report.accuracy_by_step)
        for report in (one.report for one in reports)
    ]


def _list_attempts(attempts: "Iterable[Attempt]") -> list[str]:
    """How long each attempt trained, and how it ended."""
    return [
        f"attempt {one.attempt}: {one.how or 'running'}, {one.epochs} epochs in "
        f"{format_duration(one.seconds)}" + (f", {one.repeated} repeated" if one.repeated else "")
        for one in attempts
    ]


def _format_score(top1: float) -> str:
    return "not a number" if isnan(top1) else percent(top1)


@app.command()
def retry(
    campaign: Id,
    trials: Annotated[list[int] | None, typer.Argument(help="numbers of failed trials")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="every failed trial")] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="of the failed ones, those: out-of-memory, ...")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="as a new trial with another recipe: recipe.batch_size=32"),
    ] = None,
) -> None:
    """Try failed trials again at the next `ventral resume`; with --set, changed, as new trials.

    What failed by itself (it diverged, or needs more memory than there is) would fail again: it
    can only be tried changed.
    """
    from search.upkeep import retries
    from ventral.opening import find_campaign

    home, store, record = find_campaign(campaign, retries.POSSIBLE)
    failed = failed or reason is not None
    chosen = retries.choose_failed(store, record, trials or [], failed=failed, reason=reason)
    if not chosen:
        note("no trial to try again")
        return
    if overrides:
        made = retries.add_changed(store, home, record, chosen, overrides)
        for old, new in zip(chosen, made, strict=True):
            note(f"trial {old.number} is tried again as trial {new}")
    else:
        retries.requeue(store, home, record, chosen)
        note(f"to be tried again: {', '.join(str(one.number) for one in chosen)}")
    note(f"Next: ventral resume {record.id}")
