"""`ventral replay`: whether a campaign's record follows from itself."""

from typing import Annotated, Any

import typer

from ventral.output import Format, Output, note, value

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]

MANY = 500
"""So many trials take long enough to say so."""


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(replay)


def replay(campaign: Id, output: Output = Format.table) -> None:
    """Derive every decision of a campaign once more: suggestions, and trainings stopped early."""
    from ventral.opening import find

    _, store, record = find(campaign)
    from search import replay as replays

    trials = sum(store.counts(record.id).values())
    if trials >= MANY:
        note(f"deriving the suggestions of {trials} trials")
    found = replays.replay(store, record.id)
    first = found.difference
    document: dict[str, Any] = {
        "id": record.id,
        "decisions": found.decisions,
        "given": found.unjournaled,
        "equal": first is None,
        "difference": None if first is None else {"trial": first.trial, "what": first.what},
    }
    counted = f"{found.decisions} decisions"
    if first is None:
        line = f"{counted}, all equal"
    else:
        line = f"{counted} equal, then the first difference: {first}"
    if found.unjournaled:
        line += f" ({found.unjournaled} suggestions are from before the journal)"
    value(document, output, line)
    if first is not None:
        raise typer.Exit(1)
