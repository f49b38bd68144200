"""`ventral replay`: whether a campaign's record follows from itself."""

from typing import Annotated, Any

import typer

from ventral.output import Format, Output, note, value

Id = Annotated[str, typer.Argument(help="a campaign's id, or the name of the newest one")]

MANY = 500
"""From so many trials on, a note says that it takes long."""


def register(app: typer.Typer) -> None:
    """Put the command on the command line."""
    app.command()(replay)


def replay(campaign: Id, output: Output = Format.table) -> None:
    """Derive every decision of a campaign once more: suggestions, and trainings stopped early."""
    from ventral.opening import find_campaign

    _, store, record = find_campaign(campaign)
    from search import replay as replays

    trials = sum(store.results.counts(record.id).values())
    if trials >= MANY:
        note(f"deriving the suggestions of {trials} trials")
    result = replays.replay(store, record.id)
    first = result.difference
    document: dict[str, Any] = {
        "id": record.id,
        "decisions": result.decisions,
        "given": result.unjournaled,
        "equal": first is None,
        "difference": None if first is None else {"trial": first.trial, "what": first.what},
    }
    counted = f"{result.decisions} decisions"
    if first is None:
        line = f"{counted}, all equal"
    else:
        line = f"{counted} equal, then the first difference: {first}"
    if result.unjournaled:
        line += f" ({result.unjournaled} suggestions are from before the journal)"
    value(document, output, line)
    if first is not None:
        raise typer.Exit(1)
