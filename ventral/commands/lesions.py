"""`ventral lesion`: a network without each of its parts in turn."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from space.documents.outside import printable
from ventral.commands.running import Address, Estimate, New
from ventral.matching import Shown
from ventral.output import Column, Format, Output, note, signed_percent, table
from ventral.pictures import check_suffix, write_picture

if TYPE_CHECKING:
    from search.host.home import Home
    from search.review.lesions import Lesion
    from search.store import Campaign, Store
    from search.upkeep.lesions import Refusals
    from search.upkeep.matched_certification import Matching
    from space.genome import Genome

SEEDS = 5

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]

COLUMNS = (
    Column(key="part"),
    Column(key="kind"),
    Column(key="difference", title="validation top-1", write=signed_percent, right=True),
    Column(key="interval", title="interval", right=True),
)


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(lesion)


def lesion(  # noqa: PLR0913  (each is an option of the command)
    campaign: Id,
    trial: Annotated[int, typer.Option("--trial", min=0, help="the trial's number")],
    retrain: Annotated[
        bool, typer.Option("--retrain", help="train the network and every lesion again")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=1, help=f"trainings of each, from paired seeds; {SEEDS}")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="change a training: recipe.epochs=20")
    ] = None,
    new: New = False,
    estimate: Estimate = True,
    address: Address = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            help="write the circuit, edges as thick as their effects, to FILE.svg or .png"
        ),
    ] = None,
    output: Output = Format.table,
) -> None:
    """Remove every edge, gate, state and feedback connection in turn: what is each needed for?

    Without --retrain the trained network is scored without the part, and all else keeps its
    weights: what does it rely on? With --retrain both are trained: what can others replace?
    Differences are of validation top-1, lesioned less whole. The test split stays closed.
    """
    from search.upkeep.matched_certification import Matching
    from ventral.opening import find_campaign

    if not retrain:
        _refuse_options({"--seeds": seeds, "--set": overrides, "--address": address, "--new": new})
    if draw is not None:
        check_suffix(draw)
    home, store, record = find_campaign(campaign)
    if retrain:
        shown = Shown(record, home, store, estimate=estimate and address is None)
        matching = Matching(
            seeds=seeds or SEEDS, overrides=overrides or (), new=new, address=address
        )
        lesions, refusals = _retrain(store, home, record, trial, matching, shown)
    else:
        lesions, refusals = _score(store, home, record, trial)
    _show(lesions, record, trial, output)
    _publish(store, home, record)
    for part, why in refusals.items():
        note(f"left out: {part.name} ({why})")
    if draw is not None:
        genome = store.results.get(record.id, trial).read_genome()
        _draw(draw, lesions, genome, f"{record.name}, trial {trial}")
    note("Next:")
    if retrain:
        note(f"  ventral report {record.id}")
    else:
        note(
            f"  ventral lesion {record.id} --trial {trial} --retrain    # what others can replace"
        )


def _refuse_options(given: Mapping[str, object]) -> None:
    """Raises InputError for an option that only trainings have."""
    from space.errors import InputError

    for option, written in given.items():
        if written:
            raise InputError(option, "is for trainings, and nothing is trained", "add --retrain")


def _score(
    store: "Store", home: "Home", record: "Campaign", trial: int
) -> "tuple[list[Lesion], Refusals]":
    """Score a trial's lesions at once, and say how far that is."""
    from search.upkeep.lesions import lesion_trial

    def listen(part: str, left: int) -> None:
        if part:
            note(f"scored without {part}; {left} left")
        else:
            note(f"scoring the whole network, then {left} lesions of it")

    return lesion_trial(store, home, record, trial, listen)


def _retrain(
    store: "Store",
    home: "Home",
    record: "Campaign",
    trial: int,
    matching: "Matching",
    shown: Shown,
) -> "tuple[list[Lesion], Refusals]":
    """Train a trial's network and its lesions. Exit code 1 if that was stopped."""
    from search.upkeep.lesions import retrain_lesions
    from search.upkeep.matched_certification import Unfinished

    try:
        return retrain_lesions(store, home, record, trial, matching, shown)
    except Unfinished as error:
        end = error.result
        note(f"{end.state} ({end.reason}); everything is kept: the same command goes on")
        raise typer.Exit(1) from None


def _show(lesions: "Sequence[Lesion]", record: "Campaign", trial: int, output: Format) -> None:
    rows: list[dict[str, Any]] = [one.document() for one in lesions]
    if output is Format.table:
        for row in rows:
            row["interval"] = _format_interval(row["low"], row["high"])
    how = "retrained without each part" if lesions[0].retrained else "without each part"
    title = f"trial {trial} of {record.name} ({record.id}), {how}"
    table(rows, COLUMNS, output, title)


def _publish(store: "Store", home: "Home", record: "Campaign") -> None:
    from search.upkeep.labelling import Target, publish

    if (problem := publish(store, home, Target(campaign=record))) is not None:
        note(f"warning: MLflow does not have them yet ({problem})")


def _draw(file: Path, lesions: "Sequence[Lesion]", genome: "Genome", title: str) -> None:
    """Write a network's circuit with the effects of its parts, in points of a percent."""
    from space.circuits import draw_circuit

    effects = {
        one.part: round(100 * one.difference, 1) for one in lesions if one.difference is not None
    }
    write_picture(file, draw_circuit(genome, effects=effects, title=printable(title)))


def _format_interval(low: float | None, high: float | None) -> str | None:
    if low is None or high is None:
        return None
    return f"{signed_percent(low)} to {signed_percent(high)}"
